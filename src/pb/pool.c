#include "pb/pool.h"

#include <assert.h>

#include "base/mem.h"
#include "pb/copy.h"
#include "pb/field.h"

/* What is worth sharing: large, or the same in many messages, and seldom changed. */
static const struct {
	const ProtobufCMessageDescriptor *type;
	uint64_t fields;
} rows[] = {
	/* spec, service_id, node_id, service_annotations, endpoint, log_driver, spec_version,
	 * job_iteration */
	{ &pb__task__descriptor, FIELD(3) | FIELD(4) | FIELD(6) | FIELD(8) | FIELD(12) | FIELD(13) |
					 FIELD(14) | FIELD(16) },
	/* message, port_status, applied_by */
	{ &pb__task_status__descriptor, FIELD(3) | FIELD(6) | FIELD(7) },
	{ &pb__network_attachment__descriptor, FIELD(1) },      /* network */
	{ &pb__service__descriptor, FIELD(4) },                 /* endpoint */
	{ &pb__service_spec__descriptor, FIELD(1) | FIELD(2) }, /* annotations, task */
};

struct part {
	struct tree_node node;
	struct pb_digest digest;
	struct part *next; /* another part of the same digest, if ever two collide */
	size_t size;       /* of all of this */
	unsigned holders;
	bool is_text;
	_Alignas(16) char content[]; /* a message, or text with its NUL */
};

static int compare_digest(const void *key, const struct tree_node *member)
{
	return pb_digest_compare(*(const struct pb_digest *)key,
				 container_of(member, struct part, node)->digest);
}

void pb_pool_init(struct pb_pool *pool)
{
	*pool = (struct pb_pool){ .parts = TREE(compare_digest) };
}

void pb_pool_clear(struct pb_pool *pool)
{
	assert(pool->parts.count == 0 && pool->parts_bytes == 0);
}

uint64_t pool_fields(const ProtobufCMessageDescriptor *type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return rows[i].fields;
	return 0;
}

/* ---- parts ---- */

static struct part *parts_of(const struct pb_pool *pool, struct pb_digest digest)
{
	return tree_entry(tree_find(&pool->parts, &digest), struct part, node);
}

/* A part with room for `size` bytes, that nobody holds yet. */
static struct part *part_new(struct pb_pool *pool, struct pb_digest digest, size_t size)
{
	struct part *part = xcalloc(1, sizeof(*part) + size);
	struct part *first = parts_of(pool, digest);

	part->digest = digest;
	part->size = sizeof(*part) + size;
	pool->parts_bytes += part->size;
	if (first) {
		part->next = first->next;
		first->next = part;
	} else {
		tree_insert(&pool->parts, &digest, &part->node);
	}
	return part;
}

/* Those of the same digest stay findable. */
static void part_free(struct pb_pool *pool, struct part *part)
{
	struct part *first = parts_of(pool, part->digest);

	if (first != part) {
		while (first->next != part)
			first = first->next;
		first->next = part->next;
	} else {
		tree_remove(&pool->parts, &part->node);
		if (part->next)
			tree_insert(&pool->parts, &part->digest, &part->next->node);
	}
	pool->parts_bytes -= part->size;
	free(part);
}

const void *pool_take(struct pb_pool *pool, const ProtobufCMessage *message)
{
	struct pb_digest digest = pb_digest(message);
	struct part *part = parts_of(pool, digest);

	while (part && (part->is_text || !pb_equal(part->content, message)))
		part = part->next;
	if (!part) {
		struct copy_room room = copy_measure(message, COPY_KEEP);

		part = part_new(pool, digest, copy_bytes(room));
		copy_into(part->content, room, message, COPY_KEEP, pool);
	}
	part->holders++;
	return part->content;
}

const char *pool_take_text(struct pb_pool *pool, struct str text)
{
	struct pb_digest digest = digest_text(text);
	struct part *part = parts_of(pool, digest);

	if (text.len == 0)
		return protobuf_c_empty_string;
	while (part && !(part->is_text && str_equal(str_of(part->content), text)))
		part = part->next;
	if (!part) {
		part = part_new(pool, digest, text.len + 1);
		part->is_text = true;
		memcpy(part->content, text.ptr, text.len);
	}
	part->holders++;
	return part->content;
}

/* ---- drop ---- */

static void drop_parts(struct pb_pool *pool, const ProtobufCMessage *message);

static void part_drop(struct pb_pool *pool, const void *content)
{
	struct part *part = container_of(content, struct part, content);

	assert(part->holders > 0);
	if (--part->holders > 0)
		return;
	if (!part->is_text)
		drop_parts(pool, content);
	part_free(pool, part);
}

static void drop_parts_of_field(struct pb_pool *pool, const ProtobufCMessage *message,
				const ProtobufCFieldDescriptor *f, bool is_shared)
{
	const void *content = *(const void *const *)field_at(message, f);

	if (!content || content == protobuf_c_empty_string)
		return;
	if (is_shared)
		part_drop(pool, content);
	else if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		drop_parts(pool, content);
}

static void drop_parts_of_list(struct pb_pool *pool, const ProtobufCMessage *message,
			       const ProtobufCFieldDescriptor *f)
{
	ProtobufCMessage **items = *(ProtobufCMessage ***)field_at(message, f);

	for (size_t i = 0; i < *field_count(message, f); i++)
		drop_parts(pool, items[i]);
}

static void drop_parts(struct pb_pool *pool, const ProtobufCMessage *message)
{
	uint64_t shared = pool_fields(message->descriptor);

	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];

		if (f->type != PROTOBUF_C_TYPE_MESSAGE && f->type != PROTOBUF_C_TYPE_STRING)
			continue;
		if (!field_is_repeated(f) && field_holds(message, f))
			drop_parts_of_field(pool, message, f, fields_have(shared, f));
		else if (field_is_repeated(f) && f->type == PROTOBUF_C_TYPE_MESSAGE)
			drop_parts_of_list(pool, message, f);
	}
}

const void *pb_keep(struct pb_pool *pool, const void *message)
{
	struct copy_room room = copy_measure(message, COPY_KEEP);
	void *kept = xmalloc(copy_bytes(room));

	copy_into(kept, room, message, COPY_KEEP, pool);
	return kept;
}

void pb_drop(struct pb_pool *pool, const void *kept)
{
	if (!kept)
		return;
	drop_parts(pool, kept);
	free((void *)kept);
}

size_t pb_kept_bytes(const void *kept)
{
	return copy_bytes(copy_measure(kept, COPY_KEEP));
}

void *pb_borrow(struct arena *a, const void *kept)
{
	struct copy_room room = copy_measure(kept, COPY_BORROW);
	void *copy = arena_alloc(a, copy_bytes(room));

	copy_into(copy, room, kept, COPY_BORROW, NULL);
	return copy;
}
