/* The hands behind seam/keys: this node's identity in DIR, and OpenSSL.
 *
 *     DIR/swarm-root-ca.crt  0644   the roots that are believed in
 *     DIR/swarm-node.crt     0644   the certificate, leaf first
 *     DIR/swarm-node.key     0600   its key (wire/keyfile.h)
 *
 * The key is replaced before the certificate, and a certificate counts only with the key that
 * belongs to it; after a crash between the two the node asks for a new one. */
#ifndef SHOAL_HOST_KEYS_H
#define SHOAL_HOST_KEYS_H

#include "seam/keys.h"

struct keys_hands;
struct loop;
struct peer_hands;

/* `dir` is made when it is needed. `peers` are told of every new identity. */
struct keys_hands *keys_hands_new(struct loop *loop, const char *dir, struct peer_hands *peers);
/* After loop_free(): outcomes may be under way until then. NULL is fine. */
void keys_hands_free(struct keys_hands *k);
void keys_hands_seam(struct keys_hands *k, struct keys *seam);

#endif
