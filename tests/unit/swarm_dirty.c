#include "swarm/orchestrate/dirty.h"
#include "swarm/orchestrate/update_policy.h"

#include "swarm/span.h"
#include "test.h"

struct pair {
	Pb__Service *service;
	Pb__Task *task;
	Pb__Node *node;
};

static Pb__Version *version(struct arena *a, uint64_t index)
{
	Pb__Version *v = PB_NEW(a, version);

	v->index = index;
	return v;
}

/* A service of version 2 and a running task of version 1, with equal specs. */
static struct pair pair_in(struct arena *a)
{
	struct pair p = { PB_NEW(a, service), PB_NEW(a, task), PB_NEW(a, node) };
	Pb__TaskSpec *spec = p.service->spec->task;

	spec->runtime_case = PB__TASK_SPEC__RUNTIME_CONTAINER;
	spec->container = PB_NEW(a, container_spec);
	spec->container->image = "web";
	p.service->spec_version = version(a, 2);
	p.task->spec = pb_dup(a, spec);
	p.task->spec_version = version(a, 1);
	p.task->endpoint = PB_NEW(a, endpoint);
	p.task->desired_state = PB__TASK_STATE__RUNNING;
	p.task->status->state = PB__TASK_STATE__RUNNING;
	return p;
}

TEST(equal_specs_are_clean_whatever_their_versions)
{
	AUTO_ARENA struct arena a = { 0 };
	struct pair p = pair_in(&a);

	CHECK(!task_is_dirty(p.service, p.task, p.node));
	p.service->spec->task->force_update = 1;
	CHECK(task_is_dirty(p.service, p.task, p.node));
}

TEST(equal_versions_are_clean_whatever_the_specs)
{
	AUTO_ARENA struct arena a = { 0 };
	struct pair p = pair_in(&a);

	p.service->spec->task->force_update = 1;
	p.task->spec_version->index = 2;
	CHECK(!task_is_dirty(p.service, p.task, p.node));
}

TEST(absent_and_empty_parts_of_a_spec_differ)
{
	AUTO_ARENA struct arena a = { 0 };
	struct pair p = pair_in(&a);

	p.service->spec->task->resources = PB_NEW(&a, resource_requirements);
	CHECK(task_is_dirty(p.service, p.task, p.node));
}

TEST(another_endpoint_is_dirty)
{
	AUTO_ARENA struct arena a = { 0 };
	struct pair p = pair_in(&a);

	p.service->spec->endpoint = PB_NEW(&a, endpoint_spec);
	CHECK(task_is_dirty(p.service, p.task, p.node));
	p.task->endpoint->spec = PB_NEW(&a, endpoint_spec);
	CHECK(!task_is_dirty(p.service, p.task, p.node));
}

TEST(another_placement_is_clean_where_the_node_fits)
{
	AUTO_ARENA struct arena a = { 0 };
	struct pair p = pair_in(&a);

	p.service->spec->task->placement = PB_NEW(&a, placement);
	PB_APPEND(&a, p.service->spec->task->placement, constraints, "node.role == worker");
	CHECK(!task_is_dirty(p.service, p.task, p.node));
	p.node->role = PB__NODE_ROLE__MANAGER;
	CHECK(task_is_dirty(p.service, p.task, p.node));
	CHECK(task_is_dirty(p.service, p.task, NULL));
	p.node->role = PB__NODE_ROLE__WORKER;
	p.service->spec->task->force_update = 1;
	CHECK(task_is_dirty(p.service, p.task, p.node));
}

TEST(credentials_matter_only_until_the_image_is_there)
{
	AUTO_ARENA struct arena a = { 0 };
	struct pair p = pair_in(&a);
	Pb__ContainerSpec *container = p.service->spec->task->container;

	container->pull_options = pb_new(&a, &pb__container_spec__pull_options__descriptor);
	container->pull_options->registry_auth = "secret";
	CHECK(!task_is_dirty(p.service, p.task, p.node));
	p.task->status->state = PB__TASK_STATE__PREPARING;
	CHECK(task_is_dirty(p.service, p.task, p.node));
}

/* ---- the numbers of an update ---- */

TEST(an_update_config_that_is_not_there_has_the_defaults)
{
	struct update_policy p = update_policy_of(NULL);

	CHECK_INT(p.parallelism, 1);
	CHECK_INT(p.delay_ms, 0);
	CHECK_INT(p.monitor_ms, 5000);
	CHECK_INT(p.action, PB__UPDATE_CONFIG__FAILURE_ACTION__PAUSE);
	CHECK(!p.starts_first);
	CHECK(update_has_failed(&p, 1, 1000000));
	CHECK(!update_has_failed(&p, 0, 1));
}

TEST(a_delay_beyond_the_monitored_time_prolongs_it)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__UpdateConfig *config = PB_NEW(&a, update_config);

	config->delay = span(&a, 10000);
	CHECK_INT(update_policy_of(config).monitor_ms, 11000);
	config->monitor = span(&a, 20000);
	CHECK_INT(update_policy_of(config).monitor_ms, 20000);
}

TEST(a_ratio_of_failures_is_allowed)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__UpdateConfig *config = PB_NEW(&a, update_config);
	struct update_policy p;

	config->max_failure_ratio = 0.1f;
	p = update_policy_of(config);
	CHECK(!update_has_failed(&p, 1, 10));
	CHECK(update_has_failed(&p, 2, 10));
	CHECK(update_has_failed(&p, 1, 9));
}

TEST_MAIN()
