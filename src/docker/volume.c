/* Volumes of this host. Where one lies is not in its record: whoever writes it adds Mountpoint. */
#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

static void write_scope(struct json *j, const char *key, const void *message, int version)
{
	json_text(j, key, "local");
}

static const struct dialect_own scope = { .write = write_scope };

static const struct dialect_field volume_fields[] = {
	{ "CreatedAt", "created_ns", DIALECT_TIME_NS },
	{ "Driver", "driver", DIALECT_TEXT },
	{ "Labels", "labels", DIALECT_MAP, NULL_UNSET },
	{ "Name", "name", DIALECT_TEXT },
	{ "Options", "options", DIALECT_MAP, NULL_UNSET },
	{ "Scope", NULL, DIALECT_OWN, .own = &scope },
	END,
};
const struct dialect dialect_volume = { &pb__local_volume__descriptor, volume_fields };

static const struct dialect_field create_fields[] = {
	{ "Name", "name", DIALECT_TEXT },
	{ "Driver", "driver", DIALECT_TEXT },
	{ "DriverOpts", "options", DIALECT_MAP },
	{ "Labels", "labels", DIALECT_MAP },
	END,
};
const struct dialect dialect_volume_create = { &pb__local_volume__descriptor, create_fields };
