#include "cli/progress.h"

#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "template/field.h"
#include "cli/screen.h"
#include "console/units.h"

#define BAR_WIDTH 40
#define REDRAW_MS 60

struct progress {
	FILE *to;
	bool is_terminal, quiet, shows_stream;
	struct screen screen;
	json_t *lines; /* text by id, in the order the ids came */
	int64_t drawn_ms;
};

/* "[====>    ]  1.2MB/3.4MB" */
static void write_bar(const json_t *message, struct buf *out)
{
	int64_t current = field_int(message, "progressDetail.current");
	int64_t total = field_int(message, "progressDetail.total");
	struct units_text done, all;
	int filled;

	if (current <= 0 && total <= 0)
		return;
	if (total <= 0) {
		buf_printf(out, " %s", human_size((double)current, 4, &done));
		return;
	}
	if (current > total)
		current = total;
	filled = (int)(current * BAR_WIDTH / total);
	buf_append_c(out, " [");
	for (int i = 0; i < BAR_WIDTH; i++)
		buf_append_char(out, i < filled ? '=' : i == filled ? '>' : ' ');
	buf_printf(out, "] %s/%s", human_size((double)current, 4, &done),
		   human_size((double)total, 4, &all));
}

static void redraw(struct progress *p, bool at_once)
{
	int64_t now_ms = clock_mono_ms();
	const char *id;
	json_t *text;

	if (!at_once && now_ms - p->drawn_ms < REDRAW_MS)
		return;
	p->drawn_ms = now_ms;
	screen_begin(&p->screen);
	json_object_foreach(p->lines, id, text)
		screen_add(&p->screen, "%s: %s", id, json_string_value(text));
	screen_end(&p->screen);
}

static void show_line(struct progress *p, const json_t *message, const char *id, const char *status)
{
	AUTO_BUF struct buf text = BUF_MAX(65536);

	buf_append_c(&text, status);
	if (p->is_terminal && *id) {
		write_bar(message, &text);
		json_object_set_new(p->lines, id, json_string(buf_str(&text).ptr));
		redraw(p, false);
	} else if (p->is_terminal) {
		screen_note(&p->screen, "%s", status);
	} else if (field_int(message, "progressDetail.current") == 0) {
		fprintf(p->to, "%s%s%s\n", id, *id ? ": " : "", status);
	}
}

static bool show_message(struct progress *p, const json_t *message, struct err *e)
{
	const char *error = field_text(message, "errorDetail.message");
	const char *text = field_text(message, "stream");

	if (!*error)
		error = field_text(message, "error");
	if (*error)
		return fail(e, ERR_INTERNAL, "%s", error);
	if (*text && (p->shows_stream || !p->quiet))
		fprintf(p->to, "%s", text);
	else if (*field_text(message, "status") && !p->quiet)
		show_line(p, message, field_text(message, "id"), field_text(message, "status"));
	return true;
}

bool progress_show(struct stream *s, FILE *to, bool is_terminal, bool quiet, bool shows_stream,
		   struct err *e)
{
	struct progress p = { .to = to,
			      .is_terminal = is_terminal,
			      .quiet = quiet,
			      .shows_stream = shows_stream,
			      .lines = json_object() };
	bool ok = true, ended = false;
	struct str line;

	screen_init(&p.screen, to, is_terminal, quiet);
	while (ok && stream_line(s, &line, &ended, e)) {
		json_t *message = json_loadb(line.ptr, line.len, 0, NULL);

		ok = message ? show_message(&p, message, e)
			     : fail(e, ERR_INTERNAL, "the daemon's answer is no JSON");
		json_decref(message);
		(void)fflush(to);
	}
	if (is_terminal && !quiet && json_object_size(p.lines))
		redraw(&p, true);
	screen_clear(&p.screen);
	json_decref(p.lines);
	return ok && ended;
}
