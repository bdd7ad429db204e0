#include "pb/pool.h"

#include <assert.h>

#include "pb/copy.h"
#include "pb/field.h"

/* What is worth sharing: large, or the same in many messages, and seldom changed. */
static const struct {
	const ProtobufCMessageDescriptor *type;
	const char *field;
} shares[] = {
	{ &pb__task__descriptor, "spec" },
	{ &pb__task__descriptor, "service_id" },
	{ &pb__task__descriptor, "node_id" },
	{ &pb__task__descriptor, "service_annotations" },
	{ &pb__task__descriptor, "endpoint" },
	{ &pb__task__descriptor, "log_driver" },
	{ &pb__task__descriptor, "spec_version" },
	{ &pb__task__descriptor, "job_iteration" },
	{ &pb__task_status__descriptor, "message" },
	{ &pb__task_status__descriptor, "port_status" },
	{ &pb__task_status__descriptor, "applied_by" },
	{ &pb__network_attachment__descriptor, "network" },
	{ &pb__service__descriptor, "endpoint" },
	{ &pb__service_spec__descriptor, "annotations" },
	{ &pb__service_spec__descriptor, "task" },
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

bool pool_shares(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
	for (size_t i = 0; i < ARRAY_LEN(shares); i++)
		if (shares[i].type == type && strcmp(shares[i].field, field->name) == 0)
			return true;
	return false;
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
		part = part_new(pool, digest, copy_size(message, COPY_KEEP));
		copy_into(part->content, message, COPY_KEEP, pool);
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
				const ProtobufCFieldDescriptor *f)
{
	const void *content = *(const void *const *)field_at(message, f);

	if (!content || content == protobuf_c_empty_string)
		return;
	if (pool_shares(message->descriptor, f))
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
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];

		if (f->type != PROTOBUF_C_TYPE_MESSAGE && f->type != PROTOBUF_C_TYPE_STRING)
			continue;
		if (!field_is_repeated(f) && field_holds(message, f))
			drop_parts_of_field(pool, message, f);
		else if (field_is_repeated(f) && f->type == PROTOBUF_C_TYPE_MESSAGE)
			drop_parts_of_list(pool, message, f);
	}
}

const void *pb_keep(struct pb_pool *pool, const void *message)
{
	void *kept = xmalloc(copy_size(message, COPY_KEEP));

	copy_into(kept, message, COPY_KEEP, pool);
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
	return copy_size(kept, COPY_KEEP);
}

void *pb_borrow(struct arena *a, const void *kept)
{
	void *copy = arena_alloc(a, copy_size(kept, COPY_BORROW));

	copy_into(copy, kept, COPY_BORROW, NULL);
	return copy;
}
