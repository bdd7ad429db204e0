/* Seek: identity is the key, an address is a hint.
 *
 * A node that moved to another address finds the managers again, and they it, even when all of them
 * moved at once:
 *
 *     alone for a while ──► survey (where am I?) ──► a round of calls: who are you? ──► met
 *            ▲                                            │ nobody, again later
 *            └────────────────────────────────────────────┘
 *
 * A round calls the addresses that are known, then the same places in the network this host is in
 * now, and, when that helped nobody for a while, the whole of a small private network. Whoever
 * answers has a manager's certificate of this swarm, and learns by the call where this manager is;
 * its answer names others. Consensus then goes on at the addresses where members were met. Once
 * somebody leads, a manager whose address is not the one in the log tells the leader so, and that
 * is where everybody looks from then on. */
#include <string.h>

#include "base/log.h"
#include "node/inside.h"

#define MEET "/shoal.v1.Managers/Meet"
#define JOIN "/docker.swarmkit.v1.RaftMembership/Join"

#define MANAGER_LONELY_MS 2000
#define WORKER_LONELY_MS  4000
#define SURVEY_MS         15000 /* while all is well */
#define SWEEP_AFTER_MS    8000  /* alone: the rest of the network is called, too */
#define PAUSE_MS          2000  /* after a round, doubled each time */
#define PAUSE_MAX_MS      120000
#define MEET_MS           1500
#define JOIN_MS           10000
#define CORRECT_MS        2000
#define PLACES_MAX        8192
#define MESSAGE_MAX       (1 << 20)

void seek_begin(struct node *n)
{
	n->seeking.survey_at_ms = n->now.mono_ms;
	n->seeking.lonely_since_ms = n->now.mono_ms;
}

static void end_round(struct node *n)
{
	struct seeking *s = &n->seeking;

	for (size_t i = 0; i < SEEK_CALLS; i++)
		if (s->calls[i].ticket)
			n->config.seams.peer->cancel(n->config.seams.peer->self,
						     s->calls[i].ticket);
	memset(s->calls, 0, sizeof(s->calls));
	arena_clear(&s->memory);
	s->places = NULL;
	s->place_count = s->next = 0;
}

void seek_end(struct node *n)
{
	struct seeking *s = &n->seeking;

	end_round(n);
	if (s->telling)
		n->config.seams.peer->cancel(n->config.seams.peer->self, s->telling);
	*s = (struct seeking){ .survey_at_ms = NEVER_MS };
}

/* ---- where this node is ---- */

static size_t known_places(const struct node *n, struct arena *a, const char ***places)
{
	const Pb__SwarmState *place = n->membership.place;
	const struct members *members = n->group ? group_members(n->group) : NULL;
	size_t count = 0, max = place->n_managers + place->n_members;
	const struct agent_manager *it;
	const struct member *m;

	list_each (agent_managers(n->agent), struct agent_manager, link, it)
		max++;
	max += members ? 2 * members->by_raft_id.count : 0;
	*places = arena_alloc(a, (max + 1) * sizeof(**places));
	if (members)
		members_each(members, m)
		{
			(*places)[count++] = member_at(m);
			(*places)[count++] = m->addr;
		}
	list_each (agent_managers(n->agent), struct agent_manager, link, it)
		(*places)[count++] = it->addr;
	for (size_t i = 0; i < place->n_managers; i++)
		(*places)[count++] = place->managers[i]->addr;
	for (size_t i = 0; i < place->n_members; i++)
		(*places)[count++] = place->members[i]->addr;
	return count;
}

static void begin_survey(struct node *n)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__SwarmState *place = n->membership.place;
	const struct peer *peer = n->config.seams.peer;
	const char **others;
	struct peer_whereabouts was = { .advertised = place->advertise_addr,
					.interface = place->advertise_interface };

	was.other_count = known_places(n, &a, &others);
	was.others = others;
	n->seeking.survey_at_ms = NEVER_MS;
	n->seeking.surveying = ticket_next(&n->tickets);
	peer->survey(peer->self, n->seeking.surveying, &was);
}

static void move(struct node *n, const struct peer_survey *found)
{
	struct membership *m = &n->membership;
	bool is_elsewhere = strcmp(m->place->advertise_addr, found->advertised) != 0;

	if (!is_elsewhere && strcmp(m->place->advertise_interface, found->interface) == 0)
		return;
	if (is_elsewhere) {
		log_warn(n->config.log, "swarm", "this node is at %s now, no more at %s",
			 found->advertised, m->place->advertise_addr);
		m->place->advertise_addr = arena_strdup(&m->memory, found->advertised);
		if (n->group)
			agent_meet_manager(n->agent, n->id, found->advertised);
	}
	m->place->advertise_interface = arena_strdup(&m->memory, found->interface);
	(void)membership_keep_place(n);
}

/* ---- a round ---- */

static void add_place(struct seeking *s, const char *addr)
{
	for (size_t i = 0; i < s->place_count && i < SEEK_CALLS; i++)
		if (strcmp(s->places[i], addr) == 0)
			return;
	if (addr[0] && s->place_count < PLACES_MAX)
		s->places[s->place_count++] = arena_strdup(&s->memory, addr);
}

static void begin_round(struct node *n, const struct peer_survey *found)
{
	struct seeking *s = &n->seeking;
	bool sweeps = n->now.mono_ms - s->lonely_since_ms >= SWEEP_AFTER_MS;
	size_t count = sweeps ? found->around_count : found->guesses;
	AUTO_ARENA struct arena a = { 0 };
	const char **known;
	size_t known_count = known_places(n, &a, &known);

	end_round(n);
	s->places = arena_alloc(&s->memory, PLACES_MAX * sizeof(*s->places));
	for (size_t i = 0; i < known_count; i++)
		add_place(s, known[i]);
	for (size_t i = 0; i < count; i++)
		add_place(s, found->around[i]);
	log_debug(n->config.log, "swarm", "looks for managers at %zu addresses", s->place_count);
}

static void call_place(struct node *n, struct seek_call *c, const char *addr)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);
	const struct peer *peer = n->config.seams.peer;
	Pb__MeetRequest *request = PB_NEW(&a, meet_request);

	if (n->group) {
		request->raft_id = group_status(n->group).id;
		request->addr = n->membership.place->advertise_addr;
	}
	if (!pb_encode(request, &bytes))
		abort(); /* an id and an address */
	*c = (struct seek_call){ ticket_next(&n->tickets), addr };
	peer->call(peer->self, c->ticket, &(struct peer_target){ .addr = addr }, MEET, MEET_MS);
	peer->send(peer->self, c->ticket, buf_str(&bytes));
	peer->finish(peer->self, c->ticket, PEER_OK, NULL);
}

/* Go on with the round; true while it lasts. */
static bool call_places(struct node *n)
{
	struct seeking *s = &n->seeking;
	bool is_waiting = false;

	for (size_t i = 0; i < SEEK_CALLS; i++) {
		while (!s->calls[i].ticket && s->next < s->place_count) {
			const char *addr = s->places[s->next++];

			if (strcmp(addr, n->membership.place->advertise_addr) != 0)
				call_place(n, &s->calls[i], addr);
		}
		is_waiting |= s->calls[i].ticket != 0;
	}
	return is_waiting;
}

static void on_met(struct node *n, const char *addr, struct str message)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__MeetResponse *response;
	struct err e;

	response = pb_decode(&a, &pb__meet_response__descriptor, message, MESSAGE_MAX, &e);
	if (!response || !response->me || strcmp(response->me->node_id, n->id) == 0)
		return;
	if (n->group)
		group_met(n->group, response->me->node_id, response->me->raft_id, addr);
	agent_meet_manager(n->agent, response->me->node_id, addr);
	for (size_t i = 0; i < response->n_others; i++)
		add_place(&n->seeking, response->others[i]->addr);
}

/* ---- the address in the log ---- */

static void tell_leader(struct node *n)
{
	const struct member *leader = group_leader(n->group);
	const struct peer *peer = n->config.seams.peer;
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);
	AUTO_ARENA struct arena a = { 0 };
	Pb__JoinRequest *request = PB_NEW(&a, join_request);
	struct err e;

	n->seeking.correct_at_ms = n->now.mono_ms + CORRECT_MS;
	if (strcmp(leader->node_id, n->id) == 0) {
		if (!group_move(n->group, n->membership.place->advertise_addr, &e))
			log_debug(n->config.log, "swarm", "not yet told: %s", e.text);
		return;
	}
	request->addr = n->membership.place->advertise_addr;
	if (!pb_encode(request, &bytes))
		abort(); /* an address */
	n->seeking.telling = ticket_next(&n->tickets);
	peer->call(peer->self, n->seeking.telling,
		   &(struct peer_target){ .addr = member_at(leader) }, JOIN, JOIN_MS);
	peer->send(peer->self, n->seeking.telling, buf_str(&bytes));
	peer->finish(peer->self, n->seeking.telling, PEER_OK, NULL);
}

static bool log_is_wrong(const struct node *n)
{
	const Pb__SwarmState *place = n->membership.place;
	const struct member *me;

	if (!n->group || !place->advertise_addr[0] || !place->advertise_interface[0])
		return false;
	me = members_find(group_members(n->group), group_status(n->group).id);
	return me && strcmp(me->addr, place->advertise_addr) != 0;
}

/* ---- what happens ---- */

bool seek_peer_event(struct node *n, uint64_t ticket, const struct peer_event *ev)
{
	struct seeking *s = &n->seeking;

	if (ticket == s->surveying && ev->kind == PEER_SURVEYED) {
		s->surveying = 0;
		if (!n->membership.place || !n->agent)
			return true;
		move(n, &ev->survey);
		if (s->is_lonely)
			begin_round(n, &ev->survey);
		return true;
	}
	if (s->telling && ticket == s->telling) {
		if (ev->kind == PEER_ENDED)
			s->telling = 0;
		return true;
	}
	for (size_t i = 0; i < SEEK_CALLS; i++) {
		if (!s->calls[i].ticket || s->calls[i].ticket != ticket)
			continue;
		if (ev->kind == PEER_MESSAGE)
			on_met(n, s->calls[i].addr, ev->message);
		if (ev->kind == PEER_ENDED) {
			if (ev->status != PEER_OK)
				log_debug(n->config.log, "swarm", "nobody at %s: %s",
					  s->calls[i].addr, ev->text);
			s->calls[i].ticket = 0;
		}
		return true;
	}
	return false;
}

void seek_meet(struct node *n, const char *node_id, const Pb__MeetRequest *request, struct arena *a,
	       Pb__MeetResponse *response)
{
	const Pb__SwarmState *place = n->membership.place;
	const struct member *m;

	response->me = PB_NEW(a, raft_member);
	response->me->node_id = n->id;
	response->me->raft_id = n->group ? group_status(n->group).id : 0;
	if (n->group && request->raft_id && request->addr[0])
		group_met(n->group, node_id, request->raft_id, request->addr);
	for (size_t i = 0; !n->group && place && i < place->n_managers; i++) {
		Pb__RaftMember *other = PB_NEW(a, raft_member);

		other->node_id = place->managers[i]->node_id;
		other->addr = place->managers[i]->addr;
		PB_APPEND(a, response, others, other);
	}
	if (n->group)
		members_each(group_members(n->group), m)
		{
			Pb__RaftMember *other = PB_NEW(a, raft_member);

			other->node_id = m->node_id;
			other->raft_id = m->raft_id;
			other->addr = (char *)member_at(m);
			PB_APPEND(a, response, others, other);
		}
}

static bool is_alone(const struct node *n)
{
	return n->group ? !group_leader(n->group) && !group_failure(n->group)
			: !agent_is_ready(n->agent);
}

static void plan(struct node *n)
{
	struct seeking *s = &n->seeking;
	int64_t after_ms = n->group ? MANAGER_LONELY_MS : WORKER_LONELY_MS;
	int64_t now = n->now.mono_ms;
	bool was_alone = s->is_alone;

	s->is_alone = is_alone(n);
	if (!s->is_alone) {
		if (s->is_lonely)
			end_round(n);
		/* Others may have found it before it noticed that it is elsewhere. */
		if (was_alone || s->survey_at_ms == NEVER_MS)
			s->survey_at_ms = was_alone ? now : now + SURVEY_MS;
		s->is_lonely = false;
		s->lonely_since_ms = now;
		s->pause_ms = 0;
	} else if (!s->is_lonely && now - s->lonely_since_ms >= after_ms) {
		s->is_lonely = true;
		s->survey_at_ms = now;
	}
	if (s->survey_at_ms <= now && !s->surveying)
		begin_survey(n);
	if (s->is_lonely && !call_places(n) && !s->surveying && s->survey_at_ms == NEVER_MS) {
		s->pause_ms = s->pause_ms ? 2 * s->pause_ms : PAUSE_MS;
		if (s->pause_ms > PAUSE_MAX_MS)
			s->pause_ms = PAUSE_MAX_MS;
		s->survey_at_ms = now + s->pause_ms;
	}
}

int64_t seek_turn(struct node *n)
{
	struct seeking *s = &n->seeking;
	int64_t next;

	if (!n->membership.place || !n->agent || n->config.node_id ||
	    n->membership.state != SWARM_ACTIVE)
		return NEVER_MS;
	plan(n);
	if (!s->telling && s->correct_at_ms <= n->now.mono_ms && n->group &&
	    group_leader(n->group) && log_is_wrong(n))
		tell_leader(n);
	next = s->survey_at_ms;
	if (!s->is_lonely && s->is_alone)
		next = s->lonely_since_ms + (n->group ? MANAGER_LONELY_MS : WORKER_LONELY_MS);
	if (n->group && group_leader(n->group) && log_is_wrong(n) && s->correct_at_ms < next)
		next = s->correct_at_ms > n->now.mono_ms ? s->correct_at_ms
							 : n->now.mono_ms + CORRECT_MS;
	return next;
}
