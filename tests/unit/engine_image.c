#include "engine_bench.h"

static struct bench b;

static const Pb__LocalImage *find(const char *ref)
{
	struct err err;

	return engine_image_find(b.engine, ref, &err);
}

TEST(a_pull_tells_its_progress_and_gives_a_name_and_a_digest)
{
	const Pb__LocalImage *i;

	bench_open(&b, 1);
	CHECK(bench_pull(&b, "docker.io/library/busybox")->kind == ENGINE_DONE);
	CHECK_INT(b.answers[0].kind, ENGINE_PROGRESS);
	i = find("busybox");
	CHECK(i && i->n_tags == 1 && i->n_digests == 1);
	CHECK_STR(i->tags[0], "docker.io/library/busybox:latest");
	CHECK_STR(engine_familiar(i->tags[0]), "busybox:latest");
	CHECK(find(i->id) == i && find(i->digests[0]) == i);
	CHECK(strstr(b.events, "image pull;"));
	bench_close(&b);
}

TEST(a_pull_that_fails_says_why)
{
	bench_open(&b, 1);
	CHECK_STR(bench_pull(&b, "nosuch")->text, "manifest unknown");
	CHECK_STR(bench_pull(&b, "no such")->text, "invalid reference format");
	CHECK(!engine_image_first(b.engine));
	bench_close(&b);
}

TEST(what_a_full_disk_has_of_an_image_goes)
{
	bench_open(&b, 1);
	CHECK(bench_pull(&b, "small")->kind == ENGINE_DONE);
	CHECK_STR(bench_pull(&b, "toolarge")->text, "No space left on device");
	(void)bench_settle(&b);
	CHECK_INT(b.machine.images.count, 1);
	CHECK(find("small"));
	CHECK(BENCH_ASK(&b, engine_image_remove, "small", false)->kind == ENGINE_DONE);
	(void)bench_settle(&b);
	CHECK_INT(b.machine.images.count, 0);
	bench_close(&b);
}

TEST(images_are_found_by_id_prefix)
{
	char prefix[20], bare[20];

	bench_open(&b, 1);
	(void)bench_pull(&b, "a");
	snprintf(prefix, sizeof(prefix), "%.19s", find("a")->id);
	CHECK(find(prefix) == find("a"));
	(void)snprintf(bare, sizeof(bare), "%s", find("a")->id + 55);
	CHECK(!find(bare)); /* an end is no prefix */
	bench_close(&b);
}

TEST(a_tag_moves_from_one_image_to_another)
{
	bench_open(&b, 1);
	(void)bench_pull(&b, "a");
	(void)bench_pull(&b, "b");
	CHECK(BENCH_ASK(&b, engine_image_tag, "a", "mine", "1")->kind == ENGINE_DONE);
	CHECK(find("mine:1") == find("a"));
	CHECK(BENCH_ASK(&b, engine_image_tag, "b", "mine", "1")->kind == ENGINE_DONE);
	CHECK(find("mine:1") == find("b"));
	CHECK_INT(find("a")->n_tags, 1);
	CHECK_STR(BENCH_ASK(&b, engine_image_tag, "zz", "mine", "1")->text,
		  "No such image: zz:latest");
	CHECK_STR(BENCH_ASK(&b, engine_image_tag, "a", "Mine", "1")->text,
		  "invalid reference format: repository name must be lowercase");
	bench_close(&b);
}

TEST(the_last_name_takes_the_image_along)
{
	const struct bench_answer *a;
	char want[256], id[80];

	bench_open(&b, 1);
	(void)bench_pull(&b, "a");
	(void)BENCH_ASK(&b, engine_image_tag, "a", "other", "");
	snprintf(id, sizeof(id), "%s", find("a")->id);
	a = BENCH_ASK(&b, engine_image_remove, "other", false);
	CHECK_STR(a->lines, "Untagged: other:latest;");
	a = BENCH_ASK(&b, engine_image_remove, "a", false);
	CHECK_INT(a->line_count, 3);
	snprintf(want, sizeof(want), "Deleted: %s;", id);
	CHECK(strstr(a->lines, "Untagged: a:latest;") && strstr(a->lines, want));
	CHECK(!engine_image_first(b.engine));
	CHECK_INT(b.machine.images.count, 0);
	bench_close(&b);
}

TEST(an_image_in_use_is_not_removed)
{
	const struct bench_answer *a;
	char id[80];

	bench_open(&b, 1);
	(void)bench_pull(&b, "busybox");
	(void)bench_create(&b, "c1", "top");
	snprintf(id, sizeof(id), "%s", find("busybox")->id);
	a = BENCH_ASK(&b, engine_image_remove, "busybox", false);
	CHECK_INT(a->err_kind, ERR_CONFLICT);
	CHECK(strstr(a->text, "conflict: unable to remove repository reference \"busybox\" (must "
			      "force) - container "));
	a = BENCH_ASK(&b, engine_image_remove, id, false);
	CHECK(strstr(a->text, "(must be forced) - image is being used by stopped container "));
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	a = BENCH_ASK(&b, engine_image_remove, id, true);
	CHECK(strstr(a->text, "(cannot be forced) - image is being used by running container "));
	a = BENCH_ASK(&b, engine_image_remove, "busybox", true);
	CHECK_INT(a->kind, ENGINE_DONE);
	CHECK(find(id) && find(id)->n_tags == 0);
	bench_close(&b);
}

TEST(an_image_of_two_repositories_goes_by_id_only_with_force)
{
	char id[80];

	bench_open(&b, 1);
	(void)bench_pull(&b, "a");
	(void)BENCH_ASK(&b, engine_image_tag, "a", "other", "");
	snprintf(id, sizeof(id), "%s", find("a")->id);
	CHECK(strstr(BENCH_ASK(&b, engine_image_remove, id, false)->text,
		     "(must be forced) - image is referenced in multiple repositories"));
	CHECK_INT(BENCH_ASK(&b, engine_image_remove, id, true)->kind, ENGINE_DONE);
	CHECK(!engine_image_first(b.engine));
	bench_close(&b);
}

TEST(prune_takes_what_has_no_name_or_all_that_nobody_uses)
{
	const struct bench_answer *a;

	bench_open(&b, 1);
	(void)bench_pull(&b, "a");
	(void)bench_pull(&b, "busybox");
	(void)bench_create(&b, "c1", "top");
	a = BENCH_ASK(&b, engine_images_prune, false, ((struct engine_filter){ 0 }));
	CHECK_INT(a->line_count, 0);
	a = BENCH_ASK(&b, engine_images_prune, true, ((struct engine_filter){ 0 }));
	CHECK(a->line_count == 3 && find("busybox") && !find("a"));
	bench_close(&b);
}

TEST(a_load_names_its_images_and_a_save_streams_them)
{
	const char *names[] = { "loaded:1" };
	size_t first;

	bench_open(&b, 1);
	CHECK(BENCH_ASK(&b, engine_image_load)->kind == ENGINE_DONE);
	CHECK_INT(b.answers[0].kind, ENGINE_ENDPOINT);
	CHECK_STR(b.answers[1].lines, "loaded:1;loaded:2;");
	CHECK(find("loaded:2") == find("loaded:1"));
	first = b.answer_count;
	CHECK(BENCH_ASK(&b, engine_image_save, names, 1)->kind == ENGINE_DONE);
	CHECK_INT(b.answers[first].kind, ENGINE_ENDPOINT);
	bench_close(&b);
}

TEST(an_import_and_a_commit_make_images)
{
	struct engine_commit commit = { .repo = "committed", .tag = "1" };
	const struct bench_answer *a;

	bench_open(&b, 1);
	CHECK(BENCH_ASK(&b, engine_image_import, "imp:1", "", "note", NULL)->kind == ENGINE_DONE);
	CHECK(find("imp:1"));
	(void)bench_pull(&b, "busybox");
	(void)bench_create(&b, "c1", "top");
	a = BENCH_ASK(&b, engine_container_commit, "c1", &commit);
	CHECK_INT(a->kind, ENGINE_DONE);
	CHECK_STR(find("committed:1")->id, a->id);
	CHECK(!machine_container(&b.machine, bench_find(&b, "c1")->id)->is_mounted);
	bench_close(&b);
}

TEST(who_goes_away_ends_its_pull)
{
	struct engine_pull pull = { .image = "slow", .tag = "" };
	uint64_t t;

	bench_open(&b, 1);
	t = bench_ticket(&b);
	engine_image_pull(b.engine, t, &pull, b.now);
	engine_forget(b.engine, t);
	(void)bench_settle(&b);
	CHECK(!find("slow") && !bench_answer(&b, t));
	CHECK(bench_pull(&b, "a")->kind == ENGINE_DONE);
	CHECK(BENCH_ASK(&b, engine_image_remove, "a", false)->kind == ENGINE_DONE);
	bench_close(&b);
}

TEST(names_survive_a_restart)
{
	bench_open(&b, 1);
	(void)bench_pull(&b, "a");
	(void)BENCH_ASK(&b, engine_image_tag, "a", "mine", "1");
	bench_crash(&b);
	CHECK(find("mine:1") && find("mine:1") == find("a"));
	CHECK_INT(b.machine.images.count, 1);
	bench_close(&b);
}

TEST_MAIN()
