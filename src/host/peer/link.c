/* Links: TCP, then TLS, then HTTP/2, pumped whenever something moves. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/peer/inside.h"
#include "seam/input.h"

#define CIPHER_CHUNK (64 << 10)
#define PROBES       3 /* after a raft connection broke */

static const char idle[] = "idle";

bool addr_split(const char *addr, char host[256], char port[8], struct err *e)
{
	const char *colon = strrchr(addr, ':');
	size_t len = colon ? (size_t)(colon - addr) : 0;

	if (!colon || len == 0 || len > 255 || strlen(colon + 1) > 5 || !colon[1])
		return fail(e, ERR_INVALID, "\"%s\" is not an address with a port", addr);
	if (addr[0] == '[' && addr[len - 1] == ']')
		(void)snprintf(host, 256, "%.*s", (int)len - 2, addr + 1);
	else
		(void)snprintf(host, 256, "%.*s", (int)len, addr);
	(void)snprintf(port, 8, "%s", colon + 1);
	return true;
}

static void link_free(struct link *l)
{
	tls_free(l->tls);
	grpc_conn_free(l->grpc);
	list_remove(&l->all);
	free(l->addr);
	free(l);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct link *l = handle->data;

	if (--l->closing > 0)
		return;
	if (l->pump_is_posted)
		l->is_dead = true;
	else
		link_free(l);
}

static void pump_posted(void *self)
{
	struct link *l = self;

	l->pump_is_posted = false;
	if (l->is_dead)
		link_free(l);
	else
		link_pump(l);
}

void link_pump_later(struct link *l)
{
	if (l->pump_is_posted)
		return;
	l->pump_is_posted = true;
	loop_post(l->hands->loop, l, pump_posted);
}

/* A lost connection tells the raft group when its leader's host refuses another: it is gone for
 * sure. */
static void tell_refused(struct link *l)
{
	struct peer_hands *p = l->hands;
	struct input *in = inbox_add(loop_inbox(p->loop), INPUT_PEER, 0);

	in->peer.kind = PEER_REFUSED;
	in->peer.text = arena_strdup(&loop_inbox(p->loop)->memory, l->addr);
	loop_wake(p->loop);
}

static struct link *link_made(struct peer_hands *p, const char *addr, enum peer_trust trust,
			      bool is_raft);

/* Is the host that we lost still there? An attempt to connect tells. A process that is being killed
 * may take it and drop it again, so there are some more; one that was made for nothing but to see is
 * not followed by others once it stood. */
static void probe(struct link *l)
{
	unsigned tries = l->was_open ? (l->has_called ? PROBES : 0) : l->probes_left;

	if (l->is_server || !l->is_raft || l->is_retired || l->hands->is_ending || tries == 0)
		return;
	link_made(l->hands, l->addr, l->trust, true)->probes_left = tries - 1;
}

void link_lose(struct link *l, const char *why)
{
	struct call *c;

	if (l->state == LINK_CLOSING)
		return;
	log_debug(l->hands->log, "peer", "connection with %s: %s",
		  l->is_server ? l->remote : l->addr, why);
	l->state = LINK_CLOSING;
	list_each (&l->calls, struct call, of_link, c)
		call_ended(c, PEER_UNAVAILABLE, why);
	(void)uv_cancel((uv_req_t *)&l->resolve);
	l->closing = 2;
	uv_close((uv_handle_t *)&l->tcp, on_handle_closed);
	uv_close((uv_handle_t *)&l->timer, on_handle_closed);
	if (why != idle)
		probe(l);
}

struct sending {
	uv_write_t request;
	struct link *link;
	size_t len;
	char data[];
};

static void on_sent(uv_write_t *request, int status)
{
	struct sending *s = container_of(request, struct sending, request);
	struct link *l = s->link;

	l->writing -= s->len;
	free(s);
	if (l->state == LINK_CLOSING)
		return;
	if (status < 0)
		link_lose(l, uv_strerror(status));
	else
		link_pump(l);
}

static void flush_ciphertext(struct link *l)
{
	while (l->writing < WRITE_MAX) {
		struct str out = tls_output(l->tls);
		size_t len = out.len < CIPHER_CHUNK ? out.len : CIPHER_CHUNK;
		struct sending *s;
		uv_buf_t buf;

		if (len == 0)
			return;
		s = xmalloc(sizeof(*s) + len);
		s->link = l;
		s->len = len;
		memcpy(s->data, out.ptr, len);
		tls_output_consume(l->tls, len);
		buf = uv_buf_init(s->data, (unsigned)len);
		l->writing += len;
		if (uv_write(&s->request, (uv_stream_t *)&l->tcp, &buf, 1, on_sent) < 0) {
			l->writing -= len;
			free(s);
			return;
		}
	}
}

/* Plaintext into TLS, as long as both sides have room. */
static bool encrypt_output(struct link *l, struct err *e)
{
	AUTO_BUF struct buf plain = BUF_MAX(2 * GRPC_FRAME_BYTES);

	while (l->writing < WRITE_MAX && tls_output(l->tls).len < TLS_OUTPUT_MAX / 2) {
		size_t at = 0;

		buf_reset(&plain);
		if (!grpc_output(l->grpc, &plain))
			return true;
		while (at < plain.len) {
			size_t taken = 0;
			enum tls_result r = tls_write(
				l->tls, str_bytes(plain.data + at, plain.len - at), &taken, e);

			if (r == TLS_FAILED)
				return false;
			if (r != TLS_OK)
				return fail(e, ERR_INTERNAL,
					    "TLS takes no more although it has room");
			at += taken;
		}
		flush_ciphertext(l);
	}
	return true;
}

static void plan_idle_close(struct link *l);

static void on_idle(uv_timer_t *timer)
{
	struct link *l = timer->data;

	if (list_is_empty(&l->calls) && !l->is_server)
		link_lose(l, idle);
	else
		plan_idle_close(l);
}

static void plan_idle_close(struct link *l)
{
	uv_timer_start(&l->timer, on_idle, IDLE_CLOSE_MS, 0);
}

static bool shake(struct link *l, struct err *e)
{
	enum tls_result r = tls_handshake(l->tls, e);

	if (r == TLS_FAILED)
		return false;
	if (r == TLS_OK && l->state == LINK_SHAKING) {
		l->state = LINK_OPEN;
		l->was_open = true;
		plan_idle_close(l);
	}
	return true;
}

void link_pump(struct link *l)
{
	struct err e;

	if (l->is_pumping || l->state < LINK_SHAKING || l->state == LINK_CLOSING)
		return;
	l->is_pumping = true;
	if (!shake(l, &e) || (l->state == LINK_OPEN && !encrypt_output(l, &e))) {
		flush_ciphertext(l);
		link_lose(l, e.text);
		return;
	}
	flush_ciphertext(l);
	l->is_pumping = false;
	/* What went out made room for what waits; the other end may have nothing to say. */
	if (l->state == LINK_OPEN && calls_take_events(l))
		link_pump_later(l);
	if (l->state == LINK_OPEN && grpc_is_over(l->grpc) && tls_output(l->tls).len == 0 &&
	    l->writing == 0)
		link_lose(l, "closed");
}

/* Ciphertext in, as far as it becomes messages. */
static bool take_in(struct link *l, struct str bytes, struct err *e)
{
	char plain[16 << 10];

	while (bytes.len) {
		size_t fed = tls_feed(l->tls, bytes);
		enum tls_result r;
		size_t got;

		bytes = str_bytes(bytes.ptr + fed, bytes.len - fed);
		if (!shake(l, e))
			return false;
		if (l->state != LINK_OPEN) {
			if (fed == 0)
				return fail(e, ERR_INVALID, "a handshake larger than it may be");
			continue;
		}
		while ((r = tls_read(l->tls, plain, sizeof(plain), &got, e)) == TLS_OK) {
			bool is_good = grpc_feed(l->grpc, str_bytes(plain, got),
						 loop_now(l->hands->loop).mono_ms, e);

			(void)calls_take_events(l);
			if (l->state == LINK_CLOSING)
				return true;
			if (!is_good)
				return false;
		}
		if (r == TLS_FAILED)
			return false;
		if (r == TLS_CLOSED)
			return fail(e, ERR_UNAVAILABLE, "the other end closed the connection");
	}
	return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct link *l = handle->data;

	(void)suggested;
	*buf = uv_buf_init(l->buffer, sizeof(l->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct link *l = stream->data;
	struct err e;

	if (l->state == LINK_CLOSING || n == 0)
		return;
	if (n < 0) {
		link_lose(l, n == UV_EOF ? "the other end closed the connection"
					 : uv_strerror((int)n));
		return;
	}
	if (!take_in(l, str_bytes(buf->base, (size_t)n), &e)) {
		/* What TLS or HTTP/2 have to say to it goes out first, as far as the socket takes
		 * it at once. */
		if (l->state == LINK_OPEN) {
			struct err ignored;

			(void)encrypt_output(l, &ignored);
		}
		flush_ciphertext(l);
		link_lose(l, e.text);
		return;
	}
	if (l->state != LINK_CLOSING)
		link_pump(l);
}

static struct link *link_new(struct peer_hands *p, bool is_server)
{
	struct link *l = NEW(struct link);

	l->hands = p;
	l->is_server = is_server;
	list_init(&l->calls);
	uv_tcp_init(loop_uv(p->loop), &l->tcp);
	uv_timer_init(loop_uv(p->loop), &l->timer);
	l->tcp.data = l->timer.data = l;
	list_push_back(&p->links, &l->all);
	l->grpc = grpc_conn_new(&(struct grpc_options){
		.role = is_server ? GRPC_SERVER : GRPC_CLIENT,
		.receive_max = is_server ? GRPC_SERVER_RECEIVE_MAX : RECEIVE_MAX,
		.calls_max = CALLS_OF_OTHERS,
	});
	return l;
}

static void name_remote(struct link *l)
{
	struct sockaddr_storage addr;
	int len = sizeof(addr);
	char host[INET6_ADDRSTRLEN] = "";

	if (uv_tcp_getpeername(&l->tcp, (struct sockaddr *)&addr, &len) < 0)
		return;
	if (addr.ss_family == AF_INET6) {
		uv_ip6_name((struct sockaddr_in6 *)&addr, host, sizeof(host));
		(void)snprintf(l->remote, sizeof(l->remote), "[%s]:%d", host,
			       ntohs(((struct sockaddr_in6 *)&addr)->sin6_port));
	} else {
		uv_ip4_name((struct sockaddr_in *)&addr, host, sizeof(host));
		(void)snprintf(l->remote, sizeof(l->remote), "%s:%d", host,
			       ntohs(((struct sockaddr_in *)&addr)->sin_port));
	}
}

static void begin_tls(struct link *l, const struct tls_config *config)
{
	l->tls = tls_new(config, loop_now(l->hands->loop).wall_ns / 1000000000);
	l->state = LINK_SHAKING;
	uv_tcp_nodelay(&l->tcp, 1);
	uv_tcp_keepalive(&l->tcp, 1, 10);
	name_remote(l);
	uv_read_start((uv_stream_t *)&l->tcp, on_alloc, on_read);
	link_pump(l);
}

/* ---- towards others ---- */

static const struct tls_config *config_for(const struct peer_hands *p, enum peer_trust trust)
{
	switch (trust) {
	case PEER_TRUST_MANAGER:
		return p->as_node;
	case PEER_TRUST_CA:
		return p->as_joiner;
	default:
		return p->as_nobody;
	}
}

static void on_too_late(uv_timer_t *timer)
{
	link_lose(timer->data, "no connection in time");
}

static void on_connected(uv_connect_t *request, int status)
{
	struct link *l = request->data;
	const struct tls_config *config = config_for(l->hands, l->trust);

	if (l->state == LINK_CLOSING)
		return;
	if (status == UV_ECONNREFUSED && l->is_raft) {
		l->probes_left = 0;
		tell_refused(l);
	}
	if (status < 0)
		link_lose(l, uv_strerror(status));
	else if (!config)
		link_lose(l, "this node has no certificate");
	else
		begin_tls(l, config);
}

static void connect_to(struct link *l, const struct sockaddr *addr)
{
	int status;

	l->state = LINK_CONNECTING;
	l->connect.data = l;
	status = uv_tcp_connect(&l->connect, &l->tcp, addr, on_connected);
	if (status < 0)
		link_lose(l, uv_strerror(status));
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct link *l = request->data;

	if (l->state != LINK_CLOSING && (status < 0 || !found))
		link_lose(l, status < 0 ? uv_strerror(status) : "the name has no address");
	else if (l->state != LINK_CLOSING)
		connect_to(l, found->ai_addr);
	uv_freeaddrinfo(found);
}

static void begin_connecting(struct link *l)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	char host[256], port[8];
	struct err e;
	int status;

	uv_timer_start(&l->timer, on_too_late, CONNECT_TIMEOUT_MS, 0);
	if (!addr_split(l->addr, host, port, &e)) {
		link_lose(l, e.text);
		return;
	}
	l->resolve.data = l;
	status = uv_getaddrinfo(loop_uv(l->hands->loop), &l->resolve, on_resolved, host, port,
				&hints);
	if (status < 0)
		link_lose(l, uv_strerror(status));
}

static struct link *link_made(struct peer_hands *p, const char *addr, enum peer_trust trust,
			      bool is_raft)
{
	struct link *l = link_new(p, false);

	l->addr = xstrdup(addr);
	l->trust = trust;
	l->is_raft = is_raft;
	l->state = LINK_RESOLVING;
	begin_connecting(l);
	return l;
}

struct link *link_to(struct peer_hands *p, const struct peer_target *to)
{
	struct link *l;

	list_each (&p->links, struct link, all, l)
		if (!l->is_server && !l->is_retired && l->state != LINK_CLOSING &&
		    l->trust == to->trust && l->is_raft == to->is_raft &&
		    strcmp(l->addr, to->addr) == 0 && grpc_can_open(l->grpc))
			return l;
	return link_made(p, to->addr, to->trust, to->is_raft);
}

/* ---- from others ---- */

void link_accept(struct peer_hands *p, uv_stream_t *listener)
{
	struct link *l = link_new(p, true);

	if (uv_accept(listener, (uv_stream_t *)&l->tcp) < 0 || !p->as_server) {
		link_lose(l, "not accepted");
		return;
	}
	begin_tls(l, p->as_server);
	if (l->state != LINK_CLOSING && l->state != LINK_OPEN)
		uv_timer_start(&l->timer, on_too_late, CONNECT_TIMEOUT_MS, 0);
}
