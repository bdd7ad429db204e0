/* `stats`: what containers use, once or again and again. */
#include <poll.h>
#include <string.h>

#include "base/mem.h"
#include "cli/container.h"
#include "template/field.h"
#include "console/format.h"
#include "console/units.h"

#define REDRAW_MS 500

static const struct column columns[] = {
	{ "Container", "CONTAINER" },
	{ "ID", "CONTAINER ID" },
	{ "Name", "NAME" },
	{ "CPUPerc", "CPU %" },
	{ "MemUsage", "MEM USAGE / LIMIT" },
	{ "MemPerc", "MEM %" },
	{ "NetIO", "NET I/O" },
	{ "BlockIO", "BLOCK I/O" },
	{ "PIDs", "PIDS" },
	{ 0 },
};

static const struct listing listing = {
	columns,
	"{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
	"{{.ID}}",
};

/* A container that is watched. */
struct watched {
	const char *name; /* as it was asked for */
	struct stream *stream;
	json_t *row; /* NULL until it said something */
	bool ended;
};

static double cpu_percent(const json_t *o)
{
	double used = field_real(o, "cpu_stats.cpu_usage.total_usage") -
		      field_real(o, "precpu_stats.cpu_usage.total_usage");
	double all = field_real(o, "cpu_stats.system_cpu_usage") -
		     field_real(o, "precpu_stats.system_cpu_usage");
	double cpus = field_real(o, "cpu_stats.online_cpus");

	if (cpus == 0)
		cpus = (double)field_count(o, "cpu_stats.cpu_usage.percpu_usage");
	return used > 0 && all > 0 ? used / all * cpus * 100 : 0;
}

/* Memory without what the kernel would give back at once. */
static double memory_used(const json_t *o)
{
	double usage = field_real(o, "memory_stats.usage");
	double inactive = field_real(o, "memory_stats.stats.total_inactive_file");

	if (inactive == 0)
		inactive = field_real(o, "memory_stats.stats.inactive_file");
	return inactive < usage ? usage - inactive : usage;
}

static void pair_cell(json_t *row, const char *field, double in, double out)
{
	struct units_text a, b;
	AUTO_FREE char *text = xasprintf("%s / %s", human_size(in, 3, &a), human_size(out, 3, &b));

	row_set(row, field, text);
}

static void net_cell(json_t *row, const json_t *o)
{
	double in = 0, out = 0;
	const char *name;
	json_t *net;

	json_object_foreach(field_at(o, "networks"), name, net)
	{
		in += field_real(net, "rx_bytes");
		out += field_real(net, "tx_bytes");
	}
	pair_cell(row, "NetIO", in, out);
}

static void disk_cell(json_t *row, const json_t *o)
{
	const json_t *list = field_at(o, "blkio_stats.io_service_bytes_recursive");
	double in = 0, out = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);
		char what = field_text(entry, "op")[0];

		if (what == 'r' || what == 'R')
			in += field_real(entry, "value");
		else if (what == 'w' || what == 'W')
			out += field_real(entry, "value");
	}
	pair_cell(row, "BlockIO", in, out);
}

static json_t *stats_row(const json_t *o, const char *name, bool whole)
{
	json_t *row = row_new(NULL);
	const char *called = field_text(o, "name");
	double used = memory_used(o), limit = field_real(o, "memory_stats.limit");
	struct units_text a, b;
	char id[13], text[128];

	row_set(row, "Container", name);
	row_set(row, "ID", whole ? field_text(o, "id") : short_id(field_text(o, "id"), id));
	row_set(row, "Name", called + (*called == '/'));
	(void)snprintf(text, sizeof(text), "%.2f%%", cpu_percent(o));
	row_set(row, "CPUPerc", text);
	(void)snprintf(text, sizeof(text), "%s / %s", human_binary_size(used, &a),
		       human_binary_size(limit, &b));
	row_set(row, "MemUsage", text);
	(void)snprintf(text, sizeof(text), "%.2f%%", limit > 0 ? used / limit * 100 : 0);
	row_set(row, "MemPerc", text);
	net_cell(row, o);
	disk_cell(row, o);
	(void)snprintf(text, sizeof(text), "%lld", (long long)field_int(o, "pids_stats.current"));
	row_set(row, "PIDs", text);
	return row;
}

/* What is shown of a container that has not said anything. */
static json_t *empty_row(const char *name)
{
	json_t *row = row_new(NULL);

	for (const struct column *col = columns; col->field; col++)
		row_set(row, col->field, "--");
	row_set(row, "Container", name);
	row_set(row, "ID", name);
	row_set(row, "MemUsage", "-- / --");
	return row;
}

static void take_stats(struct watched *w, bool whole)
{
	struct err ignored;
	struct str line;
	json_t *o;

	if (!stream_line(w->stream, &line, &w->ended, &ignored)) {
		w->ended = true;
		return;
	}
	o = json_loadb(line.ptr, line.len, 0, NULL);
	json_decref(w->row);
	w->row = stats_row(o, w->name, whole);
	json_decref(o);
}

static bool print_all(const struct args *a, const struct watched *list, size_t count, struct err *e)
{
	AUTO_JSON json_t *rows = json_array();

	for (size_t i = 0; i < count; i++) {
		if (list[i].row)
			json_array_append(rows, list[i].row);
		else
			json_array_append_new(rows, empty_row(list[i].name));
	}
	return listing_print(&listing, args_text(a, "format"), false, rows, e);
}

static bool open_all(struct cli *c, struct watched *list, size_t count, bool streams, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *path = path_of("/containers/%s/stats", list[i].name);
		AUTO_QUERY struct query q = QUERY;
		struct request r = { .method = "GET", .path = path, .query = &q };

		query_add(&q, "stream", streams ? "1" : "0");
		list[i].stream = client_open(c->client, &r, e);
		if (!list[i].stream)
			return false;
	}
	return true;
}

/* Read what has come until it is time to draw; false when all have ended. */
static bool gather(struct watched *list, size_t count, bool whole)
{
	AUTO_FREE struct pollfd *fds = xcalloc(count, sizeof(*fds));
	int64_t until_ms = clock_mono_ms() + REDRAW_MS;
	bool any = true;

	while (any && clock_mono_ms() < until_ms) {
		any = false;
		for (size_t i = 0; i < count; i++) {
			fds[i] = (struct pollfd){ list[i].ended ? -1 : stream_fd(list[i].stream),
						  POLLIN, 0 };
			any = any || !list[i].ended;
		}
		if (poll(fds, count, (int)(until_ms - clock_mono_ms()) + 1) <= 0)
			continue;
		for (size_t i = 0; i < count; i++)
			if (fds[i].revents)
				take_stats(&list[i], whole);
	}
	return any;
}

/* The containers to watch: those named, else all that run. */
static json_t *wanted(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *containers = NULL;
	AUTO_QUERY struct query q = QUERY;
	json_t *names = json_array();

	for (size_t i = 0; i < a->word_count; i++)
		json_array_append_new(names, json_string(a->words[i]));
	if (a->word_count)
		return names;
	query_add_flag(&q, "all", args_bool(a, "all"));
	containers = client_get(c->client, "/containers/json", &q, e);
	if (!containers) {
		json_decref(names);
		return NULL;
	}
	for (size_t i = 0; i < json_array_size(containers); i++)
		json_array_append_new(names,
				      json_string(field_text(json_array_get(containers, i), "Id")));
	return names;
}

bool container_stats(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *names = wanted(c, a, e);
	size_t count = json_array_size(names);
	AUTO_FREE struct watched *list = xcalloc(count, sizeof(*list));
	bool once = args_bool(a, "no-stream"), whole = args_bool(a, "no-trunc"), ok;

	if (!names)
		return false;
	for (size_t i = 0; i < count; i++)
		list[i].name = field_text(json_array_get(names, i), "");
	ok = open_all(c, list, count, !once, e);
	for (size_t i = 0; i < count && ok && once; i++)
		take_stats(&list[i], whole);
	if (ok && once)
		ok = print_all(a, list, count, e);
	while (ok && !once) {
		bool any = gather(list, count, whole);

		if (c->out_is_tty)
			printf("\x1b[H\x1b[J");
		ok = print_all(a, list, count, e);
		(void)fflush(stdout);
		if (!any)
			break;
	}
	for (size_t i = 0; i < count; i++) {
		stream_free(list[i].stream);
		json_decref(list[i].row);
	}
	return ok;
}
