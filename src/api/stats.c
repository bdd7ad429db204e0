/* What containers use: once, or every second. A sample shows the one before it, so that a client can
 * tell how much was used in between. */
#include <stdio.h>

#include "api/engine_routes.h"
#include "api/outcome.h"
#include "docker/tables.h"

#define PERIOD_MS 1000

/* What of a sample the next one shows. */
struct sample {
	int64_t at_ns;
	uint64_t cpu_total_ns, cpu_user_ns, cpu_kernel_ns, cpu_system_ns;
	uint64_t throttle_periods, throttled_periods, throttled_ns;
	uint32_t cpus;
};

struct watching {
	struct sample before;
	bool is_stream;
	bool has_sample;   /* `before` is one */
	bool wants_before; /* the first sample only serves the second */
	const char *id;    /* the name may change meanwhile */
};

static void write_cpu(struct json *j, const char *key, const struct sample *s)
{
	json_open_object(j, key);
	json_open_object(j, "cpu_usage");
	json_uint(j, "total_usage", s->cpu_total_ns);
	json_uint(j, "usage_in_kernelmode", s->cpu_kernel_ns);
	json_uint(j, "usage_in_usermode", s->cpu_user_ns);
	json_close(j);
	if (s->cpu_system_ns > 0) {
		json_uint(j, "system_cpu_usage", s->cpu_system_ns);
		json_uint(j, "online_cpus", s->cpus);
	}
	json_open_object(j, "throttling_data");
	json_uint(j, "periods", s->throttle_periods);
	json_uint(j, "throttled_periods", s->throttled_periods);
	json_uint(j, "throttled_time", s->throttled_ns);
	json_close(j);
	json_close(j);
}

static void write_memory(struct json *j, const struct runtime_stats *s)
{
	json_open_object(j, "memory_stats");
	if (s) {
		json_uint(j, "usage", s->memory_bytes);
		json_uint(j, "failcnt", s->memory_fail_count);
		json_open_object(j, "stats");
		for (size_t i = 0; i < s->memory_count; i++)
			json_uint(j, s->memory[i].name, s->memory[i].value);
		json_close(j);
		json_uint(j, "limit", s->memory_limit_bytes);
	}
	json_close(j);
}

static void write_io_entry(struct json *j, const struct runtime_io *io, const char *op,
			   uint64_t value)
{
	json_open_object(j, NULL);
	json_uint(j, "major", io->major);
	json_uint(j, "minor", io->minor);
	json_text(j, "op", op);
	json_uint(j, "value", value);
	json_close(j);
}

static void write_io(struct json *j, const struct runtime_stats *s)
{
	json_open_object(j, "blkio_stats");
	json_open_list(j, "io_service_bytes_recursive");
	for (size_t i = 0; s && i < s->io_count; i++) {
		write_io_entry(j, &s->io[i], "read", s->io[i].read_bytes);
		write_io_entry(j, &s->io[i], "write", s->io[i].written_bytes);
	}
	json_close(j);
	json_open_list(j, "io_serviced_recursive");
	for (size_t i = 0; s && i < s->io_count; i++) {
		write_io_entry(j, &s->io[i], "read", s->io[i].reads);
		write_io_entry(j, &s->io[i], "write", s->io[i].writes);
	}
	json_close(j);
	json_close(j);
}

static void write_links(struct json *j, const struct runtime_stats *s)
{
	json_open_object(j, "networks");
	for (size_t i = 0; i < s->link_count; i++) {
		const struct runtime_link_counters *l = &s->links[i];

		json_open_object(j, l->name);
		json_uint(j, "rx_bytes", l->rx_bytes);
		json_uint(j, "rx_packets", l->rx_packets);
		json_uint(j, "rx_errors", l->rx_errors);
		json_uint(j, "rx_dropped", l->rx_dropped);
		json_uint(j, "tx_bytes", l->tx_bytes);
		json_uint(j, "tx_packets", l->tx_packets);
		json_uint(j, "tx_errors", l->tx_errors);
		json_uint(j, "tx_dropped", l->tx_dropped);
		json_close(j);
	}
	json_close(j);
}

static void write_moments(struct json *j, int64_t read_ns, int64_t before_ns)
{
	static const struct dialect_field fields[] = { { "read", "created_ns", DIALECT_TIME_NS },
						       { "preread", "started_ns", DIALECT_TIME_NS },
						       { NULL } };
	static const struct dialect moments = { &pb__container__descriptor, fields };
	AUTO_ARENA struct arena a = { 0 };
	Pb__Container *both = PB_NEW(&a, container);

	both->created_ns = read_ns;
	both->started_ns = before_ns;
	dialect_write_members(j, &moments, both, API_MINOR);
}

static struct sample sample_of(const struct runtime_stats *s)
{
	if (!s)
		return (struct sample){ 0 };
	return (struct sample){
		s->at_ns,         s->cpu_total_ns,     s->cpu_user_ns,       s->cpu_kernel_ns,
		s->cpu_system_ns, s->throttle_periods, s->throttled_periods, s->throttled_ns,
		s->cpus_online
	};
}

static void write_sample(struct json *j, const Pb__Container *k, const struct runtime_stats *s,
			 const struct sample *before)
{
	struct sample sample = sample_of(s);
	char name[300];

	snprintf(name, sizeof(name), "/%s", k->name);
	json_open_object(j, NULL);
	write_moments(j, sample.at_ns, before->at_ns);
	json_open_object(j, "pids_stats");
	if (s) {
		json_uint(j, "current", s->pids);
		if (s->pids_limit > 0)
			json_uint(j, "limit", s->pids_limit);
	}
	json_close(j);
	write_io(j, s);
	json_int(j, "num_procs", 0);
	json_open_object(j, "storage_stats");
	json_close(j);
	write_cpu(j, "cpu_stats", &sample);
	write_cpu(j, "precpu_stats", before);
	write_memory(j, s);
	json_text(j, "name", name);
	json_text(j, "id", k->id);
	if (s && s->link_count > 0)
		write_links(j, s);
	json_close(j);
}

static void ask(struct call *c);

static void stats_came(struct call *c, const struct engine_answer *a)
{
	struct watching *w = c->state;
	struct err gone;
	const Pb__Container *k = engine_container_find(engine_of(c), w->id, &gone);
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (a->kind == ENGINE_FAILED || !k) {
		call_end(c);
		return;
	}
	if (w->wants_before && !w->has_sample && a->stats) {
		w->before = sample_of(a->stats);
		w->has_sample = true;
		call_sleep(c, PERIOD_MS, ask);
		return;
	}
	write_sample(&j, k, a->stats, &w->before);
	buf_append_char(&out, '\n');
	call_write(c, buf_str(&out));
	w->before = sample_of(a->stats);
	w->has_sample = true;
	if (w->is_stream)
		call_sleep(c, PERIOD_MS, ask);
	else
		call_end(c);
}

static void ask(struct call *c)
{
	struct watching *w = c->state;

	engine_container_stats(engine_of(c), call_engine(c, stats_came), w->id, c->now);
}

void container_stats(struct call *c)
{
	struct watching *w = ARENA_NEW(&c->arena, struct watching);
	struct err e;
	const Pb__Container *k = engine_container_find(engine_of(c), c->params[0], &e);

	if (!k) {
		call_fail(c, &e);
		return;
	}
	w->is_stream = query_flag(&c->query, "stream", true);
	w->wants_before = !w->is_stream && !(c->minor >= 41 && call_flag(c, "one-shot"));
	w->id = arena_strdup(&c->arena, k->id);
	c->state = w;
	call_open(c, 200, "application/json");
	ask(c);
}
