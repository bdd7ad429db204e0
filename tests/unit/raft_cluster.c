/* A cluster in virtual time that has a bad day: messages are lost, doubled, late and out of
 * order, links break one way or both, members crash between any two steps and lose what they
 * had not synced, disks are slow, disks are wiped for good - while clients write and read and
 * the group grows and shrinks. Then it is left in peace, and must recover.
 *
 * The checkers stand outside the code and know only what members say and apply:
 * one leader a term; the same log wherever index and term are the same; a leader has all that
 * was committed before its term; all apply the same; what was acknowledged is never lost; a
 * read is never older than what was committed when it was asked for; in peace there is
 * progress. `RAFT_SEED=n` runs one seed and tells its story. */
#include <stdarg.h>
#include <stdlib.h>

#include "base/heap.h"
#include "base/mem.h"
#include "base/str.h"
#include "raft/core/describe.h"
#include "raft_lab.h"
#include "test.h"

#define MEMBERS_MAX 40
#define TERMS_MAX   4096
#define ENTRIES_MAX 8192
#define READS_MAX   4096
#define PENDING_MAX 64
#define TICK_MS     10
#define CHAOS_MS    3000
#define CALM_MS     30000

struct pending {
	uint64_t index, term;
};

struct member {
	uint64_t id; /* 0: never existed */
	struct raft *raft;
	struct disk disk;
	uint64_t incarnation;
	bool is_wiped;    /* gone for good: burned, or destroyed after it left */
	uint64_t left_at; /* the index of its removal, when that is committed */
	bool is_storing, has_slow_disk;
	const struct raft_ready *ready;
	uint64_t applied, digest, seen_commit;
	unsigned since_snapshot;
	struct pending pending[PENDING_MAX];
	unsigned pending_count;
	enum raft_role role;
	uint64_t role_term;
};

struct truth {
	uint64_t term, hash, digest, seen_in_term;
};

struct settings {
	unsigned voters;
	bool changes_size, pre_vote, check_quorum;
	bool is_stormy;          /* a fixed group whose leaders hardly live: old tails everywhere */
	uint64_t loss, doubling; /* of 1000 */
	int64_t delay_ms, disk_ms;
	uint64_t crash; /* of 10000, at each step of a Ready */
	unsigned snapshot_every;
	uint64_t message_bytes, inflight, apply_bytes;
};

struct world {
	struct prng prng;
	struct settings set;
	struct heap heap;
	int64_t now;
	bool is_calm, is_told;
	struct member members[MEMBERS_MAX + 1];
	uint64_t member_count;
	bool cut[MEMBERS_MAX + 1][MEMBERS_MAX + 1];

	struct truth log[ENTRIES_MAX]; /* [index]: what was committed there */
	uint64_t committed, acknowledged;
	uint64_t leader_of[TERMS_MAX];
	struct raft_conf conf; /* after all that was committed */
	uint64_t read_floor[READS_MAX];
	unsigned read_count;

	uint64_t joining;
	unsigned plan_step;
	uint64_t acks, answers, crashes, elections, events, trace;
	char violation[512];
};

static const unsigned plan[] = { 1, 2, 3, 5, 7, 5, 3, 1, 3 };

enum event_kind { TICK, DELIVER, STORED, CLIENT, FAULT, GROUP, RESTART, REPAIR, REPORT };

struct event {
	struct heap_node at;
	enum event_kind kind;
	uint64_t member, incarnation, about;
	struct raft_message *message;
	bool yes;
};

static void violated(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void violated(struct world *w, const char *format, ...)
{
	va_list args;
	int used;

	if (w->violation[0])
		return;
	used = snprintf(w->violation, sizeof(w->violation), "at %lld ms: ", (long long)w->now);
	va_start(args, format);
	vsnprintf(w->violation + used, sizeof(w->violation) - used, format, args);
	va_end(args);
}

static void tell(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct world *w, const char *format, ...)
{
	va_list args;

	if (!w->is_told)
		return;
	printf("%6lld ", (long long)w->now);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t x = a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2));

	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdu;
	return x ^ (x >> 29);
}

static uint64_t hash_of(const struct raft_entry *e)
{
	uint64_t h = mix(e->kind, mix(e->change.kind, e->change.node));

	for (size_t i = 0; i < e->size; i++)
		h = mix(h, (unsigned char)e->data[i]);
	return h;
}

static bool chance(struct world *w, uint64_t in_1000)
{
	return prng_chance(&w->prng, in_1000, 1000);
}

static struct event *later(struct world *w, int64_t delay_ms, enum event_kind kind,
			   struct member *m)
{
	struct event *e = NEW(struct event);

	e->kind = kind;
	e->member = m ? m->id : 0;
	e->incarnation = m ? m->incarnation : 0;
	heap_set(&w->heap, &e->at, w->now + delay_ms);
	return e;
}

/* --- checkers --------------------------------------------------------------------------------- */

static void check_leader(struct world *w, struct member *m, const struct raft_status *s)
{
	if (s->term >= TERMS_MAX) {
		violated(w, "terms run away");
		return;
	}
	if (w->leader_of[s->term] != 0 && w->leader_of[s->term] != m->id)
		violated(w, "%llu and %llu both lead in term %llu",
			 (unsigned long long)w->leader_of[s->term], (unsigned long long)m->id,
			 (unsigned long long)s->term);
	if (w->leader_of[s->term] == m->id)
		return;
	w->leader_of[s->term] = m->id;
	w->elections++;
	tell(w, "%llu leads in term %llu", (unsigned long long)m->id, (unsigned long long)s->term);

	for (uint64_t i = s->first; i <= w->committed; i++) {
		const struct raft_entry *e = raft_entry_at(m->raft, i);

		if (w->log[i].seen_in_term < s->term && (!e || e->term != w->log[i].term))
			violated(w, "leader %llu of term %llu lacks committed entry %llu/%llu",
				 (unsigned long long)m->id, (unsigned long long)s->term,
				 (unsigned long long)w->log[i].term, (unsigned long long)i);
	}
}

static void drop_id(uint64_t *ids, unsigned *count, uint64_t id)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < *count; i++)
		if (ids[i] != id)
			ids[kept++] = ids[i];
	*count = kept;
}

static void change_truth(struct world *w, const struct raft_change *c)
{
	struct raft_conf *conf = &w->conf;

	if (c->kind == RAFT_UPDATE)
		return;
	drop_id(conf->voters, &conf->voter_count, c->node);
	drop_id(conf->learners, &conf->learner_count, c->node);
	if (c->kind == RAFT_ADD_VOTER)
		conf->voters[conf->voter_count++] = c->node;
	else if (c->kind == RAFT_ADD_LEARNER)
		conf->learners[conf->learner_count++] = c->node;
	else
		w->members[c->node].left_at = w->committed;
	if (w->joining == c->node)
		w->joining = 0;
	tell(w, "group of %u voters, %u learners after change %d of %llu", conf->voter_count,
	     conf->learner_count, (int)c->kind, (unsigned long long)c->node);
}

static void check_commit(struct world *w, struct member *m, const struct raft_entry *e,
			 uint64_t term)
{
	struct truth *t = &w->log[e->index];

	if (e->index >= ENTRIES_MAX - 1) {
		violated(w, "the log runs away");
		return;
	}
	if (e->index <= w->committed) {
		if (t->term != e->term || t->hash != hash_of(e))
			violated(w, "%llu committed %llu/%llu, but %llu/%llu was committed before",
				 (unsigned long long)m->id, (unsigned long long)e->term,
				 (unsigned long long)e->index, (unsigned long long)t->term,
				 (unsigned long long)e->index);
		return;
	}
	if (e->index != w->committed + 1) {
		violated(w, "%llu committed %llu before anyone committed %llu",
			 (unsigned long long)m->id, (unsigned long long)e->index,
			 (unsigned long long)w->committed + 1);
		return;
	}
	*t = (struct truth){ e->term, hash_of(e), mix(t[-1].digest, hash_of(e)), term };
	w->committed = e->index;
	w->trace = mix(w->trace, t->digest);
	if (e->kind == RAFT_CONF_CHANGE)
		change_truth(w, &e->change);
}

static void observe(struct world *w, struct member *m)
{
	struct raft_status s;

	if (!m->raft)
		return;
	s = raft_status(m->raft);
	for (uint64_t i = m->seen_commit + 1; i <= s.committed && !w->violation[0]; i++) {
		const struct raft_entry *e = raft_entry_at(m->raft, i);

		if (e)
			check_commit(w, m, e, s.term);
	}
	m->seen_commit = s.committed;
	if (s.role == RAFT_LEADER && (m->role != RAFT_LEADER || m->role_term != s.term))
		check_leader(w, m, &s);
	m->role = s.role;
	m->role_term = s.term;
}

/* Where two logs agree on one entry they agree on all before it. */
static void check_matching(struct world *w)
{
	const struct member *a = &w->members[1 + prng_below(&w->prng, w->member_count)];
	const struct member *b = &w->members[1 + prng_below(&w->prng, w->member_count)];
	bool agree = false;

	if (!a->raft || !b->raft || a == b)
		return;
	for (uint64_t i = raft_status(a->raft).last; i > 0; i--) {
		const struct raft_entry *x = raft_entry_at(a->raft, i),
					*y = raft_entry_at(b->raft, i);

		if (!x || (!y && agree))
			return;
		if (!y)
			continue;
		if (x->term == y->term)
			agree = true;
		if (agree && (x->term != y->term || hash_of(x) != hash_of(y)))
			violated(w, "the logs of %llu and %llu agree after %llu, but not there",
				 (unsigned long long)a->id, (unsigned long long)b->id,
				 (unsigned long long)i);
	}
}

static void check_applied(struct world *w, struct member *m)
{
	if (m->applied > w->committed || w->log[m->applied].digest != m->digest)
		violated(w, "%llu has applied something else up to %llu", (unsigned long long)m->id,
			 (unsigned long long)m->applied);
}

static void check_read(struct world *w, struct member *m, const struct raft_read *r)
{
	w->answers++;
	if (r->index < w->read_floor[r->ticket])
		violated(w,
			 "a read on %llu is stale: it sees %llu, and %llu was committed before it",
			 (unsigned long long)m->id, (unsigned long long)r->index,
			 (unsigned long long)w->read_floor[r->ticket]);
}

/* --- members ---------------------------------------------------------------------------------- */

static struct raft_config config_of(struct world *w, uint64_t id)
{
	struct raft_config c = raft_config_default(id, prng_next(&w->prng));

	c.pre_vote = w->set.pre_vote;
	c.check_quorum = w->set.check_quorum;
	c.message_bytes_max = w->set.message_bytes;
	c.inflight_max = w->set.inflight;
	c.apply_bytes_max = w->set.apply_bytes;
	return c;
}

static void start(struct world *w, struct member *m)
{
	struct raft_config c = config_of(w, m->id);
	struct err e;

	m->raft = disk_open(&m->disk, &c, &e);
	if (!m->raft) {
		violated(w, "%llu does not start: %s", (unsigned long long)m->id, e.text);
		return;
	}
	m->incarnation++;
	m->is_storing = false;
	m->pending_count = m->since_snapshot = 0;
	m->applied = m->seen_commit = m->disk.snapshot ? m->disk.snapshot->index : 0;
	m->digest = 0;
	if (m->disk.snapshot)
		memcpy(&m->digest, m->disk.snapshot->data, sizeof(m->digest));
	m->role = RAFT_FOLLOWER;
	later(w, prng_between(&w->prng, 1, TICK_MS), TICK, m);
	tell(w, "%llu starts in term %llu", (unsigned long long)m->id,
	     (unsigned long long)m->disk.hard.term);
}

static struct member *new_member(struct world *w)
{
	struct member *m;

	if (w->member_count == MEMBERS_MAX)
		return NULL;
	m = &w->members[++w->member_count];
	m->id = w->member_count;
	return m;
}

static void stop(struct world *w, struct member *m, unsigned kept)
{
	raft_free(m->raft);
	m->raft = NULL;
	m->incarnation++;
	disk_crash(&m->disk, kept);
}

static void crash(struct world *w, struct member *m)
{
	unsigned waiting = disk_waiting(&m->disk);

	tell(w, "%llu crashes", (unsigned long long)m->id);
	w->crashes++;
	stop(w, m, (unsigned)prng_below(&w->prng, waiting + 1));
	later(w, prng_between(&w->prng, 1, w->set.is_stormy ? 60 : 400), RESTART, m);
}

/* Power fails right here, now and then. */
static bool crashes(struct world *w, struct member *m)
{
	if (w->is_calm || !prng_chance(&w->prng, w->set.crash, 10000))
		return false;
	crash(w, m);
	return true;
}

static void wipe(struct world *w, struct member *m)
{
	stop(w, m, 0);
	disk_clear(&m->disk);
	m->is_wiped = true;
}

static void send(struct world *w, struct member *from, const struct raft_message *m)
{
	bool lost = chance(w, w->set.loss) || w->cut[from->id][m->to];
	int copies = lost ? 0 : chance(w, w->set.doubling) ? 2 : 1;

	if (w->is_told && m->kind != RAFT_HEARTBEAT && m->kind != RAFT_HEARTBEAT_REPLY) {
		AUTO_BUF struct buf text = BUF_MAX(4096);

		raft_describe_message(&text, m);
		tell(w, "%s%s", lost ? "lost: " : "", text.data ? text.data : "");
	}
	for (int i = 0; i < copies; i++) {
		struct event *e = later(w, prng_between(&w->prng, 1, w->set.delay_ms), DELIVER,
					&w->members[m->to]);

		e->message = raft_message_dup(m);
	}
	if (m->kind == RAFT_SNAPSHOT) {
		struct event *e = later(w, prng_between(&w->prng, 1, 100), REPORT, from);

		e->about = m->to;
		e->yes = !lost && !chance(w, 50);
	}
	if (lost && chance(w, 300))
		raft_report_unreachable(from->raft, m->to);
}

static void work(struct world *w, struct member *m)
{
	int64_t disk_ms = w->set.disk_ms * (m->has_slow_disk ? 20 : 1);
	const struct raft_ready *rd;

	observe(w, m);
	if (!m->raft || m->is_storing || !raft_has_ready(m->raft) || w->violation[0])
		return;
	rd = m->ready = raft_ready(m->raft);
	m->is_storing = true;
	disk_write(&m->disk, rd);
	later(w, rd->must_sync ? prng_between(&w->prng, 0, disk_ms) : 0, STORED, m);
	for (size_t i = 0; i < rd->early_count; i++) {
		send(w, m, rd->messages[i]);
		if (crashes(w, m))
			return;
	}
}

static void acknowledge(struct world *w, struct member *m, const struct raft_entry *e)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < m->pending_count; i++) {
		if (m->pending[i].index > e->index) {
			m->pending[kept++] = m->pending[i];
		} else if (m->pending[i].index == e->index && m->pending[i].term == e->term) {
			w->acks++;
			if (w->acknowledged < e->index)
				w->acknowledged = e->index;
		}
	}
	m->pending_count = kept;
}

static void apply_entry(struct world *w, struct member *m, const struct raft_entry *e)
{
	if (e->index != m->applied + 1)
		violated(w, "%llu applies %llu after %llu", (unsigned long long)m->id,
			 (unsigned long long)e->index, (unsigned long long)m->applied);
	m->applied = e->index;
	m->digest = mix(m->digest, hash_of(e));
	check_applied(w, m);
	if (e->kind == RAFT_CONF_CHANGE)
		raft_apply_conf_change(m->raft, &e->change);
	acknowledge(w, m, e);
	m->since_snapshot++;
}

static void take_snapshot(struct world *w, struct member *m)
{
	uint64_t tail = prng_below(&w->prng, 10);
	struct raft_conf conf;
	struct raft_snapshot *s;

	m->since_snapshot = 0;
	raft_conf(m->raft, &conf);
	s = raft_snapshot_new(m->applied, w->log[m->applied].term, &conf, &m->digest,
			      sizeof(m->digest));
	disk_set_snapshot(&m->disk, s);
	raft_set_snapshot(m->raft, s);
	raft_compact(m->raft, m->applied > tail ? m->applied - tail : 0);
	raft_snapshot_drop(s);
}

static void on_stored(struct world *w, struct member *m)
{
	const struct raft_ready *rd = m->ready;

	if (crashes(w, m))
		return;
	if (rd->must_sync)
		disk_sync(&m->disk);
	for (size_t i = rd->early_count; i < rd->message_count; i++) {
		if (crashes(w, m))
			return;
		send(w, m, rd->messages[i]);
	}
	if (rd->snapshot) {
		m->applied = rd->snapshot->index;
		memcpy(&m->digest, rd->snapshot->data, sizeof(m->digest));
		check_applied(w, m);
	}
	for (size_t i = 0; i < rd->committed_count && !w->violation[0]; i++) {
		if (crashes(w, m))
			return;
		apply_entry(w, m, rd->committed[i]);
	}
	for (size_t i = 0; i < rd->read_count; i++)
		check_read(w, m, &rd->reads[i]);
	if (crashes(w, m))
		return;
	m->is_storing = false;
	raft_advance(m->raft);
	observe(w, m);
	if (m->since_snapshot >= w->set.snapshot_every)
		take_snapshot(w, m);
	work(w, m);
}

static void on_message(struct world *w, struct member *m, const struct raft_message *message)
{
	struct err e;

	if (!m->raft || m->is_wiped)
		return;
	if (!raft_step(m->raft, message, &e))
		violated(w, "%llu refuses a message: %s", (unsigned long long)m->id, e.text);
	work(w, m);
}

/* --- the world around them -------------------------------------------------------------------- */

static struct member *some_member(struct world *w)
{
	return &w->members[1 + prng_below(&w->prng, w->member_count)];
}

static struct member *leader(struct world *w)
{
	struct member *best = NULL;

	for (uint64_t id = 1; id <= w->member_count; id++) {
		struct member *m = &w->members[id];

		if (m->raft && m->role == RAFT_LEADER && (!best || best->role_term < m->role_term))
			best = m;
	}
	return best;
}

static void propose(struct world *w, struct member *m)
{
	char data[64];
	int size =
		snprintf(data, sizeof(data), "%llu.%.*s", (unsigned long long)w->events,
			 (int)prng_below(&w->prng, 40), "........................................");
	uint64_t index;
	struct err e;

	if (m->pending_count == PENDING_MAX ||
	    !raft_propose(m->raft, data, (size_t)size, &index, &e))
		return;
	m->pending[m->pending_count++] = (struct pending){ index, raft_status(m->raft).term };
}

static void on_client(struct world *w)
{
	struct member *m = w->is_calm && leader(w) ? leader(w) : some_member(w);
	struct err e;

	later(w, prng_between(&w->prng, 1, w->is_calm ? 400 : 30), CLIENT, NULL);
	if (!m->raft || w->committed > ENTRIES_MAX / 2)
		return;
	for (uint64_t n = w->set.is_stormy ? prng_below(&w->prng, 5) : 1; n > 0; n--)
		propose(w, m);
	if (chance(w, 300) && w->read_count < READS_MAX) {
		w->read_floor[w->read_count] = w->committed;
		if (raft_read_index(m->raft, w->read_count, &e))
			w->read_count++;
	}
	work(w, m);
}

static void mend(struct world *w)
{
	memset(w->cut, 0, sizeof(w->cut));
}

static void partition(struct world *w)
{
	bool one_way = chance(w, 300);
	uint64_t side = prng_next(&w->prng);

	if (leader(w) && chance(w, 300))
		side = UINT64_C(1) << leader(w)->id; /* it alone */
	mend(w);
	for (uint64_t a = 1; a <= w->member_count; a++)
		for (uint64_t b = 1; b <= w->member_count; b++)
			if (((side >> a) & 1) != ((side >> b) & 1))
				w->cut[a][b] = !one_way || ((side >> a) & 1);
	tell(w, "%s partition", one_way ? "one-way" : "full");
	later(w, prng_between(&w->prng, 50, 600), REPAIR, NULL);
}

static bool can_lose_one(const struct world *w)
{
	for (unsigned i = 0; i < w->conf.voter_count; i++)
		if (w->members[w->conf.voters[i]].is_wiped)
			return false;
	return w->conf.voter_count >= 5;
}

static void on_fault(struct world *w)
{
	struct member *m = some_member(w), *boss = leader(w);
	uint64_t dice = prng_below(&w->prng, 100);

	if (w->is_calm)
		return;
	later(w, w->set.is_stormy ? prng_between(&w->prng, 5, 60) : prng_between(&w->prng, 20, 250),
	      FAULT, NULL);
	if (dice < 25 && m->raft) {
		crash(w, m);
	} else if (dice < 40 && boss) {
		crash(w, boss);
	} else if (dice < 70) {
		partition(w);
	} else if (dice < 80) {
		m->has_slow_disk = !m->has_slow_disk;
	} else if (dice < 83 && w->set.changes_size && m->raft && can_lose_one(w) &&
		   raft_conf_has(&w->conf, m->id)) {
		tell(w, "the disk of %llu is wiped", (unsigned long long)m->id);
		wipe(w, m);
	} else if (dice < 92 && m->raft) {
		struct err e;

		(void)!raft_transfer(m->raft, some_member(w)->id, &e);
		work(w, m);
	} else if (m->raft) {
		raft_election_now(m->raft);
		work(w, m);
	}
}

static bool change(struct world *w, struct member *boss, enum raft_change_kind kind, uint64_t id)
{
	struct raft_change c = { .kind = kind, .node = id };
	uint64_t index;
	struct err e;
	bool ok = raft_propose_conf_change(boss->raft, &c, NULL, 0, &index, &e);

	work(w, boss);
	return ok;
}

/* Has everybody who votes learnt that this one left? */
static bool may_be_destroyed(struct world *w, const struct member *gone)
{
	if (gone->left_at == 0 || gone->is_wiped)
		return false;
	for (unsigned i = 0; i < w->conf.voter_count; i++) {
		const struct member *v = &w->members[w->conf.voters[i]];

		if (!v->is_wiped && (!v->raft || v->applied < gone->left_at))
			return false;
	}
	return true;
}

static uint64_t wiped_voter(const struct world *w, const struct raft_conf *conf)
{
	for (unsigned i = 0; i < conf->voter_count; i++)
		if (w->members[conf->voters[i]].is_wiped)
			return conf->voters[i];
	for (unsigned i = 0; i < conf->learner_count; i++)
		if (w->members[conf->learners[i]].is_wiped)
			return conf->learners[i];
	return 0;
}

static void grow(struct world *w, struct member *boss, const struct raft_conf *conf)
{
	struct raft_peer_status p;

	for (unsigned i = 0; raft_peer(boss->raft, i, &p); i++) {
		if (p.is_learner) {
			if (p.match + 5 >= raft_status(boss->raft).last)
				change(w, boss, RAFT_ADD_VOTER, p.id);
			return;
		}
	}
	if (w->joining == 0) {
		struct member *m = new_member(w);

		if (!m)
			return;
		w->joining = m->id;
		start(w, m);
	}
	change(w, boss, chance(w, 300) ? RAFT_ADD_VOTER : RAFT_ADD_LEARNER, w->joining);
}

static void shrink(struct world *w, struct member *boss, const struct raft_conf *conf)
{
	uint64_t id = conf->voters[prng_below(&w->prng, conf->voter_count)];
	struct err e;

	if (id == boss->id && chance(w, 500)) {
		(void)!raft_transfer(boss->raft,
				     conf->voters[prng_below(&w->prng, conf->voter_count)], &e);
		work(w, boss);
		return;
	}
	change(w, boss, RAFT_REMOVE, id);
}

static void on_group(struct world *w)
{
	struct member *boss;
	struct raft_conf conf;
	uint64_t wiped;

	later(w, prng_between(&w->prng, 10, 60), GROUP, NULL);
	for (uint64_t id = 1; id <= w->member_count; id++)
		if (may_be_destroyed(w, &w->members[id]) && (w->is_calm || chance(w, 100))) {
			tell(w, "%llu is destroyed", (unsigned long long)id);
			wipe(w, &w->members[id]);
		}
	boss = leader(w);
	if (!boss || !w->set.changes_size)
		return;

	raft_conf(boss->raft, &conf);
	wiped = wiped_voter(w, &conf);
	if (wiped)
		change(w, boss, RAFT_REMOVE, wiped);
	else if (conf.voter_count < plan[w->plan_step])
		grow(w, boss, &conf);
	else if (conf.voter_count > plan[w->plan_step])
		shrink(w, boss, &conf);
	else if (w->plan_step + 1 < ARRAY_LEN(plan))
		w->plan_step++;
}

static void on_tick(struct world *w, struct member *m)
{
	/* Clocks drift. */
	later(w, TICK_MS + (int64_t)(m->id % 3) - 1, TICK, m);
	raft_tick(m->raft);
	work(w, m);
}

static bool is_stale(const struct event *e, const struct member *m)
{
	return e->member != 0 && e->kind != DELIVER && e->incarnation != m->incarnation;
}

static void handle(struct world *w, struct event *e)
{
	struct member *m = &w->members[e->member];

	w->events++;
	w->trace = mix(w->trace, mix((uint64_t)e->kind, (uint64_t)w->now));
	if (is_stale(e, m))
		return;
	switch (e->kind) {
	case TICK:
		on_tick(w, m);
		break;
	case DELIVER:
		on_message(w, m, e->message);
		break;
	case STORED:
		on_stored(w, m);
		break;
	case CLIENT:
		on_client(w);
		break;
	case FAULT:
		on_fault(w);
		break;
	case GROUP:
		on_group(w);
		break;
	case RESTART:
		start(w, m);
		work(w, m);
		break;
	case REPAIR:
		mend(w);
		break;
	case REPORT:
		raft_report_snapshot(m->raft, e->about, e->yes);
		work(w, m);
		break;
	}
	if (w->events % 64 == 0)
		check_matching(w);
}

static void event_free(struct event *e)
{
	raft_message_free(e->message);
	free(e);
}

static void run_until(struct world *w, int64_t end)
{
	struct heap_node *first;

	while (!w->violation[0] && (first = heap_first(&w->heap)) && first->deadline_ms <= end) {
		struct event *e = heap_entry(first, struct event, at);

		w->now = first->deadline_ms;
		heap_remove(&w->heap, first);
		handle(w, e);
		event_free(e);
	}
	w->now = end;
}

static bool knows_group(const struct world *w, const struct member *m)
{
	struct raft_conf conf;

	raft_conf(m->raft, &conf);
	for (unsigned i = 0; i < w->conf.voter_count; i++)
		if (!raft_conf_has(&conf, w->conf.voters[i]))
			return false;
	return conf.voter_count == w->conf.voter_count &&
	       conf.learner_count == w->conf.learner_count;
}

static bool all_are_equal(const struct world *w)
{
	unsigned leaders = 0;

	for (unsigned i = 0; i < w->conf.voter_count + w->conf.learner_count; i++) {
		uint64_t id = i < w->conf.voter_count ? w->conf.voters[i]
						      : w->conf.learners[i - w->conf.voter_count];
		const struct member *m = &w->members[id];

		if (!m->raft || !knows_group(w, m) || m->applied != w->committed ||
		    m->digest != w->log[w->committed].digest)
			return false;
		leaders += m->role == RAFT_LEADER;
	}
	return leaders == 1;
}

/* Everything works from now on. Whoever can be, is up. */
static void calm(struct world *w)
{
	w->is_calm = true;
	w->set.loss = w->set.doubling = w->set.crash = 0;
	mend(w);
	for (uint64_t id = 1; id <= w->member_count; id++)
		w->members[id].has_slow_disk = false;
	tell(w, "calm");
}

static bool plan_is_done(const struct world *w)
{
	return !w->set.changes_size ||
	       (w->plan_step + 1 == ARRAY_LEN(plan) && w->conf.voter_count == plan[w->plan_step]);
}

static void check_recovery(struct world *w)
{
	int64_t end = w->now + CALM_MS;
	uint64_t goal;

	while (!plan_is_done(w) && w->now < end && !w->violation[0])
		run_until(w, w->now + 50);
	if (!plan_is_done(w))
		violated(w, "the group does not come to its size: step %u, %u voters", w->plan_step,
			 w->conf.voter_count);
	goal = w->committed + 5;
	while ((w->committed < goal || !all_are_equal(w)) && w->now < end + CALM_MS &&
	       !w->violation[0])
		run_until(w, w->now + 10);
	if (w->committed < goal)
		violated(w, "nothing is committed in peace");
	if (!all_are_equal(w))
		violated(w, "the members are not equal in peace");
	if (w->acknowledged > w->committed)
		violated(w, "an acknowledged write is lost");
}

/* --- a seed ----------------------------------------------------------------------------------- */

/* One entry a message, slow disks, quick restarts, elections without courtesy. */
static void draw_storm(struct world *w)
{
	struct prng *p = &w->prng;

	w->set.is_stormy = true;
	w->set.message_bytes = 1;
	w->set.inflight = (uint64_t)prng_between(p, 1, 3);
	w->set.pre_vote = prng_chance(p, 1, 4);
	w->set.check_quorum = prng_chance(p, 1, 4);
	w->set.disk_ms = prng_between(p, 5, 40);
	w->set.crash = (uint64_t)prng_between(p, 30, 150);
	w->set.snapshot_every = (unsigned)prng_between(p, 20, 200);
}

static void draw_settings(struct world *w)
{
	struct prng *p = &w->prng;

	w->set = (struct settings){
		.changes_size = prng_chance(p, 1, 2),
		.voters = prng_chance(p, 1, 2) ? 3 : 5,
		.pre_vote = prng_chance(p, 3, 4),
		.check_quorum = prng_chance(p, 3, 4),
		.loss = prng_below(p, 120),
		.doubling = prng_below(p, 100),
		.delay_ms = prng_between(p, 1, 25),
		.disk_ms = prng_between(p, 0, 8),
		.crash = prng_below(p, 30),
		.snapshot_every = (unsigned)prng_between(p, 5, 60),
		.message_bytes = (uint64_t)prng_between(p, 40, 400),
		.inflight = (uint64_t)prng_between(p, 1, 8),
		.apply_bytes = (uint64_t)prng_between(p, 40, 1000),
	};
	if (w->set.changes_size)
		w->set.voters = 1;
	else if (prng_chance(p, 2, 3))
		draw_storm(w);
}

static void init(struct world *w, uint64_t seed)
{
	struct raft_entry *first;

	prng_seed(&w->prng, seed);
	draw_settings(w);
	if (w->set.voters == 1) {
		/* The first member of a group adds itself. */
		struct member *m = new_member(w);

		first = raft_entry_new_change(
			1, 1, &(struct raft_change){ .kind = RAFT_ADD_VOTER, .node = 1 }, NULL, 0);
		entry_list_push(&m->disk.entries, first);
		raft_entry_drop(first);
		m->disk.hard = (struct raft_hard_state){ .term = 1, .commit = 1 };
		start(w, m);
	} else {
		w->committed = 1;
		w->log[1].term = 1;
		for (unsigned i = 0; i < w->set.voters; i++)
			w->conf.voters[w->conf.voter_count++] = i + 1;
		for (unsigned i = 0; i < w->set.voters; i++) {
			struct member *m = new_member(w);

			m->disk.snapshot = raft_snapshot_new(1, 1, &w->conf, &w->log[1].digest,
							     sizeof(uint64_t));
			m->disk.hard = (struct raft_hard_state){ .term = 1, .commit = 1 };
			start(w, m);
		}
	}
	later(w, 1, CLIENT, NULL);
	later(w, 100, FAULT, NULL);
	later(w, 50, GROUP, NULL);
}

static void clear(struct world *w)
{
	struct heap_node *first;

	while ((first = heap_first(&w->heap))) {
		heap_remove(&w->heap, first);
		event_free(heap_entry(first, struct event, at));
	}
	heap_clear(&w->heap);
	for (uint64_t id = 1; id <= w->member_count; id++) {
		raft_free(w->members[id].raft);
		disk_clear(&w->members[id].disk);
	}
}

static struct world *live(uint64_t seed, bool is_told)
{
	struct world *w = NEW(struct world);

	w->is_told = is_told;
	init(w, seed);
	run_until(w, CHAOS_MS);
	calm(w);
	if (!w->violation[0])
		check_recovery(w);
	clear(w);
	return w;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

TEST(a_bad_day_breaks_no_promise_and_ends)
{
	uint64_t one = number_from("RAFT_SEED", 0), count = number_from("RAFT_SEEDS", 200);
	uint64_t first = one ? one : number_from("RAFT_FIRST", 1), bad = 0;
	uint64_t acks = 0, answers = 0, crashed = 0, elections = 0, events = 0;

	for (uint64_t seed = first; seed < first + (one ? 1 : count); seed++) {
		struct world *w = live(seed, one != 0);

		if (w->violation[0]) {
			printf("  seed %llu: %s\n", (unsigned long long)seed, w->violation);
			bad++;
		}
		acks += w->acks;
		answers += w->answers;
		crashed += w->crashes;
		elections += w->elections;
		events += w->events;
		free(w);
	}
	printf("%llu writes acknowledged, %llu reads answered, %llu crashes, %llu elections, %llu "
	       "events\n",
	       (unsigned long long)acks, (unsigned long long)answers, (unsigned long long)crashed,
	       (unsigned long long)elections, (unsigned long long)events);
	CHECK_INT(bad, 0);
	CHECK(acks > 0 && answers > 0);
}

TEST(a_seed_replays_to_the_same_trace)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct world *a = live(seed, false), *b = live(seed, false);

		CHECK(a->trace == b->trace);
		free(a);
		free(b);
	}
}

TEST_MAIN()
