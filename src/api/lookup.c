#include "api/lookup.h"

#include "api/call.h"

#define MATCHES_MAX 1000

static const void *node_by_hostname(const struct view *v, const char *name, struct arena *a,
				    size_t *matches)
{
	struct objects all = view_all(v, OBJECT_NODE, a);
	const Pb__Node *node, *found = NULL;

	objects_each (all, Pb__Node, node)
		if ((node->description && strcmp(node->description->hostname, name) == 0) ||
		    strcmp(node->spec->annotations->name, name) == 0) {
			found = node;
			++*matches;
		}
	return *matches == 1 ? found : NULL;
}

const void *lookup_quietly(const struct view *v, enum object_kind kind, const char *what,
			   struct arena *a, size_t *matches)
{
	const void *found = view_get(v, kind, what);
	struct objects some;

	*matches = found != NULL;
	if (found || !what[0])
		return found;
	if (kind == OBJECT_NODE)
		found = node_by_hostname(v, what, a, matches);
	else if (kind != OBJECT_TASK && (found = view_by_name(v, kind, what)))
		*matches = 1;
	if (*matches > 0)
		return found;
	some = view_by_id_prefix(v, kind, what, MATCHES_MAX, a);
	*matches = some.count;
	return some.count == 1 ? some.items[0] : NULL;
}

const void *lookup(struct call *c, enum object_kind kind, const char *what)
{
	size_t matches;
	const void *found = lookup_quietly(call_view(c), kind, what, &c->arena, &matches);

	if (found)
		return found;
	if (matches == 0)
		call_refuse(c, ERR_NOT_FOUND, "%s %s not found", object_kind_name(kind), what);
	else
		call_refuse(c, ERR_INVALID, "%s %s is ambiguous (%zu matches found)",
			    object_kind_name(kind), what, matches);
	return NULL;
}
