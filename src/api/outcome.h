/* What the engine's answers become when there is nothing particular to say. */
#ifndef SHOAL_API_OUTCOME_H
#define SHOAL_API_OUTCOME_H

#include "api/call.h"
#include "engine/engine.h"

struct engine *engine_of(const struct call *c);

/* True when the engine refused, and the client has been told. */
bool outcome_is_failure(struct call *c, const struct engine_answer *a);

/* Continuations (call_engine_next). */
void outcome_204(struct call *c, const struct engine_answer *a);     /* or 304: it was so already */
void outcome_200(struct call *c, const struct engine_answer *a);     /* empty */
void outcome_201(struct call *c, const struct engine_answer *a);     /* empty */
void outcome_created(struct call *c, const struct engine_answer *a); /* 201 {"Id":...} */
/* What a prune removed: {"<key>":[...]|null,"SpaceReclaimed":n}; negative: it does not say
 * how much. */
void outcome_reply_pruned(struct call *c, const char *key, const char *const *lines, size_t count,
			  int64_t freed_bytes);

/* Headers now, then the bytes of an endpoint to its end; `type` NULL: none. */
void outcome_stream(struct call *c, uint64_t endpoint, enum stream_filter filter,
		    const struct stream_header *extra, const char *type);
/* The request's body flows into an endpoint; the engine tells what became of it. */
void outcome_feed(struct call *c, uint64_t endpoint);
/* The connection itself becomes a stream, to and from the endpoint. */
void outcome_upgrade(struct call *c, uint64_t endpoint, bool is_terminal);
/* What was to flow there has failed: the stream says why and ends. */
void outcome_upgrade_in_vain(struct call *c, uint64_t endpoint, bool is_terminal, const char *text);
/* "application/vnd.docker.raw-stream" or the multiplexed one, as the client's version knows them. */
const char *stream_type(const struct call *c, bool is_terminal);

#endif
