/* The engine alone, killed at every seam call in turn and started again; and with every seam call
 * failing in turn. Afterwards its records and the machine must agree, and what was acknowledged
 * must have lasted. */
#include "engine_bench.h"

#define SEEDS 4

static struct bench b;
static struct bench_order o; /* a crash may leave it filled until the next one */

static void order(const char *name, const char *program)
{
	arena_clear(&o.memory);
	bench_order(&o, name, program);
}

/* What the story so far has been promised. */
enum promise { NOTHING, EXISTS, RUNS, STOPPED, GONE };

static struct {
	const char *name;
	enum promise promise;
} promises[] = { { "plain" }, { "rich" }, { "named" }, { "again" } };

static void promise(const char *name, enum promise what, const struct bench_answer *a)
{
	for (size_t i = 0; i < ARRAY_LEN(promises); i++)
		if (strcmp(promises[i].name, name) == 0)
			promises[i].promise = a && a->kind == ENGINE_DONE ? what : NOTHING;
}

/* From the moment something else is asked, the last promise no longer holds. */
#define STEP(name, what, verb, ...)                                                                \
	do {                                                                                       \
		if (b.machine.is_crashed)                                                          \
			return;                                                                    \
		promise(name, NOTHING, NULL);                                                      \
		const struct bench_answer *_a = BENCH_ASK(&b, verb, ##__VA_ARGS__);                \
		promise(name, what, _a);                                                           \
	} while (0)

static void create_rich(void)
{
	Pb__PortBinding *port;

	order("rich", "top");
	port = PB_NEW(&o.memory, port_binding);
	port->port = "80/tcp";
	port->host_port = "8080";
	PB_APPEND(&o.memory, o.host, port_bindings, port);
	PB_APPEND(&o.memory, o.host, binds, "data:/data");
	PB_APPEND(&o.memory, o.config, volumes, "/anonymous");
	STEP("rich", EXISTS, engine_container_create, &o.create);
}

static void create_named(void)
{
	order("named", "top");
	o.host->network_mode = "mine";
	STEP("named", EXISTS, engine_container_create, &o.create);
}

static void create_again(void)
{
	order("again", "false");
	o.host->restart_policy->name = "on-failure";
	o.host->restart_policy->maximum_retry_count = 2;
	STEP("again", EXISTS, engine_container_create, &o.create);
}

static void tell_story(void)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__LocalNetwork *mine = PB_NEW(&a, local_network);
	Pb__Exec *exec = PB_NEW(&a, exec);
	struct engine_pull pull = { .image = "busybox", .tag = "" };
	const struct bench_answer *x;

	mine->name = "mine";
	PB_APPEND(&a, exec, cmd, "healthy");

	STEP("", NOTHING, engine_image_pull, &pull);
	order("plain", "top");
	STEP("plain", EXISTS, engine_container_create, &o.create);
	STEP("plain", RUNS, engine_container_start, "plain");
	create_rich();
	STEP("rich", RUNS, engine_container_start, "rich");
	STEP("", NOTHING, engine_network_create, mine);
	create_named();
	STEP("named", RUNS, engine_container_start, "named");
	if (b.machine.is_crashed)
		return;
	x = BENCH_ASK(&b, engine_exec_create, "named", exec);
	if (x && x->kind == ENGINE_DONE) {
		char id[80];

		snprintf(id, sizeof(id), "%s", x->id);
		STEP("", NOTHING, engine_exec_start, id, NULL, false, 0, 0);
	}
	create_again();
	STEP("", NOTHING, engine_container_start, "again");
	if (b.machine.is_crashed)
		return;
	bench_run(&b, 2000);
	STEP("rich", STOPPED, engine_container_stop, "rich", "", 5);
	STEP("rich", RUNS, engine_container_restart, "rich", "", 5);
	STEP("named", STOPPED, engine_container_kill, "named", "");
	STEP("plain", GONE, engine_container_remove, "plain",
	     ((struct engine_remove){ .force = true }));
	STEP("", NOTHING, engine_container_export, "named");
	STEP("named", GONE, engine_container_remove, "named",
	     ((struct engine_remove){ .volumes = true }));
	STEP("", NOTHING, engine_network_remove, "mine");
	STEP("", NOTHING, engine_image_tag, "busybox", "other", "1");
	STEP("", NOTHING, engine_image_remove, "busybox", false);
}

/* --- agreement --- */

static size_t count_records(const char *table)
{
	struct machine_record *r;
	size_t count = 0;

	tree_each (&b.machine.records, struct machine_record, node, r)
		count += strncmp(r->key, table, strlen(table)) == 0;
	return count;
}

static void check_containers(void)
{
	size_t count = 0, sandboxes = 0;

	for (const Pb__Container *c = engine_container_first(b.engine); c;
	     c = engine_container_next(b.engine, c)) {
		struct machine_container *m = machine_container(&b.machine, c->id);
		bool runs = c->state == PB__CONTAINER__STATE__RUNNING ||
			    c->state == PB__CONTAINER__STATE__PAUSED;

		count++;
		sandboxes += runs;
		CHECK(m && m->has_layer);
		CHECK_INT(m->is_running, runs);
		CHECK(!runs || m->pid == c->pid);
		CHECK(runs || !m->is_mounted);
		CHECK(!runs || c->endpoints[0]->ip_address[0]);
		CHECK(runs || !c->endpoints[0]->ip_address[0]);
	}
	CHECK_INT(b.machine.containers.count, count);
	CHECK_INT(b.machine.sandboxes.count, sandboxes);
	CHECK_INT(count_records("engine.containers"), count);
}

static void check_others(void)
{
	size_t volumes = 0, networks = 0, images = 0;

	for (const Pb__LocalVolume *v = engine_volume_first(b.engine); v;
	     v = engine_volume_next(b.engine, v))
		volumes++;
	for (const Pb__LocalNetwork *n = engine_network_first(b.engine); n;
	     n = engine_network_next(b.engine, n))
		networks++;
	for (const Pb__LocalImage *i = engine_image_first(b.engine); i;
	     i = engine_image_next(b.engine, i))
		images++;
	CHECK_INT(count_records("engine.volumes"), volumes);
	CHECK_INT(count_records("engine.networks"), networks);
	CHECK_INT(count_records("engine.images"), images);
	CHECK_INT(b.machine.images.count, images);
	CHECK_INT(b.machine.bridges.count, networks - 2); /* all but host and none */
}

static void check_promises(void)
{
	for (size_t i = 0; i < ARRAY_LEN(promises); i++) {
		const char *state = bench_state(&b, promises[i].name);

		if (promises[i].promise == EXISTS)
			CHECK(strcmp(state, "gone") != 0);
		else if (promises[i].promise == RUNS)
			CHECK_STR(state, "running");
		else if (promises[i].promise == STOPPED)
			CHECK_STR(state, "exited");
		else if (promises[i].promise == GONE)
			CHECK_STR(state, "gone");
	}
}

static void remove_all(void)
{
	const Pb__Container *c;

	while ((c = engine_container_first(b.engine)) != NULL) {
		char id[80];

		snprintf(id, sizeof(id), "%s", c->id);
		CHECK(BENCH_ASK(&b, engine_container_remove, id,
				((struct engine_remove){ .force = true, .volumes = true }))
			      ->kind == ENGINE_DONE);
	}
	CHECK_INT(b.machine.containers.count, 0);
	CHECK_INT(b.machine.sandboxes.count, 0);
}

static void open_story(uint64_t seed)
{
	for (size_t i = 0; i < ARRAY_LEN(promises); i++)
		promises[i].promise = NOTHING;
	arena_clear(&o.memory);
	bench_open(&b, seed);
}

static void close_story(void)
{
	arena_clear(&o.memory);
	bench_close(&b);
}

/* Every request was answered, once. */
static void check_answers(void)
{
	for (uint64_t t = 1000001; t <= 1000000 + b.asks; t++) {
		size_t count = 0;

		for (size_t i = 0; i < b.answer_count; i++)
			count += b.answers[i].ticket == t && b.answers[i].is_last;
		CHECK_INT(count, 1);
	}
}

static uint64_t calls_of_story(uint64_t seed)
{
	uint64_t calls;

	open_story(seed);
	tell_story();
	bench_run(&b, 60000);
	check_containers();
	check_others();
	check_promises();
	check_answers();
	CHECK_STR(b.machine.violation, "");
	CHECK_STR(bench_state(&b, "rich"), "running");
	calls = b.machine.calls;
	remove_all();
	close_story();
	return calls;
}

TEST(nothing_goes_wrong_when_nothing_fails)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		CHECK(calls_of_story(seed) > 100);
}

/* Tell the story until the daemon dies at moment n; false when the story is over before. */
static bool die_at(uint64_t seed, uint64_t n)
{
	open_story(seed);
	b.machine.crash_at = b.machine.calls + n;
	tell_story();
	if (!b.machine.is_crashed)
		bench_run(&b, 60000);
	return b.machine.is_crashed;
}

static void check_all(void)
{
	bench_run(&b, 60000);
	check_containers();
	check_others();
	check_promises();
	CHECK_STR(b.machine.violation, "");
}

TEST(records_and_machine_agree_after_a_crash_at_any_moment)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		bool died = true;

		for (uint64_t n = 1; died; n++) {
			died = die_at(seed, n);
			if (getenv("BENCH_LOG"))
				printf("  seed %llu, crash at %llu\n", (unsigned long long)seed,
				       (unsigned long long)n);
			bench_crash(&b);
			check_all();
			remove_all();
			close_story();
		}
	}
}

TEST(a_second_crash_while_recovering_from_the_first_is_no_worse)
{
	bool died = true;

	for (uint64_t n = 1; died; n += 5) {
		for (uint64_t again = 1; again <= 30; again += 2) {
			died = die_at(5, n);
			engine_free(b.engine);
			machine_crash(&b.machine);
			inbox_empty(&b.inbox);
			b.machine.crash_at = b.machine.calls + again;
			bench_start(&b);
			(void)bench_settle(&b);
			bench_crash(&b);
			check_all();
			close_story();
		}
	}
}

TEST(a_failure_of_any_seam_call_is_answered_and_leaves_no_disagreement)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		uint64_t calls = calls_of_story(seed);

		for (uint64_t n = 20; n <= calls; n++) {
			open_story(seed);
			b.machine.fail_at = n;
			if (getenv("BENCH_LOG"))
				printf("  failure of call %llu\n", (unsigned long long)n);
			tell_story();
			bench_run(&b, 60000);
			check_answers();
			CHECK_STR(b.machine.violation, "");
			/* What could not be undone then is undone by the next start. */
			b.machine.fail_at = 0;
			bench_crash(&b);
			bench_run(&b, 60000);
			check_containers();
			check_others();
			CHECK_STR(b.machine.violation, "");
			remove_all();
			close_story();
		}
	}
}

TEST_MAIN()
