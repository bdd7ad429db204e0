/* --metrics-addr: GET /metrics over plain HTTP, and nothing else. It only reads, and tells what
 * dockerd tells there; who may ask is for whoever chose the address to decide. */
#ifndef SHOAL_DAEMON_METRICS_H
#define SHOAL_DAEMON_METRICS_H

#include "base/err.h"

struct api;
struct endpoints;
struct log;
struct loop;
struct metrics;

/* ERR_IN_USE: the port is another's. */
bool metrics_open(const char *address, struct loop *loop, struct endpoints *endpoints,
		  const struct api *api, const struct log *log, struct metrics **metrics,
		  struct err *e) MUST_CHECK;
/* Before loop_free(). NULL is fine. */
void metrics_close(struct metrics *m);

#endif
