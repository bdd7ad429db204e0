/* Errands: what clients ask of this manager and the leader does.
 *
 * A change waits until somebody leads, then goes to the leader: to the room next door, or as a call
 * of its Control service. It is asked again, of the next leader, as long as it was surely not
 * carried out: the leader said so, or nothing of the call left this host. When that cannot be
 * known the client is told. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/inside.h"
#include "pb/methods.h"

#define ERRANDS_MAX   10000
#define ERRAND_MS     10000 /* from the client's question to an answer of some kind */
#define AGAIN_MS      50
#define MESSAGE_MAX   (64 << 20)
#define LIST_NODES    "/docker.swarmkit.v1.Control/ListNodes"
#define MISSING_SHOWN 8
#define UNKNOWN       "the change may or may not have been applied; look before you repeat"

struct errand {
	struct list link;
	uint64_t ticket; /* the client's */
	uint64_t under;  /* of the leader's answer or of the call; 0: it waits */
	const struct pb_method *method;
	const void *request;
	bool is_glance; /* who can be reached? asked for a read */
	char *answer;
	size_t answer_len;
	int64_t deadline_ms, again_ms;
	struct arena memory;
};

static void errand_free(struct node *n, struct errand *it)
{
	n->errand_count--;
	list_remove(&it->link);
	arena_clear(&it->memory);
	free(it);
}

static void push_answer(struct node *n, uint64_t ticket, const struct err *e)
{
	struct leader_answer *a = NEW(struct leader_answer);

	a->ticket = ticket;
	a->err = *e;
	list_push_back(&n->answers, &a->link);
}

static void fail_errand(struct node *n, struct errand *it, const struct err *e)
{
	if (it->is_glance)
		reads_glanced(n, it->ticket);
	else
		push_answer(n, it->ticket, e);
	errand_free(n, it);
}

void errands_clear(struct node *n, const struct err *e)
{
	struct errand *it;
	struct err unknown;

	list_each (&n->errands, struct errand, link, it)
		fail_errand(n, it, e);
	fail(&unknown, ERR_UNKNOWN_OUTCOME, UNKNOWN);
	list_each (&n->errands_out, struct errand, link, it)
		fail_errand(n, it, &unknown);
}

/* The reference's sentence, and what it leaves to be found out: how many, and who is missing. */
bool errands_no_leader(const struct node *n, struct err *e)
{
	AUTO_BUF struct buf missing = BUF_MAX(ERR_TEXT_MAX);
	const struct members *members = group_members(n->group);
	size_t reachable = 0, shown = 0;
	struct member *m;

	if (group_failure(n->group))
		return group_no_leader(n->group, e);
	members_each(members, m)
	{
		const Pb__Node *node = view_node(store_view(n->store), m->node_id);

		if (m->is_active || strcmp(m->node_id, n->id) == 0) {
			reachable++;
			continue;
		}
		if (shown++ < MISSING_SHOWN)
			buf_printf(&missing, "%s%s (%s)", shown > 1 ? ", " : "",
				   node && node->description ? node->description->hostname
							     : m->node_id,
				   member_at(m));
	}
	return fail(
		e, ERR_UNAVAILABLE,
		"The swarm does not have a leader. It's possible that too few managers are "
		"online. Make sure more than half of the managers are online. %zu of %zu can be "
		"reached from here%s%.*s.",
		reachable, members->by_raft_id.count, shown ? "; missing: " : "", (int)missing.len,
		missing.len ? missing.data : "");
}

static void go(struct node *n, struct errand *it)
{
	it->under = ticket_next(&n->tickets);
	list_remove(&it->link);
	list_push_back(&n->errands_out, &it->link);
}

/* Ask whoever leads. */
static void set_out(struct node *n, struct errand *it)
{
	const struct member *leader = group_leader(n->group);
	const struct peer *peer = n->config.seams.peer;
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);
	struct err e;

	if (leader_is_leading(n->leader)) {
		if (it->is_glance) {
			reads_glanced(n, it->ticket);
			errand_free(n, it);
			return;
		}
		go(n, it);
		leader_change(n->leader, it->under, it->method->path, it->request, n->now);
		return;
	}
	if (!leader || strcmp(leader->node_id, n->id) == 0 || it->again_ms > n->now.mono_ms)
		return;
	if (!pb_encode(it->request, &bytes)) {
		fail(&e, ERR_INVALID, "the request is larger than %d MiB", MESSAGE_MAX >> 20);
		fail_errand(n, it, &e);
		return;
	}
	go(n, it);
	it->answer_len = 0;
	peer->call(peer->self, it->under, &(struct peer_target){ .addr = member_at(leader) },
		   it->method->path, it->deadline_ms - n->now.mono_ms);
	peer->send(peer->self, it->under, buf_str(&bytes));
	peer->finish(peer->self, it->under, PEER_OK, NULL);
}

static bool errand_add(struct node *n, uint64_t ticket, const char *method, const void *request,
		       bool is_glance, struct err *e)
{
	const struct pb_method *m = pb_method_find(str_of(method));
	struct errand *it;

	if (!m)
		return fail(e, ERR_UNSUPPORTED, "unknown method %s", method);
	if (n->errand_count >= ERRANDS_MAX)
		return fail(e, ERR_EXHAUSTED, "%d changes wait already; try again", ERRANDS_MAX);
	it = NEW(struct errand);
	it->ticket = ticket;
	it->method = m;
	it->request = pb_dup(&it->memory, request);
	it->is_glance = is_glance;
	it->deadline_ms = n->now.mono_ms + ERRAND_MS;
	list_push_back(&n->errands, &it->link);
	n->errand_count++;
	return true;
}

void errands_change(struct node *n, uint64_t ticket, const char *method, const void *request)
{
	struct err e;

	if (!errand_add(n, ticket, method, request, false, &e))
		push_answer(n, ticket, &e);
}

bool errands_glance(struct node *n, uint64_t ticket)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ListNodesRequest *request = PB_NEW(&a, list_nodes_request);
	Pb__NodeRole manager = PB__NODE_ROLE__MANAGER;
	struct err e;

	request->filters = pb_new(&a, &pb__list_nodes_request__filters__descriptor);
	request->filters->roles = &manager;
	request->filters->n_roles = 1;
	return errand_add(n, ticket, LIST_NODES, request, true, &e);
}

/* It was not carried out: it waits for the next leader. */
static void come_back(struct node *n, struct errand *it)
{
	list_remove(&it->link);
	list_push_back(&n->errands, &it->link);
	it->under = 0;
	it->again_ms = n->now.mono_ms + AGAIN_MS;
}

bool errands_answered(struct node *n, struct leader_answer *a)
{
	struct errand *it;

	list_each (&n->errands_out, struct errand, link, it) {
		if (it->under != a->ticket)
			continue;
		if (!a->is_ok && a->err.kind == ERR_UNAVAILABLE &&
		    it->deadline_ms > n->now.mono_ms) {
			come_back(n, it);
			leader_answer_free(a);
			return true;
		}
		a->ticket = it->ticket;
		errand_free(n, it);
		list_push_back(&n->answers, &a->link);
		return true;
	}
	return false;
}

/* What a manager sees of the others only the leader knows: it is kept for the next reads. */
static void keep_glance(struct node *n, const Pb__ListNodesResponse *response)
{
	free(n->seen);
	n->seen = xcalloc(response->n_nodes + 1, sizeof(*n->seen));
	n->seen_count = 0;
	for (size_t i = 0; i < response->n_nodes; i++) {
		const Pb__ManagerStatus *status = response->nodes[i]->manager_status;

		if (status)
			n->seen[n->seen_count++] = (struct seen_member){
				status->raft_id,
				status->reachability ==
					PB__RAFT_MEMBER_STATUS__REACHABILITY__REACHABLE,
				status->match, status->last_index
			};
	}
}

static void ended_well(struct node *n, struct errand *it)
{
	struct leader_answer *a = NEW(struct leader_answer);

	a->ticket = it->ticket;
	a->response = pb_decode(&a->memory, it->method->response,
				str_bytes(it->answer, it->answer_len), MESSAGE_MAX, &a->err);
	a->is_ok = a->response != NULL;
	if (it->is_glance) {
		if (a->is_ok)
			keep_glance(n, a->response);
		reads_glanced(n, it->ticket);
		list_init(&a->link);
		leader_answer_free(a);
	} else {
		list_push_back(&n->answers, &a->link);
	}
	errand_free(n, it);
}

static void ended_badly(struct node *n, struct errand *it, const struct peer_event *ev)
{
	struct err e;

	if (ev->is_unsent || ev->status == PEER_ABORTED) {
		come_back(n, it);
		return;
	}
	switch (ev->status) {
	case PEER_UNAVAILABLE:
	case PEER_DEADLINE_EXCEEDED:
	case PEER_CANCELLED:
		fail(&e, ERR_UNKNOWN_OUTCOME, UNKNOWN);
		break;
	default:
		fail(&e, err_of_grpc(ev->status), "%s", ev->text);
		break;
	}
	fail_errand(n, it, &e);
}

bool errands_peer_event(struct node *n, uint64_t ticket, const struct peer_event *ev)
{
	struct errand *it;

	list_each (&n->errands_out, struct errand, link, it) {
		if (it->under != ticket)
			continue;
		if (ev->kind == PEER_MESSAGE) {
			it->answer = arena_copy(&it->memory, ev->message.ptr, ev->message.len);
			it->answer_len = ev->message.len;
		} else if (ev->kind == PEER_ENDED && ev->status == PEER_OK) {
			ended_well(n, it);
		} else if (ev->kind == PEER_ENDED) {
			ended_badly(n, it, ev);
		}
		return true;
	}
	return false;
}

static void fail_for_want_of_leader(struct node *n, struct errand *it)
{
	struct err e;

	errands_no_leader(n, &e);
	fail_errand(n, it, &e);
}

int64_t errands_turn(struct node *n)
{
	bool is_lonely = manager_is_lonely(n);
	int64_t next = NEVER_MS;
	struct errand *it;

	list_each (&n->errands, struct errand, link, it) {
		int64_t again;

		if (it->deadline_ms <= n->now.mono_ms || group_failure(n->group) || is_lonely) {
			fail_for_want_of_leader(n, it);
			continue;
		}
		again = it->again_ms > n->now.mono_ms ? it->again_ms : n->now.mono_ms + AGAIN_MS;
		next = again < next ? again : next;
		set_out(n, it);
	}
	return next;
}
