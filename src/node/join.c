/* Join and renew: the way to a certificate that somebody else signs.
 *
 *     join     root ──digest──► trust ──► request ──token──► issued ──► status ──► install ──► session
 *     renew                               request ──certificate──► issued ──► status ──► install
 *     who becomes a manager by it                                   install ──► unlock key ──► lock
 *
 * A join that cannot go on gives up after some attempts; a renewal is tried again, later and later,
 * until it succeeds: the node works with the certificate it has. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/inside.h"

#define CALL_TIMEOUT_MS      5000
#define ATTEMPTS_MAX         5
#define ATTEMPT_PAUSE_MS     2000
#define RENEW_BACKOFF_MS     500
#define RENEW_BACKOFF_MAX_MS (3600 * 1000)
#define MESSAGE_MAX          (1 << 20)

static void call(struct node *n, enum membership_step step, enum peer_trust trust,
		 const char *method, const void *request)
{
	struct membership *m = &n->membership;
	const struct peer *peer = n->config.seams.peer;
	struct peer_target to = { .addr = m->join->remote_addr,
				  /* Who renews shows the certificate that it has. */
				  .trust = m->join->is_renewal ? PEER_TRUST_MANAGER : trust };
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);

	if (!pb_encode(request, &bytes))
		abort(); /* a token and a certificate request */
	m->call = membership_wait(n, step);
	m->answer_len = 0;
	peer->call(peer->self, m->call, &to, method, CALL_TIMEOUT_MS);
	peer->send(peer->self, m->call, buf_str(&bytes));
	peer->finish(peer->self, m->call, PEER_OK, NULL);
}

static void get_root(struct node *n)
{
	AUTO_ARENA struct arena a = { 0 };

	call(n, STEP_GET_ROOT, PEER_TRUST_NOTHING, "/docker.swarmkit.v1.CA/GetRootCACertificate",
	     PB_NEW(&a, get_root_cacertificate_request));
}

void node_swarm_join(struct node *n, uint64_t ticket, const struct swarm_join *join)
{
	struct membership *m = &n->membership;
	struct joining *j;

	if (membership_is_busy(n, ticket))
		return;
	membership_pend(n, ticket, join->listen_addr, join->advertise_addr, join->data_path_addr,
			0);
	j = m->join = ARENA_NEW(&m->memory, struct joining);
	j->remote_addr = arena_strdup(&m->memory, join->remote_addr);
	j->token = arena_strdup(&m->memory, join->token);
	j->root_digest = arena_strdup(&m->memory, join->root_digest);
	j->availability = join->availability;
	get_root(n);
}

/* With the certificate it has the node goes on; the next attempt comes later than the last. */
static void renewal_failed(struct node *n, const struct err *e)
{
	struct membership *m = &n->membership;

	m->renew_backoff_ms = m->renew_backoff_ms ? 2 * m->renew_backoff_ms : RENEW_BACKOFF_MS;
	if (m->renew_backoff_ms > RENEW_BACKOFF_MAX_MS)
		m->renew_backoff_ms = RENEW_BACKOFF_MAX_MS;
	m->renew_at_ms = n->now.mono_ms + m->renew_backoff_ms / 2 +
			 (int64_t)prng_below(&n->prng, (uint64_t)m->renew_backoff_ms / 2 + 1);
	m->join = NULL;
	m->step = STEP_NONE;
	log_warn(n->config.log, "swarm", "the certificate is not renewed: %s", e->text);
}

/* The present step is tried again after a pause; some errors will not go away. */
static void step_failed(struct node *n, const struct err *e)
{
	struct membership *m = &n->membership;

	if (m->join->is_renewal) {
		renewal_failed(n, e);
		return;
	}
	log_warn(n->config.log, "swarm", "joining: %s", e->text);
	if (e->kind == ERR_INVALID || e->kind == ERR_DENIED || e->kind == ERR_CONFLICT ||
	    ++m->attempts >= ATTEMPTS_MAX) {
		membership_give_up(n, e);
		return;
	}
	membership_set_error(m, e->text);
	m->step = STEP_GET_ROOT;
	m->retry_at_ms = n->now.mono_ms + ATTEMPT_PAUSE_MS;
}

static void on_root_here(struct node *n, const Pb__GetRootCACertificateResponse *response)
{
	struct membership *m = &n->membership;
	const struct keys *keys = n->config.seams.keys;

	m->join->root = str_bytes(
		arena_copy(&m->memory, response->certificate.data, response->certificate.len),
		response->certificate.len);
	keys->digest(keys->self, membership_wait(n, STEP_CHECK_ROOT), m->join->root);
}

static void on_root_digest(struct node *n, const struct keys_event *ev)
{
	struct membership *m = &n->membership;
	const struct keys *keys = n->config.seams.keys;
	struct err e;

	if (!str_equal_c(ev->c, m->join->root_digest)) {
		fail(&e, ERR_INVALID, "remote CA does not match fingerprint. Expected: %s",
		     m->join->root_digest + strlen("sha256:"));
		membership_give_up(n, &e);
		return;
	}
	keys->trust(keys->self, membership_wait(n, STEP_TRUST), m->join->root);
}

static void on_join_csr(struct node *n, const struct keys_event *ev)
{
	AUTO_ARENA struct arena a = { 0 };
	struct membership *m = &n->membership;
	Pb__IssueNodeCertificateRequest *request = PB_NEW(&a, issue_node_certificate_request);

	m->join->csr = str_bytes(arena_str(&m->memory, ev->a), ev->a.len);
	request->csr.data = (uint8_t *)m->join->csr.ptr;
	request->csr.len = m->join->csr.len;
	request->token = (char *)m->join->token;
	request->availability = m->join->availability;
	call(n, STEP_ISSUE, PEER_TRUST_CA, "/docker.swarmkit.v1.NodeCA/IssueNodeCertificate",
	     request);
}

static void ask_status(struct node *n)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__NodeCertificateStatusRequest *request = PB_NEW(&a, node_certificate_status_request);

	request->node_id = n->id;
	call(n, STEP_STATUS, PEER_TRUST_CA, "/docker.swarmkit.v1.NodeCA/NodeCertificateStatus",
	     request);
}

static void on_issued(struct node *n, const Pb__IssueNodeCertificateResponse *response)
{
	(void)snprintf(n->id, sizeof(n->id), "%s", response->node_id);
	ask_status(n);
}

static void on_status(struct node *n, const Pb__NodeCertificateStatusResponse *response)
{
	struct membership *m = &n->membership;
	const struct keys *keys = n->config.seams.keys;
	const Pb__Certificate *cert = response->certificate;
	struct err e;

	if (response->status && response->status->state == PB__ISSUANCE_STATUS__STATE__FAILED) {
		fail(&e, ERR_DENIED, "the swarm's CA refused a certificate: %s",
		     response->status->err);
		step_failed(n, &e);
		return;
	}
	/* Anybody may ask for anybody's status: the certificate counts only if it answers our
	 * request. */
	if (!cert || !str_equal(str_bytes(cert->csr.data, cert->csr.len), m->join->csr)) {
		ask_status(n);
		return;
	}
	keys->install(keys->self, membership_wait(n, STEP_INSTALL), m->join->root,
		      str_bytes(cert->certificate.data, cert->certificate.len));
}

/* Be what the certificate says. */
static void take_role(struct node *n)
{
	if (n->is_manager_by_cert)
		enlist_begin(n);
	else if (n->group || enlist_is_under_way(n))
		enlist_forget(n);
}

static void be_installed(struct node *n)
{
	struct membership *m = &n->membership;

	if (m->join->is_renewal) {
		log_info(n->config.log, "swarm", "the certificate is renewed");
		m->join = NULL;
		m->step = STEP_NONE;
		m->renew_backoff_ms = 0;
		take_role(n);
		return;
	}
	membership_add_manager(n, "", m->join->remote_addr);
	(void)membership_keep_place(n);
	membership_start_agent(n, NULL);
	m->step = STEP_SETTLING;
	take_role(n);
}

/* A new manager's keys are written as the swarm locks them, and only a manager is told how. */
static void on_installed(struct node *n, const struct keys_event *ev)
{
	AUTO_ARENA struct arena a = { 0 };

	membership_learn_identity(n, &ev->identity);
	if (n->is_manager_by_cert && !n->lock.is_settled)
		call(n, STEP_UNLOCK_KEY, PEER_TRUST_MANAGER, "/docker.swarmkit.v1.CA/GetUnlockKey",
		     PB_NEW(&a, get_unlock_key_request));
	else
		be_installed(n);
}

static void on_unlock_key(struct node *n, struct str key, uint64_t version)
{
	lock_tell(n, membership_wait(n, STEP_LOCK), key, version);
}

static void on_key_told(struct node *n, const Pb__GetUnlockKeyResponse *response)
{
	on_unlock_key(n, str_bytes(response->unlock_key.data, response->unlock_key.len),
		      response->version->index);
}

/* Between half and four fifths of its life, by chance, so that a swarm's nodes do not all come at
 * once. */
void join_plan_renewal(struct node *n, const struct keys_identity *identity)
{
	int64_t life_s = identity->not_after_s - identity->not_before_s;
	int64_t now_s = n->now.wall_ns / 1000000000, at_s;

	if (life_s <= 0)
		return;
	at_s = identity->not_before_s + life_s / 2 +
	       (int64_t)prng_below(&n->prng, (uint64_t)life_s * 3 / 10 + 1);
	n->membership.renew_at_ms = n->now.mono_ms + (at_s > now_s ? (at_s - now_s) * 1000 : 0);
}

/* The manager asks for it by the node's object; else the time does. */
static bool is_renewal_due(const struct node *n)
{
	const struct membership *m = &n->membership;
	const Pb__Node *node = n->agent ? agent_node(n->agent) : NULL;

	if (m->step != STEP_NONE || m->state != SWARM_ACTIVE || n->config.node_id)
		return false;
	if (node && m->renew_backoff_ms == 0 &&
	    (node->certificate->status->state == PB__ISSUANCE_STATUS__STATE__ROTATE ||
	     ((node->role == PB__NODE_ROLE__MANAGER) != n->is_manager_by_cert &&
	      !decline_is_due(n))))
		return true;
	return m->renew_at_ms <= n->now.mono_ms;
}

void join_turn(struct node *n)
{
	struct membership *m = &n->membership;
	const struct keys *keys = n->config.seams.keys;
	const struct agent_manager *it, *manager = NULL;
	uint64_t count = 1;

	if (m->retry_at_ms <= n->now.mono_ms && m->join) {
		m->retry_at_ms = NEVER_MS;
		get_root(n);
	}
	if (!is_renewal_due(n) || !n->agent || list_is_empty(agent_managers(n->agent)))
		return;
	/* Any of them, so that one that is gone does not hold it back for ever. */
	list_each (agent_managers(n->agent), struct agent_manager, link, it)
		if (!manager || prng_below(&n->prng, ++count) == 0)
			manager = it;
	m->join = ARENA_NEW(&m->memory, struct joining);
	m->join->is_renewal = true;
	m->join->remote_addr = arena_strdup(&m->memory, manager->addr);
	m->join->token = "";
	m->join->root = str_bytes(arena_copy(&m->memory, n->description->tls_info->trust_root.data,
					     n->description->tls_info->trust_root.len),
				  n->description->tls_info->trust_root.len);
	m->renew_at_ms = NEVER_MS;
	keys->new_csr(keys->self, membership_wait(n, STEP_JOIN_CSR));
}

/* An outcome of seam/keys for a step of this file; false if the step is not of this file. */
bool join_keys_event(struct node *n, const struct keys_event *ev)
{
	const struct keys *keys = n->config.seams.keys;

	switch (n->membership.step) {
	case STEP_CHECK_ROOT:
		on_root_digest(n, ev);
		return true;
	case STEP_TRUST:
		keys->new_csr(keys->self, membership_wait(n, STEP_JOIN_CSR));
		return true;
	case STEP_JOIN_CSR:
		on_join_csr(n, ev);
		return true;
	case STEP_INSTALL:
		on_installed(n, ev);
		return true;
	case STEP_LOCK:
		n->lock.is_settled = true;
		be_installed(n);
		return true;
	default:
		return false;
	}
}

void join_keys_failed(struct node *n, const struct err *e)
{
	step_failed(n, e);
}

/* What a call that did not end well means to who joins. */
static void refusal(const struct node *n, const struct peer_event *ev, struct err *e)
{
	const char *text = ev->text && ev->text[0] ? ev->text : "it did not answer";

	if (ev->status == PEER_INVALID_ARGUMENT || ev->status == PEER_PERMISSION_DENIED)
		fail(e, ev->status == PEER_INVALID_ARGUMENT ? ERR_INVALID : ERR_DENIED, "%s", text);
	else
		fail(e, ERR_UNAVAILABLE, "the manager at %s: %s", n->membership.join->remote_addr,
		     text);
}

/* A unary call of a join: its answer is kept until it has ended well. */
void membership_peer_event(struct node *n, uint64_t ticket, const struct peer_event *ev)
{
	AUTO_ARENA struct arena a = { 0 };
	struct membership *m = &n->membership;
	const ProtobufCMessageDescriptor *type;
	const void *response;
	struct err e;

	if (ticket != m->call || !m->call)
		return;
	if (ev->kind == PEER_MESSAGE) {
		m->answer = arena_str(&m->memory, ev->message);
		m->answer_len = ev->message.len;
		return;
	}
	if (ev->kind != PEER_ENDED)
		return;
	m->call = 0;
	if (ev->status != PEER_OK) {
		if (m->step == STEP_STATUS && ev->status == PEER_DEADLINE_EXCEEDED) {
			ask_status(n);
			return;
		}
		/* Old managers lock nothing. */
		if (m->step == STEP_UNLOCK_KEY && ev->status == PEER_UNIMPLEMENTED) {
			on_unlock_key(n, STR(""), 0);
			return;
		}
		refusal(n, ev, &e);
		step_failed(n, &e);
		return;
	}
	type = m->step == STEP_GET_ROOT     ? &pb__get_root_cacertificate_response__descriptor
	       : m->step == STEP_ISSUE      ? &pb__issue_node_certificate_response__descriptor
	       : m->step == STEP_UNLOCK_KEY ? &pb__get_unlock_key_response__descriptor
					    : &pb__node_certificate_status_response__descriptor;
	response = pb_decode(&a, type, str_bytes(m->answer, m->answer_len), MESSAGE_MAX, &e);
	if (!response)
		step_failed(n, &e);
	else if (m->step == STEP_GET_ROOT)
		on_root_here(n, response);
	else if (m->step == STEP_ISSUE)
		on_issued(n, response);
	else if (m->step == STEP_UNLOCK_KEY)
		on_key_told(n, response);
	else
		on_status(n, response);
}
