/* The bytes that go with a request: one end of a socketpair is the program's, the other an
 * endpoint.
 *
 * A pipe is made with its request. It has no number before it is announced; then somebody has
 * join_ms to join it, or the program's end is closed and the request fails. When the request has
 * ended the pipe goes by itself: an input at once; an output that ended well when its last byte is
 * delivered, any other with the request's reason. */
#ifndef SHOAL_HOST_CONTENT_PIPE_H
#define SHOAL_HOST_CONTENT_PIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "host/channel.h"

struct endpoints;
struct loop;
struct pipe;

enum pipe_direction { PIPE_INPUT, PIPE_OUTPUT }; /* as the program sees it */

struct pipe_user {
	void *self;
	/* An output that is not announced has its first bytes. */
	void (*arrived)(void *self);
	/* It went, before its request ended: nobody joined it, or the client left. */
	void (*gone)(void *self);
};

struct pipes {
	struct loop *loop;
	struct endpoints *endpoints;
	int join_ms;
	struct channel_space space;
	struct list all;
};

void pipes_init(struct pipes *all, struct loop *loop, struct endpoints *endpoints, int join_ms);
/* All of them end, with this reason. Their memory goes with the loop. */
void pipes_end(struct pipes *all, const char *reason);

/* *theirs is the program's end, now the caller's. */
bool pipe_new(struct pipes *all, enum pipe_direction direction, struct pipe_user user,
	      struct pipe **pipe, int *theirs, struct err *e) MUST_CHECK;
/* Its endpoint's number; once. */
uint64_t pipe_announce(struct pipe *p);
/* The request has ended, well if `reason` is NULL. The user hears no more and names it no more. */
void pipe_over(struct pipe *p, const char *reason);

#endif
