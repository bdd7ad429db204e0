#include "swarm/schedule/resource.h"

#include <string.h>

struct free_resources free_resources_of(const Pb__Node *node, struct arena *a)
{
	const Pb__Resources *r = node->description ? node->description->resources : NULL;
	struct free_resources free = { 0 };

	if (!r)
		return free;
	free.nano_cpus = r->nano_cpus;
	free.memory_bytes = r->memory_bytes;
	free.generic = arena_alloc(a, (r->n_generic + 1) * sizeof(*free.generic));
	for (size_t i = 0; i < r->n_generic; i++) {
		const Pb__GenericResource *g = r->generic[i];

		if (g->resource_case == PB__GENERIC_RESOURCE__RESOURCE_NAMED_RESOURCE_SPEC)
			free.generic[free.generic_count++] =
				(struct generic){ g->named_resource_spec->kind,
						  g->named_resource_spec->value, 1 };
		else if (g->resource_case == PB__GENERIC_RESOURCE__RESOURCE_DISCRETE_RESOURCE_SPEC)
			free.generic[free.generic_count++] =
				(struct generic){ g->discrete_resource_spec->kind, NULL,
						  g->discrete_resource_spec->value };
	}
	return free;
}

static int64_t left_of_kind(const struct free_resources *free, const char *kind)
{
	int64_t left = 0;

	for (size_t i = 0; i < free->generic_count; i++)
		if (strcmp(free->generic[i].kind, kind) == 0)
			left += free->generic[i].left;
	return left;
}

bool free_resources_suffice(const struct free_resources *free, const Pb__Resources *wanted)
{
	if (!wanted)
		return true;
	if ((wanted->nano_cpus > 0 && wanted->nano_cpus > free->nano_cpus) ||
	    (wanted->memory_bytes > 0 && wanted->memory_bytes > free->memory_bytes))
		return false;
	for (size_t i = 0; i < wanted->n_generic; i++) {
		const Pb__DiscreteGenericResource *d = wanted->generic[i]->discrete_resource_spec;

		if (wanted->generic[i]->resource_case !=
			    PB__GENERIC_RESOURCE__RESOURCE_DISCRETE_RESOURCE_SPEC ||
		    left_of_kind(free, d->kind) < d->value)
			return false;
	}
	return true;
}

void free_resources_take_anyway(struct free_resources *free, const Pb__Task *task)
{
	const Pb__Resources *wanted = reservations_of(task);

	if (wanted) {
		free->nano_cpus -= wanted->nano_cpus;
		free->memory_bytes -= wanted->memory_bytes;
	}
	for (size_t i = 0; i < task->n_assigned_generic_resources; i++) {
		const Pb__GenericResource *g = task->assigned_generic_resources[i];
		bool is_named =
			g->resource_case == PB__GENERIC_RESOURCE__RESOURCE_NAMED_RESOURCE_SPEC;

		if (g->resource_case == PB__GENERIC_RESOURCE__RESOURCE__NOT_SET)
			continue;
		for (size_t k = 0; k < free->generic_count; k++) {
			struct generic *have = &free->generic[k];

			if (is_named && have->name &&
			    strcmp(have->kind, g->named_resource_spec->kind) == 0 &&
			    strcmp(have->name, g->named_resource_spec->value) == 0)
				have->left = 0;
			if (!is_named && !have->name &&
			    strcmp(have->kind, g->discrete_resource_spec->kind) == 0)
				have->left -= g->discrete_resource_spec->value;
		}
	}
}

bool free_resources_take(struct free_resources *free, const Pb__Task *task)
{
	const Pb__Resources *wanted = reservations_of(task);

	/* Before it has claimed anything, what counts is whether it could. */
	if (!free_resources_suffice(free, wanted))
		return false;
	free_resources_take_anyway(free, task);
	return true;
}

static Pb__GenericResource *named(struct arena *a, const struct generic *g)
{
	Pb__GenericResource *r = PB_NEW(a, generic_resource);

	r->resource_case = PB__GENERIC_RESOURCE__RESOURCE_NAMED_RESOURCE_SPEC;
	r->named_resource_spec = PB_NEW(a, named_generic_resource);
	r->named_resource_spec->kind = arena_strdup(a, g->kind);
	r->named_resource_spec->value = arena_strdup(a, g->name);
	return r;
}

static Pb__GenericResource *discrete(struct arena *a, const char *kind, int64_t value)
{
	Pb__GenericResource *r = PB_NEW(a, generic_resource);

	r->resource_case = PB__GENERIC_RESOURCE__RESOURCE_DISCRETE_RESOURCE_SPEC;
	r->discrete_resource_spec = PB_NEW(a, discrete_generic_resource);
	r->discrete_resource_spec->kind = arena_strdup(a, kind);
	r->discrete_resource_spec->value = value;
	return r;
}

void free_resources_claim(const struct free_resources *free, Pb__Task *task, struct arena *a)
{
	const Pb__Resources *wanted = reservations_of(task);

	task->n_assigned_generic_resources = 0;
	task->assigned_generic_resources = NULL;
	for (size_t i = 0; wanted && i < wanted->n_generic; i++) {
		const Pb__DiscreteGenericResource *d = wanted->generic[i]->discrete_resource_spec;
		int64_t need = d->value;

		for (size_t k = 0; k < free->generic_count && need > 0; k++) {
			const struct generic *have = &free->generic[k];
			int64_t take;

			if (have->left <= 0 || strcmp(have->kind, d->kind) != 0)
				continue;
			take = have->left < need ? have->left : need;
			PB_APPEND(a, task, assigned_generic_resources,
				  have->name ? named(a, have) : discrete(a, have->kind, take));
			need -= take;
		}
	}
}
