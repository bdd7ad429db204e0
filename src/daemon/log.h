/* The daemon's log: a line a fact on standard error, for people (logfmt, as dockerd writes it) or
 * for machines (JSON). */
#ifndef SHOAL_DAEMON_LOG_H
#define SHOAL_DAEMON_LOG_H

#include "base/log.h"

/* Lines of at most 8 KiB go to `fd`, each in one write. `as_json` chooses the form. */
struct log_sink {
	struct log log;
	int fd;
	bool as_json;
};

void log_sink_init(struct log_sink *sink, int fd, bool as_json, enum log_level level);

#endif
