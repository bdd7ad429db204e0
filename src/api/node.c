/* Nodes of the swarm. */
#include "api/call.h"
#include "api/list.h"
#include "api/lookup.h"
#include "api/route.h"
#include "docker/tables.h"

static bool roles_of(struct call *c, const struct list_filters *f,
		     Pb__ListNodesRequest__Filters *out)
{
	char **words;
	size_t n = list_filters_values(f, "role", &c->arena, &words);

	out->roles = arena_alloc(&c->arena, (n + 1) * sizeof(*out->roles));
	for (size_t i = 0; i < n; i++) {
		int role;

		if (!pb_enum_parse(&pb__node_role__descriptor, str_of(words[i]), &role)) {
			call_fail_status(
				c, 500,
				arena_printf(&c->arena, "Invalid role filter: '%s'", words[i]));
			return false;
		}
		out->roles[out->n_roles++] = (Pb__NodeRole)role;
	}
	return true;
}

static bool memberships_of(struct call *c, const struct list_filters *f,
			   Pb__ListNodesRequest__Filters *out)
{
	char **words;
	size_t n = list_filters_values(f, "membership", &c->arena, &words);

	out->memberships = arena_alloc(&c->arena, (n + 1) * sizeof(*out->memberships));
	for (size_t i = 0; i < n; i++) {
		int membership;

		if (!pb_enum_parse(&pb__node_spec__membership__descriptor, str_of(words[i]),
				   &membership)) {
			call_fail_status(c, 500,
					 arena_printf(&c->arena, "Invalid membership filter: '%s'",
						      words[i]));
			return false;
		}
		out->memberships[out->n_memberships++] = (Pb__NodeSpec__Membership)membership;
	}
	return true;
}

static void write_listed(struct call *c, struct json *j, size_t i)
{
	Pb__Node *const *nodes = c->state;

	dialect_write(j, NULL, &dialect_node, nodes[i], c->minor);
}

static void list(struct call *c, const struct leader_answer *a)
{
	const Pb__ListNodesResponse *r = call_control(c, "ListNodes", c->state);

	if (!r)
		return;
	c->state = r->nodes;
	list_reply_objects(c, OBJECT_NODE, (const void *const *)r->nodes, r->n_nodes, write_listed);
}

void nodes_list(struct call *c)
{
	static const char *const names[] = { "id",   "label", "node.label", "membership",
					     "name", "role",  NULL };
	Pb__ListNodesRequest *r = PB_NEW(&c->arena, list_nodes_request);
	struct list_filters f;

	if (!call_filters(c, names, &f))
		return;
	r->filters = pb_new(&c->arena, &pb__list_nodes_request__filters__descriptor);
	r->filters->n_id_prefixes =
		list_filters_values(&f, "id", &c->arena, &r->filters->id_prefixes);
	r->filters->n_name_prefixes =
		list_filters_values(&f, "name", &c->arena, &r->filters->name_prefixes);
	filter_labels(c, &f, "label", &r->filters->labels, &r->filters->n_labels);
	filter_labels(c, &f, "node.label", &r->filters->node_labels, &r->filters->n_node_labels);
	if (!roles_of(c, &f, r->filters) || !memberships_of(c, &f, r->filters))
		return;
	c->state = r;
	call_read_managers(c, list);
}

static void inspect(struct call *c, const struct leader_answer *a)
{
	Pb__GetNodeRequest *request = PB_NEW(&c->arena, get_node_request);
	const Pb__Node *node = lookup(c, OBJECT_NODE, c->params[0]);
	const Pb__GetNodeResponse *r;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!node)
		return;
	request->node_id = node->id;
	r = call_control(c, "GetNode", request);
	if (!r)
		return;
	dialect_write(&j, NULL, &dialect_node, r->node, c->minor);
	call_reply_json(c, 200, &out);
}

void node_inspect(struct call *c)
{
	call_read_managers(c, inspect);
}

static void replied_empty(struct call *c, const struct leader_answer *a)
{
	call_reply_empty(c, 200);
}

static void update(struct call *c, const struct leader_answer *a)
{
	const Pb__Node *node = lookup(c, OBJECT_NODE, c->params[0]);
	Pb__UpdateNodeRequest *r = c->state;

	if (!node)
		return;
	r->node_id = arena_strdup(&c->arena, node->id);
	/* What clients cannot say stays as it is. */
	r->spec->membership = node->spec->membership;
	call_change(c, "UpdateNode", r, replied_empty);
}

void node_update(struct call *c)
{
	Pb__UpdateNodeRequest *r = PB_NEW(&c->arena, update_node_request);
	uint64_t version;

	r->spec = call_body(c, &dialect_node_spec);
	if (!r->spec || !call_version(c, "node", &version))
		return;
	r->node_version = PB_NEW(&c->arena, version);
	r->node_version->index = version;
	c->state = r;
	call_read(c, update);
}

static void remove_found(struct call *c, const struct leader_answer *a)
{
	const Pb__Node *node = lookup(c, OBJECT_NODE, c->params[0]);
	Pb__RemoveNodeRequest *r = PB_NEW(&c->arena, remove_node_request);

	if (!node)
		return;
	r->node_id = arena_strdup(&c->arena, node->id);
	r->force = call_flag(c, "force");
	call_change(c, "RemoveNode", r, replied_empty);
}

void node_remove(struct call *c)
{
	call_read(c, remove_found);
}
