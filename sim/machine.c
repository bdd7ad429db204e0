#include "sim/machine_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* --- what is pending --- */

void machine_violate(struct machine *m, const char *format, ...)
{
	va_list args;

	if (m->violation[0])
		return;
	va_start(args, format);
	vsnprintf(m->violation, sizeof(m->violation), format, args);
	va_end(args);
}

struct pending *machine_give(struct machine *m, const char *kind, const char *id, uint64_t ticket,
			     carry_out_fn *carry_out)
{
	struct pending *p = NEW(struct pending);

	m->calls++;
	p->key = arena_printf(&p->memory, "%s %s", kind, id);
	p->id = arena_strdup(&p->memory, id);
	p->ticket = ticket;
	p->carry_out = carry_out;
	p->must_fail = m->fail_at && m->calls == m->fail_at;
	list_push_back(&m->pending, &p->link);
	if (m->crash_at && m->calls == m->crash_at)
		m->is_crashed = true;
	return p;
}

static void pending_free(struct pending *p)
{
	list_remove(&p->link);
	arena_clear(&p->memory);
	free(p);
}

/* --- tables of the machine --- */

static int compare_container(const void *key, const struct tree_node *node)
{
	return strcmp(key, container_of(node, struct machine_container, node)->id);
}

static int compare_name(const void *key, const struct tree_node *node)
{
	return strcmp(key, container_of(node, struct machine_name, node)->id);
}

static int compare_record(const void *key, const struct tree_node *node)
{
	return strcmp(key, container_of(node, struct machine_record, node)->key);
}

struct machine_container *machine_container(struct machine *m, const char *id)
{
	return tree_entry(tree_find(&m->containers, id), struct machine_container, node);
}

struct machine_name *machine_name_find(struct tree *t, const char *id)
{
	return tree_entry(tree_find(t, id), struct machine_name, node);
}

struct machine_name *machine_name_take(struct tree *t, const char *id)
{
	struct machine_name *n = machine_name_find(t, id);

	if (n)
		return n;
	n = NEW(struct machine_name);
	snprintf(n->id, sizeof(n->id), "%s", id);
	tree_insert(t, n->id, &n->node);
	return n;
}

void machine_name_drop(struct tree *t, const char *id)
{
	struct machine_name *n = machine_name_find(t, id);

	if (!n)
		return;
	tree_remove(t, &n->node);
	free(n);
}

/* --- journal --- */

static void record_set(struct machine *m, const struct journal_record *from)
{
	AUTO_FREE char *key = xasprintf("%s %s", from->table, from->key);
	struct machine_record *r =
		tree_entry(tree_find(&m->records, key), struct machine_record, node);

	if (r) {
		tree_remove(&m->records, &r->node);
		free(r->key);
		free(r->value);
		free(r);
	}
	if (!from->value.ptr)
		return;
	r = NEW(struct machine_record);
	r->key = STEAL(key);
	r->value = xmemdup(from->value.ptr, from->value.len);
	r->size = from->value.len;
	tree_insert(&m->records, r->key, &r->node);
}

static void do_write(struct machine *m, struct pending *p, struct inbox *out)
{
	struct input *in = inbox_add(out, INPUT_JOURNAL, p->ticket);

	m->journal_is_broken |= p->must_fail;
	if (m->journal_is_broken) {
		in->journal.kind = JOURNAL_FAILED;
		in->journal.text = "No space left on device";
		return;
	}
	for (size_t i = 0; i < p->count; i++)
		record_set(m, &p->records[i]);
	in->journal.kind = JOURNAL_DONE;
}

static void j_write_local(void *self, uint64_t t, const struct journal_record *records,
			  size_t count)
{
	struct pending *p = machine_give(self, "journal", "", t, do_write);
	struct journal_record *copy = arena_alloc(&p->memory, (count + 1) * sizeof(*copy));

	for (size_t i = 0; i < count; i++) {
		copy[i].table = arena_strdup(&p->memory, records[i].table);
		copy[i].key = arena_strdup(&p->memory, records[i].key);
		if (records[i].value.ptr)
			copy[i].value = str_bytes(
				arena_copy(&p->memory, records[i].value.ptr, records[i].value.len),
				records[i].value.len);
	}
	p->records = copy;
	p->count = count;
}

struct journal_image machine_image(struct machine *m, struct arena *a)
{
	struct journal_record *records = arena_alloc(a, (m->records.count + 1) * sizeof(*records));
	struct journal_image image = { .records = records };
	struct machine_record *r;

	tree_each (&m->records, struct machine_record, node, r) {
		char *table = arena_strdup(a, r->key), *space = strchr(table, ' ');

		*space = '\0';
		records[image.record_count++] = (struct journal_record){
			table, space + 1, str_bytes(arena_copy(a, r->value, r->size), r->size)
		};
	}
	return image;
}

/* --- time and fate --- */

static bool is_first_of_key(const struct machine *m, const struct pending *p)
{
	for (const struct list *at = m->pending.next; at != &p->link; at = at->next)
		if (strcmp(container_of(at, struct pending, link)->key, p->key) == 0)
			return false;
	return true;
}

static struct pending *choose(struct machine *m)
{
	struct pending *p, *chosen = NULL;
	uint64_t seen = 0;

	list_each (&m->pending, struct pending, link, p)
		if (is_first_of_key(m, p) && prng_below(&m->prng, ++seen) == 0)
			chosen = p;
	return chosen;
}

bool machine_step(struct machine *m, struct engine *e, struct now now)
{
	struct pending *p = choose(m);
	struct inbox out;
	struct input *in;
	bool is_silent;

	m->now = now;
	if (!p)
		return false;
	if (m->crash_at && ++m->calls == m->crash_at) {
		m->is_crashed = true;
		return false;
	}
	inbox_init(&out);
	list_remove(&p->link);
	p->carry_out(m, p, &out);
	is_silent = p->is_silent;
	pending_free(p);
	if (!is_silent)
		list_each (&out.queue, struct input, link, in)
			engine_input(e, in, now);
	inbox_clear(&out);
	return true;
}

/* Of each key a prefix is still carried out; journal writes are one key, so a prefix of them too.
 */
void machine_crash(struct machine *m)
{
	struct inbox nobody;
	struct pending *p;

	inbox_init(&nobody);
	while ((p = choose(m)) != NULL) {
		bool happens = p->survives || prng_chance(&m->prng, 1, 2);
		AUTO_FREE char *key = xstrdup(p->key);

		list_remove(&p->link);
		if (happens)
			p->carry_out(m, p, &nobody);
		pending_free(p);
		if (happens)
			continue;
		/* What follows for this key was never begun. */
		list_each (&m->pending, struct pending, link, p)
			if (strcmp(p->key, key) == 0 && !p->survives)
				pending_free(p);
	}
	inbox_clear(&nobody);
	m->is_crashed = false;
	m->crash_at = 0;
	m->journal_is_broken = false;
}

/* --- life --- */

bool machine_read_image(struct arena *a, struct str json, Pb__LocalImage *image, struct err *e)
{
	struct str program, rest;

	if (str_equal_c(json, "unreadable"))
		return fail(e, ERR_INVALID, "no such config");
	if (str_cut(json, ' ', &program, &rest) && str_starts_with(rest, "volume=/"))
		PB_APPEND(a, image->config, volumes,
			  arena_str(a, (struct str){ rest.ptr + 7, rest.len - 7 }));
	PB_APPEND(a, image->config, cmd, arena_str(a, program));
	PB_APPEND(a, image->config, env, "PATH=/bin");
	image->architecture = "amd64";
	image->os = "linux";
	return true;
}

void machine_init(struct machine *m, uint64_t seed)
{
	*m = (struct machine){ .next_pid = 100, .next_port = 32767 };
	prng_seed(&m->prng, seed);
	m->containers = TREE(compare_container);
	m->volumes = TREE(compare_name);
	m->bridges = TREE(compare_name);
	m->sandboxes = TREE(compare_name);
	m->images = TREE(compare_name);
	m->records = TREE(compare_record);
	list_init(&m->pending);
	m->runtime = machine_runtime(m);
	m->net = machine_net(m);
	m->content = machine_content(m);
	m->journal = (struct journal){ .self = m, .write_local = j_write_local };
}

static void clear_names(struct tree *t)
{
	struct machine_name *n;

	tree_each (t, struct machine_name, node, n) {
		tree_remove(t, &n->node);
		free(n);
	}
}

void machine_clear(struct machine *m)
{
	struct machine_container *c;
	struct machine_record *r;
	struct pending *p;

	list_each (&m->pending, struct pending, link, p)
		pending_free(p);
	tree_each (&m->containers, struct machine_container, node, c) {
		tree_remove(&m->containers, &c->node);
		free(c);
	}
	tree_each (&m->records, struct machine_record, node, r) {
		tree_remove(&m->records, &r->node);
		free(r->key);
		free(r->value);
		free(r);
	}
	clear_names(&m->volumes);
	clear_names(&m->bridges);
	clear_names(&m->sandboxes);
	clear_names(&m->images);
}

struct engine_seams machine_seams(struct machine *m)
{
	return (struct engine_seams){ &m->runtime, &m->net, &m->content, &m->journal };
}
