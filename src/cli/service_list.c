/* `service ls` and `service ps`. */
#include "cli/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "cli/node.h"
#include "console/order.h"
#include "cli/task.h"

static const struct column columns[] = {
	{ "ID", "ID" },
	{ "Name", "NAME" },
	{ "Mode", "MODE" },
	{ "Replicas", "REPLICAS" },
	{ "Image", "IMAGE" },
	{ "Ports", "PORTS" },
	{ 0 },
};

static const struct listing listing = {
	columns,
	"{{.ID}}\t{{.Name}}\t{{.Mode}}\t{{.Replicas}}\t{{.Image}}\t{{.Ports}}",
	"{{.ID}}",
};

static const char *mode_word(const json_t *service)
{
	const json_t *mode = field_at(service, "Spec.Mode");

	if (field_at(mode, "Global"))
		return "global";
	if (field_at(mode, "ReplicatedJob"))
		return "replicated job";
	if (field_at(mode, "GlobalJob"))
		return "global job";
	return "replicated";
}

/* "2/3", with what limits it; of jobs also how far they are. */
static void replicas_cell(const json_t *service, struct buf *out)
{
	const json_t *status = field_at(service, "ServiceStatus");
	int64_t running = field_int(status, "RunningTasks"),
		desired = field_int(status, "DesiredTasks");
	int64_t completed = field_int(status, "CompletedTasks");
	int64_t most = field_int(service, "Spec.TaskTemplate.Placement.MaxReplicas");
	const json_t *job = field_at(service, "Spec.Mode.ReplicatedJob");

	buf_printf(out, "%lld/%lld", (long long)running, (long long)desired);
	if (job)
		buf_printf(out, " (%lld/%lld completed)", (long long)completed,
			   (long long)field_int(job, "TotalCompletions"));
	else if (field_at(service, "Spec.Mode.GlobalJob"))
		buf_printf(out, " (%lld/%lld completed)", (long long)completed,
			   (long long)(desired + completed));
	else if (most > 0)
		buf_printf(out, " (max %lld per node)", (long long)most);
}

struct run {
	int64_t first, last, target_first, target_last;
	const char *protocol;
};

static void write_run(const struct run *r, struct buf *out)
{
	buf_printf(out, "%s*:%lld", out->len ? ", " : "", (long long)r->first);
	if (r->last != r->first)
		buf_printf(out, "-%lld", (long long)r->last);
	buf_printf(out, "->%lld", (long long)r->target_first);
	if (r->target_last != r->target_first)
		buf_printf(out, "-%lld", (long long)r->target_last);
	buf_printf(out, "/%s", r->protocol);
}

static int by_protocol_and_port(const void *pa, const void *pb)
{
	const json_t *a = *(json_t *const *)pa, *b = *(json_t *const *)pb;
	int order = strcmp(field_text(a, "Protocol"), field_text(b, "Protocol"));
	int64_t x = field_int(a, "PublishedPort"), y = field_int(b, "PublishedPort");

	return order ? order : (x > y) - (x < y);
}

/* Ports of the routing mesh; ports in a row are one range. */
static void ports_cell(const json_t *service, struct buf *out)
{
	const json_t *list = field_at(service, "Endpoint.Ports");
	size_t count = json_array_size(list);
	AUTO_FREE json_t **ports = xcalloc(count, sizeof(json_t *));
	struct run r = { 0 };

	for (size_t i = 0; i < count; i++)
		ports[i] = json_array_get(list, i);
	qsort(ports, count, sizeof(json_t *), by_protocol_and_port);
	for (size_t i = 0; i < count; i++) {
		int64_t published = field_int(ports[i], "PublishedPort");
		int64_t target = field_int(ports[i], "TargetPort");
		const char *protocol = field_text(ports[i], "Protocol");

		if (strcmp(field_text(ports[i], "PublishMode"), "ingress") != 0)
			continue;
		if (r.first && strcmp(protocol, r.protocol) == 0 && published == r.last + 1 &&
		    target == r.target_last + 1) {
			r.last = published;
			r.target_last = target;
			continue;
		}
		if (r.first)
			write_run(&r, out);
		r = (struct run){ published, published, target, target, protocol };
	}
	if (r.first)
		write_run(&r, out);
}

static json_t *service_row(const json_t *service)
{
	json_t *row = row_new(field_at(service, "Spec.Labels"));
	AUTO_BUF struct buf cell = BUF_MAX(65536);
	char id[13];

	row_set(row, "ID", short_id(field_text(service, "ID"), id));
	row_set(row, "Name", field_text(service, "Spec.Name"));
	row_set(row, "Mode", mode_word(service));
	replicas_cell(service, &cell);
	row_set(row, "Replicas", cell.data);
	buf_reset(&cell);
	image_without_digest(field_text(service, "Spec.TaskTemplate.ContainerSpec.Image"), &cell);
	row_set(row, "Image", buf_str(&cell).ptr);
	buf_reset(&cell);
	ports_cell(service, &cell);
	row_set(row, "Ports", buf_str(&cell).ptr);
	return row;
}

bool service_list(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *rows = json_array(), *services = NULL;
	AUTO_QUERY struct query q = QUERY;
	const char *const *filters;
	size_t count;

	filters = args_list(a, "filter", &count);
	query_add_filters(&q, filters, count);
	/* Counting tasks costs the manager something. */
	if (!args_bool(a, "quiet"))
		query_add(&q, "status", "true");
	services = client_get(c->client, "/services", &q, e);
	if (!services)
		return false;
	sort_by(services, "Spec.Name");
	for (size_t i = 0; i < json_array_size(services); i++)
		json_array_append_new(rows, service_row(json_array_get(services, i)));
	return listing_print(&listing, args_text(a, "format"), args_bool(a, "quiet"), rows, e);
}

static json_t *services_by(struct cli *c, const struct args *a, const char *what, struct err *e)
{
	AUTO_FREE const char **filters = xcalloc(a->word_count, sizeof(*filters));
	AUTO_QUERY struct query q = QUERY;

	for (size_t i = 0; i < a->word_count; i++)
		filters[i] = xasprintf("%s=%s", what, a->words[i]);
	query_add_filters(&q, filters, a->word_count);
	for (size_t i = 0; i < a->word_count; i++)
		free((void *)filters[i]);
	return client_get(c->client, "/services", &q, e);
}

/* The id a word means: an id, a name, or the only id that begins with it. NULL and *e if none. */
static const char *service_id(const json_t *by_id, const json_t *by_name, const char *word,
			      struct err *e)
{
	const char *found = NULL;

	for (size_t i = 0; i < json_array_size(by_id); i++)
		if (strcmp(field_text(json_array_get(by_id, i), "ID"), word) == 0)
			return word;
	for (size_t i = 0; i < json_array_size(by_name); i++)
		if (strcmp(field_text(json_array_get(by_name, i), "Spec.Name"), word) == 0)
			return field_text(json_array_get(by_name, i), "ID");
	for (size_t i = 0; i < json_array_size(by_id); i++) {
		const char *id = field_text(json_array_get(by_id, i), "ID");

		if (strncmp(id, word, strlen(word)) != 0)
			continue;
		if (found)
			return fail(e, ERR_INVALID,
				    "multiple services found with provided prefix: %s", word),
			       NULL;
		found = id;
	}
	if (!found)
		fail(e, ERR_NOT_FOUND, "no such service: %s", word);
	return found;
}

/* The user's --filter, with "self" of node= replaced by this node's id. */
static bool add_task_filters(struct cli *c, const struct args *a, const char **filters,
			     size_t *count, char **owned, struct err *e)
{
	size_t given_count;
	const char *const *given = args_list(a, "filter", &given_count);

	for (size_t i = 0; i < given_count; i++) {
		filters[*count] = given[i];
		if (strcmp(given[i], "node=self") == 0 && !*owned) {
			AUTO_FREE char *id = node_resolve(c, "self", e);

			if (!id)
				return false;
			filters[*count] = *owned = xasprintf("node=%s", id);
		}
		(*count)++;
	}
	return true;
}

bool service_tasks(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *by_id = services_by(c, a, "id", e), *by_name = NULL, *tasks = NULL;
	AUTO_FREE const char **filters = NULL;
	AUTO_FREE char *self = NULL;
	AUTO_QUERY struct query q = QUERY;
	size_t count = 0, given;
	bool ok = true, any = false;

	if (!by_id)
		return false;
	by_name = services_by(c, a, "name", e);
	if (!by_name)
		return false;
	(void)args_list(a, "filter", &given);
	filters = xcalloc(a->word_count + given, sizeof(*filters));
	if (!add_task_filters(c, a, filters, &count, &self, e))
		return false;
	given = count;
	for (size_t i = 0; i < a->word_count; i++) {
		struct err why;
		const char *id = service_id(by_id, by_name, a->words[i], &why);

		if (id)
			filters[count++] = xasprintf("service=%s", id), any = true;
		else
			cli_complain(c, &why);
	}
	query_add_filters(&q, filters, count);
	for (size_t i = given; i < count; i++)
		free((void *)filters[i]);
	if (!any)
		return true;
	tasks = client_get(c->client, "/tasks", &q, e);
	ok = tasks && task_print(c, a, tasks, e);
	return ok;
}
