#include "cli/mount.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/csv.h"
#include "template/field.h"
#include "cli/pairs.h"
#include "console/units.h"

#define FIELD_MAX 16384

enum value { TEXT, SWITCH, SIZE, MODE, PAIR };

/* A key of --mount and where it goes. `of` names the mount types that know it. */
static const struct {
	const char *key, *path;
	enum value value;
	const char *of;
} keys[] = {
	{ "type", "Type", TEXT, NULL },
	{ "source", "Source", TEXT, NULL },
	{ "src", "Source", TEXT, NULL },
	{ "target", "Target", TEXT, NULL },
	{ "dst", "Target", TEXT, NULL },
	{ "destination", "Target", TEXT, NULL },
	{ "readonly", "ReadOnly", SWITCH, NULL },
	{ "ro", "ReadOnly", SWITCH, NULL },
	{ "consistency", "Consistency", TEXT, NULL },
	{ "bind-propagation", "BindOptions.Propagation", TEXT, "bind" },
	{ "bind-nonrecursive", "BindOptions.NonRecursive", SWITCH, "bind" },
	{ "bind-create-src", "BindOptions.CreateMountpoint", SWITCH, "bind" },
	{ "volume-subpath", "VolumeOptions.Subpath", TEXT, "volume" },
	{ "volume-nocopy", "VolumeOptions.NoCopy", SWITCH, "volume" },
	{ "volume-label", "VolumeOptions.Labels", PAIR, "volume" },
	{ "volume-driver", "VolumeOptions.DriverConfig.Name", TEXT, "volume" },
	{ "volume-opt", "VolumeOptions.DriverConfig.Options", PAIR, "volume" },
	{ "image-subpath", "ImageOptions.Subpath", TEXT, "image" },
	{ "tmpfs-size", "TmpfsOptions.SizeBytes", SIZE, "tmpfs" },
	{ "tmpfs-mode", "TmpfsOptions.Mode", MODE, "tmpfs" },
};

static bool put_switch(json_t *mount, const char *path, const char *key, const char *value,
		       bool given, struct err *e)
{
	bool on = !given || strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0;

	if (!on && strcmp(value, "0") != 0 && strcasecmp(value, "false") != 0)
		return fail(e, ERR_INVALID, "invalid value for %s: %s", key, value);
	field_put(mount, path, json_boolean(on));
	return true;
}

static bool put_value(json_t *mount, size_t row, const char *value, bool given, struct err *e)
{
	const char *key = keys[row].key, *path = keys[row].path;
	int64_t number;
	char *end;

	if (!given && keys[row].value != SWITCH)
		return fail(e, ERR_INVALID, "invalid field '%s' must be a key=value pair", key);
	switch (keys[row].value) {
	case SWITCH:
		return put_switch(mount, path, key, value, given, e);
	case SIZE:
		if (!size_parse(value, &number, e))
			return fail(e, ERR_INVALID, "invalid value for %s: %s", key, value);
		field_put(mount, path, json_integer(number));
		return true;
	case MODE:
		number = strtoll(value, &end, 8);
		if (!*value || *end || number < 0 || number > 07777)
			return fail(e, ERR_INVALID, "invalid value for %s: %s", key, value);
		field_put(mount, path, json_integer(number));
		return true;
	case PAIR:
		pairs_into_object(field_object(mount, path), &value, 1);
		return true;
	default:
		field_put_text(mount, path, value);
		return true;
	}
}

/* Put one "key=value" in; *type_of collects the type that the options given belong to. */
static bool put_field(json_t *mount, const char *field, const char **type_of, struct err *e)
{
	const char *equals = strchr(field, '=');
	AUTO_FREE char *key = xstrndup(field, equals ? (size_t)(equals - field) : strlen(field));

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcasecmp(key, keys[i].key) != 0)
			continue;
		if (keys[i].of)
			*type_of = keys[i].of;
		return put_value(mount, i, equals ? equals + 1 : "", equals != NULL, e);
	}
	if (!equals)
		return fail(e, ERR_INVALID, "invalid field '%s' must be a key=value pair", field);
	return fail(e, ERR_INVALID, "unexpected key '%s' in '%s'", key, field);
}

static bool check(const json_t *mount, const char *type_of, struct err *e)
{
	const char *type = field_text(mount, "Type");

	if (!*type)
		return fail(e, ERR_INVALID, "type is required");
	if (!*field_text(mount, "Target"))
		return fail(e, ERR_INVALID, "target is required");
	if (type_of && strcmp(type, type_of) != 0)
		return fail(e, ERR_INVALID, "cannot mix '%s-*' options with mount type '%s'",
			    type_of, type);
	return true;
}

json_t *mount_parse(const char *text, struct err *e)
{
	AUTO_JSON json_t *mount = json_object();
	AUTO_BUF struct buf field = BUF_MAX(FIELD_MAX);
	struct str rest = str_of(text);
	const char *type_of = NULL;
	bool ok = true;

	field_put_text(mount, "Type", "volume");
	while (ok && csv_next(&rest, &field))
		ok = put_field(mount, buf_str(&field).ptr, &type_of, e);
	if (!ok || !check(mount, type_of, e))
		return while_doing(e, "invalid argument \"%s\" for \"--mount\" flag", text), NULL;
	return json_incref(mount);
}
