/* The swarm itself: init, join, leave, its spec, its tokens. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "api/cluster.h"
#include "api/route.h"
#include "base/id.h"
#include "base/mem.h"
#include "docker/tables.h"
#include "node/membership.h"
#include "node/node.h"
#include "swarm/unlock_key.h"
#include "wire/token.h"

#define PORT_DEFAULT    2377
#define DATA_PORT_MIN   1024
#define DATA_PORT_MAX   49151
#define SUBNET_SIZE_MAX 29

#define ALREADY                                                                                    \
	"This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm "    \
	"and join "                                                                                \
	"another one."

static bool is_in_a_swarm(struct call *c)
{
	enum swarm_state s = node_swarm_state(c->api->config.node);

	if (s == SWARM_INACTIVE)
		return false;
	call_refuse(c, ERR_UNAVAILABLE, ALREADY);
	return true;
}

static bool read_availability(struct call *c, const char *word, Pb__NodeSpec__Availability *out)
{
	int value = PB__NODE_SPEC__AVAILABILITY__ACTIVE;

	if (word[0] &&
	    !pb_enum_parse(&pb__node_spec__availability__descriptor, str_of(word), &value)) {
		call_refuse(c, ERR_INVALID, "invalid Availability: \"%s\"", word);
		return false;
	}
	*out = (Pb__NodeSpec__Availability)value;
	return true;
}

static bool choose_addresses(struct call *c, const char *listen, const char *advertise,
			     const char *remote, const char **chosen_listen,
			     const char **chosen_advertise)
{
	const struct api_addresses *a = &c->api->config.addresses;
	struct err e;

	if (!listen[0]) {
		call_refuse(c, ERR_INVALID, "invalid ListenAddr \"\": invalid empty address");
		return false;
	}
	if (a->choose(a->self, listen, advertise, remote, &c->arena, chosen_listen,
		      chosen_advertise, &e))
		return true;
	call_fail(c, &e);
	return false;
}

/* ---- init ---- */

/* A pool as "10.0.0.0/8", and room in it for subnets of that size. */
static bool pool_is_good(struct call *c, const char *pool, uint32_t subnet_size)
{
	struct str address, bits;
	char text[INET6_ADDRSTRLEN];
	uint8_t bytes[4];
	uint64_t prefix;

	if (!str_cut(str_of(pool), '/', &address, &bits) || address.len >= sizeof(text) ||
	    !str_to_u64(bits, &prefix) || prefix > 32 ||
	    inet_pton(AF_INET, strncpy(memset(text, 0, sizeof(text)), address.ptr, address.len),
		      bytes) != 1) {
		call_fail_status(c, 500,
				 arena_printf(&c->arena,
					      "invalid base pool %s: invalid CIDR address: %s",
					      pool, pool));
		return false;
	}
	if (prefix <= subnet_size)
		return true;
	call_refuse(c, ERR_INVALID, "invalid CIDR: \"%s\". Subnet size is too small for pool: %u",
		    pool, subnet_size);
	return false;
}

static bool init_is_good(struct call *c, const Pb__SwarmInitRequest *r)
{
	if (r->subnet_size > SUBNET_SIZE_MAX) {
		call_refuse(c, ERR_INVALID, "subnet size is out of range: %u", r->subnet_size);
		return false;
	}
	for (size_t i = 0; i < r->n_default_addr_pool; i++)
		if (!pool_is_good(c, r->default_addr_pool[i], r->subnet_size ? r->subnet_size : 24))
			return false;
	if (r->data_path_port &&
	    (r->data_path_port < DATA_PORT_MIN || r->data_path_port > DATA_PORT_MAX)) {
		call_refuse(c, ERR_INVALID,
			    "Datapath port number is not in valid range (%d-%d) : %u",
			    DATA_PORT_MIN, DATA_PORT_MAX, r->data_path_port);
		return false;
	}
	if (r->spec && r->spec->annotations->name[0] &&
	    strcmp(r->spec->annotations->name, "default") != 0) {
		call_refuse(c, ERR_INVALID, "swarm spec must be named \"default\"");
		return false;
	}
	return true;
}

static void init_done(struct call *c, const struct leader_answer *a)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!a->is_ok) {
		call_fail(c, &a->err);
		return;
	}
	json_text(&j, NULL, node_id(c->api->config.node));
	call_reply_json(c, 200, &out);
}

/* The flag beside the spec is the one that counts, as the reference has it. */
static const Pb__ClusterSpec *spec_of_init(struct call *c, const Pb__SwarmInitRequest *r)
{
	Pb__ClusterSpec *spec =
		r->spec ? pb_dup(&c->arena, r->spec) : PB_NEW(&c->arena, cluster_spec);

	spec->encryption_config->auto_lock_managers = r->auto_lock_managers;
	return spec;
}

void swarm_init(struct call *c)
{
	const Pb__SwarmInitRequest *r = call_body(c, &dialect_swarm_init);
	struct swarm_init init = { 0 };

	if (!r || (!r->force_new_cluster && is_in_a_swarm(c)) ||
	    !choose_addresses(c, r->listen_addr, r->advertise_addr, NULL, &init.listen_addr,
			      &init.advertise_addr) ||
	    !init_is_good(c, r) || !read_availability(c, r->availability, &init.availability))
		return;
	init.force_new_cluster = r->force_new_cluster;
	init.data_path_addr = r->data_path_addr;
	init.data_path_port = r->data_path_port;
	init.spec = spec_of_init(c, r);
	init.address_pools = (const char *const *)r->default_addr_pool;
	init.address_pool_count = r->n_default_addr_pool;
	init.subnet_size = r->subnet_size;
	c->takes_errors = true;
	node_swarm_init(c->api->config.node, call_node(c, init_done), &init);
}

/* ---- join ---- */

static void join_done(struct call *c, const struct leader_answer *a)
{
	if (a->is_ok)
		call_reply_empty(c, 200);
	else
		call_fail(c, &a->err);
}

static const char *with_port(struct call *c, const char *address)
{
	const char *colon = strrchr(address, ':');
	bool has_port =
		colon && (strchr(address, ':') == colon || (colon > address && colon[-1] == ']'));

	return has_port ? address : arena_printf(&c->arena, "%s:%d", address, PORT_DEFAULT);
}

void swarm_join(struct call *c)
{
	const Pb__SwarmJoinRequest *r = call_body(c, &dialect_swarm_join);
	char digest[2 * TOKEN_DIGEST_LEN + 1];
	struct swarm_join join = { 0 };
	struct token token;
	struct err e;

	if (!r || is_in_a_swarm(c))
		return;
	if (r->listen_addr[0] && r->n_remote_addrs == 0) {
		call_refuse(c, ERR_INVALID, "at least 1 RemoteAddr is required to join");
		return;
	}
	if (r->n_remote_addrs > 0)
		join.remote_addr = with_port(c, r->remote_addrs[0]);
	if (!choose_addresses(c, r->listen_addr, r->advertise_addr, join.remote_addr,
			      &join.listen_addr, &join.advertise_addr) ||
	    !read_availability(c, r->availability, &join.availability))
		return;
	if (!token_parse(str_of(r->join_token), &token, &e)) {
		call_fail(c, &e);
		return;
	}
	hex_encode(token.digest, TOKEN_DIGEST_LEN, digest);
	join.root_digest = arena_printf(&c->arena, "sha256:%s", digest);
	join.token = r->join_token;
	join.data_path_addr = r->data_path_addr;
	c->takes_errors = true;
	node_swarm_join(c->api->config.node, call_node(c, join_done), &join);
}

/* ---- leave ---- */

void swarm_leave(struct call *c)
{
	if (node_swarm_state(c->api->config.node) == SWARM_INACTIVE) {
		call_refuse(c, ERR_UNAVAILABLE, "This node is not part of a swarm");
		return;
	}
	c->takes_errors = true;
	node_swarm_leave(c->api->config.node, call_node(c, join_done), call_flag(c, "force"));
}

/* ---- inspect and update ---- */

static void inspect(struct call *c, const struct leader_answer *a)
{
	const Pb__Cluster *cluster = view_cluster(call_view(c));
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!cluster) {
		call_refuse(c, ERR_UNAVAILABLE,
			    "This node is not a swarm manager. Manager is being prepared "
			    "or has trouble connecting to the cluster.");
		return;
	}
	json_open_object(&j, NULL);
	cluster_write_members(&j, cluster, c->minor, true);
	json_close(&j);
	call_reply_json(c, 200, &out);
}

void swarm_inspect(struct call *c)
{
	call_read(c, inspect);
}

static void replied_empty(struct call *c, const struct leader_answer *a)
{
	call_reply_empty(c, 200);
}

static void update(struct call *c, const struct leader_answer *a)
{
	const Pb__Cluster *cluster = view_cluster(call_view(c));
	Pb__UpdateClusterRequest *r = c->state;

	if (!cluster) {
		call_refuse(c, ERR_UNAVAILABLE, "This node is not a swarm manager.");
		return;
	}
	r->cluster_id = arena_strdup(&c->arena, cluster->id);
	call_change(c, "UpdateCluster", r, replied_empty);
}

void swarm_update(struct call *c)
{
	Pb__UpdateClusterRequest *r = PB_NEW(&c->arena, update_cluster_request);
	uint64_t version;

	r->spec = call_body(c, &dialect_cluster_spec);
	if (!r->spec || !call_version(c, "swarm", &version))
		return;
	if (strcmp(r->spec->annotations->name, "default") != 0) {
		call_refuse(c, ERR_INVALID, "swarm spec must be named \"default\"");
		return;
	}
	r->cluster_version = PB_NEW(&c->arena, version);
	r->cluster_version->index = version;
	r->rotation->worker_join_token = call_flag(c, "rotateWorkerToken");
	r->rotation->manager_join_token = call_flag(c, "rotateManagerToken");
	r->rotation->manager_unlock_key = call_flag(c, "rotateManagerUnlockKey");
	c->state = r;
	call_read(c, update);
}

/* ---- the unlock key ---- */

static void show_key(struct call *c, const struct leader_answer *a)
{
	const Pb__Cluster *cluster = view_cluster(call_view(c));
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);
	char text[UNLOCK_TEXT_LEN + 1] = "";

	if (cluster && unlock_key_of(cluster).len == UNLOCK_KEY_LEN)
		unlock_key_write((const uint8_t *)unlock_key_of(cluster).ptr, text);
	json_open_object(&j, NULL);
	json_text(&j, "UnlockKey", text);
	json_close(&j);
	call_reply_json(c, 200, &out);
}

void swarm_unlock_key(struct call *c)
{
	call_read(c, show_key);
}

void swarm_unlock(struct call *c)
{
	const Pb__SwarmUnlockRequest *r = call_body(c, &dialect_swarm_unlock);
	struct node *n = c->api->config.node;
	uint8_t key[UNLOCK_KEY_LEN];
	struct err e;

	if (!r)
		return;
	if (node_swarm_state(n) == SWARM_INACTIVE) {
		call_refuse(c, ERR_UNAVAILABLE,
			    "This node is not a swarm manager. Use \"docker swarm init\" or "
			    "\"docker swarm join\" to connect this node to swarm and try again.");
		return;
	}
	if (node_swarm_state(n) != SWARM_LOCKED) {
		call_refuse(c, ERR_CONFLICT, "swarm is not locked");
		return;
	}
	if (!unlock_key_parse(str_of(r->unlock_key), key, &e)) {
		call_refuse(c, ERR_INVALID, "invalid key string");
		return;
	}
	c->takes_errors = true;
	node_swarm_unlock(n, call_node(c, join_done), key);
	explicit_bzero(key, sizeof(key));
}
