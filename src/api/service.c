/* Services. */
#include "api/call.h"
#include "api/list.h"
#include "api/lookup.h"
#include "api/route.h"
#include "base/prng.h"
#include "docker/tables.h"
#include "engine/expand.h"
#include "engine/names.h"
#include "store/view.h"
#include "swarm/leader.h"

#define NAME_TRIES 6

/* ---- list ---- */

struct listing {
	Pb__ListServicesRequest *request;
	struct list_filters filters;
	bool with_status;
	const Pb__ListServicesResponse *found;
	const Pb__ListServiceStatusesResponse *statuses; /* NULL: they were not asked for */
};

static const char *mode_of(const Pb__Service *s)
{
	switch (s->spec->mode_case) {
	case PB__SERVICE_SPEC__MODE_GLOBAL:
		return "global";
	case PB__SERVICE_SPEC__MODE_REPLICATED_JOB:
		return "replicated-job";
	case PB__SERVICE_SPEC__MODE_GLOBAL_JOB:
		return "global-job";
	default:
		return "replicated";
	}
}

static const Pb__ListServiceStatusesResponse *statuses_of(struct call *c,
							  const Pb__ListServicesResponse *services)
{
	Pb__ListServiceStatusesRequest *r = PB_NEW(&c->arena, list_service_statuses_request);

	r->services = arena_alloc(&c->arena, (services->n_services + 1) * sizeof(*r->services));
	for (size_t i = 0; i < services->n_services; i++)
		r->services[r->n_services++] = services->services[i]->id;
	return call_control(c, "ListServiceStatuses", r);
}

static void write_listed(struct call *c, struct json *j, size_t i)
{
	const struct listing *l = c->state;
	const Pb__Service *service = l->found->services[i];

	if (!list_filters_allow(&l->filters, "mode", mode_of(service)))
		return;
	json_open_object(j, NULL);
	dialect_write_members(j, &dialect_service, service, c->minor);
	/* They come in the order in which they were asked for. */
	if (l->statuses)
		dialect_write(j, "ServiceStatus", &dialect_service_status, l->statuses->statuses[i],
			      c->minor);
	json_close(j);
}

static void list(struct call *c, const struct leader_answer *a)
{
	struct listing *l = c->state;

	l->found = call_control(c, "ListServices", l->request);
	if (!l->found || (l->with_status && !(l->statuses = statuses_of(c, l->found))))
		return;
	list_reply_objects(c, OBJECT_SERVICE, (const void *const *)l->found->services,
			   l->found->n_services, write_listed);
}

void services_list(struct call *c)
{
	static const char *const names[] = { "id", "label", "mode", "name", "runtime", NULL };
	struct listing *l = ARENA_NEW(&c->arena, struct listing);
	Pb__ListServicesRequest__Filters *f;

	if (!call_filters(c, names, &l->filters))
		return;
	l->request = PB_NEW(&c->arena, list_services_request);
	f = l->request->filters =
		pb_new(&c->arena, &pb__list_services_request__filters__descriptor);
	f->n_id_prefixes = list_filters_values(&l->filters, "id", &c->arena, &f->id_prefixes);
	f->n_name_prefixes = list_filters_values(&l->filters, "name", &c->arena, &f->name_prefixes);
	f->n_runtimes = list_filters_values(&l->filters, "runtime", &c->arena, &f->runtimes);
	filter_labels(c, &l->filters, "label", &f->labels, &f->n_labels);
	if (f->n_runtimes == 0) {
		/* Attachments of containers are no services to their users. */
		PB_APPEND(&c->arena, f, runtimes, "container");
		PB_APPEND(&c->arena, f, runtimes, "plugin");
	}
	l->with_status = c->minor >= 41 && call_flag(c, "status");
	c->state = l;
	call_read(c, list);
}

/* ---- inspect ---- */

static void inspect(struct call *c, const struct leader_answer *a)
{
	Pb__GetServiceRequest *request = PB_NEW(&c->arena, get_service_request);
	const Pb__Service *service = lookup(c, OBJECT_SERVICE, c->params[0]);
	const Pb__GetServiceResponse *r;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!service)
		return;
	request->service_id = service->id;
	request->insert_defaults = call_flag(c, "insertDefaults");
	r = call_control(c, "GetService", request);
	if (!r)
		return;
	dialect_write(&j, NULL, &dialect_service, r->service, c->minor);
	call_reply_json(c, 200, &out);
}

void service_inspect(struct call *c)
{
	call_read(c, inspect);
}

/* ---- create and update ---- */

static Pb__ServiceSpec *read_spec(struct call *c)
{
	Pb__ServiceSpec *spec = call_body(c, &dialect_service_spec);

	if (spec && spec->task->runtime_case == PB__TASK_SPEC__RUNTIME__NOT_SET) {
		call_refuse(c, ERR_INVALID, "mismatched Runtime and *Spec fields");
		return NULL;
	}
	/* Old clients put them beside the task. */
	if (spec && spec->task->n_networks == 0) {
		spec->task->networks = spec->networks;
		spec->task->n_networks = spec->n_networks;
		spec->networks = NULL;
		spec->n_networks = 0;
	}
	return spec;
}

/* Could a node expand what its tasks say? Each will, and would fail the task: better to hear of it now. */
static bool templates_are_good(struct call *c, Pb__ServiceSpec *spec)
{
	static const struct engine_node node = { "nodeid", "hostname", "arch", "os" };
	Pb__Task *task = PB_NEW(&c->arena, task);
	const Pb__Task *expanded;
	struct err e;

	task->id = arena_strdup(&c->arena, "taskid");
	task->service_id = arena_strdup(&c->arena, "serviceid");
	task->slot = 1;
	task->service_annotations = spec->annotations;
	task->spec = spec->task;
	if (expand_task(&c->arena, task, &node, &expanded, &e))
		return true;
	call_fail_control(c, &e);
	return false;
}

/* Networks by name become networks by id. */
static bool resolve_networks(struct call *c, Pb__TaskSpec *task)
{
	for (size_t i = 0; i < task->n_networks; i++) {
		size_t matches;
		const Pb__Network *network =
			lookup_quietly(call_view(c), OBJECT_NETWORK, task->networks[i]->target,
				       &c->arena, &matches);

		if (!network) {
			call_fail_status(c, 500,
					 arena_printf(&c->arena,
						      matches ? "network %s is ambiguous"
							      : "network %s not found",
						      task->networks[i]->target));
			return false;
		}
		task->networks[i]->target = arena_strdup(&c->arena, network->id);
	}
	return true;
}

static void set_registry_auth(struct call *c, Pb__TaskSpec *task, const char *auth)
{
	if (!auth || !auth[0] || task->runtime_case != PB__TASK_SPEC__RUNTIME_CONTAINER)
		return;
	task->container->pull_options =
		pb_new(&c->arena, &pb__container_spec__pull_options__descriptor);
	task->container->pull_options->registry_auth = arena_strdup(&c->arena, auth);
}

static void created(struct call *c, const struct leader_answer *a)
{
	const Pb__CreateServiceResponse *r = a->response;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	json_open_object(&j, NULL);
	json_text(&j, "ID", r->service->id);
	if (c->minor >= 44)
		json_none(&j, "Warnings");
	json_close(&j);
	call_reply_json(c, 201, &out);
}

/* A service that nobody named gets two words, and a digit when those are taken. */
static void choose_name(struct call *c, Pb__ServiceSpec *spec)
{
	char name[NAME_TEXT_MAX];
	struct prng chance;

	if (!spec->annotations)
		spec->annotations = PB_NEW(&c->arena, annotations);
	if (spec->annotations->name[0])
		return;
	prng_seed(&chance, (uint64_t)c->now.wall_ns ^ c->exchange);
	for (int i = 0; i < NAME_TRIES; i++) {
		name_make_up(&chance, i > 0, name);
		if (!view_by_name(call_view(c), OBJECT_SERVICE, name))
			break;
	}
	spec->annotations->name = arena_strdup(&c->arena, name);
}

static void create(struct call *c, const struct leader_answer *a)
{
	Pb__CreateServiceRequest *r = c->state;

	choose_name(c, r->spec);
	if (resolve_networks(c, r->spec->task))
		call_change(c, "CreateService", r, created);
}

void service_create(struct call *c)
{
	Pb__CreateServiceRequest *r = PB_NEW(&c->arena, create_service_request);

	r->spec = read_spec(c);
	if (!r->spec || !templates_are_good(c, r->spec))
		return;
	set_registry_auth(c, r->spec->task, call_header(c, "X-Registry-Auth"));
	c->state = r;
	call_read(c, create);
}

static void updated(struct call *c, const struct leader_answer *a)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	json_open_object(&j, NULL);
	json_none(&j, "Warnings");
	json_close(&j);
	call_reply_json(c, 200, &out);
}

/* Without credentials in the request those of the spec before it go on. */
static void keep_registry_auth(struct call *c, Pb__TaskSpec *task, const Pb__Service *service)
{
	bool wants_previous = strcmp(call_query(c, "registryAuthFrom"), "previous-spec") == 0;
	const Pb__ServiceSpec *from = wants_previous ? service->previous_spec : service->spec;

	if (from && from->task->runtime_case == PB__TASK_SPEC__RUNTIME_CONTAINER &&
	    from->task->container->pull_options)
		set_registry_auth(c, task, from->task->container->pull_options->registry_auth);
}

static void update(struct call *c, const struct leader_answer *a)
{
	const Pb__Service *service = lookup(c, OBJECT_SERVICE, c->params[0]);
	Pb__UpdateServiceRequest *r = c->state;
	const char *auth = call_header(c, "X-Registry-Auth");

	if (!service || !resolve_networks(c, r->spec->task))
		return;
	r->service_id = arena_strdup(&c->arena, service->id);
	if (auth && auth[0])
		set_registry_auth(c, r->spec->task, auth);
	else
		keep_registry_auth(c, r->spec->task, service);
	call_change(c, "UpdateService", r, updated);
}

void service_update(struct call *c)
{
	Pb__UpdateServiceRequest *r = PB_NEW(&c->arena, update_service_request);
	const char *from = call_query(c, "registryAuthFrom"), *rollback = call_query(c, "rollback");
	uint64_t version;

	r->spec = read_spec(c);
	if (!r->spec || !call_version(c, "service", &version) || !templates_are_good(c, r->spec))
		return;
	if (from[0] && strcmp(from, "spec") != 0 && strcmp(from, "previous-spec") != 0) {
		call_refuse(c, ERR_INVALID, "unsupported registryAuthFrom value");
		return;
	}
	if (rollback[0] && strcmp(rollback, "none") != 0 && strcmp(rollback, "previous") != 0) {
		call_refuse(c, ERR_INVALID, "unrecognized rollback option %s", rollback);
		return;
	}
	if (strcmp(rollback, "previous") == 0)
		r->rollback = PB__UPDATE_SERVICE_REQUEST__ROLLBACK__PREVIOUS;
	r->service_version = PB_NEW(&c->arena, version);
	r->service_version->index = version;
	c->state = r;
	call_read(c, update);
}

/* ---- remove ---- */

static void removed(struct call *c, const struct leader_answer *a)
{
	call_reply_empty(c, 200);
}

static void remove_found(struct call *c, const struct leader_answer *a)
{
	const Pb__Service *service = lookup(c, OBJECT_SERVICE, c->params[0]);
	Pb__RemoveServiceRequest *r = PB_NEW(&c->arena, remove_service_request);

	if (!service)
		return;
	r->service_id = arena_strdup(&c->arena, service->id);
	call_change(c, "RemoveService", r, removed);
}

void service_remove(struct call *c)
{
	call_read(c, remove_found);
}
