#include "cli/logs.h"

#include <stdio.h>

#include "base/mem.h"
#include "cli/container.h"
#include "template/field.h"
#include "console/units.h"
#include "wire/stdcopy.h"

static bool add_time(struct cli *c, const struct args *a, const char *name, struct query *q,
		     struct err *e)
{
	struct units_text text;

	if (!args_knows(a, name) || !*args_text(a, name))
		return true;
	if (!since_parse(args_text(a, name), c->now_ns, &text, e))
		return while_doing(e, "invalid value for \"%s\"", name);
	query_add(q, name, text.text);
	return true;
}

bool logs_query(struct cli *c, const struct args *a, bool details, struct query *q, struct err *e)
{
	query_add_flag(q, "details", details || args_bool(a, "details"));
	query_add_flag(q, "follow", args_bool(a, "follow"));
	if (!add_time(c, a, "since", q, e) || !add_time(c, a, "until", q, e))
		return false;
	query_add(q, "stderr", "1");
	query_add(q, "stdout", "1");
	query_add(q, "tail", args_text(a, "tail"));
	query_add_flag(q, "timestamps", args_bool(a, "timestamps"));
	return true;
}

/* Write what arrived at once: somebody may be watching. */
static bool copy_frames(struct stdcopy_reader *r, struct str in, struct err *e)
{
	enum stdcopy_event event;
	enum stdcopy_stream stream;
	struct str payload;

	while ((event = stdcopy_next(r, &in, &stream, &payload, e)) == STDCOPY_DATA) {
		if (stream == STDCOPY_ERROR)
			return fail(e, ERR_INTERNAL, "error from daemon in stream: %.*s",
				    STR_FMT(payload));
		(void)fwrite(payload.ptr, 1, payload.len,
			     stream == STDCOPY_STDERR ? stderr : stdout);
	}
	return event == STDCOPY_MORE;
}

bool logs_copy(struct stream *s, bool is_tty, struct err *e)
{
	struct stdcopy_reader r = { 0 };
	char bytes[16384];
	ssize_t n;

	while ((n = stream_read(s, bytes, sizeof(bytes), e)) > 0) {
		if (is_tty)
			(void)fwrite(bytes, 1, (size_t)n, stdout);
		else if (!copy_frames(&r, str_bytes(bytes, (size_t)n), e))
			return false;
		(void)fflush(stdout);
	}
	return n == 0;
}

bool container_logs(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *json_path = path_of("/containers/%s/json", a->words[0]), *path = NULL;
	AUTO_JSON json_t *container = client_get(c->client, json_path, NULL, e);
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "GET", .query = &q };
	struct stream *s;
	bool ok;

	if (!container || !logs_query(c, a, false, &q, e))
		return false;
	r.path = path = path_of("/containers/%s/logs", field_text(container, "Id"));
	s = client_open(c->client, &r, e);
	ok = s && logs_copy(s, field_bool(container, "Config.Tty"), e);
	stream_free(s);
	return ok;
}
