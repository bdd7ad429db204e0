#include "host/peer/peer.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/peer/inside.h"
#include "host/survey.h"
#include "seam/input.h"

#define BACKLOG 1024

static int compare_call(const void *key, const struct tree_node *node)
{
	uint64_t a = *(const uint64_t *)key, b = tree_entry(node, struct call, by_ticket)->ticket;

	return (a > b) - (a < b);
}

struct peer_hands *peer_hands_new(struct loop *loop)
{
	struct peer_hands *p = NEW(struct peer_hands);
	struct err e;

	p->loop = loop;
	p->log = loop_log(loop);
	list_init(&p->links);
	p->calls = TREE(compare_call);
	uv_timer_init(loop_uv(loop), &p->deadline_timer);
	p->deadline_timer.data = p;
	/* To download a root from anybody: its digest is what is checked. */
	p->as_nobody = tls_config_new(&(struct tls_options){ .role = TLS_CLIENT,
							     .verify = TLS_VERIFY_NONE,
							     .alpn = TLS_ALPN_H2,
							     .server_name = "" },
				      &e);
	if (!p->as_nobody)
		log_error(p->log, "peer", "%s", e.text);
	return p;
}

static void on_listener_closed(uv_handle_t *handle)
{
	free(handle);
}

static void stop_listening(struct peer_hands *p)
{
	if (p->listener)
		uv_close((uv_handle_t *)p->listener, on_listener_closed);
	p->listener = NULL;
	free(p->listen_addr);
	p->listen_addr = NULL;
}

static void forget_identity(struct peer_hands *p)
{
	tls_config_free(p->as_node);
	tls_config_free(p->as_joiner);
	tls_config_free(p->as_server);
	p->as_node = p->as_joiner = p->as_server = NULL;
}

/* Connections speak for whom they were made: no new call goes over one of an earlier identity. */
static void retire_links(struct peer_hands *p)
{
	struct link *l;

	list_each (&p->links, struct link, all, l)
		l->is_retired = true;
}

static void lose_retired(void *self)
{
	struct peer_hands *p = self;
	struct link *l;

	list_each (&p->links, struct link, all, l)
		if (l->is_retired)
			link_lose(l, "this node is nobody any more");
}

void peer_hands_end(struct peer_hands *p)
{
	struct link *l;

	if (!p)
		return;
	p->is_ending = true;
	stop_listening(p);
	list_each (&p->links, struct link, all, l)
		link_lose(l, "this node stops");
	forget_identity(p);
	tls_config_free(p->as_nobody);
	p->as_nobody = NULL;
	uv_close((uv_handle_t *)&p->deadline_timer, NULL);
}

void peer_hands_free(struct peer_hands *p)
{
	if (!p)
		return;
	heap_clear(&p->deadlines);
	free(p->leader_addr);
	free(p);
}

bool peer_hands_identify(struct peer_hands *p, struct str root, struct str cert, struct str key,
			 struct err *e)
{
	struct tls_options client = {
		.role = TLS_CLIENT, .verify = TLS_VERIFY_PEER, .alpn = TLS_ALPN_H2, .roots = root
	};
	struct tls_config *joiner = NULL, *node = NULL, *server = NULL;

	if (root.len == 0) {
		forget_identity(p);
		retire_links(p);
		loop_post(p->loop, p, lose_retired);
		return true;
	}
	client.server_name = "swarm-ca";
	joiner = tls_config_new(&client, e);
	if (!joiner)
		return false;
	if (cert.len) {
		client.server_name = "swarm-manager";
		client.cert = cert;
		client.key = key;
		node = tls_config_new(&client, e);
		server = node ? tls_config_new(&(struct tls_options){ .role = TLS_SERVER,
								      .verify = TLS_VERIFY_IF_GIVEN,
								      .alpn = TLS_ALPN_H2,
								      .roots = root,
								      .cert = cert,
								      .key = key },
					       e)
			      : NULL;
		if (!server) {
			tls_config_free(joiner);
			tls_config_free(node);
			return false;
		}
	}
	forget_identity(p);
	retire_links(p);
	p->as_joiner = joiner;
	p->as_node = node;
	p->as_server = server;
	return true;
}

/* ---- the seam ---- */

static void seam_call(void *self, uint64_t ticket, const struct peer_target *to, const char *method,
		      int64_t timeout_ms)
{
	struct peer_hands *p = self;
	struct link *l;
	struct grpc_open open = { .method = method,
				  .authority = to->addr,
				  .timeout_ms = timeout_ms };
	struct call *c;
	uint32_t number;
	struct err e;

	if (p->is_ending)
		return;
	l = link_to(p, to);
	if (l->state == LINK_CLOSING || !grpc_open(l->grpc, &open, &number, &e)) {
		call_refuse_later(p, ticket, l->state == LINK_CLOSING ? "no connection" : e.text);
		return;
	}
	c = call_add(p, l, ticket, number);
	if (strstr(method, "/StreamRaftMessage"))
		c->queue_max = STREAM_QUEUE_MAX;
	if (timeout_ms > 0) {
		heap_set(&p->deadlines, &c->deadline, loop_now(p->loop).mono_ms + timeout_ms);
		calls_plan_deadline(p);
	}
	link_pump_later(l);
}

static void seam_send(void *self, uint64_t ticket, struct str message)
{
	struct call *c = call_find(self, ticket);

	if (!c)
		return;
	link_pump_later(c->link);
	call_send(c, message);
}

static void seam_finish(void *self, uint64_t ticket, enum peer_status status, const char *text)
{
	struct call *c = call_find(self, ticket);

	if (!c)
		return;
	link_pump_later(c->link);
	call_finish(c, status, text);
}

static void seam_cancel(void *self, uint64_t ticket)
{
	struct call *c = call_find(self, ticket);

	if (!c)
		return;
	grpc_cancel(c->link->grpc, c->number);
	link_pump_later(c->link);
	call_free(c);
}

static void seam_drain(void *self, uint64_t ticket)
{
	struct call *c = call_find(self, ticket);

	if (c)
		call_drain(c);
}

static void seam_hold(void *self, uint64_t ticket, bool is_held)
{
	struct call *c = call_find(self, ticket);

	if (!c)
		return;
	grpc_pause(c->link->grpc, c->number, is_held);
	link_pump_later(c->link);
}

static void seam_lead(void *self, bool is_me, const char *leader_addr)
{
	struct peer_hands *p = self;

	free(p->leader_addr);
	p->leader_addr = leader_addr ? xstrdup(leader_addr) : NULL;
	p->is_relaying = !is_me;
}

static void on_connection(uv_stream_t *listener, int status)
{
	if (status >= 0)
		link_accept(listener->data, listener);
}

static bool bind_and_listen(struct peer_hands *p, const char *addr, struct err *e)
{
	struct sockaddr_storage at;
	char host[256], port[8];
	int status;

	if (!addr_split(addr, host, port, e))
		return false;
	if (uv_ip4_addr(host, atoi(port), (struct sockaddr_in *)&at) < 0 &&
	    uv_ip6_addr(host, atoi(port), (struct sockaddr_in6 *)&at) < 0)
		return fail(e, ERR_INVALID,
			    "listen address \"%s\" is not an IP address with a port", addr);
	p->listener = NEW(uv_tcp_t);
	uv_tcp_init(loop_uv(p->loop), p->listener);
	p->listener->data = p;
	status = uv_tcp_bind(p->listener, (struct sockaddr *)&at, 0);
	if (status == 0)
		status = uv_listen((uv_stream_t *)p->listener, BACKLOG, on_connection);
	if (status == 0)
		return true;
	stop_listening(p);
	return fail(e, status == UV_EADDRINUSE ? ERR_CONFLICT : ERR_UNAVAILABLE,
		    "cannot listen on %s for the swarm: %s", addr, uv_strerror(status));
}

struct listening {
	struct peer_hands *hands;
	char addr[300];
	char text[ERR_TEXT_MAX]; /* "" if it listens */
};

static void tell_listening(void *self)
{
	struct listening *l = self;
	struct inbox *box = loop_inbox(l->hands->loop);
	struct input *in = inbox_add(box, INPUT_PEER, 0);

	in->peer.kind = l->text[0] ? PEER_UNHEARD : PEER_LISTENING;
	in->peer.text = arena_strdup(&box->memory, l->text[0] ? l->text : l->addr);
	loop_wake(l->hands->loop);
	free(l);
}

static void end_served(struct peer_hands *p)
{
	struct link *l;

	list_each (&p->links, struct link, all, l)
		if (l->is_server)
			link_lose(l, "this node answers no more");
}

static void seam_listen(void *self, const char *addr)
{
	struct peer_hands *p = self;
	struct listening *l;
	struct err e;

	if (p->is_ending)
		return;
	stop_listening(p);
	if (!addr[0]) {
		end_served(p);
		return;
	}
	l = NEW(struct listening);
	l->hands = p;
	(void)snprintf(l->addr, sizeof(l->addr), "%s", addr);
	if (!bind_and_listen(p, addr, &e))
		(void)snprintf(l->text, sizeof(l->text), "%s", e.text);
	loop_post(p->loop, l, tell_listening);
}

struct surveyed {
	struct peer_hands *hands;
	uint64_t ticket;
	struct peer_survey found;
	struct arena memory;
};

static void tell_survey(void *self)
{
	struct surveyed *s = self;
	struct inbox *box = loop_inbox(s->hands->loop);
	struct input *in = inbox_add(box, INPUT_PEER, s->ticket);
	const char **around =
		arena_alloc(&box->memory, (s->found.around_count + 1) * sizeof(*around));

	in->peer.kind = PEER_SURVEYED;
	in->peer.survey = s->found;
	in->peer.survey.advertised = arena_strdup(&box->memory, s->found.advertised);
	in->peer.survey.interface = arena_strdup(&box->memory, s->found.interface);
	for (size_t i = 0; i < s->found.around_count; i++)
		around[i] = arena_strdup(&box->memory, s->found.around[i]);
	in->peer.survey.around = around;
	loop_wake(s->hands->loop);
	arena_clear(&s->memory);
	free(s);
}

static void seam_survey(void *self, uint64_t ticket, const struct peer_whereabouts *was)
{
	struct peer_hands *p = self;
	struct surveyed *s = NEW(struct surveyed);
	struct survey_host host;

	s->hands = p;
	s->ticket = ticket;
	survey_host(&host);
	survey(&host, was, &s->memory, &s->found);
	loop_post(p->loop, s, tell_survey);
}

void peer_hands_seam(struct peer_hands *p, struct peer *seam)
{
	*seam = (struct peer){
		.self = p,
		.call = seam_call,
		.send = seam_send,
		.finish = seam_finish,
		.cancel = seam_cancel,
		.drain = seam_drain,
		.hold = seam_hold,
		.lead = seam_lead,
		.listen = seam_listen,
		.survey = seam_survey,
	};
}
