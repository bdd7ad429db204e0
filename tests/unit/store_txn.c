#include "store/txn.h"

#include "base/log.h"
#include "base/mem.h"
#include "test.h"

static const struct log silent = { .level = LOG_ERROR };
static const struct now noon = { .mono_ms = 1000, .wall_ns = INT64_C(1700000000000000000) };

static Pb__Service *new_service(struct txn *t, const char *id, const char *name)
{
	Pb__Service *s = PB_NEW(txn_arena(t), service);

	s->id = arena_strdup(txn_arena(t), id);
	s->spec->annotations->name = arena_strdup(txn_arena(t), name);
	return s;
}

static Pb__Task *new_task(struct txn *t, const char *id, const char *service, uint64_t slot)
{
	Pb__Task *task = PB_NEW(txn_arena(t), task);

	task->id = arena_strdup(txn_arena(t), id);
	task->service_id = arena_strdup(txn_arena(t), service);
	task->slot = slot;
	return task;
}

/* What raft does with a transaction, without raft. */
static void commit(struct store *s, struct txn *t)
{
	AUTO_BUF struct buf entry = BUF_MAX(1 << 20);
	struct err e;

	if (!txn_encode(t, 1, &entry, &e) || !store_apply(s, buf_str(&entry), &e))
		TEST_FAIL("%s", e.text);
	txn_close(t);
}

static void commit_services(struct store *s, const char *const *ids, size_t count)
{
	struct txn *t = txn_open(s, 1, noon);
	struct err e;

	for (size_t i = 0; i < count; i++)
		CHECK(txn_create(t, new_service(t, ids[i], ids[i]), &e));
	commit(s, t);
}

TEST(a_transaction_shows_its_changes_on_top_and_the_store_does_not)
{
	struct store *s = store_new(&silent);
	struct txn *t;
	Pb__Service *edit;
	struct err e;

	commit_services(s, (const char *[]){ "a", "b" }, 2);
	t = txn_open(s, 7, noon);
	CHECK(txn_create(t, new_service(t, "c", "web"), &e));
	txn_remove(t, OBJECT_SERVICE, "a");
	edit = txn_edit_service(t, "b");
	edit->spec->annotations->name = "bee";
	CHECK(view_by_name(txn_view(t), OBJECT_SERVICE, "bee") == NULL);
	CHECK(txn_update(t, edit, &e));

	CHECK(view_service(txn_view(t), "a") == NULL);
	CHECK(view_service(txn_view(t), "c") != NULL);
	CHECK(view_by_name(txn_view(t), OBJECT_SERVICE, "BEE") == edit);
	CHECK(view_by_name(txn_view(t), OBJECT_SERVICE, "b") == NULL);
	CHECK_INT(view_count(txn_view(t), OBJECT_SERVICE), 2);
	CHECK_INT(view_count(store_view(s), OBJECT_SERVICE), 2);
	CHECK(view_service(store_view(s), "a") != NULL);
	CHECK_INT(edit->meta->version->index, 7);
	CHECK_INT(edit->meta->updated_at->seconds, 1700000000);

	commit(s, t);
	CHECK(view_service(store_view(s), "a") == NULL);
	CHECK_STR(object_name(view_service(store_view(s), "b")), "bee");
	store_free(s);
}

TEST(a_taken_name_is_refused_whatever_its_case_and_free_once_given_up)
{
	struct store *s = store_new(&silent);
	struct txn *t;
	struct err e;

	commit_services(s, (const char *[]){ "web" }, 1);
	t = txn_open(s, 1, noon);
	CHECK(!txn_create(t, new_service(t, "x", "WEB"), &e));
	CHECK_INT(e.kind, ERR_CONFLICT);
	CHECK_STR(e.text, "name conflicts with an existing object: service WEB already exists");
	CHECK(txn_is_empty(t));

	txn_remove(t, OBJECT_SERVICE, "web");
	CHECK(txn_create(t, new_service(t, "x", "web"), &e));
	commit(s, t);
	CHECK_STR(object_id(view_by_name(store_view(s), OBJECT_SERVICE, "web")), "x");
	store_free(s);
}

TEST(going_back_to_a_mark_leaves_nothing_of_what_came_after)
{
	struct store *s = store_new(&silent);
	struct txn *t;
	Pb__Service *edit;
	size_t mark;
	struct err e;

	commit_services(s, (const char *[]){ "a" }, 1);
	t = txn_open(s, 1, noon);
	edit = txn_edit_service(t, "a");
	edit->spec->annotations->name = "first";
	CHECK(txn_update(t, edit, &e));
	mark = txn_mark(t);

	edit = txn_edit_service(t, "a");
	edit->spec->annotations->name = "second";
	CHECK(txn_update(t, edit, &e));
	CHECK(txn_create(t, new_service(t, "b", "b"), &e));
	txn_remove(t, OBJECT_SERVICE, "a");
	CHECK_INT(txn_count(t), 2);
	txn_back_to(t, mark);

	CHECK_INT(txn_count(t), 1);
	CHECK_STR(object_name(view_service(txn_view(t), "a")), "first");
	CHECK(view_service(txn_view(t), "b") == NULL);
	txn_close(t);
	store_free(s);
}

TEST(tasks_are_listed_by_service_slot_and_node_with_changes_merged_in)
{
	struct store *s = store_new(&silent);
	struct txn *t = txn_open(s, 1, noon);
	AUTO_ARENA struct arena a = { 0 };
	struct objects list;
	Pb__Task *edit;
	struct err e;

	CHECK(txn_create(t, new_task(t, "t1", "web", 1), &e));
	CHECK(txn_create(t, new_task(t, "t2", "web", 2), &e));
	CHECK(txn_create(t, new_task(t, "t3", "db", 1), &e));
	commit(s, t);

	t = txn_open(s, 2, noon);
	CHECK(txn_create(t, new_task(t, "t0", "web", 2), &e));
	edit = txn_edit_task(t, "t1");
	edit->node_id = "n1";
	txn_put(t, edit);
	list = view_tasks_of_service(txn_view(t), "web", &a);
	CHECK_INT(list.count, 3);
	CHECK_STR(object_id(list.items[0]), "t1");
	CHECK_STR(object_id(list.items[1]), "t0");
	CHECK_STR(object_id(list.items[2]), "t2");
	CHECK_INT(view_tasks_of_slot(txn_view(t), "web", 2, &a).count, 2);
	CHECK_INT(view_tasks_of_node(txn_view(t), "n1", &a).count, 1);
	CHECK_INT(view_tasks_of_node(store_view(s), "n1", &a).count, 0);
	CHECK_INT(view_tasks_of_node(txn_view(t), "", &a).count, 3);
	commit(s, t);
	CHECK_INT(view_tasks_of_node(store_view(s), "n1", &a).count, 1);
	store_free(s);
}

TEST(created_and_removed_in_one_transaction_is_no_action)
{
	struct store *s = store_new(&silent);
	struct txn *t = txn_open(s, 1, noon);
	struct err e;

	CHECK(txn_create(t, new_service(t, "a", "a"), &e));
	txn_remove(t, OBJECT_SERVICE, "a");
	commit(s, t);
	CHECK_INT(view_count(store_view(s), OBJECT_SERVICE), 0);
	store_free(s);
}

TEST(a_transaction_tells_its_changes_once_an_object_and_in_order)
{
	struct store *s = store_new(&silent);
	const struct change *changes;
	Pb__Service *edit;
	struct txn *t;
	struct err e;
	size_t count;

	commit_services(s, (const char *[]){ "a", "b" }, 2);
	t = txn_open(s, 2, noon);
	CHECK(txn_create(t, new_service(t, "d", "d"), &e));
	CHECK(txn_create(t, new_service(t, "c", "c"), &e));
	edit = txn_edit_service(t, "b");
	txn_put(t, edit);
	edit = txn_edit_service(t, "d");
	txn_put(t, edit);
	txn_remove(t, OBJECT_SERVICE, "a");
	CHECK(txn_create(t, new_service(t, "x", "x"), &e));
	txn_remove(t, OBJECT_SERVICE, "x");

	changes = txn_changes(t, &count);
	CHECK_INT(count, 4);
	CHECK(changes[0].what == CHANGE_CREATED && strcmp(object_id(changes[0].new), "c") == 0);
	CHECK(changes[1].what == CHANGE_UPDATED && strcmp(object_id(changes[1].new), "b") == 0);
	CHECK(changes[1].old == view_service(store_view(s), "b"));
	CHECK(changes[2].what == CHANGE_CREATED && strcmp(object_id(changes[2].new), "d") == 0);
	CHECK(changes[3].what == CHANGE_REMOVED && !changes[3].new);
	txn_close(t);
	store_free(s);
}

TEST(a_transaction_is_full_at_two_hundred_objects)
{
	struct store *s = store_new(&silent);
	struct txn *t = txn_open(s, 1, noon);
	struct err e;
	int i = 0;

	for (; !txn_is_full(t); i++)
		CHECK(txn_create(t, new_task(t, arena_printf(txn_arena(t), "t%d", i), "s", 1), &e));
	CHECK_INT(i, TXN_ACTIONS_MAX);
	txn_close(t);
	store_free(s);
}

TEST_MAIN()
