/* The Engine API, as this daemon serves it: listeners from the configuration, the api room behind.
 */
#ifndef SHOAL_DAEMON_SERVE_H
#define SHOAL_DAEMON_SERVE_H

#include "base/err.h"
#include "base/now.h"

struct config;
struct endpoints;
struct log;
struct loop;
struct node;
struct serving;

/* Listens on every host of the configuration. A TCP address without client verification is refused
 * unless the configuration asks for it in plain words. On failure nothing is left open. */
bool serving_open(const struct config *c, struct loop *loop, struct endpoints *endpoints,
		  struct node *node, const struct log *log, struct serving **serving,
		  struct err *e) MUST_CHECK;
/* Take over what a reload may have changed: labels, registries, runtimes. */
void serving_reconfigure(struct serving *s, const struct config *c);
const char *serving_engine_id(const struct serving *s);
/* After each turn; when another is wanted at the latest. */
int64_t serving_after_turn(struct serving *s, struct now now);
/* Before loop_free(). NULL is fine. */
void serving_close(struct serving *s);

#endif
