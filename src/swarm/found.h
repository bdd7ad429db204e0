/* The objects that a swarm begins with: the cluster, its first node, and the networks that are
 * always there. One transaction of the first leader creates them. */
#ifndef SHOAL_SWARM_FOUND_H
#define SHOAL_SWARM_FOUND_H

#include "seam/keys.h"
#include "store/txn.h"

/* Random bytes that founding takes: the secrets of both join tokens, and the unlock key. */
#define FOUND_SECRET_BYTES 16
#define FOUND_CHANCE_BYTES (2 * FOUND_SECRET_BYTES + UNLOCK_KEY_BYTES)

struct founding {
	const char *cluster_id, *node_id;
	struct str ca_cert, ca_key;  /* PEM */
	const char *ca_digest;       /* "sha256:<hex>" of ca_cert */
	struct str csr, cert;        /* the first node's, PEM */
	const uint8_t *chance;       /* FOUND_CHANCE_BYTES, from seam/keys */
	const Pb__ClusterSpec *spec; /* NULL: the defaults */
	Pb__NodeSpec__Availability availability;
	const char *const *address_pools;
	size_t address_pool_count;
	uint32_t subnet_size;
	uint32_t data_path_port;
	struct prng *prng; /* ids of the networks */
};

bool found_swarm(struct txn *t, const struct founding *f, struct err *e) MUST_CHECK;

/* What managers lock their keys with; empty unless the spec asks for it. */
struct str found_unlock_key(const struct founding *f);

/* A manager that founds the swarm with the first one. */
void found_manager(struct txn *t, const char *node_id);

/* "SWMTKN-1-<digest>-<secret>" in the arena; the digest as in founding.ca_digest. */
const char *join_token(struct arena *a, const char *ca_digest,
		       const uint8_t secret[FOUND_SECRET_BYTES]);

#endif
