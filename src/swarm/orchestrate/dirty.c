#include "swarm/orchestrate/dirty.h"

#include "swarm/schedule/constraint.h"
#include "swarm/task.h"

static bool node_fits(const Pb__Node *node, const Pb__TaskSpec *spec)
{
	AUTO_ARENA struct arena a = { 0 };
	struct constraints c;
	struct err e;

	if (!node)
		return false;
	if (!spec->placement || spec->placement->n_constraints == 0)
		return true;
	return constraints_parse(&c, spec->placement->constraints, spec->placement->n_constraints,
				 &a, &e) &&
	       constraints_match(&c, node);
}

/* The spec without its pull options. The copies share everything else. */
static Pb__TaskSpec without_pull_options(const Pb__TaskSpec *spec, Pb__ContainerSpec *container)
{
	Pb__TaskSpec plain = *spec;

	if (spec->runtime_case == PB__TASK_SPEC__RUNTIME_CONTAINER) {
		*container = *spec->container;
		container->pull_options = NULL;
		plain.container = container;
	}
	return plain;
}

static bool specs_differ(const Pb__TaskSpec *have, const Pb__TaskSpec *want)
{
	return have != want && !pb_equal(have, want);
}

bool task_is_dirty(const Pb__Service *service, const Pb__Task *task, const Pb__Node *node)
{
	const Pb__TaskSpec *want = service->spec->task;
	const Pb__EndpointSpec *endpoint = task->endpoint ? task->endpoint->spec : NULL;
	Pb__ContainerSpec have_container, want_container;
	Pb__TaskSpec have_plain, want_plain;
	bool has_its_image = task->desired_state <= PB__TASK_STATE__RUNNING &&
			     task_state(task) >= PB__TASK_STATE__READY &&
			     task_state(task) <= PB__TASK_STATE__RUNNING;

	/* Equal versions are one and the same spec. */
	if (task->spec_version && service->spec_version &&
	    task->spec_version->index == service->spec_version->index)
		return false;

	have_plain = *task->spec;
	want_plain = *want;
	if (has_its_image) {
		have_plain = without_pull_options(task->spec, &have_container);
		want_plain = without_pull_options(want, &want_container);
	}
	if (specs_differ(&have_plain, &want_plain)) {
		have_plain.placement = want_plain.placement;
		if (specs_differ(&have_plain, &want_plain) || !node_fits(node, want))
			return true;
	}
	return !pb_equal(endpoint, service->spec->endpoint);
}
