#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

static const struct dialect_field container_fields[] = {
	{ "ContainerID", "container_id", DIALECT_TEXT },
	{ "PID", "pid", DIALECT_INT },
	{ "ExitCode", "exit_code", DIALECT_INT },
	END,
};
static const struct dialect container_status = { &pb__container_status__descriptor,
						 container_fields };
static const struct dialect_field ports_fields[] = {
	{ "Ports", "ports", DIALECT_OBJECTS, OMIT_EMPTY, &dialect_port_config },
	END,
};
static const struct dialect port_status = { &pb__port_status__descriptor, ports_fields };
static const struct dialect_field status_fields[] = {
	{ "Timestamp", "timestamp", DIALECT_TIME },
	{ "State", "state", DIALECT_WORD },
	{ "Message", "message", DIALECT_TEXT, OMIT_EMPTY },
	{ "Err", "err", DIALECT_TEXT, OMIT_EMPTY },
	{ "ContainerStatus", "container", DIALECT_OBJECT, OMIT_UNSET, &container_status },
	{ "PortStatus", "port_status", DIALECT_OBJECT, 0, &port_status },
	END,
};
static const struct dialect status = { &pb__task_status__descriptor, status_fields };
static const struct dialect_field attachment_fields[] = {
	{ "Network", "network", DIALECT_OBJECT, 0, &dialect_network_object },
	{ "Addresses", "addresses", DIALECT_TEXTS, OMIT_EMPTY },
	END,
};
static const struct dialect attachment = { &pb__network_attachment__descriptor, attachment_fields };
static const struct dialect_field volume_fields[] = {
	{ "ID", "id", DIALECT_TEXT, OMIT_EMPTY },
	{ "Source", "source", DIALECT_TEXT, OMIT_EMPTY },
	{ "Target", "target", DIALECT_TEXT, OMIT_EMPTY },
	END,
};
static const struct dialect volume = { &pb__volume_attachment__descriptor, volume_fields };

static const struct dialect_field task_fields[] = {
	{ "ID", "id", DIALECT_TEXT },
	{ "Version", "meta.version", DIALECT_OBJECT, 0, &dialect_version },
	{ "CreatedAt", "meta.created_at", DIALECT_TIME },
	{ "UpdatedAt", "meta.updated_at", DIALECT_TIME },
	{ "Name", "annotations.name", DIALECT_TEXT, OMIT_EMPTY },
	{ "Labels", "annotations.labels", DIALECT_MAP },
	{ "Spec", "spec", DIALECT_OBJECT, 0, &dialect_task_spec },
	{ "ServiceID", "service_id", DIALECT_TEXT, OMIT_EMPTY },
	{ "Slot", "slot", DIALECT_INT, OMIT_EMPTY },
	{ "NodeID", "node_id", DIALECT_TEXT, OMIT_EMPTY },
	{ "Status", "status", DIALECT_OBJECT, 0, &status },
	{ "DesiredState", "desired_state", DIALECT_WORD },
	{ "NetworksAttachments", "networks", DIALECT_OBJECTS, OMIT_EMPTY, &attachment },
	{ "GenericResources", "assigned_generic_resources", DIALECT_OBJECTS, OMIT_EMPTY,
	  &dialect_generic_resource },
	{ "JobIteration", "job_iteration", DIALECT_OBJECT, OMIT_UNSET, &dialect_version,
	  .since = 41 },
	{ "Volumes", "volumes", DIALECT_OBJECTS, OMIT_EMPTY, &volume, .since = 42 },
	END,
};
const struct dialect dialect_task = { &pb__task__descriptor, task_fields };
