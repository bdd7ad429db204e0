/* An image from a registry into the store.
 *
 *   a layer:  EXISTS
 *             WAITING -> FETCHING -> FETCHED -> UNPACKING -> COMPLETE
 *
 * Three fetchers bring blobs, two workers unpack, in the order of the layers; layers lie in
 * directories of their own, so any of them may be first. A layer that the image has twice is
 * brought once. When one of them fails the pull fails; layers that are complete stay and are there
 * for the next try. */
#include <stdio.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "content/layer.h"
#include "content/source.h"

#define FETCHERS        16 /* at most */
#define FETCHERS_WANTED 3
#define UNPACKERS       2
#define SHORT_ID        12
#define REPORT_MS       100
#define WHAT            "downloading a layer"

enum step { EXISTS, WAITING, FETCHING, FETCHED, UNPACKING, COMPLETE };

struct pull_layer {
	enum step step;
	const struct descriptor *blob;
	const char *diff_id;
	char id[SHORT_ID + 1];
	struct fetcher *fetcher; /* FETCHING */
	struct blob_writer writer;
	struct unpacking unpacking;
	int64_t reported_ms;
	size_t same_as; /* the first layer with this diff id */
	struct layer layer;
};

struct pull {
	struct job *job;
	struct remote remote;
	struct source source;
	struct fetcher fetchers[FETCHERS];
	size_t fetcher_count, fetchers_wanted;
	struct pull_layer *layers;
	size_t layer_count;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static void short_id(const char *digest, char out[SHORT_ID + 1])
{
	snprintf(out, SHORT_ID + 1, "%s", digest + 7);
}

static void report(struct pull *p, struct pull_layer *l, const char *status, int64_t current,
		   int64_t total)
{
	int64_t now = now_ms();

	if (now - l->reported_ms < REPORT_MS && current < total)
		return;
	l->reported_ms = now;
	job_progress(p->job, status, l->id, current, total);
}

/* -- what there is to do -- */

static void plan_layer(struct pull *p, size_t i)
{
	struct pull_layer *l = &p->layers[i];

	*l = (struct pull_layer){ .blob = &p->source.manifest.items[i],
				  .diff_id = p->source.config.diff_ids[i],
				  .same_as = i,
				  .step = WAITING,
				  .writer = { .fd = -1 } };
	short_id(l->blob->digest, l->id);
	for (size_t k = 0; k < i && l->same_as == i; k++)
		if (strcmp(p->layers[k].diff_id, l->diff_id) == 0)
			l->same_as = k;
	if (l->same_as != i || store_layer(p->job->store, l->diff_id, &l->layer))
		l->step = EXISTS;
	job_say(p->job, l->id, l->step == EXISTS ? "Already exists" : "Pulling fs layer");
}

static size_t fetchers_wanted(const struct job *j)
{
	int64_t said = record_get_i64(j->request, "downloads", FETCHERS_WANTED);

	return said < 1 ? FETCHERS_WANTED : said > FETCHERS ? FETCHERS : (size_t)said;
}

static bool plan(struct pull *p, struct err *e)
{
	int64_t total = 0;

	p->fetchers_wanted = fetchers_wanted(p->job);
	p->layer_count = p->source.manifest.item_count;
	p->layers = xcalloc(p->layer_count, sizeof(*p->layers));
	for (size_t i = 0; i < p->layer_count; i++) {
		int64_t size = p->source.manifest.items[i].size_bytes;

		if (size > p->job->limits.bytes)
			return fail(e, ERR_EXHAUSTED,
				    "layer %s has %lld bytes, more than %lld are not taken",
				    p->source.manifest.items[i].digest, (long long)size,
				    (long long)p->job->limits.bytes);
		plan_layer(p, i);
		total += p->layers[i].step == WAITING;
	}
	for (size_t i = 0, seen = 0; i < p->layer_count; i++)
		if (p->layers[i].step == WAITING && ++seen > p->fetchers_wanted)
			job_say(p->job, p->layers[i].id, "Waiting");
	while (p->fetcher_count < p->fetchers_wanted && (int64_t)p->fetcher_count < total) {
		p->fetchers[p->fetcher_count].endpoint = p->fetchers[0].endpoint;
		if (!fetcher_start(&p->fetchers[p->fetcher_count], &p->remote.setup,
				   p->job->settings->uid, e))
			return false;
		p->fetcher_count++;
	}
	return true;
}

/* -- steps -- */

static bool begin_fetch(struct pull *p, struct pull_layer *l, struct fetcher *f, struct err *e)
{
	AUTO_FREE char *name = xasprintf("blob-%zu", (size_t)(l - p->layers));

	l->step = FETCHING;
	l->fetcher = f;
	return blob_begin(&l->writer, p->job->dir, name, e) &&
	       fetcher_order_blob(f, l->blob->digest, l->blob->size_bytes, e);
}

static bool end_fetch(struct pull *p, struct pull_layer *l, struct err *e)
{
	char digest[DIGEST_SHA256_LEN + 1];

	l->fetcher = NULL;
	job_say(p->job, l->id, "Verifying Checksum");
	if (!blob_end(&l->writer, p->job->store, l->blob->digest, digest, e))
		return false;
	job_say(p->job, l->id, "Download complete");
	l->step = FETCHED;
	return true;
}

static bool on_fetched(struct pull *p, struct pull_layer *l, const struct record *r, struct err *e)
{
	struct str event = record_get(r, "event"), bytes;

	if (str_equal_c(event, "failed"))
		return record_failure(r, e);
	if (str_equal_c(event, "done"))
		return end_fetch(p, l, e);
	if (!str_equal_c(event, "data"))
		return fail(e, ERR_INTERNAL, "a fetcher answered what was not asked");
	bytes = record_get(r, "bytes");
	if ((int64_t)bytes.len > l->blob->size_bytes - l->writer.bytes)
		return fail(e, ERR_INVALID, "the registry sends more than the %lld bytes of %s",
			    (long long)l->blob->size_bytes, l->blob->digest);
	if (!blob_add(&l->writer, bytes.ptr, bytes.len, e))
		return false;
	report(p, l, "Downloading", l->writer.bytes, l->blob->size_bytes);
	return true;
}

static bool step_fetch(struct pull *p, struct pull_layer *l, struct err *e)
{
	struct channel *c = &l->fetcher->worker.channel;
	bool has = true;
	struct record r;

	if (!channel_fill(c))
		return worker_gone(&l->fetcher->worker, WHAT, e);
	while (l->step == FETCHING) {
		if (!channel_next(c, &r, &has, e))
			return false;
		if (!has)
			return true;
		if (!on_fetched(p, l, &r, e))
			return false;
	}
	return true;
}

static bool begin_unpack(struct pull *p, struct pull_layer *l, struct err *e)
{
	AUTO_FREE char *name = xasprintf("layer-%zu", (size_t)(l - p->layers));

	l->step = UNPACKING;
	return unpacking_start(&l->unpacking, p->job, name, l->writer.fd, l->blob->digest,
			       l->blob->size_bytes, l->diff_id, e);
}

static bool step_unpack(struct pull *p, struct pull_layer *l, struct err *e)
{
	bool is_done;

	if (!unpacking_step(&l->unpacking, p->job, &is_done, e)) {
		l->step = WAITING;
		return while_doing(e, "failed to register layer");
	}
	if (!is_done) {
		report(p, l, "Extracting", l->unpacking.current, l->blob->size_bytes);
		return true;
	}
	l->reported_ms = 0;
	report(p, l, "Extracting", l->blob->size_bytes, l->blob->size_bytes);
	job_say(p->job, l->id, "Pull complete");
	l->layer = l->unpacking.layer;
	l->step = COMPLETE;
	unpacking_end(&l->unpacking);
	blob_clear(&l->writer);
	return true;
}

/* Another layer failed: those that are here and being unpacked are finished, for the next try. */
static void finish_unpacking(struct pull *p)
{
	struct err ignored;

	for (size_t i = 0; i < p->layer_count; i++)
		if (p->layers[i].step == UNPACKING)
			(void)!unpacking_wait(&p->layers[i].unpacking, p->job, &ignored);
}

/* -- all of it -- */

static struct fetcher *idle_fetcher(struct pull *p)
{
	for (size_t f = 0; f < p->fetcher_count; f++) {
		bool is_busy = false;

		for (size_t i = 0; i < p->layer_count; i++)
			is_busy |= p->layers[i].fetcher == &p->fetchers[f];
		if (!is_busy)
			return &p->fetchers[f];
	}
	return NULL;
}

static bool begin_what_can(struct pull *p, struct err *e)
{
	int unpacking = 0;

	for (size_t i = 0; i < p->layer_count; i++)
		unpacking += p->layers[i].step == UNPACKING;
	for (size_t i = 0; i < p->layer_count; i++) {
		struct pull_layer *l = &p->layers[i];
		struct fetcher *f = l->step == WAITING ? idle_fetcher(p) : NULL;

		if (f && !begin_fetch(p, l, f, e))
			return false;
		if (l->step == FETCHED && unpacking < UNPACKERS) {
			unpacking++;
			if (!begin_unpack(p, l, e))
				return false;
		}
	}
	return true;
}

static bool step(struct pull *p, struct pollfd *fds, size_t *owners, struct err *e)
{
	nfds_t count = 0;

	for (size_t i = 0; i < p->layer_count; i++) {
		struct pull_layer *l = &p->layers[i];

		if (l->step != FETCHING && l->step != UNPACKING)
			continue;
		owners[count] = i;
		fds[count++] = (struct pollfd){ .events = POLLIN,
						.fd = l->step == FETCHING
							      ? l->fetcher->worker.channel.fd
							      : l->unpacking.worker.channel.fd };
	}
	if (poll(fds, count, -1) < 0)
		return errno == EINTR || fail_sys(e, errno, "wait for workers");
	for (nfds_t k = 0; k < count; k++) {
		struct pull_layer *l = &p->layers[owners[k]];

		if (fds[k].revents &&
		    !(l->step == FETCHING ? step_fetch(p, l, e) : step_unpack(p, l, e)))
			return false;
	}
	return true;
}

static bool is_all_there(const struct pull *p)
{
	for (size_t i = 0; i < p->layer_count; i++)
		if (p->layers[i].step != EXISTS && p->layers[i].step != COMPLETE)
			return false;
	return true;
}

static bool bring_layers(struct pull *p, struct err *e)
{
	struct pollfd fds[FETCHERS + UNPACKERS];
	size_t owners[FETCHERS + UNPACKERS];

	while (!is_all_there(p))
		if (!begin_what_can(p, e) || !step(p, fds, owners, e)) {
			finish_unpacking(p);
			return false;
		}
	return true;
}

static bool keep_image(struct pull *p, struct image *image, struct err *e)
{
	struct source *s = &p->source;
	char digest[DIGEST_SHA256_LEN + 1];

	snprintf(image->id, sizeof(image->id), "%s", s->manifest.config.digest);
	snprintf(image->manifest, sizeof(image->manifest), "%s", s->manifest_digest);
	snprintf(image->manifest_type, sizeof(image->manifest_type), "%s", s->manifest.media_type);
	image->layers = arena_alloc(&s->texts, p->layer_count * sizeof(*image->layers));
	image->layer_count = p->layer_count;
	for (size_t i = 0; i < p->layer_count; i++) {
		image->layers[i] = p->layers[p->layers[i].same_as].layer;
		image->size_bytes += image->layers[i].size_bytes;
	}
	return store_put_text(p->job->store, p->job->dir, buf_str(&s->manifest_text), digest, e) &&
	       store_put_text(p->job->store, p->job->dir, buf_str(&s->config_text), digest, e) &&
	       store_put_image(p->job->store, p->job->dir, image, e);
}

static bool report_done(struct pull *p, const struct image *image, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	AUTO_FREE char *have = record_dup(p->job->request, "have");
	bool is_same = have && strcmp(have, image->id) == 0;

	job_say(p->job, NULL, "Digest: %s", p->source.digest);
	job_say(p->job, NULL, "Status: %s for %s",
		is_same ? "Image is up to date" : "Downloaded newer image", p->remote.familiar);
	job_event(p->job, &w, "done");
	record_add_c(&w, "digest", p->source.digest);
	record_add_c(&w, "media_type", p->source.media_type);
	record_add_i64(&w, "manifest_bytes", p->source.size_bytes);
	return job_add_image(p->job, image, &w, e) && job_send(p->job, &w, e);
}

static bool find_source(struct pull *p, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	struct platform want;

	if (!platform_parse(job_text(p->job, "platform", &a), &a, &want, e) ||
	    !remote_open(&p->remote, p->job, "pull", e) ||
	    !fetcher_start(&p->fetchers[0], &p->remote.setup, p->job->settings->uid, e))
		return false;
	p->fetcher_count = 1;
	if (!source_name(&p->source, p->job, &p->fetchers[0], &p->remote, e))
		return false;
	job_say(p->job, remote_target(&p->remote), "Pulling from %s", p->remote.ref.path);
	return source_pick(&p->source, p->job, &p->fetchers[0], &p->remote, &want, e) &&
	       source_config(&p->source, p->job, &p->fetchers[0], e);
}

static bool pull(struct pull *p, struct err *e)
{
	struct image image = { 0 };

	return find_source(p, e) && plan(p, e) && bring_layers(p, e) && keep_image(p, &image, e) &&
	       report_done(p, &image, e);
}

bool job_pull(struct job *j, struct err *e)
{
	struct pull p = { .job = j };
	bool is_done = pull(&p, e);

	for (size_t i = 0; i < p.layer_count; i++) {
		unpacking_end(&p.layers[i].unpacking);
		blob_clear(&p.layers[i].writer);
	}
	for (size_t i = 0; i < p.fetcher_count; i++)
		worker_end(&p.fetchers[i].worker);
	free(p.layers);
	source_clear(&p.source);
	remote_clear(&p.remote);
	return is_done;
}

/* What a registry says of a reference, for GET /distribution: nothing is kept. */
bool job_inspect(struct job *j, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct pull p = { .job = j };
	struct platform here = platform_here();
	bool is_done = remote_open(&p.remote, j, "pull", e) &&
		       fetcher_start(&p.fetchers[0], &p.remote.setup, j->settings->uid, e) &&
		       source_name(&p.source, j, &p.fetchers[0], &p.remote, e);

	if (is_done && !p.source.named.is_index)
		is_done = source_pick(&p.source, j, &p.fetchers[0], &p.remote, &here, e) &&
			  source_config(&p.source, j, &p.fetchers[0], e);
	if (is_done) {
		job_event(j, &w, "done");
		record_add_c(&w, "digest", p.source.digest);
		record_add_c(&w, "media_type", p.source.media_type);
		record_add_i64(&w, "manifest_bytes", p.source.size_bytes);
		for (size_t i = 0; p.source.named.is_index && i < p.source.named.item_count; i++) {
			const struct platform *at = &p.source.named.items[i].platform;

			record_add(&w, "platform",
				   str_of(arena_printf(&p.source.texts, "%s/%s/%s", at->os,
						       at->architecture, at->variant)));
		}
		if (!p.source.named.is_index)
			record_add(&w, "platform",
				   str_of(arena_printf(&p.source.texts, "%s/%s/%s",
						       p.source.config.platform.os,
						       p.source.config.platform.architecture,
						       p.source.config.platform.variant)));
		is_done = job_send(j, &w, e);
	}
	worker_end(&p.fetchers[0].worker);
	source_clear(&p.source);
	remote_clear(&p.remote);
	return is_done;
}

/* Does the registry know who we are? Nothing is asked for but that. */
bool job_login(struct job *j, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct remote remote = { 0 };
	struct fetcher fetcher = { 0 };
	bool is_done = remote_open(&remote, j, "", e) &&
		       fetcher_start(&fetcher, &remote.setup, j->settings->uid, e) &&
		       fetcher_login(&fetcher, e);

	if (is_done) {
		job_event(j, &w, "done");
		is_done = job_send(j, &w, e);
	}
	worker_end(&fetcher.worker);
	remote_clear(&remote);
	return is_done;
}
