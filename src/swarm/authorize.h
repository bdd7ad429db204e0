/* Who may call what: the certificate's role, its cluster, and whether it was removed.
 *
 * Checked for every call that somebody else opens, before any room hears of it. Texts are the
 * reference's. */
#ifndef SHOAL_SWARM_AUTHORIZE_H
#define SHOAL_SWARM_AUTHORIZE_H

#include "pb/methods.h"
#include "seam/peer.h"
#include "store/view.h"

/* False with ERR_DENIED, or ERR_UNSUPPORTED for a method that does not exist. `v` is this manager's
 * state, NULL before it has any; a call for which no certificate is needed passes whoever makes it. */
bool authorize(const struct view *v, const char *method, const struct peer_identity *who,
	       struct err *e) MUST_CHECK;

#endif
