/* Elections: Raft 5.2 and 5.4.1, pre-vote and leases (dissertation 4.2.3, 9.6). */
#include "raft_lab.h"
#include "test.h"

#define ROLE(l, id) raft_status(lab_raft(l, id)).role
#define TERM(l, id) raft_status(lab_raft(l, id)).term

static struct raft_config careful(uint64_t id)
{
	struct raft_config c = lab_plain(id);

	c.pre_vote = c.check_quorum = true;
	return c;
}

static struct raft_config with_pre_vote(uint64_t id)
{
	struct raft_config c = lab_plain(id);

	c.pre_vote = true;
	return c;
}

static unsigned leaders(struct lab *l)
{
	unsigned count = 0;

	for (unsigned id = 1; id <= l->count; id++)
		count += lab_raft(l, id) && ROLE(l, id) == RAFT_LEADER;
	return count;
}

TEST(everybody_starts_as_a_follower)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	for (unsigned id = 1; id <= 3; id++)
		CHECK(ROLE(&l, id) == RAFT_FOLLOWER && !raft_has_ready(lab_raft(&l, id)));
	lab_clear(&l);
}

TEST(a_follower_that_hears_nothing_asks_all_for_their_vote_in_a_new_term)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_tick(&l, 1, 20);
	CHECK(ROLE(&l, 1) == RAFT_CANDIDATE);
	CHECK_INT(raft_status(lab_raft(&l, 1)).vote, 1);
	CHECK_STR(lab_says(&l, 1), "1->2 MsgVote Term:2 Log:1/1\n1->3 MsgVote Term:2 Log:1/1");
	lab_clear(&l);
}

TEST(a_candidate_without_an_answer_begins_again_in_the_next_term)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_tick(&l, 1, 20);
	lab_says(&l, 1);
	lab_tick(&l, 1, 20);
	CHECK(TERM(&l, 1) > 2 && ROLE(&l, 1) == RAFT_CANDIDATE);
	lab_clear(&l);
}

TEST(heartbeats_keep_followers_from_campaigning)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	for (int i = 0; i < 100; i++) {
		for (unsigned id = 1; id <= 3; id++)
			lab_tick(&l, id, 1);
		lab_settle(&l);
	}
	CHECK(ROLE(&l, 1) == RAFT_LEADER && TERM(&l, 1) == 2);
	lab_clear(&l);
}

/* Answers to a candidate of n: y grants, n refuses. */
static enum raft_role after_votes(unsigned n, const char *answers)
{
	struct lab l;
	enum raft_role role;

	lab_init(&l, n, lab_plain);
	raft_campaign(lab_raft(&l, 1));
	lab_says(&l, 1);
	for (unsigned i = 0; answers[i]; i++) {
		struct raft_message *m = lab_message(RAFT_VOTE_REPLY, i + 2, 1, 2);

		m->reject = answers[i] == 'n';
		lab_step(lab_raft(&l, 1), m);
	}
	role = ROLE(&l, 1);
	lab_clear(&l);
	return role;
}

TEST(a_majority_of_votes_makes_a_leader_and_nothing_less)
{
	CHECK(after_votes(3, "") == RAFT_CANDIDATE);
	CHECK(after_votes(3, "y") == RAFT_LEADER);
	CHECK(after_votes(3, "n") == RAFT_CANDIDATE);
	CHECK(after_votes(3, "ny") == RAFT_LEADER);
	CHECK(after_votes(3, "nn") == RAFT_FOLLOWER);
	CHECK(after_votes(4, "y") == RAFT_CANDIDATE);
	CHECK(after_votes(4, "yy") == RAFT_LEADER);
	CHECK(after_votes(4, "nn") == RAFT_FOLLOWER);
	CHECK(after_votes(5, "yy") == RAFT_LEADER);
	CHECK(after_votes(5, "ynn") == RAFT_CANDIDATE);
	CHECK(after_votes(5, "nnn") == RAFT_FOLLOWER);
	CHECK(after_votes(7, "yynny") == RAFT_LEADER);
}

TEST(a_vote_counts_once_however_often_it_comes)
{
	struct lab l;

	lab_init(&l, 5, lab_plain);
	raft_campaign(lab_raft(&l, 1));
	lab_says(&l, 1);
	for (int i = 0; i < 3; i++)
		lab_step(lab_raft(&l, 1), lab_message(RAFT_VOTE_REPLY, 2, 1, 2));
	CHECK(ROLE(&l, 1) == RAFT_CANDIDATE);
	lab_clear(&l);
}

TEST(its_own_vote_counts_when_it_is_on_the_disk)
{
	struct lab l;

	lab_init(&l, 1, lab_plain);
	raft_campaign(lab_raft(&l, 1));
	CHECK(ROLE(&l, 1) == RAFT_CANDIDATE);
	CHECK(raft_ready(lab_raft(&l, 1))->must_sync);
	CHECK(ROLE(&l, 1) == RAFT_CANDIDATE);

	raft_advance(lab_raft(&l, 1));
	CHECK(ROLE(&l, 1) == RAFT_LEADER);
	lab_clear(&l);
}

TEST(a_term_has_one_vote_and_the_first_who_asks_gets_it)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	for (uint64_t from = 2; from <= 3; from++) {
		struct raft_message *m = lab_message(RAFT_VOTE, from, 1, 5);

		m->index = m->log_term = 1;
		lab_step(lab_raft(&l, 1), m);
	}
	CHECK_STR(lab_says(&l, 1), "1->2 MsgVoteResp Term:5 Log:0/0\n"
				   "1->3 MsgVoteResp Term:5 Log:0/0 Rejected (Hint: 0)");

	struct raft_message *again = lab_message(RAFT_VOTE, 2, 1, 5);
	again->index = again->log_term = 1;
	lab_step(lab_raft(&l, 1), again);
	CHECK_STR(lab_says(&l, 1), "1->2 MsgVoteResp Term:5 Log:0/0");
	lab_clear(&l);
}

TEST(a_vote_survives_a_crash)
{
	struct lab l;
	struct raft_message *m;

	lab_init(&l, 3, lab_plain);
	m = lab_message(RAFT_VOTE, 2, 1, 5);
	m->index = m->log_term = 1;
	lab_step(lab_raft(&l, 1), m);
	CHECK_STR(lab_says(&l, 1), "1->2 MsgVoteResp Term:5 Log:0/0");

	lab_restart(&l, 1);
	m = lab_message(RAFT_VOTE, 3, 1, 5);
	m->index = m->log_term = 1;
	lab_step(lab_raft(&l, 1), m);
	CHECK_STR(lab_says(&l, 1), "1->3 MsgVoteResp Term:5 Log:0/0 Rejected (Hint: 0)");
	lab_clear(&l);
}

TEST(a_vote_leaves_only_when_it_is_on_the_disk)
{
	struct lab l;
	struct raft_message *m;
	const struct raft_ready *rd;

	lab_init(&l, 3, lab_plain);
	m = lab_message(RAFT_VOTE, 2, 1, 5);
	m->index = m->log_term = 1;
	lab_step(lab_raft(&l, 1), m);

	rd = raft_ready(lab_raft(&l, 1));
	CHECK(rd->must_sync && rd->ballot_changed && rd->hard.vote == 2);
	CHECK_INT(rd->message_count, 1);
	CHECK_INT(rd->early_count, 0);
	raft_advance(lab_raft(&l, 1));
	lab_clear(&l);
}

/* Does a member whose log ends with term 3 at index 3 vote for a candidate with this end? */
static bool votes_for(uint64_t term, uint64_t index)
{
	struct lab l;
	struct raft_message *m;
	bool granted;

	lab_init(&l, 3, lab_plain);
	m = lab_message(RAFT_APPEND, 3, 1, 3);
	m->index = m->log_term = 1;
	lab_attach(m, (uint64_t[]){ 2, 3, 0 });
	lab_step(lab_raft(&l, 1), m);
	lab_says(&l, 1);

	m = lab_message(RAFT_VOTE, 2, 1, 9);
	m->index = index;
	m->log_term = term;
	lab_step(lab_raft(&l, 1), m);
	granted = !strstr(lab_says(&l, 1), "Rejected");
	lab_clear(&l);
	return granted;
}

TEST(only_a_log_that_is_as_good_gets_the_vote)
{
	CHECK(votes_for(3, 3));
	CHECK(votes_for(3, 4));
	CHECK(votes_for(4, 2)); /* a later last term beats any length */
	CHECK(!votes_for(3, 2));
	CHECK(!votes_for(2, 9));
}

TEST(a_candidate_gives_way_to_a_leader_of_its_term)
{
	struct lab l;

	for (int kind = 0; kind < 2; kind++) {
		struct raft_message *m;

		lab_init(&l, 3, lab_plain);
		raft_campaign(lab_raft(&l, 1));
		lab_says(&l, 1);
		m = lab_message(kind ? RAFT_APPEND : RAFT_HEARTBEAT, 2, 1, 2);
		m->index = m->log_term = kind;
		lab_step(lab_raft(&l, 1), m);
		CHECK(ROLE(&l, 1) == RAFT_FOLLOWER);
		CHECK_INT(raft_status(lab_raft(&l, 1)).lead, 2);
		lab_clear(&l);
	}
}

TEST(a_higher_term_makes_a_follower_of_everybody)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_step(lab_raft(&l, 1), lab_message(RAFT_HEARTBEAT_REPLY, 2, 1, 7));
	CHECK(ROLE(&l, 1) == RAFT_FOLLOWER && TERM(&l, 1) == 7);
	CHECK_INT(raft_status(lab_raft(&l, 1)).lead, 0);

	lab_step(lab_raft(&l, 1), lab_message(RAFT_HEARTBEAT, 3, 1, 8));
	CHECK(TERM(&l, 1) == 8 && raft_status(lab_raft(&l, 1)).lead == 3);
	lab_clear(&l);
}

TEST(a_lower_term_changes_nothing)
{
	struct lab l;
	struct raft_message *m;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_says(&l, 2);
	m = lab_message(RAFT_APPEND, 3, 2, 1);
	m->index = 2;
	m->log_term = 1;
	lab_step(lab_raft(&l, 2), m);
	CHECK_STR(lab_says(&l, 2), "");
	CHECK_STR(lab_log(&l, 2), "2/2");
	lab_clear(&l);
}

TEST(a_candidate_that_is_behind_is_told_the_term)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_step(lab_raft(&l, 2), lab_message(RAFT_VOTE, 3, 2, 1));
	CHECK_STR(lab_says(&l, 2), "2->3 MsgVoteResp Term:2 Log:0/0 Rejected (Hint: 0)");
	lab_clear(&l);
}

TEST(election_timeouts_spread_over_the_interval_and_follow_the_seed)
{
	unsigned seen[20] = { 0 };

	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct raft_config c = lab_plain(1);
		struct raft_stored none = { 0 };
		struct err e;

		c.seed = seed;
		struct raft *a = raft_new(&c, &none, &e), *b = raft_new(&c, &none, &e);
		CHECK(a->election_timeout >= 10 && a->election_timeout < 20);
		CHECK(a->election_timeout == b->election_timeout);
		seen[a->election_timeout]++;
		raft_free(a);
		raft_free(b);
	}
	for (int ticks = 10; ticks < 20; ticks++)
		CHECK(seen[ticks] > 20);
}

TEST(a_split_vote_is_resolved_by_time)
{
	struct lab l;

	lab_init(&l, 4, lab_plain);
	raft_campaign(lab_raft(&l, 1));
	raft_campaign(lab_raft(&l, 2));
	lab_settle(&l);
	for (int i = 0; i < 200 && leaders(&l) == 0; i++) {
		for (unsigned id = 1; id <= 4; id++)
			lab_tick(&l, id, 1);
		lab_settle(&l);
	}
	CHECK_INT(leaders(&l), 1);
	lab_clear(&l);
}

TEST(with_pre_vote_an_isolated_member_does_not_raise_its_term)
{
	struct lab l;

	lab_init(&l, 3, careful);
	lab_lead(&l, 1);
	lab_isolate(&l, 3);
	for (int i = 0; i < 100; i++) {
		for (unsigned id = 1; id <= 3; id++)
			lab_tick(&l, id, 1);
		lab_settle(&l);
	}
	CHECK(TERM(&l, 3) == 2 && ROLE(&l, 3) == RAFT_PRE_CANDIDATE);

	lab_heal(&l);
	lab_tick(&l, 1, 1);
	lab_settle(&l);
	CHECK(ROLE(&l, 1) == RAFT_LEADER && TERM(&l, 1) == 2 && ROLE(&l, 3) == RAFT_FOLLOWER);
	lab_clear(&l);
}

TEST(a_refused_pre_vote_tells_the_higher_term)
{
	struct lab l;

	lab_init(&l, 3, with_pre_vote);
	for (uint64_t id = 1; id <= 2; id++)
		lab_step(lab_raft(&l, id), lab_message(RAFT_HEARTBEAT, 9, id, 7));
	lab_says(&l, 1);
	lab_says(&l, 2);

	/* Member 3 asks for term 2, and cannot win before it knows that 7 is over. */
	raft_campaign(lab_raft(&l, 3));
	lab_settle(&l);
	CHECK_INT(TERM(&l, 3), 7);
	raft_forget_leader(lab_raft(&l, 1));
	raft_forget_leader(lab_raft(&l, 2));
	lab_lead(&l, 3);
	CHECK(ROLE(&l, 3) == RAFT_LEADER && TERM(&l, 3) == 8);
	lab_clear(&l);
}

TEST(a_leader_without_a_majority_that_listens_steps_down)
{
	struct lab l;

	lab_init(&l, 3, careful);
	lab_lead(&l, 1);
	lab_isolate(&l, 1);
	for (int i = 0; i < 20; i++) {
		lab_tick(&l, 1, 1);
		lab_settle(&l);
	}
	CHECK(ROLE(&l, 1) == RAFT_FOLLOWER && TERM(&l, 1) == 2);
	lab_clear(&l);
}

TEST(a_leader_with_a_majority_that_listens_stays)
{
	struct lab l;

	lab_init(&l, 5, careful);
	lab_lead(&l, 1);
	lab_isolate(&l, 4);
	for (unsigned i = 1; i <= 3; i++)
		l.cut[i][5] = l.cut[5][i] = true;
	for (int i = 0; i < 100; i++) {
		lab_tick(&l, 1, 1);
		lab_settle(&l);
	}
	CHECK(ROLE(&l, 1) == RAFT_LEADER);
	lab_clear(&l);
}

TEST(who_has_heard_of_a_leader_just_now_ignores_candidates_but_not_its_chosen_one)
{
	struct lab l;
	struct raft_message *m;

	lab_init(&l, 3, careful);
	lab_lead(&l, 1);
	m = lab_message(RAFT_VOTE, 3, 2, 9);
	m->index = m->log_term = 2;
	lab_step(lab_raft(&l, 2), m);
	CHECK_STR(lab_says(&l, 2), "");
	CHECK_INT(TERM(&l, 2), 2);

	m = lab_message(RAFT_VOTE, 3, 2, 9);
	m->index = m->log_term = 2;
	m->forced = true;
	lab_step(lab_raft(&l, 2), m);
	CHECK_STR(lab_says(&l, 2), "2->3 MsgVoteResp Term:9 Log:0/0");
	lab_clear(&l);
}

TEST(a_member_stuck_in_a_higher_term_is_freed)
{
	struct lab l;

	lab_init(&l, 3, careful);
	lab_lead(&l, 1);
	/* It campaigned for real, alone, and its requests were never heard. */
	lab_raft(&l, 3)->term = 9;
	lab_tick(&l, 1, 1);
	lab_settle(&l);
	CHECK(ROLE(&l, 1) == RAFT_FOLLOWER);
	CHECK_INT(TERM(&l, 1), 9);
	raft_forget_leader(lab_raft(&l, 2));
	raft_forget_leader(lab_raft(&l, 3));
	lab_lead(&l, 1);
	CHECK(ROLE(&l, 1) == RAFT_LEADER && raft_status(lab_raft(&l, 3)).lead == 1);
	lab_clear(&l);
}

TEST(followers_who_know_that_the_leader_is_gone_replace_it_at_once)
{
	struct lab l;

	lab_init(&l, 3, careful);
	lab_lead(&l, 1);
	lab_crash(&l, 1);
	raft_forget_leader(lab_raft(&l, 2));
	raft_forget_leader(lab_raft(&l, 3));
	raft_election_now(lab_raft(&l, 3));
	lab_settle(&l);
	CHECK(ROLE(&l, 3) == RAFT_LEADER && TERM(&l, 3) == 3);
	lab_clear(&l);
}

TEST(a_wrong_alarm_does_not_replace_a_healthy_leader)
{
	struct lab l;

	lab_init(&l, 3, careful);
	lab_lead(&l, 1);
	raft_election_now(lab_raft(&l, 3));
	lab_settle(&l);
	lab_tick(&l, 1, 1);
	lab_settle(&l);
	CHECK(ROLE(&l, 1) == RAFT_LEADER && TERM(&l, 1) == 2);
	CHECK_INT(raft_status(lab_raft(&l, 3)).lead, 1);
	lab_clear(&l);
}

TEST(a_sole_voter_leads_in_a_new_term_after_each_start)
{
	struct lab l;

	lab_init(&l, 1, careful);
	for (uint64_t term = 2; term < 6; term++) {
		lab_lead(&l, 1);
		CHECK(ROLE(&l, 1) == RAFT_LEADER);
		CHECK_INT(TERM(&l, 1), term);
		lab_restart(&l, 1);
		CHECK(ROLE(&l, 1) == RAFT_FOLLOWER);
	}
	lab_clear(&l);
}

TEST_MAIN()
