#include "machine/store.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "file/folder.h"
#include "template/field.h"
#include "machine/driver.h"
#include "test.h"

static struct err e;

/* A store in a folder of its own. */
static struct store *fresh_store(void)
{
	static struct store s;
	static char folder[] = "/tmp/shoal-unit-store-XXXXXX";

	if (!s.root) {
		CHECK(mkdtemp(folder));
		store_init(&s, folder);
	}
	return &s;
}

TEST(names_are_host_names)
{
	static const char *const good[] = { "a", "0", "node-01", "a.b", "Node" };
	static const char *const bad[] = {
		"", ".", "..", "-", "-a", ".a", "a_b", "a/b", "a b", "∞"
	};
	char longest[65];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		CHECK(machine_name_is_valid(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!machine_name_is_valid(bad[i]));
	memset(longest, 'a', sizeof(longest));
	longest[63] = '\0';
	CHECK(machine_name_is_valid(longest));
	longest[63] = 'a';
	longest[64] = '\0';
	CHECK(!machine_name_is_valid(longest));
}

TEST(what_is_saved_is_loaded_and_members_that_we_do_not_know_are_kept)
{
	struct store *s = fresh_store();
	struct machine *m = machine_new(s, "m2", &local_driver);
	AUTO_FREE char *path = machine_file(m, "config.json");
	struct stat st;

	field_put_text(m->own, "ID", "01234567");
	json_object_set_new(m->config, "Theirs", json_integer(7));
	CHECK(machine_save(m, &e));
	machine_free(m);

	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	m = machine_load(s, "m2", &e);
	CHECK(m && m->driver == &local_driver);
	CHECK_STR(field_text(m->own, "ID"), "01234567");
	CHECK_STR(field_text(m->config, "Stage"), "creating");
	CHECK_INT(field_int(m->config, "Theirs"), 7);
	machine_free(m);
}

TEST(machines_are_listed_as_people_count_and_forgotten_whole)
{
	static const char *const names[] = { "m10", "m1" };
	struct store *s = fresh_store();
	struct machine *m;
	size_t count;
	char **found;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		m = machine_new(s, names[i], &local_driver);
		CHECK(machine_save(m, &e));
		machine_free(m);
	}
	found = store_names(s, &count);
	CHECK_INT(count, 3);
	CHECK_STR(found[0], "m1");
	CHECK_STR(found[1], "m2");
	CHECK_STR(found[2], "m10");
	for (size_t i = 0; i < count; i++) {
		m = machine_load(s, found[i], &e);
		CHECK(m && machine_forget(m, &e));
		machine_free(m);
	}
	names_free(found, count);
	CHECK(!store_has(s, "m10"));
	CHECK(!machine_load(s, "m10", &e));
	CHECK_INT(e.kind, ERR_NOT_FOUND);
}

static const char *refused(const char *text)
{
	json_t *config = config_parse(str_of(text), &e);

	CHECK(!config);
	return e.text;
}

TEST(a_record_of_another_version_is_refused_with_a_sentence)
{
	CHECK(strstr(refused("{\"ConfigVersion\": 4}"), "config version is from the future"));
	CHECK(strstr(refused("{\"ConfigVersion\": 2}"), "too old"));
	CHECK_STR(refused("{\"ConfigVersion\": 3, \"DriverName\": \"x\"}"), "it names no driver");
	CHECK(strstr(refused("{\"a\": 1, \"a\": 2}"), "duplicate"));
	CHECK(strstr(refused("["), "line 1"));
}

TEST(deep_folders_are_removed_too)
{
	struct store *s = fresh_store();
	AUTO_FREE char *top = xasprintf("%s/deep", s->root);
	char here[4096];

	CHECK(folder_make(top, 0700, &e) && getcwd(here, sizeof(here)) && chdir(top) == 0);
	for (int i = 0; i < 400; i++)
		CHECK(mkdir("a-folder-name", 0700) == 0 && chdir("a-folder-name") == 0);
	CHECK(chdir(here) == 0);
	CHECK(folder_remove(top, &e));
	CHECK(access(top, F_OK) < 0);
	CHECK(folder_remove(s->root, &e));
	store_clear(s);
}

TEST_MAIN()
