/* The program shoal-content: its process, its socket, and the records on their way to it.
 *
 *     GONE --- there is a record ---> RUNNING --- idle, and not needed ---> LEAVING ---> GONE
 *                                        '--- it died, or talks nonsense ---> LOST -------^
 *
 * Records that come while it is on its way out wait for the next one: two of them on one store
 * would only wait for each other's lock. Everything happens on the loop, nothing in the call. */
#ifndef SHOAL_HOST_CONTENT_HELPER_H
#define SHOAL_HOST_CONTENT_HELPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/record.h"

struct helper;
struct loop;

struct helper_user {
	void *self;
	/* The first byte of the record of this ticket is out: it is the program's now. */
	void (*sent)(void *self, uint64_t ticket);
	/* The program said something. */
	void (*told)(void *self, const struct record *r);
	/* It ended before its time or cannot be started: all that was sent is lost. */
	void (*lost)(void *self, const struct err *why);
	/* Is something expected of it? */
	bool (*is_needed)(void *self);
};

struct helper_config {
	struct loop *loop;
	const char *program, *root, *certs_dir; /* copied; certs_dir may be NULL */
	int idle_ms;
	struct helper_user user;
};

struct helper *helper_new(const struct helper_config *config);
/* Waits for its end, but not for long. */
void helper_free(struct helper *h);

/* Takes the frame's bytes, and the descriptor (-1: none) that goes with it. Ticket 0: of none, for
 * the program that runs now; dropped if there is none. */
void helper_send(struct helper *h, uint64_t ticket, struct buf *frame, int fd);
/* Take back what was not sent yet. */
void helper_withdraw(struct helper *h, uint64_t ticket);

pid_t helper_pid(const struct helper *h);

#endif
