/* Our vocabulary: every message that is stored or sent, and what can be done with any of them.
 *
 * The messages are in proto/; their C types (Pb__Task, PB__TASK_STATE__RUNNING) are generated at
 * build time and reach the house through this header alone. Reading and writing fields is
 * everybody's; their memory is this room's: no other room calls protobuf_c_* or uses __INIT.
 * The verbs below are written once, on descriptors, and work for every message; a `message` is a
 * pointer to a generated struct.
 *
 * What holds for messages made by pb_new(), pb_decode() and the copies of either:
 *   strings        never NULL; unset is "". Text is whatever the sender wrote, perhaps not UTF-8;
 *                  what follows a NUL in it is lost.
 *   sub-messages   NULL when absent, and absent differs from empty. The ones the reference cannot
 *                  leave out ("always there" in proto/) are never NULL.
 *   oneofs         x_case says which member holds, *_NOT_SET none.
 *   enums          may hold a number that has no name here; keep it.
 *   maps           lists of Pb__MapEntry, sorted by key, no key twice (pb/map.h).
 *   unknown fields of newer peers are kept, compared and sent on.
 *
 * No message can contain itself, so decoding nests no deeper than the schema, PB_DEPTH_MAX. */
#ifndef SHOAL_PB_PB_H
#define SHOAL_PB_PB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include "api.pb-c.h"
#include "ca.pb-c.h"
#include "consensus.pb-c.h"
#include "control.pb-c.h"
#include "dispatcher.pb-c.h"
#include "engine.pb-c.h"
#include "health.pb-c.h"
#include "logbroker.pb-c.h"
#include "node.pb-c.h"
#include "objects.pb-c.h"
#include "raft.pb-c.h"
#include "resource.pb-c.h"
#include "snapshot.pb-c.h"
#include "specs.pb-c.h"
#include "types.pb-c.h"
#include "watch.pb-c.h"
#include "wellknown.pb-c.h"

#define PB_DEPTH_MAX 16

/* An empty message in the arena, with the sub-messages that are always there.
 * PB_NEW(a, task) is a Pb__Task *; of messages nested in others take pb_new() and the descriptor:
 * Pb__Endpoint__VirtualIP *v = pb_new(a, &pb__endpoint__virtual_ip__descriptor). */
void *pb_new(struct arena *a, const ProtobufCMessageDescriptor *type);
#define PB_NEW(arena, noun)                                                                        \
	((__typeof__(pb__##noun##__unpack(NULL, 0, NULL)))pb_new((arena),                          \
								 &pb__##noun##__descriptor))

/* Add an item at the end of a repeated field: PB_APPEND(a, container, env, "A=1"). The list is
 * copied each time, so a long one is better made at once. */
#define PB_APPEND(arena, message, list, item)                                                      \
	((message)->list = pb_grow((arena), (message)->list, (message)->n_##list,                  \
				   sizeof((message)->list[0])),                                    \
	 (message)->list[(message)->n_##list++] = (item))
void *pb_grow(struct arena *a, const void *list, size_t count, size_t item_size);

/* Append the encoded message to `out`. False if it does not fit there. */
bool pb_encode(const void *message, struct buf *out) MUST_CHECK;
size_t pb_encoded_size(const void *message);

/* The message in `bytes`, all of it in the arena and independent of `bytes`. NULL and ERR_EXHAUSTED
 * if there are more than size_max bytes, or if they would need more than 16 times their size and
 * 1 MiB of memory; NULL and ERR_INVALID if they are no such message. */
void *pb_decode(struct arena *a, const ProtobufCMessageDescriptor *type, struct str bytes,
		size_t size_max, struct err *e) MUST_CHECK;

/* A deep copy in one piece of the arena. NULL of NULL. */
void *pb_dup(struct arena *a, const void *message);

/* Same type, same content: absent and empty sub-messages differ (but for those always there), maps
 * are sets of keys, unknown fields count. NULL equals NULL alone. */
bool pb_equal(const void *a, const void *b);

/* Equal messages have equal digests, on every machine and in every run. Not cryptographic: who
 * writes the messages can make two that collide. */
struct pb_digest {
	uint64_t high, low;
};
struct pb_digest pb_digest(const void *message);
int pb_digest_compare(struct pb_digest a, struct pb_digest b);

/* Append readable text, one field a line. Sensitive fields (pb_is_sensitive) are ***, bytes and
 * unknown fields only say how many they are. False if it does not fit. */
bool pb_print(const void *message, struct buf *out);
bool pb_is_sensitive(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field);

/* "RUNNING", or NULL for a number without a name. */
const char *pb_enum_name(const ProtobufCEnumDescriptor *type, int value);
/* The other way; upper and lower case are the same, and so are '-' and '_'. */
bool pb_enum_parse(const ProtobufCEnumDescriptor *type, struct str word, int *value);

#endif
