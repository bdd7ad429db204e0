#include "engine_bench.h"

static struct bench b;

static void begin(void)
{
	bench_open(&b, 1);
	(void)bench_pull(&b, "withvolume");
}

static const struct bench_answer *create_volume(const char *name)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__LocalVolume *v = PB_NEW(&a, local_volume);

	v->name = (char *)name;
	return BENCH_ASK(&b, engine_volume_create, v);
}

static void create_with(const char *name, const char *bind)
{
	struct bench_order o;

	bench_order(&o, name, "top");
	o.config->image = "withvolume";
	if (bind)
		PB_APPEND(&o.memory, o.host, binds, (char *)bind);
	(void)bench_create_order(&b, &o);
}

static size_t count_volumes(void)
{
	size_t count = 0;

	for (const Pb__LocalVolume *v = engine_volume_first(b.engine); v;
	     v = engine_volume_next(b.engine, v))
		count++;
	return count;
}

TEST(a_volume_is_made_found_and_removed)
{
	struct err err;

	begin();
	CHECK_STR(create_volume("data")->id, "data");
	CHECK_STR(create_volume("data")->id, "data");
	CHECK_INT(b.machine.volumes.count, 1);
	CHECK(engine_volume_find(b.engine, "data", &err));
	CHECK(BENCH_ASK(&b, engine_volume_remove, "data", false)->kind == ENGINE_DONE);
	CHECK(!engine_volume_find(b.engine, "data", &err));
	CHECK_STR(err.text, "get data: no such volume");
	CHECK_INT(BENCH_ASK(&b, engine_volume_remove, "data", false)->err_kind, ERR_NOT_FOUND);
	CHECK(BENCH_ASK(&b, engine_volume_remove, "data", true)->kind == ENGINE_DONE);
	CHECK(strstr(create_volume("a/b")->text,
		     "includes invalid characters for a local volume name"));
	bench_close(&b);
}

TEST(the_images_volume_is_anonymous_and_goes_with_its_container)
{
	const Pb__MountPoint *m;

	begin();
	create_with("c1", NULL);
	m = bench_find(&b, "c1")->mounts[0];
	CHECK_STR(m->destination, "/data");
	CHECK_INT(strlen(m->name), 64);
	CHECK(strstr(m->source, "/data/volumes/"));
	CHECK_INT(b.machine.volumes.count, 1);
	(void)BENCH_ASK(&b, engine_container_remove, "c1",
			((struct engine_remove){ .volumes = true }));
	CHECK_INT(count_volumes(), 0);
	CHECK_INT(b.machine.volumes.count, 0);
	bench_close(&b);
}

TEST(a_named_volume_stays_when_its_container_goes)
{
	const struct bench_answer *a;
	char want[256];

	begin();
	create_with("c1", "data:/data");
	CHECK_INT(count_volumes(), 1);
	a = BENCH_ASK(&b, engine_volume_remove, "data", false);
	snprintf(want, sizeof(want), "remove data: volume is in use - [%s]",
		 bench_find(&b, "c1")->id);
	CHECK_STR(a->text, want);
	CHECK_INT(a->err_kind, ERR_CONFLICT);
	(void)BENCH_ASK(&b, engine_container_remove, "c1",
			((struct engine_remove){ .volumes = true }));
	CHECK_INT(count_volumes(), 1);
	bench_close(&b);
}

TEST(prune_spares_named_volumes_unless_told)
{
	begin();
	create_with("c1", NULL);
	(void)create_volume("named");
	(void)BENCH_ASK(&b, engine_container_remove, "c1", ((struct engine_remove){ 0 }));
	CHECK_INT(count_volumes(), 2);
	CHECK_INT(BENCH_ASK(&b, engine_volumes_prune, false, ((struct engine_filter){ 0 }))
			  ->line_count,
		  1);
	CHECK_INT(count_volumes(), 1);
	CHECK_STR(BENCH_ASK(&b, engine_volumes_prune, true, ((struct engine_filter){ 0 }))->lines,
		  "named;");
	CHECK_INT(b.machine.volumes.count, 0);
	bench_close(&b);
}

TEST(volumes_come_from_another_container)
{
	struct bench_order o;

	begin();
	create_with("c1", "data:/data");
	bench_order(&o, "c2", "top");
	o.config->image = "withvolume";
	PB_APPEND(&o.memory, o.host, volumes_from, "c1:ro");
	(void)bench_create_order(&b, &o);
	CHECK_STR(bench_find(&b, "c2")->mounts[0]->name, "data");
	CHECK(!bench_find(&b, "c2")->mounts[0]->rw);
	bench_close(&b);
}

TEST_MAIN()
