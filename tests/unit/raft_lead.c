/* What a leader does beside replicating: reads that are never stale, and handing over. */
#include "raft_lab.h"
#include "test.h"

#define STATUS(l, id) raft_status(lab_raft(l, id))

static struct raft_config careful(uint64_t id)
{
	struct raft_config c = lab_plain(id);

	c.pre_vote = c.check_quorum = true;
	return c;
}

static bool asks(struct lab *l, uint64_t id, uint64_t ticket)
{
	struct err e;

	return raft_read_index(lab_raft(l, id), ticket, &e);
}

static bool hands_over(struct lab *l, uint64_t id, uint64_t to)
{
	struct err e;

	return raft_transfer(lab_raft(l, id), to, &e);
}

/* Index that the ticket was answered with on this member; 0 for no answer. */
static uint64_t answer(struct lab *l, uint64_t id, uint64_t ticket)
{
	for (unsigned i = 0; i < l->nodes[id].read_count; i++)
		if (l->nodes[id].reads[i].ticket == ticket)
			return l->nodes[id].reads[i].index;
	return 0;
}

TEST(a_read_is_answered_with_the_commit_index_of_the_leader)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_propose(&l, 1, "a");
	lab_settle(&l);
	CHECK(asks(&l, 1, 71));
	CHECK(asks(&l, 2, 72));
	lab_settle(&l);
	CHECK_INT(answer(&l, 1, 71), 3);
	CHECK_INT(answer(&l, 2, 72), 3);
	lab_clear(&l);
}

TEST(a_leader_that_was_replaced_answers_no_read)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_isolate(&l, 1);
	lab_lead(&l, 2);
	lab_propose(&l, 2, "a");
	lab_settle(&l);

	CHECK(STATUS(&l, 1).role == RAFT_LEADER);
	CHECK(asks(&l, 1, 71));
	lab_settle(&l);
	CHECK_INT(answer(&l, 1, 71), 0);
	lab_heal(&l);
	lab_tick(&l, 1, 1);
	lab_settle(&l);
	lab_tick(&l, 2, 1);
	lab_settle(&l);
	CHECK_INT(answer(&l, 1, 71), 0);
	CHECK_INT(STATUS(&l, 1).lead, 2);
	lab_clear(&l);
}

TEST(a_read_waits_for_the_first_commit_of_the_term)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	raft_campaign(lab_raft(&l, 1));
	lab_says(&l, 1);
	lab_step(lab_raft(&l, 1), lab_message(RAFT_VOTE_REPLY, 2, 1, 2));
	CHECK(asks(&l, 1, 71));
	CHECK(!strstr(lab_says(&l, 1), "MsgHeartbeat"));

	struct raft_message *m = lab_message(RAFT_APPEND_REPLY, 2, 1, 2);
	m->index = 2;
	lab_step(lab_raft(&l, 1), m);
	CHECK(strstr(lab_says(&l, 1), "1->2 MsgHeartbeat") != NULL);
	lab_clear(&l);
}

TEST(a_sole_voter_needs_no_round_but_its_own_commit)
{
	struct lab l;

	lab_init(&l, 1, lab_plain);
	raft_campaign(lab_raft(&l, 1));
	lab_work(&l, 1);
	CHECK(STATUS(&l, 1).role == RAFT_LEADER && STATUS(&l, 1).committed == 1);
	CHECK(asks(&l, 1, 71));
	CHECK_INT(answer(&l, 1, 71), 0);
	lab_settle(&l);
	CHECK_INT(answer(&l, 1, 71), 2);
	lab_clear(&l);
}

TEST(many_reads_share_one_round)
{
	struct lab l;
	unsigned heartbeats = 0;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	for (uint64_t ticket = 1; ticket <= 10; ticket++)
		CHECK(asks(&l, 1, ticket));
	lab_work(&l, 1);
	for (size_t i = 0; i < l.network.count; i++)
		heartbeats += l.network.at[i]->kind == RAFT_HEARTBEAT;
	CHECK_INT(heartbeats, 2);
	lab_settle(&l);
	for (uint64_t ticket = 1; ticket <= 10; ticket++)
		CHECK_INT(answer(&l, 1, ticket), 2);
	lab_clear(&l);
}

TEST(an_earlier_round_does_not_confirm_a_later_read)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	asks(&l, 1, 1);
	lab_work(&l, 1); /* the heartbeats of the first read are on the way */
	asks(&l, 1, 2);
	lab_deliver(&l);
	lab_work(&l, 2);
	lab_deliver(&l); /* their answer */
	while (lab_work(&l, 1))
		;
	CHECK_INT(answer(&l, 1, 1), 2);
	CHECK_INT(answer(&l, 1, 2), 0);
	lab_settle(&l);
	CHECK_INT(answer(&l, 1, 2), 2);
	lab_clear(&l);
}

TEST(reads_that_wait_are_answered_when_the_group_shrinks_to_one)
{
	struct lab l;

	lab_init(&l, 2, lab_plain);
	lab_lead(&l, 1);
	lab_change(&l, 1, RAFT_REMOVE, 2);
	lab_work(&l, 1);
	lab_deliver(&l);
	lab_work(&l, 2);
	asks(&l, 1, 71);
	l.loses[RAFT_HEARTBEAT] = true;
	lab_settle(&l);
	CHECK_STR(lab_conf(&l, 1), "1");
	CHECK(answer(&l, 1, 71) >= 2);
	lab_clear(&l);
}

TEST(without_a_leader_nobody_asks)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	CHECK(!asks(&l, 1, 71));
	lab_clear(&l);
}

TEST(reads_that_wait_have_a_limit)
{
	struct lab l;
	uint64_t taken = 0;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	while (asks(&l, 1, taken + 1))
		taken++;
	CHECK_INT(taken, RAFT_READS_MAX);
	lab_clear(&l);
}

TEST(a_leader_hands_over_to_one_who_is_up_to_date)
{
	struct lab l;

	lab_init(&l, 3, careful);
	lab_lead(&l, 1);
	CHECK(hands_over(&l, 1, 3));
	lab_settle(&l);
	CHECK(STATUS(&l, 3).role == RAFT_LEADER && STATUS(&l, 3).term == 3);
	CHECK_INT(STATUS(&l, 1).lead, 3);
	lab_clear(&l);
}

TEST(a_follower_asks_its_leader_to_hand_over)
{
	struct lab l;

	lab_init(&l, 3, careful);
	lab_lead(&l, 1);
	CHECK(hands_over(&l, 2, 3));
	lab_settle(&l);
	CHECK(STATUS(&l, 3).role == RAFT_LEADER);
	CHECK(hands_over(&l, 1, 1));
	lab_settle(&l);
	CHECK(STATUS(&l, 1).role == RAFT_LEADER);
	lab_clear(&l);
}

TEST(a_successor_that_is_behind_is_brought_up_to_date_first)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_isolate(&l, 3);
	lab_propose(&l, 1, "a");
	lab_settle(&l);
	lab_heal(&l);
	CHECK(hands_over(&l, 1, 3));
	CHECK(!strstr(lab_says(&l, 1), "MsgTimeoutNow"));
	CHECK_INT(lab_propose(&l, 1, "b"), 0); /* so that there is an end */
	lab_tick(&l, 1, 1);
	lab_settle(&l);
	CHECK(STATUS(&l, 3).role == RAFT_LEADER);
	CHECK_STR(l.nodes[3].applied, "a ");
	lab_clear(&l);
}

TEST(a_successor_that_needs_a_snapshot_gets_one_first)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_isolate(&l, 3);
	lab_propose(&l, 1, "a");
	lab_settle(&l);
	lab_snapshot(&l, 1);
	lab_heal(&l);
	CHECK(hands_over(&l, 1, 3));
	for (int i = 0; i < 5; i++) {
		if (STATUS(&l, 1).role == RAFT_LEADER)
			lab_tick(&l, 1, 1);
		lab_settle(&l);
	}
	CHECK(STATUS(&l, 3).role == RAFT_LEADER);
	lab_clear(&l);
}

TEST(a_handover_that_does_not_happen_ends_after_an_election_timeout)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_isolate(&l, 3);
	CHECK(hands_over(&l, 1, 3));
	CHECK_INT(STATUS(&l, 1).transferee, 3);
	lab_tick(&l, 1, 9);
	CHECK_INT(lab_propose(&l, 1, "a"), 0);
	lab_tick(&l, 1, 1);
	CHECK_INT(STATUS(&l, 1).transferee, 0);
	CHECK(lab_propose(&l, 1, "a") != 0);
	lab_clear(&l);
}

TEST(a_second_successor_replaces_the_first)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_isolate(&l, 3);
	hands_over(&l, 1, 3);
	CHECK(hands_over(&l, 1, 2));
	lab_settle(&l);
	CHECK(STATUS(&l, 2).role == RAFT_LEADER);
	lab_clear(&l);
}

TEST(a_handover_to_itself_ends_one_to_another)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_isolate(&l, 3);
	hands_over(&l, 1, 3);
	CHECK(hands_over(&l, 1, 1));
	CHECK(STATUS(&l, 1).role == RAFT_LEADER && STATUS(&l, 1).transferee == 0);
	lab_clear(&l);
}

TEST(learners_and_strangers_are_no_successors)
{
	struct lab l;
	struct err e;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_change(&l, 1, RAFT_ADD_LEARNER, 4);
	lab_settle(&l);
	CHECK(!raft_transfer(lab_raft(&l, 1), 4, &e) && e.kind == ERR_NOT_FOUND);
	CHECK(!raft_transfer(lab_raft(&l, 1), 9, &e) && e.kind == ERR_NOT_FOUND);
	lab_clear(&l);
}

TEST(a_successor_that_is_removed_is_none)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_change(&l, 1, RAFT_REMOVE, 3);
	lab_isolate(&l, 3);
	hands_over(&l, 1, 3);
	lab_settle(&l);
	CHECK_STR(lab_conf(&l, 1), "1 2");
	CHECK_INT(STATUS(&l, 1).transferee, 0);
	lab_clear(&l);
}

TEST_MAIN()
