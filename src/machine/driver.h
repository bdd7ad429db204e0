/* Drivers: where hosts come from. A driver is a row of functions over a machine whose own members
 * (m->own, the "Driver" of config.json) it alone reads and writes.
 *
 * create is a sequence of steps, each of which looks whether it was done: after a crash it is
 * called again and goes on. What a step will make is in m->own, and saved, before it is made.
 * remove works after a crash at any point, too, and on what is half there. */
#ifndef SHOAL_MACHINE_DRIVER_H
#define SHOAL_MACHINE_DRIVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct args;
struct cli;
struct machine;
struct option;

enum machine_state {
	STATE_NONE, /* cannot be told */
	STATE_RUNNING,
	STATE_PAUSED,
	STATE_SAVED,
	STATE_STOPPED,
	STATE_STOPPING,
	STATE_STARTING,
	STATE_ERROR,
	STATE_TIMEOUT,
};

const char *state_name(enum machine_state s); /* "Running" */

struct driver {
	const char *name;
	const char *no_copy;          /* why scp and mount make no sense for its hosts */
	const char *no_upgrade;       /* why upgrade makes none */
	const struct option *options; /* of create, all named --<driver>-... */

	/* Read the options of create into m->own. */
	bool (*configure)(struct machine *m, const struct args *a, struct err *e);
	/* Could a host be made here and now? Makes nothing. */
	bool (*precheck)(const struct machine *m, struct err *e);
	/* Make the host; afterwards its address is "IPAddress". */
	bool (*create)(struct cli *c, struct machine *m, struct err *e);
	/* Bring certificates and the engine's options to the host and (re)start the engine. */
	bool (*provision)(struct cli *c, struct machine *m, struct err *e);

	enum machine_state (*state)(const struct machine *m);
	bool (*start)(struct cli *c, struct machine *m, struct err *e);
	bool (*stop)(struct cli *c, struct machine *m, struct err *e); /* in good order */
	bool (*kill)(struct cli *c, struct machine *m, struct err *e);
	bool (*remove)(struct cli *c, struct machine *m, struct err *e);

	/* Run words in a shell of the host, or a shell for its user if there are none; *status is
	 * its exit code. */
	bool (*shell)(const struct machine *m, const char *const *words, size_t count, int *status,
		      struct err *e);
	/* Drop all packets to and from the host, or let them through again. NULL: it cannot. */
	bool (*cut)(const struct machine *m, bool is_cut, struct err *e);
	/* The end of the engine's log, for whoever must tell why it is silent. The caller frees it;
	 * NULL when there is none. */
	char *(*log_tail)(const struct machine *m);
};

extern const struct driver local_driver;

/* NULL when there is none of that name. */
const struct driver *driver_find(const char *name);
/* The i-th driver, NULL behind the last. */
const struct driver *driver_at(size_t i);

#endif
