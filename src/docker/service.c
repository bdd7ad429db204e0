#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

/* ---- ports ---- */

static const struct dialect_word protocols[] = {
	{ "tcp", PB__PORT_CONFIG__PROTOCOL__TCP },
	{ "", PB__PORT_CONFIG__PROTOCOL__TCP },
	{ "udp", PB__PORT_CONFIG__PROTOCOL__UDP },
	{ "sctp", PB__PORT_CONFIG__PROTOCOL__SCTP },
	{ NULL },
};
static const struct dialect_word publish_modes[] = {
	{ "ingress", PB__PORT_CONFIG__PUBLISH_MODE__INGRESS },
	{ "", PB__PORT_CONFIG__PUBLISH_MODE__INGRESS },
	{ "host", PB__PORT_CONFIG__PUBLISH_MODE__HOST },
	{ NULL },
};
static const struct dialect_field port_fields[] = {
	{ "Name", "name", DIALECT_TEXT, OMIT_EMPTY },
	{ "Protocol", "protocol", DIALECT_WORD, .words = protocols },
	{ "TargetPort", "target_port", DIALECT_INT, OMIT_EMPTY },
	{ "PublishedPort", "published_port", DIALECT_INT, OMIT_EMPTY },
	{ "PublishMode", "publish_mode", DIALECT_WORD, .words = publish_modes },
	END,
};
const struct dialect dialect_port_config = { &pb__port_config__descriptor, port_fields };

static const struct dialect_word endpoint_modes[] = {
	{ "vip", PB__ENDPOINT_SPEC__RESOLUTION_MODE__VIP },
	{ "", PB__ENDPOINT_SPEC__RESOLUTION_MODE__VIP },
	{ "dnsrr", PB__ENDPOINT_SPEC__RESOLUTION_MODE__DNSRR },
	{ NULL },
};
static const struct dialect_field endpoint_fields[] = {
	{ "Mode", "mode", DIALECT_WORD, .words = endpoint_modes },
	{ "Ports", "ports", DIALECT_OBJECTS, OMIT_EMPTY, &dialect_port_config },
	END,
};
const struct dialect dialect_endpoint_spec = { &pb__endpoint_spec__descriptor, endpoint_fields };

/* ---- modes ---- */

static const struct dialect_field replicated_fields[] = { { "Replicas", "replicas", DIALECT_INT },
							  END };

static void replicated_begin(struct arena *a, void *message)
{
	((Pb__ReplicatedService *)message)->replicas = 1;
}

static const struct dialect replicated = {
	&pb__replicated_service__descriptor,
	replicated_fields,
	.begin = replicated_begin,
};
static const struct dialect_field nothing[] = { END };
static const struct dialect global = { &pb__global_service__descriptor, nothing };
static const struct dialect global_job = { &pb__global_job__descriptor, nothing };
static const struct dialect_field job_fields[] = {
	{ "MaxConcurrent", "max_concurrent", DIALECT_INT },
	{ "TotalCompletions", "total_completions", DIALECT_INT },
	END,
};

static void job_begin(struct arena *a, void *message)
{
	((Pb__ReplicatedJob *)message)->max_concurrent = 1;
}

/* As many completions as run at once, unless told otherwise. */
static void job_finish(struct arena *a, void *message)
{
	Pb__ReplicatedJob *job = message;

	if (job->total_completions == 0)
		job->total_completions = job->max_concurrent;
}

static const struct dialect replicated_job = {
	&pb__replicated_job__descriptor,
	job_fields,
	.begin = job_begin,
	.finish = job_finish,
};
static const struct dialect_field mode_fields[] = {
	{ "Replicated", "replicated", DIALECT_OBJECT, OMIT_UNSET, &replicated },
	{ "Global", "global", DIALECT_OBJECT, OMIT_UNSET, &global },
	{ "ReplicatedJob", "replicated_job", DIALECT_OBJECT, OMIT_UNSET, &replicated_job,
	  .since = 41 },
	{ "GlobalJob", "global_job", DIALECT_OBJECT, OMIT_UNSET, &global_job, .since = 41 },
	END,
};

#define ONE_MODE "must specify only one service mode"

static const struct dialect mode = { &pb__service_spec__descriptor, mode_fields, ONE_MODE };

/* ---- updates ---- */

static const struct dialect_word failure_actions[] = {
	{ "pause", PB__UPDATE_CONFIG__FAILURE_ACTION__PAUSE },
	{ "", PB__UPDATE_CONFIG__FAILURE_ACTION__PAUSE },
	{ "continue", PB__UPDATE_CONFIG__FAILURE_ACTION__CONTINUE },
	{ "rollback", PB__UPDATE_CONFIG__FAILURE_ACTION__ROLLBACK },
	{ NULL },
};
static const struct dialect_word orders[] = {
	{ "stop-first", PB__UPDATE_CONFIG__UPDATE_ORDER__STOP_FIRST },
	{ "", PB__UPDATE_CONFIG__UPDATE_ORDER__STOP_FIRST },
	{ "start-first", PB__UPDATE_CONFIG__UPDATE_ORDER__START_FIRST },
	{ NULL },
};
static const struct dialect_field update_fields[] = {
	{ "Parallelism", "parallelism", DIALECT_INT },
	{ "Delay", "delay", DIALECT_SPAN, OMIT_EMPTY },
	{ "FailureAction", "failure_action", DIALECT_WORD, .words = failure_actions },
	{ "Monitor", "monitor", DIALECT_SPAN, OMIT_EMPTY },
	{ "MaxFailureRatio", "max_failure_ratio", DIALECT_FLOAT },
	{ "Order", "order", DIALECT_WORD, .words = orders },
	END,
};
static const struct dialect update_config = { &pb__update_config__descriptor, update_fields };

static const struct dialect_field spec_fields[] = {
	{ "Name", "annotations.name", DIALECT_TEXT, OMIT_EMPTY },
	{ "Labels", "annotations.labels", DIALECT_MAP },
	{ "TaskTemplate", "task", DIALECT_OBJECT, 0, &dialect_task_spec },
	/* Its members are fields of the spec itself; always there, for a spec has a mode. */
	{ "Mode", "annotations", DIALECT_GROUP, 0, &mode },
	{ "UpdateConfig", "update", DIALECT_OBJECT, OMIT_UNSET, &update_config },
	{ "RollbackConfig", "rollback", DIALECT_OBJECT, OMIT_UNSET, &update_config, .since = 28 },
	/* Once beside the task, now in it: old clients find them where they were. */
	{ "Networks", "networks", DIALECT_OBJECTS, READ_ONLY, &dialect_network_attachment_config,
	  .until = 44 },
	{ "Networks", "task.networks", DIALECT_OBJECTS, OMIT_EMPTY | WRITE_ONLY,
	  &dialect_network_attachment_config, .until = 25 },
	{ "EndpointSpec", "endpoint", DIALECT_OBJECT, OMIT_UNSET, &dialect_endpoint_spec },
	END,
};

/* No mode: one replica. */
static void spec_finish(struct arena *a, void *message)
{
	Pb__ServiceSpec *spec = message;

	if (spec->mode_case != PB__SERVICE_SPEC__MODE__NOT_SET)
		return;
	spec->replicated = PB_NEW(a, replicated_service);
	spec->replicated->replicas = 1;
	spec->mode_case = PB__SERVICE_SPEC__MODE_REPLICATED;
}

const struct dialect dialect_service_spec = {
	&pb__service_spec__descriptor,
	spec_fields,
	ONE_MODE,
	.finish = spec_finish,
};

/* ---- the service ---- */

static const struct dialect_field vip_fields[] = {
	{ "NetworkID", "network_id", DIALECT_TEXT, OMIT_EMPTY },
	{ "Addr", "addr", DIALECT_TEXT, OMIT_EMPTY },
	END,
};
static const struct dialect vip = { &pb__endpoint__virtual_ip__descriptor, vip_fields };
static const struct dialect_field service_endpoint_fields[] = {
	{ "Spec", "endpoint.spec", DIALECT_OBJECT, 0, &dialect_endpoint_spec },
	{ "Ports", "endpoint.ports", DIALECT_OBJECTS, OMIT_EMPTY, &dialect_port_config },
	{ "VirtualIPs", "endpoint.virtual_ips", DIALECT_OBJECTS, OMIT_EMPTY, &vip },
	END,
};
static const struct dialect service_endpoint = { &pb__service__descriptor,
						 service_endpoint_fields };

static const struct dialect_field update_status_fields[] = {
	{ "State", "state", DIALECT_WORD, OMIT_EMPTY },
	{ "StartedAt", "started_at", DIALECT_TIME, OMIT_UNSET },
	{ "CompletedAt", "completed_at", DIALECT_TIME, OMIT_UNSET },
	{ "Message", "message", DIALECT_TEXT, OMIT_EMPTY },
	END,
};
static const struct dialect update_status = { &pb__update_status__descriptor,
					      update_status_fields };
static const struct dialect_field job_status_fields[] = {
	{ "JobIteration", "job_iteration", DIALECT_OBJECT, 0, &dialect_version },
	{ "LastExecution", "last_execution", DIALECT_TIME, OMIT_UNSET },
	END,
};
static const struct dialect job_status = { &pb__job_status__descriptor, job_status_fields };

static const struct dialect_field service_fields[] = {
	{ "ID", "id", DIALECT_TEXT, OMIT_EMPTY },
	{ "Version", "meta.version", DIALECT_OBJECT, 0, &dialect_version },
	{ "CreatedAt", "meta.created_at", DIALECT_TIME },
	{ "UpdatedAt", "meta.updated_at", DIALECT_TIME },
	{ "Spec", "spec", DIALECT_OBJECT, 0, &dialect_service_spec },
	{ "PreviousSpec", "previous_spec", DIALECT_OBJECT, OMIT_UNSET, &dialect_service_spec },
	/* Always there, with a Spec that is at least empty. */
	{ "Endpoint", "meta", DIALECT_GROUP, WRITE_ONLY, &service_endpoint },
	{ "UpdateStatus", "update_status", DIALECT_OBJECT, OMIT_UNSET, &update_status },
	{ "JobStatus", "job_status", DIALECT_OBJECT, OMIT_UNSET, &job_status, .since = 41 },
	END,
};
const struct dialect dialect_service = { &pb__service__descriptor, service_fields };

static const struct dialect_field status_fields[] = {
	{ "RunningTasks", "running_tasks", DIALECT_INT },
	{ "DesiredTasks", "desired_tasks", DIALECT_INT },
	{ "CompletedTasks", "completed_tasks", DIALECT_INT },
	END,
};
const struct dialect dialect_service_status = {
	&pb__list_service_statuses_response__service_status__descriptor,
	status_fields,
};
