/* Reading a container's log, from the first byte that somebody wants to the last that is written.
 *
 * conmon writes lines of "<time> <stdout|stderr> <F|P> <text>"; P says that the line goes on in the
 * next one of that stream. The log is a file and the older ones .1, .2 ..., and conmon begins a new
 * file only between two lines. A reader has its file open, so that one which is renamed or removed
 * meanwhile is read to its end; when another file has taken its place, conmon has closed it. */
#ifndef SHOAL_HOST_LOGS_READER_H
#define SHOAL_HOST_LOGS_READER_H

#include <stdbool.h>

#include "base/str.h"
#include "host/endpoint.h"

struct list;
struct log_reader;
struct runtime_hands;
struct runtime_logs;

struct log_consumer {
	void *self;
	void (*output)(void *self, enum endpoint_stream stream, struct str bytes);
	/* In its place: each line by itself, with its newline unless it goes on in the next, and
	 * nothing put before it. */
	void (*line)(void *self, int64_t at_ns, enum endpoint_stream stream, struct str text);
	/* Once, unless it was freed before; NULL when it ended well. Free it then or later, not in
	 * here. */
	void (*ended)(void *self, const char *reason);
};

/* Nothing is read before log_reader_flow(true). */
struct log_reader *log_reader_new(struct runtime_hands *hands, const char *id,
				  const struct runtime_logs *how, struct log_consumer consumer);
/* NULL is fine for both. */
void log_reader_flow(struct log_reader *r, bool may_flow);
void log_reader_free(struct log_reader *r);
/* What details show: "key=value,key=value", or "". Known once something was read. */
const char *log_reader_attributes(const struct log_reader *r);
/* The container has ended: there is an end to what its followers read. */
void log_readers_source_ended(struct list *readers);

#endif
