#include "swarm/found.h"

#include <string.h>

#include "base/id.h"
#include "pb/map.h"
#include "swarm/unlock_key.h"

#define DIGEST_DIGITS 50
#define SECRET_DIGITS 25
#define PREDEFINED    "com.docker.swarm.predefined"

const char *join_token(struct arena *a, const char *ca_digest,
		       const uint8_t secret[FOUND_SECRET_BYTES])
{
	struct str hex = str_of(ca_digest);
	char digest_text[DIGEST_DIGITS + 1], secret_text[SECRET_DIGITS + 1];
	uint8_t digest[32] = { 0 };

	if (str_starts_with(hex, "sha256:"))
		hex = str_bytes(hex.ptr + 7, hex.len - 7);
	(void)hex_decode(hex, digest, sizeof(digest));
	base36_encode(digest, sizeof(digest), digest_text, DIGEST_DIGITS);
	base36_encode(secret, FOUND_SECRET_BYTES, secret_text, SECRET_DIGITS);
	return arena_printf(a, "SWMTKN-1-%s-%s", digest_text, secret_text);
}

static Pb__Duration *seconds(struct arena *a, int64_t count)
{
	Pb__Duration *d = PB_NEW(a, duration);

	d->seconds = count;
	return d;
}

/* What the spec leaves open, as the reference fills it in. */
static Pb__ClusterSpec *spec_of(struct arena *a, const Pb__ClusterSpec *given)
{
	Pb__ClusterSpec *spec = given ? pb_dup(a, given) : PB_NEW(a, cluster_spec);

	/* These parts are always there; what is zero in them was not asked for. */
	spec->annotations->name = "default";
	if (spec->orchestration->task_history_retention_limit == 0)
		spec->orchestration->task_history_retention_limit = 5;
	if (!spec->dispatcher->heartbeat_period)
		spec->dispatcher->heartbeat_period = seconds(a, 5);
	if (spec->raft->snapshot_interval == 0)
		spec->raft->snapshot_interval = 10000;
	if (spec->raft->log_entries_for_slow_followers == 0)
		spec->raft->log_entries_for_slow_followers = 500;
	if (spec->raft->heartbeat_tick == 0)
		spec->raft->heartbeat_tick = 1;
	if (spec->raft->election_tick == 0)
		spec->raft->election_tick = 10;
	if (!spec->ca_config->node_cert_expiry)
		spec->ca_config->node_cert_expiry = seconds(a, INT64_C(2160) * 3600);
	return spec;
}

static void set_bytes(struct arena *a, ProtobufCBinaryData *to, struct str from)
{
	to->data = (uint8_t *)arena_str(a, from);
	to->len = from.len;
}

struct str found_unlock_key(const struct founding *f)
{
	if (!f->spec || !f->spec->encryption_config->auto_lock_managers)
		return STR("");
	return str_bytes(f->chance + 2 * FOUND_SECRET_BYTES, UNLOCK_KEY_BYTES);
}

static bool create_cluster(struct txn *t, const struct founding *f, struct err *e)
{
	struct arena *a = txn_arena(t);
	Pb__Cluster *c = PB_NEW(a, cluster);

	c->id = arena_strdup(a, f->cluster_id);
	c->spec = spec_of(a, f->spec);
	set_bytes(a, &c->root_ca->ca_cert, f->ca_cert);
	set_bytes(a, &c->root_ca->ca_key, f->ca_key);
	c->root_ca->ca_cert_hash = arena_strdup(a, f->ca_digest);
	c->root_ca->join_tokens->worker = (char *)join_token(a, f->ca_digest, f->chance);
	c->root_ca->join_tokens->manager =
		(char *)join_token(a, f->ca_digest, f->chance + FOUND_SECRET_BYTES);
	c->default_address_pool = arena_alloc(a, (f->address_pool_count + 1) * sizeof(char *));
	for (size_t i = 0; i < f->address_pool_count; i++)
		c->default_address_pool[c->n_default_address_pool++] =
			arena_strdup(a, f->address_pools[i]);
	c->subnet_size = f->subnet_size;
	c->vxlan_udp_port = f->data_path_port;
	unlock_key_set(c, found_unlock_key(f), a);
	return txn_create(t, c, e);
}

static bool create_node(struct txn *t, const struct founding *f, struct err *e)
{
	struct arena *a = txn_arena(t);
	Pb__Node *n = PB_NEW(a, node);

	n->id = arena_strdup(a, f->node_id);
	n->role = PB__NODE_ROLE__MANAGER;
	n->spec->desired_role = PB__NODE_ROLE__MANAGER;
	n->spec->membership = PB__NODE_SPEC__MEMBERSHIP__ACCEPTED;
	n->spec->availability = f->availability;
	n->certificate->cn = arena_strdup(a, f->node_id);
	n->certificate->role = PB__NODE_ROLE__MANAGER;
	n->certificate->status->state = PB__ISSUANCE_STATUS__STATE__ISSUED;
	set_bytes(a, &n->certificate->csr, f->csr);
	set_bytes(a, &n->certificate->certificate, f->cert);
	n->vxlan_udp_port = f->data_path_port;
	return txn_create(t, n, e);
}

void found_manager(struct txn *t, const char *node_id)
{
	struct arena *a = txn_arena(t);
	Pb__Node *n = PB_NEW(a, node);

	n->id = arena_strdup(a, node_id);
	n->role = PB__NODE_ROLE__MANAGER;
	n->spec->desired_role = PB__NODE_ROLE__MANAGER;
	n->spec->membership = PB__NODE_SPEC__MEMBERSHIP__ACCEPTED;
	n->certificate->cn = arena_strdup(a, node_id);
	n->certificate->role = PB__NODE_ROLE__MANAGER;
	n->certificate->status->state = PB__ISSUANCE_STATUS__STATE__ISSUED;
	txn_put(t, n);
}

static Pb__Network *new_network(struct txn *t, const struct founding *f, const char *name)
{
	struct arena *a = txn_arena(t);
	Pb__Network *n = PB_NEW(a, network);

	n->id = arena_alloc(a, OBJECT_ID_LEN + 1);
	object_id_new(f->prng, n->id);
	n->spec->annotations->name = (char *)name;
	n->spec->driver_config = PB_NEW(a, driver);
	return n;
}

static bool create_ingress(struct txn *t, const struct founding *f, struct err *e)
{
	Pb__Network *n = new_network(t, f, "ingress");

	n->spec->ingress = true;
	n->spec->ipam = PB_NEW(txn_arena(t), ipamoptions);
	n->spec->ipam->driver = PB_NEW(txn_arena(t), driver);
	return txn_create(t, n, e);
}

/* Networks that every node has by itself, under these names. */
static bool create_predefined(struct txn *t, const struct founding *f, const char *name,
			      struct err *e)
{
	Pb__Network *n = new_network(t, f, name);

	n->spec->driver_config->name = (char *)name;
	PB_MAP_SET(txn_arena(t), n->spec->annotations, labels, PREDEFINED, "true");
	return txn_create(t, n, e);
}

bool found_swarm(struct txn *t, const struct founding *f, struct err *e)
{
	return create_cluster(t, f, e) && create_node(t, f, e) && create_ingress(t, f, e) &&
	       create_predefined(t, f, "bridge", e) && create_predefined(t, f, "host", e);
}
