/* What a container uses: counters of its cgroup, of either generation, and of its links. */
#include "file/file.h"
#include "host/run/hands.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/run/cgroup.h"

#define FILE_MAX    (256 << 10)
#define LINKS_MAX   64
#define DISKS_MAX   64
#define NUMBERS_MAX 128

struct reading {
	struct op *op;
	const char *cgroup;
	struct runtime_stats *stats;
	struct buf text;
};

static struct str file_of(struct reading *r, const char *controller, const char *name)
{
	cgroup_read(controller, r->cgroup, name, &r->text);
	return buf_str(&r->text);
}

static uint64_t number_of(struct reading *r, const char *controller, const char *name)
{
	uint64_t value = 0;

	/* "max" is none. */
	return str_to_u64(str_trim(file_of(r, controller, name)), &value) ? value : 0;
}

static bool next_line(struct str *text, struct str *line)
{
	if (text->len == 0)
		return false;
	if (!str_cut(*text, '\n', line, text))
		*text = (struct str){ 0 };
	return true;
}

/* The next word of a line. */
static bool next_word(struct str *line, struct str *word)
{
	*line = str_trim(*line);
	if (line->len == 0)
		return false;
	if (!str_cut(*line, ' ', word, line))
		*line = (struct str){ 0 };
	return true;
}

static uint64_t next_number(struct str *line)
{
	struct str word;
	uint64_t value = 0;

	return next_word(line, &word) && str_to_u64(word, &value) ? value : 0;
}

static void read_memory_stat(struct reading *r)
{
	struct str text = file_of(r, "memory", "memory.stat"), line, name;
	struct runtime_number *numbers =
		arena_alloc(&r->op->memory, NUMBERS_MAX * sizeof(*numbers));
	size_t count = 0;

	while (count < NUMBERS_MAX && next_line(&text, &line)) {
		if (!next_word(&line, &name))
			continue;
		numbers[count++] = (struct runtime_number){ arena_str(&r->op->memory, name),
							    next_number(&line) };
	}
	r->stats->memory = numbers;
	r->stats->memory_count = count;
}

static uint64_t host_memory(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct runtime_io *disk_of(struct runtime_stats *stats, struct runtime_io *disks,
				  struct str device)
{
	struct str major, minor;
	uint64_t a, b;

	if (!str_cut(device, ':', &major, &minor) || !str_to_u64(major, &a) ||
	    !str_to_u64(minor, &b))
		return NULL;
	for (size_t i = 0; i < stats->io_count; i++)
		if (disks[i].major == a && disks[i].minor == b)
			return &disks[i];
	if (stats->io_count == DISKS_MAX)
		return NULL;
	disks[stats->io_count] = (struct runtime_io){ .major = a, .minor = b };
	return &disks[stats->io_count++];
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" */
static void read_io_v2(struct reading *r, struct runtime_io *disks)
{
	struct str text = file_of(r, "io", "io.stat"), line, word, key, value;

	while (next_line(&text, &line)) {
		struct runtime_io *disk =
			next_word(&line, &word) ? disk_of(r->stats, disks, word) : NULL;
		uint64_t n;

		while (disk && next_word(&line, &word)) {
			if (!str_cut(word, '=', &key, &value) || !str_to_u64(value, &n))
				continue;
			if (str_equal_c(key, "rbytes"))
				disk->read_bytes = n;
			else if (str_equal_c(key, "wbytes"))
				disk->written_bytes = n;
			else if (str_equal_c(key, "rios"))
				disk->reads = n;
			else if (str_equal_c(key, "wios"))
				disk->writes = n;
		}
	}
}

/* "8:0 Read 4096" */
static void read_io_v1(struct reading *r, struct runtime_io *disks, const char *file, bool is_bytes)
{
	struct str text = file_of(r, "blkio", file), line, device, verb;

	while (next_line(&text, &line)) {
		struct runtime_io *disk = next_word(&line, &device) && next_word(&line, &verb)
						  ? disk_of(r->stats, disks, device)
						  : NULL;
		uint64_t n = next_number(&line);

		if (disk && str_equal_c(verb, "Read"))
			*(is_bytes ? &disk->read_bytes : &disk->reads) = n;
		else if (disk && str_equal_c(verb, "Write"))
			*(is_bytes ? &disk->written_bytes : &disk->writes) = n;
	}
}

static void read_v2(struct reading *r, struct runtime_io *disks)
{
	struct runtime_stats *s = r->stats;
	struct str cpu = file_of(r, "cpu", "cpu.stat");

	s->cpu_total_ns = 1000 * cgroup_keyed(cpu, "usage_usec");
	s->cpu_user_ns = 1000 * cgroup_keyed(cpu, "user_usec");
	s->cpu_kernel_ns = 1000 * cgroup_keyed(cpu, "system_usec");
	s->throttle_periods = cgroup_keyed(cpu, "nr_periods");
	s->throttled_periods = cgroup_keyed(cpu, "nr_throttled");
	s->throttled_ns = 1000 * cgroup_keyed(cpu, "throttled_usec");
	s->memory_bytes = number_of(r, "memory", "memory.current");
	s->memory_limit_bytes = number_of(r, "memory", "memory.max");
	s->memory_fail_count = cgroup_keyed(file_of(r, "memory", "memory.events"), "max");
	read_io_v2(r, disks);
}

static void read_v1(struct reading *r, struct runtime_io *disks)
{
	struct runtime_stats *s = r->stats;
	uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	struct str text;

	s->cpu_total_ns = number_of(r, "cpuacct", "cpuacct.usage");
	text = file_of(r, "cpuacct", "cpuacct.stat");
	s->cpu_user_ns = tick_ns * cgroup_keyed(text, "user");
	s->cpu_kernel_ns = tick_ns * cgroup_keyed(text, "system");
	text = file_of(r, "cpu", "cpu.stat");
	s->throttle_periods = cgroup_keyed(text, "nr_periods");
	s->throttled_periods = cgroup_keyed(text, "nr_throttled");
	s->throttled_ns = cgroup_keyed(text, "throttled_time");
	s->memory_bytes = number_of(r, "memory", "memory.usage_in_bytes");
	s->memory_limit_bytes = number_of(r, "memory", "memory.limit_in_bytes");
	s->memory_fail_count = number_of(r, "memory", "memory.failcnt");
	read_io_v1(r, disks, "blkio.throttle.io_service_bytes", true);
	read_io_v1(r, disks, "blkio.throttle.io_serviced", false);
}

/* The host's, from /proc/stat: user, nice, system, idle, iowait, irq and softirq. */
static void read_host_cpu(struct reading *r)
{
	uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	struct str text, line, word;
	struct err e;

	r->stats->cpus_online = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	buf_reset(&r->text);
	if (!file_read("/proc/stat", &r->text, &e))
		return;
	text = buf_str(&r->text);
	if (!next_line(&text, &line) || !next_word(&line, &word))
		return;
	for (int i = 0; i < 7; i++)
		r->stats->cpu_system_ns += tick_ns * next_number(&line);
}

static void read_links(struct reading *r, pid_t pid)
{
	struct runtime_link_counters *links =
		arena_alloc(&r->op->memory, LINKS_MAX * sizeof(*links));
	size_t *count = &r->stats->link_count;
	struct str text, line, name;
	char path[64];
	struct err e;

	(void)snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
	buf_reset(&r->text);
	r->stats->links = links;
	if (!file_read(path, &r->text, &e))
		return;
	for (text = buf_str(&r->text); *count < LINKS_MAX && next_line(&text, &line);) {
		struct runtime_link_counters *l = &links[*count];

		if (!str_cut(line, ':', &name, &line) || str_equal_c(str_trim(name), "lo"))
			continue;
		l->name = arena_str(&r->op->memory, str_trim(name));
		l->rx_bytes = next_number(&line);
		l->rx_packets = next_number(&line);
		l->rx_errors = next_number(&line);
		l->rx_dropped = next_number(&line);
		for (int i = 0; i < 4; i++) /* fifo, frame, compressed, multicast */
			(void)next_number(&line);
		l->tx_bytes = next_number(&line);
		l->tx_packets = next_number(&line);
		l->tx_errors = next_number(&line);
		l->tx_dropped = next_number(&line);
		(*count)++;
	}
}

struct stats_args {
	pid_t pid;
	const char *cgroup;
};

static void work_stats(struct op *op)
{
	const struct stats_args *args = op->args;
	struct runtime_stats *s = ARENA_NEW(&op->memory, struct runtime_stats);
	struct runtime_io *disks = arena_alloc(&op->memory, DISKS_MAX * sizeof(*disks));
	struct reading r = { op, args->cgroup, s, BUF_MAX(FILE_MAX) };
	uint64_t host = host_memory();
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	s->at_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	if (cgroup_is_v2())
		read_v2(&r, disks);
	else
		read_v1(&r, disks);
	s->io = disks;
	if (s->memory_limit_bytes == 0 || s->memory_limit_bytes > host)
		s->memory_limit_bytes = host;
	read_memory_stat(&r);
	s->pids = number_of(&r, "pids", "pids.current");
	s->pids_limit = number_of(&r, "pids", "pids.max");
	read_host_cpu(&r);
	read_links(&r, args->pid);
	buf_clear(&r.text);
	op->ok = true;
	op->event.kind = RUNTIME_STATS;
	op->event.stats = s;
}

/* Beside the lane: it only looks. */
void runtime_stats(void *self, uint64_t ticket, const char *id)
{
	struct runtime_hands *hands = self;
	struct container *c = container_find(hands, id);
	struct op *op = op_new_loose(hands, ticket, CREW_LOOK, work_stats);
	struct stats_args *args = ARENA_NEW(&op->memory, struct stats_args);

	op->id = arena_strdup(&op->memory, id);
	op->args = args;
	if (!container_must_run(c, id, &op->err)) {
		op_answer(op);
		return;
	}
	args->pid = c->pid;
	args->cgroup = arena_strdup(&op->memory, c->note.cgroup);
	op_submit(op);
}
