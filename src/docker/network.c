#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

static const struct dialect_field ipam_config_fields[] = {
	{ "Subnet", "subnet", DIALECT_TEXT, OMIT_EMPTY },
	{ "Range", "range", DIALECT_TEXT, OMIT_EMPTY },
	{ "Gateway", "gateway", DIALECT_TEXT, OMIT_EMPTY },
	END,
};
static const struct dialect ipam_config = { &pb__ipamconfig__descriptor, ipam_config_fields };
static const struct dialect_field ipam_fields[] = {
	{ "Driver", "driver", DIALECT_OBJECT, 0, &dialect_driver },
	{ "Configs", "configs", DIALECT_OBJECTS, OMIT_EMPTY, &ipam_config },
	END,
};
static const struct dialect ipam = { &pb__ipamoptions__descriptor, ipam_fields };

static void write_scope(struct json *j, const char *key, const void *message, int version)
{
	json_text(j, key, "swarm");
}

static const struct dialect_own scope = { .write = write_scope };

static const struct dialect_field spec_fields[] = {
	{ "Name", "annotations.name", DIALECT_TEXT, OMIT_EMPTY },
	{ "Labels", "annotations.labels", DIALECT_MAP },
	{ "DriverConfiguration", "driver_config", DIALECT_OBJECT, OMIT_UNSET, &dialect_driver },
	{ "IPv6Enabled", "ipv6_enabled", DIALECT_BOOL, OMIT_EMPTY },
	{ "Internal", "internal", DIALECT_BOOL, OMIT_EMPTY },
	{ "Attachable", "attachable", DIALECT_BOOL, OMIT_EMPTY },
	{ "Ingress", "ingress", DIALECT_BOOL, OMIT_EMPTY },
	{ "IPAMOptions", "ipam", DIALECT_OBJECT, OMIT_UNSET, &ipam },
	{ "Scope", NULL, DIALECT_OWN, .own = &scope },
	END,
};
static const struct dialect spec = { &pb__network_spec__descriptor, spec_fields };

static const struct dialect_field network_fields[] = {
	{ "ID", "id", DIALECT_TEXT, OMIT_EMPTY },
	{ "Version", "meta.version", DIALECT_OBJECT, 0, &dialect_version },
	{ "CreatedAt", "meta.created_at", DIALECT_TIME },
	{ "UpdatedAt", "meta.updated_at", DIALECT_TIME },
	{ "Spec", "spec", DIALECT_OBJECT, 0, &spec },
	{ "DriverState", "driver_state", DIALECT_OBJECT, 0, &dialect_driver },
	{ "IPAMOptions", "ipam", DIALECT_OBJECT, OMIT_UNSET, &ipam },
	END,
};
const struct dialect dialect_network_object = { &pb__network__descriptor, network_fields };

/* ---- POST /networks/create ---- */

static const struct dialect_field create_config_fields[] = {
	{ "Subnet", "subnet", DIALECT_TEXT, OMIT_EMPTY },
	{ "IPRange", "range", DIALECT_TEXT, OMIT_EMPTY },
	{ "Gateway", "gateway", DIALECT_TEXT, OMIT_EMPTY },
	{ "AuxiliaryAddresses", "reserved", DIALECT_MAP, OMIT_EMPTY },
	END,
};
static const struct dialect create_config = { &pb__ipamconfig__descriptor, create_config_fields };
static const struct dialect_field create_ipam_fields[] = {
	{ "Driver", "ipam.driver.name", DIALECT_TEXT },
	{ "Options", "ipam.driver.options", DIALECT_MAP },
	{ "Config", "ipam.configs", DIALECT_OBJECTS, 0, &create_config },
	END,
};
static const struct dialect create_ipam = { &pb__network_spec__descriptor, create_ipam_fields };
static const struct dialect_field config_from_fields[] = { { "Network", "network", DIALECT_TEXT },
							   END };
static const struct dialect config_from = { &pb__network_spec__descriptor, config_from_fields };

/* The parts of a request that a spec of the swarm has. */
static const struct dialect_field create_spec_fields[] = {
	{ "Name", "annotations.name", DIALECT_TEXT },
	{ "Driver", "driver_config.name", DIALECT_TEXT },
	{ "EnableIPv6", "ipv6_enabled", DIALECT_BOOL },
	{ "IPAM", "ipam", DIALECT_GROUP, NULL_UNSET, &create_ipam },
	{ "Internal", "internal", DIALECT_BOOL },
	{ "Attachable", "attachable", DIALECT_BOOL },
	{ "Ingress", "ingress", DIALECT_BOOL },
	{ "ConfigFrom", "network", DIALECT_GROUP, NULL_UNSET, &config_from },
	{ "Options", "driver_config.options", DIALECT_MAP },
	{ "Labels", "annotations.labels", DIALECT_MAP },
	END,
};
static const struct dialect create_spec = { &pb__network_spec__descriptor, create_spec_fields };
static const struct dialect_field create_fields[] = {
	{ "CheckDuplicate", "check_duplicate", DIALECT_BOOL, OMIT_EMPTY },
	{ "Scope", "scope", DIALECT_TEXT },
	{ "ConfigOnly", "config_only", DIALECT_BOOL },
	{ NULL, "spec", DIALECT_MEMBERS, 0, &create_spec },
	END,
};
const struct dialect dialect_network_create = { &pb__network_create_request__descriptor,
						create_fields };
