/* The fields that nobody may read in a log or an error: secrets, keys, and what lets one in.
 *
 * Whole log entries and snapshots are here because they hold all the others. */

#include "pb/pb.h"

#include "base/mem.h"

static const struct {
	const ProtobufCMessageDescriptor *type;
	const char *field;
} rows[] = {
	{ &pb__secret_spec__descriptor, "data" },
	{ &pb__container_spec__pull_options__descriptor, "registry_auth" },
	{ &pb__acceptance_policy__role_admission_policy__secret__descriptor, "data" },
	{ &pb__join_tokens__descriptor, "worker" },
	{ &pb__join_tokens__descriptor, "manager" },
	{ &pb__root_ca__descriptor, "ca_key" },
	{ &pb__root_rotation__descriptor, "ca_key" },
	{ &pb__caconfig__descriptor, "signing_ca_key" },
	{ &pb__encryption_key__descriptor, "key" },
	{ &pb__issue_node_certificate_request__descriptor, "token" },
	{ &pb__get_unlock_key_response__descriptor, "unlock_key" },
	{ &pb__maybe_encrypted_record__descriptor, "data" },
	{ &pb__raft_entry__descriptor, "data" },
	{ &pb__raft_snapshot__descriptor, "data" },
};

bool pb_is_sensitive(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type && strcmp(rows[i].field, field->name) == 0)
			return true;
	return false;
}
