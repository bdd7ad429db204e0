#include "sim/checks.h"

#include <inttypes.h>

#include "base/mem.h"

void checks_init(struct checks *c, size_t node_count)
{
	*c = (struct checks){ .progress = xcalloc(node_count, sizeof(*c->progress)) };
}

void checks_clear(struct checks *c)
{
	free(c->leaders);
	free(c->digests);
	free(c->has_digest);
	free(c->progress);
	*c = (struct checks){ 0 };
}

static void check_leader(struct checks *c, struct world *w, struct sim_node *s, uint64_t term)
{
	/* Terms come roughly in order: look from the end. */
	for (size_t i = c->leader_count; i-- > 0;) {
		if (c->leaders[i].term != term)
			continue;
		if (c->leaders[i].node != s || c->leaders[i].life != s->lives)
			world_fail(w, "term %" PRIu64 " has two leaders: %s and %s", term,
				   c->leaders[i].node->name, s->name);
		return;
	}
	if (c->leader_count == c->leader_capacity) {
		c->leader_capacity = c->leader_capacity ? c->leader_capacity * 2 : 64;
		c->leaders = xrealloc(c->leaders, c->leader_capacity * sizeof(*c->leaders));
	}
	c->leaders[c->leader_count++] = (struct leader_of){ term, s, s->lives };
}

static void check_digest(struct checks *c, struct world *w, struct sim_node *s, uint64_t index)
{
	struct pb_digest digest = store_digest(node_store(s->node));

	while (index >= c->digest_capacity) {
		size_t grown = c->digest_capacity ? c->digest_capacity * 2 : 1024;

		c->digests = xrealloc(c->digests, grown * sizeof(*c->digests));
		c->has_digest = xrealloc(c->has_digest, grown * sizeof(*c->has_digest));
		memset(c->has_digest + c->digest_capacity, 0, grown - c->digest_capacity);
		c->digest_capacity = grown;
	}
	if (!c->has_digest[index]) {
		c->has_digest[index] = true;
		c->digests[index] = digest;
	} else if (pb_digest_compare(digest, c->digests[index]) != 0) {
		world_fail(w, "%s has another state than its fellows after index %" PRIu64, s->name,
			   index);
	}
}

void checks_after_turn(struct checks *c, struct world *w, struct sim_node *s)
{
	struct progress_of *p = &c->progress[s - w->nodes];
	struct raft_status status;

	if (!s->node || !node_group(s->node))
		return;
	status = group_status(node_group(s->node));
	if (status.role == RAFT_LEADER)
		check_leader(c, w, s, status.term);
	check_digest(c, w, s, group_applied(node_group(s->node)));
	if (p->life == s->lives && p->member == status.id &&
	    (status.committed < p->committed || status.applied < p->applied))
		world_fail(w, "%s went back: committed %" PRIu64 " after %" PRIu64, s->name,
			   status.committed, p->committed);
	*p = (struct progress_of){ s->lives, status.id, status.committed, status.applied };
}
