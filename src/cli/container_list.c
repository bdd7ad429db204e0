/* `container ls`: what is there, a line each. */
#include "cli/container.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "template/jsontext.h"
#include "cli/ports.h"
#include "console/units.h"

#define CELL_MAX      65536
#define COMMAND_WIDTH 20
#define MOUNT_WIDTH   15

static const struct column columns[] = {
	{ "ID", "CONTAINER ID" },
	{ "Names", "NAMES" },
	{ "Image", "IMAGE" },
	{ "Command", "COMMAND" },
	{ "CreatedAt", "CREATED AT" },
	{ "RunningFor", "CREATED" },
	{ "Ports", "PORTS" },
	{ "State", "STATE" },
	{ "Status", "STATUS" },
	{ "Size", "SIZE" },
	{ "Labels", "LABELS" },
	{ "Mounts", "MOUNTS" },
	{ "LocalVolumes", "LOCAL VOLUMES" },
	{ "Networks", "NETWORKS" },
	{ "Platform", "PLATFORM" },
	{ 0 },
};

static const struct listing plain_list = {
	columns,
	"{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}",
	"{{.ID}}",
};

static const struct listing sized_list = {
	columns,
	"{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}\t{{.Size}}",
	"{{.ID}}",
};

/* "busybox:latest@sha256:..." is busybox:latest to a reader; an id is cut. */
static void image_cell(const json_t *o, bool whole, struct buf *out)
{
	const char *image = field_text(o, "Image");
	char id[13], image_id[13];

	if (!*image)
		buf_append_c(out, "<no image>");
	else if (whole)
		buf_append_c(out, image);
	else if (strcmp(short_id(image, id), short_id(field_text(o, "ImageID"), image_id)) == 0)
		buf_append_c(out, id);
	else
		image_without_digest(image, out);
}

static void command_cell(const json_t *o, bool whole, struct buf *out)
{
	AUTO_BUF struct buf text = BUF_MAX(CELL_MAX);
	AUTO_JSON json_t *value = NULL;

	if (whole)
		buf_append_c(&text, field_text(o, "Command"));
	else
		ellipsis(field_text(o, "Command"), COMMAND_WIDTH, &text);
	value = json_string(buf_str(&text).ptr);
	jsontext_write(value, false, false, out);
}

/* Names without the slash; of several, only those that are no link's. */
static void names_cell(const json_t *o, bool whole, struct buf *out)
{
	const json_t *names = field_at(o, "Names");

	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = field_text(json_array_get(names, i), "");

		name += *name == '/';
		if (whole || !strchr(name, '/'))
			buf_printf(out, "%s%s", out->len ? "," : "", name);
	}
}

static void mounts_cell(const json_t *o, bool whole, struct buf *out)
{
	const json_t *mounts = field_at(o, "Mounts");

	for (size_t i = 0; i < json_array_size(mounts); i++) {
		const char *name = field_text(json_array_get(mounts, i), "Name");

		if (!*name)
			name = field_text(json_array_get(mounts, i), "Source");
		buf_append_c(out, i ? "," : "");
		ellipsis(name, whole ? CELL_MAX : MOUNT_WIDTH, out);
	}
}

static size_t local_volumes(const json_t *o)
{
	const json_t *mounts = field_at(o, "Mounts");
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(mounts); i++)
		count += strcmp(field_text(json_array_get(mounts, i), "Driver"), "local") == 0;
	return count;
}

static void networks_cell(const json_t *o, struct buf *out)
{
	size_t count;
	AUTO_FREE const char **keys = field_keys(field_at(o, "NetworkSettings.Networks"), &count);

	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s%s", i ? "," : "", keys[i]);
}

static void size_cell(const json_t *o, struct buf *out)
{
	struct units_text own, all;
	int64_t root = field_int(o, "SizeRootFs");

	buf_append_c(out, human_size((double)field_int(o, "SizeRw"), 3, &own));
	if (root > 0)
		buf_printf(out, " (virtual %s)", human_size((double)root, 3, &all));
}

json_t *container_row(const json_t *o, bool whole, int64_t now_ns)
{
	json_t *row = row_new(field_at(o, "Labels"));
	AUTO_BUF struct buf cell = BUF_MAX(CELL_MAX);
	int64_t created_ns = field_int(o, "Created") * NS_PER_SECOND;
	struct units_text text;
	char id[13];

#define CELL(field, fill)                                                                          \
	do {                                                                                       \
		buf_reset(&cell);                                                                  \
		fill;                                                                              \
		row_set(row, field, buf_str(&cell).ptr);                                           \
	} while (0)
	row_set(row, "ID", whole ? field_text(o, "Id") : short_id(field_text(o, "Id"), id));
	CELL("Names", names_cell(o, whole, &cell));
	CELL("Image", image_cell(o, whole, &cell));
	CELL("Command", command_cell(o, whole, &cell));
	row_set(row, "CreatedAt", time_write(created_ns, false, true, &text));
	CELL("RunningFor", buf_printf(&cell, "%s ago", human_duration(now_ns - created_ns, &text)));
	CELL("Ports", ports_write(field_at(o, "Ports"), &cell));
	row_set(row, "State", field_text(o, "State"));
	row_set(row, "Status", field_text(o, "Status"));
	CELL("Size", size_cell(o, &cell));
	CELL("Labels", field_join_labels(field_at(o, "Labels"), ",", &cell));
	CELL("Mounts", mounts_cell(o, whole, &cell));
	CELL("LocalVolumes", buf_printf(&cell, "%zu", local_volumes(o)));
	CELL("Networks", networks_cell(o, &cell));
#undef CELL
	json_object_set_new(row, "Platform", json_null());
	return row;
}

bool container_list(struct cli *c, const struct args *a, struct err *e)
{
	const char *format = args_text(a, "format");
	bool size = args_bool(a, "size") || strstr(format, ".Size") || strstr(format, "json .");
	AUTO_JSON json_t *rows = json_array(), *containers = NULL;
	AUTO_QUERY struct query q = QUERY;
	const char *const *filters;
	size_t count;

	filters = args_list(a, "filter", &count);
	query_add_flag(&q, "all", args_bool(a, "all"));
	if (args_bool(a, "latest"))
		query_add(&q, "limit", "1");
	else if (args_int(a, "last") > 0)
		query_add_int(&q, "limit", args_int(a, "last"));
	query_add_flag(&q, "size", size);
	query_add_filters(&q, filters, count);
	containers = client_get(c->client, "/containers/json", &q, e);
	if (!containers)
		return false;
	for (size_t i = 0; i < json_array_size(containers); i++)
		json_array_append_new(rows, container_row(json_array_get(containers, i),
							  args_bool(a, "no-trunc"), c->now_ns));
	return listing_print(args_bool(a, "size") ? &sized_list : &plain_list, format,
			     args_bool(a, "quiet"), rows, e);
}
