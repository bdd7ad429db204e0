/* GET /swarm/status, a path of our own: how the managers stand, in numbers.
 *
 * It is answered by every manager, also when there is no majority: then with what this one sees.
 * How far the others are is the leader's knowledge; certificates are in the swarm's state. */
#include <string.h>

#include "api/call.h"
#include "api/moment.h"
#include "api/route.h"
#include "node/membership.h"
#include "node/node.h"
#include "wire/x509.h"

static void tell_certificate(struct json *j, const Pb__Node *node)
{
	const ProtobufCBinaryData *pem = &node->certificate->certificate;
	char text[MOMENT_TEXT_MAX];
	struct cert_info info;
	struct err e;

	if (pem->len == 0 || !cert_read(str_bytes((const char *)pem->data, pem->len), &info, &e))
		return;
	moment_print(info.not_after_s, 0, text);
	json_text(j, "CertificateExpiry", text);
}

static void tell_manager(struct json *j, const Pb__Node *node)
{
	const Pb__ManagerStatus *m = node->manager_status;

	json_open_object(j, NULL);
	json_text(j, "NodeID", node->id);
	json_text(j, "Hostname", node->description ? node->description->hostname : "");
	json_text(j, "Addr", m->addr);
	json_bool(j, "Leader", m->leader);
	json_bool(j, "Reachable",
		  m->reachability == PB__RAFT_MEMBER_STATUS__REACHABILITY__REACHABLE);
	json_bool(j, "Voter", !m->is_learner);
	if (m->last_index) {
		json_uint(j, "Index", m->match);
		json_uint(j, "Lag", m->last_index > m->match ? m->last_index - m->match : 0);
	}
	tell_certificate(j, node);
	json_close(j);
}

static void tell_quorum(struct json *j, const Pb__ListNodesResponse *all)
{
	int voters = 0, reachable = 0, needed;

	for (size_t i = 0; i < all->n_nodes; i++) {
		const Pb__ManagerStatus *m = all->nodes[i]->manager_status;

		if (!m || m->is_learner)
			continue;
		voters++;
		reachable += m->reachability == PB__RAFT_MEMBER_STATUS__REACHABILITY__REACHABLE;
	}
	needed = voters / 2 + 1;
	json_open_object(j, "Quorum");
	json_int(j, "Managers", voters);
	json_int(j, "Reachable", reachable);
	json_int(j, "Needed", needed);
	json_int(j, "CanLose", reachable > needed ? reachable - needed : 0);
	json_close(j);
}

static void tell_root(struct call *c, struct json *j)
{
	const Pb__Cluster *cluster = view_cluster(call_view(c));
	char text[MOMENT_TEXT_MAX];
	struct cert_info info;
	struct err e;

	if (!cluster)
		return;
	json_text(j, "ClusterID", cluster->id);
	if (!cert_read(str_bytes((const char *)cluster->root_ca->ca_cert.data,
				 cluster->root_ca->ca_cert.len),
		       &info, &e))
		return;
	moment_print(info.not_after_s, 0, text);
	json_text(j, "RootExpiry", text);
}

static void status(struct call *c, const struct leader_answer *a)
{
	struct node *node = c->api->config.node;
	Pb__ListNodesRequest *request = PB_NEW(&c->arena, list_nodes_request);
	const struct group *group = node_group(node);
	const Pb__ListNodesResponse *all;
	struct raft_status raft;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!group) {
		call_fail(c, &a->err);
		return;
	}
	all = call_control(c, "ListNodes", request);
	if (!all)
		return;
	raft = group_status(group);
	json_open_object(&j, NULL);
	tell_root(c, &j);
	json_bool(&j, "HasLeader", a->is_ok);
	json_text(&j, "Trouble", a->is_ok ? "" : a->err.text);
	json_text(&j, "Self", node_id(node));
	json_uint(&j, "Term", raft.term);
	json_uint(&j, "LastIndex", raft.last);
	json_uint(&j, "Committed", raft.committed);
	json_uint(&j, "Applied", group_applied(group));
	tell_quorum(&j, all);
	json_open_list(&j, "Managers");
	for (size_t i = 0; i < all->n_nodes; i++)
		if (all->nodes[i]->manager_status)
			tell_manager(&j, all->nodes[i]);
	json_close(&j);
	json_close(&j);
	call_reply_json(c, 200, &out);
}

void swarm_status(struct call *c)
{
	c->takes_errors = true;
	call_read_managers(c, status);
}
