#include "swarm/ca/ca.h"

#include <string.h>

#include "base/log.h"
#include "swarm/ca/inside.h"
#include "swarm/unlock_key.h"

#define ROOT       "/docker.swarmkit.v1.CA/GetRootCACertificate"
#define UNLOCK_KEY "/docker.swarmkit.v1.CA/GetUnlockKey"
#define ISSUE      "/docker.swarmkit.v1.NodeCA/IssueNodeCertificate"
#define STATUS     "/docker.swarmkit.v1.NodeCA/NodeCertificateStatus"

static int compare_call(const void *key, const struct tree_node *node)
{
	uint64_t a = *(const uint64_t *)key,
		 b = tree_entry(node, struct ca_call, by_ticket)->ticket;

	return (a > b) - (a < b);
}

static int compare_signing(const void *key, const struct tree_node *node)
{
	return strcmp(key, tree_entry(node, struct signing, by_node)->node_id);
}

struct ca *ca_new(const struct ca_config *c)
{
	struct ca *ca = NEW(struct ca);

	ca->config = *c;
	ca->calls = TREE(compare_call);
	ca->signings = TREE(compare_signing);
	list_init(&ca->issuing);
	list_init(&ca->done);
	return ca;
}

void ca_call_free(struct ca *ca, struct ca_call *c)
{
	tree_remove(&ca->calls, &c->by_ticket);
	list_remove(&c->link);
	arena_clear(&c->memory);
	free(c->caller);
	free(c->caller_role);
	free(c);
}

void ca_answer(struct ca *ca, struct ca_call *c, const void *response)
{
	const struct peer *peer = ca->config.peer;
	AUTO_BUF struct buf bytes = BUF_MAX(4 << 20);

	if (!pb_encode(response, &bytes)) {
		ca_refuse(ca, c, PEER_INTERNAL, "the answer is larger than a message may be");
		return;
	}
	peer->send(peer->self, c->ticket, buf_str(&bytes));
	peer->finish(peer->self, c->ticket, PEER_OK, NULL);
	ca_call_free(ca, c);
}

void ca_refuse(struct ca *ca, struct ca_call *c, enum peer_status status, const char *text)
{
	ca->config.peer->finish(ca->config.peer->self, c->ticket, status, text);
	ca_call_free(ca, c);
}

bool ca_is_blacklisted(const Pb__Cluster *cluster, const char *node_id)
{
	for (size_t i = 0; i < cluster->n_blacklisted_certificates; i++)
		if (strcmp(cluster->blacklisted_certificates[i]->key, node_id) == 0)
			return true;
	return false;
}

static void lead(void *self, const struct view *v, struct now now)
{
	struct ca *ca = self;
	AUTO_ARENA struct arena a = { 0 };
	struct objects nodes = view_all(v, OBJECT_NODE, &a);
	const Pb__Node *n;

	ca->is_leading = true;
	rotation_cluster_changed(ca, view_cluster(v), now);
	objects_each (nodes, Pb__Node, n)
		sign_consider(ca, n, now);
}

static void notice(void *self, const struct change *c, struct now now)
{
	struct ca *ca = self;
	struct signing *s;

	if (c->kind == OBJECT_CLUSTER)
		rotation_cluster_changed(ca, c->new, now);
	if (c->kind != OBJECT_NODE)
		return;
	rotation_node_changed(ca, now);
	if (c->new) {
		issue_node_changed(ca, c->new);
		sign_consider(ca, c->new, now);
		return;
	}
	s = tree_entry(tree_find(&ca->signings, object_id(c->old)), struct signing, by_node);
	if (s)
		signing_free(ca, s);
}

static void decide(void *self, struct txn *t)
{
	issue_decide(self, t);
	sign_decide(self, t);
	rotation_decide(self, t);
}

static int64_t deadline(const void *self)
{
	const struct ca *ca = self;

	return list_is_empty(&ca->issuing) && list_is_empty(&ca->done) ? rotation_deadline(ca)
								       : INT64_MIN;
}

static void resign(void *self)
{
	struct ca *ca = self;
	struct ca_call *c;
	struct signing *s;

	ca->is_leading = false;
	rotation_clear(ca);
	tree_each (&ca->calls, struct ca_call, by_ticket, c)
		ca_refuse(ca, c, PEER_ABORTED, "CA signer is stopped");
	tree_each (&ca->signings, struct signing, by_node, s)
		signing_free(ca, s);
}

void ca_free(struct ca *ca)
{
	if (!ca)
		return;
	resign(ca);
	free(ca);
}

struct controller ca_controller(struct ca *ca)
{
	return (struct controller){ "ca", ca, lead, notice, decide, deadline, resign };
}

static void get_root(struct ca *ca, struct ca_call *c)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__GetRootCACertificateResponse *response = PB_NEW(&a, get_root_cacertificate_response);
	const Pb__Cluster *cluster = view_cluster(store_view(ca->config.store));

	if (!cluster) {
		ca_refuse(ca, c, PEER_ABORTED, "CA signer is still starting");
		return;
	}
	response->certificate = cluster->root_ca->ca_cert;
	ca_answer(ca, c, response);
}

static void get_unlock_key(struct ca *ca, struct ca_call *c)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__GetUnlockKeyResponse *response = PB_NEW(&a, get_unlock_key_response);
	const Pb__Cluster *cluster = view_cluster(store_view(ca->config.store));

	if (cluster) {
		struct str key = unlock_key_of(cluster);

		response->unlock_key.data = (uint8_t *)key.ptr;
		response->unlock_key.len = key.len;
		response->version->index = object_version(cluster);
	}
	ca_answer(ca, c, response);
}

static void watch_status(struct ca *ca, struct ca_call *c,
			 const Pb__NodeCertificateStatusRequest *request)
{
	const Pb__Node *node = view_node(store_view(ca->config.store), request->node_id);

	if (!request->node_id[0]) {
		ca_refuse(ca, c, PEER_INVALID_ARGUMENT, "InvalidArgument");
		return;
	}
	if (!node) {
		ca_refuse(ca, c, PEER_NOT_FOUND, "NotFound");
		return;
	}
	c->node_id = arena_strdup(&c->memory, request->node_id);
	c->wait = CA_WATCHING;
	issue_node_changed(ca, node);
}

static void on_message(struct ca *ca, struct ca_call *c, struct str message)
{
	AUTO_ARENA struct arena a = { 0 };
	void *request;
	struct err e;

	if (c->wait != CA_READING)
		return;
	if (strcmp(c->method, ROOT) == 0) {
		get_root(ca, c);
	} else if (strcmp(c->method, UNLOCK_KEY) == 0) {
		get_unlock_key(ca, c);
	} else if (strcmp(c->method, ISSUE) == 0) {
		c->request = pb_decode(&c->memory, &pb__issue_node_certificate_request__descriptor,
				       message, REQUEST_MAX, &e);
		if (c->request)
			issue_begin(ca, c);
		else
			ca_refuse(ca, c, (enum peer_status)err_grpc_status(e.kind), e.text);
	} else {
		request = pb_decode(&a, &pb__node_certificate_status_request__descriptor, message,
				    REQUEST_MAX, &e);
		if (request)
			watch_status(ca, c, request);
		else
			ca_refuse(ca, c, (enum peer_status)err_grpc_status(e.kind), e.text);
	}
}

static const char *method_of(const char *path)
{
	static const char *const known[] = { ROOT, UNLOCK_KEY, ISSUE, STATUS };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(path, known[i]) == 0)
			return known[i];
	return NULL;
}

static void on_opened(struct ca *ca, uint64_t ticket, const struct peer_event *ev)
{
	const struct peer *peer = ca->config.peer;
	const char *method = method_of(ev->method);
	struct ca_call *c;

	if (!method) {
		peer->finish(peer->self, ticket, PEER_UNIMPLEMENTED, "unknown method");
		return;
	}
	if (!ca->is_leading) {
		peer->finish(peer->self, ticket, PEER_ABORTED, "CA signer is stopped");
		return;
	}
	if (ca->calls.count >= CALLS_MAX) {
		peer->finish(peer->self, ticket, PEER_RESOURCE_EXHAUSTED, "too many calls");
		return;
	}
	c = NEW(struct ca_call);
	c->ticket = ticket;
	c->method = method;
	c->caller = xstrdup(ev->from.node_id);
	c->caller_role = xstrdup(ev->from.role);
	list_init(&c->link);
	tree_insert(&ca->calls, &ticket, &c->by_ticket);
}

void ca_peer_event(struct ca *ca, uint64_t ticket, const struct peer_event *ev, struct now now)
{
	struct tree_node *node;

	(void)now;
	if (ev->kind == PEER_OPENED) {
		on_opened(ca, ticket, ev);
		return;
	}
	node = tree_find(&ca->calls, &ticket);
	if (!node)
		return;
	if (ev->kind == PEER_MESSAGE)
		on_message(ca, tree_entry(node, struct ca_call, by_ticket), ev->message);
	else if (ev->kind == PEER_ENDED)
		ca_call_free(ca, tree_entry(node, struct ca_call, by_ticket));
}
