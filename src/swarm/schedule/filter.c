#include "swarm/schedule/filter.h"

#include <string.h>

#include "swarm/schedule/resource.h"
#include "swarm/task.h"

struct demand demand_of(const Pb__Task *task, struct arena *a)
{
	const Pb__Placement *placement = task->spec->placement;
	struct demand d = { .task = task, .is_parsed = true };
	struct err e;

	if (placement) {
		d.is_parsed = constraints_parse(&d.constraints, placement->constraints,
						placement->n_constraints, a, &e);
		d.max_replicas = placement->max_replicas;
	}
	if (task->endpoint && task->endpoint->n_ports > 0) {
		Pb__TaskStatus assigned = *task->status;
		Pb__Task placed = *task;

		assigned.state = PB__TASK_STATE__ASSIGNED;
		placed.status = &assigned;
		placed.node_id = "?";
		d.claim = claim_of(&placed, a);
	}
	return d;
}

static bool is_ready(const struct demand *d, const struct node_info *info, const Pb__Node *node,
		     const struct view *v, struct arena *a)
{
	return node->status->state == PB__NODE_STATUS__STATE__READY &&
	       node->spec->availability == PB__NODE_SPEC__AVAILABILITY__ACTIVE;
}

/* Generic resources are rare: who claimed them is looked up, not kept. */
static bool generic_suffice(const Pb__Node *node, const Pb__Resources *wanted, const struct view *v,
			    struct arena *a)
{
	struct free_resources free = free_resources_of(node, a);
	struct objects tasks = view_tasks_of_node(v, node->id, a);
	const Pb__Task *task;

	objects_each (tasks, Pb__Task, task)
		if (task_is_on_node(task))
			free_resources_take_anyway(&free, task);
	return free_resources_suffice(&free, wanted);
}

static bool has_resources(const struct demand *d, const struct node_info *info,
			  const Pb__Node *node, const struct view *v, struct arena *a)
{
	const Pb__Resources *wanted = reservations_of(d->task);
	const Pb__Resources *has = node->description ? node->description->resources : NULL;

	if (!wanted)
		return true;
	if (wanted->nano_cpus > 0 &&
	    wanted->nano_cpus > (has ? has->nano_cpus : 0) - info->reserved_cpus)
		return false;
	if (wanted->memory_bytes > 0 &&
	    wanted->memory_bytes > (has ? has->memory_bytes : 0) - info->reserved_memory)
		return false;
	return wanted->n_generic == 0 || generic_suffice(node, wanted, v, a);
}

static bool has_plugin(const Pb__EngineDescription *engine, const char *type, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < engine->n_plugins; i++) {
		const Pb__PluginDescription *p = engine->plugins[i];

		if (strcmp(p->type, type) != 0 || strncmp(p->name, name, len) != 0)
			continue;
		if (p->name[len] == '\0' || strcmp(p->name + len, ":latest") == 0)
			return true;
	}
	return false;
}

static bool reports(const Pb__EngineDescription *engine, const char *type)
{
	for (size_t i = 0; i < engine->n_plugins; i++)
		if (strcmp(engine->plugins[i]->type, type) == 0)
			return true;
	return false;
}

static const char *volume_driver(const Pb__Mount *mount)
{
	const Pb__Driver *driver =
		mount->volume_options ? mount->volume_options->driver_config : NULL;

	return mount->type == PB__MOUNT__TYPE__VOLUME && driver ? driver->name : "";
}

static bool has_plugins(const struct demand *d, const struct node_info *info, const Pb__Node *node,
			const struct view *v, struct arena *a)
{
	const Pb__EngineDescription *engine = node->description ? node->description->engine : NULL;
	const Pb__Task *task = d->task;
	const Pb__ContainerSpec *container = NULL;

	if (!engine)
		return true; /* it does not say */
	if (task->spec->runtime_case == PB__TASK_SPEC__RUNTIME_CONTAINER)
		container = task->spec->container;
	for (size_t i = 0; container && i < container->n_mounts; i++) {
		const char *driver = volume_driver(container->mounts[i]);

		if (driver[0] && strcmp(driver, "local") != 0 &&
		    !has_plugin(engine, "Volume", driver))
			return false;
	}
	for (size_t i = 0; i < task->n_networks; i++) {
		const Pb__Network *network = task->networks[i]->network;
		const Pb__Driver *driver = network ? network->driver_state : NULL;

		if (driver && driver->name[0] && !has_plugin(engine, "Network", driver->name))
			return false;
	}
	if (task->log_driver && task->log_driver->name[0] &&
	    strcmp(task->log_driver->name, "none") != 0 && reports(engine, "Log"))
		return has_plugin(engine, "Log", task->log_driver->name);
	return true;
}

static bool meets_constraints(const struct demand *d, const struct node_info *info,
			      const Pb__Node *node, const struct view *v, struct arena *a)
{
	return d->is_parsed && constraints_match(&d->constraints, node);
}

static const char *usual_arch(const char *arch)
{
	return strcmp(arch, "x86_64") == 0    ? "amd64"
	       : strcmp(arch, "aarch64") == 0 ? "arm64"
					      : arch;
}

static bool has_platform(const struct demand *d, const struct node_info *info, const Pb__Node *node,
			 const struct view *v, struct arena *a)
{
	const Pb__Placement *placement = d->task->spec->placement;
	const Pb__Platform *has = node->description ? node->description->platform : NULL;

	if (!placement || placement->n_platforms == 0)
		return true;
	for (size_t i = 0; has && i < placement->n_platforms; i++) {
		const Pb__Platform *p = placement->platforms[i];

		if ((!p->os[0] || strcmp(p->os, has->os) == 0) &&
		    (!p->architecture[0] ||
		     strcmp(usual_arch(p->architecture), usual_arch(has->architecture)) == 0))
			return true;
	}
	return false;
}

static bool has_ports_free(const struct demand *d, const struct node_info *info,
			   const Pb__Node *node, const struct view *v, struct arena *a)
{
	for (size_t i = 0; i < d->claim.port_count; i++)
		for (size_t k = 0; k < info->port_count; k++)
			if (info->ports[k].port == d->claim.ports[i].port &&
			    info->ports[k].protocol == d->claim.ports[i].protocol)
				return false;
	return true;
}

static bool has_few_replicas(const struct demand *d, const struct node_info *info,
			     const Pb__Node *node, const struct view *v, struct arena *a)
{
	return d->max_replicas == 0 || node_tasks_of(info, d->task->service_id) < d->max_replicas;
}

static const struct {
	bool (*passes)(const struct demand *d, const struct node_info *info, const Pb__Node *node,
		       const struct view *v, struct arena *a);
	const char *one, *many; /* many: with %llu nodes */
	bool depends_on_tasks;
} filters[FILTERS] = {
	[FILTER_READY] = { is_ready, "1 node not available for new tasks",
			   "%llu nodes not available for new tasks", false },
	[FILTER_RESOURCE] = { has_resources, "insufficient resources on 1 node",
			      "insufficient resources on %llu nodes", true },
	[FILTER_PLUGIN] = { has_plugins, "missing plugin on 1 node", "missing plugin on %llu nodes",
			    false },
	[FILTER_CONSTRAINT] = { meets_constraints, "scheduling constraints not satisfied on 1 node",
				"scheduling constraints not satisfied on %llu nodes", false },
	[FILTER_PLATFORM] = { has_platform, "unsupported platform on 1 node",
			      "unsupported platform on %llu nodes", false },
	[FILTER_HOST_PORT] = { has_ports_free, "host-mode port already in use on 1 node",
			       "host-mode port already in use on %llu nodes", true },
	[FILTER_MAX_REPLICAS] = { has_few_replicas, "max replicas per node limit exceed",
				  "max replicas per node limit exceed", true },
};

enum filter filters_check(const struct demand *d, const struct node_info *info,
			  const Pb__Node *node, const struct view *v, struct arena *a)
{
	enum filter f = FILTER_READY;

	while (f < FILTERS && filters[f].passes(d, info, node, v, a))
		f++;
	return f;
}

bool filter_depends_on_tasks(enum filter f)
{
	return filters[f].depends_on_tasks;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static const char *explain_one(enum filter f, uint64_t count, struct arena *a)
{
	return count == 1 ? filters[f].one
			  : arena_printf(a, filters[f].many, (unsigned long long)count);
}
#pragma GCC diagnostic pop

const char *filters_explain(const uint64_t counts[FILTERS], struct arena *a)
{
	bool is_told[FILTERS] = { false };
	const char *text = "";

	for (int n = 0; n < FILTERS; n++) {
		int most = -1;

		for (int f = 0; f < FILTERS; f++)
			if (!is_told[f] && counts[f] > 0 && (most < 0 || counts[f] > counts[most]))
				most = f;
		if (most < 0)
			break;
		is_told[most] = true;
		text = arena_printf(a, "%s%s%s", text, text[0] ? "; " : "",
				    explain_one((enum filter)most, counts[most], a));
	}
	return text;
}
