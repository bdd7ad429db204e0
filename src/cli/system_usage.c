/* `system df`: what lies on disk, and how much of it could go. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/container.h"
#include "template/field.h"
#include "console/format.h"
#include "cli/image.h"
#include "cli/system.h"
#include "console/units.h"
#include "cli/volume.h"

static const struct column columns[] = {
	{ "Type", "TYPE" }, { "TotalCount", "TOTAL" },        { "Active", "ACTIVE" },
	{ "Size", "SIZE" }, { "Reclaimable", "RECLAIMABLE" }, { 0 },
};

static const struct listing listing = {
	columns,
	"{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
	"{{.Type}}",
};

struct usage {
	const char *type;
	size_t total, active;
	int64_t size, reclaimable;
	bool hides_share; /* no percentage */
};

static json_t *usage_row(const struct usage *u)
{
	json_t *row = row_new(NULL);
	struct units_text text;
	char cell[128];

	row_set(row, "Type", u->type);
	(void)snprintf(cell, sizeof(cell), "%zu", u->total);
	row_set(row, "TotalCount", cell);
	(void)snprintf(cell, sizeof(cell), "%zu", u->active);
	row_set(row, "Active", cell);
	row_set(row, "Size", human_size((double)u->size, 4, &text));
	(void)human_size((double)u->reclaimable, 4, &text);
	if (u->size > 0 && !u->hides_share)
		(void)snprintf(cell, sizeof(cell), "%s (%lld%%)", text.text,
			       (long long)(u->reclaimable * 100 / u->size));
	else
		(void)snprintf(cell, sizeof(cell), "%s", text.text);
	row_set(row, "Reclaimable", cell);
	return row;
}

static struct usage image_usage(const json_t *df)
{
	const json_t *images = field_at(df, "Images");
	struct usage u = { .type = "Images",
			   .total = json_array_size(images),
			   .size = field_int(df, "LayersSize") };
	int64_t used = 0;

	for (size_t i = 0; i < u.total; i++) {
		const json_t *o = json_array_get(images, i);
		int64_t size = field_int(o, "Size"), shared = field_int(o, "SharedSize");

		if (field_int(o, "Containers") <= 0)
			continue;
		u.active++;
		if (size >= 0 && shared >= 0)
			used += size - shared;
	}
	u.reclaimable = u.size - used;
	return u;
}

static struct usage container_usage(const json_t *df)
{
	const json_t *list = field_at(df, "Containers");
	struct usage u = { .type = "Containers", .total = json_array_size(list) };

	for (size_t i = 0; i < u.total; i++) {
		const json_t *o = json_array_get(list, i);
		const char *state = field_text(o, "State");
		bool active = strcmp(state, "running") == 0 || strcmp(state, "paused") == 0 ||
			      strcmp(state, "restarting") == 0;

		u.active += active;
		u.size += field_int(o, "SizeRw");
		u.reclaimable += active ? 0 : field_int(o, "SizeRw");
	}
	return u;
}

static struct usage volume_usage(const json_t *df)
{
	const json_t *list = field_at(df, "Volumes");
	struct usage u = { .type = "Local Volumes", .total = json_array_size(list) };

	for (size_t i = 0; i < u.total; i++) {
		const json_t *o = json_array_get(list, i);
		int64_t size = field_int(o, "UsageData.Size"),
			used = field_int(o, "UsageData.RefCount");

		u.active += used > 0;
		if (size > 0) {
			u.size += size;
			u.reclaimable += used > 0 ? 0 : size;
		}
	}
	return u;
}

static struct usage build_usage(const json_t *df)
{
	const json_t *list = field_at(df, "BuildCache");
	struct usage u = { .type = "Build Cache",
			   .total = json_array_size(list),
			   .hides_share = true };

	for (size_t i = 0; i < u.total; i++) {
		const json_t *o = json_array_get(list, i);

		u.active += field_bool(o, "InUse");
		u.size += field_int(o, "Size");
		u.reclaimable += field_bool(o, "InUse") ? 0 : field_int(o, "Size");
	}
	return u;
}

static const struct column image_columns[] = {
	{ "Repository", "REPOSITORY" },
	{ "Tag", "TAG" },
	{ "ID", "IMAGE ID" },
	{ "CreatedSince", "CREATED" },
	{ "Size", "SIZE" },
	{ "SharedSize", "SHARED SIZE" },
	{ "UniqueSize", "UNIQUE SIZE" },
	{ "Containers", "CONTAINERS" },
	{ 0 },
};

static const struct listing image_listing = {
	image_columns,
	"{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t"
	"{{.UniqueSize}}\t{{.Containers}}",
	"",
};

static const struct column container_columns[] = {
	{ "ID", "CONTAINER ID" },
	{ "Image", "IMAGE" },
	{ "Command", "COMMAND" },
	{ "LocalVolumes", "LOCAL VOLUMES" },
	{ "Size", "SIZE" },
	{ "RunningFor", "CREATED" },
	{ "Status", "STATUS" },
	{ "Names", "NAMES" },
	{ 0 },
};

static const struct listing container_listing = {
	container_columns,
	"{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
	"",
};

static const struct column volume_columns[] = {
	{ "Name", "VOLUME NAME" },
	{ "Links", "LINKS" },
	{ "Size", "SIZE" },
	{ 0 },
};

static const struct listing volume_listing = { volume_columns, "{{.Name}}\t{{.Links}}\t{{.Size}}",
					       "" };

static const struct column build_columns[] = {
	{ "ID", "CACHE ID" },
	{ "CacheType", "CACHE TYPE" },
	{ "Size", "SIZE" },
	{ "CreatedSince", "CREATED" },
	{ "LastUsedSince", "LAST USED" },
	{ "UsageCount", "USAGE" },
	{ "Shared", "SHARED" },
	{ 0 },
};

static const struct listing build_listing = {
	build_columns,
	"{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}",
	"",
};

/* The first name of an image, as a row. */
static json_t *named_image_row(const json_t *image, int64_t now_ns)
{
	const char *name = field_text(json_array_get(field_at(image, "RepoTags"), 0), "");
	const char *colon = strrchr(name, ':');
	struct str repository = str_bytes(name, colon ? (size_t)(colon - name) : 0);

	return image_row(image, repository, colon ? str_of(colon + 1) : STR(""), STR(""), false,
			 now_ns);
}

static json_t *build_row(const json_t *o, int64_t now_ns)
{
	json_t *row = row_new(NULL);
	struct units_text text;
	int64_t ns = now_ns;
	char cell[128], id[13];

	row_set(row, "ID", short_id(field_text(o, "ID"), id));
	row_set(row, "CacheType", field_text(o, "Type"));
	row_set(row, "Size", human_size((double)field_int(o, "Size"), 3, &text));
	(void)!time_parse(field_text(o, "CreatedAt"), &ns);
	(void)snprintf(cell, sizeof(cell), "%s ago", human_duration(now_ns - ns, &text));
	row_set(row, "CreatedSince", cell);
	cell[0] = '\0';
	if (time_parse(field_text(o, "LastUsedAt"), &ns))
		(void)snprintf(cell, sizeof(cell), "%s ago", human_duration(now_ns - ns, &text));
	row_set(row, "LastUsedSince", cell);
	(void)snprintf(cell, sizeof(cell), "%lld", (long long)field_int(o, "UsageCount"));
	row_set(row, "UsageCount", cell);
	row_set(row, "Shared", field_bool(o, "Shared") ? "true" : "false");
	return row;
}

static bool print_details(struct cli *c, const json_t *df, struct err *e)
{
	AUTO_JSON json_t *images = json_array(), *containers = json_array(),
			 *volumes = json_array();
	AUTO_JSON json_t *builds = json_array();
	struct units_text text;

	for (size_t i = 0; i < field_count(df, "Images"); i++)
		json_array_append_new(
			images,
			named_image_row(json_array_get(field_at(df, "Images"), i), c->now_ns));
	for (size_t i = 0; i < field_count(df, "Containers"); i++) {
		const json_t *o = json_array_get(field_at(df, "Containers"), i);
		json_t *row = container_row(o, false, c->now_ns);

		row_set(row, "Size", human_size((double)field_int(o, "SizeRw"), 3, &text));
		json_array_append_new(containers, row);
	}
	for (size_t i = 0; i < field_count(df, "Volumes"); i++)
		json_array_append_new(volumes,
				      volume_row(json_array_get(field_at(df, "Volumes"), i)));
	for (size_t i = 0; i < field_count(df, "BuildCache"); i++)
		json_array_append_new(
			builds,
			build_row(json_array_get(field_at(df, "BuildCache"), i), c->now_ns));
	printf("Images space usage:\n\n");
	if (!listing_print(&image_listing, "", false, images, e))
		return false;
	printf("\nContainers space usage:\n\n");
	if (!listing_print(&container_listing, "", false, containers, e))
		return false;
	printf("\nLocal Volumes space usage:\n\n");
	if (!listing_print(&volume_listing, "", false, volumes, e))
		return false;
	printf("\nBuild cache usage: %s\n\n", human_size((double)build_usage(df).size, 4, &text));
	return listing_print(&build_listing, "", false, builds, e);
}

bool system_usage(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *df = client_get(c->client, "/system/df", NULL, e), *rows = json_array();
	struct usage all[4];

	if (!df)
		return false;
	if (args_bool(a, "verbose")) {
		if (args_has(a, "format"))
			return fail(e, ERR_UNSUPPORTED, "--format is not supported with --verbose");
		return print_details(c, df, e);
	}
	all[0] = image_usage(df);
	all[1] = container_usage(df);
	all[2] = volume_usage(df);
	all[3] = build_usage(df);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		json_array_append_new(rows, usage_row(&all[i]));
	return listing_print(&listing, args_text(a, "format"), false, rows, e);
}
