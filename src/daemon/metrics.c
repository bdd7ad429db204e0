#include "daemon/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "api/metrics.h"
#include "base/log.h"
#include "base/mem.h"
#include "file/file.h"
#include "host/stream.h"

#define CONNECTIONS_MAX 64

struct metrics {
	const struct api *api;
	struct stream_server *server;
	struct stream stream;
	double began; /* this process, in seconds since 1970 */
};

/* ---- this process ---- */

static size_t count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count > 3 ? count - 3 : 0; /* ".", ".." and the one that looks */
}

static long long resident_bytes(void)
{
	AUTO_BUF struct buf text = BUF_MAX(4096);
	struct err ignored;
	long long pages;

	if (!file_read("/proc/self/statm", &text, &ignored) ||
	    sscanf(text.data, "%*d %lld", &pages) != 1)
		return 0;
	return pages * sysconf(_SC_PAGESIZE);
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void write_process(struct buf *out, const struct metrics *m)
{
	struct rusage used = { 0 };
	struct rlimit files = { 0 };

	(void)getrusage(RUSAGE_SELF, &used);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	metrics_family(out, "process_cpu_seconds_total", "counter",
		       "Total user and system CPU time spent in seconds.");
	buf_printf(out, "process_cpu_seconds_total %.3f\n",
		   seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
	metrics_family(out, "process_open_fds", "gauge", "Number of open file descriptors.");
	buf_printf(out, "process_open_fds %zu\n", count_descriptors());
	metrics_family(out, "process_max_fds", "gauge", "Maximum number of open file descriptors.");
	buf_printf(out, "process_max_fds %llu\n", (unsigned long long)files.rlim_cur);
	metrics_family(out, "process_resident_memory_bytes", "gauge",
		       "Resident memory size in bytes.");
	buf_printf(out, "process_resident_memory_bytes %lld\n", resident_bytes());
	metrics_family(out, "process_start_time_seconds", "gauge",
		       "Start time of the process since unix epoch in seconds.");
	buf_printf(out, "process_start_time_seconds %.3f\n", m->began);
}

/* ---- the server ---- */

static void answer(struct metrics *m, const struct stream_event *ev)
{
	struct stream_header type = { "Content-Type", "text/plain; version=0.0.4; charset=utf-8" };
	AUTO_BUF struct buf out = BUF_MAX(METRICS_MAX);
	bool is_get = strcmp(ev->method, "GET") == 0 || strcmp(ev->method, "HEAD") == 0;
	int status = 200;

	if (strcmp(ev->target, "/metrics") != 0) {
		status = 404;
		buf_append_c(&out, "404 page not found\n");
	} else if (!is_get) {
		status = 405;
		buf_append_c(&out, "only GET is answered here\n");
	} else {
		metrics_write(&out, m->api);
		write_process(&out, m);
	}
	m->stream.begin(m->stream.self, ev->exchange, false);
	m->stream.reply(m->stream.self, ev->exchange, status, &type, 1, buf_str(&out));
}

static void on_event(void *self, const struct stream_event *ev)
{
	struct metrics *m = self;

	if (ev->kind == STREAM_ANNOUNCED)
		answer(m, ev);
}

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

bool metrics_open(const char *address, struct loop *loop, struct endpoints *endpoints,
		  const struct api *api, const struct log *log, struct metrics **out, struct err *e)
{
	struct stream_limits limits = STREAM_LIMITS_DEFAULT;
	struct metrics *m = NEW(struct metrics);
	struct stream_sink sink = { m, on_event };
	char bound[LISTEN_TEXT_MAX];
	struct listen_address at;

	limits.connections_max = CONNECTIONS_MAX;
	m->api = api;
	m->began = now_seconds();
	m->server = stream_server_new(loop, endpoints, &sink, &limits);
	stream_server_seam(m->server, &m->stream);
	if (!listen_address_parse(str_of(address), &at, e) ||
	    !stream_server_listen(m->server, &at, getgid(), NULL, bound, e)) {
		metrics_close(m);
		return while_doing(e, "--metrics-addr");
	}
	log_info(log, "daemon", "metrics on %s", bound);
	*out = m;
	return true;
}

void metrics_close(struct metrics *m)
{
	if (!m)
		return;
	stream_server_close(m->server);
	free(m);
}
