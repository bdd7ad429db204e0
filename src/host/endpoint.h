/* Endpoints: where bytes come from and go to that the mind never sees.
 *
 * A container's attach socket, a log that is followed, the content helper's pipe: whoever owns one
 * of them makes an endpoint, and its number travels through the mind to seam/stream, whose hands
 * look it up here and join a client to it. Everything happens on the loop.
 *
 *     owner                              user (the client's connection)
 *     endpoint_add() -> number           endpoint_join(number)
 *     endpoint_output()   -- bytes -->   user.output()
 *     kind.flow(false)    <-- full ---   endpoint_flow(false), until flow(true)
 *     kind.input()        <-- bytes --   endpoint_input(); false: hold back until user.drained()
 *     kind.end_input()    <-- EOF ----   endpoint_end_input()
 *     endpoint_end()      -- once --->   user.ended(); its number means nothing from then on
 *     kind.left()         <-- gone ---   endpoint_leave() or endpoint_drop(); the owner frees it
 *
 * Each side is called only outside of its own calls into here, except that endpoint_flow() may be
 * called from inside user.output(). An owner stops soon after flow(false), not at once: what
 * still comes is at most ENDPOINT_SLACK_MAX bytes. Before it is joined nothing flows. After ended()
 * or leave() neither side calls the other again. */
#ifndef SHOAL_HOST_ENDPOINT_H
#define SHOAL_HOST_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/tree.h"

#define ENDPOINT_SLACK_MAX (256 << 10)

/* Which stream bytes belong to; the numbers are those of a stdcopy frame. */
enum endpoint_stream {
	ENDPOINT_PLAIN =
		0, /* the only one there is: a terminal, an archive; stdcopy frames it as output */
	ENDPOINT_STDOUT = 1,
	ENDPOINT_STDERR = 2,
};

struct endpoint;

struct endpoint_user {
	void *self;
	void (*output)(void *self, enum endpoint_stream stream, struct str bytes);
	void (*drained)(void *self);
	/* `reason` is NULL when it ended well. */
	void (*ended)(void *self, const char *reason);
};

struct endpoint_kind {
	/* A client is there: begin. Output may flow until flow(false). */
	void (*joined)(struct endpoint *ep);
	void (*flow)(struct endpoint *ep, bool may_flow);
	/* Take all of it (copying). False: it is taken, but bring no more until endpoint_drained().
	 */
	bool (*input)(struct endpoint *ep, struct str bytes);
	void (*end_input)(struct endpoint *ep);
	/* Nobody listens any more, or ever will. */
	void (*left)(struct endpoint *ep);
};

/* Embedded by its owner. */
struct endpoint {
	const struct endpoint_kind *kind;
	struct endpoints *registry; /* NULL once ended or left */
	uint64_t number;
	struct tree_node by_number;
	struct endpoint_user user;
	bool is_joined;
};

struct endpoints {
	struct tree all;
	uint64_t last;
};

void endpoints_init(struct endpoints *all);

/* For owners. */
uint64_t endpoint_add(struct endpoints *all, struct endpoint *ep, const struct endpoint_kind *kind);
void endpoint_output(struct endpoint *ep, enum endpoint_stream stream, struct str bytes);
void endpoint_drained(struct endpoint *ep);
void endpoint_end(struct endpoint *ep, const char *reason);

/* For users. NULL: there is none (it ended already, or somebody has joined it). */
struct endpoint *endpoint_join(struct endpoints *all, uint64_t number, struct endpoint_user user);
void endpoint_flow(struct endpoint *ep, bool may_flow);
bool endpoint_input(struct endpoint *ep, struct str bytes);
void endpoint_end_input(struct endpoint *ep);
void endpoint_leave(struct endpoint *ep);
/* Nobody is going to join it; does nothing if it is gone or joined. */
void endpoint_drop(struct endpoints *all, uint64_t number);

#endif
