/* The content hands with the real shoal-content, and Debian's registry on loopback. */
#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/content/hands.h"
#include "host/endpoint.h"
#include "host/loop.h"
#include "host/run/overlay.h"
#include "seam/input.h"
#include "temp.h"

#define WAIT_MS 30000
#define OUT_MAX (64 << 20)

/* What the mind was told, in order. */
struct fact {
	struct list link;
	uint64_t ticket;
	struct content_event event; /* texts copied */
};

struct bench {
	struct temp temp;
	char root[96];
	struct inbox box;
	struct log log;
	struct loop *loop;
	struct endpoints endpoints;
	struct content_hands *hands;
	struct content seam;
	struct list facts;
	struct arena memory;
	int64_t deadline_ms;
	bool (*is_enough)(struct bench *b);
	uint64_t wanted;
	bool is_in_time;
};

/* A client that joined an endpoint. */
struct client {
	struct endpoint *ep;
	struct buf out;
	bool is_over, stalls, may_write;
	char reason[256];
};

static char program[4096], images[4096], fake[96], registry[64];
static pid_t registry_pid;

/* ---- the mind ---- */

static const char *copy(struct bench *b, const char *text)
{
	return text ? arena_strdup(&b->memory, text) : NULL;
}

static void keep(struct bench *b, const struct input *in)
{
	struct fact *f = ARENA_NEW(&b->memory, struct fact);
	struct content_event *e = &f->event;

	f->ticket = in->ticket;
	*e = in->content;
	e->text = copy(b, e->text);
	e->progress.status = copy(b, e->progress.status);
	e->progress.id = copy(b, e->progress.id);
	e->image.image_id = copy(b, e->image.image_id);
	e->image.layers = arena_copy(&b->memory, e->image.layers,
				     e->image.layer_count * sizeof(*e->image.layers));
	for (size_t i = 0; i < e->image.layer_count; i++)
		e->image.layers[i].diff_id = copy(b, e->image.layers[i].diff_id);
	e->image.config.ptr = arena_copy(&b->memory, e->image.config.ptr, e->image.config.len);
	e->manifest.digest = copy(b, e->manifest.digest);
	e->stat.name = copy(b, e->stat.name);
	e->stat.link_target = copy(b, e->stat.link_target);
	if (e->platform_count) {
		e->platforms = arena_copy(&b->memory, e->platforms, sizeof(*e->platforms));
		e->platforms->os = copy(b, e->platforms->os);
		e->platforms->architecture = copy(b, e->platforms->architecture);
	}
	if (e->tag_count) {
		const char **tag = arena_alloc(&b->memory, sizeof(*tag));

		*tag = copy(b, e->tags[0]);
		e->tags = tag;
	}
	list_push_back(&b->facts, &f->link);
}

static int64_t turn(void *self, struct now now)
{
	struct bench *b = self;
	struct input *in;

	list_each (&b->box.queue, struct input, link, in)
		keep(b, in);
	inbox_empty(&b->box);
	if (b->is_enough && b->is_enough(b)) {
		b->is_in_time = true;
		loop_stop(b->loop);
	} else if (now.mono_ms >= b->deadline_ms) {
		loop_stop(b->loop);
	}
	return now.mono_ms + 20;
}

static bool run_until(struct bench *b, bool (*is_enough)(struct bench *b), int ms)
{
	b->is_enough = is_enough;
	b->is_in_time = false;
	b->deadline_ms = loop_now(b->loop).mono_ms + ms;
	loop_run(b->loop);
	b->is_enough = NULL;
	return b->is_in_time;
}

static struct content_event *find(struct bench *b, uint64_t ticket, enum content_event_kind kind)
{
	struct fact *f;

	list_each (&b->facts, struct fact, link, f)
		if (f->ticket == ticket && f->event.kind == kind)
			return &f->event;
	return NULL;
}

static bool has_ended(struct bench *b)
{
	return find(b, b->wanted, CONTENT_DONE) || find(b, b->wanted, CONTENT_FAILED);
}

static bool has_endpoint(struct bench *b)
{
	return find(b, b->wanted, CONTENT_ENDPOINT) || has_ended(b);
}

static bool has_no_helper(struct bench *b)
{
	return content_hands_pid(b->hands) == 0;
}

/* The end of a ticket; NULL when there is none in time. */
static struct content_event *ended(struct bench *b, uint64_t ticket)
{
	struct content_event *done;

	b->wanted = ticket;
	if (!run_until(b, has_ended, WAIT_MS))
		return NULL;
	done = find(b, ticket, CONTENT_DONE);
	return done ? done : find(b, ticket, CONTENT_FAILED);
}

static uint64_t endpoint_of(struct bench *b, uint64_t ticket)
{
	struct content_event *e;

	b->wanted = ticket;
	CHECK(run_until(b, has_endpoint, WAIT_MS));
	e = find(b, ticket, CONTENT_ENDPOINT);
	CHECK(e);
	return e->endpoint;
}

static size_t count_facts(struct bench *b, uint64_t ticket)
{
	struct fact *f;
	size_t count = 0;

	list_each (&b->facts, struct fact, link, f)
		count += f->ticket == ticket;
	return count;
}

static void bench_open_with(struct bench *b, struct content_hands_config config)
{
	struct loop_config loop = { .inbox = &b->box, .self = b, .turn = turn, .log = &b->log };
	struct err e;

	*b = (struct bench){ .temp = temp_make() };
	(void)snprintf(b->root, sizeof(b->root), "%s/root", b->temp.path);
	inbox_init(&b->box);
	list_init(&b->facts);
	CHECK(loop_new(&loop, &b->loop, &e));
	endpoints_init(&b->endpoints);
	config.loop = b->loop;
	config.endpoints = &b->endpoints;
	config.data_root = config.data_root ? config.data_root : b->root;
	config.program = config.program ? config.program : program;
	b->hands = content_hands_new(&config, &e);
	CHECK(b->hands);
	b->seam = content_hands_seam(b->hands);
}

static void bench_open(struct bench *b)
{
	bench_open_with(b, (struct content_hands_config){ 0 });
}

static void bench_close(struct bench *b)
{
	content_hands_free(b->hands);
	loop_free(b->loop);
	inbox_clear(&b->box);
	arena_clear(&b->memory);
	temp_remove(&b->temp);
}

static char *text(struct bench *b, const char *format, const char *a)
{
	char out[4096];

	(void)snprintf(out, sizeof(out), "%s%s", format, a);
	return arena_strdup(&b->memory, out);
}

static struct content_event *pull(struct bench *b, uint64_t ticket, const char *name)
{
	struct content_pull what = { .reference = text(b, registry, name) };

	b->seam.pull(b->seam.self, ticket, &what);
	return ended(b, ticket);
}

/* ---- clients ---- */

static void on_output(void *self, enum endpoint_stream stream, struct str bytes)
{
	struct client *c = self;

	buf_append_str(&c->out, bytes);
	if (c->stalls)
		endpoint_flow(c->ep, false);
}

static void on_drained(void *self)
{
	struct client *c = self;

	c->may_write = true;
}

static void on_over(void *self, const char *reason)
{
	struct client *c = self;

	c->ep = NULL;
	c->is_over = true;
	(void)snprintf(c->reason, sizeof(c->reason), "%s", reason ? reason : "");
}

static void join(struct bench *b, struct client *c, uint64_t number)
{
	*c = (struct client){ .out = BUF_MAX(OUT_MAX), .may_write = true };
	c->ep = endpoint_join(&b->endpoints, number,
			      (struct endpoint_user){ c, on_output, on_drained, on_over });
	CHECK(c->ep);
}

static struct client *awaited;

static bool is_client_over(struct bench *b)
{
	if (awaited->stalls && awaited->ep)
		endpoint_flow(awaited->ep, true);
	return awaited->is_over;
}

static void await_end(struct bench *b, struct client *c)
{
	awaited = c;
	CHECK(run_until(b, is_client_over, WAIT_MS));
}

static struct str feed_left;

static bool is_fed(struct bench *b)
{
	while (awaited->ep && awaited->may_write && feed_left.len) {
		size_t n = feed_left.len < 60000 ? feed_left.len : 60000;

		awaited->may_write = endpoint_input(awaited->ep, str_bytes(feed_left.ptr, n));
		feed_left.ptr += n;
		feed_left.len -= n;
	}
	return !feed_left.len || awaited->is_over;
}

static void feed(struct bench *b, uint64_t number, struct str bytes)
{
	struct client c;

	join(b, &c, number);
	awaited = &c;
	feed_left = bytes;
	CHECK(run_until(b, is_fed, WAIT_MS));
	if (c.ep)
		endpoint_end_input(c.ep);
	await_end(b, &c);
	buf_clear(&c.out);
}

static void read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	CHECK(fd >= 0);
	*out = BUF_MAX(OUT_MAX);
	while ((n = read(fd, buf_extend(out, 65536), 65536)) >= 0) {
		out->len -= 65536 - (size_t)n;
		if (n == 0)
			break;
	}
	close(fd);
}

static int run_program(const char *const *args)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		execvp(args[0], (char *const *)args);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

/* An archive as "docker load" takes it. */
static void make_archive(struct bench *b, struct buf *out)
{
	char *path = text(b, b->temp.path, "/busybox.tar");

	CHECK(run_program((const char *[]){ images, "archive", path, "loaded:1", NULL }) == 0);
	read_file(path, out);
}

/* A program in place of shoal-content: $2 is the data root, 3 the socket. */
static const char *make_fake(const char *body)
{
	FILE *f = fopen(fake, "w");

	CHECK(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	CHECK(fclose(f) == 0 && chmod(fake, 0755) == 0);
	return fake;
}

/* ---- stories: registries ---- */

TEST(a_pull_tells_its_steps_and_then_its_image)
{
	struct content_event *done;
	struct bench b;
	struct fact *f;
	struct stat st;
	bool is_first = true, is_over = false;

	bench_open(&b);
	CHECK(content_hands_pid(b.hands) == 0);
	done = pull(&b, 7, "/busybox:1");
	CHECK(done && done->kind == CONTENT_DONE);
	CHECK(content_hands_pid(b.hands) > 0);
	CHECK(done->image.layer_count == 1 && done->image.size_bytes > 100000);
	CHECK(strncmp(done->image.image_id, "sha256:", 7) == 0 && done->image.config.len > 50);
	CHECK(strncmp(done->manifest.digest, "sha256:", 7) == 0);
	CHECK(stat(text(&b, text(&b, b.root, "/layers/"),
			text(&b, done->image.layers[0].diff_id + 7, "/diff/bin/busybox")),
		   &st) == 0);

	list_each (&b.facts, struct fact, link, f) {
		CHECK(f->ticket == 7 && !is_over);
		if (is_first)
			CHECK_STR(f->event.progress.status, "Pulling from busybox");
		if (f->event.kind == CONTENT_PROGRESS && f->event.progress.current < 0)
			CHECK(f->event.progress.total == -1);
		is_first = false;
		is_over = f->event.kind == CONTENT_DONE;
	}
	CHECK(is_over && count_facts(&b, 7) > 5);
	bench_close(&b);
}

TEST(what_a_registry_lacks_is_not_found)
{
	struct content_event *failed;
	struct bench b;

	bench_open(&b);
	failed = pull(&b, 1, "/busybox:nosuch");
	CHECK(failed && failed->kind == CONTENT_FAILED);
	CHECK_INT(failed->err_kind, ERR_NOT_FOUND);
	CHECK(strstr(failed->text, "nosuch"));
	bench_close(&b);
}

TEST(a_registry_is_asked_about_an_image_and_given_it)
{
	struct content_pull what = { 0 };
	struct content_push push = { 0 };
	struct content_event *e;
	struct bench b;

	bench_open(&b);
	what.reference = text(&b, registry, "/busybox:1");
	b.seam.inspect(b.seam.self, 1, &what);
	e = ended(&b, 1);
	CHECK(e && e->kind == CONTENT_DONE && e->platform_count == 1);
	CHECK_STR(e->platforms->os, "linux");

	e = pull(&b, 2, "/busybox:1");
	CHECK(e && e->kind == CONTENT_DONE);
	push.reference = text(&b, registry, "/other/name:2");
	push.image_id = e->image.image_id;
	b.seam.push(b.seam.self, 3, &push);
	e = ended(&b, 3);
	CHECK(e && e->kind == CONTENT_DONE);
	CHECK_STR(e->manifest.digest, find(&b, 2, CONTENT_DONE)->manifest.digest);
	bench_close(&b);
}

TEST(registries_are_those_that_were_set_last)
{
	char url[96];
	const char *mirror = url, *insecure = "10.1.0.0/16";
	struct content_registries r = { &mirror, 1, &insecure, 1 };
	struct content_pull what = { .reference = "busybox:1" };
	AUTO_BUF struct buf said = { 0 };
	struct content_event *e;
	struct bench b;
	char *path;

	(void)snprintf(url, sizeof(url), "http://%s", registry);
	bench_open(&b);
	content_hands_set_registries(b.hands, &r);
	b.seam.pull(b.seam.self, 1, &what);
	e = ended(&b, 1);
	CHECK(e && e->kind == CONTENT_DONE);
	bench_close(&b);

	bench_open_with(&b, (struct content_hands_config){
				    .program = make_fake("dd bs=9999 count=1 <&3 >$2.said"),
				    .registries = r,
			    });
	b.seam.pull(b.seam.self, 1, &what);
	(void)ended(&b, 1);
	path = text(&b, b.root, ".said");
	read_file(path, &said);
	CHECK(memmem(said.data, said.len, insecure, strlen(insecure)));
	bench_close(&b);
}

/* ---- stories: the program ---- */

TEST(a_killed_program_fails_its_tickets_and_the_next_call_works)
{
	struct content_event *e;
	struct bench b;
	struct client c;
	pid_t before;

	bench_open(&b);
	b.seam.load(b.seam.self, 1);
	b.seam.load(b.seam.self, 2);
	join(&b, &c, endpoint_of(&b, 1));
	(void)endpoint_of(&b, 2);
	before = content_hands_pid(b.hands);
	CHECK(before > 0 && kill(before, SIGKILL) == 0);

	e = ended(&b, 1);
	CHECK(e && e->kind == CONTENT_FAILED);
	CHECK_STR(e->text, "shoal-content was killed by signal 9 (Killed)");
	CHECK_INT(e->err_kind, ERR_INTERNAL);
	CHECK(find(&b, 2, CONTENT_FAILED));
	await_end(&b, &c);
	CHECK_STR(c.reason, e->text);

	e = pull(&b, 3, "/busybox:1");
	CHECK(e && e->kind == CONTENT_DONE);
	CHECK(content_hands_pid(b.hands) > 0 && content_hands_pid(b.hands) != before);
	CHECK_INT(count_facts(&b, 1), 2); /* its endpoint and its end */
	bench_close(&b);
}

TEST(an_idle_program_goes_and_comes_back)
{
	struct content_event *e;
	struct bench b;
	pid_t before;

	bench_open_with(&b, (struct content_hands_config){ .idle_ms = 100 });
	e = pull(&b, 1, "/busybox:1");
	CHECK(e && e->kind == CONTENT_DONE);
	before = content_hands_pid(b.hands);
	CHECK(run_until(&b, has_no_helper, WAIT_MS));
	CHECK(kill(before, 0) < 0);

	e = pull(&b, 2, "/busybox:1");
	CHECK(e && e->kind == CONTENT_DONE);
	CHECK(content_hands_pid(b.hands) != before);
	bench_close(&b);
}

TEST(a_program_that_waits_for_a_client_is_not_idle)
{
	struct bench b;
	pid_t before;

	bench_open_with(&b, (struct content_hands_config){ .idle_ms = 50 });
	b.seam.load(b.seam.self, 1);
	(void)endpoint_of(&b, 1);
	before = content_hands_pid(b.hands);
	CHECK(!run_until(&b, has_no_helper, 500));
	CHECK_INT(content_hands_pid(b.hands), before);
	bench_close(&b);
}

TEST(calls_while_it_goes_are_for_the_next_one)
{
	struct content_event *e;
	struct bench b;

	bench_open_with(&b, (struct content_hands_config){ .idle_ms = 1 });
	for (uint64_t ticket = 1; ticket <= 40; ticket++) {
		b.seam.gc(b.seam.self, ticket, NULL, 0, NULL, 0);
		e = ended(&b, ticket);
		CHECK(e && e->kind == CONTENT_DONE);
		(void)run_until(&b, NULL, (int)ticket % 4);
	}
	bench_close(&b);
}

TEST(a_program_that_is_not_there_fails_the_call)
{
	struct content_event *e;
	struct bench b;

	bench_open_with(&b, (struct content_hands_config){ .program = "/nowhere/shoal-content" });
	b.seam.load(b.seam.self, 1);
	e = ended(&b, 1);
	CHECK(e && e->kind == CONTENT_FAILED);
	CHECK_STR(e->text, "run /nowhere/shoal-content: No such file or directory");
	bench_close(&b);
}

TEST(its_last_words_are_the_reason)
{
	struct content_event *e;
	struct bench b;

	bench_open_with(&b, (struct content_hands_config){ .data_root = "/dev/null/x" });
	e = pull(&b, 1, "/busybox:1");
	CHECK(e && e->kind == CONTENT_FAILED);
	CHECK_STR(e->text, "shoal-content: make /dev/null/x: Not a directory");
	bench_close(&b);
}

/* What the program says when its workers have been taken over, and it has been. */
TEST(nonsense_is_not_believed)
{
	static const struct {
		const char *script, *words;
	} table[] = {
		{ "exec cat <&3 >&3", "makes no sense" }, /* our own records: no event */
		{ "head -c 1 <&3 >/dev/null; head -c 9999 /dev/zero | tr '\\0' z >&3; exec cat <&3 "
		  ">/dev/null",
		  "shoal-content says what is no record" },
		{ "head -c 1 <&3 >/dev/null; exit 3", "shoal-content ended with status 3" },
		/* {event: done, ticket: 1, freed: -5} */
		{ "head -c 1 <&3 >/dev/null; printf '\\0\\0\\0\\046\\005event\\0\\0\\0\\004done"
		  "\\006ticket\\0\\0\\0\\0011\\005freed\\0\\0\\0\\002-5' >&3; exec cat <&3 "
		  ">/dev/null",
		  "makes no sense (done)" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *path = make_fake(table[i].script);
		struct content_event *e;
		struct bench b;

		bench_open_with(&b, (struct content_hands_config){ .program = path });
		b.seam.gc(b.seam.self, 1, NULL, 0, NULL, 0);
		e = ended(&b, 1);
		CHECK(e && e->kind == CONTENT_FAILED);
		if (!strstr(e->text, table[i].words))
			TEST_FAIL("%s: \"%s\"", table[i].words, e->text);
		bench_close(&b);
	}
}

TEST(more_calls_than_there_is_room_for_are_refused)
{
	struct content_event *e;
	struct bench b;

	bench_open(&b);
	for (uint64_t ticket = 1; ticket <= CONTENT_TICKETS_MAX + 1; ticket++)
		b.seam.gc(b.seam.self, ticket, NULL, 0, NULL, 0);
	e = ended(&b, CONTENT_TICKETS_MAX + 1);
	CHECK(e && e->kind == CONTENT_FAILED);
	CHECK_INT(e->err_kind, ERR_EXHAUSTED);
	bench_close(&b);
}

/* ---- stories: cancel ---- */

TEST(a_call_that_is_cancelled_at_once_starts_nothing)
{
	struct bench b;

	bench_open(&b);
	b.seam.load(b.seam.self, 1);
	b.seam.cancel(b.seam.self, 1);
	b.seam.cancel(b.seam.self, 99);
	(void)run_until(&b, NULL, 200);
	CHECK_INT(count_facts(&b, 1), 0);
	CHECK_INT(content_hands_pid(b.hands), 0);
	bench_close(&b);
}

TEST(a_cancelled_call_is_not_heard_of_again)
{
	struct content_event *e;
	struct bench b;
	struct client c;

	bench_open_with(&b, (struct content_hands_config){ .idle_ms = 100 });
	b.seam.load(b.seam.self, 1);
	join(&b, &c, endpoint_of(&b, 1));
	b.seam.cancel(b.seam.self, 1);
	await_end(&b, &c);
	CHECK_STR(c.reason, "cancelled");

	e = pull(&b, 2, "/busybox:1");
	CHECK(e && e->kind == CONTENT_DONE);
	CHECK(run_until(&b, has_no_helper, WAIT_MS)); /* its job is gone: the program was idle */
	CHECK_INT(count_facts(&b, 1), 1);
	bench_close(&b);
}

/* ---- stories: bytes ---- */

TEST(what_is_loaded_can_be_saved_and_loaded_again)
{
	AUTO_BUF struct buf archive = { 0 };
	struct bench b, other;
	struct content_save what = { 0 };
	struct content_event *e;
	struct client c;

	bench_open(&b);
	make_archive(&b, &archive);
	b.seam.load(b.seam.self, 1);
	feed(&b, endpoint_of(&b, 1), buf_str(&archive));
	e = ended(&b, 1);
	CHECK(e && e->kind == CONTENT_DONE);
	e = find(&b, 1, CONTENT_IMAGE);
	CHECK(e && e->tag_count == 1);
	CHECK_STR(e->tags[0], "loaded:1");

	what = (struct content_save){ e->image.image_id, e->tags, 1 };
	b.seam.save(b.seam.self, 2, &what, 1);
	join(&b, &c, endpoint_of(&b, 2));
	c.stalls = true; /* a slow client misses nothing */
	await_end(&b, &c);
	CHECK_STR(c.reason, "");
	CHECK(c.out.len > 500000);
	e = ended(&b, 2);
	CHECK(e && e->kind == CONTENT_DONE);

	bench_open(&other);
	other.seam.load(other.seam.self, 1);
	feed(&other, endpoint_of(&other, 1), buf_str(&c.out));
	e = ended(&other, 1);
	CHECK(e && e->kind == CONTENT_DONE);
	CHECK_STR(find(&other, 1, CONTENT_IMAGE)->image.image_id, what.image_id);
	bench_close(&other);
	buf_clear(&c.out);
	bench_close(&b);
}

TEST(a_save_that_fails_before_its_first_byte_has_no_endpoint)
{
	struct content_save what = {
		.image_id =
			"sha256:0000000000000000000000000000000000000000000000000000000000000000"
	};
	struct content_event *e;
	struct bench b;

	bench_open(&b);
	b.seam.save(b.seam.self, 1, &what, 1);
	e = ended(&b, 1);
	CHECK(e && e->kind == CONTENT_FAILED && e->err_kind == ERR_NOT_FOUND);
	CHECK_INT(count_facts(&b, 1), 1);
	CHECK_INT(b.endpoints.all.count, 0);
	bench_close(&b);
}

static uint64_t begin_save(struct bench *b)
{
	struct content_event *e = pull(b, 1, "/busybox:1");
	struct content_save what;

	CHECK(e && e->kind == CONTENT_DONE);
	what = (struct content_save){ .image_id = e->image.image_id };
	b->seam.save(b->seam.self, 2, &what, 1);
	return endpoint_of(b, 2);
}

TEST(a_client_that_leaves_fails_its_request)
{
	struct content_event *e;
	struct bench b;
	struct client c;

	bench_open(&b);
	join(&b, &c, begin_save(&b));
	endpoint_leave(c.ep);
	e = ended(&b, 2);
	CHECK(e && e->kind == CONTENT_FAILED);
	CHECK(!c.is_over);
	buf_clear(&c.out);
	bench_close(&b);
}

TEST(an_endpoint_that_nobody_joins_goes)
{
	struct content_event *e;
	struct bench b;

	bench_open_with(&b, (struct content_hands_config){ .join_ms = 100 });
	(void)begin_save(&b);
	e = ended(&b, 2);
	CHECK(e && e->kind == CONTENT_FAILED);
	CHECK_INT(b.endpoints.all.count, 0);
	bench_close(&b);
}

TEST(hands_that_go_end_what_is_joined)
{
	struct bench b;
	struct client c;
	pid_t pid;

	bench_open(&b);
	join(&b, &c, begin_save(&b));
	pid = content_hands_pid(b.hands);
	bench_close(&b);
	CHECK_STR(c.reason, "the daemon is going down");
	CHECK(kill(pid, 0) < 0);
	buf_clear(&c.out);
}

TEST(an_import_makes_an_image_of_a_tar)
{
	AUTO_BUF struct buf tar = { 0 };
	struct content_make what = { .comment = "said so",
				     .config = STR("{\"Cmd\":[\"/x\"]}"),
				     .wall_ns = 1700000000000000123 };
	struct content_event *e;
	struct bench b;
	char *path;

	bench_open(&b);
	path = text(&b, b.temp.path, "/t.tar");
	CHECK(run_program((const char *[]){ "tar", "-cf", path, "-C", "/etc", "hostname", NULL }) ==
	      0);
	read_file(path, &tar);
	b.seam.import(b.seam.self, 1, &what);
	feed(&b, endpoint_of(&b, 1), buf_str(&tar));
	e = ended(&b, 1);
	CHECK(e && e->kind == CONTENT_DONE && e->image.layer_count == 1);
	CHECK(memmem(e->image.config.ptr, e->image.config.len, "2023-11-14T22:13:20.000000123Z",
		     30));
	CHECK(memmem(e->image.config.ptr, e->image.config.len, "said so", 7));
	bench_close(&b);
}

/* ---- stories: trees ---- */

static struct content_tree make_tree(struct bench *b)
{
	char *root = text(b, b->temp.path, "/tree");
	int fd;

	CHECK(mkdir(root, 0755) == 0);
	fd = open(text(b, root, "/hello"), O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	CHECK(fd >= 0 && write(fd, "world\n", 6) == 6 && close(fd) == 0);
	CHECK(symlink("hello", text(b, root, "/link")) == 0 &&
	      mkdir(text(b, root, "/in"), 0755) == 0);
	return (struct content_tree){ .root = root, .container = "web" };
}

TEST(files_are_looked_at_and_copied_out_and_in)
{
	struct content_put put = { .path = "/in", .has_owner = true, .uid = 1234, .gid = 55 };
	struct content_tree tree;
	struct content_event *e;
	struct stat st;
	struct bench b;
	struct client c;

	bench_open(&b);
	tree = make_tree(&b);
	b.seam.stat(b.seam.self, 1, &tree, "/link");
	e = ended(&b, 1);
	CHECK(e && e->kind == CONTENT_DONE);
	CHECK_STR(e->stat.name, "link");
	CHECK_STR(e->stat.link_target, "/hello");
	CHECK_INT(count_facts(&b, 1), 1);

	b.seam.archive(b.seam.self, 2, &tree, "/hello");
	join(&b, &c, endpoint_of(&b, 2));
	e = find(&b, 2, CONTENT_ENDPOINT);
	CHECK_STR(e->stat.name, "hello");
	CHECK_INT(e->stat.size_bytes, 6);
	CHECK_INT(e->stat.mode, 0640);
	await_end(&b, &c);
	CHECK_STR(c.reason, "");
	e = ended(&b, 2);
	CHECK(e && e->kind == CONTENT_DONE);

	b.seam.put_archive(b.seam.self, 3, &tree, &put);
	feed(&b, endpoint_of(&b, 3), buf_str(&c.out));
	e = ended(&b, 3);
	CHECK(e && e->kind == CONTENT_DONE);
	CHECK(stat(text(&b, tree.root, "/in/hello"), &st) == 0);
	CHECK(st.st_size == 6 && st.st_uid == 1234 && st.st_gid == 55);

	buf_clear(&c.out);
	b.seam.export(b.seam.self, 4, &tree);
	join(&b, &c, endpoint_of(&b, 4));
	await_end(&b, &c);
	CHECK_STR(c.reason, "");
	CHECK(c.out.len >= 2048 && memmem(c.out.data, c.out.len, "in/hello", 8));
	buf_clear(&c.out);
	bench_close(&b);
}

TEST(a_mount_of_the_container_is_part_of_its_tree)
{
	struct content_mount mount;
	struct content_tree tree;
	struct content_event *e;
	struct bench b;

	bench_open(&b);
	tree = make_tree(&b);
	mount = (struct content_mount){ tree.root, "/in", true };
	tree.mounts = &mount;
	tree.mount_count = 1;
	b.seam.stat(b.seam.self, 1, &tree, "/in/hello");
	e = ended(&b, 1);
	CHECK(e && e->kind == CONTENT_DONE);
	bench_close(&b);
}

TEST(a_file_that_is_not_there_is_named_with_its_container)
{
	struct content_tree tree;
	struct content_event *e;
	struct bench b;

	bench_open(&b);
	tree = make_tree(&b);
	b.seam.archive(b.seam.self, 1, &tree, "/nosuch");
	e = ended(&b, 1);
	CHECK(e && e->kind == CONTENT_FAILED && e->err_kind == ERR_NOT_FOUND);
	CHECK_STR(e->text, "Could not find the file /nosuch in container web");
	CHECK_INT(count_facts(&b, 1), 1);
	bench_close(&b);
}

/* ---- stories: the life of an image ---- */

TEST(a_container_runs_on_the_layers_of_a_pull_and_becomes_an_image)
{
	struct content_event *e;
	struct content_make what = { 0 };
	char *target, *upper;
	struct bench b;
	struct stat st;
	struct err err;
	int fd;

	bench_open(&b);
	e = pull(&b, 1, "/busybox:1");
	CHECK(e && e->kind == CONTENT_DONE);
	target = text(&b, b.temp.path, "/rootfs");
	CHECK(mkdir(target, 0755) == 0);
	CHECK(overlay_make_mountpoints(b.root, &err));
	CHECK(overlay_make(b.root, "c1", (const char *[]){ e->image.layers[0].diff_id }, 1, &err));
	CHECK(overlay_mount(b.root, "c1", target, &err));
	CHECK(stat(text(&b, target, "/bin/busybox"), &st) == 0);
	fd = open(text(&b, target, "/new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && close(fd) == 0 && umount(target) == 0);

	upper = overlay_upper(b.root, "c1");
	what.parent = e->image.image_id;
	what.container_id = "c1";
	b.seam.commit(b.seam.self, 2, &what, upper);
	free(upper);
	e = ended(&b, 2);
	CHECK(e && e->kind == CONTENT_DONE && e->image.layer_count == 2);
	CHECK(stat(text(&b, text(&b, b.root, "/layers/"),
			text(&b, e->image.layers[1].diff_id + 7, "/diff/new")),
		   &st) == 0);
	bench_close(&b);
}

TEST(an_image_goes_but_for_layers_in_use)
{
	const char *twice[2];
	struct content_event *e, *pulled;
	struct stat st;
	struct bench b;
	char *layer;

	bench_open(&b);
	pulled = pull(&b, 1, "/busybox:1");
	CHECK(pulled && pulled->kind == CONTENT_DONE);
	twice[0] = twice[1] = pulled->image.layers[0].diff_id;
	layer = text(&b, text(&b, b.root, "/layers/"), twice[0] + 7);
	b.seam.remove(b.seam.self, 2, pulled->image.image_id, twice, 2);
	e = ended(&b, 2);
	CHECK(e && e->kind == CONTENT_DONE && stat(layer, &st) == 0);
	b.seam.gc(b.seam.self, 3, NULL, 0, NULL, 0);
	e = ended(&b, 3);
	CHECK(e && e->kind == CONTENT_DONE && e->freed_bytes > 500000 && stat(layer, &st) < 0);
	bench_close(&b);
}

/* ---- the registry ---- */

static int free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = bind(fd, (struct sockaddr *)&a, size) == 0 &&
		  getsockname(fd, (struct sockaddr *)&a, &size) == 0;

	close(fd);
	return ok ? ntohs(a.sin_port) : 0;
}

static bool answers(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	close(fd);
	return ok;
}

static void run_registry(const char *config)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 1);
	dup2(null, 2);
	execlp("docker-registry", "docker-registry", "serve", config, NULL);
	_exit(127);
}

static bool start_registry(const struct temp *t)
{
	int port = free_port();
	char path[96], url[96];
	FILE *f;

	(void)snprintf(registry, sizeof(registry), "127.0.0.1:%d", port);
	(void)snprintf(path, sizeof(path), "%s/registry.yml", t->path);
	f = fopen(path, "w");
	if (!f)
		return false;
	fprintf(f,
		"version: 0.1\nstorage: {filesystem: {rootdirectory: %s/registry}}\n"
		"http: {addr: %s}\nlog: {level: error}\n",
		t->path, registry);
	fclose(f);
	registry_pid = fork();
	if (registry_pid == 0)
		run_registry(path);
	for (int i = 0; i < 200 && !answers(port); i++)
		usleep(50000);
	(void)snprintf(url, sizeof(url), "http://%s", registry);
	return run_program((const char *[]){ images, "push", url, "busybox:1", NULL }) == 0 &&
	       run_program((const char *[]){ images, "push", url, "library/busybox:1", NULL }) == 0;
}

static bool can_run(void)
{
	if (geteuid() != 0)
		printf("skipped: needs root\n");
	else if (access("/usr/bin/docker-registry", X_OK) < 0)
		printf("skipped: needs docker-registry\n");
	else if (access("/usr/bin/busybox", X_OK) < 0)
		printf("skipped: needs busybox\n");
	else
		return true;
	return false;
}

int main(int argc, char **argv)
{
	struct temp t;
	int status = 1;

	if (!can_run())
		return 0;
	signal(SIGPIPE, SIG_IGN);
	(void)snprintf(program, sizeof(program), "%s", getenv("SHOAL_CONTENT"));
	(void)snprintf(images, sizeof(images), "%s", getenv("MAKE_BUSYBOX"));
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		perror("unshare");
		return 1;
	}
	t = temp_make();
	(void)snprintf(fake, sizeof(fake), "%s/fake", t.path);
	if (start_registry(&t))
		status = test_run_all(argc, argv);
	else
		printf("the registry did not start\n");
	if (registry_pid > 0) {
		kill(registry_pid, SIGKILL);
		waitpid(registry_pid, NULL, 0);
	}
	temp_remove(&t);
	return status;
}
