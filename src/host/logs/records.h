/* A container's log as records, batch by batch: seam/runtime's log_read, log_more and log_stop.
 *
 * conmon writes a long line in parts; they are put together again, up to LOG_LINE_MAX. */
#ifndef SHOAL_HOST_LOGS_RECORDS_H
#define SHOAL_HOST_LOGS_RECORDS_H

#include <stdint.h>

#include "base/tree.h"

#define LOG_LINE_MAX (16 << 10) /* the longest that stays in one piece, as in the reference */

struct log_wanted;
struct runtime_hands;

/* Of struct runtime_hands: log_records. */
struct tree log_records_tree(void);

void runtime_log_read(void *self, uint64_t ticket, const char *id, const struct log_wanted *wanted);
void runtime_log_more(void *self, uint64_t ticket);
void runtime_log_stop(void *self, uint64_t ticket);

/* Stop all: the daemon is going down. */
void log_records_free(struct runtime_hands *hands);

#endif
