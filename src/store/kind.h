/* The kinds of object that managers replicate, and what is alike in all of them.
 *
 * Every object begins with its id and its meta, so ids, versions and times are handled once. Names
 * are unique per kind, without regard to case, in those kinds that have them. */
#ifndef SHOAL_STORE_KIND_H
#define SHOAL_STORE_KIND_H

#include "pb/pb.h"

/* The order is that of StoreAction's members. */
enum object_kind {
	OBJECT_NODE,
	OBJECT_SERVICE,
	OBJECT_TASK,
	OBJECT_NETWORK,
	OBJECT_CLUSTER,
	OBJECT_SECRET,
	OBJECT_RESOURCE,
	OBJECT_EXTENSION,
	OBJECT_CONFIG,
	OBJECT_VOLUME,
	OBJECT_KINDS
};

/* What every object's message begins with. */
struct object_head {
	ProtobufCMessage base;
	char *id;
	Pb__Meta *meta;
};

const char *object_kind_name(enum object_kind kind); /* "node", "service", ... */
const ProtobufCMessageDescriptor *object_kind_type(enum object_kind kind);
/* The kind of a message, or OBJECT_KINDS if it is no object. */
enum object_kind object_kind_of(const void *message);

static inline const char *object_id(const void *message)
{
	return ((const struct object_head *)message)->id;
}

static inline uint64_t object_version(const void *message)
{
	return ((const struct object_head *)message)->meta->version->index;
}

/* The name, or NULL in a kind without names. */
const char *object_name(const void *message);

/* The object in an action, or NULL if it is of a kind that we do not know. */
const void *object_in_action(const Pb__StoreAction *action, enum object_kind *kind);
/* An action in the arena that carries (points at) the object. */
Pb__StoreAction *object_action(struct arena *a, Pb__StoreActionKind what, const void *message);

#endif
