/* The sub-messages that are always there.
 *
 * The reference's types hold these by value: its encoder always sends them, perhaps empty, and its
 * code never asks whether they exist. For us absent and empty are the same here: they are made
 * when a message is made or decoded, so that a peer that leaves one out cannot crash a reader.
 * All rows have field numbers below 64. */

#include "pb/field.h"

#include "base/mem.h"

struct always {
	const ProtobufCMessageDescriptor *type; /* NULL ends a list */
	uint64_t fields;
};

/* A list for each initial of the types' names: most types are asked for and have none. */
static const struct always of_c[] = {
	{ &pb__certificate__descriptor, FIELD(3) }, /* status */
	/* annotations, acceptance_policy, orchestration, raft, dispatcher, ca_config,
	 * task_defaults, encryption_config */
	{ &pb__cluster_spec__descriptor,
	  FIELD(1) | FIELD(2) | FIELD(3) | FIELD(4) | FIELD(5) | FIELD(6) | FIELD(7) | FIELD(8) },
	{ &pb__config_spec__descriptor, FIELD(1) },                   /* annotations */
	{ &pb__cluster__descriptor, FIELD(2) | FIELD(3) | FIELD(4) }, /* meta, spec, root_ca */
	{ &pb__config__descriptor, FIELD(2) | FIELD(3) },             /* meta, spec */
	{ &pb__container__descriptor, FIELD(6) | FIELD(7) },          /* config, host_config */
	{ 0 },
};
static const struct always of_e[] = {
	{ &pb__extension__descriptor, FIELD(2) | FIELD(3) }, /* meta, annotations */
	{ 0 },
};
static const struct always of_g[] = {
	{ &pb__get_unlock_key_response__descriptor, FIELD(2) }, /* version */
	{ 0 },
};
static const struct always of_h[] = {
	{ &pb__heartbeat_response__descriptor, FIELD(1) },     /* period */
	{ &pb__host_config__descriptor, FIELD(3) | FIELD(6) }, /* log_config, restart_policy */
	{ 0 },
};
static const struct always of_j[] = {
	{ &pb__job_status__descriptor, FIELD(1) }, /* job_iteration */
	{ 0 },
};
static const struct always of_l[] = {
	{ &pb__log_message__descriptor, FIELD(1) },  /* context */
	{ &pb__local_image__descriptor, FIELD(11) }, /* config */
	{ 0 },
};
static const struct always of_m[] = {
	{ &pb__meta__descriptor, FIELD(1) }, /* version */
	{ 0 },
};
static const struct always of_n[] = {
	{ &pb__node_spec__descriptor, FIELD(1) },    /* annotations */
	{ &pb__network_spec__descriptor, FIELD(1) }, /* annotations */
	/* meta, spec, status, certificate */
	{ &pb__node__descriptor, FIELD(2) | FIELD(3) | FIELD(5) | FIELD(8) },
	{ &pb__network__descriptor, FIELD(2) | FIELD(3) }, /* meta, spec */
	{ 0 },
};
static const struct always of_r[] = {
	{ &pb__root_ca__descriptor, FIELD(4) },                /* join_tokens */
	{ &pb__resource__descriptor, FIELD(2) | FIELD(3) },    /* meta, annotations */
	{ &pb__raft_member__descriptor, FIELD(4) },            /* status */
	{ &pb__raft_snapshot__descriptor, FIELD(2) },          /* metadata */
	{ &pb__raft_snapshot_metadata__descriptor, FIELD(1) }, /* conf_state */
	{ 0 },
};
static const struct always of_s[] = {
	{ &pb__service_spec__descriptor, FIELD(1) | FIELD(2) }, /* annotations, task */
	{ &pb__secret_spec__descriptor, FIELD(1) },             /* annotations */
	{ &pb__service__descriptor, FIELD(2) | FIELD(3) },      /* meta, spec */
	{ &pb__secret__descriptor, FIELD(2) | FIELD(3) },       /* meta, spec */
	{ &pb__snapshot__descriptor, FIELD(2) | FIELD(3) },     /* membership, store */
	{ 0 },
};
static const struct always of_t[] = {
	/* meta, spec, annotations, service_annotations, status */
	{ &pb__task__descriptor, FIELD(2) | FIELD(3) | FIELD(7) | FIELD(8) | FIELD(9) },
	{ 0 },
};
static const struct always of_u[] = {
	{ &pb__update_config__descriptor, FIELD(2) },          /* delay */
	{ &pb__update_cluster_request__descriptor, FIELD(4) }, /* rotation */
	{ 0 },
};
static const struct always of_v[] = {
	{ &pb__volume_spec__descriptor, FIELD(1) },       /* annotations */
	{ &pb__volume__descriptor, FIELD(2) | FIELD(3) }, /* meta, spec */
	{ 0 },
};
static const struct always *const by_initial[32] = {
	['C' & 31] = of_c, ['E' & 31] = of_e, ['G' & 31] = of_g, ['H' & 31] = of_h,
	['J' & 31] = of_j, ['L' & 31] = of_l, ['M' & 31] = of_m, ['N' & 31] = of_n,
	['R' & 31] = of_r, ['S' & 31] = of_s, ['T' & 31] = of_t, ['U' & 31] = of_u,
	['V' & 31] = of_v,
};

uint64_t always_fields(const ProtobufCMessageDescriptor *type)
{
	const struct always *it = by_initial[type->short_name[0] & 31];

	for (; it && it->type; it++)
		if (it->type == type)
			return it->fields;
	return 0;
}

void always_make(struct arena *a, ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	uint64_t fields = always_fields(type);

	for (unsigned i = 0; fields && i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];

		if (!fields_have(fields, f))
			continue;
		if (!field_message(message, f))
			*(void **)field_at(message, f) = pb_new(a, f->descriptor);
		fields &= ~FIELD(f->id);
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
