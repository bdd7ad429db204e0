/* Facts: everything that enters the mind, and the box it waits in.
 *
 * The hands turn an event into an input: inbox_add() returns an empty one, the hands fill
 * it (bytes and texts from inbox->memory) and return; the next turn handles the inputs in
 * order of arrival and empties the box. An input that is the outcome of a seam call
 * carries the ticket of that call; whoever waits for it looks its own record up by that
 * number, and drops the outcome when the record is gone.
 *
 * Everything in an input lives until the end of the turn that handles it. The box is
 * used by one thread only: worker threads hand their results to the loop first. */
#ifndef SHOAL_SEAM_INPUT_H
#define SHOAL_SEAM_INPUT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "seam/content.h"
#include "seam/executor.h"
#include "seam/journal.h"
#include "seam/keys.h"
#include "seam/net.h"
#include "seam/peer.h"
#include "seam/runtime.h"

enum input_kind {
	INPUT_PEER,
	INPUT_JOURNAL,
	INPUT_EXECUTOR,
	INPUT_KEYS,
	INPUT_RUNTIME,
	INPUT_NET,
	INPUT_CONTENT,
	INPUT_KINDS
};

struct input {
	struct list link;
	enum input_kind kind;
	uint64_t ticket;
	union {
		struct peer_event peer;
		struct journal_event journal;
		struct executor_event executor;
		struct keys_event keys;
		struct runtime_event runtime;
		struct net_event net;
		struct content_event content;
	};
};

struct inbox {
	struct list queue;   /* struct input, oldest first */
	struct arena memory; /* theirs, and what they point at */
};

static inline void inbox_init(struct inbox *box)
{
	list_init(&box->queue);
	box->memory = (struct arena){ 0 };
}

static inline struct input *inbox_add(struct inbox *box, enum input_kind kind, uint64_t ticket)
{
	struct input *in = ARENA_NEW(&box->memory, struct input);

	in->kind = kind;
	in->ticket = ticket;
	list_push_back(&box->queue, &in->link);
	return in;
}

static inline void inbox_empty(struct inbox *box)
{
	list_init(&box->queue);
	arena_reset(&box->memory);
}

static inline void inbox_clear(struct inbox *box)
{
	list_init(&box->queue);
	arena_clear(&box->memory);
}

#endif
