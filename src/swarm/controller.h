/* A controller: one part of the manager's mind that makes the actual follow the desired.
 *
 * All have this shape, and the leader walks them in a fixed order. A change says where to look,
 * never what to do: notice() marks, decide() compares what is desired with what is, for what was
 * marked. So a notice that is lost or comes twice does no harm, and lead() is simply "mark
 * everything". decide() reads through the transaction, so that one commit can hold the work of
 * several controllers; it stops when the transaction is full and keeps its marks for the next. */
#ifndef SHOAL_SWARM_CONTROLLER_H
#define SHOAL_SWARM_CONTROLLER_H

#include "base/now.h"
#include "store/txn.h"

struct controller {
	const char *name;
	void *self;
	/* This node leads from now on, with everything acknowledged applied: look at all of it
	 * once. */
	void (*lead)(void *self, const struct view *v, struct now now);
	/* Something was committed. Called while leading only. */
	void (*notice)(void *self, const struct change *c, struct now now);
	/* Add what should change. Called when no write is in flight; the transaction may be full by
	 * then. */
	void (*decide)(void *self, struct txn *t);
	/* Call decide() at this time even if nothing changes; NEVER_MS for no need. A time in the
	 * past means that there is work now. */
	int64_t (*deadline)(const void *self);
	/* This node leads no more: forget what was marked. */
	void (*resign)(void *self);
};

#endif
