/* The composition root: which hands the mind gets, in which order they begin and end.
 *
 *     <data-root>                        0710
 *     <data-root>/journal                0700   raft.db, local.db, snapshots, the data key
 *     <data-root>/swarm/certificates     0700   this node's identity
 *     <exec-root>                        0711
 *
 * Nothing else knows both the node and the hands. */
#ifndef SHOAL_DAEMON_WIRE_H
#define SHOAL_DAEMON_WIRE_H

#include "base/err.h"

struct config;
struct daemon;
struct log;

/* Called on SIGHUP: read the configuration again, into the one that the daemon was given. False:
 * it stays as it was. */
struct reloader {
	void *self;
	bool (*reload)(void *self);
};

/* `config` and `log` outlive the daemon. Signals are heard from here on. On failure nothing is
 * left open. */
bool daemon_open(const struct config *config, const struct log *log, struct reloader reloader,
		 struct daemon **daemon, struct err *e) MUST_CHECK;
/* Until SIGINT or SIGTERM. */
void daemon_run(struct daemon *d);
/* Containers run on. What the journal was given is written first. */
void daemon_close(struct daemon *d);

#endif
