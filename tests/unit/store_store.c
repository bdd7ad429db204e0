#include "store/store.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/prng.h"
#include "store/txn.h"
#include "test.h"

static const struct log silent = { .level = LOG_ERROR };

static bool apply(struct store *s, const Pb__InternalRaftRequest *request, struct err *e)
{
	AUTO_BUF struct buf entry = BUF_MAX(1 << 20);

	CHECK(pb_encode(request, &entry));
	return store_apply(s, buf_str(&entry), e);
}

static bool apply_one(struct store *s, Pb__StoreActionKind what, const char *id, const char *name,
		      struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__InternalRaftRequest *request = PB_NEW(&a, internal_raft_request);
	Pb__Service *service = PB_NEW(&a, service);

	service->id = (char *)id;
	service->spec->annotations->name = (char *)name;
	PB_APPEND(&a, request, action, object_action(&a, what, service));
	return apply(s, request, e);
}

#define CREATE PB__STORE_ACTION_KIND__STORE_ACTION_CREATE
#define UPDATE PB__STORE_ACTION_KIND__STORE_ACTION_UPDATE
#define REMOVE PB__STORE_ACTION_KIND__STORE_ACTION_REMOVE

TEST(what_makes_no_sense_is_refused_and_changes_nothing)
{
	struct store *s = store_new(&silent);
	struct pb_digest before;
	struct err e;

	CHECK(apply_one(s, CREATE, "a", "web", &e));
	before = store_digest(s);
	CHECK(!apply_one(s, CREATE, "a", "other", &e));
	CHECK(!apply_one(s, CREATE, "b", "Web", &e));
	CHECK(!apply_one(s, UPDATE, "b", "b", &e));
	CHECK(!apply_one(s, REMOVE, "b", "b", &e));
	CHECK(!apply_one(s, PB__STORE_ACTION_KIND__UNKNOWN, "a", "web", &e));
	CHECK(!store_apply(s, STR("\xff\xff not protobuf"), &e));
	CHECK(pb_digest_compare(before, store_digest(s)) == 0);
	store_free(s);
}

TEST(an_entry_is_applied_whole_or_not_at_all)
{
	struct store *s = store_new(&silent);
	AUTO_ARENA struct arena a = { 0 };
	Pb__InternalRaftRequest *request = PB_NEW(&a, internal_raft_request);
	struct pb_digest before;
	struct err e;
	size_t count;
	bool restored;

	CHECK(apply_one(s, CREATE, "a", "a", &e));
	store_forget(s);
	before = store_digest(s);
	for (int i = 0; i < 3; i++) {
		static const char *const ids[] = { "a", "b", "missing" };
		static const Pb__StoreActionKind what[] = { UPDATE, CREATE, REMOVE };
		Pb__Service *service = PB_NEW(&a, service);

		service->id = (char *)ids[i];
		service->spec->annotations->name = (char *)ids[i];
		service->pending_delete = true;
		PB_APPEND(&a, request, action, object_action(&a, what[i], service));
	}
	CHECK(!apply(s, request, &e));
	CHECK(pb_digest_compare(before, store_digest(s)) == 0);
	CHECK_INT(view_count(store_view(s), OBJECT_SERVICE), 1);
	CHECK(!view_service(store_view(s), "a")->pending_delete);
	store_changes(s, &count, &restored);
	CHECK_INT(count, 0);
	store_free(s);
}

TEST(what_is_held_stays_as_it_was_beyond_changes_and_the_store_itself)
{
	struct store *s = store_new(&silent);
	AUTO_ARENA struct arena a = { 0 };
	struct store_hold *hold;
	struct objects all;
	struct err e;

	CHECK(apply_one(s, CREATE, "a", "first", &e));
	CHECK(apply_one(s, CREATE, "b", "second", &e));
	CHECK(apply_one(s, CREATE, "c", "third", &e));
	store_forget(s);
	all = view_all(store_view(s), OBJECT_SERVICE, &a);
	CHECK_INT(all.count, 3);
	hold = store_hold_take(s, OBJECT_SERVICE, all.items, all.count);

	CHECK(apply_one(s, UPDATE, "a", "other", &e));
	CHECK(apply_one(s, REMOVE, "b", "second", &e));
	store_forget(s);
	store_free(s);
	CHECK_STR(object_name(all.items[0]), "first");
	CHECK_STR(object_name(all.items[1]), "second");
	CHECK_STR(object_name(all.items[2]), "third");
	store_hold_release(hold);
}

TEST(changes_tell_old_and_new_until_they_are_forgotten)
{
	struct store *s = store_new(&silent);
	const struct change *c;
	struct err e;
	size_t count;
	bool restored;

	CHECK(apply_one(s, CREATE, "a", "one", &e));
	CHECK(apply_one(s, UPDATE, "a", "two", &e));
	CHECK(apply_one(s, REMOVE, "a", "two", &e));
	c = store_changes(s, &count, &restored);
	CHECK_INT(count, 3);
	CHECK(c[0].what == CHANGE_CREATED && !c[0].old);
	CHECK(c[1].what == CHANGE_UPDATED);
	CHECK_STR(object_name(c[1].old), "one");
	CHECK_STR(object_name(c[1].new), "two");
	CHECK(c[2].what == CHANGE_REMOVED && !c[2].new);
	store_forget(s);
	store_changes(s, &count, &restored);
	CHECK_INT(count, 0);
	store_free(s);
}

TEST(the_digest_depends_on_the_content_and_not_on_the_way_there)
{
	struct store *x = store_new(&silent), *y = store_new(&silent);
	struct err e;

	CHECK(apply_one(x, CREATE, "a", "a", &e) && apply_one(x, CREATE, "b", "b", &e));
	CHECK(apply_one(y, CREATE, "b", "q", &e) && apply_one(y, CREATE, "c", "c", &e));
	CHECK(pb_digest_compare(store_digest(x), store_digest(y)) != 0);
	CHECK(apply_one(y, REMOVE, "c", "c", &e) && apply_one(y, CREATE, "a", "a", &e));
	CHECK(apply_one(y, UPDATE, "b", "b", &e));
	CHECK(pb_digest_compare(store_digest(x), store_digest(y)) == 0);
	store_free(x);
	store_free(y);
}

/* All parts of a snapshot taken before `later` was applied. */
static void read_snapshot(struct store_snapshot *snapshot, struct buf *content)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ClusterSnapshot *members = PB_NEW(&a, cluster_snapshot);
	bool done = false;
	struct err e;

	PB_APPEND(&a, members, members, PB_NEW(&a, raft_member));
	members->members[0]->raft_id = 42;
	while (!done)
		CHECK(store_snapshot_next(snapshot, members, content, &done, &e));
}

TEST(a_snapshot_is_the_state_when_it_was_taken_and_restores_to_an_equal_store)
{
	struct store *s = store_new(&silent), *copy = store_new(&silent);
	AUTO_BUF struct buf content = BUF_MAX(64 << 20);
	AUTO_ARENA struct arena a = { 0 };
	struct store_snapshot *snapshot;
	const Pb__Snapshot *decoded;
	struct pb_digest then;
	char id[16];
	struct err e;

	for (int i = 0; i < 500; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		CHECK(apply_one(s, CREATE, id, id, &e));
	}
	CHECK(apply_one(copy, CREATE, "old", "s7", &e));
	then = store_digest(s);
	snapshot = store_snapshot_take(s);
	for (int i = 0; i < 500; i += 2) {
		snprintf(id, sizeof(id), "s%d", i);
		CHECK(apply_one(s, REMOVE, id, id, &e));
	}
	store_forget(s);
	read_snapshot(snapshot, &content);
	store_snapshot_release(snapshot);

	decoded = pb_decode(&a, &pb__snapshot__descriptor, buf_str(&content), content.len, &e);
	if (!decoded)
		TEST_FAIL("%s", e.text);
	CHECK_INT(decoded->membership->n_members, 1);
	CHECK_INT(decoded->membership->members[0]->raft_id, 42);
	CHECK(store_restore(copy, buf_str(&content), &e));
	CHECK(pb_digest_compare(store_digest(copy), then) == 0);
	CHECK_INT(view_count(store_view(copy), OBJECT_SERVICE), 500);
	CHECK(view_service(store_view(copy), "old") == NULL);
	store_free(s);
	store_free(copy);
}

TEST(the_parts_of_a_large_snapshot_keep_to_their_size)
{
	struct store *s = store_new(&silent);
	AUTO_BUF struct buf part = BUF_MAX(STORE_PART_BYTES);
	struct store_snapshot *snapshot;
	int parts = 0;
	bool done = false;
	char id[16], name[512];
	struct err e;

	for (int i = 0; i < 6000; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		snprintf(name, sizeof(name), "%0500d", i);
		CHECK(apply_one(s, CREATE, id, name, &e));
	}
	snapshot = store_snapshot_take(s);
	for (; !done; parts++) {
		buf_reset(&part);
		if (!store_snapshot_next(snapshot, NULL, &part, &done, &e))
			TEST_FAIL("%s", e.text);
	}
	CHECK(parts >= 3 && parts <= 6);
	store_snapshot_release(snapshot);
	store_free(s);
}

TEST(a_snapshot_that_makes_no_sense_leaves_the_store_as_it_was)
{
	struct store *s = store_new(&silent);
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf content = BUF_MAX(1 << 20);
	Pb__Snapshot *twice = PB_NEW(&a, snapshot);
	struct pb_digest before;
	struct err e;

	CHECK(apply_one(s, CREATE, "a", "a", &e));
	before = store_digest(s);
	CHECK(!store_restore(s, STR("\x12\x7f torn"), &e));
	twice->store = PB_NEW(&a, store_snapshot);
	for (int i = 0; i < 2; i++) {
		PB_APPEND(&a, twice->store, services, PB_NEW(&a, service));
		twice->store->services[i]->id = "same";
	}
	CHECK(pb_encode(twice, &content));
	CHECK(!store_restore(s, buf_str(&content), &e));
	CHECK(pb_digest_compare(before, store_digest(s)) == 0);
	CHECK(view_service(store_view(s), "a") != NULL);
	store_free(s);
}

/* Two stores, random entries that go to both, one replaced by a snapshot of the other now and
 * then: they never differ. */
TEST(replicas_stay_equal_over_random_histories_and_snapshots)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct store *x = store_new(&silent), *y = store_new(&silent);
		struct prng p;

		prng_seed(&p, seed);
		for (int step = 0; step < 300; step++) {
			char id[8], name[8];
			Pb__StoreActionKind what =
				(Pb__StoreActionKind)prng_between(&p, CREATE, REMOVE);
			struct err e;

			snprintf(id, sizeof(id), "i%d", (int)prng_below(&p, 20));
			snprintf(name, sizeof(name), "n%d", (int)prng_below(&p, 20));
			CHECK(apply_one(x, what, id, name, &e) == apply_one(y, what, id, name, &e));
			if (prng_chance(&p, 1, 40)) {
				AUTO_BUF struct buf content = BUF_MAX(1 << 20);
				struct store_snapshot *snapshot = store_snapshot_take(x);

				read_snapshot(snapshot, &content);
				store_snapshot_release(snapshot);
				store_free(y);
				y = store_new(&silent);
				CHECK(store_restore(y, buf_str(&content), &e));
			}
			if (prng_chance(&p, 1, 3))
				store_forget(x);
			CHECK(pb_digest_compare(store_digest(x), store_digest(y)) == 0);
		}
		store_free(x);
		store_free(y);
	}
}

TEST_MAIN()
