/* The nodes of the swarm. */
#include "cli/node.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "cli/inspect.h"
#include "cli/list_options.h"
#include "cli/node_show.h"
#include "console/order.h"
#include "cli/pairs.h"
#include "cli/program.h"
#include "cli/task.h"

static const struct column columns[] = {
	{ "ID", "ID" },
	{ "Self", "" },
	{ "Hostname", "HOSTNAME" },
	{ "Status", "STATUS" },
	{ "Availability", "AVAILABILITY" },
	{ "ManagerStatus", "MANAGER STATUS" },
	{ "TLSStatus", "TLS STATUS" },
	{ "EngineVersion", "ENGINE VERSION" },
	{ 0 },
};

static const struct listing listing = {
	columns,
	"{{.ID}} {{if .Self}}*{{else}} {{end}}\t{{.Hostname}}\t{{.Status}}\t{{.Availability}}\t"
	"{{.ManagerStatus}}\t{{.EngineVersion}}",
	"{{.ID}}",
};

static const struct option list_options[] = {
	OPTION_FILTER,
	OPTION_FORMAT,
	OPTION_QUIET_IDS,
	{ 0 },
};

static const struct option inspect_options[] = {
	OPTION_INSPECT_FORMAT,
	{ 0, "pretty", OPT_BOOL, "print for people" },
	{ 0 },
};

static const struct option update_options[] = {
	{ 0, "availability", OPT_TEXT, "whether the node takes tasks",
	  .choices = "active pause drain" },
	{ 0, "label-add", OPT_LIST, "add or change a label: key=value" },
	{ 0, "label-rm", OPT_LIST, "remove a label" },
	{ 0, "role", OPT_TEXT, "what the node is", .choices = "worker manager" },
	{ 0 },
};

static const struct option remove_options[] = {
	{ 'f', "force", OPT_BOOL, "remove the node even if it is not down" },
	{ 0 },
};

char *node_resolve(struct cli *c, const char *reference, struct err *e)
{
	AUTO_JSON json_t *info = NULL;
	const char *id;

	if (strcmp(reference, "self") != 0)
		return xstrdup(reference);
	info = client_get(c->client, "/info", NULL, e);
	if (!info)
		return NULL;
	id = field_text(info, "Swarm.NodeID");
	if (*id)
		return xstrdup(id);
	/* A node without an id is in no swarm; a call that needs one says so best. */
	if (!field_bool(info, "Swarm.ControlAvailable"))
		json_decref(client_get(c->client, "/nodes", NULL, e));
	fail(e, ERR_NOT_FOUND,
	     "node ID not found in /info: This node is not a swarm manager. Use \"shoal swarm init\" or "
	     "\"shoal swarm join\" to connect this node to swarm and try again.");
	return NULL;
}

/* The certificate of a node compared with that of the swarm. */
static const char *tls_status(const json_t *node, const json_t *info)
{
	static const char *const parts[] = { "TrustRoot", "CertIssuerSubject",
					     "CertIssuerPublicKey" };
	const json_t *swarms = field_at(info, "Swarm.Cluster.TLSInfo");
	const json_t *nodes = field_at(node, "Description.TLSInfo");

	if (!swarms || !nodes)
		return "Unknown";
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strcmp(field_text(swarms, parts[i]), field_text(nodes, parts[i])) != 0)
			return "Needs Rotation";
	return "Ready";
}

/* "ready" as "Ready". */
static void set_word(json_t *row, const char *field, const char *word)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s", word);
	text[0] = (char)toupper((unsigned char)text[0]);
	row_set(row, field, text);
}

static json_t *node_row(const json_t *node, const json_t *info)
{
	json_t *row = row_new(field_at(node, "Spec.Labels"));
	bool leads = field_bool(node, "ManagerStatus.Leader");

	row_set(row, "ID", field_text(node, "ID"));
	json_object_set_new(row, "Self",
			    json_boolean(info && strcmp(field_text(node, "ID"),
							field_text(info, "Swarm.NodeID")) == 0));
	row_set(row, "Hostname", field_text(node, "Description.Hostname"));
	set_word(row, "Status", field_text(node, "Status.State"));
	set_word(row, "Availability", field_text(node, "Spec.Availability"));
	set_word(row, "ManagerStatus",
		 leads ? "leader" : field_text(node, "ManagerStatus.Reachability"));
	row_set(row, "TLSStatus", tls_status(node, info));
	row_set(row, "EngineVersion", field_text(node, "Description.Engine.EngineVersion"));
	return row;
}

static bool node_list(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *rows = json_array(), *nodes = NULL, *info = NULL;
	AUTO_QUERY struct query q = QUERY;
	const char *const *filters;
	size_t count;

	filters = args_list(a, "filter", &count);
	query_add_filters(&q, filters, count);
	nodes = client_get(c->client, "/nodes", &q, e);
	if (!nodes)
		return false;
	sort_by(nodes, "Description.Hostname");
	if (json_array_size(nodes) && !args_bool(a, "quiet")) {
		info = client_get(c->client, "/info", NULL, e);
		if (!info)
			return false;
	}
	for (size_t i = 0; i < json_array_size(nodes); i++)
		json_array_append_new(rows, node_row(json_array_get(nodes, i), info));
	return listing_print(&listing, args_text(a, "format"), args_bool(a, "quiet"), rows, e);
}

static bool fetch_node(struct cli *c, const struct args *a, const char *word, struct buf *text,
		       struct err *e)
{
	AUTO_FREE char *id = node_resolve(c, word, e);
	AUTO_FREE char *path = id ? path_of("/nodes/%s", id) : NULL;

	return path && client_get_text(c->client, path, NULL, text, e);
}

static bool show_node(struct cli *c, const struct args *a, const char *word, struct err *e)
{
	AUTO_FREE char *id = node_resolve(c, word, e);
	AUTO_FREE char *path = id ? path_of("/nodes/%s", id) : NULL;
	AUTO_JSON json_t *node = path ? client_get(c->client, path, NULL, e) : NULL;

	if (node)
		node_show(node);
	return node != NULL;
}

static bool node_inspect(struct cli *c, const struct args *a, struct err *e)
{
	if (!args_bool(a, "pretty"))
		return inspect_print(c, a, fetch_node, e);
	if (args_has(a, "format"))
		return fail(e, ERR_INVALID, "--format is incompatible with human friendly format");
	cli_each(c, a, false, show_node);
	return true;
}

static bool node_tasks(struct cli *c, const struct args *a, struct err *e)
{
	static const char *const self[] = { "self" };
	const char *const *words = a->word_count ? a->words : self;
	size_t count = a->word_count ? a->word_count : 1;
	AUTO_JSON json_t *tasks = json_array();

	for (size_t i = 0; i < count; i++) {
		AUTO_JSON json_t *node = NULL, *some = NULL;
		AUTO_FREE char *id = NULL, *path = NULL;
		struct err why;

		id = node_resolve(c, words[i], &why);
		path = path_of("/nodes/%s", id ? id : "");
		if (!id || !(node = client_get(c->client, path, NULL, &why)) ||
		    !(some = task_fetch(c, a, "node", field_text(node, "ID"), &why)))
			cli_complain(c, &why);
		json_array_extend(tasks, some);
	}
	return (c->status != 0 && json_array_size(tasks) == 0) || task_print(c, a, tasks, e);
}

/* What a change of a node's spec does; false with an empty err: there is nothing to do, and
 * update_node() gives the node's id, which the caller frees. */
typedef bool change_node(json_t *spec, const struct args *a, struct err *e);

static bool update_node(struct cli *c, const struct args *a, const char *word, change_node *change,
			char **unchanged_id, struct err *e)
{
	AUTO_FREE char *path = path_of("/nodes/%s", word), *update = NULL;
	AUTO_JSON json_t *node = client_get(c->client, path, NULL, e);
	AUTO_QUERY struct query q = QUERY;

	*unchanged_id = NULL;
	if (!node)
		return false;
	e->kind = ERR_NONE;
	if (!change(field_object(node, "Spec"), a, e)) {
		*unchanged_id = xstrdup(field_text(node, "ID"));
		return e->kind == ERR_NONE;
	}
	update = path_of("/nodes/%s/update", field_text(node, "ID"));
	query_add_int(&q, "version", field_int(node, "Version.Index"));
	return client_post(c->client, update, &q, field_at(node, "Spec"), NULL, e);
}

static bool change_as_told(json_t *spec, const struct args *a, struct err *e)
{
	const char *const *list;
	size_t count;

	if (args_has(a, "role"))
		field_put_text(spec, "Role", args_text(a, "role"));
	if (args_has(a, "availability"))
		field_put_text(spec, "Availability", args_text(a, "availability"));
	list = args_list(a, "label-rm", &count);
	for (size_t i = 0; i < count; i++)
		if (json_object_del(field_object(spec, "Labels"), list[i]) < 0)
			return fail(e, ERR_NOT_FOUND, "key %s doesn't exist in node's labels",
				    list[i]);
	list = args_list(a, "label-add", &count);
	pairs_into_object(field_object(spec, "Labels"), list, count);
	return true;
}

static bool node_update(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *unchanged = NULL;

	if (!update_node(c, a, a->words[0], change_as_told, &unchanged, e))
		return false;
	printf("%s\n", a->words[0]);
	return true;
}

static bool make_manager(json_t *spec, const struct args *a, struct err *e)
{
	if (strcmp(field_text(spec, "Role"), "manager") == 0)
		return false;
	field_put_text(spec, "Role", "manager");
	return true;
}

static bool make_worker(json_t *spec, const struct args *a, struct err *e)
{
	if (strcmp(field_text(spec, "Role"), "worker") == 0)
		return false;
	field_put_text(spec, "Role", "worker");
	return true;
}

static bool promote_one(struct cli *c, const struct args *a, const char *word, struct err *e)
{
	AUTO_FREE char *unchanged = NULL;

	if (!update_node(c, a, word, make_manager, &unchanged, e))
		return false;
	if (unchanged)
		printf("Node %s is already a manager.\n", unchanged);
	else
		printf("Node %s promoted to a manager in the swarm.\n", word);
	return true;
}

static bool demote_one(struct cli *c, const struct args *a, const char *word, struct err *e)
{
	AUTO_FREE char *unchanged = NULL;

	if (!update_node(c, a, word, make_worker, &unchanged, e))
		return false;
	if (unchanged)
		printf("Node %s is already a worker.\n", unchanged);
	else
		printf("Manager %s demoted in the swarm.\n", word);
	return true;
}

static bool node_promote(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, false, promote_one);
	return true;
}

static bool node_demote(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, false, demote_one);
	return true;
}

static bool remove_one(struct cli *c, const struct args *a, const char *word, struct err *e)
{
	AUTO_FREE char *path = path_of("/nodes/%s", word);
	AUTO_QUERY struct query q = QUERY;

	query_add_flag(&q, "force", args_bool(a, "force"));
	return client_delete(c->client, path, &q, NULL, e);
}

static bool node_remove(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, true, remove_one);
	return true;
}

const struct command node_commands[] = {
	{ "node demote", NULL, "NODE [NODE...]", "make managers workers",
	  "$ shoal node demote node2", NULL, node_demote, 1, -1, 0, NAMES_NODES },
	{ "node inspect", NULL, "self|NODE [NODE...]", "show all that is known of nodes",
	  "$ shoal node inspect self --pretty\n"
	  "$ shoal node inspect --format '{{.Status.Addr}}' node2",
	  inspect_options, node_inspect, 1, -1, 0, NAMES_NODES },
	{ "node ls", "node list", NULL, "list the nodes of the swarm",
	  "$ shoal node ls\n"
	  "$ shoal node ls --filter role=manager\n"
	  "$ shoal node ls --format '{{.Hostname}} {{.Status}}'",
	  list_options, node_list, 0, 0 },
	{ "node promote", NULL, "NODE [NODE...]", "make workers managers",
	  "$ shoal node promote node2 node3", NULL, node_promote, 1, -1, 0, NAMES_NODES },
	{ "node ps", NULL, "[NODE...]", "list the tasks of nodes, this one if none is named",
	  "$ shoal node ps\n"
	  "$ shoal node ps --filter desired-state=running node2",
	  task_list_options, node_tasks, 0, -1, 0, NAMES_NODES },
	{ "node rm", "node remove", "NODE [NODE...]", "remove nodes from the swarm",
	  "$ shoal node rm node3\n"
	  "A node that is lost\n"
	  "$ shoal node rm --force node3",
	  remove_options, node_remove, 1, -1, 0, NAMES_NODES },
	{ "node update", NULL, "NODE", "change a node",
	  "Move its tasks elsewhere\n"
	  "$ shoal node update --availability drain node2\n"
	  "$ shoal node update --label-add disk=ssd node2",
	  update_options, node_update, 1, 1, 0, NAMES_NODES },
	{ 0 },
};
