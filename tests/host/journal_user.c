#include "journal_user.h"

#include <stdio.h>

#include "base/mem.h"

const uint8_t user_key[SEAL_KEY_LEN] = "a key of thirty-two bytes, here!";

static void note_done(struct journal_user *u, uint64_t ticket)
{
	uint64_t *last = ticket > LOCAL ? &u->local_done : &u->raft_done;
	uint64_t number = ticket > LOCAL ? ticket - LOCAL : ticket;

	if (number != *last + 1)
		u->out_of_order = true;
	*last = number;
	if (ticket > LOCAL ? u->local_failed : u->raft_failed)
		u->done_after_failure = true;
	if (u->on_done)
		u->on_done(u, ticket);
}

static void note(struct journal_user *u, const struct input *in)
{
	const struct journal_event *event = &in->journal;

	if (event->kind == JOURNAL_FAILED)
		(void)snprintf(u->failure, sizeof(u->failure), "%s", event->text);
	if (event->kind == JOURNAL_LOADED)
		u->image_difference = u->on_image(u, event->image);
	if (in->ticket == OTHER) {
		u->other_ended = true;
		u->other_ok = event->kind != JOURNAL_FAILED;
	} else if (event->kind == JOURNAL_FAILED) {
		u->has_failed = true;
		*(in->ticket > LOCAL ? &u->local_failed : &u->raft_failed) = true;
	} else {
		note_done(u, in->ticket);
	}
}

static int64_t turn(void *self, struct now now)
{
	struct journal_user *u = self;
	struct input *in;

	(void)now;
	list_each (&u->box.queue, struct input, link, in)
		note(u, in);
	if (!list_is_empty(&u->box.queue))
		loop_stop(u->loop);
	inbox_empty(&u->box);
	return NEVER_MS;
}

bool user_open(struct journal_user *u, const char *dir, const char *vfs, size_t checkpoint_bytes,
	       struct err *e)
{
	struct loop_config loop = { .inbox = &u->box, .self = u, .turn = turn, .log = &u->log };
	struct journal_disk_config disk = {
		.dir = dir,
		.vfs = vfs,
		.checkpoint_bytes = checkpoint_bytes,
		.idle_ms = 20,
	};

	*u = (struct journal_user){ 0 };
	memcpy(disk.key, user_key, SEAL_KEY_LEN);
	inbox_init(&u->box);
	if (!loop_new(&loop, &u->loop, e))
		return false;
	disk.loop = u->loop;
	if (!journal_disk_open(&disk, &u->disk, e)) {
		user_close(u);
		return false;
	}
	journal_disk_seam(u->disk, &u->seam);
	return true;
}

void user_close(struct journal_user *u)
{
	journal_disk_close(u->disk);
	loop_free(u->loop);
	inbox_clear(&u->box);
	u->disk = NULL;
}

void user_wait_other(struct journal_user *u)
{
	while (!u->other_ended)
		loop_run(u->loop);
	u->other_ended = false;
}

void user_wait_done(struct journal_user *u, uint64_t raft, uint64_t local)
{
	while (!u->has_failed && (u->raft_done < raft || u->local_done < local))
		loop_run(u->loop);
}

const char *user_load(struct journal_user *u,
		      const char *(*check)(struct journal_user *u,
					   const struct journal_image *image),
		      void *self)
{
	u->on_image = check;
	u->on_image_self = self;
	u->image_difference = "nothing was loaded";
	u->seam.load(u->seam.self, OTHER);
	user_wait_other(u);
	return u->other_ok ? u->image_difference : u->failure;
}

static bool next_piece(void *self, struct buf *chunk, bool *done, struct err *e)
{
	struct journal_user *u = self;
	size_t n = u->snapshot_left.len < 100000 ? u->snapshot_left.len : 100000;

	(void)e;
	*done = n == 0;
	if (n == 0)
		return false;
	buf_append(chunk, u->snapshot_left.ptr, n);
	u->snapshot_left = str_bytes(u->snapshot_left.ptr + n, u->snapshot_left.len - n);
	return true;
}

bool user_save_snapshot(struct journal_user *u, const struct journal_manifest *m,
			struct str content)
{
	u->snapshot_left = content;
	u->seam.save_snapshot(u->seam.self, OTHER, m,
			      (struct journal_source){ .self = u, .next = next_piece });
	user_wait_other(u);
	return u->other_ok;
}

static void write_raft(struct journal_user *u)
{
	AUTO_ARENA struct arena a = { 0 };
	struct journal_raft_write w;
	struct str content;

	raft_ledger_next(&u->raft, &a, &w, &content);
	if (w.snapshot && !user_save_snapshot(u, w.snapshot, content)) {
		u->has_failed = true;
		return;
	}
	u->seam.write_raft(u->seam.self, u->raft.count, &w);
}

static void write_local(struct journal_user *u)
{
	AUTO_ARENA struct arena a = { 0 };
	struct journal_record *records;
	size_t count;

	local_ledger_next(&u->local, &a, &records, &count);
	u->seam.write_local(u->seam.self, LOCAL + u->local.count, records, count);
}

void user_write_history(struct journal_user *u, uint64_t more)
{
	for (uint64_t i = 0; i < more && !u->has_failed; i++) {
		write_raft(u);
		write_local(u);
		while (!u->has_failed && (u->raft.count - u->raft_done >= USER_IN_FLIGHT_MAX ||
					  u->local.count - u->local_done >= USER_IN_FLIGHT_MAX))
			loop_run(u->loop);
	}
}

struct expected {
	uint64_t seed, raft_acked, local_acked;
};

static const char *compare(struct journal_user *u, const struct journal_image *image)
{
	const struct expected *x = u->on_image_self;
	uint64_t raft, local;
	const char *difference = raft_ledger_compare(x->seed, image, &raft);

	if (!difference)
		difference = local_ledger_compare(x->seed, image, &local);
	if (difference)
		return difference;
	if (raft < x->raft_acked)
		return "an acknowledged raft write is lost";
	if (local < x->local_acked)
		return "an acknowledged local write is lost";

	u->raft = (struct raft_ledger){ .seed = x->seed };
	u->local = (struct local_ledger){ .seed = x->seed };
	while (u->raft.count < raft || u->local.count < local) {
		AUTO_ARENA struct arena a = { 0 };
		struct journal_raft_write w;
		struct journal_record *records;
		struct str content;
		size_t n;

		if (u->raft.count < raft)
			raft_ledger_next(&u->raft, &a, &w, &content);
		if (u->local.count < local)
			local_ledger_next(&u->local, &a, &records, &n);
	}
	u->raft_done = raft;
	u->local_done = local;
	return NULL;
}

const char *user_check_history(struct journal_user *u, uint64_t seed, uint64_t raft_acked,
			       uint64_t local_acked)
{
	struct expected x = { seed, raft_acked, local_acked };

	return user_load(u, compare, &x);
}
