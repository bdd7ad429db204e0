/* How a swarm begins: with a root of its own, or anew with what one manager remembers. */
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/inside.h"

/* ---- anew ---- */

static void go_on_alone(struct node *n, uint64_t ticket, const struct swarm_init *init)
{
	struct membership *m = &n->membership;

	log_warn(n->config.log, "swarm", "goes on without the other managers, as it was told");
	enlist_end(n);
	m->ticket = ticket;
	m->deadline_ms = n->now.mono_ms + MEMBERSHIP_TIMEOUT_MS;
	m->place->listen_addr = arena_strdup(&m->memory, init->listen_addr);
	m->place->advertise_addr = arena_strdup(&m->memory, init->advertise_addr);
	m->step = STEP_REREADING;
	n->load_ticket = ticket_next(&n->tickets);
	n->config.seams.journal->load(n->config.seams.journal->self, n->load_ticket);
}

void membership_be_alone(struct node *n, const struct journal_image *image)
{
	struct membership *m = &n->membership;
	struct err e;

	m->step = STEP_NONE;
	if (!image->has_raft)
		fail(&e, ERR_CONFLICT, "this manager has no log to begin anew with");
	if (!image->has_raft || !manager_start_alone(n, image, &e)) {
		if (m->state == SWARM_PENDING)
			membership_give_up(n, &e);
		else
			membership_answer(n, &e);
		return;
	}
	if (!n->agent)
		membership_start_agent(n, NULL);
	m->place->raft_id = group_status(n->group).id;
	m->place->n_members = 0;
	m->place->n_managers = 0;
	membership_add_manager(n, n->id, m->place->advertise_addr);
	agent_add_manager(n->agent, n->id, m->place->advertise_addr);
	(void)membership_keep_place(n);
	n->config.seams.peer->listen(n->config.seams.peer->self, m->place->listen_addr);
	m->step = STEP_ALONE;
}

/* ---- with a root of its own ---- */

void node_swarm_init(struct node *n, uint64_t ticket, const struct swarm_init *init)
{
	struct membership *m = &n->membership;
	struct founding *f;
	const struct keys *keys = n->config.seams.keys;

	if (init->force_new_cluster && n->is_manager_by_cert && m->place && !m->is_loading &&
	    m->state == SWARM_ACTIVE && m->step == STEP_NONE) {
		go_on_alone(n, ticket, init);
		return;
	}
	if (membership_is_busy(n, ticket))
		return;
	membership_pend(n, ticket, init->listen_addr, init->advertise_addr, init->data_path_addr,
			init->data_path_port);
	f = m->init = ARENA_NEW(&m->memory, struct founding);
	object_id_new(&n->prng, n->id);
	f->node_id = n->id;
	f->prng = &n->prng;
	f->cluster_id = arena_alloc(&m->memory, OBJECT_ID_LEN + 1);
	object_id_new(&n->prng, (char *)f->cluster_id);
	f->spec = init->spec ? pb_dup(&m->memory, init->spec) : NULL;
	f->availability = init->availability;
	f->subnet_size = init->subnet_size;
	f->data_path_port = init->data_path_port;
	f->address_pools = arena_alloc(&m->memory, (init->address_pool_count + 1) * sizeof(char *));
	for (size_t i = 0; i < init->address_pool_count; i++)
		((const char **)f->address_pools)[i] =
			arena_strdup(&m->memory, init->address_pools[i]);
	f->address_pool_count = init->address_pool_count;
	keys->new_root(keys->self, membership_wait(n, STEP_ROOT), n->now.wall_ns);
}

static void on_root(struct node *n, const struct keys_event *ev)
{
	struct membership *m = &n->membership;
	const struct keys *keys = n->config.seams.keys;

	m->init->ca_cert = str_bytes(arena_str(&m->memory, ev->a), ev->a.len);
	m->init->ca_key = str_bytes(arena_str(&m->memory, ev->b), ev->b.len);
	m->init->ca_digest = arena_str(&m->memory, ev->c);
	keys->random(keys->self, membership_wait(n, STEP_SECRETS), FOUND_CHANCE_BYTES);
}

static void on_secrets(struct node *n, const struct keys_event *ev)
{
	struct membership *m = &n->membership;
	const struct keys *keys = n->config.seams.keys;

	m->init->chance = arena_copy(&m->memory, ev->a.ptr, ev->a.len);
	keys->new_csr(keys->self, membership_wait(n, STEP_OWN_CSR));
}

static void on_own_csr(struct node *n, const struct keys_event *ev)
{
	struct membership *m = &n->membership;
	const struct keys *keys = n->config.seams.keys;
	struct keys_signing what = {
		.ca_cert = m->init->ca_cert,
		.ca_key = m->init->ca_key,
		.csr = ev->a,
		.cn = n->id,
		.ou = "swarm-manager",
		.org = m->init->cluster_id,
		.lifetime_s = INT64_C(2160) * 3600,
		.wall_ns = n->now.wall_ns,
	};

	m->init->csr = str_bytes(arena_str(&m->memory, ev->a), ev->a.len);
	if (m->init->spec && m->init->spec->ca_config && m->init->spec->ca_config->node_cert_expiry)
		what.lifetime_s = m->init->spec->ca_config->node_cert_expiry->seconds;
	keys->sign(keys->self, membership_wait(n, STEP_OWN_CERT), &what);
}

static void on_own_cert(struct node *n, const struct keys_event *ev)
{
	struct membership *m = &n->membership;
	const struct keys *keys = n->config.seams.keys;

	m->init->cert = str_bytes(arena_str(&m->memory, ev->a), ev->a.len);
	keys->install(keys->self, membership_wait(n, STEP_OWN_INSTALL), m->init->ca_cert,
		      m->init->cert);
}

static void on_own_installed(struct node *n, const struct keys_event *ev)
{
	membership_learn_identity(n, &ev->identity);
	lock_tell(n, membership_wait(n, STEP_OWN_LOCK),
		  n->restoring ? n->restoring->unlock_key : found_unlock_key(n->membership.init),
		  0);
}

static void on_own_locked(struct node *n)
{
	struct membership *m = &n->membership;
	struct member me = { .raft_id = 1 + (prng_next(&n->prng) >> 1),
			     .node_id = n->id,
			     .addr = m->place->advertise_addr };

	n->lock.is_settled = true;
	m->place->raft_id = me.raft_id;
	if (n->restoring) {
		restore_save(n);
		return;
	}
	manager_start(n, NULL, &me, 1, me.raft_id);
	n->config.seams.peer->listen(n->config.seams.peer->self, m->place->listen_addr);
	m->step = STEP_LEADING;
}

bool init_keys_event(struct node *n, const struct keys_event *ev)
{
	switch (n->membership.step) {
	case STEP_ROOT:
		on_root(n, ev);
		return true;
	case STEP_SECRETS:
		on_secrets(n, ev);
		return true;
	case STEP_OWN_CSR:
		on_own_csr(n, ev);
		return true;
	case STEP_OWN_CERT:
		on_own_cert(n, ev);
		return true;
	case STEP_OWN_INSTALL:
		on_own_installed(n, ev);
		return true;
	case STEP_OWN_LOCK:
		on_own_locked(n);
		return true;
	default:
		return false;
	}
}

/* The objects that a swarm begins with are the first transaction's: a controller adds them. */
static void founding_lead(void *self, const struct view *v, struct now now)
{
	struct node *n = self;

	(void)now;
	if (n->config.founding && view_cluster(v))
		n->membership.step = STEP_NONE;
}

static void founding_notice(void *self, const struct change *c, struct now now)
{
	struct node *n = self;
	struct membership *m = &n->membership;

	(void)now;
	if (m->step != STEP_FOUNDING || c->kind != OBJECT_CLUSTER || c->what != CHANGE_CREATED)
		return;
	if (n->config.founding) {
		m->step = STEP_NONE;
		return;
	}
	membership_add_manager(n, n->id, m->place->advertise_addr);
	(void)membership_keep_place(n);
	membership_start_agent(n, NULL);
	m->state = SWARM_ACTIVE;
	m->step = STEP_SETTLING;
}

/* Nothing of a swarm that is being founded can be in the way of its objects. */
static void founding_decide(void *self, struct txn *t)
{
	struct node *n = self;
	struct membership *m = &n->membership;
	const struct node_config *c = &n->config;
	struct founding founding;
	struct err e;

	if (m->step != STEP_FOUNDING || view_cluster(txn_view(t)))
		return;
	founding = c->founding ? *c->founding : *m->init;
	founding.node_id = n->id;
	founding.prng = &n->prng;
	if (!found_swarm(t, &founding, &e)) {
		log_error(c->log, "swarm", "founding: %s", e.text);
		abort();
	}
	for (size_t i = 0; i < c->founder_count; i++)
		if (strcmp(c->founders[i].node_id, n->id) != 0)
			found_manager(t, c->founders[i].node_id);
}

static int64_t founding_deadline(const void *self)
{
	const struct node *n = self;

	return n->membership.step == STEP_FOUNDING ? INT64_MIN : NEVER_MS;
}

static void founding_resign(void *self)
{
	(void)self;
}

struct controller membership_controller(struct node *n)
{
	return (struct controller){ "founding",      n,
				    founding_lead,   founding_notice,
				    founding_decide, founding_deadline,
				    founding_resign };
}
