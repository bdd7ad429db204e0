#include "cli/task.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "cli/list_options.h"
#include "console/order.h"
#include "console/units.h"

#define NAME_MAX_BYTES 1024
#define ERROR_WIDTH    30

const struct option task_list_options[] = {
	OPTION_FILTER,
	OPTION_FORMAT,
	{ 0, "no-resolve", OPT_BOOL, "show ids in place of names" },
	OPTION_NO_TRUNC,
	OPTION_QUIET_IDS,
	{ 0 },
};

static const struct column columns[] = {
	{ "ID", "ID" },
	{ "Name", "NAME" },
	{ "Image", "IMAGE" },
	{ "Node", "NODE" },
	{ "DesiredState", "DESIRED STATE" },
	{ "CurrentState", "CURRENT STATE" },
	{ "Error", "ERROR" },
	{ "Ports", "PORTS" },
	{ 0 },
};

static const struct listing listing = {
	columns,
	"{{.ID}}\t{{.Name}}\t{{.Image}}\t{{.Node}}\t{{.DesiredState}}\t{{.CurrentState}}\t{{.Error}}\t{{.Ports}}",
	"{{.ID}}",
};

void names_known_clear(struct names_known *n)
{
	json_decref(n->services);
	json_decref(n->nodes);
	*n = (struct names_known){ 0 };
}

/* Remember what `id` is called. */
static const char *remember(json_t **known, const char *id, const char *name)
{
	if (!*known)
		*known = json_object();
	json_object_set_new(*known, id, json_string(*name ? name : id));
	return field_text(json_object_get(*known, id), "");
}

bool name_of_service(struct cli *c, struct names_known *n, const char *id, const char **name,
		     struct err *e)
{
	AUTO_FREE char *path = path_of("/services/%s", id);
	AUTO_JSON json_t *service = NULL;
	AUTO_QUERY struct query q = QUERY;

	*name = n->resolves ? field_text(json_object_get(n->services, id), "") : id;
	if (**name || !*id)
		return true;
	query_add(&q, "insertDefaults", "false");
	service = client_get(c->client, path, &q, e);
	if (!service && e->kind != ERR_NOT_FOUND)
		return false;
	*name = remember(&n->services, id, field_text(service, "Spec.Name"));
	return true;
}

bool name_of_node(struct cli *c, struct names_known *n, const char *id, const char **name,
		  struct err *e)
{
	AUTO_FREE char *path = path_of("/nodes/%s", id);
	AUTO_JSON json_t *node = NULL;
	const char *called;

	*name = n->resolves ? field_text(json_object_get(n->nodes, id), "") : id;
	if (**name || !*id)
		return true;
	node = client_get(c->client, path, NULL, e);
	if (!node && e->kind != ERR_NOT_FOUND)
		return false;
	called = field_text(node, "Spec.Name");
	if (!*called)
		called = field_text(node, "Description.Hostname");
	*name = remember(&n->nodes, id, called);
	return true;
}

json_t *task_fetch(struct cli *c, const struct args *a, const char *filter, const char *value,
		   struct err *e)
{
	const char *const *given;
	AUTO_FREE const char **filters = NULL;
	AUTO_FREE char *own = xasprintf("%s=%s", filter, value);
	AUTO_QUERY struct query q = QUERY;
	size_t count;

	given = args_list(a, "filter", &count);
	filters = xcalloc(count + 1, sizeof(*filters));
	for (size_t i = 0; i < count; i++)
		filters[i] = given[i];
	filters[count] = own;
	query_add_filters(&q, filters, count + 1);
	return client_get(c->client, "/tasks", &q, e);
}

/* "*:8080->80/tcp" of tasks that publish on their host. */
static void ports_cell(const json_t *task, struct buf *out)
{
	const json_t *ports = field_at(task, "Status.PortStatus.Ports");

	for (size_t i = 0; i < json_array_size(ports); i++) {
		const json_t *p = json_array_get(ports, i);

		buf_printf(out, "%s*:%lld->%lld/%s", i ? "," : "",
			   (long long)field_int(p, "PublishedPort"),
			   (long long)field_int(p, "TargetPort"), field_text(p, "Protocol"));
	}
}

static void word_cell(const char *word, struct buf *out)
{
	buf_append_char(out, (char)toupper((unsigned char)*word));
	buf_append_c(out, *word ? word + 1 : "");
}

static void error_cell(const char *error, bool whole, struct buf *out)
{
	if (!*error)
		return;
	buf_append_char(out, '"');
	ellipsis(error, whole ? NAME_MAX_BYTES * 64 : ERROR_WIDTH, out);
	buf_append_char(out, '"');
}

static json_t *task_row(const json_t *task, const char *node, bool whole, int64_t now_ns)
{
	json_t *row = row_new(NULL);
	AUTO_BUF struct buf cell = BUF_MAX(65536);
	const char *id = field_text(task, "ID"),
		   *image = field_text(task, "Spec.ContainerSpec.Image");
	struct units_text text;
	int64_t since_ns = now_ns;
	char cut[13];

	(void)!time_parse(field_text(task, "Status.Timestamp"), &since_ns);
	row_set(row, "ID", whole ? id : short_id(id, cut));
	if (whole)
		buf_append_c(&cell, image);
	else
		image_without_digest(image, &cell);
	row_set(row, "Image", buf_str(&cell).ptr);
	row_set(row, "Node", node);
	buf_reset(&cell);
	word_cell(field_text(task, "DesiredState"), &cell);
	row_set(row, "DesiredState", buf_str(&cell).ptr);
	buf_reset(&cell);
	word_cell(field_text(task, "Status.State"), &cell);
	buf_printf(&cell, " %s ago", human_duration(now_ns - since_ns, &text));
	for (char *at = strchr(cell.data, ' '); *at; at++)
		*at = (char)tolower((unsigned char)*at);
	row_set(row, "CurrentState", cell.data);
	buf_reset(&cell);
	error_cell(field_text(task, "Status.Err"), whole, &cell);
	row_set(row, "Error", buf_str(&cell).ptr);
	buf_reset(&cell);
	ports_cell(task, &cell);
	row_set(row, "Ports", buf_str(&cell).ptr);
	return row;
}

/* "web.1", or "agent.NODEID" of a task without a slot. */
static bool set_name(struct cli *c, struct names_known *n, json_t *task, struct err *e)
{
	int64_t slot = field_int(task, "Slot"), created_ns = 0;
	AUTO_FREE char *called = NULL;
	const char *service;

	if (!name_of_service(c, n, field_text(task, "ServiceID"), &service, e))
		return false;
	if (slot)
		called = xasprintf("%s.%lld", service, (long long)slot);
	else
		called = xasprintf("%s.%s", service, field_text(task, "NodeID"));
	field_put_text(task, "Name", called);
	(void)!time_parse(field_text(task, "CreatedAt"), &created_ns);
	field_put(task, "Age", json_sprintf("%lld", (long long)(INT64_MAX - created_ns)));
	return true;
}

bool task_print(struct cli *c, const struct args *a, json_t *tasks, struct err *e)
{
	struct names_known known = { .resolves = !args_bool(a, "no-resolve") };
	AUTO_JSON json_t *rows = json_array();
	const char *before = "", *node, *format = args_text(a, "format");
	bool is_table = !*format || strncmp(format, "table", 5) == 0, ok = true;
	bool whole = args_bool(a, "no-trunc") || args_bool(a, "quiet");

	for (size_t i = 0; i < json_array_size(tasks) && ok; i++)
		ok = set_name(c, &known, json_array_get(tasks, i), e);
	/* Sorting keeps the places of equals, so newest first stays within a name. */
	sort_by(tasks, "Age");
	sort_by(tasks, "Name");
	for (size_t i = 0; i < json_array_size(tasks) && ok; i++) {
		json_t *task = json_array_get(tasks, i), *row;
		const char *name = field_text(task, "Name");
		AUTO_FREE char *older = xasprintf(" \\_ %s", name);

		ok = name_of_node(c, &known, field_text(task, "NodeID"), &node, e);
		if (!ok)
			break;
		row = task_row(task, node, whole, c->now_ns);
		row_set(row, "Name", is_table && strcmp(name, before) == 0 ? older : name);
		json_array_append_new(rows, row);
		before = name;
	}
	names_known_clear(&known);
	return ok && listing_print(&listing, format, args_bool(a, "quiet"), rows, e);
}
