/* Replication and commit: Raft 5.3 and 5.4.2, flow control, and what must never be believed. */
#include "base/mem.h"
#include "raft_lab.h"
#include "test.h"

#define STATUS(l, id) raft_status(lab_raft(l, id))

static struct raft_config with_small_messages(uint64_t id)
{
	struct raft_config c = lab_plain(id);

	c.message_bytes_max = 100;
	return c;
}

static struct raft_config with_small_window(uint64_t id)
{
	struct raft_config c = lab_plain(id);

	c.inflight_max = 2;
	c.message_bytes_max = 1;
	return c;
}

static struct raft_config with_small_tail(uint64_t id)
{
	struct raft_config c = lab_plain(id);

	c.uncommitted_bytes_max = 100;
	c.proposal_bytes_max = 150;
	return c;
}

static struct raft_peer_status peer(struct lab *l, uint64_t id, uint64_t of)
{
	struct raft_peer_status p = { 0 };

	for (unsigned i = 0; raft_peer(lab_raft(l, id), i, &p); i++)
		if (p.id == of)
			break;
	return p;
}

TEST(what_is_proposed_is_applied_by_all_in_order)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	CHECK_INT(lab_propose(&l, 1, "a"), 3);
	CHECK_INT(lab_propose(&l, 1, "b"), 4);
	lab_settle(&l);
	for (unsigned id = 1; id <= 3; id++) {
		CHECK_STR(l.nodes[id].applied, "a b ");
		CHECK_STR(lab_log(&l, id), "2/2 2/3 2/4");
		CHECK_INT(STATUS(&l, id).committed, 4);
	}
	lab_clear(&l);
}

TEST(only_a_leader_takes_proposals)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	CHECK_INT(lab_propose(&l, 1, "a"), 0);
	lab_lead(&l, 1);
	CHECK_INT(lab_propose(&l, 2, "a"), 0);
	lab_clear(&l);
}

TEST(a_majority_commits_and_a_minority_does_not)
{
	struct lab l;

	lab_init(&l, 5, lab_plain);
	lab_lead(&l, 1);
	lab_crash(&l, 4);
	lab_crash(&l, 5);
	lab_propose(&l, 1, "a");
	lab_settle(&l);
	CHECK_STR(l.nodes[1].applied, "a ");

	lab_crash(&l, 3);
	lab_propose(&l, 1, "b");
	lab_settle(&l);
	CHECK_STR(l.nodes[1].applied, "a ");
	lab_clear(&l);
}

TEST(a_leader_counts_its_own_copy_when_its_disk_has_it)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_propose(&l, 1, "a");

	/* The append leaves while the disk works. */
	const struct raft_ready *rd = raft_ready(lab_raft(&l, 1));
	CHECK(rd->must_sync && rd->entry_count == 1);
	CHECK_INT(rd->early_count, 2);
	CHECK(rd->messages[0]->kind == RAFT_APPEND);
	CHECK_INT(peer(&l, 1, 1).match, 2);

	/* One copy elsewhere is no majority yet; two are, whatever its own disk does. */
	struct raft_message *m = lab_message(RAFT_APPEND_REPLY, 2, 1, 2);
	m->index = 3;
	lab_step(lab_raft(&l, 1), m);
	CHECK_INT(STATUS(&l, 1).committed, 2);
	m = lab_message(RAFT_APPEND_REPLY, 3, 1, 2);
	m->index = 3;
	lab_step(lab_raft(&l, 1), m);
	CHECK_INT(STATUS(&l, 1).committed, 3);
	raft_advance(lab_raft(&l, 1));
	CHECK_INT(peer(&l, 1, 1).match, 3);
	lab_clear(&l);
}

TEST(a_follower_acknowledges_when_its_disk_has_it)
{
	struct lab l;
	struct raft_message *m;

	lab_init(&l, 3, lab_plain);
	m = lab_message(RAFT_APPEND, 1, 2, 2);
	m->index = m->log_term = 1;
	lab_attach(m, (uint64_t[]){ 2, 0 });
	lab_step(lab_raft(&l, 2), m);

	const struct raft_ready *rd = raft_ready(lab_raft(&l, 2));
	CHECK(rd->must_sync && rd->entry_count == 1 && rd->message_count == 1);
	CHECK_INT(rd->early_count, 0);
	raft_advance(lab_raft(&l, 2));
	lab_clear(&l);
}

TEST(a_follower_acknowledges_only_what_the_message_verified)
{
	struct lab l;
	struct raft_message *m;

	/* Three entries of an old leader; the new one verifies the first. */
	lab_init(&l, 3, lab_plain);
	m = lab_message(RAFT_APPEND, 1, 2, 2);
	m->index = m->log_term = 1;
	lab_attach(m, (uint64_t[]){ 2, 2, 2, 0 });
	lab_step(lab_raft(&l, 2), m);
	CHECK_STR(lab_says(&l, 2), "2->1 MsgAppResp Term:2 Log:0/4");

	m = lab_message(RAFT_APPEND, 3, 2, 3);
	m->index = 2;
	m->log_term = 2;
	m->commit = 4;
	lab_step(lab_raft(&l, 2), m);
	CHECK_STR(lab_says(&l, 2), "2->3 MsgAppResp Term:3 Log:0/2");
	CHECK_INT(STATUS(&l, 2).committed, 2);
	lab_clear(&l);
}

TEST(an_append_needs_the_entry_before_it)
{
	struct lab l;
	struct raft_message *m;

	lab_init(&l, 3, lab_plain);
	m = lab_message(RAFT_APPEND, 1, 2, 3);
	m->index = 5;
	m->log_term = 3;
	lab_step(lab_raft(&l, 2), m);
	CHECK_STR(lab_says(&l, 2), "2->1 MsgAppResp Term:3 Log:1/5 Rejected (Hint: 1)");
	lab_clear(&l);
}

/* A follower's log (terms of entries 2...), an append after `index` of `log_term`, the result. */
static const char *log_after(struct lab *l, const uint64_t *has, uint64_t index, uint64_t log_term,
			     const uint64_t *gets)
{
	struct raft_message *m = lab_message(RAFT_APPEND, 1, 2, 8);

	lab_init(l, 3, lab_plain);
	m->index = m->log_term = 1;
	lab_attach(m, has);
	lab_step(lab_raft(l, 2), m);
	m = lab_message(RAFT_APPEND, 3, 2, 9);
	m->index = index;
	m->log_term = log_term;
	lab_attach(m, gets);
	lab_step(lab_raft(l, 2), m);
	lab_says(l, 2);
	return lab_log(l, 2);
}

TEST(a_conflict_cuts_the_log_and_nothing_else_does)
{
	struct lab l;

	CHECK_STR(log_after(&l, (uint64_t[]){ 1, 2, 2, 0 }, 2, 1, (uint64_t[]){ 3, 0 }), "1/2 3/3");
	lab_clear(&l);
	CHECK_STR(log_after(&l, (uint64_t[]){ 1, 2, 2, 0 }, 1, 1, (uint64_t[]){ 1, 2, 0 }),
		  "1/2 2/3 2/4");
	lab_clear(&l);
	CHECK_STR(log_after(&l, (uint64_t[]){ 1, 2, 2, 0 }, 4, 2, (uint64_t[]){ 3, 0 }),
		  "1/2 2/3 2/4 3/5");
	lab_clear(&l);
	CHECK_STR(log_after(&l, (uint64_t[]){ 1, 2, 2, 0 }, 4, 3, (uint64_t[]){ 3, 0 }),
		  "1/2 2/3 2/4");
	lab_clear(&l);
	CHECK_STR(log_after(&l, (uint64_t[]){ 1, 0 }, 1, 1, (uint64_t[]){ 4, 4, 4, 0 }),
		  "4/2 4/3 4/4");
	lab_clear(&l);
}

TEST(what_was_replaced_while_the_disk_was_busy_is_stored_again)
{
	struct lab l;
	struct raft_message *m;
	const struct raft_ready *rd;

	lab_init(&l, 3, lab_plain);
	m = lab_message(RAFT_APPEND, 1, 2, 2);
	m->index = m->log_term = 1;
	lab_attach(m, (uint64_t[]){ 2, 2, 2, 0 });
	lab_step(lab_raft(&l, 2), m);
	rd = raft_ready(lab_raft(&l, 2));
	CHECK_INT(rd->entry_count, 3);

	m = lab_message(RAFT_APPEND, 3, 2, 3);
	m->index = 3;
	m->log_term = 2;
	lab_attach(m, (uint64_t[]){ 3, 0 });
	lab_step(lab_raft(&l, 2), m);
	raft_advance(lab_raft(&l, 2));
	CHECK_INT(STATUS(&l, 2).stable, 3);

	rd = raft_ready(lab_raft(&l, 2));
	CHECK_INT(rd->entry_count, 1);
	CHECK(rd->entries[0]->index == 4 && rd->entries[0]->term == 3);
	raft_advance(lab_raft(&l, 2));
	CHECK_INT(STATUS(&l, 2).stable, 4);
	lab_clear(&l);
}

TEST(what_was_cut_is_also_cut_on_the_disk)
{
	struct lab l;

	log_after(&l, (uint64_t[]){ 1, 2, 2, 0 }, 2, 1, (uint64_t[]){ 3, 0 });
	lab_restart(&l, 2);
	CHECK_STR(lab_log(&l, 2), "1/2 3/3");
	lab_clear(&l);
}

/* Figure 7: whatever a follower's log is, the leader makes it its own. */
TEST(a_new_leader_brings_every_log_of_figure_7_to_its_own)
{
	static const uint64_t lead[] = { 1, 1, 4, 4, 5, 5, 6, 6, 6, 0 };
	static const uint64_t logs[][12] = {
		{ 1, 1, 4, 4, 5, 5, 6, 6, 0 },
		{ 1, 1, 4, 0 },
		{ 1, 1, 4, 4, 5, 5, 6, 6, 6, 6, 0 },
		{ 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7, 0 },
		{ 1, 1, 4, 4, 4, 4, 0 },
		{ 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
		struct lab l;

		lab_init(&l, 3, lab_plain);
		for (uint64_t id = 1; id <= 2; id++) {
			struct raft_message *m = lab_message(RAFT_APPEND, 9, id, 7);

			m->index = m->log_term = 1;
			lab_attach(m, id == 1 ? lead : logs[i]);
			lab_step(lab_raft(&l, id), m);
			lab_says(&l, id);
		}
		lab_lead(&l, 1);
		CHECK(STATUS(&l, 1).role == RAFT_LEADER);
		CHECK_STR(lab_log(&l, 2), "1/2 1/3 4/4 4/5 5/6 5/7 6/8 6/9 6/10 8/11");
		CHECK_INT(STATUS(&l, 2).committed, 11);
		lab_clear(&l);
	}
}

/* Figure 8: an entry of an older term on a majority may still be replaced, so counting does
 * not commit it; the first entry of the leader's own term does. */
TEST(an_entry_of_an_older_term_is_not_committed_by_counting)
{
	struct lab l;
	struct raft_message *m;

	lab_init(&l, 5, lab_plain);
	m = lab_message(RAFT_APPEND, 9, 1, 2);
	m->index = m->log_term = 1;
	lab_attach(m, (uint64_t[]){ 2, 0 });
	lab_step(lab_raft(&l, 1), m);
	lab_says(&l, 1);
	lab_raft(&l, 1)->term = 3;

	raft_campaign(lab_raft(&l, 1));
	lab_says(&l, 1);
	for (uint64_t id = 2; id <= 3; id++)
		lab_step(lab_raft(&l, 1), lab_message(RAFT_VOTE_REPLY, id, 1, 4));
	lab_says(&l, 1);
	CHECK_STR(lab_log(&l, 1), "2/2 4/3");

	for (uint64_t id = 2; id <= 5; id++) {
		m = lab_message(RAFT_APPEND_REPLY, id, 1, 4);
		m->index = 2;
		lab_step(lab_raft(&l, 1), m);
	}
	CHECK_INT(STATUS(&l, 1).committed, 1);

	for (uint64_t id = 2; id <= 3; id++) {
		m = lab_message(RAFT_APPEND_REPLY, id, 1, 4);
		m->index = 3;
		lab_step(lab_raft(&l, 1), m);
	}
	CHECK_INT(STATUS(&l, 1).committed, 3);
	lab_clear(&l);
}

TEST(a_new_leader_has_an_entry_of_its_term_at_once)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	raft_campaign(lab_raft(&l, 1));
	lab_says(&l, 1);
	lab_step(lab_raft(&l, 1), lab_message(RAFT_VOTE_REPLY, 2, 1, 2));
	CHECK(STATUS(&l, 1).role == RAFT_LEADER && !STATUS(&l, 1).leads_fully);
	CHECK_STR(lab_log(&l, 1), "2/2");
	CHECK_INT(raft_entry_at(lab_raft(&l, 1), 2)->size, 0);

	lab_settle(&l);
	lab_tick(&l, 1, 1);
	lab_settle(&l);
	CHECK(STATUS(&l, 1).leads_fully);
	lab_clear(&l);
}

TEST(commit_follows_the_majority_under_steady_load)
{
	struct lab l;

	/* There is always one more entry that nobody has yet. */
	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_propose(&l, 1, "x");
	for (int i = 0; i < 50; i++) {
		lab_work(&l, 1);
		lab_propose(&l, 1, "x");
		lab_deliver(&l);
		lab_work(&l, 2);
		lab_work(&l, 3);
		lab_propose(&l, 1, "x");
		lab_deliver(&l);
		CHECK(STATUS(&l, 1).last <= STATUS(&l, 1).committed + 4);
	}
	lab_clear(&l);
}

TEST(committed_entries_survive_the_crash_of_everybody)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_propose(&l, 1, "a");
	lab_settle(&l);
	for (uint64_t id = 1; id <= 3; id++)
		lab_restart(&l, id);
	lab_lead(&l, 2);
	for (uint64_t id = 1; id <= 3; id++)
		CHECK_STR(l.nodes[id].applied, "a ");
	lab_clear(&l);
}

TEST(doubled_and_old_messages_change_nothing)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	for (int i = 0; i < 10; i++) {
		lab_propose(&l, 1, "x");
		for (unsigned id = 1; id <= 3; id++)
			lab_work(&l, id);
		for (size_t k = 0, n = l.network.count; k < n; k++)
			message_list_push(&l.network, raft_message_dup(l.network.at[n - 1 - k]));
		lab_deliver(&l);
	}
	lab_settle(&l);
	CHECK_STR(l.nodes[2].applied, l.nodes[1].applied);
	CHECK_STR(l.nodes[3].applied, l.nodes[1].applied);
	CHECK_INT(strlen(l.nodes[1].applied), 20);
	lab_clear(&l);
}

TEST(a_message_has_a_limit_and_one_entry_always_fits)
{
	struct lab l;
	char large[401];

	memset(large, 'x', 400);
	large[400] = '\0';
	lab_init(&l, 2, with_small_messages);
	lab_lead(&l, 1);
	lab_isolate(&l, 2);
	for (int i = 0; i < 6; i++)
		lab_propose(&l, 1, i == 3 ? large : "0123456789");
	lab_settle(&l);
	lab_heal(&l);

	raft_report_unreachable(lab_raft(&l, 1), 2);
	lab_tick(&l, 1, 1);
	for (int round = 0; round < 20; round++) {
		lab_work(&l, 1);
		for (size_t i = 0; i < l.network.count; i++) {
			const struct raft_message *m = l.network.at[i];
			uint64_t bytes = 0;

			for (size_t k = 0; k < m->entry_count; k++)
				bytes += raft_entry_weight(m->entries[k]);
			CHECK(bytes <= 100 || m->entry_count == 1);
		}
		lab_deliver(&l);
		lab_work(&l, 2);
		lab_deliver(&l);
	}
	CHECK_STR(lab_log(&l, 2), lab_log(&l, 1));
	CHECK_INT(STATUS(&l, 2).last, 8);
	lab_clear(&l);
}

TEST(a_full_window_holds_further_appends_back)
{
	struct lab l;

	lab_init(&l, 3, with_small_window);
	lab_lead(&l, 1);
	lab_isolate(&l, 3);
	for (int i = 0; i < 10; i++)
		lab_propose(&l, 1, "x");
	lab_settle(&l);
	CHECK(peer(&l, 1, 3).is_full && peer(&l, 1, 3).is_paused);
	CHECK_INT(peer(&l, 1, 3).inflight, 2);
	CHECK_INT(STATUS(&l, 1).committed, 12);

	/* All in the window was lost; a heartbeat's answer starts it again. */
	lab_heal(&l);
	lab_tick(&l, 1, 1);
	lab_settle(&l);
	lab_tick(&l, 1, 1);
	lab_settle(&l);
	CHECK_INT(STATUS(&l, 3).committed, 12);
	CHECK_INT(peer(&l, 1, 3).inflight, 0);
	lab_clear(&l);
}

TEST(the_uncommitted_tail_has_a_limit_and_one_proposal_always_fits)
{
	struct lab l;
	char large[152];
	uint64_t index;
	struct err e;

	memset(large, 'x', sizeof(large));
	lab_init(&l, 3, with_small_tail);
	lab_lead(&l, 1);
	lab_isolate(&l, 1);
	CHECK(raft_propose(lab_raft(&l, 1), large, 150, &index, &e));
	CHECK(!raft_propose(lab_raft(&l, 1), large, 1, &index, &e) && e.kind == ERR_EXHAUSTED);

	lab_heal(&l);
	lab_tick(&l, 1, 1);
	lab_settle(&l);
	lab_tick(&l, 1, 1);
	lab_settle(&l);
	CHECK(raft_propose(lab_raft(&l, 1), large, 60, &index, &e));
	CHECK(raft_propose(lab_raft(&l, 1), large, 40, &index, &e));
	CHECK(!raft_propose(lab_raft(&l, 1), large, 1, &index, &e) && e.kind == ERR_EXHAUSTED);
	CHECK(!raft_propose(lab_raft(&l, 1), large, 151, &index, &e) && e.kind == ERR_INVALID);
	lab_clear(&l);
}

TEST(an_unreachable_peer_is_probed_and_recovers)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	raft_report_unreachable(lab_raft(&l, 1), 2);
	CHECK(peer(&l, 1, 2).state == RAFT_PROBE);
	lab_tick(&l, 1, 1);
	lab_settle(&l);
	CHECK(peer(&l, 1, 2).state == RAFT_REPLICATE);
	lab_clear(&l);
}

TEST(a_heartbeat_commits_only_what_the_follower_is_known_to_have)
{
	struct lab l;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_isolate(&l, 3);
	lab_propose(&l, 1, "a");
	lab_settle(&l);
	lab_tick(&l, 1, 1);
	CHECK_STR(lab_says(&l, 1), "1->2 MsgHeartbeat Term:2 Log:0/0 Commit:3\n"
				   "1->3 MsgHeartbeat Term:2 Log:0/0 Commit:2");
	lab_clear(&l);
}

TEST(a_member_whose_disk_was_lost_says_so)
{
	struct lab l;
	struct raft_message *m;
	struct err e;

	lab_init(&l, 3, lab_plain);
	m = lab_message(RAFT_HEARTBEAT, 1, 2, 2);
	m->commit = 40;
	CHECK(!raft_step(lab_raft(&l, 2), m, &e) && e.kind == ERR_INTERNAL);
	raft_message_free(m);
	lab_clear(&l);
}

TEST(a_second_leader_of_the_same_term_is_a_contradiction)
{
	struct lab l;
	struct raft_message *m = lab_message(RAFT_HEARTBEAT, 2, 1, 2);
	struct err e;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	CHECK(!raft_step(lab_raft(&l, 1), m, &e) && e.kind == ERR_INTERNAL);
	raft_message_free(m);
	lab_clear(&l);
}

TEST(an_old_append_below_the_commit_is_answered_with_the_commit)
{
	struct lab l;
	struct raft_message *m;

	lab_init(&l, 3, lab_plain);
	lab_lead(&l, 1);
	lab_propose(&l, 1, "a");
	lab_settle(&l);
	m = lab_message(RAFT_APPEND, 1, 2, 2);
	m->index = m->log_term = 1;
	lab_attach(m, (uint64_t[]){ 2, 0 });
	lab_step(lab_raft(&l, 2), m);
	CHECK_STR(lab_says(&l, 2), "2->1 MsgAppResp Term:2 Log:0/3");
	CHECK_STR(lab_log(&l, 2), "2/2 2/3");
	lab_clear(&l);
}

TEST(a_message_that_makes_no_sense_is_refused)
{
	struct lab l;
	struct raft_message good = { .kind = RAFT_HEARTBEAT, .from = 2, .to = 1, .term = 2 };
	struct raft_message bad[] = { good, good, good, good, good, good, good };
	struct err e;

	bad[0].kind = (enum raft_message_kind)2;
	bad[1].kind = (enum raft_message_kind)12;
	bad[2].to = 3;
	bad[3].from = 0;
	bad[4].from = 1;
	bad[5].term = 0;
	bad[6].kind = RAFT_SNAPSHOT;
	lab_init(&l, 3, lab_plain);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!raft_step(lab_raft(&l, 1), &bad[i], &e) && e.kind == ERR_INVALID);
	CHECK(raft_step(lab_raft(&l, 1), &good, &e));
	lab_clear(&l);
}

TEST(entries_that_do_not_follow_each_other_are_refused)
{
	static const struct {
		uint64_t after, log_term, term;
		uint64_t terms[4];
		uint64_t shift;
	} cases[] = {
		{ 1, 1, 3, { 3, 2, 0 }, 0 }, /* terms decrease */
		{ 1, 1, 3, { 4, 0 }, 0 },    /* newer than the message */
		{ 1, 3, 3, { 2, 0 }, 0 },    /* older than the entry before */
		{ 1, 1, 3, { 3, 0 }, 1 },    /* a hole */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct raft_message *m = lab_message(RAFT_APPEND, 2, 1, cases[i].term);
		struct lab l;
		struct err e;

		lab_init(&l, 3, lab_plain);
		m->index = cases[i].after;
		m->log_term = cases[i].log_term;
		lab_attach(m, cases[i].terms);
		m->index -= cases[i].shift;
		CHECK(!raft_step(lab_raft(&l, 1), m, &e) && e.kind == ERR_INVALID);
		raft_message_free(m);
		lab_clear(&l);
	}
}

TEST(a_stored_log_that_cannot_be_does_not_start)
{
	struct raft_config c = lab_plain(1);
	struct raft_entry *one = raft_entry_new(1, 2, NULL, 0),
			  *three = raft_entry_new(3, 2, NULL, 0);
	struct raft_entry *two = raft_entry_new(2, 1, NULL, 0);
	struct raft_entry *hole[] = { one, three }, *back[] = { one, two };
	struct raft_stored a = { .entries = hole, .entry_count = 2 };
	struct raft_stored b = { .entries = back, .entry_count = 2 };
	struct raft_stored past = { .hard = { .commit = 2 }, .entries = hole, .entry_count = 1 };
	struct err e;

	CHECK(!raft_new(&c, &a, &e) && e.kind == ERR_INTERNAL);
	CHECK(!raft_new(&c, &b, &e) && e.kind == ERR_INTERNAL);
	CHECK(!raft_new(&c, &past, &e) && e.kind == ERR_INTERNAL);
	raft_entry_drop(one);
	raft_entry_drop(two);
	raft_entry_drop(three);
}

TEST_MAIN()
