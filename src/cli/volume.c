/* Volumes: folders that outlive containers. */
#include "cli/volume.h"

#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "cli/inspect.h"
#include "cli/list_options.h"
#include "console/order.h"
#include "cli/pairs.h"
#include "cli/program.h"
#include "cli/prune.h"
#include "console/units.h"

static const struct column columns[] = {
	{ "Name", "VOLUME NAME" },
	{ "Driver", "DRIVER" },
	{ "Scope", "SCOPE" },
	{ "Availability", "AVAILABILITY" },
	{ "Group", "GROUP" },
	{ "Labels", "LABELS" },
	{ "Links", "LINKS" },
	{ "Mountpoint", "MOUNTPOINT" },
	{ "Size", "SIZE" },
	{ "Status", "STATUS" },
	{ 0 },
};

static const struct listing listing = { columns, "{{.Driver}}\t{{.Name}}", "{{.Name}}" };

static const struct option create_options[] = {
	{ 'd', "driver", OPT_TEXT, "who keeps the volume", .fallback = "local" },
	{ 0, "label", OPT_LIST, "a label: key=value" },
	{ 'o', "opt", OPT_LIST, "an option of the driver: key=value", .word = "map" },
	OPTION_ABSENT("availability", OPT_TEXT, "cluster volumes are not there"),
	OPTION_ABSENT("group", OPT_TEXT, "cluster volumes are not there"),
	OPTION_ABSENT("limit-bytes", OPT_TEXT, "cluster volumes are not there"),
	OPTION_ABSENT("required-bytes", OPT_TEXT, "cluster volumes are not there"),
	OPTION_ABSENT("scope", OPT_TEXT, "cluster volumes are not there"),
	OPTION_ABSENT("secret", OPT_LIST, "cluster volumes are not there"),
	OPTION_ABSENT("sharing", OPT_TEXT, "cluster volumes are not there"),
	OPTION_ABSENT("topology-preferred", OPT_LIST, "cluster volumes are not there"),
	OPTION_ABSENT("topology-required", OPT_LIST, "cluster volumes are not there"),
	OPTION_ABSENT("type", OPT_TEXT, "cluster volumes are not there"),
	{ 0 },
};

static const struct option list_options[] = {
	OPTION_FILTER,
	OPTION_FORMAT,
	{ 'q', "quiet", OPT_BOOL, "print names only" },
	OPTION_ABSENT("cluster", OPT_BOOL, "cluster volumes are not there"),
	{ 0 },
};

static const struct option inspect_options[] = { OPTION_INSPECT_FORMAT, { 0 } };

static const struct option prune_options[] = {
	{ 'a', "all", OPT_BOOL, "remove volumes that have a name too" },
	{ 0, "filter", OPT_FILTER, "remove only what fits: label=NAME" },
	{ 'f', "force", OPT_BOOL, "do not ask" },
	{ 0 },
};

static const struct option remove_options[] = {
	{ 'f', "force", OPT_BOOL, "do not fail if there is no such volume" },
	{ 0 },
};

static bool volume_create(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *body = json_object(), *answer = NULL;
	const char *const *list;
	size_t count;

	field_put_text(body, "Driver", args_text(a, "driver"));
	list = args_list(a, "opt", &count);
	if (count)
		field_put(body, "DriverOpts", pairs_object(list, count));
	list = args_list(a, "label", &count);
	field_put(body, "Labels", pairs_object(list, count));
	if (a->word_count)
		field_put_text(body, "Name", a->words[0]);
	if (!client_post(c->client, "/volumes/create", NULL, body, &answer, e))
		return false;
	printf("%s\n", field_text(answer, "Name"));
	return true;
}

json_t *volume_row(const json_t *volume)
{
	json_t *row = row_new(field_at(volume, "Labels"));
	AUTO_BUF struct buf cell = BUF_MAX(65536);
	bool used = field_at(volume, "UsageData") != NULL;
	struct units_text text;

	row_set(row, "Name", field_text(volume, "Name"));
	row_set(row, "Driver", field_text(volume, "Driver"));
	row_set(row, "Scope", field_text(volume, "Scope"));
	row_set(row, "Mountpoint", field_text(volume, "Mountpoint"));
	field_join_labels(field_at(volume, "Labels"), ",", &cell);
	row_set(row, "Labels", buf_str(&cell).ptr);
	buf_reset(&cell);
	buf_printf(&cell, "%lld", (long long)field_int(volume, "UsageData.RefCount"));
	row_set(row, "Links", used ? cell.data : "N/A");
	row_set(row, "Size",
		used ? human_size((double)field_int(volume, "UsageData.Size"), 4, &text) : "N/A");
	row_set(row, "Availability", "N/A");
	row_set(row, "Group", "N/A");
	row_set(row, "Status", "N/A");
	return row;
}

static bool volume_list(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *rows = json_array(), *answer = NULL;
	AUTO_QUERY struct query q = QUERY;
	const char *const *filters;
	json_t *volumes;
	size_t count;

	filters = args_list(a, "filter", &count);
	query_add_filters(&q, filters, count);
	answer = client_get(c->client, "/volumes", &q, e);
	if (!answer)
		return false;
	volumes = field_array(answer, "Volumes");
	sort_by(volumes, "Name");
	for (size_t i = 0; i < json_array_size(volumes); i++)
		json_array_append_new(rows, volume_row(json_array_get(volumes, i)));
	return listing_print(&listing, args_text(a, "format"), args_bool(a, "quiet"), rows, e);
}

static bool fetch_volume(struct cli *c, const struct args *a, const char *word, struct buf *text,
			 struct err *e)
{
	AUTO_FREE char *path = path_of("/volumes/%s", word);

	return client_get_text(c->client, path, NULL, text, e);
}

static bool volume_inspect(struct cli *c, const struct args *a, struct err *e)
{
	return inspect_print(c, a, fetch_volume, e);
}

static bool remove_one(struct cli *c, const struct args *a, const char *word, struct err *e)
{
	AUTO_FREE char *path = path_of("/volumes/%s", word);
	AUTO_QUERY struct query q = QUERY;

	query_add_flag(&q, "force", args_bool(a, "force"));
	return client_delete(c->client, path, &q, NULL, e);
}

static bool volume_remove(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, true, remove_one);
	return true;
}

static bool volume_prune(struct cli *c, const struct args *a, struct err *e)
{
	return prune_command(c, a, &prune_volumes, e);
}

const struct command volume_commands[] = {
	{ "volume create", NULL, "[VOLUME]", "make a volume",
	  "$ shoal volume create data\n"
	  "A volume on NFS\n"
	  "$ shoal volume create -o type=nfs -o o=addr=10.0.0.9,rw -o device=:/export data",
	  create_options, volume_create, 0, 1 },
	{ "volume inspect", NULL, "VOLUME [VOLUME...]", "show all that is known of volumes",
	  "$ shoal volume inspect -f '{{.Mountpoint}}' data", inspect_options, volume_inspect, 1,
	  -1, 0, NAMES_VOLUMES },
	{ "volume ls", "volume list", NULL, "list volumes",
	  "$ shoal volume ls --filter dangling=true", list_options, volume_list, 0, 0 },
	{ "volume prune", NULL, NULL, "remove volumes that no container uses",
	  "$ shoal volume prune\n$ shoal volume prune --all --force", prune_options, volume_prune,
	  0, 0 },
	{ "volume rm", "volume remove", "VOLUME [VOLUME...]", "remove volumes",
	  "$ shoal volume rm data", remove_options, volume_remove, 1, -1, 0, NAMES_VOLUMES },
	{ 0 },
};
