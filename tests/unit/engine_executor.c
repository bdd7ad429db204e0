#include "engine/expand.h"
#include "engine_bench.h"

#include "pb/map.h"

static struct bench b;
static struct executor seam;
static struct arena a;

static bool have_secret(void *self, const char *task, const char *id, struct engine_payload *p)
{
	*p = (struct engine_payload){ STR("s3cret"), "" };
	return strcmp(id, "here") == 0;
}

static bool have_config(void *self, const char *task, const char *id, struct engine_payload *p)
{
	*p = (struct engine_payload){ str_of(id), "golang" };
	return true;
}

static void begin(void)
{
	bench_open(&b, 1);
	engine_executor(b.engine, &seam);
	engine_set_secrets(b.engine, (struct engine_secret_source){ .secret = have_secret,
								    .config = have_config });
	engine_set_node(b.engine, &(struct engine_node){ "n1", "host1", "x86_64", "linux" });
	arena_clear(&a);
}

static Pb__Task *make_task(const char *id, const char *program)
{
	Pb__Task *t = PB_NEW(&a, task);

	t->id = (char *)id;
	t->service_id = "svc";
	t->node_id = "node";
	t->slot = 2;
	t->service_annotations->name = "web";
	t->spec->runtime_case = PB__TASK_SPEC__RUNTIME_CONTAINER;
	t->spec->container = PB_NEW(&a, container_spec);
	t->spec->container->image = "nginx";
	PB_APPEND(&a, t->spec->container, args, (char *)program);
	return t;
}

static void prepare(const Pb__Task *t)
{
	seam.prepare(seam.self, 1, t);
	(void)bench_settle(&b);
}

static const char *told(void)
{
	static char text[8192];

	(void)bench_settle(&b);
	snprintf(text, sizeof(text), "%s", b.tasks);
	b.tasks[0] = '\0';
	return text;
}

TEST(a_task_becomes_a_container_runs_and_goes)
{
	const Pb__Container *c;

	begin();
	prepare(make_task("t1", "top"));
	CHECK_STR(told(), "1 done t1;");
	c = bench_find(&b, "web.2.t1");
	CHECK(c);
	CHECK_STR(PB_MAP_GET(c->config, labels, "com.docker.swarm.task.id"), "t1");
	CHECK_STR(PB_MAP_GET(c->config, labels, "com.docker.swarm.service.name"), "web");
	CHECK_STR(PB_MAP_GET(c->config, labels, "com.docker.swarm.task"), "");
	seam.start(seam.self, 2, "t1");
	CHECK_STR(told(), "2 done t1;");
	seam.stop(seam.self, 3, "t1");
	CHECK_STR(told(), "0 exited t1 143;3 done t1;");
	seam.remove(seam.self, 4, "t1");
	CHECK_STR(told(), "4 done t1;");
	CHECK(!engine_container_first(b.engine));
	/* The API heard nothing of it. */
	CHECK_INT(b.answer_count, 0);
	bench_close(&b);
}

TEST(an_end_of_its_own_is_told_once)
{
	begin();
	prepare(make_task("t1", "exit:9"));
	(void)told();
	seam.start(seam.self, 2, "t1");
	CHECK_STR(told(), "2 done t1;0 exited t1 9;");
	bench_run(&b, 60000);
	CHECK_STR(told(), "");
	bench_close(&b);
}

TEST(an_image_that_cannot_be_had_fails_the_task)
{
	Pb__Task *t;

	begin();
	t = make_task("t1", "top");
	t->spec->container->image = "nosuch:1";
	prepare(t);
	CHECK_STR(told(), "1 failed t1: No such image: nosuch:1: manifest unknown;");
	bench_close(&b);
}

TEST(an_image_that_is_here_is_good_enough_when_the_registry_is_not)
{
	begin();
	(void)bench_pull(&b, "nginx");
	b.machine.pulls_fail = true;
	prepare(make_task("t1", "top"));
	CHECK_STR(told(), "1 done t1;");
	bench_close(&b);
}

TEST(started_means_healthy_when_there_is_a_check)
{
	Pb__Task *t;
	const char *const programs[] = { "healthy", "sick" };
	const char *const outcomes[] = { "2 done t1;",
					 "2 failed t1: dockerexec: unhealthy container;" };

	for (int i = 0; i < 2; i++) {
		begin();
		t = make_task("t1", "top");
		t->spec->container->healthcheck = PB_NEW(&a, health_config);
		PB_APPEND(&a, t->spec->container->healthcheck, test, "CMD");
		PB_APPEND(&a, t->spec->container->healthcheck, test, (char *)programs[i]);
		t->spec->container->healthcheck->interval = PB_NEW(&a, duration);
		t->spec->container->healthcheck->interval->seconds = 1;
		t->spec->container->healthcheck->retries = 2;
		prepare(t);
		(void)told();
		seam.start(seam.self, 2, "t1");
		CHECK_STR(told(), "");
		bench_run(&b, 3000);
		CHECK_STR(told(), outcomes[i]);
		bench_close(&b);
	}
}

TEST(a_task_that_becomes_unhealthy_is_stopped_and_has_failed)
{
	Pb__Task *t;

	begin();
	t = make_task("t1", "top");
	t->spec->container->healthcheck = PB_NEW(&a, health_config);
	PB_APPEND(&a, t->spec->container->healthcheck, test, "CMD");
	PB_APPEND(&a, t->spec->container->healthcheck, test, "healthy");
	t->spec->container->healthcheck->interval = PB_NEW(&a, duration);
	t->spec->container->healthcheck->interval->seconds = 1;
	t->spec->container->healthcheck->retries = 2;
	prepare(t);
	(void)told();
	seam.start(seam.self, 2, "t1");
	bench_run(&b, 3000);
	CHECK_STR(told(), "2 done t1;");

	b.machine.execs_fail = true;
	bench_run(&b, 10000);
	CHECK_STR(told(), "0 exited t1 143: dockerexec: unhealthy container;");

	seam.stop(seam.self, 3, "t1");
	CHECK_STR(told(), "3 done t1;");
	bench_close(&b);
}

TEST(host_ports_are_reported_as_bound)
{
	Pb__PortConfig *p;
	Pb__Task *t;

	begin();
	t = make_task("t1", "top");
	t->endpoint = PB_NEW(&a, endpoint);
	p = PB_NEW(&a, port_config);
	p->target_port = 80;
	p->publish_mode = PB__PORT_CONFIG__PUBLISH_MODE__HOST;
	PB_APPEND(&a, t->endpoint, ports, p);
	prepare(t);
	(void)told();
	seam.start(seam.self, 2, "t1");
	CHECK_STR(told(), "2 done t1 32768->80;");
	bench_close(&b);
}

TEST(secrets_are_files_and_a_missing_one_is_worth_waiting_for)
{
	Pb__SecretReference *r;
	Pb__Task *t;

	begin();
	t = make_task("t1", "top");
	r = PB_NEW(&a, secret_reference);
	r->secret_id = "here";
	r->secret_name = "pass";
	r->target_case = PB__SECRET_REFERENCE__TARGET_FILE;
	r->file = PB_NEW(&a, file_target);
	r->file->name = "pass";
	r->file->mode = 0400;
	PB_APPEND(&a, t->spec->container, secrets, r);
	prepare(t);
	CHECK_STR(told(), "1 done t1;");
	seam.start(seam.self, 2, "t1");
	(void)told();
	CHECK(strstr(b.machine.last_config, "\"destination\":\"/run/secrets/pass\""));
	CHECK(!strstr(b.machine.last_config, "s3cret"));

	t = make_task("t2", "top");
	PB_APPEND(&a, t->spec->container, secrets, r);
	r->secret_id = "elsewhere";
	prepare(t);
	CHECK_STR(told(), "1 failed t2: secret pass is not available;");
	bench_close(&b);
}

TEST(templates_of_a_task_are_expanded)
{
	Pb__Task *t;
	const Pb__Container *c;

	begin();
	t = make_task("t1", "top");
	PB_MAP_SET(&a, t->service_annotations, labels, "tier", "front");
	t->spec->container->hostname = "h{{.Task.Slot}}";
	PB_APPEND(&a, t->spec->container, env,
		  "WHO={{.Service.Name}}.{{.Task.Slot}}@{{.Node.Hostname}}");
	PB_APPEND(&a, t->spec->container, env,
		  "WHAT={{index .Service.Labels \"tier\"}} {{.Node.Platform.OS}} {{.Task.Name}}");
	PB_APPEND(&a, t->spec->container, env, "PLAIN={}}");
	prepare(t);
	CHECK_STR(told(), "1 done t1;");
	c = bench_find(&b, "web.2.t1");
	CHECK_STR(c->config->hostname, "h2");
	CHECK_STR(c->config->env[0], "WHO=web.2@host1");
	CHECK_STR(c->config->env[1], "WHAT=front linux web.2.t1");
	CHECK_STR(c->config->env[2], "PLAIN={}}");

	t = make_task("t2", "top");
	PB_APPEND(&a, t->spec->container, env, "A={{.Node.Nothing}}");
	prepare(t);
	CHECK_STR(
		told(),
		"1 failed t2: expanding env failed: template: there is no field \"Nothing\" here;");
	bench_close(&b);
}

/* In this test the id of a config is its data. */
TEST(templates_in_configs_may_ask_for_secrets_and_environment)
{
	struct engine_payload p = { STR("{{.Node.ID}} {{secret \"pass\"}} {{env \"A\"}}"),
				    "golang" };
	struct engine_secret_source source = { .secret = have_secret, .config = have_config };
	struct engine_node node = { "n1", "host1", "x86_64", "linux" };
	Pb__SecretReference *r;
	struct str out;
	struct err e;
	Pb__Task *t;

	begin();
	t = make_task("t1", "top");
	r = PB_NEW(&a, secret_reference);
	r->secret_id = "here";
	r->target_case = PB__SECRET_REFERENCE__TARGET_FILE;
	r->file = PB_NEW(&a, file_target);
	r->file->name = "pass";
	PB_APPEND(&a, t->spec->container, secrets, r);
	PB_APPEND(&a, t->spec->container, env, "A=b=c");

	CHECK(expand_payload(&a, t, &node, source, &p, &out, &e));
	CHECK(str_equal(out, STR("n1 s3cret b=c")));
	p.data = STR("{{secret \"other\"}}");
	CHECK(!expand_payload(&a, t, &node, source, &p, &out, &e));
	p.templating = "";
	CHECK(expand_payload(&a, t, &node, source, &p, &out, &e) && str_equal(out, p.data));
	p.templating = "jinja";
	CHECK(!expand_payload(&a, t, &node, source, &p, &out, &e));
	CHECK_STR(e.text, "unrecognized template type");
	bench_close(&b);
}

TEST(overlay_networks_are_refused_in_words)
{
	Pb__NetworkAttachment *n;
	Pb__Task *t;

	begin();
	t = make_task("t1", "top");
	n = PB_NEW(&a, network_attachment);
	n->network = PB_NEW(&a, network);
	n->network->spec->annotations->name = "ov";
	PB_APPEND(&a, t, networks, n);
	prepare(t);
	CHECK_STR(told(), "1 failed t1: network ov: overlay networks are not supported; use a "
			  "network of the node;");
	bench_close(&b);
}

TEST(removal_breaks_off_what_is_under_way)
{
	begin();
	seam.prepare(seam.self, 1, make_task("t1", "top"));
	(void)engine_turn(b.engine, b.now);
	seam.remove(seam.self, 2, "t1");
	CHECK_STR(told(), "2 done t1;");
	CHECK(!engine_container_first(b.engine));

	prepare(make_task("t2", "top"));
	(void)told();
	seam.start(seam.self, 3, "t2");
	(void)engine_turn(b.engine, b.now);
	seam.remove(seam.self, 4, "t2");
	CHECK(strstr(told(), "4 done t2;"));
	CHECK(!engine_container_first(b.engine));
	bench_close(&b);
}

TEST(after_a_restart_the_list_tells_what_there_is)
{
	begin();
	prepare(make_task("t1", "top"));
	prepare(make_task("t2", "top"));
	(void)told();
	seam.start(seam.self, 2, "t1");
	(void)told();
	bench_crash(&b);
	engine_executor(b.engine, &seam);
	seam.list(seam.self, 9);
	CHECK_STR(told(), "9 listed t1 running;9 listed t2;9 end ;");
	machine_end(&b.machine, bench_find(&b, "web.2.t1")->id, 4);
	CHECK_STR(told(), "0 exited t1 4;");
	bench_close(&b);
	arena_clear(&a);
}

TEST_MAIN()
