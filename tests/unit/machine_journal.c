#include "machine/journal.h"

#include <unistd.h>

#include "base/mem.h"
#include "file/folder.h"
#include "machine/driver.h"
#include "template/field.h"
#include "test.h"

static struct err e;

static struct store *fresh_store(void)
{
	static struct store s;
	static char folder[] = "/tmp/shoal-unit-journal-XXXXXX";

	if (!s.root) {
		CHECK(mkdtemp(folder));
		store_init(&s, folder);
	}
	return &s;
}

/* The machine as a command after a crash finds it. */
static struct machine *again(struct machine *m)
{
	struct store *s = fresh_store();
	AUTO_FREE char *name = xstrdup(m->name);

	machine_free(m);
	m = machine_load(s, name, &e);
	CHECK(m);
	return m;
}

TEST(what_will_be_made_is_on_disk_before_it_is_made)
{
	struct machine *m = machine_new(fresh_store(), "a", &none_driver);
	const json_t *entry;

	CHECK(machine_lock(m, &e));
	CHECK(journal_will(m, "key", "key-1", &e));
	m = again(m);
	entry = journal_newest(m, "key");
	CHECK(entry);
	CHECK_STR(field_text(entry, "Name"), "key-1");
	CHECK_STR(field_text(entry, "Id"), "");

	CHECK(journal_will(m, "key", "key-1", &e));
	CHECK(journal_made(m, "key", "key-1", "k-0815", &e));
	m = again(m);
	CHECK_STR(field_text(journal_newest(m, NULL), "Id"), "k-0815");
	CHECK(!journal_newest(m, "instance"));
	machine_free(m);
}

TEST(things_are_removed_newest_first_and_only_once)
{
	struct machine *m = machine_new(fresh_store(), "b", &none_driver);

	CHECK(journal_will(m, "group", "g", &e) && journal_will(m, "instance", "i", &e));
	CHECK_STR(field_text(journal_newest(m, NULL), "Kind"), "instance");
	CHECK(journal_gone(m, "instance", "i", &e) && journal_gone(m, "instance", "i", &e));
	m = again(m);
	CHECK_STR(field_text(journal_newest(m, NULL), "Kind"), "group");
	CHECK(journal_gone(m, "group", "g", &e));
	m = again(m);
	CHECK(!journal_newest(m, NULL));
	machine_free(m);
}

TEST(what_was_never_announced_cannot_be_made)
{
	struct machine *m = machine_new(fresh_store(), "c", &none_driver);

	CHECK(!journal_made(m, "key", "x", "y", &e));
	for (int i = 0; i < JOURNAL_ENTRIES_MAX; i++) {
		AUTO_FREE char *name = xasprintf("n%d", i);

		CHECK(journal_will(m, "key", name, &e));
	}
	CHECK(!journal_will(m, "key", "one more", &e));
	CHECK_INT(e.kind, ERR_EXHAUSTED);
	machine_free(m);
	CHECK(folder_remove(fresh_store()->root, &e));
	store_clear(fresh_store());
}

TEST_MAIN()
