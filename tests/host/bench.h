/* A place to run containers in: a data root and an exec root of its own with a busybox image, the
 * loop, and a mind that keeps what it is told.
 *
 * Everything happens in mount and network namespaces made for this process, so that no test touches
 * the machine's own. bench_can_run() says in one line why it cannot be, if it cannot. */
#ifndef SHOAL_TESTS_HOST_BENCH_H
#define SHOAL_TESTS_HOST_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/log.h"
#include "host/endpoint.h"
#include "host/loop.h"
#include "host/run/runtime.h"
#include "seam/input.h"

#define BENCH_WAIT_MS 20000

/* What the mind was told, with all it pointed at that tests look at. */
struct fact {
	struct list link;
	uint64_t ticket;
	enum input_kind kind;
	struct runtime_event runtime;
	struct net_event net;
};

struct bench {
	char root[64]; /* holds data and exec */
	char data_root[96], exec_root[96];
	struct inbox box;
	struct log log;
	struct loop *loop;
	struct endpoints endpoints;
	struct runtime_hands *hands;
	struct runtime run;
	const char *runtime_name;
	struct list facts;
	struct arena memory;
	uint64_t last_ticket;
	int64_t deadline_ms;
	bool (*is_enough)(struct bench *b);
	uint64_t wanted_ticket;
	int wanted_kind;
	const char *wanted_id;
	const struct fact *found;
	char log_text[4096];
};

bool bench_can_run(void);
/* Once, before any thread: own namespaces. */
void bench_enter(void);

void bench_open(struct bench *b);
/* The hands go and come back, as with a restart of the daemon. Containers run on. */
void bench_reopen(struct bench *b);
void bench_stop(struct bench *b);
void bench_begin(struct bench *b);
void bench_close(struct bench *b);

/* Run the loop until the answer to a ticket is there; NULL when it does not come. */
const struct fact *bench_answer(struct bench *b, uint64_t ticket);
/* Until a fact of this kind about this id (or any, NULL) is there; it is taken out of what is kept.
 */
const struct fact *bench_fact(struct bench *b, int runtime_kind, const char *id);
void bench_run_ms(struct bench *b, int ms);
/* Run the loop until it says so. False: it did not in time. */
bool bench_until(struct bench *b, bool (*is_enough)(struct bench *b));

/* An OCI configuration: `sh -c script` in busybox. extra is JSON of more members of "linux", or "".
 */
struct recipe {
	const char *script;
	bool tty;
	const char *linux_extra; /* ",\"x\": 1" */
	const char *cgroup;
	const char *netns;       /* path, or NULL for a new one */
	const char *const *args; /* instead of a script */
	bool host_pids;
};
char *bench_config(const struct recipe *r);

/* make, mount and start; the answer to the start. */
const struct fact *bench_start(struct bench *b, const char *id, const struct recipe *r,
			       const struct runtime_start *more);
/* ... and wait for its end: EXITED. */
const struct fact *bench_run(struct bench *b, const char *id, const struct recipe *r);
void bench_remove(struct bench *b, const char *id);

/* A client that is joined to an endpoint and keeps what it gets. */
struct client {
	struct endpoint *ep;
	struct buf out, err;
	bool is_over;
	char reason[128];
	bool stalls; /* says flow(false) after each output */
};
void client_join(struct bench *b, struct client *c, uint64_t number);
void client_clear(struct client *c);

/* Counts of what must not be left behind. */
int count_mounts(const char *below);
int count_processes(const char *with_argument);
int count_descriptors(void);
/* Of containers of this process. */
int count_cgroups(void);
int count_entries(const char *folder);

#endif
