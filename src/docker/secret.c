/* Secrets and configs: alike but for what is shown of their data. */
#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

static const struct dialect_field secret_spec_fields[] = {
	{ "Name", "annotations.name", DIALECT_TEXT, OMIT_EMPTY },
	{ "Labels", "annotations.labels", DIALECT_MAP },
	{ "Data", "data", DIALECT_BYTES, OMIT_EMPTY },
	{ "Driver", "driver", DIALECT_OBJECT, OMIT_UNSET, &dialect_driver },
	{ "Templating", "templating", DIALECT_OBJECT, OMIT_UNSET, &dialect_driver, .since = 37 },
	END,
};
const struct dialect dialect_secret_spec = { &pb__secret_spec__descriptor, secret_spec_fields };

/* As it is shown: the data of a secret leaves the swarm for containers only. */
static const struct dialect_field shown_fields[] = {
	{ "Name", "annotations.name", DIALECT_TEXT, OMIT_EMPTY },
	{ "Labels", "annotations.labels", DIALECT_MAP },
	{ "Driver", "driver", DIALECT_OBJECT, OMIT_UNSET, &dialect_driver },
	{ "Templating", "templating", DIALECT_OBJECT, OMIT_UNSET, &dialect_driver, .since = 37 },
	END,
};
static const struct dialect shown = { &pb__secret_spec__descriptor, shown_fields };
static const struct dialect_field secret_fields[] = {
	{ "ID", "id", DIALECT_TEXT },
	{ "Version", "meta.version", DIALECT_OBJECT, 0, &dialect_version },
	{ "CreatedAt", "meta.created_at", DIALECT_TIME },
	{ "UpdatedAt", "meta.updated_at", DIALECT_TIME },
	{ "Spec", "spec", DIALECT_OBJECT, 0, &shown },
	END,
};
const struct dialect dialect_secret = { &pb__secret__descriptor, secret_fields };

static const struct dialect_field config_spec_fields[] = {
	{ "Name", "annotations.name", DIALECT_TEXT, OMIT_EMPTY },
	{ "Labels", "annotations.labels", DIALECT_MAP },
	{ "Data", "data", DIALECT_BYTES, OMIT_EMPTY },
	{ "Templating", "templating", DIALECT_OBJECT, OMIT_UNSET, &dialect_driver, .since = 37 },
	END,
};
const struct dialect dialect_config_spec = { &pb__config_spec__descriptor, config_spec_fields };
static const struct dialect_field config_fields[] = {
	{ "ID", "id", DIALECT_TEXT },
	{ "Version", "meta.version", DIALECT_OBJECT, 0, &dialect_version },
	{ "CreatedAt", "meta.created_at", DIALECT_TIME },
	{ "UpdatedAt", "meta.updated_at", DIALECT_TIME },
	{ "Spec", "spec", DIALECT_OBJECT, 0, &dialect_config_spec },
	END,
};
const struct dialect dialect_config = { &pb__config__descriptor, config_fields };
