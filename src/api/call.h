/* A call: one request on its way to its answer. */
#ifndef SHOAL_API_CALL_H
#define SHOAL_API_CALL_H

#include "api/api.h"
#include "base/heap.h"
#include "base/json_write.h"
#include "base/list.h"
#include "base/tree.h"
#include "docker/dialect.h"
#include "docker/filters.h"
#include "seam/stream.h"
#include "wire/query.h"

struct call;
struct control;
struct engine_answer;
struct leader_answer;
struct listed;
struct route;
struct store_hold;
struct view;

#define CALL_PARAMS_MAX  2
#define CALL_HEADERS_MAX 12
#define CALL_ANSWER_MAX  (256 << 20)

/* What comes after a ticket ended: well (the answer is ok), or after the handler's own say. */
typedef void call_next(struct call *c, const struct leader_answer *a);
typedef void call_engine_next(struct call *c, const struct engine_answer *a);
/* A joined endpoint has ended. */
typedef void call_joined(struct call *c, const struct stream_event *ev);

struct call {
	struct tree_node by_exchange, by_ticket;
	struct list early; /* in api->early while the engine is still finding out what exists */
	bool is_early;
	struct api *api;
	uint64_t exchange, ticket;
	const struct route *route; /* NULL: it will be refused with `refusal` */
	struct err refusal;
	bool is_plain_refusal; /* as text, for clients too old for JSON */
	int refusal_status;
	const char *method, *path;
	const char *params[CALL_PARAMS_MAX]; /* what stood in the pattern's braces, decoded */
	int minor;                           /* API version 1.minor */
	struct query query;
	const struct stream_header *headers;
	size_t header_count;
	struct str body;
	struct arena arena;
	struct now now;
	call_next *next;
	call_engine_next *engine_next;
	call_joined *joined;
	void (*drained)(struct call *c); /* the client has taken what was written */
	struct heap_node sleeper;
	void (*wake)(struct call *c);
	void *state;             /* of the handler, in the arena */
	struct listed *listed;   /* a list that is being answered (list.h) */
	struct store_hold *hold; /* of its objects */
	bool reads_logs;         /* its ticket is that of a reader of the swarm's logs */
	bool takes_errors;       /* `next` wants answers that are not ok, too */
	bool is_open; /* its headers are out: nothing but records and the end may follow */
	bool is_done;
};

/* A backup that comes in pieces (swarm_backup.c). */
struct api_upload {
	char *data;
	size_t have, size;
};
void api_upload_clear(struct api_upload *u);

struct api {
	struct api_config config;
	struct api_upload upload;
	struct tree calls;   /* by exchange */
	struct tree waiting; /* by ticket */
	struct heap sleepers;
	struct list early; /* calls, in order */
};

/* ---- answers ---- */

/* JSON that is written from the outside in; call_reply_json() sends it. */
struct json call_json(struct call *c, struct buf *out);
void call_reply_json(struct call *c, int status, const struct buf *json);
void call_reply_empty(struct call *c, int status);
void call_reply_text(struct call *c, int status, const char *text);
/* {"message":...} with the status of the error's kind, or another. */
void call_fail(struct call *c, const struct err *e);
void call_fail_status(struct call *c, int status, const char *text);
void call_refuse(struct call *c, enum err_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "NotFound": how clients know a gRPC status. */
const char *call_grpc_name(int status);
/* An error of the swarm's Control service, with the prefix that clients know. */
void call_fail_control(struct call *c, const struct err *e);

/* Headers now, records later. */
void call_open(struct call *c, int status, const char *content_type);
void call_write(struct call *c, struct str record);
void call_end(struct call *c);

/* The common headers, and room for more; returns how many. */
size_t call_headers(struct call *c, struct stream_header *out, const char *content_type);

/* ---- requests ---- */

const char *call_header(const struct call *c, const char *name); /* NULL if absent */
const char *call_query(const struct call *c, const char *name);  /* "" if absent */
bool call_flag(const struct call *c, const char *name);
/* Read the body by a table into a new message; refuses the call and returns NULL if it cannot. */
void *call_body(struct call *c, const struct dialect *d);
/* `version=`: refuses the call if it is no number. `what` is "service". */
bool call_version(struct call *c, const char *what, uint64_t *version);
/* `filters=`, of these names; refuses the call otherwise. */
bool call_filters(struct call *c, const char *const *allowed, struct list_filters *f);

/* ---- the swarm ---- */

/* Go on with `next` when a read is not stale. */
void call_read(struct call *c, call_next *next);
/* The same for a read that shows who can be reached. */
void call_read_managers(struct call *c, call_next *next);
/* Ask for a change: "CreateService"; go on with `next` when it is applied. Refused changes are
 * answered. */
void call_change(struct call *c, const char *method, const void *request, call_next *next);
/* Ask the Control service's reading methods here: NULL and an answer to the client, if refused. */
const void *call_control(struct call *c, const char *method, const void *request);
/* A ticket of the node whose answer goes to `next`. */
uint64_t call_node(struct call *c, call_next *next);
/* A ticket whose deliveries of log lines are this call's (api/logs.h). */
uint64_t call_logs(struct call *c);
const struct view *call_view(const struct call *c);

/* ---- the engine ---- */

/* A ticket whose answers go to `next`. */
uint64_t call_engine(struct call *c, call_engine_next *next);

/* Go on with `wake` after so long. */
void call_sleep(struct call *c, int64_t ms, void (*wake)(struct call *c));

#endif
