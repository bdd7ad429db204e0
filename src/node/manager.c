/* The manager's half of a node: store, group and leader, while it is a manager. */
#include "base/log.h"
#include "base/mem.h"
#include "node/inside.h"

#define SNAPSHOT_ENTRIES 10000
#define SNAPSHOT_BYTES (16 << 20)
#define KEEP_ENTRIES 500

static uint64_t or_default(uint64_t value, uint64_t instead)
{
	return value ? value : instead;
}

void manager_start(struct node *n, const struct journal_image *image)
{
	const struct node_config *c = &n->config;
	struct err e;

	if (!image->has_raft && !c->founder_count)
		return;
	n->store = store_new(c->log);
	n->group = group_new(&(struct group_config){
		.node_id = c->node_id,
		.journal = c->seams.journal,
		.peer = c->seams.peer,
		.log = c->log,
		.store = n->store,
		.seed = prng_next(&n->prng),
		.snapshot_entries = or_default(c->snapshot_entries, SNAPSHOT_ENTRIES),
		.snapshot_bytes = or_default(c->snapshot_bytes, SNAPSHOT_BYTES),
		.keep_entries = or_default(c->keep_entries, KEEP_ENTRIES),
	});
	n->leader = leader_new(&(struct leader_config){
		.group = n->group,
		.store = n->store,
		.log = c->log,
		.prng = &n->prng,
		.change = c->change,
		.change_self = c->change_self,
	});
	if (!image->has_raft) {
		uint64_t me = 0;

		for (size_t i = 0; i < c->founder_count; i++)
			if (strcmp(c->founders[i].node_id, c->node_id) == 0)
				me = c->founders[i].raft_id;
		group_bootstrap(n->group, c->founders, c->founder_count, me);
	} else if (!group_load(n->group, image, &e)) {
		log_error(c->log, "node", "the raft journal cannot be used: %s", e.text);
		manager_stop(n);
	}
}

void manager_stop(struct node *n)
{
	leader_free(n->leader);
	group_free(n->group);
	store_free(n->store);
	n->leader = NULL;
	n->group = NULL;
	n->store = NULL;
}

static void answer_reads(struct node *n)
{
	struct pending_read *read;

	list_each(&n->reads, struct pending_read, link, read) {
		bool is_ready = group_read_ready(n->group, read->ticket);
		struct leader_answer *a;

		if (!is_ready && read->deadline_ms > n->now.mono_ms)
			continue;
		a = NEW(struct leader_answer);
		a->ticket = read->ticket;
		a->is_ok = is_ready;
		if (!is_ready) {
			group_read_forget(n->group, read->ticket);
			fail(&a->err, ERR_UNAVAILABLE,
			     "The swarm does not have a leader. It's possible that too few managers are "
			     "online. Make sure more than half of the managers are online.");
		}
		list_push_back(&n->answers, &a->link);
		list_remove(&read->link);
		free(read);
	}
}

int64_t manager_turn(struct node *n)
{
	struct leader_answer *a;
	int64_t next, later;

	group_turn(n->group, n->now);
	next = leader_turn(n->leader, n->now);
	while ((a = leader_take_answer(n->leader)))
		list_push_back(&n->answers, &a->link);
	answer_reads(n);
	store_forget(n->store);
	/* What the leader proposed begins its way to the disk in this turn. */
	later = group_turn(n->group, n->now);
	return later < next ? later : next;
}
