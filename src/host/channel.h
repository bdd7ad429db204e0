/* A channel: bytes both ways over one connected socket, in the clear or under TLS.
 *
 * What is received is offered to the user, who eats what it can use now; what it leaves is
 * kept (CHANNEL_HELD_MAX, then reading stops) and offered again by channel_offer(). What is
 * written waits in a queue, whose length the user watches. A TLS handshake is computed in
 * another thread, a step at a time, so that a crowd of newcomers never delays the loop.
 *
 * The user is called from the loop only, never from inside its own calls. */
#ifndef SHOAL_HOST_CHANNEL_H
#define SHOAL_HOST_CHANNEL_H

#include <stdbool.h>
#include <uv.h>

#include "base/str.h"

#define CHANNEL_HELD_MAX  (64 << 10)
#define CHANNEL_QUEUE_MAX (64u << 20) /* a writer beyond this has broken its channel */

struct channel;
struct loop;
struct tls_config;

struct channel_user {
	void *self;
	/* The TLS handshake is complete (at once, without TLS). May be NULL. */
	void (*opened)(void *self);
	/* Eat from the front of *bytes. */
	void (*received)(void *self, struct str *bytes);
	/* The other end sends no more. What is held may still be offered. */
	void (*ended)(void *self);
	/* Some of the queue has gone, and how much of it is left. */
	void (*sent)(void *self, size_t left);
	/* It is of no more use; once. The user closes it. */
	void (*broken)(void *self, const char *reason);
};

/* Space that all channels of one loop read into. */
struct channel_space {
	char wire[64 << 10], plain[32 << 10];
};

struct channel {
	/* Private. */
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	};
	struct loop *loop;
	struct channel_space *space;
	struct channel_user user;
	void (*closed)(struct channel *c);

	struct tls *tls; /* NULL: in the clear */
	struct buf held; /* plaintext that the user left */
	struct buf out;  /* plaintext to be sent, from out_at on */
	size_t out_at;
	struct buf flying;
	uint64_t flown; /* bytes given to the kernel, or waiting for it in `flying` */
	uv_write_t write;
	uv_shutdown_t shutdown;

	bool is_open;   /* past the handshake */
	bool is_flying; /* `flying` is with the kernel */
	bool is_reading;
	bool is_busy;   /* a handshake step is in another thread */
	bool has_ended; /* the other end has */
	bool is_ending; /* we do, when all is sent */
	bool is_shut;   /* ... and it was said */
	bool is_broken;
	bool is_closing;
	char broken_text[128];
	struct buf handshake_input;
	int handshake_result;
	char handshake_error[128];
};

/* Take over a connected socket; `tls` NULL means in the clear. Bytes come from now on. The
 * channel must not move. */
void channel_open(struct channel *c, struct loop *loop, struct channel_space *space, int fd,
		  const struct tls_config *tls, const struct channel_user *user);
/* Nothing is heard of it any more; `closed` is called from the loop when its memory may go. */
void channel_close(struct channel *c, void (*closed)(struct channel *c));

void channel_write(struct channel *c, struct str bytes);
/* After all that was written: say that no more comes. */
void channel_end(struct channel *c);
/* Offer again what was left, and read on. Not from inside received(). */
void channel_offer(struct channel *c);

/* Bytes that the other end has not taken from the kernel's or our hands yet. */
size_t channel_queued(const struct channel *c);
/* How many bytes the kernel has taken so far: it grows as long as the other end takes any. */
uint64_t channel_taken(const struct channel *c);
static inline size_t channel_held(const struct channel *c)
{
	return c->held.len;
}
/* After ended(): is the other end gone altogether, so that nobody reads either? */
bool channel_is_deserted(const struct channel *c);

#endif
