/* The hands behind seam/keys: this node's identity in DIR (host/key_folder.h), and OpenSSL.
 *
 * A manager's raft journal is sealed with a key of its own, which lies in the key file beside the
 * private key and never leaves these hands but to the journal. A journal that a former build sealed
 * with the data key is sealed anew when its manager's keys are loaded. */
#ifndef SHOAL_HOST_KEYS_H
#define SHOAL_HOST_KEYS_H

#include "seam/keys.h"

struct journal_disk;
struct keys_hands;
struct loop;
struct peer_hands;

/* `dir` is made when it is needed. `peers` are told of every new identity, and `disk` (NULL: there is
 * none) of the keys that its raft log is to be sealed with. */
struct keys_hands *keys_hands_new(struct loop *loop, const char *dir, struct peer_hands *peers,
				  struct journal_disk *disk);
/* After loop_free(): outcomes may be under way until then. NULL is fine. */
void keys_hands_free(struct keys_hands *k);
void keys_hands_seam(struct keys_hands *k, struct keys *seam);

#endif
