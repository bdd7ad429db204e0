/* A server for stream.py: answers as the path says, and prints what it hears.
 *
 *     stream_server unix:///PATH | tcp://HOST:PORT [CERT KEY ROOTS] */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/endpoint.h"
#include "host/loop.h"
#include "host/stream.h"
#include "seam/input.h"
#include "wire/tls.h"

/* An endpoint that echoes, swallows or pours, as the test wishes. */
struct well {
	struct endpoint endpoint;
	uint64_t pour_left; /* bytes still to come out */
	uint64_t swallowed;
	bool echoes, is_slow, may_flow, is_posted, ends_after;
	char *reason;
};

static struct inbox box;
static struct loop *loop;
static struct stream_server *server;
static struct stream stream;
static struct endpoints endpoints;
static uint64_t feeding_exchange;

static void pour(void *self);

static void post_pour(struct well *w)
{
	if (w->is_posted)
		return;
	w->is_posted = true;
	loop_post(loop, w, pour);
}

static void pour(void *self)
{
	static const char block[65536];
	struct well *w = self;

	w->is_posted = false;
	if (!w->endpoint.registry) {
		free(w->reason);
		free(w);
		return;
	}
	if (w->is_slow) {
		w->is_slow = false;
		endpoint_drained(&w->endpoint);
		return;
	}
	if (w->pour_left && w->may_flow) {
		size_t n = w->pour_left < sizeof(block) ? w->pour_left : sizeof(block);

		w->pour_left -= n;
		endpoint_output(&w->endpoint, ENDPOINT_STDOUT, str_bytes(block, n));
		post_pour(w);
	} else if (w->ends_after && !w->pour_left) {
		endpoint_end(&w->endpoint, w->reason);
		post_pour(w);
	}
}

static void on_joined(struct endpoint *ep)
{
	struct well *w = container_of(ep, struct well, endpoint);

	w->may_flow = true;
	post_pour(w);
}

static void on_flow(struct endpoint *ep, bool may_flow)
{
	struct well *w = container_of(ep, struct well, endpoint);

	w->may_flow = may_flow;
	printf("flow %d\n", may_flow);
	post_pour(w);
}

static bool on_input(struct endpoint *ep, struct str bytes)
{
	struct well *w = container_of(ep, struct well, endpoint);

	w->swallowed += bytes.len;
	if (w->echoes) {
		endpoint_output(ep, bytes.ptr[0] == '!' ? ENDPOINT_STDERR : ENDPOINT_STDOUT, bytes);
		return true;
	}
	w->is_slow = true;
	post_pour(w);
	return false;
}

static void on_end_input(struct endpoint *ep)
{
	struct well *w = container_of(ep, struct well, endpoint);

	printf("end_input after %llu\n", (unsigned long long)w->swallowed);
	w->ends_after = true;
	w->is_slow = false;
	post_pour(w);
}

static void on_left(struct endpoint *ep)
{
	printf("left\n");
	post_pour(container_of(ep, struct well, endpoint));
}

static const struct endpoint_kind well_kind = { on_joined, on_flow, on_input, on_end_input,
						on_left };

static struct well *well_new(void)
{
	struct well *w = NEW(struct well);

	endpoint_add(&endpoints, &w->endpoint, &well_kind);
	return w;
}

static const struct stream_header text[] = { { "Content-Type", "text/plain" } };

static uint64_t number_in(const char *target)
{
	const char *equals = strchr(target, '=');

	return equals ? strtoull(equals + 1, NULL, 10) : 0;
}

static void announced(const struct stream_event *event)
{
	const char *path = event->target;
	uint64_t x = event->exchange;

	if (strcmp(path, "/now") == 0) {
		stream.reply(stream.self, x, 200, text, 1, STR("now\n"));
	} else if (strncmp(path, "/put", 4) == 0) {
		struct well *w = well_new();

		feeding_exchange = x;
		stream.begin(stream.self, x, false);
		stream.join(stream.self, x, w->endpoint.number, STREAM_RAW);
	} else if (strncmp(path, "/attach", 7) == 0) {
		struct well *w = well_new();

		w->echoes = true;
		stream.begin(stream.self, x, false);
		stream.upgrade(stream.self, x, w->endpoint.number,
			       strstr(path, "tty") ? STREAM_RAW : STREAM_STDCOPY,
			       "application/vnd.docker.raw-stream");
	} else if (strcmp(path, "/in-vain") == 0) {
		stream.begin(stream.self, x, false);
		stream.upgrade_in_vain(stream.self, x, well_new()->endpoint.number, STREAM_STDCOPY,
				       "application/vnd.docker.raw-stream", STR("no such thing"));
	} else if (strcmp(path, "/nothing") == 0) {
		stream.upgrade(stream.self, x, 999999, STREAM_STDCOPY,
			       "application/vnd.docker.raw-stream");
	} else {
		stream.begin(stream.self, x, true);
	}
}

static void requested(const struct stream_event *event)
{
	const char *path = event->target;
	uint64_t x = event->exchange;

	if (strcmp(path, "/echo") == 0) {
		stream.reply(stream.self, x, 200, text, 1, event->body);
	} else if (strcmp(path, "/none") == 0) {
		stream.reply(stream.self, x, 204, NULL, 0, STR(""));
	} else if (strcmp(path, "/wait") == 0) {
		stream.open(stream.self, x, 200, text, 1);
	} else if (strcmp(path, "/cut") == 0) {
		stream.open(stream.self, x, 200, text, 1);
		stream.write(stream.self, x, STR("half"));
		stream.cut(stream.self, x, "enough");
	} else if (strncmp(path, "/records", 8) == 0) {
		stream.open(stream.self, x, 200, text, 1);
		stream.write(stream.self, x, STR("0\n"));
	} else if (strcmp(path, "/flood") == 0) {
		static const char block[65536];

		stream.open(stream.self, x, 200, text, 1);
		for (int i = 0; i < 32; i++)
			stream.write(stream.self, x, str_bytes(block, sizeof(block)));
	} else if (strncmp(path, "/pour", 5) == 0) {
		struct well *w = well_new();

		w->pour_left = number_in(path);
		w->ends_after = true;
		if (strstr(path, "fails"))
			w->reason = xstrdup("it broke");
		stream.open(stream.self, x, 200, text, 1);
		stream.join(stream.self, x, w->endpoint.number, STREAM_RAW);
	} else {
		stream.reply(stream.self, x, 200, text, 1, STR("hello\n"));
	}
}

static void on_event(void *self, const struct stream_event *event)
{
	static int records;

	(void)self;
	switch (event->kind) {
	case STREAM_ANNOUNCED:
		announced(event);
		break;
	case STREAM_REQUEST:
		requested(event);
		break;
	case STREAM_DRAINED:
		if (++records % 4 == 0) {
			stream.end(stream.self, event->exchange);
		} else {
			char line[16];

			(void)snprintf(line, sizeof(line), "%d\n", records % 4);
			stream.write(stream.self, event->exchange, str_of(line));
		}
		break;
	case STREAM_JOINED_END:
		printf("joined_end %llu %s\n", (unsigned long long)event->bytes,
		       event->text ? event->text : "well");
		if (event->exchange == feeding_exchange)
			stream.reply(stream.self, event->exchange, 200, text, 1, STR("stored\n"));
		else
			stream.end(stream.self, event->exchange);
		break;
	case STREAM_GONE:
		printf("gone %s\n", event->text ? event->text : "well");
		break;
	}
}

static int64_t turn(void *self, struct now now)
{
	(void)self;
	(void)now;
	inbox_empty(&box);
	return NEVER_MS;
}

static void on_signal(void *self, int signum)
{
	(void)self;
	(void)signum;
	loop_stop(loop);
}

static struct str whole_file(const char *path)
{
	struct buf all = BUF_MAX(1 << 20);
	FILE *f = fopen(path, "r");
	size_t n;
	char block[4096];

	while (f && (n = fread(block, 1, sizeof(block), f)) > 0)
		buf_append(&all, block, n);
	if (f)
		fclose(f);
	return buf_str(&all);
}

static struct tls_config *tls_from(char **files)
{
	struct tls_options o = { .role = TLS_SERVER,
				 .verify = TLS_VERIFY_PEER,
				 .alpn = TLS_ALPN_HTTP1 };
	struct tls_config *config;
	struct err e;

	o.cert = whole_file(files[0]);
	o.key = whole_file(files[1]);
	o.roots = whole_file(files[2]);
	config = tls_config_new(&o, &e);
	if (!config)
		fprintf(stderr, "%s\n", e.text);
	free((char *)o.cert.ptr);
	free((char *)o.key.ptr);
	free((char *)o.roots.ptr);
	return config;
}

int main(int argc, char **argv)
{
	struct log log = { 0 };
	struct loop_config config = { .inbox = &box, .turn = turn, .log = &log };
	struct stream_limits limits = { 400, 600, 400, 400, 20 };
	struct stream_sink sink = { .event = on_event };
	struct tls_config *tls = argc == 5 ? tls_from(argv + 2) : NULL;
	struct listen_address address;
	char bound[LISTEN_TEXT_MAX];
	struct err e;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	inbox_init(&box);
	endpoints_init(&endpoints);
	if (!loop_new(&config, &loop, &e))
		return 1;
	loop_on_signal(loop, SIGTERM, NULL, on_signal);
	server = stream_server_new(loop, &endpoints, &sink, &limits);
	stream_server_seam(server, &stream);
	if (!listen_address_parse(str_of(argv[1]), &address, &e) ||
	    !stream_server_listen(server, &address, getgid(), tls, bound, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	printf("listening %s\n", bound);
	loop_run(loop);
	printf("closing with %zu\n", stream_server_connections(server));
	stream_server_close(server);
	loop_free(loop);
	inbox_clear(&box);
	tls_config_free(tls);
	return 0;
}
