/* Tasks: read only. */
#include "api/call.h"
#include "api/list.h"
#include "api/lookup.h"
#include "api/route.h"
#include "docker/tables.h"

struct listing {
	Pb__ListTasksRequest *request;
	struct list_filters filters;
	Pb__Task *const *tasks; /* those that were found */
};

/* Names of services and nodes become ids; one that nobody has is an error. */
static bool resolve_ids(struct call *c, const struct list_filters *f, const char *name,
			enum object_kind kind, char ***ids, size_t *count)
{
	char **values;
	size_t n = list_filters_values(f, name, &c->arena, &values);

	*ids = arena_alloc(&c->arena, (n + 1) * sizeof(**ids));
	for (size_t i = 0; i < n; i++) {
		const void *object = lookup(c, kind, values[i]);

		if (!object)
			return false;
		(*ids)[(*count)++] = (char *)object_id(object);
	}
	return true;
}

static bool desired_states(struct call *c, const struct list_filters *f,
			   Pb__ListTasksRequest__Filters *out)
{
	char **words;
	size_t n = list_filters_values(f, "desired-state", &c->arena, &words);

	out->desired_states = arena_alloc(&c->arena, (n + 1) * sizeof(*out->desired_states));
	for (size_t i = 0; i < n; i++) {
		int state;

		if (!pb_enum_parse(&pb__task_state__descriptor, str_of(words[i]), &state)) {
			call_refuse(c, ERR_INVALID, "Invalid desired-state filter: '%s'", words[i]);
			return false;
		}
		out->desired_states[out->n_desired_states++] = (Pb__TaskState)state;
	}
	return true;
}

static void write_listed(struct call *c, struct json *j, size_t i)
{
	const struct listing *l = c->state;

	if (l->tasks[i]->spec->runtime_case != PB__TASK_SPEC__RUNTIME_ATTACHMENT)
		dialect_write(j, NULL, &dialect_task, l->tasks[i], c->minor);
}

static void list(struct call *c, const struct leader_answer *a)
{
	struct listing *l = c->state;
	Pb__ListTasksRequest__Filters *f = l->request->filters;
	const Pb__ListTasksResponse *r;

	if (!resolve_ids(c, &l->filters, "service", OBJECT_SERVICE, &f->service_ids,
			 &f->n_service_ids) ||
	    !resolve_ids(c, &l->filters, "node", OBJECT_NODE, &f->node_ids, &f->n_node_ids))
		return;
	r = call_control(c, "ListTasks", l->request);
	if (!r)
		return;
	l->tasks = r->tasks;
	list_reply_objects(c, OBJECT_TASK, (const void *const *)r->tasks, r->n_tasks, write_listed);
}

void tasks_list(struct call *c)
{
	static const char *const names[] = { "desired-state", "id",          "label",
					     "name",          "node",        "service",
					     "runtime",       "_up-to-date", NULL };
	struct listing *l = ARENA_NEW(&c->arena, struct listing);
	Pb__ListTasksRequest__Filters *f;

	if (!call_filters(c, names, &l->filters))
		return;
	l->request = PB_NEW(&c->arena, list_tasks_request);
	f = l->request->filters = pb_new(&c->arena, &pb__list_tasks_request__filters__descriptor);
	f->n_id_prefixes = list_filters_values(&l->filters, "id", &c->arena, &f->id_prefixes);
	f->n_name_prefixes = list_filters_values(&l->filters, "name", &c->arena, &f->name_prefixes);
	f->n_runtimes = list_filters_values(&l->filters, "runtime", &c->arena, &f->runtimes);
	filter_labels(c, &l->filters, "label", &f->labels, &f->n_labels);
	f->up_to_date = list_filters_has(&l->filters, "_up-to-date") &&
			list_filters_allow(&l->filters, "_up-to-date", "true");
	if (!desired_states(c, &l->filters, f))
		return;
	c->state = l;
	call_read(c, list);
}

static void inspect(struct call *c, const struct leader_answer *a)
{
	const Pb__Task *task = lookup(c, OBJECT_TASK, c->params[0]);
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!task)
		return;
	dialect_write(&j, NULL, &dialect_task, task, c->minor);
	call_reply_json(c, 200, &out);
}

void task_inspect(struct call *c)
{
	call_read(c, inspect);
}
