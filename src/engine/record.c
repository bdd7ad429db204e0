/* Records: what goes to the journal at the end of a turn, and what comes from it at the start.
 *
 * A write holds everything that changed in the turn, so a half-done change is never durable. When
 * the journal fails, the engine takes no more requests: what it knows is no longer what it would
 * know after a restart. */
#include "engine/inside.h"

static void add_write(struct engine *e, const char *table, const char *key, struct str value)
{
	struct write *w = ARENA_NEW(&e->write_memory, struct write);

	w->table = table;
	w->key = arena_strdup(&e->write_memory, key);
	w->value = value;
	list_push_back(&e->writes, &w->link);
}

void record_put(struct engine *e, const char *table, const char *key, const void *message)
{
	AUTO_BUF struct buf out = BUF_MAX(RECORD_MAX);

	if (!pb_encode(message, &out)) {
		log_error(e->config.log, "engine", "record %s of %s is larger than %d bytes", key,
			  table, RECORD_MAX);
		return;
	}
	add_write(e, table, key,
		  str_bytes(arena_copy(&e->write_memory, out.data ? out.data : "", out.len),
			    out.len));
}

void record_delete(struct engine *e, const char *table, const char *key)
{
	add_write(e, table, key, (struct str){ 0 });
}

void container_save(struct engine *e, struct container *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	list_push_back(&e->dirty, &c->dirty);
}

void *record_compact(struct arena *memory, void *record)
{
	struct arena fresh = { 0 };

	if (memory->used_bytes < 8192 || memory->used_bytes < 16 * pb_encoded_size(record))
		return record;
	record = pb_dup(&fresh, record);
	arena_clear(memory);
	*memory = fresh;
	return record;
}

static void put_dirty(struct engine *e)
{
	struct container *c;

	list_each (&e->dirty, struct container, dirty, c) {
		list_remove(&c->dirty);
		c->is_dirty = false;
		c->record->state = c->state;
		record_put(e, TABLE_CONTAINERS, c->record->id, c->record);
		c->record = record_compact(&c->memory, c->record);
	}
}

static void write_ended(struct engine *e, struct call *call, const struct input *in)
{
	struct err err;

	if (call_failed(in, &err) && !e->has_journal_fault) {
		e->has_journal_fault = true;
		e->journal_fault = err;
		(void)while_doing(&e->journal_fault, "writing the engine's records");
		log_error(e->config.log, "engine", "%s", e->journal_fault.text);
	}
	e->durable = (uint64_t)call->number;
	calls_run_safe(e, e->durable);
}

/* Nothing changed, but somebody wants to know that all before is durable. */
static bool has_nothing_to_write(const struct engine *e)
{
	return list_is_empty(&e->writes) &&
	       (list_is_empty(&e->saving) ||
		container_of(e->saving.prev, struct call, link)->batch < e->batch);
}

void records_flush(struct engine *e)
{
	struct journal_record *records;
	struct call *call;
	struct write *w;
	size_t count = 0;

	put_dirty(e);
	if (has_nothing_to_write(e))
		return;
	list_each (&e->writes, struct write, link, w)
		count++;
	records = arena_alloc(&e->write_memory, (count + 1) * sizeof(*records));
	count = 0;
	list_each (&e->writes, struct write, link, w)
		records[count++] = (struct journal_record){ w->table, w->key, w->value };

	call = call_new(e, write_ended, "journal", 0);
	call->number = (int64_t)e->batch++;
	e->seams.journal->write_local(e->seams.journal->self, call->ticket, records, count);
	list_init(&e->writes);
	arena_reset(&e->write_memory);
}

/* --- loading --- */

struct reader {
	const char *table;
	const ProtobufCMessageDescriptor *type;
	void (*take)(struct engine *e, const void *message);
};

static void take_container(struct engine *e, const void *message)
{
	const Pb__Container *record = message;
	struct container *c = container_new(e, record);

	container_name(e, c, record->name);
}

static void take_image(struct engine *e, const void *message)
{
	image_load_record(e, message);
}

static void take_network(struct engine *e, const void *message)
{
	network_load_record(e, message);
}

static void take_volume(struct engine *e, const void *message)
{
	volume_load_record(e, message);
}

static const struct reader readers[] = {
	{ TABLE_CONTAINERS, &pb__container__descriptor, take_container },
	{ TABLE_IMAGES, &pb__local_image__descriptor, take_image },
	{ TABLE_NETWORKS, &pb__local_network__descriptor, take_network },
	{ TABLE_VOLUMES, &pb__local_volume__descriptor, take_volume },
};

static void load_record(struct engine *e, const struct reader *reader,
			const struct journal_record *record)
{
	AUTO_ARENA struct arena a = { 0 };
	struct err err;
	const void *message = pb_decode(&a, reader->type, record->value, RECORD_MAX, &err);

	if (message)
		reader->take(e, message);
	else
		log_error(e->config.log, "engine", "record %s of %s cannot be read: %s",
			  record->key, record->table, err.text);
}

static int compare_created(const void *a, const void *b)
{
	const Pb__Container *x = (*(struct container *const *)a)->record,
			    *y = (*(struct container *const *)b)->record;

	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* The journal lists containers by id; people want them by age. */
static void order_by_age(struct engine *e)
{
	size_t count = e->containers.count, i = 0;
	AUTO_FREE struct container **all = xcalloc(count + 1, sizeof(*all));
	struct container *c;

	tree_each (&e->containers, struct container, by_id, c) {
		tree_remove(&e->container_ages, &c->by_age);
		all[i++] = c;
	}
	qsort(all, count, sizeof(*all), compare_created);
	for (i = 0; i < count; i++) {
		all[i]->serial = ++e->container_serial;
		tree_insert(&e->container_ages, &all[i]->serial, &all[i]->by_age);
	}
}

void engine_load(struct engine *e, const struct journal_image *image, struct now now)
{
	e->now = now;
	for (size_t i = 0; i < image->record_count; i++)
		for (size_t k = 0; k < ARRAY_LEN(readers); k++)
			if (strcmp(image->records[i].table, readers[k].table) == 0)
				load_record(e, &readers[k], &image->records[i]);
	order_by_age(e);
	boot_begin(e);
}
