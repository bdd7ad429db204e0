/* One node and its API, without sockets: request bytes go in, response bytes come out.
 *
 * Between the two are wire/http1, the API, and a node of the simulator. The bench is the hands of
 * seam/stream: it answers as host/stream does, and keeps what a client would have read. */
#ifndef SHOAL_TESTS_API_BENCH_H
#define SHOAL_TESTS_API_BENCH_H

#include "api/api.h"
#include "base/str.h"

struct bench;

struct bench *bench_new(void);
void bench_free(struct bench *b);
/* Let the node think until nothing happens for a while, at most `ms` of its time. */
void bench_run(struct bench *b, int64_t ms);
/* Give it these bytes, on a new connection, and wait for the answer. It is good until the next
 * call. */
const char *bench_ask(struct bench *b, struct str request);

#endif
