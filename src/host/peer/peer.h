/* The hands behind seam/peer: gRPC over mutual TLS on TCP, both ways.
 *
 * One connection to each address and purpose (raft or the rest, and each kind of trust), made when
 * the first call needs it and closed when it breaks or has been idle for a while. Calls of
 * others come in on the swarm port. Certificates are judged at each handshake by the identity that
 * is installed at that moment; connections that stand go on with the one they began with, and
 * carry no new calls once there is another.
 *
 * Who leads is told by lead(). While that is another, calls that only a leader answers are made
 * again to it with the caller's identity in their metadata, and messages go to and fro between the
 * two; the mind does not hear of them. When either call ends, so does the other. A manager's word
 * is all that counts as such metadata, and a call is passed on once (SwarmKit's raft proxy).
 *
 * When an open raft connection breaks, an attempt is made to connect again: refused, it is told as
 * PEER_REFUSED. */
#ifndef SHOAL_HOST_PEER_H
#define SHOAL_HOST_PEER_H

#include "base/err.h"
#include "seam/peer.h"

struct loop;
struct peer_hands;

struct peer_hands *peer_hands_new(struct loop *loop);
/* Ends what is left, before loop_free(). From then on the seam does nothing, so that a node may
 * still be freed that would end its calls. NULL is fine. */
void peer_hands_end(struct peer_hands *p);
/* After loop_free(), and after whoever has the seam. NULL is fine. */
void peer_hands_free(struct peer_hands *p);
void peer_hands_seam(struct peer_hands *p, struct peer *seam);

/* Be this from now on, for new connections. Each text is PEM; an empty cert is none (joining: only
 * the root to believe in), an empty root is nothing at all. */
bool peer_hands_identify(struct peer_hands *p, struct str root, struct str cert, struct str key,
			 struct err *e) MUST_CHECK;

#endif
