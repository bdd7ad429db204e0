/* The manager's half of a node: store, group and leader, while it is a manager. */
#include "base/log.h"
#include "base/mem.h"
#include "node/inside.h"

#define SNAPSHOT_ENTRIES 10000
#define SNAPSHOT_BYTES   (16 << 20)
#define KEEP_ENTRIES     500

static uint64_t or_default(uint64_t value, uint64_t instead)
{
	return value ? value : instead;
}

void manager_start(struct node *n, const struct journal_image *image, const struct member *founders,
		   size_t founder_count, uint64_t me)
{
	const struct node_config *c = &n->config;
	size_t count = 0;
	struct err e;

	n->store = store_new(c->log);
	n->group = group_new(&(struct group_config){
		.node_id = n->id,
		.journal = c->seams.journal,
		.peer = c->seams.peer,
		.log = c->log,
		.store = n->store,
		.seed = prng_next(&n->prng),
		.snapshot_entries = or_default(c->snapshot_entries, SNAPSHOT_ENTRIES),
		.snapshot_bytes = or_default(c->snapshot_bytes, SNAPSHOT_BYTES),
		.keep_entries = or_default(c->keep_entries, KEEP_ENTRIES),
	});
	n->dispatch = dispatch_new(&(struct dispatch_config){
		.peer = c->seams.peer,
		.keys = c->seams.keys,
		.log = c->log,
		.prng = &n->prng,
		.store = n->store,
		.members = group_members(n->group),
		.node_id = n->id,
	});
	n->ca = ca_new(&(struct ca_config){
		.peer = c->seams.peer,
		.keys = c->seams.keys,
		.log = c->log,
		.prng = &n->prng,
		.store = n->store,
	});
	n->controllers[count++] = membership_controller(n);
	n->controllers[count++] = ca_controller(n->ca);
	n->controllers[count++] = dispatch_controller(n->dispatch);
	/* After what was reported, so that it is answered in the same transaction. */
	controllers_init(&n->of_tasks, &n->prng, c->log);
	for (size_t i = 0; i < CONTROLLERS_OF_TASKS; i++)
		n->controllers[count++] = n->of_tasks.items[i];
	n->leader = leader_new(&(struct leader_config){
		.group = n->group,
		.store = n->store,
		.log = c->log,
		.prng = &n->prng,
		.controllers = n->controllers,
		.controller_count = count,
		.change = change_carry_out,
		.change_self = n,
	});
	change_want_chance(n);
	if (!image) {
		group_bootstrap(n->group, founders, founder_count, me);
	} else if (!group_load(n->group, image, &e)) {
		log_error(c->log, "node", "the raft journal cannot be used: %s", e.text);
		manager_stop(n);
	}
}

void manager_stop(struct node *n)
{
	leader_free(n->leader);
	controllers_clear(&n->of_tasks);
	dispatch_free(n->dispatch);
	ca_free(n->ca);
	group_free(n->group);
	store_free(n->store);
	n->leader = NULL;
	n->dispatch = NULL;
	n->ca = NULL;
	n->group = NULL;
	n->store = NULL;
}

static void answer_reads(struct node *n)
{
	struct pending_read *read;

	list_each (&n->reads, struct pending_read, link, read) {
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
			     "The swarm does not have a leader. It's possible that too few "
			     "managers are "
			     "online. Make sure more than half of the managers are online.");
		}
		list_push_back(&n->answers, &a->link);
		list_remove(&read->link);
		free(read);
	}
}

/* The hands relay what a follower does not answer: they are told whenever that changes. */
static void tell_leader(struct node *n)
{
	const struct member *leader = group_leader(n->group);
	bool leads = leader_is_leading(n->leader);
	const struct peer *peer = n->config.seams.peer;

	if ((leader ? leader->raft_id : 0) == n->told_leader && leads == n->told_leading)
		return;
	n->told_leader = leader ? leader->raft_id : 0;
	n->told_leading = leads;
	peer->lead(peer->self, leads, leader ? leader->addr : NULL);
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
	dispatch_flush(n->dispatch, n->now);
	tell_leader(n);
	store_forget(n->store);
	/* What the leader proposed begins its way to the disk in this turn. */
	later = group_turn(n->group, n->now);
	return later < next ? later : next;
}
