/* The manager's half of a node: store, group and leader, while it is a manager. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/inside.h"

#define SNAPSHOT_ENTRIES 10000
/* The log since the last snapshot is held in memory too: it bounds what an idle manager takes. */
#define SNAPSHOT_BYTES (4 << 20)
#define KEEP_ENTRIES   500
/* Five hundred large transactions would be hundreds of MiB. */
#define KEEP_BYTES        (4 << 20)
#define OLD_SNAPSHOTS_MAX 100
#define ELECTION_TICK_MAX 1000
#define PATIENCE_MS       3000 /* without a leader */

static uint64_t or_default(uint64_t value, uint64_t instead)
{
	return value ? value : instead;
}

/* As the last session named it. */
static const char *find_manager(void *self, const char *node_id)
{
	const struct node *n = self;
	const struct agent_manager *it;

	if (n->agent)
		list_each (agent_managers(n->agent), struct agent_manager, link, it)
			if (strcmp(it->node_id, node_id) == 0)
				return it->addr;
	return NULL;
}

/* The rooms of a manager, before the group has begun. */
static void open_rooms(struct node *n)
{
	const struct node_config *c = &n->config;
	size_t count = 0;

	n->store = store_new(c->log);
	n->group = group_new(&(struct group_config){
		.node_id = n->id,
		.tickets = &n->raft_tickets,
		.journal = c->seams.journal,
		.peer = c->seams.peer,
		.log = c->log,
		.store = n->store,
		.find_addr = find_manager,
		.find_addr_self = n,
		.seed = prng_next(&n->prng),
		.snapshot_entries = or_default(c->snapshot_entries, SNAPSHOT_ENTRIES),
		.snapshot_bytes = or_default(c->snapshot_bytes, SNAPSHOT_BYTES),
		.keep_entries = or_default(c->keep_entries, KEEP_ENTRIES),
		.keep_bytes = or_default(c->keep_bytes, KEEP_BYTES),
	});
	n->dispatch = dispatch_new(&(struct dispatch_config){
		.peer = c->seams.peer,
		.keys = c->seams.keys,
		.log = c->log,
		.prng = &n->prng,
		.store = n->store,
		.members = group_members(n->group),
		.tickets = &n->dispatch_tickets,
		.node_id = n->id,
	});
	n->broker = broker_new(&(struct broker_config){
		.peer = c->seams.peer,
		.keys = c->seams.keys,
		.store = n->store,
		.tickets = &n->log_tickets,
	});
	n->ca = ca_new(&(struct ca_config){
		.peer = c->seams.peer,
		.keys = c->seams.keys,
		.log = c->log,
		.prng = &n->prng,
		.store = n->store,
		.tickets = &n->ca_tickets,
	});
	n->roles = roles_new(n->group, n->id, c->log);
	n->controllers[count++] = membership_controller(n);
	n->controllers[count++] = roles_controller(n->roles);
	n->controllers[count++] = ca_controller(n->ca);
	n->controllers[count++] = dispatch_controller(n->dispatch);
	n->controllers[count++] = broker_controller(n->broker);
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
	n->lonely_since_ms = n->now.mono_ms;
	n->told_leader = 0;
	n->told_leading = false;
	n->told_members = 0;
	c->seams.peer->lead(c->seams.peer->self, false, NULL);
	change_want_chance(n);
}

void manager_start(struct node *n, const struct journal_image *image, const struct member *founders,
		   size_t founder_count, uint64_t me)
{
	const Pb__SwarmState *place = n->membership.place;
	struct err e;

	open_rooms(n);
	if (!image) {
		group_bootstrap(n->group, founders, founder_count, me);
		return;
	}
	if (place)
		group_remind(n->group, (const Pb__RaftMember *const *)place->members,
			     place->n_members);
	if (!group_load(n->group, image, me, &e)) {
		log_error(n->config.log, "node", "the raft journal cannot be used: %s", e.text);
		manager_stop(n);
	}
}

void manager_join(struct node *n)
{
	const Pb__SwarmState *place = n->membership.place;

	open_rooms(n);
	group_join(n->group, (const Pb__RaftMember *const *)place->members, place->n_members,
		   place->raft_id);
}

bool manager_start_alone(struct node *n, const struct journal_image *image, struct err *e)
{
	const Pb__SwarmState *place = n->membership.place;

	open_rooms(n);
	if (group_load_alone(n->group, image, place->raft_id, place->advertise_addr, e))
		return true;
	manager_stop(n);
	return false;
}

static void retired_free(struct retired *r)
{
	list_remove(&r->link);
	group_free(r->group);
	store_free(r->store);
	free(r);
}

/* A thread may still be writing what a snapshot holds. */
static void retire(struct node *n)
{
	struct retired *r = NEW(struct retired);

	r->group = n->group;
	r->store = n->store;
	list_push_back(&n->retired, &r->link);
	if (!group_is_saving(r->group))
		retired_free(r);
}

void manager_let_go(struct node *n, uint64_t ticket)
{
	struct retired *r;

	list_each (&n->retired, struct retired, link, r)
		if (group_saved(r->group, ticket))
			retired_free(r);
}

void manager_forget_retired(struct node *n)
{
	struct retired *r;

	list_each (&n->retired, struct retired, link, r)
		retired_free(r);
}

void manager_stop(struct node *n)
{
	const struct peer *peer = n->config.seams.peer;
	struct pending_read *read;
	struct err e;

	if (!n->group)
		return;
	fail(&e, ERR_UNAVAILABLE, "This node is not a swarm manager.");
	errands_clear(n, &e);
	served_clear(n);
	list_each (&n->reads, struct pending_read, link, read) {
		struct leader_answer *a = NEW(struct leader_answer);

		a->ticket = read->ticket;
		a->err = e;
		list_push_back(&n->answers, &a->link);
		list_remove(&read->link);
		free(read);
	}
	leader_free(n->leader);
	controllers_clear(&n->of_tasks);
	roles_free(n->roles);
	dispatch_free(n->dispatch);
	broker_free(n->broker);
	ca_free(n->ca);
	retire(n);
	free(n->seen);
	n->seen = NULL;
	n->seen_count = 0;
	n->roles = NULL;
	n->leader = NULL;
	n->dispatch = NULL;
	n->broker = NULL;
	n->ca = NULL;
	n->group = NULL;
	n->store = NULL;
	n->has_caught_up = false;
	new_root_forget(n);
	logs_look_at_leader(n);
	peer->lead(peer->self, false, NULL);
}

void reads_glanced(struct node *n, uint64_t ticket)
{
	struct pending_read *read;

	list_each (&n->reads, struct pending_read, link, read)
		if (read->ticket == ticket)
			read->wants_glance = false;
}

bool manager_is_lonely(const struct node *n)
{
	return !group_leader(n->group) && !leader_is_leading(n->leader) &&
	       n->lonely_since_ms + PATIENCE_MS <= n->now.mono_ms;
}

static void answer_reads(struct node *n)
{
	bool is_lonely = manager_is_lonely(n);
	struct pending_read *read;

	list_each (&n->reads, struct pending_read, link, read) {
		bool is_late =
			read->deadline_ms <= n->now.mono_ms || group_failure(n->group) || is_lonely;
		struct leader_answer *a;

		read->is_ready = read->is_ready || group_read_ready(n->group, read->ticket);
		if ((!read->is_ready || read->wants_glance) && !is_late)
			continue;
		a = NEW(struct leader_answer);
		a->ticket = read->ticket;
		a->is_ok = read->is_ready;
		if (!read->is_ready) {
			group_read_forget(n->group, read->ticket);
			errands_no_leader(n, &a->err);
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

	/* Elected and not there yet: nobody answers. */
	if (leader && !leads && strcmp(leader->node_id, n->id) == 0)
		leader = NULL;
	if ((leader ? leader->raft_id : 0) == n->told_leader && leads == n->told_leading &&
	    group_members(n->group)->version == n->told_leader_of)
		return;
	n->told_leader = leader ? leader->raft_id : 0;
	n->told_leading = leads;
	n->told_leader_of = group_members(n->group)->version;
	peer->lead(peer->self, leads, leader ? member_at(leader) : NULL);
}

/* Agents know all managers. */
static void tell_members(struct node *n)
{
	uint64_t version = group_members(n->group)->version;

	if (version == n->told_members)
		return;
	n->told_members = version;
	dispatch_members_changed(n->dispatch);
}

/* The cluster's spec says when to take snapshots and what to keep; where it says what it says unless
 * somebody set it, the size of the log counts, too. */
static void follow_spec(struct node *n)
{
	const Pb__Cluster *cluster = view_cluster(store_view(n->store));
	const Pb__RaftConfig *raft = cluster ? cluster->spec->raft : NULL;
	bool is_set;

	if (!raft || n->config.snapshot_entries)
		return;
	/* The reference's ten ticks are our five. */
	group_be_patient(n->group, raft->election_tick < ELECTION_TICK_MAX
					   ? raft->election_tick * GROUP_ELECTION_TICKS / 10
					   : GROUP_ELECTION_TICKS_MAX);
	is_set = raft->snapshot_interval && raft->snapshot_interval != SNAPSHOT_ENTRIES;
	group_snapshot_rules(n->group, or_default(raft->snapshot_interval, SNAPSHOT_ENTRIES),
			     is_set ? 0 : SNAPSHOT_BYTES,
			     or_default(raft->log_entries_for_slow_followers, KEEP_ENTRIES),
			     raft->keep_old_snapshots < OLD_SNAPSHOTS_MAX ? raft->keep_old_snapshots
									  : OLD_SNAPSHOTS_MAX);
}

int64_t manager_turn(struct node *n)
{
	struct leader_answer *a;
	int64_t next, later;

	follow_spec(n);
	group_turn(n->group, n->now);
	if (group_leader(n->group) || leader_is_leading(n->leader))
		n->lonely_since_ms = n->now.mono_ms;
	errands_turn(n);
	next = leader_turn(n->leader, n->now);
	while ((a = leader_take_answer(n->leader)))
		if (!served_answered(n, a) && !errands_answered(n, a))
			leader_answer_free(a);
	served_turn(n);
	answer_reads(n);
	tell_members(n);
	dispatch_flush(n->dispatch, n->now);
	tell_leader(n);
	logs_look_at_leader(n);
	swarm_events_turn(n);
	store_forget(n->store);
	/* What the leader proposed begins its way to the disk in this turn. */
	later = group_turn(n->group, n->now);
	next = later < next ? later : next;
	/* With what came back, and for whom there is a leader by now. */
	later = errands_turn(n);
	return later < next ? later : next;
}
