/* Drivers: where hosts come from. A driver is a row of functions over a machine whose own members
 * (m->own, the "Driver" of config.json) it alone reads and writes.
 *
 * create is a sequence of steps, each of which looks whether it was done: after a crash it is
 * called again and goes on. What a step will make is in the journal (journal.h) or in m->own, and
 * saved, before it is made. remove works after a crash at any point, too, and on what is half there.
 *
 * A function that is NULL is something that hosts of this driver do not have; the comment says what
 * then happens. */
#ifndef SHOAL_MACHINE_DRIVER_H
#define SHOAL_MACHINE_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "console/option.h"
#include "machine/store.h"

struct cli;
struct provisioner;
struct ssh_address;

const char *state_name(enum machine_state s); /* "Running" */

struct driver {
	const char *name;
	const char *no_copy;    /* why scp and mount make no sense for its hosts; or NULL */
	const char *no_upgrade; /* why upgrade makes none; or NULL */
	bool is_far;            /* each look at a host goes over a network */

	/* Read the options of create into m->own. On a machine whose creation goes on, only those
	 * that were given change anything. */
	bool (*configure)(struct machine *m, const struct args *a, struct err *e);
	/* Could a host be made here and now? Makes nothing. */
	bool (*precheck)(struct cli *c, struct machine *m, struct err *e);
	/* Print what create would do. NULL: there is nothing to tell. */
	bool (*plan)(struct cli *c, struct machine *m, struct err *e);
	/* Make the host; afterwards its address is "IPAddress". */
	bool (*create)(struct cli *c, struct machine *m, struct err *e);
	/* How an engine comes to it. NULL: create ends with the host. */
	const struct provisioner *provisioner;

	/* Look at hosts of this driver, all at once: sets each one's state, why and "IPAddress".
	 * Who cannot be asked within the time is STATE_TIMEOUT. */
	void (*look)(struct machine *const *machines, size_t count, int64_t timeout_ms);
	bool (*start)(struct cli *c, struct machine *m, struct err *e);
	bool (*stop)(struct cli *c, struct machine *m, struct err *e); /* in good order */
	/* NULL: stop and start. */
	bool (*restart)(struct cli *c, struct machine *m, struct err *e);
	bool (*kill)(struct cli *c, struct machine *m, struct err *e);
	bool (*remove)(struct cli *c, struct machine *m, struct err *e);

	/* Where its engine listens; the caller frees it. NULL: tcp://IPAddress:2376. */
	char *(*url)(const struct machine *m);
	/* Where its SSH listens and who logs in. NULL: it has none. */
	bool (*ssh)(const struct machine *m, struct ssh_address *to, struct err *e);
	/* Run words in a shell of the host, or a shell for its user if there are none; *status is
	 * its exit code. NULL: by SSH. */
	bool (*shell)(const struct machine *m, const char *const *words, size_t count, int *status,
		      struct err *e);
	/* Drop all packets to and from the host, or let them through again. NULL: it cannot. */
	bool (*cut)(const struct machine *m, bool is_cut, struct err *e);
	/* The end of the engine's log, for whoever must tell why it is silent. The caller frees it;
	 * NULL when there is none. */
	char *(*log_tail)(const struct machine *m);
};

extern const struct driver local_driver, none_driver, generic_driver, ec2_driver;
/* What they add to the options of create. */
extern const struct option none_options[], generic_options[], ec2_options[], ec2_account_options[];

/* One of ours, or a program of that name (external/external.h). NULL when there is neither. */
const struct driver *driver_find(const char *name);
/* The i-th driver, NULL behind the last. */
const struct driver *driver_at(size_t i);

/* Look at machines of any drivers. Those that are NULL are skipped. */
void machines_look(struct machine *const *machines, size_t count, int64_t timeout_ms);
/* Look at one, now. What it costs is the driver's affair; m->state has the answer of the last look. */
enum machine_state machine_look(struct machine *m);

/* Where its engine listens, as of the last look; NULL unless it then ran. The caller frees it. */
char *machine_url_seen(const struct machine *m);
/* The same after a look; ERR_UNAVAILABLE ("Host is not running") unless it runs. */
char *machine_url(struct machine *m, struct err *e);

#endif
