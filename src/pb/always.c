/* The sub-messages that are always there.
 *
 * The reference's types hold these by value: its encoder always sends them, perhaps empty, and its
 * code never asks whether they exist. For us absent and empty are the same here: they are made
 * when a message is made or decoded, so that a peer that leaves one out cannot crash a reader.
 * All rows have field numbers below 64. */

#include "pb/field.h"

#include "base/mem.h"

#define F(number) (UINT64_C(1) << (number))

static const struct {
	const ProtobufCMessageDescriptor *type;
	uint64_t fields;
} rows[] = {
	{ &pb__update_config__descriptor, F(2) }, /* delay */
	{ &pb__root_ca__descriptor, F(4) }, /* join_tokens */
	{ &pb__certificate__descriptor, F(3) }, /* status */
	{ &pb__job_status__descriptor, F(1) }, /* job_iteration */
	{ &pb__node_spec__descriptor, F(1) }, /* annotations */
	{ &pb__service_spec__descriptor, F(1) | F(2) }, /* annotations, task */
	{ &pb__network_spec__descriptor, F(1) }, /* annotations */
	/* annotations, acceptance_policy, orchestration, raft, dispatcher, ca_config,
	 * task_defaults, encryption_config */
	{ &pb__cluster_spec__descriptor, F(1) | F(2) | F(3) | F(4) | F(5) | F(6) | F(7) | F(8) },
	{ &pb__secret_spec__descriptor, F(1) }, /* annotations */
	{ &pb__config_spec__descriptor, F(1) }, /* annotations */
	{ &pb__volume_spec__descriptor, F(1) }, /* annotations */
	{ &pb__meta__descriptor, F(1) }, /* version */
	{ &pb__node__descriptor, F(2) | F(3) | F(5) | F(8) }, /* meta, spec, status, certificate */
	{ &pb__service__descriptor, F(2) | F(3) }, /* meta, spec */
	/* meta, spec, annotations, service_annotations, status */
	{ &pb__task__descriptor, F(2) | F(3) | F(7) | F(8) | F(9) },
	{ &pb__network__descriptor, F(2) | F(3) }, /* meta, spec */
	{ &pb__cluster__descriptor, F(2) | F(3) | F(4) }, /* meta, spec, root_ca */
	{ &pb__secret__descriptor, F(2) | F(3) }, /* meta, spec */
	{ &pb__config__descriptor, F(2) | F(3) }, /* meta, spec */
	{ &pb__resource__descriptor, F(2) | F(3) }, /* meta, annotations */
	{ &pb__extension__descriptor, F(2) | F(3) }, /* meta, annotations */
	{ &pb__volume__descriptor, F(2) | F(3) }, /* meta, spec */
	{ &pb__get_unlock_key_response__descriptor, F(2) }, /* version */
	{ &pb__heartbeat_response__descriptor, F(1) }, /* period */
	{ &pb__log_message__descriptor, F(1) }, /* context */
	{ &pb__raft_member__descriptor, F(4) }, /* status */
	{ &pb__snapshot__descriptor, F(2) | F(3) }, /* membership, store */
	{ &pb__update_cluster_request__descriptor, F(4) }, /* rotation */
	{ &pb__raft_snapshot__descriptor, F(2) }, /* metadata */
	{ &pb__host_config__descriptor, F(3) | F(6) }, /* log_config, restart_policy */
	{ &pb__container__descriptor, F(6) | F(7) }, /* config, host_config */
	{ &pb__local_image__descriptor, F(11) }, /* config */
	{ &pb__raft_snapshot_metadata__descriptor, F(1) }, /* conf_state */
};

uint64_t always_fields(const ProtobufCMessageDescriptor *type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return rows[i].fields;
	return 0;
}

void always_make(struct arena *a, ProtobufCMessage *message)
{
	uint64_t fields = always_fields(message->descriptor);

	for (unsigned i = 0; fields != 0 && i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];

		if (!always_has(fields, f))
			continue;
		if (!field_message(message, f))
			*(void **)field_at(message, f) = pb_new(a, f->descriptor);
		fields &= ~F(f->id);
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
