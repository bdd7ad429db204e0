#include "swarm/leader.h"

#include <assert.h>
#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/prng.h"

#define ENTRY_MAX (4 << 20)

/* A change that waits, and then, once it is in an entry, its answer. */
struct wanted {
	struct list link;
	uint64_t ticket;
	const char *method;
	const void *request;
	int64_t deadline_ms;
	struct leader_answer *answer;
	struct arena memory;
};

struct leader {
	struct leader_config config;
	bool is_leading;
	uint64_t term;      /* in which it leads */
	struct list wanted; /* struct wanted, oldest first */
	size_t wanted_count;
	struct list in_flight; /* struct leader_answer, of the entry under way */
	bool has_entry;
	uint64_t entry_index, entry_term;
	int64_t entry_deadline_ms;
	struct list answers; /* struct leader_answer, to be taken */
};

struct leader *leader_new(const struct leader_config *c)
{
	struct leader *l = NEW(struct leader);

	l->config = *c;
	list_init(&l->wanted);
	list_init(&l->in_flight);
	list_init(&l->answers);
	return l;
}

void leader_answer_free(struct leader_answer *a)
{
	if (!a)
		return;
	list_remove(&a->link);
	arena_clear(&a->memory);
	free(a);
}

static void wanted_free(struct leader *l, struct wanted *w)
{
	list_remove(&w->link);
	l->wanted_count--;
	arena_clear(&w->memory);
	free(w);
}

void leader_free(struct leader *l)
{
	struct wanted *w;
	struct leader_answer *a;

	if (!l)
		return;
	list_each (&l->wanted, struct wanted, link, w)
		wanted_free(l, w);
	list_splice_back(&l->answers, &l->in_flight);
	list_each (&l->answers, struct leader_answer, link, a)
		leader_answer_free(a);
	free(l);
}

bool leader_is_leading(const struct leader *l)
{
	return l->is_leading;
}

struct leader_answer *leader_take_answer(struct leader *l)
{
	struct leader_answer *a;

	if (list_is_empty(&l->answers))
		return NULL;
	a = list_first(&l->answers, struct leader_answer, link);
	list_remove(&a->link);
	return a;
}

static struct leader_answer *answer_new(uint64_t ticket)
{
	struct leader_answer *a = NEW(struct leader_answer);

	a->ticket = ticket;
	list_init(&a->link);
	return a;
}

static void answer_error(struct leader *l, uint64_t ticket, const struct err *e)
{
	struct leader_answer *a = answer_new(ticket);

	a->err = *e;
	list_push_back(&l->answers, &a->link);
}

void leader_change(struct leader *l, uint64_t ticket, const char *method, const void *request,
		   struct now now)
{
	struct wanted *w;
	struct err e;

	if (l->wanted_count >= LEADER_CHANGES_MAX) {
		fail(&e, ERR_EXHAUSTED, "%zu changes wait already; try again", l->wanted_count);
		answer_error(l, ticket, &e);
		return;
	}
	if (!l->is_leading) {
		group_no_leader(l->config.group, &e);
		answer_error(l, ticket, &e);
		return;
	}
	w = NEW(struct wanted);
	w->ticket = ticket;
	w->method = arena_strdup(&w->memory, method);
	w->request = pb_dup(&w->memory, request);
	w->deadline_ms = now.mono_ms + LEADER_CHANGE_TIMEOUT_MS;
	list_push_back(&l->wanted, &w->link);
	l->wanted_count++;
}

static void begin_leading(struct leader *l, struct now now)
{
	l->is_leading = true;
	l->term = group_term(l->config.group);
	log_info(l->config.log, "swarm", "leads in term %" PRIu64, l->term);
	for (size_t i = 0; i < l->config.controller_count; i++) {
		const struct controller *c = &l->config.controllers[i];

		c->lead(c->self, store_view(l->config.store), now);
	}
}

static void fail_in_flight(struct leader *l)
{
	const char *why = group_failure(l->config.group);
	struct leader_answer *a;

	list_each (&l->in_flight, struct leader_answer, link, a) {
		a->is_ok = false;
		fail(&a->err, ERR_UNKNOWN_OUTCOME,
		     "the change may or may not have been applied; look before you repeat%s%s",
		     why ? ": " : "", why ? why : "");
	}
	list_splice_back(&l->answers, &l->in_flight);
	l->has_entry = false;
}

static void end_leading(struct leader *l)
{
	struct wanted *w;
	struct err e;

	l->is_leading = false;
	log_info(l->config.log, "swarm", "leads no more");
	fail_in_flight(l);
	list_each (&l->wanted, struct wanted, link, w) {
		group_no_leader(l->config.group, &e);
		answer_error(l, w->ticket, &e);
		wanted_free(l, w);
	}
	for (size_t i = 0; i < l->config.controller_count; i++) {
		const struct controller *c = &l->config.controllers[i];

		c->resign(c->self);
	}
}

/* Has the entry under way found its end? */
static void settle_entry(struct leader *l, struct now now)
{
	struct leader_answer *a;

	if (!l->has_entry)
		return;
	switch (group_outcome(l->config.group, l->entry_index, l->entry_term)) {
	case GROUP_WAITING:
		if (now.mono_ms >= l->entry_deadline_ms) {
			struct list late;

			/* Those who asked are told; the entry is still waited for. */
			list_init(&late);
			list_splice_back(&late, &l->in_flight);
			list_each (&late, struct leader_answer, link, a) {
				a->is_ok = false;
				fail(&a->err, ERR_UNKNOWN_OUTCOME,
				     "the change may or may not have been applied; look before you "
				     "repeat");
			}
			list_splice_back(&l->answers, &late);
		}
		return;
	case GROUP_APPLIED:
		list_each (&l->in_flight, struct leader_answer, link, a)
			a->index = l->entry_index;
		list_splice_back(&l->answers, &l->in_flight);
		l->has_entry = false;
		return;
	case GROUP_LOST:
	case GROUP_UNKNOWN:
		fail_in_flight(l);
		return;
	}
}

static void notice_changes(struct leader *l, struct now now)
{
	size_t count;
	bool is_restored;
	const struct change *changes = store_changes(l->config.store, &count, &is_restored);

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < l->config.controller_count; k++) {
			const struct controller *c = &l->config.controllers[k];

			c->notice(c->self, &changes[i], now);
		}
	}
}

static void carry_out(struct leader *l, struct txn *t, struct wanted *w)
{
	struct leader_answer *a = answer_new(w->ticket);
	size_t mark = txn_mark(t);

	a->is_ok = l->config.change(l->config.change_self, t, w->method, w->request, &a->memory,
				    &a->response, &a->err);
	if (!a->is_ok)
		txn_back_to(t, mark);
	/* A change that changes nothing need not wait either. */
	if (a->is_ok && txn_mark(t) != mark)
		list_push_back(&l->in_flight, &a->link);
	else
		list_push_back(&l->answers, &a->link);
	wanted_free(l, w);
}

static bool has_work(const struct leader *l, struct now now)
{
	if (!list_is_empty(&l->wanted))
		return true;
	for (size_t i = 0; i < l->config.controller_count; i++)
		if (l->config.controllers[i].deadline(l->config.controllers[i].self) <= now.mono_ms)
			return true;
	return false;
}

static void propose(struct leader *l, struct txn *t, struct now now)
{
	AUTO_BUF struct buf entry = BUF_MAX(ENTRY_MAX);
	struct leader_answer *a;
	struct err e;

	if (txn_encode(t, prng_next(l->config.prng), &entry, &e) &&
	    group_propose(l->config.group, buf_str(&entry), &l->entry_index, &l->entry_term, &e)) {
		l->has_entry = true;
		l->entry_deadline_ms = now.mono_ms + LEADER_CHANGE_TIMEOUT_MS;
		return;
	}
	log_warn(l->config.log, "swarm", "a transaction of %zu changes is dropped: %s",
		 txn_count(t), e.text);
	list_each (&l->in_flight, struct leader_answer, link, a) {
		a->is_ok = false;
		a->err = e;
	}
	list_splice_back(&l->answers, &l->in_flight);
	/* What the controllers remember went with it: they look at everything again. */
	for (size_t i = 0; i < l->config.controller_count; i++) {
		const struct controller *c = &l->config.controllers[i];

		c->resign(c->self);
		c->lead(c->self, store_view(l->config.store), now);
	}
}

static void decide(struct leader *l, struct now now)
{
	struct txn *t = txn_open(l->config.store, group_status(l->config.group).committed, now);

	while (!list_is_empty(&l->wanted) && !txn_is_full(t))
		carry_out(l, t, list_first(&l->wanted, struct wanted, link));
	/* Even when it is full: what it changes already may change further, and be done with in here. */
	for (size_t i = 0; i < l->config.controller_count; i++) {
		const struct controller *c = &l->config.controllers[i];

		c->decide(c->self, t);
	}
	if (!txn_is_empty(t))
		propose(l, t, now);
	else
		list_splice_back(&l->answers, &l->in_flight);
	txn_close(t);
}

static int64_t next_deadline(const struct leader *l)
{
	int64_t next = NEVER_MS;

	if (l->has_entry)
		return l->entry_deadline_ms;
	for (size_t i = 0; i < l->config.controller_count; i++) {
		const struct controller *c = &l->config.controllers[i];
		int64_t at = c->deadline(c->self);

		if (at < next)
			next = at;
	}
	return next;
}

int64_t leader_turn(struct leader *l, struct now now)
{
	bool leads = group_leads(l->config.group);

	/* Leadership may have been lost and won again since the last turn: that is another one. */
	if (l->is_leading && (!leads || group_term(l->config.group) != l->term))
		end_leading(l);
	if (l->is_leading) {
		settle_entry(l, now);
		notice_changes(l, now);
	} else if (leads) {
		begin_leading(l, now);
	}
	if (!l->is_leading)
		return NEVER_MS;
	if (!l->has_entry && has_work(l, now))
		decide(l, now);
	return next_deadline(l);
}
