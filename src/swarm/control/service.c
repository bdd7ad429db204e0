#include <string.h>

#include "swarm/control/inside.h"
#include "swarm/span.h"
#include "swarm/task.h"

static Pb__JobStatus *job_status(struct txn *t, uint64_t iteration)
{
	Pb__JobStatus *status = PB_NEW(txn_arena(t), job_status);

	status->job_iteration->index = iteration;
	status->last_execution = moment(txn_arena(t), txn_now(t).wall_ns);
	return status;
}

const void *control_create_service(struct control *c, const void *message, struct err *e)
{
	const Pb__CreateServiceRequest *request = message;
	struct arena *a = txn_arena(c->txn);
	Pb__CreateServiceResponse *response = PB_NEW(c->arena, create_service_response);
	Pb__Service *service;

	if (!request->spec)
		return refuse_argument(e);
	if (!service_spec_is_valid(c, request->spec, "", e))
		return NULL;
	service = PB_NEW(a, service);
	service->id = fresh_id(c, OBJECT_SERVICE);
	service->spec = pb_dup(a, request->spec);
	service->spec_version = PB_NEW(a, version);
	if (service_is_job(service))
		service->job_status = job_status(c->txn, 0);
	if (!txn_create(c->txn, service, e))
		return NULL;
	response->service = pb_dup(c->arena, service);
	return response;
}

/* ---- update ---- */

static bool networks_are_equal(Pb__NetworkAttachmentConfig *const *a, size_t a_count,
			       Pb__NetworkAttachmentConfig *const *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!pb_equal(a[i], b[i]))
			return false;
	return true;
}

#define NETWORKS_ARE_EQUAL(x, y)                                                                   \
	networks_are_equal((x)->networks, (x)->n_networks, (y)->networks, (y)->n_networks)

static bool may_become(const Pb__ServiceSpec *now, const Pb__ServiceSpec *wanted, struct err *e)
{
	if (!NETWORKS_ARE_EQUAL(now, wanted) && NETWORKS_ARE_EQUAL(now->task, wanted->task))
		return fail(e, ERR_UNSUPPORTED,
			    "networks must be migrated to TaskSpec before being changed");
	if (now->mode_case != wanted->mode_case)
		return fail(e, ERR_UNSUPPORTED, "service mode change is not allowed");
	if (strcmp(now->annotations->name, wanted->annotations->name) != 0)
		return fail(e, ERR_UNSUPPORTED, "renaming services is not supported");
	return true;
}

/* The two specs change places. */
static bool roll_back(struct control *c, Pb__Service *service, struct err *e)
{
	struct arena *a = txn_arena(c->txn);
	Pb__ServiceSpec *spec = service->spec;
	Pb__Version *version = service->spec_version;

	if (!service->previous_spec)
		return fail(e, ERR_IN_USE, "service %s does not have a previous spec", service->id);
	service->spec = service->previous_spec;
	service->spec_version = service->previous_spec_version;
	service->previous_spec = spec;
	service->previous_spec_version = version;
	service->update_status = PB_NEW(a, update_status);
	service->update_status->state = PB__UPDATE_STATUS__UPDATE_STATE__ROLLBACK_STARTED;
	service->update_status->message = "manually requested rollback";
	service->update_status->started_at = moment(a, txn_now(c->txn).wall_ns);
	return true;
}

const void *control_update_service(struct control *c, const void *message, struct err *e)
{
	const Pb__UpdateServiceRequest *request = message;
	struct arena *a = txn_arena(c->txn);
	Pb__UpdateServiceResponse *response = PB_NEW(c->arena, update_service_response);
	Pb__Service *service;

	if (!request->service_id[0] || !request->service_version || !request->spec)
		return refuse_argument(e);
	if (!service_spec_is_valid(c, request->spec, request->service_id, e))
		return NULL;
	service = txn_edit_service(c->txn, request->service_id);
	if (!service)
		return refuse_missing(e, OBJECT_SERVICE, request->service_id);
	if (!may_become(service->spec, request->spec, e) ||
	    !version_is_current(request->service_version, service, e))
		return NULL;

	if (request->rollback == PB__UPDATE_SERVICE_REQUEST__ROLLBACK__PREVIOUS) {
		if (!roll_back(c, service, e))
			return NULL;
	} else {
		service->previous_spec = service->spec;
		service->previous_spec_version = service->spec_version;
		service->spec = pb_dup(a, request->spec);
		service->spec_version = pb_dup(a, request->service_version);
		service->update_status = NULL;
	}
	if (service->job_status)
		service->job_status =
			job_status(c->txn, service->job_status->job_iteration->index + 1);
	if (!txn_update(c->txn, service, e))
		return NULL;
	response->service = pb_dup(c->arena, service);
	return response;
}

const void *control_remove_service(struct control *c, const void *message, struct err *e)
{
	const Pb__RemoveServiceRequest *request = message;

	if (!request->service_id[0])
		return refuse_argument(e);
	if (!view_service(c->view, request->service_id))
		return refuse_missing(e, OBJECT_SERVICE, request->service_id);
	txn_remove(c->txn, OBJECT_SERVICE, request->service_id);
	return PB_NEW(c->arena, remove_service_response);
}

/* ---- reads ---- */

static Pb__UpdateConfig *default_update(struct arena *a)
{
	Pb__UpdateConfig *u = PB_NEW(a, update_config);

	u->parallelism = 1;
	u->monitor = span(a, 5000);
	return u;
}

/* What holds where the spec says nothing; modes that do not have it are left alone. */
static const Pb__Service *with_defaults(struct arena *a, const Pb__Service *stored)
{
	Pb__Service *s = pb_dup(a, stored);
	Pb__TaskSpec *task = s->spec->task;

	if (task->runtime_case == PB__TASK_SPEC__RUNTIME_CONTAINER &&
	    !task->container->stop_grace_period)
		task->container->stop_grace_period = span(a, 10000);
	if (!task->restart) {
		task->restart = PB_NEW(a, restart_policy);
		task->restart->condition = PB__RESTART_POLICY__RESTART_CONDITION__ANY;
	}
	if (!task->restart->delay)
		task->restart->delay = span(a, 5000);
	if (!s->spec->update)
		s->spec->update = default_update(a);
	if (!s->spec->rollback)
		s->spec->rollback = default_update(a);
	return s;
}

const void *control_get_service(struct control *c, const void *message, struct err *e)
{
	const Pb__GetServiceRequest *request = message;
	const Pb__Service *service = view_service(c->view, request->service_id);
	Pb__GetServiceResponse *response = PB_NEW(c->arena, get_service_response);

	if (!request->service_id[0])
		return refuse_argument(e);
	if (!service)
		return refuse_missing(e, OBJECT_SERVICE, request->service_id);
	if (request->insert_defaults)
		service = with_defaults(c->arena, service);
	response->service = (Pb__Service *)service;
	return response;
}

static const char *runtime_of(const Pb__TaskSpec *spec)
{
	switch (spec->runtime_case) {
	case PB__TASK_SPEC__RUNTIME_CONTAINER:
		return "container";
	case PB__TASK_SPEC__RUNTIME_ATTACHMENT:
		return "attachment";
	case PB__TASK_SPEC__RUNTIME_GENERIC:
		return spec->generic->kind;
	default:
		return "";
	}
}

const void *control_list_services(struct control *c, const void *message, struct err *e)
{
	const Pb__ListServicesRequest__Filters *f =
		((const Pb__ListServicesRequest *)message)->filters;
	struct list_filter common = LIST_FILTER(f);
	struct objects all = view_all(c->view, OBJECT_SERVICE, c->arena);
	Pb__ListServicesResponse *response = PB_NEW(c->arena, list_services_response);
	const Pb__Service *s;

	response->services = arena_alloc(c->arena, (all.count + 1) * sizeof(*response->services));
	objects_each (all, Pb__Service, s) {
		const Pb__Annotations *about = s->spec->annotations;

		if (list_keeps(&common, s->id, about->name, about->labels, about->n_labels) &&
		    (!f || is_one_of(f->runtimes, f->n_runtimes, runtime_of(s->spec->task))))
			response->services[response->n_services++] = (Pb__Service *)s;
	}
	return response;
}

/* ---- statuses ---- */

static void count_tasks(const struct view *v, const Pb__Service *service,
			Pb__ListServiceStatusesResponse__ServiceStatus *status, struct arena *a)
{
	struct objects tasks = view_tasks_of_service(v, service->id, a);
	uint64_t iteration = service->job_status ? service->job_status->job_iteration->index : 0;
	bool is_job = service_is_job(service), is_global = service_is_global(service);
	const Pb__Task *task;

	objects_each (tasks, Pb__Task, task) {
		if (is_job && version_index(task->job_iteration) != iteration)
			continue;
		if (is_global && !is_job && task->desired_state == PB__TASK_STATE__RUNNING)
			status->desired_tasks++;
		if (is_global && is_job && task->desired_state == PB__TASK_STATE__COMPLETE &&
		    task_state(task) != PB__TASK_STATE__COMPLETE)
			status->desired_tasks++;
		status->running_tasks += task_state(task) == PB__TASK_STATE__RUNNING;
		status->completed_tasks += is_job && task_state(task) == PB__TASK_STATE__COMPLETE;
	}
}

const void *control_list_service_statuses(struct control *c, const void *message, struct err *e)
{
	const Pb__ListServiceStatusesRequest *request = message;
	Pb__ListServiceStatusesResponse *response =
		PB_NEW(c->arena, list_service_statuses_response);

	response->statuses =
		arena_alloc(c->arena, (request->n_services + 1) * sizeof(*response->statuses));
	for (size_t i = 0; i < request->n_services; i++) {
		const Pb__Service *service = view_service(c->view, request->services[i]);
		Pb__ListServiceStatusesResponse__ServiceStatus *status = pb_new(
			c->arena, &pb__list_service_statuses_response__service_status__descriptor);

		/* One that does not exist has nothing, which is no error. */
		status->service_id = arena_strdup(c->arena, request->services[i]);
		response->statuses[response->n_statuses++] = status;
		if (!service)
			continue;
		if (service->spec->mode_case == PB__SERVICE_SPEC__MODE_REPLICATED)
			status->desired_tasks = service->spec->replicated->replicas;
		else if (service->spec->mode_case == PB__SERVICE_SPEC__MODE_REPLICATED_JOB)
			status->desired_tasks = service->spec->replicated_job->max_concurrent;
		count_tasks(c->view, service, status, c->arena);
	}
	return response;
}
