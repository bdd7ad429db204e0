/* The sub-messages that are always there.
 *
 * The reference's types hold these by value: its encoder always sends them, perhaps empty, and its
 * code never asks whether they exist. For us absent and empty are the same here: they are made
 * when a message is made or decoded, so that a peer that leaves one out cannot crash a reader.
 * All rows have field numbers below 64. */

#include "pb/field.h"

#include "base/mem.h"

static const struct {
	const ProtobufCMessageDescriptor *type;
	uint64_t fields;
} rows[] = {
	/* Without such fields, but asked for most: it is the first to be found. */
	{ &pb__raft_message__descriptor, 0 },
	{ &pb__update_config__descriptor, FIELD(2) },           /* delay */
	{ &pb__root_ca__descriptor, FIELD(4) },                 /* join_tokens */
	{ &pb__certificate__descriptor, FIELD(3) },             /* status */
	{ &pb__job_status__descriptor, FIELD(1) },              /* job_iteration */
	{ &pb__node_spec__descriptor, FIELD(1) },               /* annotations */
	{ &pb__service_spec__descriptor, FIELD(1) | FIELD(2) }, /* annotations, task */
	{ &pb__network_spec__descriptor, FIELD(1) },            /* annotations */
	/* annotations, acceptance_policy, orchestration, raft, dispatcher, ca_config,
	 * task_defaults, encryption_config */
	{ &pb__cluster_spec__descriptor,
	  FIELD(1) | FIELD(2) | FIELD(3) | FIELD(4) | FIELD(5) | FIELD(6) | FIELD(7) | FIELD(8) },
	{ &pb__secret_spec__descriptor, FIELD(1) }, /* annotations */
	{ &pb__config_spec__descriptor, FIELD(1) }, /* annotations */
	{ &pb__volume_spec__descriptor, FIELD(1) }, /* annotations */
	{ &pb__meta__descriptor, FIELD(1) },        /* version */
	/* meta, spec, status, certificate */
	{ &pb__node__descriptor, FIELD(2) | FIELD(3) | FIELD(5) | FIELD(8) },
	{ &pb__service__descriptor, FIELD(2) | FIELD(3) }, /* meta, spec */
	/* meta, spec, annotations, service_annotations, status */
	{ &pb__task__descriptor, FIELD(2) | FIELD(3) | FIELD(7) | FIELD(8) | FIELD(9) },
	{ &pb__network__descriptor, FIELD(2) | FIELD(3) },            /* meta, spec */
	{ &pb__cluster__descriptor, FIELD(2) | FIELD(3) | FIELD(4) }, /* meta, spec, root_ca */
	{ &pb__secret__descriptor, FIELD(2) | FIELD(3) },             /* meta, spec */
	{ &pb__config__descriptor, FIELD(2) | FIELD(3) },             /* meta, spec */
	{ &pb__resource__descriptor, FIELD(2) | FIELD(3) },           /* meta, annotations */
	{ &pb__extension__descriptor, FIELD(2) | FIELD(3) },          /* meta, annotations */
	{ &pb__volume__descriptor, FIELD(2) | FIELD(3) },             /* meta, spec */
	{ &pb__get_unlock_key_response__descriptor, FIELD(2) },       /* version */
	{ &pb__heartbeat_response__descriptor, FIELD(1) },            /* period */
	{ &pb__log_message__descriptor, FIELD(1) },                   /* context */
	{ &pb__raft_member__descriptor, FIELD(4) },                   /* status */
	{ &pb__snapshot__descriptor, FIELD(2) | FIELD(3) },           /* membership, store */
	{ &pb__update_cluster_request__descriptor, FIELD(4) },        /* rotation */
	{ &pb__raft_snapshot__descriptor, FIELD(2) },                 /* metadata */
	{ &pb__host_config__descriptor, FIELD(3) | FIELD(6) }, /* log_config, restart_policy */
	{ &pb__container__descriptor, FIELD(6) | FIELD(7) },   /* config, host_config */
	{ &pb__local_image__descriptor, FIELD(11) },           /* config */
	{ &pb__raft_snapshot_metadata__descriptor, FIELD(1) }, /* conf_state */
};

static uint64_t fields_of(const ProtobufCMessageDescriptor *type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return rows[i].fields;
	return 0;
}

bool is_always_there(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *f)
{
	return fields_have(fields_of(type), f);
}

static bool is_missing(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *f)
{
	return f->type == PROTOBUF_C_TYPE_MESSAGE && !field_is_repeated(f) && !field_in_oneof(f) &&
	       !field_message(message, f);
}

void always_make(struct arena *a, ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	uint64_t fields = 0;
	bool is_known = false; /* most messages miss nothing: then the table is not asked */

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];

		if (!is_missing(message, f))
			continue;
		if (!is_known)
			fields = fields_of(type);
		is_known = true;
		if (fields_have(fields, f))
			*(void **)field_at(message, f) = pb_new(a, f->descriptor);
	}
}

void *pb_new(struct arena *a, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *message = arena_alloc(a, type->sizeof_message);

	protobuf_c_message_init(type, message);
	always_make(a, message);
	return message;
}

void *pb_grow(struct arena *a, const void *list, size_t count, size_t item_size)
{
	char *grown = arena_alloc(a, (count + 1) * item_size);

	if (count > 0)
		memcpy(grown, list, count * item_size);
	return grown;
}
