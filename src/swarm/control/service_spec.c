/* What is wrong with a service's spec. */
#include <string.h>

#include "base/tree.h"
#include "swarm/control/inside.h"
#include "swarm/network.h"
#include "swarm/schedule/constraint.h"
#include "swarm/span.h"

#define CPU_MIN    1000000 /* a thousandth of one */
#define MEMORY_MIN (4 << 20)

/* ---- texts that may come once only ---- */

struct seen {
	struct tree_node node;
	const char *text, *by;
};

static int compare_seen(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct seen, node)->text);
}

/* NULL the first time, else what was said by then. */
static const char *see(struct tree *all, const char *text, const char *by, struct arena *a)
{
	struct seen *s = ARENA_NEW(a, struct seen), *before;

	s->text = text;
	s->by = by;
	before = tree_entry(tree_insert(all, text, &s->node), struct seen, node);
	return before ? before->by : NULL;
}

/* ---- the task ---- */

static bool resources_are_valid(const Pb__Resources *r, struct err *e)
{
	if (!r)
		return true;
	if (r->nano_cpus != 0 && r->nano_cpus < CPU_MIN)
		return fail(e, ERR_INVALID, "invalid cpu value %g: Must be at least %g",
			    (double)r->nano_cpus / 1e9, CPU_MIN / 1e9);
	if (r->memory_bytes != 0 && r->memory_bytes < MEMORY_MIN)
		return fail(e, ERR_INVALID, "invalid memory value %lld: Must be at least 4MiB",
			    (long long)r->memory_bytes);
	for (size_t i = 0; i < r->n_generic; i++) {
		const Pb__GenericResource *g = r->generic[i];

		if (g->resource_case == PB__GENERIC_RESOURCE__RESOURCE_NAMED_RESOURCE_SPEC)
			return fail(e, ERR_INVALID, "invalid argument for resource %s",
				    g->named_resource_spec->kind);
		if (g->resource_case == PB__GENERIC_RESOURCE__RESOURCE__NOT_SET)
			return fail(e, ERR_INVALID, "invalid argument for resource ");
		if (g->discrete_resource_spec->value < 0)
			return fail(e, ERR_INVALID, "invalid argument for resource %s",
				    g->discrete_resource_spec->kind);
	}
	return true;
}

static bool health_span_is_valid(const Pb__Duration *d, const char *name, struct err *e)
{
	bool is_zero = !d || (d->seconds == 0 && d->nanos == 0);

	if (is_zero ||
	    (d->seconds >= 0 && d->nanos >= 0 && (d->seconds > 0 || d->nanos >= 1000000)))
		return true;
	return fail(e, ERR_INVALID, "ContainerSpec: %s in HealthConfig cannot be less than 1ms",
		    name);
}

static bool health_is_valid(const Pb__HealthConfig *h, struct err *e)
{
	if (!h)
		return true;
	if (!health_span_is_valid(h->interval, "Interval", e) ||
	    !health_span_is_valid(h->timeout, "Timeout", e) ||
	    !health_span_is_valid(h->start_period, "StartPeriod", e) ||
	    !health_span_is_valid(h->start_interval, "StartInterval", e))
		return false;
	if (h->retries < 0)
		return fail(e, ERR_INVALID,
			    "ContainerSpec: Retries in HealthConfig cannot be negative");
	return true;
}

static bool mounts_are_valid(const Pb__ContainerSpec *spec, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	struct tree targets = TREE(compare_seen);

	for (size_t i = 0; i < spec->n_mounts; i++)
		if (see(&targets, spec->mounts[i]->target, "", &a))
			return fail(e, ERR_INVALID, "ContainerSpec: duplicate mount point: %s",
				    spec->mounts[i]->target);
	return true;
}

static bool container_is_valid(const struct control *c, const Pb__ContainerSpec *spec,
			       struct err *e)
{
	if (!spec->image[0])
		return fail(e, ERR_INVALID, "ContainerSpec: image reference must be provided");
	if (c->image_is_valid && !c->image_is_valid(spec->image))
		return fail(e, ERR_INVALID, "ContainerSpec: \"%s\" is not a valid repository/tag",
			    spec->image);
	return mounts_are_valid(spec, e) && health_is_valid(spec->healthcheck, e);
}

/* Words of letters and digits, joined by single ".", "_" or "-". */
static bool is_identifier(const char *s)
{
	bool after_word = false;

	for (; *s; s++) {
		bool is_word = (*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') ||
			       (*s >= 'A' && *s <= 'Z');

		if (!is_word && (!after_word || !strchr("._-", *s)))
			return false;
		after_word = is_word;
	}
	return after_word;
}

static bool generic_is_valid(const Pb__GenericRuntimeSpec *g, struct err *e)
{
	if (!is_identifier(g->kind) || strlen(g->kind) < 3)
		return fail(e, ERR_INVALID, "Generic runtime: Invalid name \"%s\"", g->kind);
	if (strcmp(g->kind, "container") == 0 || strcmp(g->kind, "attachment") == 0)
		return fail(e, ERR_INVALID, "Generic runtime: \"%s\" is a reserved name", g->kind);
	if (!g->payload)
		return fail(e, ERR_INVALID, "Generic runtime is missing payload");
	if (!g->payload->type_url[0])
		return fail(e, ERR_INVALID, "Generic runtime is missing payload type");
	if (g->payload->value.len == 0)
		return fail(e, ERR_INVALID, "Generic runtime has an empty payload");
	return true;
}

static bool runtime_is_valid(const struct control *c, const Pb__TaskSpec *spec, struct err *e)
{
	switch (spec->runtime_case) {
	case PB__TASK_SPEC__RUNTIME_CONTAINER:
		return container_is_valid(c, spec->container, e);
	case PB__TASK_SPEC__RUNTIME_GENERIC:
		return generic_is_valid(spec->generic, e);
	case PB__TASK_SPEC__RUNTIME_ATTACHMENT:
		return fail(e, ERR_UNSUPPORTED,
			    "RuntimeSpec: unimplemented runtime in service spec");
	default:
		return fail(e, ERR_INVALID, "TaskSpec: missing runtime");
	}
}

bool task_spec_is_valid(const struct control *c, const Pb__TaskSpec *spec, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__ResourceRequirements *r = spec->resources;
	struct constraints parsed;

	if (r && (!resources_are_valid(r->limits, e) || !resources_are_valid(r->reservations, e)))
		return false;
	if (spec->restart && span_is_negative(spec->restart->delay))
		return fail(e, ERR_INVALID, "TaskSpec: restart-delay cannot be negative");
	if (spec->restart && span_is_negative(spec->restart->window))
		return fail(e, ERR_INVALID, "TaskSpec: restart-window cannot be negative");
	if (spec->placement && !constraints_parse(&parsed, spec->placement->constraints,
						  spec->placement->n_constraints, &a, e))
		return false;
	return runtime_is_valid(c, spec, e);
}

/* ---- mode, update, endpoint ---- */

static bool is_negative(uint64_t n)
{
	return (int64_t)n < 0;
}

static bool mode_is_valid(const Pb__ServiceSpec *spec, struct err *e)
{
	switch (spec->mode_case) {
	case PB__SERVICE_SPEC__MODE_REPLICATED:
		if (is_negative(spec->replicated->replicas))
			return fail(e, ERR_INVALID, "Number of replicas must be non-negative");
		return true;
	case PB__SERVICE_SPEC__MODE_GLOBAL:
		return true;
	case PB__SERVICE_SPEC__MODE_REPLICATED_JOB:
		if (is_negative(spec->replicated_job->max_concurrent))
			return fail(e, ERR_INVALID, "Maximum concurrent jobs must not be negative");
		if (is_negative(spec->replicated_job->total_completions))
			return fail(e, ERR_INVALID, "Total completed jobs must not be negative");
		break;
	case PB__SERVICE_SPEC__MODE_GLOBAL_JOB:
		break;
	default:
		return fail(e, ERR_INVALID, "Unrecognized service mode");
	}
	if (spec->update)
		return fail(e, ERR_INVALID, "Jobs may not have an update config");
	return true;
}

static bool update_is_valid(const Pb__UpdateConfig *u, struct err *e)
{
	if (!u)
		return true;
	if (span_is_negative(u->delay))
		return fail(e, ERR_INVALID, "TaskSpec: update-delay cannot be negative");
	if (span_is_negative(u->monitor))
		return fail(e, ERR_INVALID, "TaskSpec: update-monitor cannot be negative");
	if (!(u->max_failure_ratio >= 0 && u->max_failure_ratio <= 1))
		return fail(
			e, ERR_INVALID,
			"TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1");
	return true;
}

static bool is_ingress(const Pb__PortConfig *p)
{
	return p->publish_mode == PB__PORT_CONFIG__PUBLISH_MODE__INGRESS;
}

static bool endpoint_is_valid(const Pb__EndpointSpec *spec, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	struct tree published = TREE(compare_seen);

	for (size_t i = 0; spec && i < spec->n_ports; i++) {
		const Pb__PortConfig *p = spec->ports[i];

		if (spec->mode == PB__ENDPOINT_SPEC__RESOLUTION_MODE__DNSRR && is_ingress(p))
			return fail(e, ERR_INVALID,
				    "EndpointSpec: port published with ingress mode can't be used "
				    "with dnsrr "
				    "mode");
		if (p->published_port != 0 &&
		    see(&published, arena_printf(&a, "%u/%d", p->published_port, (int)p->protocol),
			"", &a))
			return fail(e, ERR_INVALID,
				    "EndpointSpec: duplicate published ports provided");
	}
	return true;
}

/* ---- references to secrets and configs ---- */

/* One reference, whichever of the two it is. */
struct reference {
	const char *kind; /* "secret" */
	const char *id, *name;
	bool has_target;
	const Pb__FileTarget *file;
};

static bool reference_is_valid(const struct reference *r, struct tree *targets, struct arena *a,
			       struct err *e)
{
	const char *other;

	if (!r->id[0] || !r->name[0])
		return fail(e, ERR_INVALID, "malformed %s reference", r->kind);
	if (!r->has_target)
		return fail(e, ERR_INVALID, "malformed %s reference, no target provided", r->kind);
	if (!r->file)
		return true;
	if (!r->file->name[0])
		return fail(e, ERR_INVALID,
			    "malformed file %s reference, invalid target file name provided",
			    r->kind);
	other = see(targets, r->file->name, r->name, a);
	if (other)
		return fail(e, ERR_INVALID,
			    "%s references '%s' and '%s' have a conflicting target: '%s'", r->kind,
			    other, r->name, r->file->name);
	return true;
}

static struct reference secret_reference(const Pb__SecretReference *s)
{
	bool is_file = s->target_case == PB__SECRET_REFERENCE__TARGET_FILE;

	return (struct reference){ "secret", s->secret_id, s->secret_name,
				   s->target_case != PB__SECRET_REFERENCE__TARGET__NOT_SET,
				   is_file ? s->file : NULL };
}

static struct reference config_reference(const Pb__ConfigReference *r)
{
	bool is_file = r->target_case == PB__CONFIG_REFERENCE__TARGET_FILE;

	return (struct reference){ "config", r->config_id, r->config_name,
				   r->target_case != PB__CONFIG_REFERENCE__TARGET__NOT_SET,
				   is_file ? r->file : NULL };
}

static bool all_are_there(const struct control *c, const struct reference *list, size_t count,
			  enum object_kind kind, struct arena *a, struct err *e)
{
	const char *missing = "";
	size_t missing_count = 0;

	for (size_t i = 0; i < count; i++)
		if (!view_get(c->view, kind, list[i].id))
			missing = arena_printf(a, "%s%s%s", missing, missing_count++ ? ", " : "",
					       list[i].name);
	if (missing_count == 0)
		return true;
	return fail(e, ERR_INVALID, "%s%s not found: %s", object_kind_name(kind),
		    missing_count > 1 ? "s" : "", missing);
}

static bool references_are_valid(const struct control *c, const Pb__TaskSpec *task, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__ContainerSpec *spec;
	struct reference *secrets, *configs;
	struct tree secret_targets = TREE(compare_seen), config_targets = TREE(compare_seen);

	if (task->runtime_case != PB__TASK_SPEC__RUNTIME_CONTAINER)
		return true;
	spec = task->container;
	secrets = arena_alloc(&a, (spec->n_secrets + 1) * sizeof(*secrets));
	configs = arena_alloc(&a, (spec->n_configs + 1) * sizeof(*configs));
	for (size_t i = 0; i < spec->n_secrets; i++) {
		secrets[i] = secret_reference(spec->secrets[i]);
		if (!reference_is_valid(&secrets[i], &secret_targets, &a, e))
			return false;
	}
	for (size_t i = 0; i < spec->n_configs; i++) {
		configs[i] = config_reference(spec->configs[i]);
		if (!reference_is_valid(&configs[i], &config_targets, &a, e))
			return false;
	}
	return all_are_there(c, secrets, spec->n_secrets, OBJECT_SECRET, &a, e) &&
	       all_are_there(c, configs, spec->n_configs, OBJECT_CONFIG, &a, e);
}

static const char *users(const struct control *c, const char *id,
			 bool (*uses)(const Pb__ContainerSpec *spec, const char *id), size_t *count)
{
	struct objects all = view_all(c->view, OBJECT_SERVICE, c->arena);
	const char *names = "";
	const Pb__Service *s;

	*count = 0;
	objects_each (all, Pb__Service, s) {
		const Pb__TaskSpec *task = s->spec->task;

		if (task->runtime_case == PB__TASK_SPEC__RUNTIME_CONTAINER &&
		    uses(task->container, id))
			names = arena_printf(c->arena, "%s%s%s", names, (*count)++ ? ", " : "",
					     s->spec->annotations->name);
	}
	return names;
}

static bool uses_secret(const Pb__ContainerSpec *spec, const char *id)
{
	for (size_t i = 0; i < spec->n_secrets; i++)
		if (strcmp(spec->secrets[i]->secret_id, id) == 0)
			return true;
	return false;
}

static bool uses_config(const Pb__ContainerSpec *spec, const char *id)
{
	for (size_t i = 0; i < spec->n_configs; i++)
		if (strcmp(spec->configs[i]->config_id, id) == 0)
			return true;
	return false;
}

const char *users_of_secret(const struct control *c, const char *secret_id, size_t *count)
{
	return users(c, secret_id, uses_secret, count);
}

const char *users_of_config(const struct control *c, const char *config_id, size_t *count)
{
	return users(c, config_id, uses_config, count);
}

/* ---- networks and ports ---- */

static bool attachments_are_valid(const struct control *c, Pb__NetworkAttachmentConfig *const *list,
				  size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		const Pb__Network *network = view_network(c->view, list[i]->target);

		if (!network)
			continue; /* its tasks wait until it is there */
		if (network_is_ingress(network->spec))
			return fail(e, ERR_INVALID,
				    "Service cannot be explicitly attached to the ingress network "
				    "\"%s\"",
				    network->spec->annotations->name);
		if (!network_is_node_local(network->spec) && !c->overlay_is_built)
			return fail(e, ERR_UNSUPPORTED,
				    "overlay networks are not available yet; leave %s out and "
				    "publish ports "
				    "with mode=host",
				    network->spec->annotations->name);
	}
	return true;
}

static bool has_ingress_network(const struct control *c)
{
	AUTO_ARENA struct arena a = { 0 };
	struct objects all = view_all(c->view, OBJECT_NETWORK, &a);
	const Pb__Network *network;

	objects_each (all, Pb__Network, network)
		if (network_is_ingress(network->spec))
			return true;
	return false;
}

static bool has_ingress_port(const Pb__EndpointSpec *spec)
{
	for (size_t i = 0; spec && i < spec->n_ports; i++)
		if (is_ingress(spec->ports[i]))
			return true;
	return false;
}

static bool ports_conflict(const Pb__PortConfig *wanted, Pb__PortConfig *const *taken, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (taken[i]->published_port == wanted->published_port &&
		    taken[i]->protocol == wanted->protocol &&
		    (is_ingress(wanted) || is_ingress(taken[i])))
			return true;
	return false;
}

static bool ports_are_free(const struct control *c, const Pb__EndpointSpec *spec,
			   const char *service_id, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	struct objects all = { 0 };
	const Pb__Service *s;

	if (!spec || spec->n_ports == 0)
		return true;
	all = view_all(c->view, OBJECT_SERVICE, &a);
	objects_each (all, Pb__Service, s) {
		const Pb__EndpointSpec *other = s->spec->endpoint;

		if (strcmp(s->id, service_id) == 0)
			continue;
		for (size_t i = 0; i < spec->n_ports; i++) {
			const Pb__PortConfig *p = spec->ports[i];

			if (p->published_port == 0)
				continue;
			if ((other && ports_conflict(p, other->ports, other->n_ports)) ||
			    (s->endpoint &&
			     ports_conflict(p, s->endpoint->ports, s->endpoint->n_ports)))
				return fail(e, ERR_INVALID,
					    "port '%u' is already in use by service '%s' (%s) as "
					    "%s port",
					    p->published_port, s->spec->annotations->name, s->id,
					    is_ingress(p) ? "an ingress" : "a host-published");
		}
	}
	return true;
}

static bool ingress_is_possible(const struct control *c, const Pb__EndpointSpec *spec,
				struct err *e)
{
	if (!has_ingress_port(spec))
		return true;
	if (!c->overlay_is_built)
		return fail(e, ERR_UNSUPPORTED,
			    "ports published with mode=ingress are not available yet; publish them "
			    "with "
			    "mode=host");
	if (!has_ingress_network(c))
		return fail(e, ERR_IN_USE,
			    "service needs ingress network, but no ingress network is present");
	return true;
}

bool service_spec_is_valid(const struct control *c, const Pb__ServiceSpec *spec,
			   const char *service_id, struct err *e)
{
	return object_name_is_valid(spec->annotations, e) && task_spec_is_valid(c, spec->task, e) &&
	       update_is_valid(spec->update, e) && update_is_valid(spec->rollback, e) &&
	       endpoint_is_valid(spec->endpoint, e) && mode_is_valid(spec, e) &&
	       references_are_valid(c, spec->task, e) &&
	       attachments_are_valid(c, spec->task->networks, spec->task->n_networks, e) &&
	       attachments_are_valid(c, spec->networks, spec->n_networks, e) &&
	       ingress_is_possible(c, spec->endpoint, e) &&
	       ports_are_free(c, spec->endpoint, service_id, e);
}
