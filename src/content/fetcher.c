#include "content/fetcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "content/manifest.h"

#define WHAT "talking to the registry"

/* -- in the worker -- */

struct orders {
	struct channel *up;
	struct registry *registry;
	int64_t told;
};

static bool answer(struct orders *o, struct record_writer *w, struct err *e)
{
	record_add_i64(w, "endpoint", registry_endpoint(o->registry));
	return channel_send(o->up, w, NULL, 0, e);
}

static bool answer_done(struct orders *o, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };

	record_begin(&w);
	record_add_c(&w, "event", "done");
	return answer(o, &w, e);
}

static bool pass_on(void *self, const void *data, size_t size)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct orders *o = self;
	struct err ignored;

	record_begin(&w);
	record_add_c(&w, "event", "data");
	record_add(&w, "bytes", str_bytes(data, size));
	return channel_send(o->up, &w, NULL, 0, &ignored);
}

static void tell(void *self, int64_t current)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct orders *o = self;
	struct err ignored;

	if (current >= o->told && current - o->told < (512 << 10))
		return;
	o->told = current;
	record_begin(&w);
	record_add_c(&w, "event", "progress");
	record_add_i64(&w, "current", current);
	(void)!channel_send(o->up, &w, NULL, 0, &ignored);
}

static bool do_manifest(struct orders *o, const char *reference, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	AUTO_BUF struct buf body = { 0 };
	char type[256], digest[256];

	if (!registry_manifest(o->registry, reference, &body, type, digest, e))
		return false;
	record_begin(&w);
	record_add_c(&w, "event", "manifest");
	record_add_c(&w, "type", type);
	record_add_c(&w, "digest", digest);
	record_add(&w, "body", buf_str(&body));
	return answer(o, &w, e);
}

static bool do_has(struct orders *o, const char *digest, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	bool has = false;

	if (!registry_has_blob(o->registry, digest, &has, e))
		return false;
	record_begin(&w);
	record_add_c(&w, "event", "has");
	record_add_c(&w, "has", has ? "1" : "0");
	return answer(o, &w, e);
}

static bool do_order(struct orders *o, const struct record *r, struct err *e)
{
	AUTO_FREE char *op = record_dup(r, "op"), *digest = record_dup(r, "digest");
	AUTO_FREE char *reference = record_dup(r, "reference"), *type = record_dup(r, "type");
	AUTO_FREE char *body = str_dup(record_get(r, "body"));
	size_t body_len = record_get(r, "body").len;
	int64_t size = record_get_i64(r, "size", 0);
	AUTO_CLOSE int fd = channel_take_fd(o->up);

	registry_use(o->registry, record_get_i64(r, "endpoint", 0));
	o->told = 0;
	if (op && strcmp(op, "manifest") == 0 && reference)
		return do_manifest(o, reference, e);
	if (op && strcmp(op, "blob") == 0 && digest)
		return registry_blob(o->registry, digest, size, pass_on, o, e) && answer_done(o, e);
	if (op && strcmp(op, "login") == 0)
		return registry_login(o->registry, e) && answer_done(o, e);
	if (op && strcmp(op, "has") == 0 && digest)
		return do_has(o, digest, e);
	if (op && strcmp(op, "put_blob") == 0 && digest && fd >= 0)
		return registry_put_blob(o->registry, digest, fd, size, tell, o, e) &&
		       answer_done(o, e);
	if (op && strcmp(op, "put_manifest") == 0 && reference && type)
		return registry_put_manifest(o->registry, reference, type,
					     str_bytes(body, body_len), e) &&
		       answer_done(o, e);
	return fail(e, ERR_INTERNAL, "an order that a fetcher does not know");
}

static bool run(struct channel *up, void *arg, struct err *e)
{
	struct orders o = { .up = up, .registry = registry_new(arg) };
	struct record r;
	struct err end;

	srand((unsigned)getpid() ^ (unsigned)time(NULL));
	/* The job closes the channel when it needs nothing more. */
	while (channel_receive(up, &r, &end)) {
		struct err why = { 0 };

		if (!do_order(&o, &r, &why))
			channel_send_failure(up, &why);
	}
	registry_free(o.registry);
	return true;
}

/* -- in the job -- */

bool fetcher_start(struct fetcher *f, const struct registry_setup *setup, uid_t uid, struct err *e)
{
	struct sandbox s = { .kind = SANDBOX_NET, .uid = uid };

	return worker_start(&f->worker, &s, run, (void *)setup, NULL, 0, e);
}

static bool order(struct fetcher *f, struct record_writer *w, const int *fds, size_t fd_count,
		  struct err *e)
{
	record_add_i64(w, "endpoint", f->endpoint);
	return channel_send(&f->worker.channel, w, fds, fd_count, e) ||
	       worker_gone(&f->worker, WHAT, e);
}

bool fetcher_order_blob(struct fetcher *f, const char *digest, int64_t size, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };

	record_begin(&w);
	record_add_c(&w, "op", "blob");
	record_add_c(&w, "digest", digest);
	record_add_i64(&w, "size", size);
	return order(f, &w, NULL, 0, e);
}

bool fetcher_order_put(struct fetcher *f, const char *digest, int64_t size, int fd, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };

	record_begin(&w);
	record_add_c(&w, "op", "put_blob");
	record_add_c(&w, "digest", digest);
	record_add_i64(&w, "size", size);
	return order(f, &w, &fd, 1, e);
}

static bool wait_for(struct fetcher *f, const char *event, struct record *r, struct err *e)
{
	do
		if (!worker_receive(&f->worker, WHAT, r, e))
			return false;
	while (str_equal_c(record_get(r, "event"), "progress"));
	if (!str_equal_c(record_get(r, "event"), event))
		return fail(e, ERR_INTERNAL, "a fetcher answered what was not asked");
	f->endpoint = record_get_i64(r, "endpoint", 0);
	return true;
}

bool fetcher_manifest(struct fetcher *f, const char *reference, struct buf *body, char type[256],
		      char digest[256], struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct record r;

	record_begin(&w);
	record_add_c(&w, "op", "manifest");
	record_add_c(&w, "reference", reference);
	if (!order(f, &w, NULL, 0, e) || !wait_for(f, "manifest", &r, e))
		return false;
	buf_clear(body);
	*body = BUF_MAX(MANIFEST_BYTES_MAX);
	snprintf(type, 256, "%.*s", STR_FMT(record_get(&r, "type")));
	snprintf(digest, 256, "%.*s", STR_FMT(record_get(&r, "digest")));
	return buf_append_str(body, record_get(&r, "body")) ||
	       fail(e, ERR_EXHAUSTED, "the manifest has more than %u bytes", MANIFEST_BYTES_MAX);
}

bool fetcher_login(struct fetcher *f, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct record r;

	record_begin(&w);
	record_add_c(&w, "op", "login");
	return order(f, &w, NULL, 0, e) && wait_for(f, "done", &r, e);
}

bool fetcher_has(struct fetcher *f, const char *digest, bool *has, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct record r;

	record_begin(&w);
	record_add_c(&w, "op", "has");
	record_add_c(&w, "digest", digest);
	if (!order(f, &w, NULL, 0, e) || !wait_for(f, "has", &r, e))
		return false;
	*has = str_equal_c(record_get(&r, "has"), "1");
	return true;
}

bool fetcher_put_manifest(struct fetcher *f, const char *reference, const char *type,
			  struct str body, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct record r;

	record_begin(&w);
	record_add_c(&w, "op", "put_manifest");
	record_add_c(&w, "reference", reference);
	record_add_c(&w, "type", type);
	record_add(&w, "body", body);
	return order(f, &w, NULL, 0, e) && wait_for(f, "done", &r, e);
}
