/* Fields by dotted path, found through descriptors: "replicated.replicas" of a ServiceSpec.
 *
 * For whoever turns messages into another form with tables (Docker's JSON, command options): a
 * table names a field once, and reading, writing and the field's type follow from it. A path goes
 * through sub-messages, members of oneofs among them, and ends at any field; it does not go
 * through a list, but may end at one. */
#ifndef SHOAL_PB_PATH_H
#define SHOAL_PB_PATH_H

#include "pb/pb.h"

#define PB_PATH_STEPS_MAX 8

struct pb_path {
	unsigned count;
	const ProtobufCFieldDescriptor *steps[PB_PATH_STEPS_MAX];
};

/* Fails with ERR_INVALID if there is no such field. */
bool pb_path_resolve(struct pb_path *p, const ProtobufCMessageDescriptor *type, const char *path,
		     struct err *e);
static inline const ProtobufCFieldDescriptor *pb_path_field(const struct pb_path *p)
{
	return p->steps[p->count - 1];
}

/* A field of a message at hand. */
struct pb_slot {
	const ProtobufCFieldDescriptor *field;
	void *message; /* that has the field */
};

/* Find the field for reading. False if it is not there: a sub-message on the way or the field
 * itself is absent, or another member of its oneof holds. A number or string that is merely zero
 * or empty is there, and so is an empty list. */
bool pb_path_find(const struct pb_path *p, const void *message, struct pb_slot *slot);

/* Find the field for writing: sub-messages on the way are made in the arena and members of oneofs
 * chosen, the field itself included; a sub-message at the end is made too. */
struct pb_slot pb_path_make(const struct pb_path *p, struct arena *a, void *message);

/* Make the field as if it had never been set. An absent way to it is left absent. */
void pb_path_clear(const struct pb_path *p, void *message);

/* Where the value lies: int32_t, int64_t, uint32_t, uint64_t, float, double, protobuf_c_boolean,
 * int (an enum), char *, ProtobufCBinaryData or ProtobufCMessage *, as slot->field->type says; of
 * a list a pointer to an array of these. */
void *pb_slot_value(const struct pb_slot *slot);

/* Integers, bools and enums as one type; unsigned 64-bit values keep their bits. */
int64_t pb_slot_int(const struct pb_slot *slot);
/* Fails with ERR_INVALID if the value is outside the field's type. */
bool pb_slot_set_int(const struct pb_slot *slot, int64_t value, struct err *e);
void pb_slot_set_text(const struct pb_slot *slot, struct arena *a, struct str text);
void pb_slot_set_bytes(const struct pb_slot *slot, struct arena *a, struct str bytes);

/* Lists: how many items; the i-th, for reading or writing (a pointer to the value, as above). */
size_t pb_slot_count(const struct pb_slot *slot);
void *pb_slot_item(const struct pb_slot *slot, size_t i);
/* Replace the list by one of `count` items: zeroes, "" or new messages. */
void pb_slot_set_count(const struct pb_slot *slot, struct arena *a, size_t count);

/* Read and write in one step, where the path is a constant of ours: it must resolve. NULL or 0 if
 * the field is not there. */
const char *pb_get_text(const void *message, const char *path);
int64_t pb_get_int(const void *message, const char *path);
void pb_set_text(struct arena *a, void *message, const char *path, const char *text);
void pb_set_int(struct arena *a, void *message, const char *path, int64_t value);

#endif
