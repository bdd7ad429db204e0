#include "bench.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "seam/input.h"
#include "sim/machine.h"
#include "sim/world.h"
#include "wire/http1.h"
#include "wire/http1_writer.h"

#define ANSWER_MAX  (16 << 20)
#define PATIENCE_MS 30000

struct client {
	struct http1 http;
	struct http1_writer writer;
	struct buf answer, body;
	struct arena memory;
	uint64_t exchange;
	bool collects, is_over;
	bool is_slow;
	bool has_written; /* the client is about to take it */
	size_t records, longest;
};

struct bench {
	struct world world;
	struct sim_node *node;
	struct api *api;
	struct machine machine;
	struct engine *engine;
	struct inbox inbox; /* what tasks come to; none are run here */
	uint64_t tickets;
	struct stream stream;
	struct client quick, slow;
	uint64_t exchanges;
	double longest_turn_ms;
	int64_t joined_after_ms; /* when the endpoint ends that it is joined to; 0: to none */
};

/* ---- the stream seam ---- */

static struct client *client_of(struct bench *b, uint64_t exchange)
{
	return exchange == b->quick.exchange  ? &b->quick
	       : exchange == b->slow.exchange ? &b->slow
					      : NULL;
}

static void begin(void *self, uint64_t exchange, bool collect_body)
{
	struct client *k = client_of(self, exchange);

	if (k)
		k->collects = collect_body;
}

static void write_head(struct client *k, int status, const struct stream_header *headers,
		       size_t count)
{
	http1_write_response(&k->writer, &k->answer, http1_head(&k->http), status, NULL);
	for (size_t i = 0; i < count; i++)
		http1_write_header(&k->writer, headers[i].name, headers[i].value);
}

static void reply(void *self, uint64_t exchange, int status, const struct stream_header *headers,
		  size_t count, struct str body)
{
	struct client *k = client_of(self, exchange);

	if (!k || k->is_over)
		return;
	write_head(k, status, headers, count);
	http1_write_head_end(&k->writer, status == 204 ? HTTP1_NO_BODY : HTTP1_LENGTH, body.len);
	if (status != 204)
		http1_write_body(&k->writer, body);
	http1_write_end(&k->writer);
	k->is_over = true;
}

static void open_answer(void *self, uint64_t exchange, int status,
			const struct stream_header *headers, size_t count)
{
	struct client *k = client_of(self, exchange);

	if (!k)
		return;
	write_head(k, status, headers, count);
	http1_write_head_end(&k->writer, HTTP1_CHUNKED, 0);
}

static void write_record(void *self, uint64_t exchange, struct str record)
{
	struct client *k = client_of(self, exchange);

	if (!k)
		return;
	http1_write_body(&k->writer, record);
	k->has_written = true;
	k->records++;
	if (record.len > k->longest)
		k->longest = record.len;
}

static void be_patient(void *self, uint64_t exchange)
{
}

static void end(void *self, uint64_t exchange)
{
	struct client *k = client_of(self, exchange);

	if (!k)
		return;
	http1_write_end(&k->writer);
	k->is_over = true;
}

static void upgrade(void *self, uint64_t exchange, uint64_t endpoint, enum stream_filter filter,
		    const char *content_type)
{
	struct client *k = client_of(self, exchange);

	if (!k)
		return;
	buf_printf(&k->answer, "101 %s %s\n", content_type,
		   filter == STREAM_RAW ? "raw" : "stdcopy");
	k->is_over = true;
}

static void upgrade_in_vain(void *self, uint64_t exchange, uint64_t endpoint,
			    enum stream_filter filter, const char *content_type, struct str text)
{
	struct client *k = client_of(self, exchange);

	upgrade(self, exchange, endpoint, filter, content_type);
	if (k)
		buf_append_str(&k->answer, text);
}

static void join(void *self, uint64_t exchange, uint64_t endpoint, enum stream_filter filter)
{
	struct bench *b = self;

	if (exchange == b->quick.exchange)
		b->joined_after_ms = b->world.now_ms + 1;
}

static struct now now_of(const struct world *w)
{
	return (struct now){ .mono_ms = w->now_ms,
			     .wall_ns = INT64_C(1767225600) * 1000000000 + w->now_ms * 1000000 };
}

/* An endpoint says nothing and ends in the next turn. */
static void end_joined(struct bench *b)
{
	if (b->joined_after_ms == 0 || b->world.now_ms < b->joined_after_ms)
		return;
	b->joined_after_ms = 0;
	api_stream_event(
		b->api,
		&(struct stream_event){ .kind = STREAM_JOINED_END, .exchange = b->quick.exchange },
		now_of(&b->world));
}

static void tell_drained(struct bench *b, struct client *k)
{
	if (!k->has_written)
		return;
	k->has_written = false;
	api_stream_event(b->api,
			 &(struct stream_event){ .kind = STREAM_DRAINED, .exchange = k->exchange },
			 now_of(&b->world));
}

static void cut(void *self, uint64_t exchange, const char *reason)
{
	struct client *k = client_of(self, exchange);

	if (!k)
		return;
	buf_printf(&k->answer, "cut: %s\n", reason);
	k->is_over = true;
}

/* ---- the world ---- */

static double real_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void note_turn(struct bench *b, double began_ms)
{
	double took_ms = real_ms() - began_ms;

	if (took_ms > b->longest_turn_ms)
		b->longest_turn_ms = took_ms;
}

/* The engine's part of a turn, and its hands, until nothing is under way at this moment. */
static void think(struct bench *b)
{
	struct now now = now_of(&b->world);
	int64_t deadline;

	if (!b->api)
		return;
	end_joined(b);
	do {
		double began_ms = real_ms();

		tell_drained(b, &b->quick);
		(void)api_after_turn(b->api, now);
		note_turn(b, began_ms);
		deadline = engine_turn(b->engine, now);
		inbox_empty(&b->inbox);
	} while (deadline <= now.mono_ms || machine_step(&b->machine, b->engine, now));
}

static void after_turn(struct world *w, struct sim_node *s)
{
	struct bench *b = w->config.watch_self;

	if (s == b->node)
		think(b);
}

/* An address is taken as it is: the hosts of the simulator have no interfaces. */
static bool choose(void *self, const char *listen, const char *advertise, const char *remote,
		   struct arena *a, const char **chosen_listen, const char **chosen_advertise,
		   struct err *e)
{
	const struct bench *b = self;

	if (strcmp(advertise, "nowhere") == 0)
		return fail(e, ERR_INVALID,
			    "advertise address must be a non-zero IP address or network interface "
			    "(with "
			    "optional port number)");
	*chosen_listen = arena_strdup(a, listen);
	*chosen_advertise = arena_strdup(a, b->node->addr);
	return true;
}

static const struct api_host host = {
	.version = "0.1.0",
	.commit = "abcdef",
	.built_at = "2026-01-01T00:00:00Z",
	.id = "the-engine",
	.hostname = "worker1",
	.kernel = "6.1.0",
	.os_name = "Debian GNU/Linux 12 (bookworm)",
	.os_version = "12",
	.arch = "amd64",
	.machine = "x86_64",
	.cpus = 2,
	.memory_bytes = INT64_C(4) << 30,
	.data_root = "/var/lib/shoal",
	.default_runtime = "crun",
	.log_driver = "json-file",
	.backing_filesystem = "extfs",
	.init_binary = "",
	.shim = { "conmon", "2.1.6", "" },
	.runtime = { "crun", "1.8.1", "f8a096b" },
	.abilities = { true, true, false, true, true, true, true, true, true },
	.cgroup_driver = "cgroupfs",
	.cgroup_version = 2,
};

static const char *const runtimes[] = { "crun" };

static void start_engine(struct bench *b)
{
	struct engine_config config = {
		.data_root = "/var/lib/shoal",
		.exec_root = "/run/shoal",
		.hostname = "worker1",
		.cgroup_parent = "/shoal",
		.default_runtime = "crun",
		.runtimes = runtimes,
		.runtime_count = 1,
		.init_path = "",
		.is_cgroup_v2 = true,
		.cpus = 2,
		.bridge_subnet = "172.17.0.0/16",
		.bridge_gateway = "172.17.0.1",
		.read_image = machine_read_image,
		.log = &b->node->log,
		.tickets = &b->tickets,
		.inbox = &b->inbox,
	};
	AUTO_ARENA struct arena a = { 0 };
	struct engine_seams seams;
	struct journal_image image;

	machine_init(&b->machine, 7);
	inbox_init(&b->inbox);
	seams = machine_seams(&b->machine);
	image = machine_image(&b->machine, &a);
	b->engine = engine_new(&config, &seams, 7);
	engine_load(b->engine, &image, now_of(&b->world));
}

struct bench *bench_new(void)
{
	struct bench *b = NEW(struct bench);

	b->stream = (struct stream){
		.self = b,
		.begin = begin,
		.reply = reply,
		.open = open_answer,
		.write = write_record,
		.end = end,
		.be_patient = be_patient,
		.upgrade = upgrade,
		.upgrade_in_vain = upgrade_in_vain,
		.join = join,
		.cut = cut,
	};
	for (int i = 0; i < 2; i++) {
		struct client *k = i == 0 ? &b->quick : &b->slow;

		k->answer = BUF_MAX(ANSWER_MAX);
		k->body = BUF_MAX(ANSWER_MAX);
	}
	b->slow.is_slow = true;
	/* A node of its own, in no swarm: what the simulator calls a worker. */
	world_init(&b->world, &(struct world_config){
				      .seed = 7,
				      .workers = 1,
				      .watch = after_turn,
				      .watch_self = b,
			      });
	b->node = &b->world.nodes[0];
	start_engine(b);
	b->api = api_new(&(struct api_config){
		.engine = b->engine,
		.node = b->node->node,
		.stream = &b->stream,
		.log = &b->node->log,
		.host = &host,
		.addresses = { b, choose },
	});
	bench_run(b, 1000);
	return b;
}

static void client_clear(struct client *k)
{
	buf_clear(&k->answer);
	buf_clear(&k->body);
	arena_clear(&k->memory);
}

void bench_free(struct bench *b)
{
	api_free(b->api);
	engine_free(b->engine);
	machine_clear(&b->machine);
	inbox_clear(&b->inbox);
	world_clear(&b->world);
	client_clear(&b->quick);
	client_clear(&b->slow);
	free(b);
}

void bench_run(struct bench *b, int64_t ms)
{
	for (int64_t until = b->world.now_ms + ms; b->world.now_ms < until;) {
		world_run(&b->world, b->world.now_ms + (until - b->world.now_ms < 10 ? 1 : 10));
		think(b);
	}
}

/* ---- a request ---- */

static void announce(struct bench *b, struct client *k)
{
	const struct http1_head *head = http1_head(&k->http);
	struct stream_header *headers =
		arena_alloc(&k->memory, (head->header_count + 1) * sizeof(*headers));

	for (size_t i = 0; i < head->header_count; i++)
		headers[i] =
			(struct stream_header){ arena_str(&k->memory, head->headers[i].name),
						arena_str(&k->memory, head->headers[i].value) };
	api_stream_event(b->api,
			 &(struct stream_event){
				 .kind = STREAM_ANNOUNCED,
				 .exchange = k->exchange,
				 .method = arena_strdup(&k->memory, head->method),
				 .target = arena_str(&k->memory, head->target),
				 .headers = headers,
				 .header_count = head->header_count,
			 },
			 now_of(&b->world));
}

static void await(struct bench *b, struct client *k)
{
	int waited = 0;

	world_wake(b->node);
	for (; !k->is_over && !(k->is_slow && k->has_written) && waited < PATIENCE_MS; waited += 10)
		bench_run(b, 10);
	if (waited >= PATIENCE_MS)
		api_stream_event(
			b->api,
			&(struct stream_event){ .kind = STREAM_GONE, .exchange = k->exchange },
			now_of(&b->world));
}

static void hand_over(struct bench *b, struct client *k)
{
	if (k->collects && !k->is_over)
		api_stream_event(b->api,
				 &(struct stream_event){
					 .kind = STREAM_REQUEST,
					 .exchange = k->exchange,
					 .body = buf_str(&k->body),
				 },
				 now_of(&b->world));
	await(b, k);
}

static const char *ask(struct bench *b, struct client *k, struct str request)
{
	enum http1_event event;
	struct str piece;
	struct err e;

	buf_reset(&k->answer);
	buf_append_c(&k->answer, "");
	buf_reset(&k->body);
	arena_reset(&k->memory);
	k->exchange = ++b->exchanges;
	k->is_over = k->has_written = false;
	k->records = k->longest = 0;
	http1_init(&k->http, HTTP1_SERVER);
	while ((event = http1_next(&k->http, &request, &piece, &e)) != HTTP1_MORE) {
		if (event == HTTP1_HEAD)
			announce(b, k);
		else if (event == HTTP1_BODY)
			buf_append_str(&k->body, piece);
		else if (event == HTTP1_END)
			hand_over(b, k);
		else
			buf_printf(&k->answer, "refused: %d %s\n", http1_refusal(&k->http), e.text);
		if (event == HTTP1_END || event == HTTP1_FAILED)
			break;
	}
	if (!k->is_over && event == HTTP1_MORE)
		buf_append_c(&k->answer, "no answer: the request is not complete\n");
	http1_clear(&k->http);
	return k->answer.data ? k->answer.data : "";
}

const char *bench_ask(struct bench *b, struct str request)
{
	return ask(b, &b->quick, request);
}

const char *bench_ask_slowly(struct bench *b, struct str request)
{
	return ask(b, &b->slow, request);
}

const char *bench_take(struct bench *b)
{
	double began_ms = real_ms();

	tell_drained(b, &b->slow);
	note_turn(b, began_ms);
	await(b, &b->slow);
	return b->slow.answer.data;
}

bool bench_has_ended(const struct bench *b)
{
	return b->slow.is_over;
}

size_t bench_records(const struct bench *b, size_t *longest)
{
	*longest = b->slow.longest;
	return b->slow.records;
}

double bench_longest_turn(const struct bench *b)
{
	return b->longest_turn_ms;
}
