#include "cli/screen.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#define PICTURE_MAX     262144
#define WIDTH_ELSEWHERE 4096

static size_t terminal_width(FILE *to)
{
	struct winsize size;

	if (ioctl(fileno(to), TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

void screen_init(struct screen *s, FILE *to, bool is_terminal, bool is_quiet)
{
	*s = (struct screen){ .to = to,
			      .is_terminal = is_terminal,
			      .is_quiet = is_quiet,
			      .lines = BUF_MAX(PICTURE_MAX),
			      .last = BUF_MAX(PICTURE_MAX) };
	s->width = is_terminal ? terminal_width(to) : WIDTH_ELSEWHERE;
}

void screen_clear(struct screen *s)
{
	buf_clear(&s->lines);
	buf_clear(&s->last);
}

bool screen_is_terminal(const struct screen *s)
{
	return s->is_terminal;
}

void screen_begin(struct screen *s)
{
	buf_reset(&s->lines);
}

void screen_add(struct screen *s, const char *format, ...)
{
	va_list args;

	if (s->lines.len)
		buf_append_char(&s->lines, '\n');
	va_start(args, format);
	buf_vprintf(&s->lines, format, args);
	va_end(args);
}

void screen_more(struct screen *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(&s->lines, format, args);
	va_end(args);
}

/* Was this line in the last picture? */
static bool was_shown(const struct screen *s, struct str line)
{
	struct str rest = buf_str(&s->last), head;

	while (rest.len) {
		str_cut(rest, '\n', &head, &rest);
		if (str_equal(head, line))
			return true;
	}
	return false;
}

/* Cut to the terminal's width, not inside a character. */
static struct str cut_to(struct str line, size_t width)
{
	size_t seen = 0;

	for (size_t i = 0; i < line.len; i++)
		if (((unsigned char)line.ptr[i] & 0xc0) != 0x80 && ++seen > width)
			return str_bytes(line.ptr, i);
	return line;
}

static void erase(struct screen *s)
{
	if (s->is_terminal && s->drawn)
		fprintf(s->to, "\x1b[%zuA\r\x1b[J", s->drawn);
	s->drawn = 0;
}

void screen_end(struct screen *s)
{
	struct str rest = buf_str(&s->lines), line;
	struct buf swap;

	if (s->is_quiet)
		return;
	erase(s);
	while (rest.len) {
		str_cut(rest, '\n', &line, &rest);
		if (!s->is_terminal && was_shown(s, line))
			continue;
		line = cut_to(line, s->width - 1);
		fprintf(s->to, "%.*s\n", STR_FMT(line));
		s->drawn++;
	}
	(void)fflush(s->to);
	swap = s->last;
	s->last = s->lines;
	s->lines = swap;
}

void screen_note(struct screen *s, const char *format, ...)
{
	va_list args;

	if (s->is_quiet)
		return;
	erase(s);
	va_start(args, format);
	vfprintf(s->to, format, args);
	va_end(args);
	fputc('\n', s->to);
	(void)fflush(s->to);
}
