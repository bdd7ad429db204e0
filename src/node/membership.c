#include "node/membership.h"

#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/inside.h"

#define STATE_TABLE  "swarm"
#define STATE_KEY    "state"
#define RETRY_MAX_MS 30000
#define MESSAGE_MAX  (1 << 20)
#define LOADING      "This node is still reading what it was before; try again."
#define LOCKED                                                                                     \
	"Swarm is encrypted and needs to be unlocked before it can be used. Please use \"docker "  \
	"swarm unlock\" to unlock it."

static const char *const state_names[] = { "inactive", "pending", "active", "error", "locked" };

const char *swarm_state_name(enum swarm_state s)
{
	return state_names[s];
}

enum swarm_state node_swarm_state(const struct node *n)
{
	return n->membership.state;
}

const char *node_swarm_error(const struct node *n)
{
	return n->membership.error ? n->membership.error : "";
}

const char *node_id(const struct node *n)
{
	return n->id;
}

bool node_is_manager(const struct node *n)
{
	return n->group != NULL;
}

size_t node_managers(const struct node *n, Pb__Peer *const **managers)
{
	const Pb__SwarmState *place = n->membership.place;

	*managers = place ? place->managers : NULL;
	return place ? place->n_managers : 0;
}

const char *node_advertise_addr(const struct node *n)
{
	return n->membership.place ? n->membership.place->advertise_addr : "";
}

void membership_answer(struct node *n, const struct err *e)
{
	struct membership *m = &n->membership;
	struct leader_answer *a;

	if (!m->ticket)
		return;
	a = NEW(struct leader_answer);
	a->ticket = m->ticket;
	a->is_ok = e == NULL;
	if (e)
		a->err = *e;
	list_push_back(&n->answers, &a->link);
	m->ticket = 0;
}

static void answer_now(struct node *n, uint64_t ticket, const struct err *e)
{
	struct leader_answer *a = NEW(struct leader_answer);

	a->ticket = ticket;
	a->is_ok = e == NULL;
	if (e)
		a->err = *e;
	list_push_back(&n->answers, &a->link);
}

void membership_set_error(struct membership *m, const char *text)
{
	free(m->error);
	m->error = text ? xstrdup(text) : NULL;
}

static void forget(struct node *n)
{
	struct membership *m = &n->membership;

	seek_end(n);
	if (n->restoring && !n->restoring->waiting)
		restore_free(n);
	arena_clear(&m->memory);
	m->place = NULL;
	m->init = NULL;
	m->join = NULL;
	m->step = STEP_NONE;
	m->waiting = 0;
	m->call = 0;
	m->is_declining = false;
	m->is_locked = false;
	m->renew_at_ms = NEVER_MS;
	m->renew_backoff_ms = 0;
	trust_forget(n);
	lock_forget(n);
}

void membership_clear(struct node *n)
{
	forget(n);
	membership_set_error(&n->membership, NULL);
}

/* Init or join failed: nothing of it stays. */
void membership_give_up(struct node *n, const struct err *e)
{
	struct membership *m = &n->membership;

	log_error(n->config.log, "swarm", "%s", e->text);
	membership_set_error(m, e->text);
	membership_answer(n, e);
	agent_free(n->agent);
	n->agent = NULL;
	enlist_end(n);
	if (m->call)
		n->config.seams.peer->cancel(n->config.seams.peer->self, m->call);
	n->config.seams.keys->wipe(n->config.seams.keys->self, ticket_next(&n->tickets));
	n->config.seams.journal->wipe_raft(n->config.seams.journal->self, ticket_next(&n->tickets));
	forget(n);
	n->id[0] = '\0';
	m->state = SWARM_INACTIVE;
}

uint64_t membership_wait(struct node *n, enum membership_step step)
{
	n->membership.step = step;
	n->membership.waiting = ticket_next(&n->tickets);
	return n->membership.waiting;
}

/* Write down where this node stands. */
uint64_t membership_keep_place(struct node *n)
{
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);
	uint64_t ticket = ticket_next(&n->tickets);
	struct journal_record record = { STATE_TABLE, STATE_KEY, { 0 } };

	if (n->membership.place) {
		if (!pb_encode(n->membership.place, &bytes))
			abort(); /* a handful of addresses */
		record.value = buf_str(&bytes);
	}
	n->config.seams.journal->write_local(n->config.seams.journal->self, ticket, &record, 1);
	return ticket;
}

void membership_start_agent(struct node *n, const struct journal_image *image)
{
	const struct node_config *c = &n->config;
	const Pb__SwarmState *place = n->membership.place;

	n->agent = agent_new(&(struct agent_config){
		.peer = c->seams.peer,
		.journal = c->seams.journal,
		.executor = containers_executor(n),
		.log = c->log,
		.prng = &n->prng,
		.node_id = n->id,
		.description = n->description,
	});
	for (size_t i = 0; i < place->n_managers; i++)
		agent_add_manager(n->agent, place->managers[i]->node_id, place->managers[i]->addr);
	agent_load(n->agent, image ? image : &(struct journal_image){ 0 });
}

void membership_add_manager(struct node *n, const char *id, const char *addr)
{
	struct membership *m = &n->membership;
	Pb__Peer *peer = PB_NEW(&m->memory, peer);

	peer->node_id = arena_strdup(&m->memory, id);
	peer->addr = arena_strdup(&m->memory, addr);
	PB_APPEND(&m->memory, m->place, managers, peer);
}

bool membership_is_busy(struct node *n, uint64_t ticket)
{
	struct err e;

	if (n->membership.is_loading) {
		fail(&e, ERR_UNAVAILABLE, LOADING);
		answer_now(n, ticket, &e);
		return true;
	}
	if (n->membership.state == SWARM_INACTIVE)
		return false;
	if (n->membership.state == SWARM_LOCKED) {
		fail(&e, ERR_UNAVAILABLE, LOCKED);
		answer_now(n, ticket, &e);
		return true;
	}
	fail(&e, ERR_UNAVAILABLE,
	     "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm "
	     "and join "
	     "another one.");
	answer_now(n, ticket, &e);
	return true;
}

void membership_pend(struct node *n, uint64_t ticket, const char *listen, const char *advertise,
		     const char *data_path, uint32_t data_path_port)
{
	struct membership *m = &n->membership;

	membership_set_error(m, NULL);
	m->state = SWARM_PENDING;
	m->ticket = ticket;
	m->place = PB_NEW(&m->memory, swarm_state);
	m->place->listen_addr = arena_strdup(&m->memory, listen);
	m->place->advertise_addr = arena_strdup(&m->memory, advertise ? advertise : "");
	m->place->data_path_addr = arena_strdup(&m->memory, data_path ? data_path : "");
	m->place->data_path_port = data_path_port;
	m->attempts = 0;
	m->retry_at_ms = NEVER_MS;
	m->deadline_ms = n->now.mono_ms + MEMBERSHIP_TIMEOUT_MS;
}

/* ---- what happens ---- */

void membership_learn_identity(struct node *n, const struct keys_identity *identity)
{
	Pb__NodeTLSInfo *tls;

	(void)snprintf(n->id, sizeof(n->id), "%s", identity->node_id);
	n->is_manager_by_cert = strcmp(identity->role, "swarm-manager") == 0;
	if (!n->is_manager_by_cert)
		lock_forget(n);
	trust_forget(n);
	arena_reset(&n->description_memory);
	n->description =
		n->config.description
			? pb_dup(&n->description_memory, n->config.description)
			: pb_new(&n->description_memory, &pb__node_description__descriptor);
	containers_name_node(n);
	tls = n->description->tls_info = PB_NEW(&n->description_memory, node_tlsinfo);
#define SET(field, from)                                                                           \
	(tls->field.data = arena_copy(&n->description_memory, (from).ptr, (from).len),             \
	 tls->field.len = (from).len)
	SET(trust_root, identity->root);
	SET(cert_issuer_subject, identity->issuer_subject);
	SET(cert_issuer_public_key, identity->issuer_public_key);
#undef SET
	if (n->agent)
		agent_describe(n->agent, n->description);
	join_plan_renewal(n, identity);
}

void node_describe(struct node *n, const Pb__NodeDescription *description)
{
	struct arena fresh = { 0 };
	const Pb__NodeDescription *old = n->description;

	n->config.description = description;
	if (!old)
		return; /* not begun: it begins with this one */
	n->description = pb_dup(&fresh, description);
	if (old->tls_info)
		n->description->tls_info = pb_dup(&fresh, old->tls_info);
	arena_clear(&n->description_memory);
	n->description_memory = fresh;
	if (n->agent)
		agent_describe(n->agent, n->description);
}

/* ---- unlock ---- */

void node_swarm_unlock(struct node *n, uint64_t ticket, const uint8_t key[32])
{
	struct membership *m = &n->membership;
	const struct keys *keys = n->config.seams.keys;
	struct err e;

	if (m->state != SWARM_LOCKED || m->step != STEP_NONE) {
		fail(&e, ERR_CONFLICT, "swarm is not locked");
		answer_now(n, ticket, &e);
		return;
	}
	m->ticket = ticket;
	m->deadline_ms = n->now.mono_ms + MEMBERSHIP_TIMEOUT_MS;
	keys->load(keys->self, membership_wait(n, STEP_UNLOCK), str_bytes(key, UNLOCK_KEY_BYTES));
}

static void not_unlocked(struct node *n, const struct err *why)
{
	struct err e = *why;

	n->membership.step = STEP_NONE;
	if (why->kind == ERR_DENIED)
		fail(&e, ERR_UNAUTHENTICATED, "swarm could not be unlocked: invalid key provided");
	membership_answer(n, &e);
}

static void on_unlocked(struct node *n, const struct keys_event *ev)
{
	struct membership *m = &n->membership;

	membership_learn_identity(n, &ev->identity);
	n->lock.is_settled = true;
	m->step = STEP_UNLOCKED;
	n->load_ticket = ticket_next(&n->tickets);
	n->config.seams.journal->load(n->config.seams.journal->self, n->load_ticket);
}

void membership_stays_locked(struct node *n, const char *why)
{
	struct err e;

	fail(&e, ERR_INTERNAL, "%s", why);
	not_unlocked(n, &e);
}

void membership_unlocked(struct node *n, const struct journal_image *image)
{
	struct membership *m = &n->membership;

	log_info(n->config.log, "swarm", "this node is unlocked");
	m->is_locked = false;
	m->step = STEP_NONE;
	membership_resume(n, image);
	membership_answer(n, NULL);
}

/* ---- the outcomes of keys ---- */

/* Of an earlier life there is nothing, or a lock, or something that is broken: then the node shows
 * why it is in no swarm, and forgets nothing by itself. */
static void not_loaded(struct node *n, const struct keys_event *ev, const struct err *e)
{
	struct membership *m = &n->membership;

	m->is_locked = e->kind == ERR_DENIED;
	if (m->is_locked) {
		membership_loaded(n, &ev->identity);
		return;
	}
	if (e->kind != ERR_NOT_FOUND) {
		log_error(n->config.log, "swarm", "this node's keys cannot be used: %s", e->text);
		membership_set_error(m, e->text);
	}
	membership_loaded(n, NULL);
}

void membership_keys_event(struct node *n, uint64_t ticket, const struct keys_event *ev)
{
	struct membership *m = &n->membership;
	struct err e;

	if (trust_keys_event(n, ticket, ev) || lock_keys_event(n, ticket, ev) ||
	    new_root_keys_event(n, ticket, ev) || ticket != m->waiting)
		return;
	m->waiting = 0;
	if (ev->kind == KEYS_FAILED) {
		fail(&e, ev->err_kind ? (enum err_kind)ev->err_kind : ERR_INTERNAL, "%s",
		     ev->text ? ev->text : "a key operation failed");
		if (m->step == STEP_LOAD)
			not_loaded(n, ev, &e);
		else if (m->step == STEP_UNLOCK)
			not_unlocked(n, &e);
		else if (m->join && m->join->is_renewal)
			join_keys_failed(n, &e);
		else
			membership_give_up(n, &e);
		return;
	}
	switch (m->step) {
	case STEP_LOAD:
		membership_loaded(n, &ev->identity);
		break;
	case STEP_UNLOCK:
		on_unlocked(n, ev);
		break;
	default:
		if (!init_keys_event(n, ev))
			(void)join_keys_event(n, ev);
		break;
	}
}

void membership_listening(struct node *n, const struct peer_event *ev)
{
	struct err e;

	if (ev->kind != PEER_UNHEARD)
		return;
	fail(&e, ERR_UNAVAILABLE, "%s", ev->text);
	if (n->membership.state == SWARM_PENDING) {
		membership_give_up(n, &e);
		return;
	}
	/* The swarm goes on without us; say so and try again now and then. */
	log_error(n->config.log, "swarm", "%s", e.text);
	membership_set_error(&n->membership, e.text);
	n->membership.listen_again_ms = n->now.mono_ms + RETRY_MAX_MS;
}

/* Who founded the group with us is known from the configuration; nothing of it is in the journal.
 */
static void be_founder(struct node *n, const struct journal_image *image)
{
	const struct node_config *c = &n->config;
	struct membership *m = &n->membership;
	uint64_t me = 0;

	m->place = PB_NEW(&m->memory, swarm_state);
	for (size_t i = 0; i < c->founder_count; i++) {
		membership_add_manager(n, c->founders[i].node_id, c->founders[i].addr);
		if (strcmp(c->founders[i].node_id, n->id) == 0)
			me = c->founders[i].raft_id;
	}
	manager_start(n, image->has_raft ? image : NULL, c->founders, c->founder_count, me);
	membership_start_agent(n, image);
	m->state = SWARM_ACTIVE;
	m->step = STEP_FOUNDING;
}

void membership_begin(struct node *n)
{
	const struct node_config *c = &n->config;

	n->description =
		c->description ? pb_dup(&n->description_memory, c->description)
			       : pb_new(&n->description_memory, &pb__node_description__descriptor);
	n->membership.retry_at_ms = n->membership.renew_at_ms = NEVER_MS;
	n->membership.refused_root = BUF_MAX(ROOT_MAX);
	if (!c->node_id) {
		c->seams.keys->load(c->seams.keys->self, membership_wait(n, STEP_LOAD), STR(""));
		return;
	}
	(void)snprintf(n->id, sizeof(n->id), "%s", c->node_id);
	membership_loaded(n, NULL);
}

/* What an earlier life left: the certificate, and the journal's records. */
void membership_loaded(struct node *n, const struct keys_identity *identity)
{
	if (identity)
		membership_learn_identity(n, identity);
	n->lock.is_settled = n->is_manager_by_cert && !n->membership.is_locked;
	n->membership.step = STEP_NONE;
	n->load_ticket = ticket_next(&n->tickets);
	n->config.seams.journal->load(n->config.seams.journal->self, n->load_ticket);
}

void membership_resume(struct node *n, const struct journal_image *image)
{
	struct membership *m = &n->membership;
	struct err e;

	m->is_loading = false;
	if (n->config.node_id) {
		be_founder(n, image);
		return;
	}
	for (size_t i = 0; i < image->record_count; i++)
		if (strcmp(image->records[i].table, STATE_TABLE) == 0 &&
		    strcmp(image->records[i].key, STATE_KEY) == 0)
			m->place = pb_decode(&m->memory, &pb__swarm_state__descriptor,
					     image->records[i].value, MESSAGE_MAX, &e);
	if (m->place && m->error) {
		m->state = SWARM_ERROR;
		return;
	}
	if (!m->place || !n->id[0]) {
		/* Nobody has the key to what is left of it. */
		if (image->is_raft_shut)
			n->config.seams.journal->wipe_raft(n->config.seams.journal->self,
							   ticket_next(&n->tickets));
		forget(n);
		return;
	}
	if (m->is_locked) {
		log_warn(n->config.log, "swarm",
			 "this node is locked until it is given the unlock key");
		m->state = SWARM_LOCKED;
		return;
	}
	membership_start_agent(n, image);
	m->state = SWARM_ACTIVE;
	seek_begin(n);
	if (!n->is_manager_by_cert) {
		/* Demoted, and stopped before the log was gone. */
		if (image->has_raft || image->is_raft_shut)
			enlist_forget(n);
	} else if (image->has_raft) {
		manager_start(n, image, NULL, 0, m->place->raft_id);
		n->config.seams.peer->listen(n->config.seams.peer->self, m->place->listen_addr);
	} else {
		enlist_begin(n);
	}
}

/* Managers change while we are inside: the next life begins with those of today. */
static void keep_managers(struct node *n)
{
	struct membership *m = &n->membership;
	const struct list *managers = agent_managers(n->agent);
	const struct agent_manager *it;
	size_t i = 0;
	bool is_same = true;

	list_each (managers, struct agent_manager, link, it) {
		is_same = is_same && i < m->place->n_managers &&
			  strcmp(m->place->managers[i]->addr, it->addr) == 0;
		i++;
	}
	if (is_same && i == m->place->n_managers)
		return;
	m->place->n_managers = 0;
	m->place->managers = NULL;
	list_each (managers, struct agent_manager, link, it)
		membership_add_manager(n, it->node_id, it->addr);
	(void)membership_keep_place(n);
}

/* A manager has the swarm's state. */
static bool is_whole(const struct node *n)
{
	return !n->is_manager_by_cert || (n->store && view_cluster(store_view(n->store)));
}

static void tell_late(struct node *n)
{
	const char *why = node_swarm_error(n);
	struct err e;

	fail(&e, ERR_UNAVAILABLE,
	     "Timeout was reached before node joined. The attempt to join the swarm will "
	     "continue in "
	     "the background. Use the \"docker info\" command to see the current swarm "
	     "status of your "
	     "node.%s%s",
	     why[0] ? " The last attempt failed: " : "", why);
	membership_answer(n, &e);
}

int64_t membership_turn(struct node *n)
{
	struct membership *m = &n->membership;
	int64_t next, later;

	if (m->step == STEP_LEADING && group_leads(n->group))
		m->step = STEP_FOUNDING;
	if (m->step == STEP_ALONE && n->leader && leader_is_leading(n->leader)) {
		m->step = STEP_NONE;
		m->state = SWARM_ACTIVE;
		membership_answer(n, NULL);
	}
	decline_turn(n);
	if (m->step == STEP_SETTLING && n->agent && agent_is_ready(n->agent) && is_whole(n)) {
		m->state = SWARM_ACTIVE;
		m->step = STEP_NONE;
		seek_begin(n);
		membership_set_error(m, NULL);
		membership_answer(n, NULL);
	}
	if (m->step == STEP_NONE && n->agent && agent_is_ready(n->agent))
		keep_managers(n);
	if (m->ticket && n->now.mono_ms >= m->deadline_ms)
		tell_late(n);
	join_turn(n);
	next = enlist_turn(n);
	later = seek_turn(n);
	next = later < next ? later : next;
	trust_turn(n);
	lock_turn(n);
	if (lock_deadline(n) < next)
		next = lock_deadline(n);
	if (m->listen_again_ms && m->listen_again_ms <= n->now.mono_ms) {
		m->listen_again_ms = 0;
		n->config.seams.peer->listen(n->config.seams.peer->self, m->place->listen_addr);
	}
	if (m->ticket && m->deadline_ms < next)
		next = m->deadline_ms;
	if (m->join && m->retry_at_ms < next)
		next = m->retry_at_ms;
	if (m->state == SWARM_ACTIVE && m->step == STEP_NONE && m->renew_at_ms < next)
		next = m->renew_at_ms;
	if (m->listen_again_ms && m->listen_again_ms < next)
		next = m->listen_again_ms;
	return next;
}

/* A manager does not leave unless it is forced; the sentence counts what would be left. */
static bool refuses_to_leave(const struct node *n, struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(ERR_TEXT_MAX);
	size_t reachable, all;

	buf_append_c(&text, "You are attempting to leave the swarm on a node that is participating "
			    "as a manager. ");
	if (!n->group) {
		buf_append_c(&text, "Doing so may lose the consensus of your cluster. ");
	} else {
		change_count_managers(n, &reachable, &all);
		if (reachable == 1 && all == 1)
			buf_append_c(&text,
				     "Removing the last manager erases all current state of the "
				     "swarm. Use `--force` to ignore this message. ");
		else if (reachable <= 2 + all - reachable)
			buf_printf(&text,
				   "Removing this node leaves %zu managers out of %zu. Without a "
				   "Raft quorum your swarm will be inaccessible. ",
				   reachable - 1, all);
	}
	buf_append_c(&text, "The only way to restore a swarm that has lost consensus is to "
			    "reinitialize it with `--force-new-cluster`. Use `--force` to suppress "
			    "this message.");
	fail(e, ERR_UNAVAILABLE, "%.*s", (int)text.len, text.data);
	return true;
}

void node_swarm_leave(struct node *n, uint64_t ticket, bool force)
{
	struct membership *m = &n->membership;
	struct err e;

	if (m->state == SWARM_INACTIVE) {
		fail(&e, ERR_UNAVAILABLE,
		     m->is_loading ? LOADING : "This node is not part of a swarm");
		answer_now(n, ticket, &e);
		return;
	}
	if (m->state == SWARM_LOCKED && !force) {
		fail(&e, ERR_UNAVAILABLE,
		     "Swarm is encrypted and locked. Please unlock it first or use `--force` to "
		     "ignore this message.");
		answer_now(n, ticket, &e);
		return;
	}
	if (n->is_manager_by_cert && !force && refuses_to_leave(n, &e)) {
		answer_now(n, ticket, &e);
		return;
	}
	if (m->ticket) {
		fail(&e, ERR_UNAVAILABLE, "the node left the swarm");
		membership_answer(n, &e);
	}
	if (n->agent)
		agent_leave(n->agent);
	agent_free(n->agent);
	n->agent = NULL;
	enlist_end(n);
	n->config.seams.peer->listen(n->config.seams.peer->self, "");
	n->config.seams.keys->wipe(n->config.seams.keys->self, ticket_next(&n->tickets));
	n->config.seams.journal->wipe_raft(n->config.seams.journal->self, ticket_next(&n->tickets));
	forget(n);
	membership_set_error(m, NULL);
	(void)membership_keep_place(n);
	n->id[0] = '\0';
	m->state = SWARM_INACTIVE;
	answer_now(n, ticket, NULL);
}
