#include "sim/hands.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/tree.h"
#include "node/node.h"
#include "pb/pb.h"
#include "seam/input.h"
#include "sim/disk.h"
#include "sim/world.h"

#define CERTIFICATE_LIFE_S 200

enum box_state { BOX_CREATED, BOX_RUNNING, BOX_ENDED };

struct box {
	struct tree_node by_task;
	enum box_state state;
	int exit_code;
	int64_t started_ms, ended_ms; /* while it runs or when it did */
	char task_id[64];
};

/* A log that somebody reads. */
struct log_reading {
	struct tree_node by_ticket;
	uint64_t ticket;
	struct log_wanted wanted;
	uint64_t next, total; /* lines told, and known to be there */
	int64_t started_ms;
	char task_id[64];
};

struct hands {
	struct sim_node *owner;
	struct executor executor;
	struct keys keys;
	struct hands_faults faults;
	struct tree boxes;
	struct tree readings; /* struct log_reading */
	uint64_t life;        /* of the process: what an earlier one asked for is forgotten */
	uint64_t last_key;
	bool has_identity;
	/* How the keys on this host's disk are locked, and by what? */
	bool is_lock_known;
	uint8_t unlock_key[UNLOCK_KEY_BYTES];
	bool is_locked;
	uint64_t lock_version;
	/* A manager's first certificate is not on the disk yet; the role of the one that is, or "". */
	bool is_unwritten;
	char written_role[32];
	char *root; /* believed in */
	/* Who signed the certificate, and whose signature on that one is delivered with it; or NULL. */
	char *issuer, *cross;
	int64_t installed_s; /* wall time */
	char role[32], org[64];
	int64_t line_ms;      /* from one line of a container to the next */
	int64_t last_done_ms; /* commands finish in the order given, which keeps them in order per
				 task */
};

enum work_kind {
	WORK_LIST,
	WORK_PREPARE,
	WORK_START,
	WORK_STOP,
	WORK_REMOVE,
	WORK_LOG,
	WORK_KEYS,
	WORK_EXIT
};

struct work {
	struct hands *hands;
	enum work_kind kind;
	uint64_t ticket, life;
	size_t count;
	int exit_code;
	char *a, *b, *c; /* of keys */
	bool is_refused;
	enum err_kind err_kind; /* is_refused */
	char task_id[64];
};

static int compare_box(const void *key, const struct tree_node *node)
{
	return strcmp(key, tree_entry(node, struct box, by_task)->task_id);
}

static struct box *find_box(const struct hands *h, const char *task_id)
{
	return tree_entry(tree_find(&h->boxes, task_id), struct box, by_task);
}

/* ---- logs ---- */

#define LINES_AT_START 3
#define LINE_MS        250
#define LINES_AT_ONCE  5 /* in a batch */

static int compare_reading(const void *key, const struct tree_node *node)
{
	uint64_t a = *(const uint64_t *)key,
		 b = tree_entry(node, struct log_reading, by_ticket)->ticket;

	return (a > b) - (a < b);
}

static struct log_reading *find_reading(const struct hands *h, uint64_t ticket)
{
	return tree_entry(tree_find(&h->readings, &ticket), struct log_reading, by_ticket);
}

static void reading_free(struct hands *h, struct log_reading *r)
{
	tree_remove(&h->readings, &r->by_ticket);
	free(r);
}

static uint64_t lines_of(const struct hands *h, const struct box *b)
{
	int64_t end_ms = b->state == BOX_ENDED ? b->ended_ms : h->owner->world->now_ms;

	return b->started_ms ? LINES_AT_START + (uint64_t)((end_ms - b->started_ms) / h->line_ms)
			     : 0;
}

static int64_t line_at_ms(const struct hands *h, int64_t started_ms, uint64_t number)
{
	return number < LINES_AT_START
		       ? started_ms
		       : started_ms + (int64_t)(number - LINES_AT_START + 1) * h->line_ms;
}

static int64_t wall_ns_of(const struct hands *h, int64_t ms)
{
	struct world *w = h->owner->world;

	return world_now(w).wall_ns - (w->now_ms - ms) * 1000000;
}

static void box_ended(struct hands *h, struct box *b)
{
	if (b->state == BOX_RUNNING)
		b->ended_ms = h->owner->world->now_ms;
	b->state = BOX_ENDED;
}

/* What its log holds by now, and where in it a reader begins that was there before the container.
 */
static void see_box(const struct hands *h, struct log_reading *r, const struct box *b)
{
	r->total = lines_of(h, b);
	if (r->started_ms)
		return;
	r->started_ms = b->started_ms;
	if (r->wanted.tail >= 0 && (uint64_t)r->wanted.tail < r->total)
		r->next = r->total - (uint64_t)r->wanted.tail;
	while (r->next < r->total &&
	       wall_ns_of(h, line_at_ms(h, r->started_ms, r->next)) < r->wanted.since_ns)
		r->next++;
}

/* A log that is open outlives its container. */
static void box_free(struct hands *h, struct box *b)
{
	struct log_reading *r;

	tree_each (&h->readings, struct log_reading, by_ticket, r)
		if (strcmp(r->task_id, b->task_id) == 0 && r->wanted.follow)
			see_box(h, r, b);
	tree_remove(&h->boxes, &b->by_task);
	free(b);
}

static struct input *tell(struct hands *h, const struct work *w, enum executor_event_kind kind)
{
	struct input *in;
	struct inbox *box;

	if (!h->owner->node || w->life != h->life)
		return NULL;
	box = node_inbox(h->owner->node);
	in = inbox_add(box, INPUT_EXECUTOR, w->ticket);
	in->executor.kind = kind;
	in->executor.task_id = arena_strdup(&box->memory, w->task_id);
	in->executor.text = "";
	world_wake(h->owner);
	return in;
}

static bool fails(struct hands *h, unsigned in_a_thousand)
{
	return prng_chance(&h->owner->world->prng, in_a_thousand, 1000);
}

static void tell_failure(struct hands *h, const struct work *w)
{
	bool is_temporary = prng_chance(&h->owner->world->prng, 1, 2);
	struct input *in = tell(h, w, EXECUTOR_FAILED);

	if (!in)
		return;
	in->executor.is_temporary = is_temporary;
	in->executor.text = "it did not work";
}

static void do_prepare(struct hands *h, const struct work *w)
{
	struct box *b = find_box(h, w->task_id);
	struct input *in;

	if (!b && fails(h, h->faults.prepare_fails)) {
		tell_failure(h, w);
		return;
	}
	if (!b) {
		b = NEW(struct box);
		memcpy(b->task_id, w->task_id, sizeof(b->task_id));
		tree_insert(&h->boxes, b->task_id, &b->by_task);
	}
	in = tell(h, w, EXECUTOR_DONE);
	if (in)
		in->executor.container_id = in->executor.task_id;
}

static void do_start(struct hands *h, const struct work *w)
{
	struct box *b = find_box(h, w->task_id);
	struct input *in;

	if (!b || b->state == BOX_ENDED ||
	    (b->state == BOX_CREATED && fails(h, h->faults.start_fails))) {
		tell_failure(h, w);
		return;
	}
	if (b->state != BOX_RUNNING)
		b->started_ms = h->owner->world->now_ms;
	b->state = BOX_RUNNING;
	in = tell(h, w, EXECUTOR_DONE);
	if (in)
		in->executor.pid = 1000;
}

static void tell_all(struct hands *h, const struct work *w)
{
	struct box *b;

	tree_each (&h->boxes, struct box, by_task, b) {
		struct work about = *w;
		struct input *in;

		memcpy(about.task_id, b->task_id, sizeof(about.task_id));
		in = tell(h, &about, EXECUTOR_LISTED);
		if (!in)
			return;
		in->executor.is_running = b->state == BOX_RUNNING;
		in->executor.exit_code = b->exit_code;
	}
	(void)tell(h, w, EXECUTOR_LIST_END);
}

static void do_exit(struct hands *h, struct work *w)
{
	struct box *b = find_box(h, w->task_id);
	struct input *in;

	if (!b || b->state != BOX_RUNNING)
		return;
	box_ended(h, b);
	b->exit_code = w->exit_code;
	w->life = h->life; /* whoever lives now hears of it */
	w->ticket = 0;
	in = tell(h, w, EXECUTOR_EXITED);
	if (in)
		in->executor.exit_code = w->exit_code;
}

static void plan_log(struct hands *h, const struct log_reading *r, int64_t delay_ms);

/* "line 12\n": written by hand, for most of what a run writes is this. */
static struct str write_line(struct arena *memory, uint64_t number)
{
	char text[32], *end = text + sizeof(text), *at = end;

	*--at = '\n';
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	at -= 5;
	memcpy(at, "line ", 5);
	return str_bytes(arena_copy(memory, at, (size_t)(end - at)), (size_t)(end - at));
}

static void tell_lines(struct hands *h, const struct work *w, struct log_reading *r, bool is_last)
{
	struct input *in = tell(h, w, EXECUTOR_LOG);
	uint64_t count = r->total - r->next;
	struct log_record *records;
	struct arena *memory;

	if (!in)
		return;
	memory = &node_inbox(h->owner->node)->memory;
	if (count > LINES_AT_ONCE) {
		count = LINES_AT_ONCE;
		is_last = false;
	}
	records = arena_alloc(memory, (count + 1) * sizeof(*records));
	for (uint64_t i = 0; i < count; i++) {
		uint64_t number = r->next++;

		records[i] = (struct log_record){
			.at_ns = wall_ns_of(h, line_at_ms(h, r->started_ms, number)),
			.is_stderr = number % 3 == 2,
			.text = write_line(memory, number),
		};
	}
	in->executor.log = (struct log_batch){
		.records = records, .count = count, .attributes = "", .is_last = is_last
	};
	if (is_last)
		reading_free(h, r);
}

/* Who does not follow gets what was there when it was asked for. */
static void do_log(struct hands *h, struct work *w)
{
	struct log_reading *r = find_reading(h, w->ticket);
	struct box *b = r ? find_box(h, r->task_id) : NULL;
	bool goes_on = r && r->wanted.follow && b && b->state != BOX_ENDED;

	if (!r)
		return;
	memcpy(w->task_id, r->task_id, sizeof(w->task_id));
	if (b && r->wanted.follow)
		see_box(h, r, b);
	if (r->total == r->next && goes_on)
		plan_log(h, r, h->line_ms);
	else
		tell_lines(h, w, r, !goes_on);
}

static struct str keep_text(struct arena *a, const char *text)
{
	return text ? str_of(arena_strdup(a, text)) : STR("");
}

static void do_keys(struct hands *h, const struct work *w)
{
	struct sim_node *s = h->owner;
	struct inbox *box;
	struct input *in;

	if (!s->node || w->life != h->life)
		return;
	box = node_inbox(s->node);
	in = inbox_add(box, INPUT_KEYS, w->ticket);
	in->keys.kind = w->is_refused ? KEYS_FAILED : KEYS_DONE;
	in->keys.err_kind = w->err_kind;
	in->keys.text = "there is none";
	in->keys.a = keep_text(&box->memory, w->a);
	in->keys.b = keep_text(&box->memory, w->b);
	in->keys.c = keep_text(&box->memory, w->c);
	if (w->count) {
		uint8_t *bytes = arena_alloc(&box->memory, w->count);

		prng_bytes(&s->world->prng, bytes, w->count);
		in->keys.a = str_bytes(bytes, w->count);
	}
	in->keys.identity = (struct keys_identity){
		.root = keep_text(&box->memory, h->root),
		.node_id = arena_strdup(&box->memory, s->node_id),
		.issuer_subject = keep_text(&box->memory, h->issuer),
		.issuer_public_key = keep_text(&box->memory, h->issuer),
		.role = s->role ? s->role : "",
		.org = s->org ? s->org : "",
		.not_before_s = h->installed_s,
		/* Short, so that every run sees renewals. */
		.not_after_s = h->installed_s + CERTIFICATE_LIFE_S,
	};
	world_wake(s);
}

static void work_free(struct work *w)
{
	free(w->a);
	free(w->b);
	free(w->c);
	free(w);
}

static void work(struct world *world, void *arg)
{
	struct work *w = arg;
	struct hands *h = w->hands;
	struct box *b;

	if (world->is_ending || (w->life != h->life && w->kind != WORK_EXIT)) {
		work_free(w);
		return;
	}
	world_trace(world, "hands", (uint64_t)w->kind, w->ticket);
	switch (w->kind) {
	case WORK_LIST:
		tell_all(h, w);
		break;
	case WORK_PREPARE:
		do_prepare(h, w);
		break;
	case WORK_START:
		do_start(h, w);
		break;
	case WORK_STOP:
		b = find_box(h, w->task_id);
		if (b)
			box_ended(h, b);
		(void)tell(h, w, EXECUTOR_DONE);
		break;
	case WORK_REMOVE:
		b = find_box(h, w->task_id);
		if (b)
			box_free(h, b);
		(void)tell(h, w, EXECUTOR_DONE);
		break;
	case WORK_LOG:
		do_log(h, w);
		break;
	case WORK_KEYS:
		do_keys(h, w);
		break;
	case WORK_EXIT:
		do_exit(h, w);
		break;
	}
	work_free(w);
}

static struct work *plan(struct hands *h, enum work_kind kind, uint64_t ticket, const char *task_id,
			 int64_t ms_max)
{
	struct world *world = h->owner->world;
	struct work *w = NEW(struct work);
	int64_t at = world->now_ms + prng_between(&world->prng, 0, ms_max);

	if (at < h->last_done_ms)
		at = h->last_done_ms;
	h->last_done_ms = at;
	w->hands = h;
	w->kind = kind;
	w->ticket = ticket;
	w->life = h->life;
	(void)snprintf(w->task_id, sizeof(w->task_id), "%s", task_id);
	world_plan(world, at - world->now_ms, work, w);
	return w;
}

static void seam_list(void *self, uint64_t ticket)
{
	plan(self, WORK_LIST, ticket, "", 10);
}

static void seam_prepare(void *self, uint64_t ticket, const struct Pb__Task *task)
{
	struct hands *h = self;

	plan(h, WORK_PREPARE, ticket, task->id, h->faults.prepare_ms_max);
}

static void seam_start(void *self, uint64_t ticket, const char *task_id)
{
	struct hands *h = self;

	plan(h, WORK_START, ticket, task_id, h->faults.start_ms_max);
}

static void seam_stop(void *self, uint64_t ticket, const char *task_id)
{
	struct hands *h = self;

	plan(h, WORK_STOP, ticket, task_id, h->faults.stop_ms_max);
}

static void seam_remove(void *self, uint64_t ticket, const char *task_id)
{
	plan(self, WORK_REMOVE, ticket, task_id, 10);
}

/* Not in the row of the others: a log that waits delays nobody. */
static void plan_log(struct hands *h, const struct log_reading *r, int64_t delay_ms)
{
	struct work *w = NEW(struct work);

	w->hands = h;
	w->kind = WORK_LOG;
	w->ticket = r->ticket;
	w->life = h->life;
	world_plan(h->owner->world, delay_ms, work, w);
}

static void seam_log_read(void *self, uint64_t ticket, const char *task_id,
			  const struct log_wanted *wanted)
{
	struct hands *h = self;
	struct log_reading *r = NEW(struct log_reading);
	struct box *b = find_box(h, task_id);

	r->ticket = ticket;
	r->wanted = *wanted;
	(void)snprintf(r->task_id, sizeof(r->task_id), "%s", task_id);
	if (b)
		see_box(h, r, b);
	tree_insert(&h->readings, &ticket, &r->by_ticket);
	plan_log(h, r, prng_between(&h->owner->world->prng, 0, 20));
}

static void seam_log_more(void *self, uint64_t ticket)
{
	struct hands *h = self;
	struct log_reading *r = find_reading(h, ticket);

	if (r)
		plan_log(h, r, prng_between(&h->owner->world->prng, 0, 20));
}

static void seam_log_stop(void *self, uint64_t ticket)
{
	struct hands *h = self;
	struct log_reading *r = find_reading(h, ticket);

	if (r)
		reading_free(h, r);
}

/* ---- keys: texts in place of certificates ---- */

static void keys_random(void *self, uint64_t ticket, size_t count)
{
	plan(self, WORK_KEYS, ticket, "", 1)->count = count;
}

/* An outcome that is known at once, and told a little later. */
static struct work *plan_keys(struct hands *h, uint64_t ticket, const char *a, const char *b,
			      const char *c)
{
	struct work *w = plan(h, WORK_KEYS, ticket, "", 1);

	w->a = a ? xstrdup(a) : NULL;
	w->b = b ? xstrdup(b) : NULL;
	w->c = c ? xstrdup(c) : NULL;
	return w;
}

static char *digest_of(struct str bytes)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < bytes.len; i++)
		h = (h ^ (unsigned char)bytes.ptr[i]) * 0x100000001b3u;
	return xasprintf("sha256:%016llx%048d", (unsigned long long)h, 0);
}

static void keys_new_root(void *self, uint64_t ticket, int64_t wall_ns)
{
	struct hands *h = self;
	AUTO_FREE char *root =
		xasprintf("root %lld %llu", (long long)wall_ns, (unsigned long long)++h->last_key);
	AUTO_FREE char *digest = digest_of(str_of(root));

	plan_keys(h, ticket, root, "root key", digest);
}

/* A root is its own subject and key here. */
static void keys_digest(void *self, uint64_t ticket, struct str root)
{
	AUTO_FREE char *digest = digest_of(root), *subject = str_dup(root);

	plan_keys(self, ticket, subject, subject, digest);
}

/* The old root's signature on the new one is the name of the old one. */
static void keys_new_rotation(void *self, uint64_t ticket, const struct keys_rotation *what)
{
	struct hands *h = self;
	AUTO_FREE char *root = xasprintf("root %lld %s %llu", (long long)what->wall_ns,
					 h->owner->name, (unsigned long long)++h->last_key);
	AUTO_FREE char *cross = str_dup(what->old_cert);

	plan_keys(h, ticket, root, "root key", cross);
}

static void keys_new_csr(void *self, uint64_t ticket)
{
	struct hands *h = self;
	AUTO_FREE char *csr = xasprintf("csr %s %llu", h->owner->name,
					(unsigned long long)prng_next(&h->owner->world->prng));

	plan_keys(h, ticket, csr, NULL, NULL);
}

static void keys_sign(void *self, uint64_t ticket, const struct keys_signing *what)
{
	AUTO_FREE char *cert = xasprintf("%s %s %s %.*s%s%.*s", what->cn, what->ou, what->org,
					 STR_FMT(what->ca_cert), what->cross_signed.len ? "\n" : "",
					 STR_FMT(what->cross_signed));

	plan_keys(self, ticket, cert, NULL, NULL);
}

static void remember_root(struct hands *h, struct str root)
{
	free(h->root);
	h->root = str_dup(root);
}

static void forget_lock(struct hands *h)
{
	h->is_locked = false;
	h->lock_version = 0;
	h->is_lock_known = false;
}

/* "id role org issuer", and on a line of its own the root that signed the issuer. */
static void read_issuer(struct str cert, struct str *issuer, struct str *cross)
{
	struct str word;

	(void)str_cut(cert, '\n', issuer, cross);
	for (int i = 0; i < 3; i++)
		(void)str_cut(*issuer, ' ', &word, issuer);
}

bool hands_lead_to(const struct hands *h, struct str root)
{
	return h->issuer && (str_equal_c(root, h->issuer) || str_equal_c(root, h->cross));
}

bool hands_trust(const struct hands *h, struct str root)
{
	return h->root && str_equal_c(root, h->root);
}

bool hands_believe(const struct hands *h, const struct hands *other)
{
	bool has_new_root = h->issuer && h->root && strcmp(h->cross, h->root) == 0;

	/* The root that signed its own certificate is as good, when its own root signed that. */
	return !h->root || !other->has_identity || !other->issuer ||
	       hands_lead_to(other, str_of(h->root)) ||
	       (has_new_root && hands_lead_to(other, str_of(h->issuer)));
}

static void keys_install(void *self, uint64_t ticket, struct str root, struct str cert)
{
	struct hands *h = self;
	struct sim_node *s = h->owner;
	AUTO_FREE char *text = str_dup(cert);
	struct work *w = plan_keys(h, ticket, NULL, NULL, NULL);
	struct str issuer, cross;

	read_issuer(cert, &issuer, &cross);
	w->is_refused = !str_equal(issuer, root) && !str_equal(cross, root);
	w->err_kind = ERR_UNAUTHENTICATED;
	if (w->is_refused)
		return;
	free(h->issuer);
	free(h->cross);
	h->issuer = str_dup(issuer);
	h->cross = str_dup(cross);
	remember_root(h, root);
	h->has_identity = sscanf(text, "%25s %31s %63s", s->node_id, h->role, h->org) == 3;
	h->installed_s = world_now(s->world).wall_ns / 1000000000;
	s->role = h->role;
	s->org = h->org;
	if (strcmp(h->role, "swarm-manager") != 0)
		forget_lock(h);
	h->is_unwritten = strcmp(h->role, "swarm-manager") == 0 && !h->is_lock_known;
	if (!h->is_unwritten)
		strcpy(h->written_role, h->role);
}

static void set_unlock_key(struct hands *h, struct str key)
{
	h->is_locked = key.len == UNLOCK_KEY_BYTES;
	if (h->is_locked)
		memcpy(h->unlock_key, key.ptr, UNLOCK_KEY_BYTES);
}

static void keys_trust(void *self, uint64_t ticket, struct str root)
{
	struct hands *h = self;
	struct work *w = plan_keys(h, ticket, NULL, NULL, NULL);

	w->is_refused = h->has_identity && !hands_lead_to(h, root);
	w->err_kind = ERR_UNAUTHENTICATED;
	if (!w->is_refused)
		remember_root(h, root);
}

static void keys_lock(void *self, uint64_t ticket, struct str unlock_key, uint64_t version)
{
	struct hands *h = self;

	if (!h->is_lock_known || version > h->lock_version) {
		set_unlock_key(h, unlock_key);
		h->lock_version = version;
		h->is_lock_known = true;
		h->is_unwritten = false;
		strcpy(h->written_role, h->role);
	}
	plan_keys(h, ticket, NULL, NULL, NULL);
}

static void keys_load(void *self, uint64_t ticket, struct str unlock_key)
{
	struct hands *h = self;
	struct work *w = plan_keys(h, ticket, NULL, NULL, NULL);
	bool is_locked =
		h->is_locked && !str_equal(unlock_key, str_bytes(h->unlock_key, UNLOCK_KEY_BYTES));

	w->is_refused = !h->has_identity || is_locked;
	w->err_kind = is_locked ? ERR_DENIED : ERR_NOT_FOUND;
	disk_shut_raft(h->owner->disk, is_locked);
}

static void keys_wipe(void *self, uint64_t ticket)
{
	struct hands *h = self;

	h->has_identity = h->is_unwritten = false;
	h->written_role[0] = '\0';
	forget_lock(h);
	h->owner->node_id[0] = '\0';
	h->owner->role = h->owner->org = "";
	plan_keys(h, ticket, NULL, NULL, NULL);
}

static void exits(struct world *world, void *arg)
{
	struct hands *h = arg;
	struct box *b;

	if (world->is_ending)
		return;
	tree_each (&h->boxes, struct box, by_task, b)
		if (b->state == BOX_RUNNING && fails(h, h->faults.exits))
			hands_end(h, b->task_id, (int)prng_below(&world->prng, 3));
	world_plan(world, 1000, exits, h);
}

void hands_end(struct hands *h, const char *task_id, int exit_code)
{
	struct work *w = NEW(struct work);

	w->hands = h;
	w->kind = WORK_EXIT;
	w->exit_code = exit_code;
	(void)snprintf(w->task_id, sizeof(w->task_id), "%s", task_id);
	world_plan(h->owner->world, 0, work, w);
}

struct hands *hands_new(struct sim_node *owner)
{
	struct hands *h = NEW(struct hands);

	h->owner = owner;
	h->line_ms = LINE_MS;
	h->boxes = TREE(compare_box);
	h->readings = TREE(compare_reading);
	h->faults = (struct hands_faults){ .prepare_ms_max = 20,
					   .start_ms_max = 20,
					   .stop_ms_max = 20 };
	h->executor = (struct executor){
		.self = h,
		.list = seam_list,
		.prepare = seam_prepare,
		.start = seam_start,
		.stop = seam_stop,
		.remove = seam_remove,
		.log_read = seam_log_read,
		.log_more = seam_log_more,
		.log_stop = seam_log_stop,
	};
	h->keys = (struct keys){
		.self = h,
		.random = keys_random,
		.new_root = keys_new_root,
		.new_rotation = keys_new_rotation,
		.digest = keys_digest,
		.new_csr = keys_new_csr,
		.sign = keys_sign,
		.install = keys_install,
		.trust = keys_trust,
		.lock = keys_lock,
		.load = keys_load,
		.wipe = keys_wipe,
	};
	world_plan(owner->world, 1000, exits, h);
	return h;
}

void hands_free(struct hands *h)
{
	if (!h)
		return;
	hands_host_died(h);
	free(h->root);
	free(h->issuer);
	free(h->cross);
	free(h);
}

const struct executor *hands_executor(struct hands *h)
{
	return &h->executor;
}

const struct keys *hands_keys(struct hands *h)
{
	return &h->keys;
}

void hands_set_faults(struct hands *h, const struct hands_faults *f)
{
	h->faults = *f;
}

void hands_process_died(struct hands *h)
{
	struct log_reading *r;

	tree_each (&h->readings, struct log_reading, by_ticket, r)
		reading_free(h, r);
	h->life++;
	h->last_done_ms = 0;
	if (!h->is_unwritten)
		return;
	h->is_unwritten = false;
	strcpy(h->role, h->written_role);
	h->has_identity = h->role[0] != '\0';
	if (!h->has_identity)
		h->owner->node_id[0] = '\0';
}

void hands_host_died(struct hands *h)
{
	struct box *b;

	hands_process_died(h);
	tree_each (&h->boxes, struct box, by_task, b)
		box_free(h, b);
}

struct str hands_unlock_key(const struct hands *h)
{
	return str_bytes(h->unlock_key, h->is_locked ? UNLOCK_KEY_BYTES : 0);
}

size_t hands_count(const struct hands *h)
{
	return h->boxes.count;
}

void hands_set_line_ms(struct hands *h, int64_t line_ms)
{
	h->line_ms = line_ms;
}

uint64_t hands_lines(const struct hands *h, const char *task_id)
{
	const struct box *b = find_box(h, task_id);

	return b ? lines_of(h, b) : 0;
}

bool hands_runs(const struct hands *h, const char *task_id)
{
	const struct box *b = find_box(h, task_id);

	return b && b->state == BOX_RUNNING;
}
