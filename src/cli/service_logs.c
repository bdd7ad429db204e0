/* `service logs`: the output of all tasks, each line with the task it is from. */
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "cli/logs.h"
#include "cli/service.h"
#include "cli/task.h"
#include "wire/stdcopy.h"

#define LINE_MAX_BYTES ((size_t)16 << 20)

const struct option service_logs_options[] = {
	{ 0, "details", OPT_BOOL, "show what the log driver adds to each line" },
	{ 'f', "follow", OPT_BOOL, "go on with what comes" },
	{ 0, "no-resolve", OPT_BOOL, "show ids in place of names" },
	{ 0, "no-task-ids", OPT_BOOL, "leave out the ids of tasks" },
	{ 0, "no-trunc", OPT_BOOL, "cut nothing short" },
	{ 0, "raw", OPT_BOOL, "show lines as they are" },
	{ 0, "since", OPT_TEXT,
	  "from when on: 2026-01-31T15:04:05Z, or 10m for the last ten minutes" },
	{ 'n', "tail", OPT_TEXT, "lines to show from the end of each log", .fallback = "all" },
	{ 't', "timestamps", OPT_BOOL, "show when each line was written" },
	{ 0 },
};

struct service_log {
	struct cli *c;
	const struct args *a;
	struct names_known known;
	json_t *prefixes;    /* by task id */
	int width;           /* digits of the highest slot */
	struct buf lines[2]; /* unfinished, of standard output and error */
};

static int digits_of(int64_t n)
{
	int digits = 1;

	for (; n >= 10; n /= 10)
		digits++;
	return digits;
}

/* The value of a key in "a=1,b=2"; empty if it is not there. */
static struct str detail(struct str details, const char *key)
{
	struct str part, name, value;

	while (details.len) {
		str_cut(details, ',', &part, &details);
		if (str_cut(part, '=', &name, &value) && str_equal_c(name, key))
			return value;
	}
	return STR("");
}

/* "web.1.tz3xw32076tb@node1    | " */
static bool make_prefix(struct service_log *log, const char *task_id, const char *service_id,
			const char *node_id, const char **prefix, struct err *e)
{
	const struct args *a = log->a;
	AUTO_FREE char *path = path_of("/tasks/%s", task_id), *text = NULL, *id = NULL;
	AUTO_JSON json_t *task = NULL;
	const char *node, *service;
	int64_t slot = 0;

	*prefix = json_string_value(json_object_get(log->prefixes, task_id));
	if (*prefix)
		return true;
	if (!name_of_node(log->c, &log->known, node_id, &node, e) ||
	    !name_of_service(log->c, &log->known, service_id, &service, e))
		return false;
	task = client_get(log->c->client, path, NULL, e);
	if (!task && e->kind != ERR_NOT_FOUND)
		return false;
	slot = field_int(task, "Slot");
	if (args_bool(a, "no-task-ids"))
		id = xstrdup("");
	else
		id = xasprintf(".%.*s", args_bool(a, "no-trunc") ? 64 : 12, task_id);
	text = xasprintf("%s.%lld%s@%s%*s    | ", service, (long long)slot, id, node,
			 log->width - digits_of(slot) > 0 ? log->width - digits_of(slot) : 0, "");
	json_object_set_new(log->prefixes, task_id, json_string(text));
	*prefix = json_string_value(json_object_get(log->prefixes, task_id));
	return true;
}

/* What is left of the details when the swarm's own are taken out. */
static void write_details(struct str details, FILE *to)
{
	struct str part;
	bool any = false;

	while (details.len) {
		str_cut(details, ',', &part, &details);
		if (str_starts_with(part, "com.docker.swarm."))
			continue;
		fprintf(to, "%s%.*s", any ? "," : "", STR_FMT(part));
		any = true;
	}
	fputc(' ', to);
}

/* One line "[time ]details message", without its end. */
static bool write_line(struct service_log *log, struct str line, FILE *to, struct err *e)
{
	struct str time = STR(""), details, message;
	AUTO_FREE char *task = NULL, *service = NULL, *node = NULL;
	const char *prefix;

	if (args_bool(log->a, "timestamps"))
		str_cut(line, ' ', &time, &line);
	str_cut(line, ' ', &details, &message);
	task = str_dup(detail(details, "com.docker.swarm.task.id"));
	service = str_dup(detail(details, "com.docker.swarm.service.id"));
	node = str_dup(detail(details, "com.docker.swarm.node.id"));
	if (!*task || !*service || !*node)
		return fail(e, ERR_INTERNAL, "a log line does not say what task it is from: %.*s",
			    STR_FMT(details));
	if (!make_prefix(log, task, service, node, &prefix, e))
		return false;
	if (time.len)
		fprintf(to, "%.*s ", STR_FMT(time));
	fprintf(to, "%s", prefix);
	if (args_bool(log->a, "details"))
		write_details(details, to);
	fprintf(to, "%.*s\n", STR_FMT(message));
	return true;
}

static bool write_lines(struct service_log *log, bool is_stderr, struct str bytes, struct err *e)
{
	struct buf *open = &log->lines[is_stderr];
	struct str rest, line;
	bool ok = true;

	if (!buf_append_str(open, bytes))
		return fail(e, ERR_EXHAUSTED, "a log line is longer than %zu bytes",
			    LINE_MAX_BYTES);
	rest = buf_str(open);
	while (ok && str_find(rest, '\n') >= 0) {
		str_cut(rest, '\n', &line, &rest);
		ok = write_line(log, line, is_stderr ? stderr : stdout, e);
	}
	buf_consume(open, open->len - rest.len);
	return ok;
}

static bool copy_named(struct service_log *log, struct stream *s, struct err *e)
{
	struct stdcopy_reader r = { 0 };
	char bytes[16384];
	ssize_t n;

	while ((n = stream_read(s, bytes, sizeof(bytes), e)) > 0) {
		struct str in = str_bytes(bytes, (size_t)n), payload;
		enum stdcopy_stream stream;
		enum stdcopy_event event;

		while ((event = stdcopy_next(&r, &in, &stream, &payload, e)) == STDCOPY_DATA) {
			if (stream == STDCOPY_ERROR)
				return fail(e, ERR_INTERNAL, "error from daemon in stream: %.*s",
					    STR_FMT(payload));
			if (!write_lines(log, stream == STDCOPY_STDERR, payload, e))
				return false;
		}
		if (event == STDCOPY_FAILED)
			return false;
		(void)fflush(stdout);
	}
	return n == 0;
}

/* What the word names: a service, else a task. *path is what to ask for the logs. */
static json_t *find_source(struct cli *c, const char *word, char **path, struct err *e)
{
	json_t *found = service_fetch(c, word, false, e);
	AUTO_FREE char *task_path = NULL;

	if (found || e->kind != ERR_NOT_FOUND) {
		*path = path_of("/services/%s/logs", word);
		return found;
	}
	task_path = path_of("/tasks/%s", word);
	found = client_get(c->client, task_path, NULL, e);
	if (!found && e->kind == ERR_NOT_FOUND)
		fail(e, ERR_NOT_FOUND, "no such task or service: %s", word);
	*path = found ? path_of("/tasks/%s/logs", field_text(found, "ID")) : NULL;
	return found;
}

static bool is_tty(const json_t *source)
{
	return field_bool(source, "Spec.TaskTemplate.ContainerSpec.TTY") ||
	       field_bool(source, "Spec.ContainerSpec.TTY");
}

static int slot_width(const json_t *source)
{
	int64_t replicas = field_int(source, "Spec.Mode.Replicated.Replicas");

	return digits_of(replicas ? replicas : field_int(source, "Slot"));
}

bool service_logs(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_JSON json_t *source = find_source(c, a->words[0], &path, e);
	AUTO_QUERY struct query q = QUERY;
	struct service_log log = { .c = c,
				   .a = a,
				   .known = { .resolves = !args_bool(a, "no-resolve") },
				   .lines = { BUF_MAX(LINE_MAX_BYTES), BUF_MAX(LINE_MAX_BYTES) } };
	struct request r = { .method = "GET", .path = path, .query = &q };
	bool raw = args_bool(a, "raw"), ok;
	struct stream *s;

	if (!source)
		return false;
	if (is_tty(source) && !raw)
		return fail(e, ERR_INVALID, "tty service logs only supported with --raw");
	if (!logs_query(c, a, !raw, &q, e))
		return false;
	s = client_open(c->client, &r, e);
	if (!s)
		return false;
	log.prefixes = json_object();
	log.width = slot_width(source);
	ok = raw ? logs_copy(s, is_tty(source), e) : copy_named(&log, s, e);
	stream_free(s);
	json_decref(log.prefixes);
	names_known_clear(&log.known);
	buf_clear(&log.lines[0]);
	buf_clear(&log.lines[1]);
	return ok;
}
