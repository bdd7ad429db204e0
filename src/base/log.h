/* The log: lines with a level, a room and a sentence. The sink belongs to whoever built the
 * node: shoald writes to stderr, the simulator keeps a ring and prints it on failure.
 *
 * A mark names a branch ("restart.window_exhausted") so that a scenario can say it was
 * taken; marks cost a call and are otherwise silent. */
#ifndef SHOAL_BASE_LOG_H
#define SHOAL_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log {
	void *self;
	enum log_level level; /* lines above it are not formatted at all */
	void (*line)(void *self, enum log_level level, const char *room, const char *text);
	void (*mark)(void *self, const char *name); /* may be NULL */
};

void log_write(const struct log *log, enum log_level level, const char *room, const char *format,
	       ...) __attribute__((format(printf, 4, 5)));

#define log_at(log, lvl, room, ...)                                                                \
	do {                                                                                       \
		if ((log)->line && (lvl) <= (log)->level)                                          \
			log_write(log, lvl, room, __VA_ARGS__);                                    \
	} while (0)

#define log_error(log, room, ...) log_at(log, LOG_ERROR, room, __VA_ARGS__)
#define log_warn(log, room, ...)  log_at(log, LOG_WARN, room, __VA_ARGS__)
#define log_info(log, room, ...)  log_at(log, LOG_INFO, room, __VA_ARGS__)
#define log_debug(log, room, ...) log_at(log, LOG_DEBUG, room, __VA_ARGS__)

static inline void log_mark(const struct log *log, const char *name)
{
	if (log->mark)
		log->mark(log->self, name);
}

const char *log_level_name(enum log_level level); /* "error", "warn", "info", "debug" */
bool log_level_parse(const char *name, enum log_level *level);

#endif
