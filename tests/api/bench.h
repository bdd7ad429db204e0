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

/* The same for another client, who takes one record of its answer and then no more; until
 * bench_take(), which lets it take the next and wait for what follows. The answer so far is good
 * until then. Others may ask meanwhile. */
const char *bench_ask_slowly(struct bench *b, struct str request);
const char *bench_take(struct bench *b);
/* Its answer is complete, or was broken off. */
bool bench_has_ended(const struct bench *b);
/* Records of it so far, and the longest. */
size_t bench_records(const struct bench *b, size_t *longest);
/* Real time that the API took at most for one turn, in ms. */
double bench_longest_turn(const struct bench *b);

#endif
