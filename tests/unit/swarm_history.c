/* Random histories: clients, failures and new leaders in any order, then calm. The laws of tasks
 * are checked at every commit (swarm_drive.h), what should be in the end here. */
#include "swarm_drive.h"

static const char *images[] = { "web", "web2", "fail:40", "done:70", "reject", "web3" };

static void random_policy(struct drive *d, Pb__ServiceSpec *spec)
{
	policy(d, spec, (Pb__RestartPolicy__RestartCondition)prng_below(&d->prng, 3),
	       (int64_t)prng_below(&d->prng, 500), prng_below(&d->prng, 4),
	       prng_chance(&d->prng, 1, 3) ? 2000 : 0);
}

static Pb__ServiceSpec *random_spec(struct drive *d, const char *name)
{
	const char *image = images[prng_below(&d->prng, ARRAY_LEN(images))];
	Pb__ServiceSpec *spec = prng_chance(&d->prng, 1, 3)
					? global(d, name, image)
					: replicated(d, name, image, prng_below(&d->prng, 12));

	if (prng_chance(&d->prng, 1, 2))
		random_policy(d, spec);
	if (prng_chance(&d->prng, 1, 2)) {
		spec->update = PB_NEW(&d->arena, update_config);
		spec->update->parallelism = prng_below(&d->prng, 4);
		spec->update->order = (Pb__UpdateConfig__UpdateOrder)prng_below(&d->prng, 2);
		spec->update->failure_action =
			(Pb__UpdateConfig__FailureAction)prng_below(&d->prng, 3);
		spec->update->monitor = span(&d->arena, 200);
	}
	return spec;
}

static const Pb__Service *random_service(struct drive *d)
{
	struct objects all = view_all(store_view(d->store), OBJECT_SERVICE, &d->arena);

	return all.count ? all.items[prng_below(&d->prng, all.count)] : NULL;
}

static void random_act(struct drive *d, int n, int nodes)
{
	const char *node =
		arena_printf(&d->arena, "worker%d", (int)prng_between(&d->prng, 1, nodes));
	const Pb__Service *s = random_service(d);
	Pb__ServiceSpec *spec;
	struct err e;

	switch (prng_below(&d->prng, 8)) {
	case 0:
		create(d, random_spec(d, arena_printf(&d->arena, "s%d", n)));
		break;
	case 1:
		if (s && prng_chance(&d->prng, 1, 2))
			remove_it(d, s->id);
		break;
	case 2:
		if (!s)
			break;
		spec = pb_dup(&d->arena, s->spec);
		spec->task->container->image =
			(char *)images[prng_below(&d->prng, ARRAY_LEN(images))];
		(void)try_update(d, s->id, spec, &e);
		break;
	case 3:
		if (!s || s->spec->mode_case != PB__SERVICE_SPEC__MODE_REPLICATED)
			break;
		scale(d, s->id, prng_below(&d->prng, 15));
		break;
	case 4:
		set_availability(d, node, (Pb__NodeSpec__Availability)prng_below(&d->prng, 3));
		break;
	case 5:
		set_node_state(d, node,
			       prng_chance(&d->prng, 1, 2) ? PB__NODE_STATUS__STATE__DOWN
							   : PB__NODE_STATUS__STATE__READY);
		break;
	case 6:
		new_leader(d);
		break;
	default:
		run(d, (int64_t)prng_below(&d->prng, 700));
		break;
	}
}

/* Every replicated service that can has its tasks, one a slot, and nothing waits for ever. */
static void check_calm(struct drive *d)
{
	struct objects all = view_all(store_view(d->store), OBJECT_SERVICE, &d->arena);
	struct objects tasks = view_all(store_view(d->store), OBJECT_TASK, &d->arena);
	const Pb__Service *s;
	const Pb__Task *task;

	objects_each (all, Pb__Service, s) {
		uint64_t wanted = s->spec->mode_case == PB__SERVICE_SPEC__MODE_REPLICATED
					  ? s->spec->replicated->replicas
					  : 0;
		const char *image = s->spec->task->container->image;
		bool is_paused =
			s->update_status &&
			(s->update_status->state == PB__UPDATE_STATUS__UPDATE_STATE__PAUSED ||
			 s->update_status->state ==
				 PB__UPDATE_STATUS__UPDATE_STATE__ROLLBACK_PAUSED);
		int limit = 5;

		if (s->spec->task->restart && s->spec->task->restart->max_attempts > 0)
			limit = (int)s->spec->task->restart->max_attempts + 1;
		if (s->spec->mode_case == PB__SERVICE_SPEC__MODE_REPLICATED)
			CHECK(count_tasks(d, s->id) <= (int)wanted * (limit + 1));
		if (strncmp(image, "web", 3) != 0 || is_paused)
			continue;
		/* A policy that gave up while another image failed keeps its slots as they are. */
		if (s->spec->task->restart && (s->spec->task->restart->max_attempts > 0 ||
					       s->spec->task->restart->condition !=
						       PB__RESTART_POLICY__RESTART_CONDITION__ANY))
			continue;
		if (s->spec->mode_case == PB__SERVICE_SPEC__MODE_REPLICATED)
			CHECK_INT(running(d, s->id), wanted);
		else
			CHECK_INT(running(d, s->id), 4);
	}
	objects_each (tasks, Pb__Task, task)
		CHECK(view_service(store_view(d->store), task->service_id));
}

static void history(uint64_t seed)
{
	struct drive *d = drive_new(seed);
	int nodes = 4;

	add_workers(d, nodes);
	for (int i = 0; i < 60; i++)
		random_act(d, i, nodes);
	for (int i = 1; i <= nodes; i++) {
		const char *id = arena_printf(&d->arena, "worker%d", i);

		set_node_state(d, id, PB__NODE_STATUS__STATE__READY);
		set_availability(d, id, PB__NODE_SPEC__AVAILABILITY__ACTIVE);
	}
	run(d, 120000);
	check_calm(d);
	drive_free(d);
}

TEST(any_history_ends_with_what_was_asked_for)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		printf("  seed %llu\n", (unsigned long long)seed);
		history(seed);
	}
}

TEST(a_seed_is_one_history)
{
	struct pb_digest digests[2];

	for (int i = 0; i < 2; i++) {
		struct drive *d = drive_new(7);

		add_workers(d, 4);
		for (int n = 0; n < 60; n++)
			random_act(d, n, 4);
		digests[i] = store_digest(d->store);
		drive_free(d);
	}
	CHECK(pb_digest_compare(digests[0], digests[1]) == 0);
}

TEST_MAIN()
