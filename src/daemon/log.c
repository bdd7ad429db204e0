#include "daemon/log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

#define LINE_MAX_BYTES 8192

static void write_time(struct buf *out)
{
	struct timespec now;
	struct tm utc;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	buf_printf(out, "%s.%09ldZ", text, now.tv_nsec);
}

/* The escapes that logfmt and JSON share; bytes beyond ASCII pass as they are. */
static void write_quoted(struct buf *out, const char *text)
{
	buf_append_char(out, '"');
	for (; *text && out->len < LINE_MAX_BYTES - 64; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_append_c(out, "\\n");
		else if (c < ' ' || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else
			buf_append_char(out, (char)c);
	}
	buf_append_char(out, '"');
}

static void write_line(void *self, enum log_level level, const char *room, const char *text)
{
	struct log_sink *sink = self;
	AUTO_BUF struct buf out = BUF_MAX(LINE_MAX_BYTES);

	buf_append_c(&out, sink->as_json ? "{\"time\":\"" : "time=\"");
	write_time(&out);
	buf_printf(&out, sink->as_json ? "\",\"level\":\"%s\",\"msg\":" : "\" level=%s msg=",
		   log_level_name(level));
	write_quoted(&out, text);
	buf_printf(&out, sink->as_json ? ",\"room\":\"%s\"}\n" : " room=%s\n", room);
	(void)!write(sink->fd, out.data, out.len);
}

void log_sink_init(struct log_sink *sink, int fd, bool as_json, enum log_level level)
{
	sink->log = (struct log){ .self = sink, .level = level, .line = write_line };
	sink->fd = fd;
	sink->as_json = as_json;
}
