/* The rotation of the root: every node gets a certificate of the new one, then all believe in it alone.
 *
 * While the cluster names a root to change to, certificates are signed by that and delivered with the
 * old root's signature on it, so that everybody, who still believes in the old one, goes on believing
 * everybody. Nodes say in their description who issued their certificate. Those that are not there yet
 * are told to fetch another, so many at a time; when all are, one transaction makes the new root the
 * root, with new tokens. Nodes that are down hold it up until they come back or are removed.
 *
 * It begins only when every node believes in the present root. The signature on the new root is the
 * present one's: a node that had not heard of that yet, from the rotation before, would believe nobody
 * any more, and nobody could tell it. */
#include <string.h>

#include "base/log.h"
#include "swarm/ca/inside.h"

#define BATCH_MAX 30
#define BATCH_MS  3000
#define LOOK_MS   100 /* after nodes have changed */

static struct str bytes_of(ProtobufCBinaryData b)
{
	return str_bytes(b.data, b.len);
}

void rotation_clear(struct ca *ca)
{
	arena_clear(&ca->rotation.memory);
	ca->rotation = (struct rotation){ 0 };
}

static bool is_under_way(const struct rotation *r)
{
	return r->cert.len > 0;
}

static void begin(struct ca *ca, struct str cert, struct now now)
{
	const struct keys *keys = ca->config.keys;
	struct rotation *r = &ca->rotation;

	rotation_clear(ca);
	r->cert = str_bytes(arena_str(&r->memory, cert), cert.len);
	r->look_ms = r->batch_ms = now.mono_ms;
	r->asked_names = ticket_next(ca->config.tickets);
	keys->digest(keys->self, r->asked_names, r->cert);
	r->asked_chance = ticket_next(ca->config.tickets);
	keys->random(keys->self, r->asked_chance, sizeof(r->chance));
	log_info(ca->config.log, "ca", "the root certificate is being replaced");
}

void rotation_cluster_changed(struct ca *ca, const Pb__Cluster *cluster, struct now now)
{
	const Pb__RootRotation *wanted = cluster ? cluster->root_ca->root_rotation : NULL;

	if (!wanted)
		rotation_clear(ca);
	else if (!str_equal(ca->rotation.cert, bytes_of(wanted->ca_cert)))
		begin(ca, bytes_of(wanted->ca_cert), now);
}

void rotation_node_changed(struct ca *ca, struct now now)
{
	struct rotation *r = &ca->rotation;

	if (is_under_way(r) && r->look_ms > now.mono_ms + LOOK_MS)
		r->look_ms = now.mono_ms + LOOK_MS;
}

bool rotation_keys_event(struct ca *ca, uint64_t ticket, const struct keys_event *ev)
{
	struct rotation *r = &ca->rotation;

	if (!is_under_way(r) || (ticket != r->asked_names && ticket != r->asked_chance))
		return false;
	if (ev->kind != KEYS_DONE) {
		log_error(ca->config.log, "ca", "the root certificate cannot be replaced: %s",
			  ev->text);
	} else if (ticket == r->asked_names) {
		r->subject = str_bytes(arena_str(&r->memory, ev->a), ev->a.len);
		r->public_key = str_bytes(arena_str(&r->memory, ev->b), ev->b.len);
		r->digest = arena_str(&r->memory, ev->c);
		r->has_names = true;
	} else if (ev->a.len == sizeof(r->chance)) {
		memcpy(r->chance, ev->a.ptr, sizeof(r->chance));
		r->has_chance = true;
	}
	return true;
}

int64_t rotation_deadline(const struct ca *ca)
{
	const struct rotation *r = &ca->rotation;

	return is_under_way(r) && r->has_names && r->has_chance ? r->look_ms : NEVER_MS;
}

static bool has_arrived(const struct rotation *r, const Pb__Node *node)
{
	const Pb__NodeTLSInfo *tls = node->description ? node->description->tls_info : NULL;

	return tls && str_equal(bytes_of(tls->cert_issuer_subject), r->subject) &&
	       str_equal(bytes_of(tls->cert_issuer_public_key), r->public_key);
}

static bool is_on_its_way(const Pb__Node *node)
{
	Pb__IssuanceStatus__State state = node->certificate->status->state;

	return state == PB__ISSUANCE_STATUS__STATE__RENEW ||
	       state == PB__ISSUANCE_STATUS__STATE__PENDING ||
	       state == PB__ISSUANCE_STATUS__STATE__ROTATE;
}

static void send_for_another(struct txn *t, const Pb__Node *node)
{
	Pb__Node *mine = txn_edit_node(t, node->id);

	mine->certificate->status->state = PB__ISSUANCE_STATUS__STATE__ROTATE;
	txn_put(t, mine);
}

static bool believes_in(const Pb__Node *node, ProtobufCBinaryData root)
{
	const Pb__NodeTLSInfo *tls = node->description ? node->description->tls_info : NULL;

	return !tls || tls->trust_root.len == 0 ||
	       str_equal(bytes_of(tls->trust_root), bytes_of(root));
}

/* Who has not said anything yet is on its way in, and learns of the present root there. */
static bool all_believe_in(struct txn *t, const Pb__RootCA *root)
{
	struct objects nodes = view_all(txn_view(t), OBJECT_NODE, txn_arena(t));
	const Pb__Node *node;

	objects_each (nodes, Pb__Node, node)
		if (!believes_in(node, root->ca_cert))
			return false;
	return true;
}

/* How many are not there yet; some of them are told to go, if it is time for that. */
static size_t look_at_nodes(struct rotation *r, struct txn *t)
{
	struct objects nodes = view_all(txn_view(t), OBJECT_NODE, txn_arena(t));
	bool is_time = r->batch_ms <= txn_now(t).mono_ms;
	size_t missing = 0, told = 0;
	const Pb__Node *node;

	objects_each (nodes, Pb__Node, node) {
		if (has_arrived(r, node))
			continue;
		missing++;
		if (!is_time || is_on_its_way(node) || told == BATCH_MAX || txn_is_full(t))
			continue;
		send_for_another(t, node);
		told++;
	}
	if (is_time)
		r->batch_ms = txn_now(t).mono_ms + BATCH_MS;
	return missing;
}

/* The new root is the root. */
static void finish(struct ca *ca, struct txn *t, const Pb__Cluster *was)
{
	const struct rotation *r = &ca->rotation;
	struct arena *a = txn_arena(t);
	Pb__Cluster *cluster = txn_edit(t, OBJECT_CLUSTER, was->id);
	Pb__RootCA *root = cluster->root_ca;

	root->ca_cert = root->root_rotation->ca_cert;
	root->ca_key = root->root_rotation->ca_key;
	root->ca_cert_hash = arena_strdup(a, r->digest);
	root->join_tokens->worker = (char *)join_token(a, r->digest, r->chance);
	root->join_tokens->manager =
		(char *)join_token(a, r->digest, r->chance + FOUND_SECRET_BYTES);
	root->root_rotation = NULL;
	txn_put(t, cluster);
	log_info(ca->config.log, "ca", "the swarm has a new root certificate: %s", r->digest);
}

void rotation_decide(struct ca *ca, struct txn *t)
{
	struct rotation *r = &ca->rotation;
	const Pb__Cluster *cluster = view_cluster(txn_view(t));

	if (rotation_deadline(ca) > txn_now(t).mono_ms || !cluster)
		return;
	/* A change in this very transaction may have given it up, or begun another. */
	if (!cluster->root_ca->root_rotation ||
	    !str_equal(bytes_of(cluster->root_ca->root_rotation->ca_cert), r->cert) ||
	    !txn_has_room_for(t, OBJECT_CLUSTER, cluster->id)) {
		r->look_ms = txn_now(t).mono_ms + LOOK_MS;
		return;
	}
	r->look_ms = txn_now(t).mono_ms + BATCH_MS;
	r->is_open = r->is_open || all_believe_in(t, cluster->root_ca);
	if (!r->is_open)
		return;
	if (look_at_nodes(r, t) == 0)
		finish(ca, t, cluster);
}
