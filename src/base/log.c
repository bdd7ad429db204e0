#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define LINE_MAX_BYTES 2048

static const char *const names[] = { "error", "warn", "info", "debug" };

void log_write(const struct log *log, enum log_level level, const char *room, const char *format,
	       ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log->line(log->self, level, room, text);
}

const char *log_level_name(enum log_level level)
{
	return names[level];
}

bool log_level_parse(const char *name, enum log_level *level)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}
