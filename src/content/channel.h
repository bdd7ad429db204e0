/* One end of a socketpair that carries records (wire/record.h) and descriptors.
 *
 * Descriptors travel with the record that speaks of them, in order. Sending blocks; receiving
 * blocks in channel_receive() and does not in channel_fill() when poll() said there is something. */
#ifndef SHOAL_CONTENT_CHANNEL_H
#define SHOAL_CONTENT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/record.h"

#define CHANNEL_FDS_MAX 16

struct channel {
	int fd; /* owned; -1: closed */
	struct buf in;
	size_t used; /* of `in`: the record handed out last, dropped at the next call */
	int fds[CHANNEL_FDS_MAX];
	size_t fd_count;
};

void channel_init(struct channel *c, int fd);
void channel_clear(struct channel *c);

/* Closes the frame and sends it. Fails when the other end is gone. */
bool channel_send(struct channel *c, struct record_writer *w, const int *fds, size_t fd_count,
		  struct err *e) MUST_CHECK;

/* Read what is there. False at the end of the stream and on errors. */
bool channel_fill(struct channel *c);
/* The next whole record among what was read: *has says whether there is one. It lives until the
 * next call of any of these. Fails when the bytes are no record. */
bool channel_next(struct channel *c, struct record *r, bool *has, struct err *e) MUST_CHECK;
/* Wait for a record. Fails with ERR_UNAVAILABLE when the other end is gone. */
bool channel_receive(struct channel *c, struct record *r, struct err *e) MUST_CHECK;

/* The oldest descriptor that came, now the caller's; -1 when there is none. */
int channel_take_fd(struct channel *c);

/* A record {event: failed, kind, text}, as workers and jobs end badly. */
void channel_send_failure(struct channel *c, const struct err *why);
/* The error of such a record. Returns false. */
bool record_failure(const struct record *r, struct err *e);

#endif
