/* `inspect`: whatever has this name. */
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "cli/inspect.h"
#include "cli/system.h"

/* The kinds of things, in the order they are tried. */
static const struct kind {
	const char *name, *path;
	bool in_swarm, has_size, wants_defaults;
} kinds[] = {
	{ "container", "/containers/%s/json", false, true, false },
	{ "image", "/images/%s/json", false, false, false },
	{ "network", "/networks/%s", false, false, false },
	{ "volume", "/volumes/%s", false, false, false },
	{ "service", "/services/%s", true, false, true },
	{ "task", "/tasks/%s", true, false, false },
	{ "node", "/nodes/%s", true, false, false },
	{ "secret", "/secrets/%s", true, false, false },
	{ "config", "/configs/%s", true, false, false },
	{ "plugin", "/plugins/%s/json", false, false, false },
};

static char *path_for(const struct kind *kind, const char *word)
{
	static const char mark[] = "%s";
	const char *at = strstr(kind->path, mark);
	AUTO_FREE char *name = path_of("%s", word);

	return xasprintf("%.*s%s%s", (int)(at - kind->path), kind->path, name, at + 2);
}

static bool fetch_kind(struct cli *c, const struct args *a, const struct kind *kind,
		       const char *word, struct buf *text, struct err *e)
{
	AUTO_FREE char *path = path_for(kind, word);
	AUTO_QUERY struct query q = QUERY;

	query_add_flag(&q, "size", kind->has_size && args_bool(a, "size"));
	if (kind->wants_defaults)
		query_add(&q, "insertDefaults", "true");
	return client_get_text(c->client, path, &q, text, e);
}

static bool is_manager(struct cli *c, struct err *e)
{
	AUTO_JSON json_t *info = client_get(c->client, "/info", NULL, e);

	return field_bool(info, "Swarm.ControlAvailable");
}

static bool fetch_any(struct cli *c, const struct args *a, const char *word, struct buf *text,
		      struct err *e)
{
	const char *type = args_text(a, "type");
	bool asked_swarm = false, in_swarm = false;
	struct err info_error;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (*type && strcmp(type, kinds[i].name) != 0)
			continue;
		if (kinds[i].in_swarm && !*type) {
			if (!asked_swarm)
				in_swarm = is_manager(c, &info_error);
			asked_swarm = true;
			if (!in_swarm)
				continue;
		}
		if (fetch_kind(c, a, &kinds[i], word, text, e))
			return true;
		if (*type || (e->kind != ERR_NOT_FOUND && !strstr(e->text, "not enabled")))
			return false;
	}
	return fail(e, ERR_NOT_FOUND, "Error: No such object: %s", word);
}

bool inspect_any(struct cli *c, const struct args *a, struct err *e)
{
	const char *type = args_text(a, "type");
	bool known = !*type;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		known = known || strcmp(type, kinds[i].name) == 0;
	if (!known)
		return fail(
			e, ERR_INVALID,
			"unknown type: \"%s\": must be one of \"config\", \"container\", \"image\", "
			"\"network\", \"node\", \"plugin\", \"secret\", \"service\", \"task\", \"volume\"",
			type);
	return inspect_print(c, a, fetch_any, e);
}
