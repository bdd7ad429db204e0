#include "api/metrics.h"

#include "api/call.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "node/membership.h"
#include "node/node.h"
#include "store/view.h"

void metrics_family(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
	metrics_family(out, name, "gauge", help);
	buf_printf(out, "%s %lld\n", name, (long long)value);
}

/* A backslash, a quote and a line's end mean something in a label's value. */
static void label(struct buf *out, const char *before, const char *name, const char *value)
{
	buf_printf(out, "%s%s=\"", before, name);
	for (; *value; value++) {
		if (*value == '\n')
			buf_append_c(out, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_printf(out, "\\%c", *value);
		else
			buf_append_char(out, *value);
	}
	buf_append_char(out, '"');
}

/* ---- the engine ---- */

static void write_engine(struct buf *out, const struct api *api)
{
	const struct api_host *h = api->config.host;

	metrics_family(out, "engine_daemon_engine_info", "gauge",
		       "The information related to the engine and the OS it is running on");
	label(out, "engine_daemon_engine_info{", "architecture", h->machine);
	label(out, ",", "commit", h->commit);
	label(out, ",", "daemon_id", h->id);
	label(out, ",", "graphdriver", "overlay2");
	label(out, ",", "kernel", h->kernel);
	label(out, ",", "os", h->os_name);
	label(out, ",", "os_type", "linux");
	label(out, ",", "os_version", h->os_version);
	label(out, ",", "version", h->version);
	buf_append_c(out, "} 1\n");
	gauge(out, "engine_daemon_engine_cpus_cpus",
	      "The number of cpus that the host system of the engine has", h->cpus);
	gauge(out, "engine_daemon_engine_memory_bytes",
	      "The number of bytes of memory that the host system of the engine has",
	      h->memory_bytes);
}

static void write_containers(struct buf *out, const struct engine *e)
{
	size_t running = 0, paused = 0, all = 0, images = 0;

	for (const Pb__Container *c = engine_container_first(e); c;
	     c = engine_container_next(e, c)) {
		all++;
		running += c->state == PB__CONTAINER__STATE__RUNNING ||
			   c->state == PB__CONTAINER__STATE__RESTARTING;
		paused += c->state == PB__CONTAINER__STATE__PAUSED;
	}
	for (const Pb__LocalImage *i = engine_image_first(e); i; i = engine_image_next(e, i))
		images++;
	metrics_family(out, "engine_daemon_container_states_containers", "gauge",
		       "The count of containers in various states");
	buf_printf(out,
		   "engine_daemon_container_states_containers{state=\"paused\"} %zu\n"
		   "engine_daemon_container_states_containers{state=\"running\"} %zu\n"
		   "engine_daemon_container_states_containers{state=\"stopped\"} %zu\n",
		   paused, running, all - running - paused);
	gauge(out, "shoal_engine_images", "The count of images", (int64_t)images);
}

/* ---- the swarm ---- */

/* Each state that dockerd names, seen or not. */
static void write_node_states(struct buf *out, const struct view *v)
{
	static const char *const names[] = { "unknown", "down", "ready", "disconnected" };
	AUTO_ARENA struct arena a = { 0 };
	size_t counts[ARRAY_LEN(names)] = { 0 };
	const Pb__Node *n;

	objects_each (view_all(v, OBJECT_NODE, &a), Pb__Node, n)
		if (n->status && n->status->state < (int)ARRAY_LEN(names))
			counts[n->status->state]++;
	metrics_family(out, "swarm_manager_nodes", "gauge", "The number of nodes");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		buf_printf(out, "swarm_manager_nodes{state=\"%s\"} %zu\n", names[i], counts[i]);
}

static void write_task_states(struct buf *out, const struct view *v)
{
	static const struct {
		Pb__TaskState state;
		const char *name;
	} states[] = {
		{ PB__TASK_STATE__NEW, "new" },
		{ PB__TASK_STATE__PENDING, "pending" },
		{ PB__TASK_STATE__ASSIGNED, "assigned" },
		{ PB__TASK_STATE__ACCEPTED, "accepted" },
		{ PB__TASK_STATE__PREPARING, "preparing" },
		{ PB__TASK_STATE__READY, "ready" },
		{ PB__TASK_STATE__STARTING, "starting" },
		{ PB__TASK_STATE__RUNNING, "running" },
		{ PB__TASK_STATE__COMPLETE, "complete" },
		{ PB__TASK_STATE__SHUTDOWN, "shutdown" },
		{ PB__TASK_STATE__FAILED, "failed" },
		{ PB__TASK_STATE__REJECTED, "rejected" },
		{ PB__TASK_STATE__REMOVE, "remove" },
		{ PB__TASK_STATE__ORPHANED, "orphaned" },
	};
	AUTO_ARENA struct arena a = { 0 };
	size_t counts[ARRAY_LEN(states)] = { 0 };
	const Pb__Task *t;

	objects_each (view_all(v, OBJECT_TASK, &a), Pb__Task, t)
		for (size_t i = 0; t->status && i < ARRAY_LEN(states); i++)
			counts[i] += t->status->state == states[i].state;
	metrics_family(out, "swarm_manager_tasks_total", "gauge",
		       "The number of tasks in the cluster object store");
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		buf_printf(out, "swarm_manager_tasks_total{state=\"%s\"} %zu\n", states[i].name,
			   counts[i]);
}

static void write_swarm(struct buf *out, const struct node *n)
{
	static const struct {
		enum object_kind kind;
		const char *name, *help;
	} objects[] = {
		{ OBJECT_SERVICE, "swarm_manager_services_total",
		  "The number of services in the cluster object store" },
		{ OBJECT_NETWORK, "swarm_manager_networks_total",
		  "The number of networks in the cluster object store" },
		{ OBJECT_SECRET, "swarm_manager_secrets_total",
		  "The number of secrets in the cluster object store" },
		{ OBJECT_CONFIG, "swarm_manager_configs_total",
		  "The number of configs in the cluster object store" },
	};
	const struct view *v = node_view(n);
	const Pb__Cluster *cluster = v ? view_cluster(v) : NULL;

	if (node_swarm_state(n) != SWARM_INACTIVE) {
		metrics_family(out, "swarm_node_info", "gauge", "Information related to the swarm");
		label(out, "swarm_node_info{", "node_id", node_id(n));
		label(out, ",", "swarm_id", cluster ? cluster->id : "");
		buf_append_c(out, "} 1\n");
	}
	gauge(out, "swarm_node_manager", "Whether this node is a manager or not", v != NULL);
	if (!v)
		return;
	gauge(out, "swarm_manager_leader", "Indicates if this manager node is a leader",
	      node_is_leading(n));
	for (size_t i = 0; i < ARRAY_LEN(objects); i++)
		gauge(out, objects[i].name, objects[i].help,
		      (int64_t)view_count(v, objects[i].kind));
	write_node_states(out, v);
	write_task_states(out, v);
}

void metrics_write(struct buf *out, const struct api *api)
{
	write_engine(out, api);
	if (api->config.engine)
		write_containers(out, api->config.engine);
	write_swarm(out, api->config.node);
	gauge(out, "shoal_api_calls", "Calls of the Engine API that are not answered yet",
	      (int64_t)api_calls(api));
}
