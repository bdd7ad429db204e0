/* Snapshots: for members that are too far behind, and for the start after a crash. */
#include "raft_lab.h"
#include "test.h"

#define STATUS(l, id) raft_status(lab_raft(l, id))

static struct raft_peer_status peer(struct lab *l, uint64_t id, uint64_t of)
{
	struct raft_peer_status p = { 0 };

	for (unsigned i = 0; raft_peer(lab_raft(l, id), i, &p); i++)
		if (p.id == of)
			break;
	return p;
}

/* 1 leads; 3 missed entries that 1 has compacted. */
static void leave_behind(struct lab *l)
{
	lab_init(l, 3, lab_plain);
	lab_lead(l, 1);
	lab_isolate(l, 3);
	for (int i = 0; i < 5; i++)
		lab_propose(l, 1, "x");
	lab_settle(l);
	lab_snapshot(l, 1);
	lab_heal(l);
}

static void beat(struct lab *l, uint64_t id)
{
	lab_tick(l, id, 1);
	lab_settle(l);
}

TEST(a_member_that_is_too_far_behind_gets_a_snapshot)
{
	struct lab l;

	leave_behind(&l);
	raft_report_unreachable(lab_raft(&l, 1), 3);
	beat(&l, 1);
	CHECK_STR(l.nodes[3].applied, "x x x x x ");
	CHECK_INT(STATUS(&l, 3).first, 8);
	CHECK(peer(&l, 1, 3).state == RAFT_REPLICATE);

	lab_propose(&l, 1, "y");
	lab_settle(&l);
	CHECK_STR(l.nodes[3].applied, "x x x x x y ");
	lab_clear(&l);
}

TEST(appends_wait_while_a_snapshot_is_on_its_way)
{
	struct lab l;

	leave_behind(&l);
	raft_report_unreachable(lab_raft(&l, 1), 3);
	lab_tick(&l, 1, 1);
	lab_work(&l, 1);
	lab_deliver(&l);
	lab_work(&l, 3);
	lab_deliver(&l);
	CHECK(peer(&l, 1, 3).state == RAFT_SENDING_SNAPSHOT);
	CHECK_INT(peer(&l, 1, 3).pending_snapshot, 7);
	lab_work(&l, 1);
	lab_propose(&l, 1, "y");
	CHECK(!strstr(lab_says(&l, 1), "1->3"));
	lab_clear(&l);
}

TEST(a_snapshot_that_was_not_delivered_is_sent_again)
{
	struct lab l;

	leave_behind(&l);
	raft_report_unreachable(lab_raft(&l, 1), 3);
	l.loses[RAFT_SNAPSHOT] = true;
	beat(&l, 1);
	CHECK_STR(l.nodes[3].applied, "");
	lab_heal(&l);
	beat(&l, 1);
	CHECK_STR(l.nodes[3].applied, "x x x x x ");
	lab_clear(&l);
}

TEST(a_follower_that_is_past_the_snapshot_replicates_again)
{
	struct lab l;
	struct raft_message *m;

	/* The snapshot on its way ends at 7; meanwhile 3 got to 6, from which the log goes on
	 * again if the leader still has 7. */
	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_isolate(&l, 3);
	for (int i = 0; i < 5; i++)
		lab_propose(&l, 1, "x");
	lab_settle(&l);
	lab_snapshot(&l, 1);
	lab_propose(&l, 1, "y");
	lab_settle(&l);
	progress_send_snapshot(peer_of(lab_raft(&l, 1), 3), 20);

	m = lab_message(RAFT_APPEND_REPLY, 3, 1, 2);
	m->index = 7;
	lab_step(lab_raft(&l, 1), m);
	CHECK(peer(&l, 1, 3).state == RAFT_REPLICATE);
	CHECK_INT(peer(&l, 1, 3).next, 9);
	lab_clear(&l);
}

TEST(an_old_snapshot_is_ignored_and_answered_with_the_commit)
{
	struct lab l;
	struct raft_message *m;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	m = lab_message(RAFT_SNAPSHOT, 1, 2, 2);
	m->snapshot = raft_snapshot_ref(l.nodes[1].disk.snapshot);
	lab_step(lab_raft(&l, 2), m);
	CHECK_STR(lab_says(&l, 2), "2->1 MsgAppResp Term:2 Log:0/2");
	CHECK_STR(lab_log(&l, 2), "2/2");
	lab_clear(&l);
}

TEST(a_snapshot_of_what_the_log_has_only_commits)
{
	struct lab l;
	struct raft_message *m;
	struct raft_conf conf;

	lab_init(&l, 3, lab_plain);
	m = lab_message(RAFT_APPEND, 1, 2, 2);
	m->index = m->log_term = 1;
	lab_attach(m, (uint64_t[]){ 2, 2, 2, 0 });
	lab_step(lab_raft(&l, 2), m);
	lab_says(&l, 2);

	raft_conf(lab_raft(&l, 2), &conf);
	m = lab_message(RAFT_SNAPSHOT, 1, 2, 2);
	m->snapshot = raft_snapshot_new(3, 2, &conf, "x x ", 5);
	lab_step(lab_raft(&l, 2), m);
	CHECK_STR(lab_says(&l, 2), "2->1 MsgAppResp Term:2 Log:0/3");
	CHECK_STR(lab_log(&l, 2), "2/2 2/3 2/4");
	CHECK_INT(STATUS(&l, 2).committed, 3);
	lab_clear(&l);
}

TEST(a_snapshot_brings_its_members)
{
	struct lab l;
	struct raft_message *m;
	struct raft_conf conf = {
		.voter_count = 2, .learner_count = 1, .voters = { 2, 7 }, .learners = { 9 }
	};

	lab_init(&l, 3, lab_plain);
	m = lab_message(RAFT_SNAPSHOT, 1, 2, 2);
	m->snapshot = raft_snapshot_new(30, 2, &conf, "", 1);
	lab_step(lab_raft(&l, 2), m);

	/* Until it is stored it may not lead. */
	raft_campaign(lab_raft(&l, 2));
	CHECK(STATUS(&l, 2).role == RAFT_FOLLOWER);
	CHECK(raft_ready(lab_raft(&l, 2))->must_sync);
	raft_advance(lab_raft(&l, 2));
	CHECK_INT(STATUS(&l, 2).applied, 30);
	CHECK_STR(lab_conf(&l, 2), "2 7 +9");
	raft_campaign(lab_raft(&l, 2));
	CHECK(STATUS(&l, 2).role == RAFT_CANDIDATE);
	lab_clear(&l);
}

TEST(an_old_change_that_is_still_being_applied_does_not_touch_the_members_of_a_snapshot)
{
	struct lab l;
	struct raft_conf conf = { .voter_count = 4, .voters = { 1, 2, 3, 4 } };
	struct raft_message *m;
	const struct raft_ready *rd;

	lab_init(&l, 3, lab_plain);
	m = lab_message(RAFT_APPEND, 1, 2, 2);
	m->index = m->log_term = 1;
	m->commit = 2;
	lab_attach(m, (uint64_t[]){ 2, 0 });
	m->entries[0]->kind = RAFT_CONF_CHANGE;
	m->entries[0]->change = (struct raft_change){ .kind = RAFT_ADD_LEARNER, .node = 4 };
	lab_step(lab_raft(&l, 2), m);
	rd = raft_ready(lab_raft(&l, 2));
	CHECK_INT(rd->committed_count, 1);

	/* Meanwhile comes a snapshot of later, when 4 was a voter. */
	m = lab_message(RAFT_SNAPSHOT, 1, 2, 2);
	m->snapshot = raft_snapshot_new(30, 2, &conf, "", 1);
	lab_step(lab_raft(&l, 2), m);
	raft_apply_conf_change(lab_raft(&l, 2), &rd->committed[0]->change);
	raft_advance(lab_raft(&l, 2));
	lab_says(&l, 2);
	CHECK_STR(lab_conf(&l, 2), "1 2 3 4");
	lab_clear(&l);
}

TEST(a_member_takes_a_snapshot_that_is_older_than_its_own_entry)
{
	struct lab l;
	struct raft_conf conf = { .voter_count = 1, .voters = { 1 } };
	struct raft_message *m = lab_message(RAFT_SNAPSHOT, 1, 2, 2);

	lab_init(&l, 1, lab_plain);
	lab_add(&l, lab_plain);
	m->snapshot = raft_snapshot_new(30, 2, &conf, "", 1);
	lab_step(lab_raft(&l, 2), m);
	CHECK_STR(lab_says(&l, 2), "2->1 MsgAppResp Term:2 Log:0/30");
	CHECK_STR(lab_conf(&l, 2), "1");
	lab_clear(&l);
}

TEST(a_restart_begins_at_the_snapshot_and_applies_what_follows)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_propose(&l, 1, "a");
	lab_settle(&l);
	lab_snapshot(&l, 2);
	lab_propose(&l, 1, "b");
	lab_settle(&l);
	disk_sync(&l.nodes[2].disk);

	lab_restart(&l, 2);
	CHECK_STR(l.nodes[2].applied, "a ");
	CHECK_INT(STATUS(&l, 2).applied, 3);
	lab_work(&l, 2);
	CHECK_STR(l.nodes[2].applied, "a b ");
	lab_clear(&l);
}

TEST(a_silent_member_is_not_sent_a_snapshot)
{
	struct lab l;

	leave_behind(&l);
	peer_of(lab_raft(&l, 1), 3)->is_active = false;
	raft_report_unreachable(lab_raft(&l, 1), 3);
	lab_propose(&l, 1, "y");
	CHECK(!strstr(lab_says(&l, 1), "MsgSnap"));
	lab_clear(&l);
}

TEST_MAIN()
