/* Who is in the group: one change at a time, applied when it is committed. */
#include "raft_lab.h"
#include "test.h"

#define STATUS(l, id) raft_status(lab_raft(l, id))

static struct raft_config careful(uint64_t id)
{
	struct raft_config c = lab_plain(id);

	c.pre_vote = c.check_quorum = c.hand_over_on_removal = true;
	return c;
}

static enum err_kind refusal(struct lab *l, uint64_t id, enum raft_change_kind kind, uint64_t node)
{
	struct raft_change change = { .kind = kind, .node = node };
	struct err e = { 0 };
	uint64_t index;

	(void)!raft_propose_conf_change(lab_raft(l, id), &change, NULL, 0, &index, &e);
	return e.kind;
}

static void beat(struct lab *l, uint64_t id)
{
	lab_tick(l, id, 1);
	lab_settle(l);
}

TEST(a_learner_catches_up_and_becomes_a_voter)
{
	struct lab l;

	lab_init(&l, 1, lab_plain);
	lab_lead(&l, 1);
	lab_propose(&l, 1, "a");
	lab_settle(&l);
	lab_add(&l, lab_plain);

	CHECK(lab_change(&l, 1, RAFT_ADD_LEARNER, 2));
	lab_settle(&l);
	CHECK_STR(lab_conf(&l, 1), "1 +2");
	CHECK_STR(lab_conf(&l, 2), "1 +2");
	CHECK_STR(l.nodes[2].applied, "a ");

	CHECK(lab_change(&l, 1, RAFT_ADD_VOTER, 2));
	lab_settle(&l);
	CHECK_STR(lab_conf(&l, 2), "1 2");
	CHECK(STATUS(&l, 2).is_voter);
	lab_clear(&l);
}

TEST(a_learner_has_no_say)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_add(&l, lab_plain);
	lab_change(&l, 1, RAFT_ADD_LEARNER, 4);
	lab_settle(&l);

	/* It does not campaign, and its copy does not count. */
	raft_campaign(lab_raft(&l, 4));
	CHECK(STATUS(&l, 4).role == RAFT_FOLLOWER);
	lab_isolate(&l, 2);
	for (unsigned i = 1; i <= 4; i++)
		l.cut[i][3] = l.cut[3][i] = true;
	lab_propose(&l, 1, "a");
	lab_settle(&l);
	CHECK_STR(l.nodes[1].applied, "");
	CHECK_STR(lab_log(&l, 4), lab_log(&l, 1));
	lab_clear(&l);
}

TEST(who_does_not_know_that_it_is_a_voter_votes_all_the_same)
{
	struct lab l;

	/* 1 has committed that 2 is a voter, and crashed before 2 heard of it. */
	lab_init(&l, 1, careful);
	lab_lead(&l, 1);
	lab_add(&l, careful);
	lab_change(&l, 1, RAFT_ADD_VOTER, 2);
	while (lab_work(&l, 1))
		;
	message_list_clear(&l.network);
	CHECK_STR(lab_conf(&l, 1), "1 2");
	lab_restart(&l, 1);

	while (lab_work(&l, 1)) /* applies the change again */
		;
	CHECK_STR(lab_conf(&l, 1), "1 2");
	lab_lead(&l, 1);
	CHECK(STATUS(&l, 1).role == RAFT_LEADER);
	CHECK_STR(lab_conf(&l, 2), "1 2");
	lab_clear(&l);
}

TEST(growth_from_one_to_two_survives_a_crash_after_any_step)
{
	for (int steps = 0; steps < 12; steps++) {
		for (uint64_t victim = 1; victim <= 2; victim++) {
			struct lab l;

			lab_init(&l, 1, careful);
			lab_lead(&l, 1);
			lab_add(&l, careful);
			lab_change(&l, 1, RAFT_ADD_VOTER, 2);
			for (int i = 0; i < steps; i++) {
				if (i % 3 == 2)
					lab_deliver(&l);
				else
					lab_work(&l, 1 + (uint64_t)(i % 3));
			}
			lab_restart(&l, victim);
			for (int i = 0; i < 200; i++) {
				lab_tick(&l, 1, 1);
				lab_tick(&l, 2, 1);
				lab_settle(&l);
			}
			CHECK(STATUS(&l, 1).role == RAFT_LEADER ||
			      STATUS(&l, 2).role == RAFT_LEADER);
			CHECK_INT(STATUS(&l, 1).applied, STATUS(&l, 1).last);
			lab_clear(&l);
		}
	}
}

TEST(one_change_at_a_time)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	CHECK(refusal(&l, 1, RAFT_ADD_VOTER, 4) == ERR_NONE);
	CHECK(refusal(&l, 1, RAFT_ADD_VOTER, 5) == ERR_CONFLICT);
	lab_settle(&l);
	CHECK(refusal(&l, 1, RAFT_REMOVE, 4) == ERR_NONE);
	lab_clear(&l);
}

TEST(a_new_leader_waits_with_changes_until_the_old_terms_are_applied)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_isolate(&l, 3);
	lab_change(&l, 1, RAFT_ADD_VOTER, 4);
	lab_work(&l, 1);
	lab_deliver(&l);
	lab_work(&l, 2);
	message_list_clear(&l.network);
	lab_crash(&l, 1);
	lab_heal(&l);

	raft_campaign(lab_raft(&l, 2));
	for (int i = 0; i < 3; i++) {
		lab_work(&l, 2);
		lab_deliver(&l);
		lab_work(&l, 3);
		if (STATUS(&l, 2).role == RAFT_LEADER)
			break;
	}
	lab_deliver(&l);
	CHECK(STATUS(&l, 2).role == RAFT_LEADER);
	CHECK(refusal(&l, 2, RAFT_ADD_VOTER, 5) == ERR_CONFLICT);
	lab_clear(&l);
}

TEST(nobody_campaigns_with_a_change_that_is_agreed_but_not_applied)
{
	struct lab l;
	struct raft_message *m;

	lab_init(&l, 3, lab_plain);
	m = lab_message(RAFT_APPEND, 1, 2, 2);
	m->index = m->log_term = 1;
	m->commit = 2;
	lab_attach(m, (uint64_t[]){ 2, 0 });
	m->entries[0]->kind = RAFT_CONF_CHANGE;
	m->entries[0]->change = (struct raft_change){ .kind = RAFT_ADD_VOTER, .node = 4 };
	lab_step(lab_raft(&l, 2), m);
	raft_campaign(lab_raft(&l, 2));
	CHECK(STATUS(&l, 2).role == RAFT_FOLLOWER);

	lab_says(&l, 2);
	raft_campaign(lab_raft(&l, 2));
	CHECK(STATUS(&l, 2).role == RAFT_CANDIDATE);
	CHECK(strstr(lab_says(&l, 2), "2->4 MsgVote") != NULL);
	lab_clear(&l);
}

TEST(a_change_that_was_not_committed_leaves_no_trace)
{
	struct lab l;

	/* 1 alone has the change; it even took a snapshot of what came before. */
	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_propose(&l, 1, "a");
	lab_settle(&l);
	lab_isolate(&l, 1);
	lab_change(&l, 1, RAFT_ADD_VOTER, 4);
	lab_settle(&l);
	lab_snapshot(&l, 1);
	CHECK_STR(lab_conf(&l, 1), "1 2 3");
	lab_restart(&l, 1);

	lab_lead(&l, 2);
	lab_propose(&l, 2, "b");
	lab_settle(&l);
	lab_heal(&l);
	beat(&l, 2);
	beat(&l, 2);
	CHECK_STR(lab_conf(&l, 1), "1 2 3");
	CHECK_STR(l.nodes[1].applied, "a b ");
	lab_clear(&l);
}

TEST(a_change_is_applied_only_when_its_commit_is_on_the_disk)
{
	struct lab l;
	bool applied = false;

	lab_init(&l, 1, lab_plain);
	lab_lead(&l, 1);
	lab_change(&l, 1, RAFT_ADD_VOTER, 2);
	while (raft_has_ready(lab_raft(&l, 1))) {
		const struct raft_ready *rd = raft_ready(lab_raft(&l, 1));

		for (size_t i = 0; i < rd->committed_count; i++) {
			if (rd->committed[i]->kind != RAFT_CONF_CHANGE)
				continue;
			CHECK(rd->must_sync && rd->hard.commit >= rd->committed[i]->index);
			applied = true;
		}
		raft_advance(lab_raft(&l, 1));
	}
	CHECK(applied);
	lab_clear(&l);
}

TEST(a_removed_follower_is_counted_no_more)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_change(&l, 1, RAFT_REMOVE, 3);
	lab_settle(&l);
	CHECK_STR(lab_conf(&l, 1), "1 2");
	lab_crash(&l, 2);
	lab_propose(&l, 1, "a");
	lab_settle(&l);
	CHECK_STR(l.nodes[1].applied, "");

	lab_restart(&l, 2);
	beat(&l, 1);
	CHECK_STR(l.nodes[1].applied, "a ");
	lab_clear(&l);
}

TEST(what_waits_is_committed_when_the_majority_shrinks)
{
	struct lab l;

	lab_init(&l, 2, lab_plain);
	lab_lead(&l, 1);
	lab_change(&l, 1, RAFT_REMOVE, 2);
	lab_work(&l, 1);
	lab_deliver(&l);
	lab_propose(&l, 1, "a"); /* 2 will never have this */
	lab_isolate(&l, 2);
	l.cut[2][1] = false;
	lab_settle(&l);
	CHECK_STR(lab_conf(&l, 1), "1");
	CHECK_STR(l.nodes[1].applied, "a ");
	lab_clear(&l);
}

TEST(a_removed_leader_hands_over_to_one_who_has_all_of_its_log)
{
	struct lab l;

	lab_init(&l, 3, careful);
	lab_lead(&l, 1);
	lab_propose(&l, 1, "a");
	lab_change(&l, 1, RAFT_REMOVE, 1);
	lab_settle(&l);
	CHECK(STATUS(&l, 2).role == RAFT_LEADER);
	CHECK_INT(STATUS(&l, 2).term, 3);
	CHECK_STR(lab_conf(&l, 2), "2 3");
	CHECK_STR(l.nodes[3].applied, "a ");

	/* Nobody talks to it any more. */
	lab_tick(&l, 1, 20);
	CHECK(STATUS(&l, 1).role == RAFT_FOLLOWER);
	lab_clear(&l);
}

TEST(a_removed_leader_takes_no_proposals)
{
	struct lab l;
	struct err e;
	uint64_t index;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_change(&l, 1, RAFT_REMOVE, 1);
	lab_settle(&l);
	CHECK(STATUS(&l, 1).role == RAFT_LEADER && !STATUS(&l, 1).is_voter);
	CHECK(!raft_propose(lab_raft(&l, 1), "a", 1, &index, &e) && e.kind == ERR_UNAVAILABLE);
	lab_clear(&l);
}

TEST(a_removed_member_that_keeps_campaigning_disturbs_nobody)
{
	struct lab l;

	lab_init(&l, 4, careful);
	lab_lead(&l, 1);
	lab_isolate(&l, 4);
	lab_change(&l, 1, RAFT_REMOVE, 4);
	lab_settle(&l);
	lab_heal(&l);
	for (int i = 0; i < 200; i++) {
		for (unsigned id = 1; id <= 4; id++)
			lab_tick(&l, id, 1);
		lab_settle(&l);
	}
	CHECK(STATUS(&l, 1).role == RAFT_LEADER);
	CHECK_INT(STATUS(&l, 1).term, 2);
	lab_clear(&l);
}

TEST(a_removed_member_with_the_longest_log_helps_the_last_voter_out)
{
	struct lab l;

	/* 1 removes itself from a group of two, with more in its log than 2 has, and crashes
	 * before 2 hears that the removal is committed: 2 asks for a vote that it cannot get. */
	lab_init(&l, 2, careful);
	lab_lead(&l, 1);
	lab_change(&l, 1, RAFT_REMOVE, 1);
	lab_work(&l, 1);
	lab_deliver(&l);
	lab_work(&l, 2);
	lab_propose(&l, 1, "a");
	lab_deliver(&l);
	lab_isolate(&l, 1);
	lab_settle(&l);
	CHECK_STR(lab_conf(&l, 1), "2");
	CHECK_STR(lab_conf(&l, 2), "1 2");
	CHECK(STATUS(&l, 1).last > STATUS(&l, 2).last);
	lab_restart(&l, 1);
	lab_settle(&l);
	lab_heal(&l);

	raft_forget_leader(lab_raft(&l, 2));
	lab_lead(&l, 2);
	CHECK(STATUS(&l, 1).role == RAFT_LEADER && !STATUS(&l, 1).is_voter);
	lab_tick(&l, 1, 10);
	lab_settle(&l);
	CHECK(STATUS(&l, 2).role == RAFT_LEADER);
	CHECK_STR(lab_conf(&l, 2), "2");
	CHECK_STR(l.nodes[2].applied, "a ");
	lab_clear(&l);
}

TEST(the_last_voter_stays)
{
	struct lab l;

	lab_init(&l, 1, lab_plain);
	lab_lead(&l, 1);
	CHECK(refusal(&l, 1, RAFT_REMOVE, 1) == ERR_CONFLICT);
	CHECK(refusal(&l, 1, RAFT_ADD_LEARNER, 1) == ERR_CONFLICT);
	raft_apply_conf_change(lab_raft(&l, 1),
			       &(struct raft_change){ .kind = RAFT_REMOVE, .node = 1 });
	CHECK_STR(lab_conf(&l, 1), "1");
	lab_clear(&l);
}

TEST(a_change_of_node_0_and_an_update_change_nothing)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	raft_apply_conf_change(lab_raft(&l, 1), &(struct raft_change){ .kind = RAFT_ADD_VOTER });
	raft_apply_conf_change(lab_raft(&l, 1),
			       &(struct raft_change){ .kind = RAFT_UPDATE, .node = 9 });
	CHECK_STR(lab_conf(&l, 1), "1 2 3");
	lab_clear(&l);
}

TEST(a_group_has_a_largest_size)
{
	struct lab l;

	lab_init(&l, 1, lab_plain);
	lab_lead(&l, 1);
	for (uint64_t id = 2; id <= RAFT_MEMBERS_MAX + 5; id++)
		raft_apply_conf_change(
			lab_raft(&l, 1),
			&(struct raft_change){ .kind = RAFT_ADD_LEARNER, .node = id });
	CHECK_INT(lab_raft(&l, 1)->peer_count, RAFT_MEMBERS_MAX);
	CHECK(refusal(&l, 1, RAFT_ADD_LEARNER, 200) == ERR_EXHAUSTED);
	lab_clear(&l);
}

TEST(the_first_member_of_a_group_adds_itself)
{
	struct lab l = { .count = 1 };
	struct lab_node *n = &l.nodes[1];
	struct raft_change self = { .kind = RAFT_ADD_VOTER, .node = 1 };
	struct raft_entry *first = raft_entry_new_change(1, 1, &self, "me", 2);
	struct err e;

	entry_list_push(&n->disk.entries, first);
	raft_entry_drop(first);
	n->disk.hard = (struct raft_hard_state){ .term = 1, .commit = 1 };
	n->config = lab_plain(1);
	n->raft = disk_open(&n->disk, &n->config, &e);
	CHECK_STR(lab_conf(&l, 1), "");
	lab_lead(&l, 1); /* not yet: it does not know that it is a voter */
	CHECK(STATUS(&l, 1).role == RAFT_FOLLOWER);
	CHECK_STR(lab_conf(&l, 1), "1");
	lab_lead(&l, 1);
	CHECK(STATUS(&l, 1).role == RAFT_LEADER);
	lab_clear(&l);
}

TEST_MAIN()
