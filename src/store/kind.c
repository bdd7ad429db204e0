#include "store/kind.h"

#include <stddef.h>

#include "base/mem.h"

#define BEGINS_AS_ALL(type)                                                                        \
	_Static_assert(offsetof(type, id) == offsetof(struct object_head, id) &&                   \
			       offsetof(type, meta) == offsetof(struct object_head, meta),         \
		       #type " begins with id and meta")

BEGINS_AS_ALL(Pb__Node);
BEGINS_AS_ALL(Pb__Service);
BEGINS_AS_ALL(Pb__Task);
BEGINS_AS_ALL(Pb__Network);
BEGINS_AS_ALL(Pb__Cluster);
BEGINS_AS_ALL(Pb__Secret);
BEGINS_AS_ALL(Pb__Resource);
BEGINS_AS_ALL(Pb__Extension);
BEGINS_AS_ALL(Pb__Config);
BEGINS_AS_ALL(Pb__Volume);

static const struct {
	const char *name;
	const ProtobufCMessageDescriptor *type;
	Pb__StoreAction__TargetCase in_action;
} kinds[OBJECT_KINDS] = {
	{ "node", &pb__node__descriptor, PB__STORE_ACTION__TARGET_NODE },
	{ "service", &pb__service__descriptor, PB__STORE_ACTION__TARGET_SERVICE },
	{ "task", &pb__task__descriptor, PB__STORE_ACTION__TARGET_TASK },
	{ "network", &pb__network__descriptor, PB__STORE_ACTION__TARGET_NETWORK },
	{ "cluster", &pb__cluster__descriptor, PB__STORE_ACTION__TARGET_CLUSTER },
	{ "secret", &pb__secret__descriptor, PB__STORE_ACTION__TARGET_SECRET },
	{ "resource", &pb__resource__descriptor, PB__STORE_ACTION__TARGET_RESOURCE },
	{ "extension", &pb__extension__descriptor, PB__STORE_ACTION__TARGET_EXTENSION },
	{ "config", &pb__config__descriptor, PB__STORE_ACTION__TARGET_CONFIG },
	{ "volume", &pb__volume__descriptor, PB__STORE_ACTION__TARGET_VOLUME },
};

const char *object_kind_name(enum object_kind kind)
{
	return kinds[kind].name;
}

const ProtobufCMessageDescriptor *object_kind_type(enum object_kind kind)
{
	return kinds[kind].type;
}

enum object_kind object_kind_of(const void *message)
{
	const ProtobufCMessage *m = message;
	int kind = 0;

	while (kind < OBJECT_KINDS && kinds[kind].type != m->descriptor)
		kind++;
	return (enum object_kind)kind;
}

const char *object_name(const void *message)
{
	switch (object_kind_of(message)) {
	case OBJECT_SERVICE:
		return ((const Pb__Service *)message)->spec->annotations->name;
	case OBJECT_NETWORK:
		return ((const Pb__Network *)message)->spec->annotations->name;
	case OBJECT_CLUSTER:
		return ((const Pb__Cluster *)message)->spec->annotations->name;
	case OBJECT_SECRET:
		return ((const Pb__Secret *)message)->spec->annotations->name;
	case OBJECT_CONFIG:
		return ((const Pb__Config *)message)->spec->annotations->name;
	case OBJECT_VOLUME:
		return ((const Pb__Volume *)message)->spec->annotations->name;
	case OBJECT_RESOURCE:
		return ((const Pb__Resource *)message)->annotations->name;
	case OBJECT_EXTENSION:
		return ((const Pb__Extension *)message)->annotations->name;
	default:
		return NULL;
	}
}

const void *object_in_action(const Pb__StoreAction *action, enum object_kind *kind)
{
	for (int k = 0; k < OBJECT_KINDS; k++) {
		if (kinds[k].in_action == action->target_case) {
			*kind = (enum object_kind)k;
			return action
				->node; /* a union of pointers: any member is the one that holds */
		}
	}
	return NULL;
}

Pb__StoreAction *object_action(struct arena *a, Pb__StoreActionKind what, const void *message)
{
	Pb__StoreAction *action = pb_new(a, &pb__store_action__descriptor);

	action->action = what;
	action->target_case = kinds[object_kind_of(message)].in_action;
	action->node = (Pb__Node *)message;
	return action;
}
