#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

static const struct dialect_word roles[] = {
	{ "worker", PB__NODE_ROLE__WORKER },
	{ "manager", PB__NODE_ROLE__MANAGER },
	{ NULL },
};
static const struct dialect_word availabilities[] = {
	{ "active", PB__NODE_SPEC__AVAILABILITY__ACTIVE },
	{ "pause", PB__NODE_SPEC__AVAILABILITY__PAUSE },
	{ "drain", PB__NODE_SPEC__AVAILABILITY__DRAIN },
	{ NULL },
};
static const struct dialect_field spec_fields[] = {
	{ "Name", "annotations.name", DIALECT_TEXT, OMIT_EMPTY },
	{ "Labels", "annotations.labels", DIALECT_MAP },
	{ "Role", "desired_role", DIALECT_WORD, .words = roles },
	{ "Availability", "availability", DIALECT_WORD, .words = availabilities },
	END,
};
const struct dialect dialect_node_spec = { &pb__node_spec__descriptor, spec_fields };

static const struct dialect_field tls_fields[] = {
	{ "TrustRoot", "trust_root", DIALECT_PEM, OMIT_EMPTY },
	{ "CertIssuerSubject", "cert_issuer_subject", DIALECT_BYTES, OMIT_EMPTY },
	{ "CertIssuerPublicKey", "cert_issuer_public_key", DIALECT_BYTES, OMIT_EMPTY },
	END,
};
const struct dialect dialect_tls_info = { &pb__node_tlsinfo__descriptor, tls_fields };
static const struct dialect_field plugin_fields[] = {
	{ "Type", "type", DIALECT_TEXT, OMIT_EMPTY },
	{ "Name", "name", DIALECT_TEXT, OMIT_EMPTY },
	END,
};
static const struct dialect plugin = { &pb__plugin_description__descriptor, plugin_fields };
static const struct dialect_field engine_fields[] = {
	{ "EngineVersion", "engine_version", DIALECT_TEXT, OMIT_EMPTY },
	{ "Labels", "labels", DIALECT_MAP, OMIT_EMPTY },
	{ "Plugins", "plugins", DIALECT_OBJECTS, OMIT_EMPTY, &plugin },
	END,
};
static const struct dialect engine = { &pb__engine_description__descriptor, engine_fields };
static const struct dialect_field description_fields[] = {
	{ "Hostname", "hostname", DIALECT_TEXT, OMIT_EMPTY },
	{ "Platform", "platform", DIALECT_OBJECT, 0, &dialect_platform },
	{ "Resources", "resources", DIALECT_OBJECT, 0, &dialect_resources },
	{ "Engine", "engine", DIALECT_OBJECT, 0, &engine },
	{ "TLSInfo", "tls_info", DIALECT_OBJECT, 0, &dialect_tls_info },
	END,
};
static const struct dialect description = { &pb__node_description__descriptor, description_fields };

static const struct dialect_field status_fields[] = {
	{ "State", "state", DIALECT_WORD },
	{ "Message", "message", DIALECT_TEXT, OMIT_EMPTY },
	{ "Addr", "addr", DIALECT_TEXT, OMIT_EMPTY },
	END,
};
static const struct dialect status = { &pb__node_status__descriptor, status_fields };
static const struct dialect_field manager_fields[] = {
	{ "Leader", "leader", DIALECT_BOOL, OMIT_EMPTY },
	{ "Reachability", "reachability", DIALECT_WORD },
	{ "Addr", "addr", DIALECT_TEXT, OMIT_EMPTY },
	END,
};
static const struct dialect manager_status = { &pb__manager_status__descriptor, manager_fields };

static const struct dialect_field node_fields[] = {
	{ "ID", "id", DIALECT_TEXT },
	{ "Version", "meta.version", DIALECT_OBJECT, 0, &dialect_version },
	{ "CreatedAt", "meta.created_at", DIALECT_TIME },
	{ "UpdatedAt", "meta.updated_at", DIALECT_TIME },
	{ "Spec", "spec", DIALECT_OBJECT, 0, &dialect_node_spec },
	{ "Description", "description", DIALECT_OBJECT, 0, &description },
	{ "Status", "status", DIALECT_OBJECT, 0, &status },
	{ "ManagerStatus", "manager_status", DIALECT_OBJECT, OMIT_UNSET, &manager_status },
	END,
};
const struct dialect dialect_node = { &pb__node__descriptor, node_fields };
