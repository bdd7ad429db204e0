#include "host/net/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/loop.h"
#include "host/net/names.h"
#include "netlink/netns.h"
#include "host/program.h"
#include "wire/dns.h"

#define ADDRESSES_MAX  4096
#define STREAMS_MAX    64 /* connections of a sandbox over TCP */
#define NFT_TIMEOUT_MS 30000
#define SWEEP_MS       250

/* A question that an upstream was asked. */
struct pending {
	struct list link; /* oldest first */
	uint16_t id;      /* ours, with the upstream */
	struct str query; /* the client's */
	struct sockaddr_in client;
	struct stream *stream; /* NULL: it came by UDP */
	size_t upstream;
	int64_t deadline_ms;
};

/* A client over TCP. */
struct stream {
	uv_tcp_t tcp;
	struct list link;
	struct resolver *resolver; /* NULL once that is gone */
	struct buf in;
	bool is_closing;
};

struct resolver {
	struct loop *loop;
	const struct names *names;
	uv_udp_t udp, ask, ask_of_host;
	uv_tcp_t tcp;
	uv_timer_t sweep;
	int open_handles;
	bool is_closing;

	char **networks;
	size_t network_count;
	uint32_t upstreams[RESOLVER_UPSTREAMS_MAX];
	size_t upstream_count;
	bool has_way_out;

	struct list pending, streams;
	size_t pending_count, stream_count;
	unsigned turn; /* of the addresses of a name */
	char datagram[DNS_MESSAGE_MAX];
};

/* ---- what is made inside of the sandbox ---- */

static bool bind_pair(struct resolver_sockets *s, uint16_t *port)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
				    .sin_addr = { htonl(RESOLVER_ADDRESS) } };
	socklen_t len = sizeof(name);

	s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->udp < 0 || s->tcp < 0 || bind(s->udp, (struct sockaddr *)&name, len) < 0 ||
	    getsockname(s->udp, (struct sockaddr *)&name, &len) < 0 ||
	    bind(s->tcp, (struct sockaddr *)&name, len) < 0)
		return false;
	*port = ntohs(name.sin_port);
	return true;
}

static bool lead_port_53(uint16_t port, struct err *e)
{
	AUTO_BUF struct buf rules = BUF_MAX(1024);
	struct program p = { .timeout_ms = NFT_TIMEOUT_MS };

	buf_printf(&rules,
		   "add table ip shoal_dns\ndelete table ip shoal_dns\ntable ip shoal_dns {\n"
		   "chain output {\ntype nat hook output priority -100; policy accept;\n"
		   "ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:%u\n"
		   "ip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.11:%u\n}\n}\n",
		   port, port);
	p.input = buf_str(&rules);
	program_args(&p, (const char *[]){ "nft", "-f", "-", NULL });
	return program_must(&p, NULL, e);
}

static bool open_inside(void *self, struct err *e)
{
	struct resolver_sockets *s = self;
	struct sockaddr_in any = { .sin_family = AF_INET };
	uint16_t port = 0;

	s->ask = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->ask < 0 || bind(s->ask, (struct sockaddr *)&any, sizeof(any)) < 0)
		return fail_sys(e, errno, "open a resolver");
	for (int tries = 0; !bind_pair(s, &port); tries++) {
		int errnum = errno;

		close(s->udp);
		close(s->tcp);
		s->udp = s->tcp = -1;
		if (errnum != EADDRINUSE || tries == 16)
			return fail_sys(e, errnum, "open a resolver");
	}
	return lead_port_53(port, e);
}

bool resolver_open(int netns, struct resolver_sockets *s, struct err *e)
{
	*s = (struct resolver_sockets){ -1, -1, -1 };
	if (netns_visit(netns, s, open_inside, e))
		return true;
	resolver_close(s);
	return false;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void resolver_close(struct resolver_sockets *s)
{
	close_fd(&s->udp);
	close_fd(&s->tcp);
	close_fd(&s->ask);
}

/* ---- answers ---- */

static void free_sent(uv_udp_send_t *request, int status)
{
	free(request);
}

/* The bytes are copied behind the request. What the kernel does not take is lost, as with UDP it
 * may be. */
static void send_datagram(uv_udp_t *udp, const struct sockaddr_in *to, struct str bytes)
{
	uv_udp_send_t *request = xmalloc(sizeof(*request) + bytes.len);
	uv_buf_t buf = uv_buf_init((char *)(request + 1), (unsigned)bytes.len);

	memcpy(request + 1, bytes.ptr, bytes.len);
	if (uv_udp_send(request, udp, &buf, 1, (const struct sockaddr *)to, free_sent) != 0)
		free(request);
}

static void free_written(uv_write_t *request, int status)
{
	free(request);
}

static void send_on_stream(struct stream *s, struct str bytes)
{
	uv_write_t *request = xmalloc(sizeof(*request) + 2 + bytes.len);
	char *copy = (char *)(request + 1);
	uv_buf_t buf = uv_buf_init(copy, (unsigned)(2 + bytes.len));

	copy[0] = (char)(bytes.len >> 8);
	copy[1] = (char)bytes.len;
	memcpy(copy + 2, bytes.ptr, bytes.len);
	if (s->is_closing || uv_write(request, (uv_stream_t *)&s->tcp, &buf, 1, free_written) != 0)
		free(request);
}

static void reply(struct resolver *r, const struct sockaddr_in *client, struct stream *stream,
		  struct str bytes)
{
	if (stream)
		send_on_stream(stream, bytes);
	else
		send_datagram(&r->udp, client, bytes);
}

/* Everybody gets to be first: who takes only the first address spreads its load all the same. */
static void rotate(uint32_t *addresses, size_t count, unsigned by)
{
	uint32_t copy[ADDRESSES_MAX];

	memcpy(copy, addresses, count * sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		addresses[i] = copy[(i + by) % count];
}

static size_t find_addresses(const struct resolver *r, const char *name, uint32_t *addresses)
{
	for (size_t i = 0; i < r->network_count; i++) {
		size_t count = names_find(r->names, r->networks[i], name, addresses, ADDRESSES_MAX);

		if (count > 0)
			return count;
	}
	return 0;
}

static const char *find_name(const struct resolver *r, uint32_t address)
{
	for (size_t i = 0; i < r->network_count; i++) {
		const char *name = names_of_address(r->names, r->networks[i], address);

		if (name)
			return name;
	}
	return NULL;
}

/* True: the name is one of ours, and *out is the answer, whatever type was asked for. */
static bool answer_itself(struct resolver *r, struct str query, const struct dns_question *q,
			  size_t size_max, struct buf *out)
{
	uint32_t addresses[ADDRESSES_MAX], reversed;
	size_t count = find_addresses(r, q->name, addresses);
	const char *name;

	if (q->type == DNS_PTR && dns_reverse_parse(q->name, &reversed)) {
		name = find_name(r, reversed);
		return name && dns_answer_name(query, name, RESOLVER_TTL_S, size_max, out);
	}
	if (count == 0)
		return false;
	rotate(addresses, count, r->turn++);
	return dns_answer_addresses(query, addresses, q->type == DNS_A ? count : 0, RESOLVER_TTL_S,
				    size_max, out);
}

static void refuse(struct resolver *r, struct str query, const struct sockaddr_in *client,
		   struct stream *stream)
{
	AUTO_BUF struct buf out = BUF_MAX(DNS_MESSAGE_MAX);

	if (dns_answer_rcode(query, DNS_SERVER_FAILURE, &out))
		reply(r, client, stream, buf_str(&out));
}

/* ---- asking upstream ---- */

static bool is_loopback(uint32_t address)
{
	return address >> 24 == 127;
}

static void forget(struct resolver *r, struct pending *p)
{
	list_remove(&p->link);
	r->pending_count--;
	free((char *)p->query.ptr);
	free(p);
}

static void ask(struct resolver *r, struct pending *p)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53) };
	AUTO_FREE char *copy = xmemdup(p->query.ptr, p->query.len);
	uint32_t upstream = r->upstreams[p->upstream];

	to.sin_addr.s_addr = htonl(upstream);
	dns_set_id(copy, p->id);
	p->deadline_ms = loop_now(r->loop).mono_ms + RESOLVER_TIMEOUT_MS;
	send_datagram(is_loopback(upstream) ? &r->ask_of_host : &r->ask, &to,
		      str_bytes(copy, p->query.len));
}

static bool next_upstream(struct resolver *r, struct pending *p)
{
	for (p->upstream++; p->upstream < r->upstream_count; p->upstream++) {
		if (is_loopback(r->upstreams[p->upstream]) && !r->has_way_out)
			continue;
		ask(r, p);
		return true;
	}
	return false;
}

static uint16_t fresh_id(const struct resolver *r)
{
	const struct pending *p;
	bool is_taken;
	uint16_t id;

	do {
		if (getrandom(&id, sizeof(id), 0) != sizeof(id))
			abort();
		is_taken = false;
		list_each (&r->pending, struct pending, link, p)
			is_taken = is_taken || p->id == id;
	} while (is_taken);
	return id;
}

static void forward(struct resolver *r, struct str query, const struct sockaddr_in *client,
		    struct stream *stream)
{
	struct pending *p;

	if (r->pending_count >= RESOLVER_PENDING_MAX || !r->has_way_out) {
		refuse(r, query, client, stream);
		return;
	}
	p = NEW(struct pending);
	p->id = fresh_id(r);
	p->query = str_bytes(xmemdup(query.ptr, query.len), query.len);
	p->client = *client;
	p->stream = stream;
	p->upstream = (size_t)-1;
	list_push_back(&r->pending, &p->link);
	r->pending_count++;
	if (!next_upstream(r, p)) {
		refuse(r, query, client, stream);
		forget(r, p);
	} else if (!uv_is_active((uv_handle_t *)&r->sweep)) {
		uv_timer_again(&r->sweep);
	}
}

static void on_query(struct resolver *r, struct str query, const struct sockaddr_in *client,
		     struct stream *stream)
{
	AUTO_BUF struct buf out = BUF_MAX(DNS_MESSAGE_MAX);
	struct dns_question q;

	if (!dns_question_read(query, &q))
		return;
	if (answer_itself(r, query, &q, stream ? DNS_MESSAGE_MAX : q.udp_max, &out))
		reply(r, client, stream, buf_str(&out));
	else
		forward(r, query, client, stream);
}

static void on_upstream(struct resolver *r, struct str message, const struct sockaddr_in *from)
{
	struct pending *p;

	if (!dns_is_answer(message) || from->sin_port != htons(53))
		return;
	list_each (&r->pending, struct pending, link, p) {
		/* Whoever else could guess the id would not be asked from that address. */
		if (p->id != dns_id(message) ||
		    from->sin_addr.s_addr != htonl(r->upstreams[p->upstream]) ||
		    !dns_same_question(p->query, message))
			continue;
		if (dns_rcode(message) == DNS_SERVER_FAILURE && next_upstream(r, p))
			return;
		dns_set_id((char *)message.ptr, dns_id(p->query));
		reply(r, &p->client, p->stream, message);
		forget(r, p);
		return;
	}
}

static void on_sweep(uv_timer_t *timer)
{
	struct resolver *r = timer->data;
	int64_t now_ms = loop_now(r->loop).mono_ms;
	struct pending *p;

	list_each (&r->pending, struct pending, link, p) {
		if (p->deadline_ms > now_ms || next_upstream(r, p))
			continue;
		refuse(r, p->query, &p->client, p->stream);
		forget(r, p);
	}
	if (list_is_empty(&r->pending))
		uv_timer_stop(timer);
}

/* ---- sockets ---- */

static void give_datagram(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct resolver *r = handle->data;

	*buf = uv_buf_init(r->datagram, sizeof(r->datagram));
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
			unsigned flags)
{
	struct resolver *r = udp->data;

	if (n <= 0 || !from || from->sa_family != AF_INET)
		return;
	if (udp == &r->udp)
		on_query(r, str_bytes(buf->base, (size_t)n), (const struct sockaddr_in *)from,
			 NULL);
	else
		on_upstream(r, str_bytes(buf->base, (size_t)n), (const struct sockaddr_in *)from);
}

static void on_stream_closed(uv_handle_t *handle)
{
	struct stream *s = handle->data;

	buf_clear(&s->in);
	free(s);
}

static void close_stream(struct stream *s)
{
	struct resolver *r = s->resolver;
	struct pending *p;

	if (s->is_closing)
		return;
	s->is_closing = true;
	list_each (&r->pending, struct pending, link, p)
		if (p->stream == s)
			forget(r, p);
	list_remove(&s->link);
	r->stream_count--;
	uv_close((uv_handle_t *)&s->tcp, on_stream_closed);
}

static void give_bytes(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct stream *s = handle->data;

	*buf = uv_buf_init(s->resolver->datagram, sizeof(s->resolver->datagram));
}

static void on_bytes(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf)
{
	struct stream *s = tcp->data;

	if (n < 0 || !buf_append(&s->in, buf->base, (size_t)n)) {
		close_stream(s);
		return;
	}
	while (s->in.len >= 2 && !s->is_closing) {
		size_t len = (size_t)((uint8_t)s->in.data[0] << 8 | (uint8_t)s->in.data[1]);

		if (s->in.len < 2 + len)
			break;
		on_query(s->resolver, str_bytes(s->in.data + 2, len), &(struct sockaddr_in){ 0 },
			 s);
		buf_consume(&s->in, 2 + len);
	}
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct resolver *r = listener->data;
	struct stream *s;

	if (status < 0)
		return;
	s = NEW(struct stream);
	s->resolver = r;
	s->in = BUF_MAX(2 * (DNS_MESSAGE_MAX + 2));
	uv_tcp_init(loop_uv(r->loop), &s->tcp);
	s->tcp.data = s;
	list_push_back(&r->streams, &s->link);
	r->stream_count++;
	if (uv_accept(listener, (uv_stream_t *)&s->tcp) != 0 || r->stream_count > STREAMS_MAX ||
	    uv_read_start((uv_stream_t *)&s->tcp, give_bytes, on_bytes) != 0)
		close_stream(s);
}

static void begin_udp(struct resolver *r, uv_udp_t *udp, int fd)
{
	uv_udp_init(loop_uv(r->loop), udp);
	udp->data = r;
	r->open_handles++;
	if (fd >= 0 ? uv_udp_open(udp, fd) != 0
		    : uv_udp_bind(udp,
				  (const struct sockaddr *)&(struct sockaddr_in){ .sin_family =
											  AF_INET },
				  0) != 0)
		return;
	uv_udp_recv_start(udp, give_datagram, on_datagram);
}

static void free_networks(struct resolver *r)
{
	for (size_t i = 0; i < r->network_count; i++)
		free(r->networks[i]);
	free(r->networks);
}

void resolver_set(struct resolver *r, const struct resolver_config *config)
{
	free_networks(r);
	r->networks = xcalloc(config->network_count + 1, sizeof(char *));
	r->network_count = config->network_count;
	for (size_t i = 0; i < config->network_count; i++)
		r->networks[i] = xstrdup(config->networks[i]);
	while (!list_is_empty(&r->pending)) /* they remember upstreams by number */
		forget(r, list_first(&r->pending, struct pending, link));
	r->upstream_count = 0;
	for (size_t i = 0; i < config->upstream_count && i < RESOLVER_UPSTREAMS_MAX; i++)
		r->upstreams[r->upstream_count++] = config->upstreams[i];
	r->has_way_out = config->has_way_out;
}

struct resolver *resolver_new(struct loop *loop, const struct names *names,
			      struct resolver_sockets sockets, const struct resolver_config *config)
{
	struct resolver *r = NEW(struct resolver);

	r->loop = loop;
	r->names = names;
	list_init(&r->pending);
	list_init(&r->streams);
	resolver_set(r, config);
	begin_udp(r, &r->udp, sockets.udp);
	begin_udp(r, &r->ask, sockets.ask);
	begin_udp(r, &r->ask_of_host, -1);
	uv_tcp_init(loop_uv(loop), &r->tcp);
	r->tcp.data = r;
	uv_timer_init(loop_uv(loop), &r->sweep);
	r->sweep.data = r;
	uv_timer_start(&r->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	uv_timer_stop(&r->sweep);
	r->open_handles += 2;
	if (uv_tcp_open(&r->tcp, sockets.tcp) == 0)
		(void)uv_listen((uv_stream_t *)&r->tcp, 16, on_connection);
	return r;
}

static void on_closed(uv_handle_t *handle)
{
	struct resolver *r = handle->data;

	if (--r->open_handles > 0)
		return;
	free_networks(r);
	free(r);
}

void resolver_free(struct resolver *r)
{
	struct stream *s;

	if (!r)
		return;
	while (!list_is_empty(&r->pending))
		forget(r, list_first(&r->pending, struct pending, link));
	list_each (&r->streams, struct stream, link, s)
		close_stream(s);
	uv_close((uv_handle_t *)&r->udp, on_closed);
	uv_close((uv_handle_t *)&r->ask, on_closed);
	uv_close((uv_handle_t *)&r->ask_of_host, on_closed);
	uv_close((uv_handle_t *)&r->tcp, on_closed);
	uv_close((uv_handle_t *)&r->sweep, on_closed);
}
