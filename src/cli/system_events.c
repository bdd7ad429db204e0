/* `events`: what happens, as it happens. */
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "cli/system.h"
#include "console/units.h"

/* RFC 3339 in local time with all nine digits. */
static void print_time(int64_t ns)
{
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	char day[40], zone[16];
	struct tm tm;

	localtime_r(&seconds, &tm);
	(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)strftime(zone, sizeof(zone), "%z", &tm);
	if (strcmp(zone, "+0000") == 0)
		printf("%s.%09lldZ ", day, (long long)(ns % NS_PER_SECOND));
	else
		printf("%s.%09lld%.3s:%s ", day, (long long)(ns % NS_PER_SECOND), zone, zone + 3);
}

static void print_event(const json_t *event)
{
	AUTO_BUF struct buf attributes = BUF_MAX(1 << 20);
	int64_t ns = field_int(event, "timeNano");

	print_time(ns ? ns : field_int(event, "time") * NS_PER_SECOND);
	printf("%s %s %s", field_text(event, "Type"), field_text(event, "Action"),
	       field_text(event, "Actor.ID"));
	field_join_labels(field_at(event, "Actor.Attributes"), ", ", &attributes);
	if (attributes.len)
		printf(" (%s)", attributes.data);
	printf("\n");
}

static bool show(struct str line, const char *format, struct err *e)
{
	AUTO_JSON json_t *event = NULL;

	if (strcmp(format, "json") == 0 || strcmp(format, "{{json .}}") == 0) {
		printf("%.*s\n", STR_FMT(line));
		return true;
	}
	event = json_loadb(line.ptr, line.len, 0, NULL);
	if (!event)
		return fail(e, ERR_INTERNAL, "the daemon's answer is no JSON");
	if (*format)
		return object_print(format, event, e);
	print_event(event);
	return true;
}

bool system_events(struct cli *c, const struct args *a, struct err *e)
{
	static const char *const bounds[] = { "since", "until" };
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "GET", .path = "/events", .query = &q };
	const char *const *filters;
	bool ok = true, ended = false;
	struct units_text text;
	struct stream *s;
	struct str line;
	size_t count;

	filters = args_list(a, "filter", &count);
	query_add_filters(&q, filters, count);
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
		if (!*args_text(a, bounds[i]))
			continue;
		if (!since_parse(args_text(a, bounds[i]), c->now_ns, &text, e))
			return while_doing(e, "invalid value for \"%s\"", bounds[i]);
		query_add(&q, bounds[i], text.text);
	}
	s = client_open(c->client, &r, e);
	if (!s)
		return false;
	while (ok && stream_line(s, &line, &ended, e)) {
		ok = show(line, args_text(a, "format"), e);
		(void)fflush(stdout);
	}
	stream_free(s);
	return ok && ended;
}
