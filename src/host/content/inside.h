/* Inside of the content hands: what their files share. */
#ifndef SHOAL_HOST_CONTENT_INSIDE_H
#define SHOAL_HOST_CONTENT_INSIDE_H

#include "base/arena.h"
#include "base/list.h"
#include "base/tree.h"
#include "host/content/hands.h"
#include "host/content/helper.h"
#include "host/content/pipe.h"

struct content_hands {
	struct loop *loop;
	struct helper *helper;
	struct pipes pipes;
	struct tree requests; /* struct request, by ticket */
	struct list refused;  /* those of them that fail before they were sent */
	bool is_posted;       /* their failures will be told */
	bool is_over;         /* freed there */
	struct arena registries_memory;
	struct content_registries registries;
};

enum content_op {
	OP_PULL,
	OP_PUSH,
	OP_INSPECT,
	OP_LOGIN,
	OP_LOAD,
	OP_SAVE,
	OP_IMPORT,
	OP_COMMIT,
	OP_EXPORT,
	OP_STAT,
	OP_ARCHIVE,
	OP_PUT_ARCHIVE,
	OP_REMOVE,
	OP_GC,
};

/* A seam call that has no end yet. */
struct request {
	struct tree_node by_ticket;
	struct list link; /* on `refused`, or on nothing */
	struct content_hands *hands;
	uint64_t ticket;
	enum content_op op;
	bool is_sent;
	bool is_announced; /* its ENDPOINT was told */
	struct pipe *pipe; /* NULL: none, or gone */
	struct arena memory;
	struct content_stat *stat; /* of OP_STAT, until it is done */
	struct err err;            /* while refused */
};

/* ask.c: the functions of the seam. */
void content_fill_seam(struct content *seam);

/* hands.c */
struct request *request_new(struct content_hands *hands, uint64_t ticket, enum content_op op);
struct request *request_find(struct content_hands *hands, uint64_t ticket);
/* Its outcome was told, or is of no interest. `reason`: for who is joined to its bytes; NULL: it
 * ended well. */
void request_free(struct request *r, const char *reason);
/* Fail it soon; for use inside a call. */
void request_refuse(struct request *r, const struct err *why);

/* tell.c */
/* A fact for the mind, empty but for its kind. Never inside a turn. */
struct content_event *content_tell(struct request *r, enum content_event_kind kind);
void content_tell_endpoint(struct request *r, const struct content_stat *stat);
/* FAILED; the request is gone afterwards. */
void content_tell_failure(struct request *r, const struct err *why);
/* What the program said about it. */
void content_pass_on(struct request *r, const struct record *said);

#endif
