/* Who is in the group. A change holds from the moment it is applied, on each member by itself;
 * that two majorities always meet is due to three rules: one voter at a time, the next change
 * only when the last is applied, and no campaign with one that is committed but not applied. */
#include <string.h>

#include "raft/core/inside.h"

/* Where id is, or belongs. */
static unsigned place_of(const struct raft *r, uint64_t id)
{
	unsigned i = 0;

	while (i < r->peer_count && r->peers[i].id < id)
		i++;
	return i;
}

struct progress *peer_of(struct raft *r, uint64_t id)
{
	unsigned i = place_of(r, id);

	return i < r->peer_count && r->peers[i].id == id ? &r->peers[i] : NULL;
}

bool may_lead(struct raft *r)
{
	const struct progress *self = peer_of(r, r->config.id);

	return self && !self->is_learner && !r->log.incoming;
}

static void add(struct raft *r, uint64_t id, bool is_learner)
{
	unsigned at = place_of(r, id);
	uint64_t last = log_last(&r->log);
	struct progress *p = &r->peers[at];

	if (id == 0 || r->peer_count == RAFT_MEMBERS_MAX || (at < r->peer_count && p->id == id))
		return;
	memmove(p + 1, p, (r->peer_count - at) * sizeof(*p));
	r->peer_count++;
	*p = (struct progress){
		.id = id,
		.is_learner = is_learner,
		.next = last > 0 ? last : 1,
		/* A new member gets an election timeout to be heard of. */
		.is_active = true,
		.window = { .count_max = r->config.inflight_max,
			    .bytes_max = r->config.inflight_bytes_max },
	};
}

static void remove_peer(struct raft *r, struct progress *p)
{
	progress_clear(p);
	r->peer_count--;
	memmove(p, p + 1, (size_t)(&r->peers[r->peer_count] - p) * sizeof(*p));
}

void reset_peers(struct raft *r)
{
	uint64_t last = log_last(&r->log);

	for (unsigned i = 0; i < r->peer_count; i++) {
		struct progress *p = &r->peers[i];

		progress_reset(p, last + 1);
		p->ballot = NO_ANSWER;
		if (p->id == r->config.id)
			p->match = last;
	}
}

void set_conf(struct raft *r, const struct raft_conf *c)
{
	while (r->peer_count > 0)
		remove_peer(r, &r->peers[r->peer_count - 1]);
	for (unsigned i = 0; i < c->voter_count; i++)
		add(r, c->voters[i], false);
	for (unsigned i = 0; i < c->learner_count; i++)
		add(r, c->learners[i], true);
	for (unsigned i = 0; i < r->peer_count; i++)
		r->peers[i].is_active = false;
}

void raft_conf(const struct raft *r, struct raft_conf *conf)
{
	*conf = (struct raft_conf){ 0 };
	for (unsigned i = 0; i < r->peer_count; i++) {
		const struct progress *p = &r->peers[i];

		if (p->is_learner)
			conf->learners[conf->learner_count++] = p->id;
		else
			conf->voters[conf->voter_count++] = p->id;
	}
}

static bool is_last_voter(const struct raft *r, const struct progress *p)
{
	unsigned voters = 0;

	for (unsigned i = 0; i < r->peer_count; i++)
		voters += !r->peers[i].is_learner;
	return !p->is_learner && voters == 1;
}

static void apply(struct raft *r, const struct raft_change *change)
{
	struct progress *p = peer_of(r, change->node);

	switch (change->kind) {
	case RAFT_ADD_VOTER:
		if (p)
			p->is_learner = false;
		else
			add(r, change->node, false);
		break;
	case RAFT_ADD_LEARNER:
		if (!p)
			add(r, change->node, true);
		else if (!is_last_voter(r, p))
			p->is_learner = true;
		break;
	case RAFT_REMOVE:
		if (p && !is_last_voter(r, p))
			remove_peer(r, p);
		break;
	case RAFT_UPDATE:
		break;
	}
}

/* The new majority may have committed more; new members are told something at once. */
static void lead_new_conf(struct raft *r)
{
	if (commit_by_majority(r)) {
		reads_accept_waiting(r);
		broadcast_append(r);
	} else {
		for (unsigned i = 0; i < r->peer_count; i++)
			if (r->peers[i].id != r->config.id)
				(void)send_append_if(r, &r->peers[i], false);
	}
	reads_answer_confirmed(r);
}

void raft_apply_conf_change(struct raft *r, const struct raft_change *change)
{
	const struct progress *self, *to;

	apply(r, change);
	if (r->role != RAFT_LEADER)
		return;

	self = peer_of(r, r->config.id);
	if (!self || self->is_learner) {
		transfer_because_removed(r);
		return;
	}
	lead_new_conf(r);
	to = peer_of(r, r->transferee);
	if (!to || to->is_learner)
		r->transferee = 0;
}
