#include "cli/prune.h"

#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/units.h"

const struct prunable prune_containers = {
	"/containers/prune",
	"Deleted Containers",
	"ContainersDeleted",
	"WARNING! This will remove all stopped containers.",
	NULL,
	true,
};

const struct prunable prune_networks = {
	"/networks/prune",
	"Deleted Networks",
	"NetworksDeleted",
	"WARNING! This will remove all custom networks not used by at least one container.",
	NULL,
	false,
};

const struct prunable prune_volumes = {
	"/volumes/prune",
	"Deleted Volumes",
	"VolumesDeleted",
	"WARNING! This will remove anonymous local volumes not used by at least one container.",
	"WARNING! This will remove all local volumes not used by at least one container.",
	true,
};

const struct prunable prune_images = {
	"/images/prune",
	"Deleted Images",
	"ImagesDeleted",
	"WARNING! This will remove all dangling images.",
	"WARNING! This will remove all images without at least one container associated to them.",
	true,
};

/* The user's filters and what --all adds. */
static void add_filters(struct cli *c, const struct args *a, const struct prunable *what, bool all,
			struct query *q)
{
	const char *const *given;
	AUTO_FREE const char **filters = NULL;
	size_t count;

	given = args_list(a, "filter", &count);
	filters = xcalloc(count + 1, sizeof(*filters));
	for (size_t i = 0; i < count; i++)
		filters[i] = given[i];
	if (what == &prune_images)
		filters[count++] = all ? "dangling=false" : "dangling=true";
	else if (what == &prune_volumes && all && client_speaks(c->client, 42))
		filters[count++] = "all=true";
	query_add_filters(q, filters, count);
}

/* Images say "untagged:" and "deleted:", other lists are plain names. */
static void print_deleted(const struct prunable *what, const json_t *answer)
{
	const json_t *list = field_at(answer, what->deleted);

	if (json_array_size(list) == 0)
		return;
	printf("%s:\n", what->title);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);

		if (json_is_string(o))
			printf("%s\n", json_string_value(o));
		else if (*field_text(o, "Untagged"))
			printf("untagged: %s\n", field_text(o, "Untagged"));
		else
			printf("deleted: %s\n", field_text(o, "Deleted"));
	}
	printf("\n");
}

/* Prune one kind; the bytes given back are added to *space. */
static bool prune_one(struct cli *c, const struct args *a, const struct prunable *what, bool all,
		      int64_t *space, struct err *e)
{
	AUTO_JSON json_t *answer = NULL;
	AUTO_QUERY struct query q = QUERY;

	if (!client_connect(c->client, e))
		return false;
	add_filters(c, a, what, all, &q);
	if (!client_post(c->client, what->path, &q, NULL, &answer, e))
		return false;
	print_deleted(what, answer);
	*space += field_int(answer, "SpaceReclaimed");
	return true;
}

static void print_space(int64_t space)
{
	struct units_text text;

	printf("Total reclaimed space: %s\n", human_size((double)space, 4, &text));
}

bool prune_command(struct cli *c, const struct args *a, const struct prunable *what, struct err *e)
{
	bool all = args_knows(a, "all") && args_bool(a, "all");
	int64_t space = 0;

	if (!args_bool(a, "force") &&
	    !cli_confirm(all && what->warning_all ? what->warning_all : what->warning))
		return fail(e, ERR_INVALID, "nothing was removed");
	if (!prune_one(c, a, what, all, &space, e))
		return false;
	if (what->counts_space)
		print_space(space);
	return true;
}

static bool prune_build_cache(struct cli *c, bool all, int64_t *space, struct err *e)
{
	AUTO_JSON json_t *answer = NULL;
	AUTO_QUERY struct query q = QUERY;

	query_add_flag(&q, "all", all);
	query_add(&q, "filters", "");
	if (!client_post(c->client, "/build/prune", &q, NULL, &answer, e))
		return e->kind == ERR_NOT_FOUND || e->kind == ERR_UNSUPPORTED;
	*space += field_int(answer, "SpaceReclaimed");
	return true;
}

bool system_prune(struct cli *c, const struct args *a, struct err *e)
{
	bool all = args_bool(a, "all"), volumes = args_bool(a, "volumes");
	AUTO_FREE char *warning = xasprintf(
		"WARNING! This will remove:\n  - all stopped containers\n"
		"  - all networks not used by at least one container\n%s%s  - unused build cache\n",
		volumes ? "  - all anonymous volumes not used by at least one container\n" : "",
		all ? "  - all images without at least one container associated to them\n"
		    : "  - all dangling images\n");
	int64_t space = 0;

	if (!args_bool(a, "force") && !cli_confirm(warning))
		return fail(e, ERR_INVALID, "nothing was removed");
	if (!prune_one(c, a, &prune_containers, all, &space, e) ||
	    !prune_one(c, a, &prune_networks, all, &space, e) ||
	    (volumes && !prune_one(c, a, &prune_volumes, false, &space, e)) ||
	    !prune_one(c, a, &prune_images, all, &space, e) ||
	    !prune_build_cache(c, all, &space, e))
		return false;
	print_space(space);
	return true;
}
