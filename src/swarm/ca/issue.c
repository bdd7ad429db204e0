/* Issue: a request for a certificate becomes a change of the node's object. */
#include <string.h>

#include "base/log.h"
#include "swarm/ca/inside.h"

/* Takes as long whatever the texts say. */
static bool is_same_secret(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned char differs = la != lb;

	for (size_t i = 0; i < la; i++)
		differs |= (unsigned char)(a[i] ^ (lb ? b[i % lb] : 1));
	return !differs && la > 0;
}

static bool find_role_of_token(const Pb__Cluster *cluster, const char *token, Pb__NodeRole *role)
{
	bool is_manager = is_same_secret(token, cluster->root_ca->join_tokens->manager);
	bool is_worker = is_same_secret(token, cluster->root_ca->join_tokens->worker);

	*role = is_manager ? PB__NODE_ROLE__MANAGER : PB__NODE_ROLE__WORKER;
	return is_manager || is_worker;
}

void issue_begin(struct ca *ca, struct ca_call *c)
{
	const struct view *v = store_view(ca->config.store);
	const Pb__Cluster *cluster = view_cluster(v);
	char id[OBJECT_ID_LEN + 1];

	if (!cluster) {
		ca_refuse(ca, c, PEER_ABORTED, "CA signer is still starting");
		return;
	}
	if (c->request->csr.len == 0) {
		ca_refuse(ca, c, PEER_INVALID_ARGUMENT, "InvalidArgument");
		return;
	}
	if (c->caller[0] && !ca_is_blacklisted(cluster, c->caller)) {
		if (!view_node(v, c->caller)) {
			ca_refuse(ca, c, PEER_NOT_FOUND,
				  arena_printf(
					  &c->memory,
					  "node %s not found when attempting to renew certificate",
					  c->caller));
			return;
		}
		c->node_id = c->caller;
	} else if (find_role_of_token(cluster, c->request->token, &c->role)) {
		c->is_new = true;
		do {
			object_id_new(ca->config.prng, id);
		} while (view_node(v, id));
		c->node_id = arena_strdup(&c->memory, id);
	} else {
		ca_refuse(ca, c, PEER_INVALID_ARGUMENT,
			  "A valid join token is necessary to join this cluster");
		return;
	}
	c->wait = CA_ISSUING;
	list_push_back(&ca->issuing, &c->link);
}

static void set_certificate(struct txn *t, Pb__Node *node, const struct ca_call *c,
			    Pb__NodeRole role, Pb__IssuanceStatus__State state)
{
	Pb__Certificate *cert = PB_NEW(txn_arena(t), certificate);

	cert->csr.data = arena_copy(txn_arena(t), c->request->csr.data, c->request->csr.len);
	cert->csr.len = c->request->csr.len;
	cert->cn = arena_strdup(txn_arena(t), c->node_id);
	cert->role = role;
	cert->status->state = state;
	node->certificate = cert;
}

static void decide_new(struct txn *t, const struct ca_call *c)
{
	const Pb__Cluster *cluster = view_cluster(txn_view(t));
	Pb__Node *node = PB_NEW(txn_arena(t), node);

	node->id = arena_strdup(txn_arena(t), c->node_id);
	node->role = c->role;
	node->spec->desired_role = c->role;
	node->spec->membership = PB__NODE_SPEC__MEMBERSHIP__ACCEPTED;
	node->spec->availability = c->request->availability;
	node->vxlan_udp_port = cluster ? cluster->vxlan_udp_port : 0;
	set_certificate(t, node, c, c->role, PB__ISSUANCE_STATUS__STATE__PENDING);
	txn_put(t, node);
}

static bool decide_renewal(struct txn *t, const struct ca_call *c)
{
	Pb__Node *node = txn_edit_node(t, c->node_id);

	if (!node)
		return false;
	set_certificate(t, node, c, node->role, PB__ISSUANCE_STATUS__STATE__RENEW);
	txn_put(t, node);
	return true;
}

void issue_decide(struct ca *ca, struct txn *t)
{
	struct ca_call *c;

	list_each (&ca->issuing, struct ca_call, link, c) {
		if (txn_is_full(t))
			return;
		list_remove(&c->link);
		c->wait = CA_COMMITTING;
		if (c->is_new)
			decide_new(t, c);
		else if (!decide_renewal(t, c))
			ca_refuse(ca, c, PEER_NOT_FOUND,
				  "node not found when attempting to renew certificate");
	}
}

static bool is_decided(const Pb__Node *node)
{
	Pb__IssuanceStatus__State state = node->certificate->status->state;

	return state == PB__ISSUANCE_STATUS__STATE__ISSUED ||
	       state == PB__ISSUANCE_STATUS__STATE__FAILED ||
	       state == PB__ISSUANCE_STATUS__STATE__ROTATE;
}

static void answer_issued(struct ca *ca, struct ca_call *c, const Pb__Node *node)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__IssueNodeCertificateResponse *response = PB_NEW(&a, issue_node_certificate_response);

	response->node_id = node->id;
	response->node_membership = node->spec->membership;
	ca_answer(ca, c, response);
}

static void answer_status(struct ca *ca, struct ca_call *c, const Pb__Node *node)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__NodeCertificateStatusResponse *response = PB_NEW(&a, node_certificate_status_response);

	response->status = node->certificate->status;
	response->certificate = node->certificate;
	ca_answer(ca, c, response);
}

void issue_node_changed(struct ca *ca, const Pb__Node *node)
{
	struct ca_call *c;

	tree_each (&ca->calls, struct ca_call, by_ticket, c) {
		if (!c->node_id || strcmp(c->node_id, node->id) != 0)
			continue;
		if (c->wait == CA_COMMITTING &&
		    str_equal(str_bytes(c->request->csr.data, c->request->csr.len),
			      str_bytes(node->certificate->csr.data, node->certificate->csr.len)))
			answer_issued(ca, c, node);
		else if (c->wait == CA_WATCHING && is_decided(node))
			answer_status(ca, c, node);
	}
}
