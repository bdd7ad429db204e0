/* Devices of a new container: nodes of /dev, limits of disks, GPUs. */
#include <string.h>

#include "base/mem.h"
#include "cli/container_body.h"
#include "cli/csv.h"
#include "template/field.h"
#include "console/units.h"

/* "/dev/a[:/dev/b[:rwm]]" */
static bool put_device(json_t *devices, const char *text, struct err *e)
{
	struct str host, rest, inside, mode;

	str_cut(str_of(text), ':', &host, &rest);
	str_cut(rest, ':', &inside, &mode);
	if (inside.len && inside.ptr[0] != '/' && mode.len == 0) {
		mode = inside;
		inside = STR("");
	}
	for (size_t i = 0; i < mode.len; i++)
		if (!strchr("rwm", mode.ptr[i]))
			return fail(e, ERR_INVALID, "invalid device mode: %.*s", STR_FMT(mode));
	if (inside.len == 0)
		inside = host;
	if (mode.len == 0)
		mode = STR("rwm");
	json_array_append_new(devices,
			      json_pack("{s:s%,s:s%,s:s%}", "PathOnHost", host.ptr, host.len,
					"PathInContainer", inside.ptr, inside.len,
					"CgroupPermissions", mode.ptr, mode.len));
	return true;
}

enum rate { RATE_BYTES, RATE_COUNT, RATE_WEIGHT };

static const struct {
	const char *option, *path;
	enum rate rate;
} disks[] = {
	{ "blkio-weight-device", "HostConfig.BlkioWeightDevice", RATE_WEIGHT },
	{ "device-read-bps", "HostConfig.BlkioDeviceReadBps", RATE_BYTES },
	{ "device-write-bps", "HostConfig.BlkioDeviceWriteBps", RATE_BYTES },
	{ "device-read-iops", "HostConfig.BlkioDeviceReadIOps", RATE_COUNT },
	{ "device-write-iops", "HostConfig.BlkioDeviceWriteIOps", RATE_COUNT },
};

/* "/dev/sda:1mb" */
static bool put_rate(json_t *list, const char *text, enum rate rate, struct err *e)
{
	const char *colon = strrchr(text, ':');
	AUTO_FREE char *path = NULL;
	struct err ignored;
	uint64_t count = 0;
	int64_t bytes = 0;

	if (!colon || strncmp(text, "/dev/", 5) != 0)
		return fail(e, ERR_INVALID, "bad format: %s: give /dev/NAME:VALUE", text);
	path = xstrndup(text, (size_t)(colon - text));
	if (rate == RATE_BYTES ? !size_parse(colon + 1, &bytes, &ignored)
			       : !str_to_u64(str_of(colon + 1), &count))
		return fail(e, ERR_INVALID, "invalid value for device: %s", text);
	if (rate != RATE_BYTES)
		bytes = (int64_t)count;
	json_array_append_new(list, json_pack("{s:s,s:I}", "Path", path,
					      rate == RATE_WEIGHT ? "Weight" : "Rate",
					      (json_int_t)bytes));
	return true;
}

/* "all", "2", "device=0,1" or "count=1,driver=nvidia,capabilities=utility". */
static bool put_gpus(const char *text, json_t *body, struct err *e)
{
	AUTO_JSON json_t *wanted = json_pack("{s:i,s:[[s]]}", "Count", 1, "Capabilities", "gpu");
	AUTO_BUF struct buf field = BUF_MAX(4096);
	struct str rest = str_of(text), key, value;
	uint64_t count;

	while (csv_next(&rest, &field)) {
		if (!str_cut(buf_str(&field), '=', &key, &value)) {
			value = key;
			key = STR("count");
		}
		if (str_equal_c(key, "count") && str_equal_c(value, "all"))
			field_put(wanted, "Count", json_integer(-1));
		else if (str_equal_c(key, "count") && str_to_u64(value, &count))
			field_put(wanted, "Count", json_integer((json_int_t)count));
		else if (str_equal_c(key, "driver"))
			field_put(wanted, "Driver", json_stringn(value.ptr, value.len));
		else if (str_equal_c(key, "capabilities"))
			json_array_append_new(json_array_get(field_at(wanted, "Capabilities"), 0),
					      json_stringn(value.ptr, value.len));
		else if (str_equal_c(key, "device"))
			json_array_append_new(field_array(wanted, "DeviceIDs"),
					      json_stringn(value.ptr, value.len));
		else
			return fail(e, ERR_INVALID, "invalid argument \"%s\" for \"--gpus\" flag",
				    text);
	}
	if (field_at(wanted, "DeviceIDs"))
		field_drop(wanted, "Count");
	json_array_append(field_array(body, "HostConfig.DeviceRequests"), wanted);
	return true;
}

bool container_put_devices(const struct args *a, json_t *body, struct err *e)
{
	const char *const *list;
	size_t count;

	list = args_list(a, "device", &count);
	for (size_t i = 0; i < count; i++)
		if (!put_device(field_array(body, "HostConfig.Devices"), list[i], e))
			return false;
	for (size_t row = 0; row < ARRAY_LEN(disks); row++) {
		list = args_list(a, disks[row].option, &count);
		for (size_t i = 0; i < count; i++)
			if (!put_rate(field_array(body, disks[row].path), list[i], disks[row].rate,
				      e))
				return false;
	}
	return !args_has(a, "gpus") || put_gpus(args_text(a, "gpus"), body, e);
}
