/* The peer hands and the keys hands together, on loopback: one node that calls itself. */
#include "host/peer/peer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/keys.h"
#include "host/loop.h"
#include "seam/input.h"
#include "test.h"
#include "wire/keyfile.h"

#define BIG (6 << 20)

/* What one test does with the facts that come. */
struct node {
	struct loop *loop;
	struct inbox inbox;
	struct log log;
	struct peer_hands *hands;
	struct keys_hands *keys_hands;
	struct peer peer;
	struct keys keys;
	char dir[64], addr[32];
	uv_timer_t limit;
	/* of keys */
	struct buf root, root_key, csr, cert, digest;
	struct keys_identity identity;
	bool keys_done, keys_failed;
	/* of calls */
	uint64_t theirs;
	char method[128], from[64], role[64], text[512];
	struct buf got; /* bytes that the callee got, then the caller */
	int opened, answered, ended, swallowed, drained, refused;
	enum peer_status status;
	bool is_listening, is_unheard;
	bool (*is_over)(struct node *n);
	const struct peer *server; /* whose calls of others these are */
	bool was_forwarded;
	char forwarder[64];
	struct peer_hands *leader_hands; /* ended, to be freed after the loop */
	struct peer_hands *hangs_up;     /* end when a call comes */
};

static void on_keys(struct node *n, const struct keys_event *ev)
{
	n->keys_done = ev->kind == KEYS_DONE;
	n->keys_failed = ev->kind == KEYS_FAILED;
	buf_reset(&n->root);
	buf_reset(&n->root_key);
	buf_reset(&n->digest);
	buf_append_str(&n->root, ev->a);
	buf_append_str(&n->root_key, ev->b);
	buf_append_str(&n->digest, ev->c);
	snprintf(n->text, sizeof(n->text), "%s", ev->text);
	snprintf(n->from, sizeof(n->from), "%s", ev->identity.node_id ? ev->identity.node_id : "");
}

static void on_peer(struct node *n, uint64_t ticket, const struct peer_event *ev)
{
	switch (ev->kind) {
	case PEER_LISTENING:
		n->is_listening = true;
		return;
	case PEER_UNHEARD:
		n->is_unheard = true;
		snprintf(n->text, sizeof(n->text), "%s", ev->text);
		return;
	case PEER_REFUSED:
		n->refused++;
		snprintf(n->text, sizeof(n->text), "%s", ev->text);
		return;
	case PEER_OPENED:
		n->opened++;
		n->theirs = ticket;
		snprintf(n->method, sizeof(n->method), "%s", ev->method);
		snprintf(n->from, sizeof(n->from), "%s", ev->from.node_id);
		snprintf(n->role, sizeof(n->role), "%s", ev->from.role);
		n->was_forwarded = ev->from.is_forwarded;
		snprintf(n->forwarder, sizeof(n->forwarder), "%s",
			 ev->from.forwarder ? ev->from.forwarder : "");
		if (n->hangs_up)
			peer_hands_end(n->hangs_up);
		n->hangs_up = NULL;
		return;
	case PEER_MESSAGE:
		if ((ticket & PEER_THEIRS) && strstr(n->method, "Swallow")) {
			n->swallowed++;
		} else if (ticket & PEER_THEIRS) {
			n->server->send(n->server->self, ticket, ev->message); /* an echo */
		} else {
			n->answered++;
			buf_append_str(&n->got, ev->message);
		}
		return;
	case PEER_DRAINED:
		n->drained++;
		return;
	case PEER_HALF_CLOSED:
		if (strstr(n->method, "Refuse"))
			n->server->finish(n->server->self, ticket, PEER_NOT_FOUND,
					  "no such thing: 100 % sure");
		else if (!strstr(n->method, "Hang"))
			n->server->finish(n->server->self, ticket, PEER_OK, NULL);
		return;
	case PEER_ENDED:
		if (ticket & PEER_THEIRS)
			return;
		n->ended++;
		n->status = ev->status;
		snprintf(n->text, sizeof(n->text), "%s", ev->text);
		return;
	default:
		return;
	}
}

static int64_t turn(void *self, struct now now)
{
	struct node *n = self;
	struct input *in;

	(void)now;
	list_each (&n->inbox.queue, struct input, link, in) {
		if (in->kind == INPUT_KEYS)
			on_keys(n, &in->keys);
		else if (in->kind == INPUT_PEER)
			on_peer(n, in->ticket, &in->peer);
	}
	inbox_empty(&n->inbox);
	if (n->is_over && n->is_over(n))
		loop_stop(n->loop);
	return NEVER_MS;
}

static void too_long(uv_timer_t *t)
{
	printf("  too long\n");
	loop_stop(((struct node *)t->data)->loop);
}

static void run_until(struct node *n, bool (*is_over)(struct node *n))
{
	n->is_over = is_over;
	uv_timer_start(&n->limit, too_long, 10000, 0);
	loop_run(n->loop);
	uv_timer_stop(&n->limit);
	CHECK(is_over(n));
}

static bool keys_told(struct node *n)
{
	return n->keys_done || n->keys_failed;
}

static bool listening_told(struct node *n)
{
	return n->is_listening || n->is_unheard;
}

static bool was_refused(struct node *n)
{
	return n->refused > 0;
}

static bool call_ended(struct node *n)
{
	return n->ended > 0;
}

static bool call_opened(struct node *n)
{
	return n->opened > 0;
}

static int free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
	close(fd);
	return ntohs(at.sin_port);
}

static struct node *node_begin(void)
{
	struct node *n = NEW(struct node);
	struct err e;

	inbox_init(&n->inbox);
	n->log = (struct log){ .level = LOG_ERROR };
	n->got = BUF_MAX(64 << 20);
	n->root = n->root_key = n->csr = n->cert = n->digest = BUF_MAX(1 << 20);
	snprintf(n->dir, sizeof(n->dir), "/tmp/shoal-peer-XXXXXX");
	CHECK(mkdtemp(n->dir));
	snprintf(n->addr, sizeof(n->addr), "127.0.0.1:%d", free_port());
	CHECK(loop_new(&(struct loop_config){ &n->inbox, n, turn, &n->log }, &n->loop, &e));
	uv_timer_init(loop_uv(n->loop), &n->limit);
	n->limit.data = n;
	n->hands = peer_hands_new(n->loop);
	n->keys_hands = keys_hands_new(n->loop, n->dir, n->hands, NULL);
	peer_hands_seam(n->hands, &n->peer);
	n->server = &n->peer;
	keys_hands_seam(n->keys_hands, &n->keys);
	return n;
}

static void node_end(struct node *n)
{
	char command[128];

	uv_close((uv_handle_t *)&n->limit, NULL);
	peer_hands_end(n->hands);
	n->is_over = NULL;
	loop_free(n->loop);
	keys_hands_free(n->keys_hands);
	peer_hands_free(n->hands);
	peer_hands_free(n->leader_hands);
	inbox_clear(&n->inbox);
	buf_clear(&n->got);
	buf_clear(&n->root);
	buf_clear(&n->root_key);
	buf_clear(&n->csr);
	buf_clear(&n->cert);
	buf_clear(&n->digest);
	snprintf(command, sizeof(command), "rm -rf %s", n->dir);
	CHECK(system(command) == 0);
	free(n);
}

static void await_keys(struct node *n)
{
	n->keys_done = n->keys_failed = false;
}

static void lock_keys(struct node *n, struct str unlock_key, uint64_t version)
{
	await_keys(n);
	n->keys.lock(n->keys.self, 5, unlock_key, version);
	run_until(n, keys_told);
	CHECK(n->keys_done);
}

/* Become a node of a swarm of its own, and listen. */
static void be(struct node *n, const char *id, const char *role)
{
	AUTO_BUF struct buf root = BUF_MAX(1 << 20), key = BUF_MAX(1 << 20), csr = BUF_MAX(1 << 20);
	struct keys_signing what = {
		.cn = id, .ou = role, .org = "clusterid", .lifetime_s = 86400
	};

	await_keys(n);
	n->keys.new_root(n->keys.self, 1, loop_now(n->loop).wall_ns);
	run_until(n, keys_told);
	CHECK(strncmp(n->digest.data, "sha256:", 7) == 0);
	buf_append_str(&root, buf_str(&n->root));
	buf_append_str(&key, buf_str(&n->root_key));

	await_keys(n);
	n->keys.new_csr(n->keys.self, 2);
	run_until(n, keys_told);
	buf_append_str(&csr, buf_str(&n->root));

	what.ca_cert = buf_str(&root);
	what.ca_key = buf_str(&key);
	what.csr = buf_str(&csr);
	what.wall_ns = loop_now(n->loop).wall_ns;
	await_keys(n);
	n->keys.sign(n->keys.self, 3, &what);
	run_until(n, keys_told);
	buf_reset(&n->cert);
	buf_append_str(&n->cert, buf_str(&n->root));

	await_keys(n);
	n->keys.install(n->keys.self, 4, buf_str(&root), buf_str(&n->cert));
	run_until(n, keys_told);
	CHECK(n->keys_done);
	CHECK_STR(n->from, id);
	if (strcmp(role, "swarm-manager") == 0)
		lock_keys(n, STR(""), 0);

	n->peer.listen(n->peer.self, n->addr);
	n->is_listening = n->is_unheard = false;
	run_until(n, listening_told);
	CHECK(n->is_listening);
}

static void be_manager(struct node *n)
{
	be(n, "nodeid", "swarm-manager");
}

static void call(struct node *n, const char *method, struct str message, enum peer_trust trust,
		 int64_t timeout_ms)
{
	struct peer_target to = { .addr = n->addr, .trust = trust };

	n->ended = n->answered = 0;
	buf_reset(&n->got);
	n->peer.call(n->peer.self, 7, &to, method, timeout_ms);
	n->peer.send(n->peer.self, 7, message);
	n->peer.finish(n->peer.self, 7, PEER_OK, NULL);
	run_until(n, call_ended);
}

TEST(a_call_over_mutual_tls_is_answered_and_the_caller_is_known)
{
	struct node *n = node_begin();

	be_manager(n);
	call(n, "/test/Echo", STR("hello"), PEER_TRUST_MANAGER, 5000);
	CHECK_INT(n->status, PEER_OK);
	CHECK_STR(n->got.data, "hello");
	CHECK_STR(n->method, "/test/Echo");
	CHECK_STR(n->from, "nodeid");
	CHECK_STR(n->role, "swarm-manager");
	node_end(n);
}

TEST(without_a_certificate_the_caller_is_nobody)
{
	struct node *n = node_begin();

	be_manager(n);
	call(n, "/test/Echo", STR("x"), PEER_TRUST_CA, 5000);
	CHECK_INT(n->status, PEER_OK);
	CHECK_STR(n->from, "");
	call(n, "/test/Echo", STR("x"), PEER_TRUST_NOTHING, 5000);
	CHECK_INT(n->status, PEER_OK);
	CHECK_STR(n->from, "");
	node_end(n);
}

TEST(messages_of_megabytes_come_through_whole)
{
	struct node *n = node_begin();
	char *big = xcalloc(1, BIG);

	be_manager(n);
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)(i * 7 + i / 251);
	/* A server takes 4 MiB. */
	call(n, "/test/Echo", str_bytes(big, 4 << 20), PEER_TRUST_MANAGER, 10000);
	CHECK_INT(n->status, PEER_OK);
	CHECK_INT(n->got.len, 4 << 20);
	CHECK(memcmp(n->got.data, big, 4 << 20) == 0);
	call(n, "/test/Echo", str_bytes(big, BIG), PEER_TRUST_MANAGER, 10000);
	CHECK_INT(n->status, PEER_RESOURCE_EXHAUSTED);
	free(big);
	node_end(n);
}

#define PIECE (200 << 10)

static bool all_swallowed(struct node *n)
{
	return n->swallowed == 20;
}

static bool is_drained(struct node *n)
{
	return n->drained > 0;
}

static void begin_swallowing(struct node *n, const char *piece)
{
	struct peer_target to = { .addr = n->addr, .trust = PEER_TRUST_MANAGER };

	n->swallowed = n->drained = n->opened = 0;
	n->peer.call(n->peer.self, 7, &to, "/test/Swallow", 0);
	n->peer.send(n->peer.self, 7, str_bytes(piece, PIECE));
	run_until(n, call_opened);
}

TEST(what_waits_goes_out_though_nobody_answers)
{
	struct node *n = node_begin();
	char *piece = xcalloc(1, PIECE);

	be_manager(n);
	begin_swallowing(n, piece);
	for (int i = 1; i < 20; i++)
		n->peer.send(n->peer.self, 7, str_bytes(piece, PIECE));
	run_until(n, all_swallowed);
	free(piece);
	node_end(n);
}

TEST(who_sends_is_told_when_it_was_taken)
{
	struct node *n = node_begin();
	char *piece = xcalloc(1, PIECE);

	be_manager(n);
	begin_swallowing(n, piece);
	for (int i = 1; i < 20; i++)
		n->peer.send(n->peer.self, 7, str_bytes(piece, PIECE));
	n->peer.drain(n->peer.self, 7);
	run_until(n, is_drained);
	CHECK(n->swallowed >= 16); /* the rest is on its way */
	free(piece);
	node_end(n);
}

static bool all_swallowed_and_drained(struct node *n)
{
	return all_swallowed(n) && is_drained(n);
}

static void stop_waiting(uv_timer_t *t)
{
	loop_stop(((struct node *)t->data)->loop);
}

TEST(a_call_that_is_held_takes_no_more_until_it_is_let_go)
{
	struct node *n = node_begin();
	char *piece = xcalloc(1, PIECE);

	be_manager(n);
	begin_swallowing(n, piece);
	n->server->hold(n->server->self, n->theirs, true);
	for (int i = 1; i < 20; i++)
		n->peer.send(n->peer.self, 7, str_bytes(piece, PIECE));
	n->peer.drain(n->peer.self, 7);
	n->is_over = is_drained;
	uv_timer_start(&n->limit, stop_waiting, 300, 0);
	loop_run(n->loop);
	CHECK_INT(n->drained, 0);
	CHECK(n->swallowed < 4);

	n->server->hold(n->server->self, n->theirs, false);
	run_until(n, all_swallowed_and_drained);
	free(piece);
	node_end(n);
}

TEST(a_refusal_carries_its_status_and_text)
{
	struct node *n = node_begin();

	be_manager(n);
	call(n, "/test/Refuse", STR("x"), PEER_TRUST_MANAGER, 5000);
	CHECK_INT(n->status, PEER_NOT_FOUND);
	CHECK_STR(n->text, "no such thing: 100 % sure");
	node_end(n);
}

TEST(a_call_that_is_not_answered_ends_at_its_deadline)
{
	struct node *n = node_begin();

	be_manager(n);
	call(n, "/test/Hang", STR("x"), PEER_TRUST_MANAGER, 200);
	CHECK_INT(n->status, PEER_DEADLINE_EXCEEDED);
	node_end(n);
}

TEST(nobody_there_is_unavailable)
{
	struct node *n = node_begin();

	be_manager(n);
	n->peer.listen(n->peer.self, "");
	call(n, "/test/Echo", STR("x"), PEER_TRUST_MANAGER, 5000);
	CHECK_INT(n->status, PEER_UNAVAILABLE);
	node_end(n);
}

TEST(a_port_that_is_taken_is_reported_by_its_address)
{
	struct node *n = node_begin(), *other = node_begin();

	be_manager(n);
	snprintf(other->addr, sizeof(other->addr), "%s", n->addr);
	other->peer.listen(other->peer.self, other->addr);
	run_until(other, listening_told);
	CHECK(other->is_unheard);
	CHECK(strstr(other->text, n->addr) && strstr(other->text, "address already in use"));
	node_end(other);
	node_end(n);
}

TEST(an_identity_is_found_again_and_gone_when_wiped)
{
	struct node *n = node_begin();
	char path[128];

	be_manager(n);
	await_keys(n);
	n->from[0] = '\0';
	n->keys.load(n->keys.self, 9, STR(""));
	run_until(n, keys_told);
	CHECK(n->keys_done);
	CHECK_STR(n->from, "nodeid");
	await_keys(n);
	n->keys.wipe(n->keys.self, 10);
	run_until(n, keys_told);
	snprintf(path, sizeof(path), "%s/swarm-node.key", n->dir);
	CHECK(access(path, F_OK) != 0);
	await_keys(n);
	n->keys.load(n->keys.self, 11, STR(""));
	run_until(n, keys_told);
	CHECK(n->keys_failed);
	node_end(n);
}

static bool loads_with(struct node *n, struct str unlock_key)
{
	await_keys(n);
	n->from[0] = '\0';
	n->keys.load(n->keys.self, 9, unlock_key);
	run_until(n, keys_told);
	return n->keys_done;
}

TEST(keys_are_locked_as_the_newest_version_says)
{
	struct node *n = node_begin();
	struct str one = STR("an unlock key of thirty-two byte"),
		   two = STR("another unlock key of thirty-two");

	be_manager(n);
	lock_keys(n, one, 5);
	CHECK(!loads_with(n, STR("")));
	CHECK_STR(n->from, "nodeid"); /* the certificate shows that much */
	CHECK(!loads_with(n, two));
	CHECK(loads_with(n, one));

	lock_keys(n, two, 4);
	CHECK(loads_with(n, one)); /* that was older */
	lock_keys(n, two, 6);
	CHECK(!loads_with(n, one));
	CHECK(loads_with(n, two));
	lock_keys(n, STR(""), 7);
	CHECK(loads_with(n, STR("")));
	node_end(n);
}

TEST(a_workers_keys_are_never_locked)
{
	struct node *n = node_begin();

	be_manager(n);
	lock_keys(n, STR("an unlock key of thirty-two byte"), 5);
	be(n, "nodeid", "swarm-worker");
	CHECK(loads_with(n, STR("")));
	await_keys(n);
	n->keys.lock(n->keys.self, 5, STR("an unlock key of thirty-two byte"), 6);
	run_until(n, keys_told);
	CHECK(n->keys_failed);
	node_end(n);
}

TEST(a_new_identity_is_shown_from_the_next_call_on)
{
	struct node *n = node_begin();

	be_manager(n);
	call(n, "/test/Echo", STR("x"), PEER_TRUST_MANAGER, 5000);
	CHECK_STR(n->from, "nodeid");
	be(n, "other", "swarm-manager");
	call(n, "/test/Echo", STR("x"), PEER_TRUST_MANAGER, 5000);
	CHECK_INT(n->status, PEER_OK);
	CHECK_STR(n->from, "other");
	node_end(n);
}

TEST(a_wiped_identity_ends_the_calls_that_were_made_with_it)
{
	struct node *n = node_begin();
	struct peer_target to = { .addr = n->addr, .trust = PEER_TRUST_MANAGER };

	be_manager(n);
	n->peer.call(n->peer.self, 7, &to, "/test/Hang", 0);
	n->peer.send(n->peer.self, 7, STR("x"));
	run_until(n, call_opened);
	n->keys.wipe(n->keys.self, 8);
	run_until(n, call_ended);
	CHECK_INT(n->status, PEER_UNAVAILABLE);
	call(n, "/test/Echo", STR("x"), PEER_TRUST_MANAGER, 5000);
	CHECK_INT(n->status, PEER_UNAVAILABLE);
	node_end(n);
}

static void read_file(const char *path, struct buf *out)
{
	char chunk[4096];
	FILE *f = fopen(path, "re");
	size_t got;

	CHECK(f);
	while (f && (got = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_append(out, chunk, got);
	if (f)
		fclose(f);
}

/* Other hands on the same loop, as the leader: the same certificate, another port. */
struct leader {
	struct peer_hands *hands;
	struct peer peer;
	char addr[32];
};

static void leader_begin(struct leader *l, struct node *n)
{
	AUTO_BUF struct buf file = BUF_MAX(1 << 20), key = BUF_MAX(1 << 20),
			    root = BUF_MAX(1 << 20);
	char path[128];
	struct err e;

	snprintf(l->addr, sizeof(l->addr), "127.0.0.1:%d", free_port());
	l->hands = peer_hands_new(n->loop);
	peer_hands_seam(l->hands, &l->peer);
	snprintf(path, sizeof(path), "%s/swarm-node.key", n->dir);
	read_file(path, &file);
	CHECK(keyfile_open(buf_str(&file), NULL, &key, &e));
	snprintf(path, sizeof(path), "%s/swarm-root-ca.crt", n->dir);
	read_file(path, &root);
	CHECK(peer_hands_identify(l->hands, buf_str(&root), buf_str(&n->cert), buf_str(&key), &e));
	n->is_listening = false;
	l->peer.listen(l->peer.self, l->addr);
	run_until(n, listening_told);
	/* The node that is asked follows it, and what comes to the mind is the leader's. */
	l->peer.lead(l->peer.self, true, l->addr);
	n->peer.lead(n->peer.self, false, l->addr);
	n->server = &l->peer;
}

static void leader_end(struct leader *l, struct node *n)
{
	n->server = &n->peer;
	peer_hands_end(l->hands);
	n->leader_hands = l->hands;
}

TEST(a_follower_passes_on_what_only_the_leader_answers)
{
	struct node *n = node_begin();
	struct leader l;

	be_manager(n);
	leader_begin(&l, n);
	call(n, "/docker.swarmkit.v1.Dispatcher/Heartbeat", STR("hello"), PEER_TRUST_MANAGER, 5000);
	CHECK_INT(n->status, PEER_OK);
	CHECK_STR(n->got.data, "hello");
	CHECK(n->was_forwarded);
	CHECK_STR(n->from, "nodeid");
	CHECK_STR(n->role, "swarm-manager");
	CHECK_STR(n->forwarder, "nodeid");
	leader_end(&l, n);
	node_end(n);
}

TEST(a_caller_without_a_certificate_stays_nobody_when_passed_on)
{
	struct node *n = node_begin();
	struct leader l;

	be_manager(n);
	leader_begin(&l, n);
	call(n, "/docker.swarmkit.v1.NodeCA/NodeCertificateStatus", STR("x"), PEER_TRUST_CA, 5000);
	CHECK_INT(n->status, PEER_OK);
	CHECK(n->was_forwarded);
	CHECK_STR(n->from, "");
	CHECK_STR(n->forwarder, "nodeid");
	leader_end(&l, n);
	node_end(n);
}

TEST(what_each_manager_answers_for_itself_is_not_passed_on)
{
	struct node *n = node_begin();
	struct leader l;

	be_manager(n);
	leader_begin(&l, n);
	n->server = &n->peer;
	call(n, "/docker.swarmkit.v1.Health/Check", STR("x"), PEER_TRUST_MANAGER, 5000);
	CHECK_INT(n->status, PEER_OK);
	CHECK(!n->was_forwarded);
	leader_end(&l, n);
	node_end(n);
}

TEST(a_call_is_passed_on_once)
{
	struct node *n = node_begin();
	struct leader l;

	be_manager(n);
	leader_begin(&l, n);
	l.peer.lead(l.peer.self, false, n->addr); /* each believes in the other */
	call(n, "/docker.swarmkit.v1.Dispatcher/Heartbeat", STR("x"), PEER_TRUST_MANAGER, 5000);
	CHECK_INT(n->status, PEER_RESOURCE_EXHAUSTED);
	CHECK(strstr(n->text, "more than one redirect to leader from: ["));
	leader_end(&l, n);
	node_end(n);
}

TEST(without_a_leader_there_is_nobody_to_pass_a_call_on_to)
{
	struct node *n = node_begin();

	be_manager(n);
	n->peer.lead(n->peer.self, false, NULL);
	call(n, "/docker.swarmkit.v1.Dispatcher/Heartbeat", STR("x"), PEER_TRUST_MANAGER, 5000);
	CHECK_INT(n->status, PEER_UNKNOWN);
	CHECK_STR(n->text, "raft: no elected cluster leader");
	node_end(n);
}

TEST(a_raft_connection_whose_host_is_gone_is_told_as_refused)
{
	struct node *n = node_begin();
	struct leader l;

	be_manager(n);
	leader_begin(&l, n);
	n->ended = 0;
	n->peer.call(n->peer.self, 7, &(struct peer_target){ .addr = l.addr, .is_raft = true },
		     "/docker.swarmkit.v1.Raft/ProcessRaftMessage", 5000);
	n->peer.send(n->peer.self, 7, STR("x"));
	n->peer.finish(n->peer.self, 7, PEER_OK, NULL);
	run_until(n, call_ended);
	CHECK_INT(n->status, PEER_OK);
	CHECK_INT(n->refused, 0);

	peer_hands_end(l.hands);
	run_until(n, was_refused);
	CHECK_STR(n->text, l.addr);
	CHECK_INT(n->refused, 1);
	n->server = &n->peer;
	n->leader_hands = l.hands;
	node_end(n);
}

TEST(a_relayed_call_ends_when_the_leader_goes)
{
	struct node *n = node_begin();
	struct leader l;

	be_manager(n);
	leader_begin(&l, n);
	n->hangs_up = l.hands;
	call(n, "/docker.swarmkit.v1.Dispatcher/Session", STR("x"), PEER_TRUST_MANAGER, 5000);
	CHECK_INT(n->status, PEER_UNAVAILABLE);
	n->server = &n->peer;
	n->leader_hands = l.hands;
	node_end(n);
}

TEST_MAIN()
