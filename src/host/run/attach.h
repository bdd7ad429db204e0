/* The hub: one connection to a conmon, shared by all clients that are attached to its container.
 *
 * Output goes to every client that wants it. A client that does not take it keeps up to
 * HUB_PENDING_MAX waiting, then the hub reads no more until it does: the container waits, as it
 * does with dockerd. Once its process has ended what is left is read in any case, so that conmon
 * can end too. A client that nobody joined within HUB_JOIN_MS is dropped: it would hold up the
 * container for ever.
 *
 * Input of all clients is passed on. It ends when stdin_once says so: with the input of the first
 * client that had any. */
#ifndef SHOAL_HOST_RUN_ATTACH_H
#define SHOAL_HOST_RUN_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct container;
struct hub;
struct runtime_attach;
struct runtime_hands;

#define HUB_PENDING_MAX  (64 << 10)
#define HUB_LEFTOVER_MAX (4 << 20)
#define HUB_JOIN_MS      30000

struct hub_owner {
	void *self;
	void (*detached)(void *self); /* somebody typed the detach keys */
	/* Connect to conmon now if it runs: a descriptor, or -1 to wait for hub_connect(). */
	int (*connect)(void *self);
	/* NULL, or all output as well, for a capture. */
	void (*output)(void *self, struct str bytes);
	/* The last client went, or the hub has nothing more to tell. It may be freed in this call.
	 */
	void (*idle)(void *self);
};

struct hub *hub_new(struct runtime_hands *hands, struct hub_owner owner);
void hub_free(struct hub *hub);
/* How its process treats input; from the start on. */
void hub_set(struct hub *hub, bool tty, bool has_stdin, bool stdin_once);

/* The number of a new endpoint. `log_of`: the container whose log a replay reads, or NULL. */
uint64_t hub_attach(struct hub *hub, const struct runtime_attach *how, const char *log_of);
/* Connect if there are clients and a process. */
void hub_wake(struct hub *hub);
/* Takes the descriptor. */
void hub_connect(struct hub *hub, int fd);
/* The process has ended; conmon goes when it has told all. */
void hub_process_ended(struct hub *hub);
/* conmon has ended: what came until now is all. */
void hub_ended(struct hub *hub);
/* It never began: clients end with this text. */
void hub_failed(struct hub *hub, const char *reason);
/* No client, no connection. */
bool hub_is_idle(const struct hub *hub);

/* The container's, made if need be. */
struct hub *container_hub(struct container *c);

#endif
