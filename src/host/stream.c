#include "host/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/loop.h"
#include "host/stream_inside.h"

#define PASSED_MAX  16
#define ACCEPTS_MAX 64 /* at once; the rest waits for the next round of the loop */

struct listener {
	struct list link;
	struct stream_server *server;
	uv_poll_t poll;
	int fd;
	const struct tls_config *tls;
	char *path; /* of a unix socket of ours; NULL: none to remove */
	struct stat made;
};

/* ---- deadlines ---- */

static void on_timer(uv_timer_t *timer)
{
	struct stream_server *s = timer->data;
	int64_t now = loop_now(s->loop).mono_ms;
	struct heap_node *due;

	while (!s->is_closing && (due = heap_take_due(&s->deadlines, now)))
		conn_on_deadline(heap_entry(due, struct conn, deadline));
	server_plan_timer(s);
}

void server_plan_timer(struct stream_server *s)
{
	int64_t first = heap_deadline(&s->deadlines), now = loop_now(s->loop).mono_ms;

	if (s->is_closing)
		return;
	if (first == NEVER_MS) {
		uv_timer_stop(&s->timer);
		return;
	}
	uv_update_time(loop_uv(s->loop));
	uv_timer_start(&s->timer, on_timer, first > now ? (uint64_t)(first - now) : 0, 0);
}

/* ---- newcomers ---- */

/* Is there a place for one more, perhaps that of the one idle longest? */
static bool make_room(struct stream_server *s)
{
	if (s->conn_count < s->limits.connections_max)
		return true;
	if (list_is_empty(&s->idle))
		return false;
	conn_lose(list_first(&s->idle, struct conn, idle), "idle, and others want to connect");
	return true;
}

static void turn_away(int fd, const struct tls_config *tls)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\n"
				     "Content-Type: application/json\r\nConnection: close\r\n\r\n"
				     "{\"message\":\"too many connections are open\"}\n";

	if (!tls)
		(void)!write(fd, answer, sizeof(answer) - 1);
	close(fd);
}

/* The newcomer would otherwise stay at the door, and wake us again and again. */
static void turn_away_without_descriptors(struct stream_server *s, const struct listener *l)
{
	int fd;

	log_warn(loop_log(s->loop), "stream",
		 "no file descriptors are left; a client is turned away");
	close(s->spare_fd);
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		turn_away(fd, l->tls);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;
	struct stream_server *s = l->server;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE))
			turn_away_without_descriptors(s, l);
		if (fd < 0)
			return;
		if (make_room(s))
			conn_new(s, fd, l->tls);
		else
			turn_away(fd, l->tls);
	}
}

/* ---- listening ---- */

static void add_listener(struct stream_server *s, int fd, const struct tls_config *tls,
			 const char *path)
{
	struct listener *l = NEW(struct listener);

	l->server = s;
	l->fd = fd;
	l->tls = tls;
	if (path && stat(path, &l->made) == 0)
		l->path = xstrdup(path);
	list_push_back(&s->listeners, &l->link);
	if (uv_poll_init(loop_uv(s->loop), &l->poll, fd) != 0)
		abort();
	l->poll.data = l;
	if (!s->is_at_rest)
		uv_poll_start(&l->poll, UV_READABLE, on_connection);
	s->open_handles++;
}

static void write_bound(int fd, const struct listen_address *a, char *bound)
{
	struct listen_address at = *a;
	struct sockaddr_storage addr;
	socklen_t size = sizeof(addr);

	if (a->kind == LISTEN_TCP && getsockname(fd, (struct sockaddr *)&addr, &size) == 0)
		(void)getnameinfo((struct sockaddr *)&addr, size, at.host, sizeof(at.host), at.port,
				  sizeof(at.port), NI_NUMERICHOST | NI_NUMERICSERV);
	listen_address_text(&at, bound);
}

static bool listen_on_passed(struct stream_server *s, const struct listen_address *a,
			     const struct tls_config *tls, struct err *e)
{
	int fds[PASSED_MAX];
	size_t count;

	if (!listen_passed(a->name, fds, PASSED_MAX, &count, e))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct sockaddr_storage addr;
		socklen_t size = sizeof(addr);
		bool is_unix = getsockname(fds[i], (struct sockaddr *)&addr, &size) == 0 &&
			       addr.ss_family == AF_UNIX;

		add_listener(s, fds[i], is_unix ? NULL : tls, NULL);
	}
	return true;
}

bool stream_server_listen(struct stream_server *s, const struct listen_address *a, gid_t group,
			  const struct tls_config *tls, char *bound, struct err *e)
{
	int fd = -1;

	switch (a->kind) {
	case LISTEN_UNIX:
		if (!listen_unix(a->path, group, &fd, e))
			return false;
		add_listener(s, fd, NULL, a->path);
		break;
	case LISTEN_TCP:
		if (!listen_tcp(a->host, a->port, &fd, e))
			return false;
		add_listener(s, fd, tls, NULL);
		break;
	case LISTEN_FD:
		if (!listen_on_passed(s, a, tls, e))
			return false;
		break;
	}
	write_bound(fd, a, bound);
	return true;
}

/* ---- the seam ---- */

static struct conn *find(void *self, uint64_t exchange)
{
	struct stream_server *s = self;
	struct conn *c = tree_entry(tree_find(&s->exchanges, &exchange), struct conn, by_exchange);

	return c && !c->gone_reason ? c : NULL;
}

static void begin(void *self, uint64_t exchange, bool collect_body)
{
	struct conn *c = find(self, exchange);

	if (c)
		conn_begin(c, collect_body);
}

static void reply(void *self, uint64_t exchange, int status, const struct stream_header *headers,
		  size_t header_count, struct str body)
{
	struct conn *c = find(self, exchange);

	if (c)
		conn_reply(c, status, headers, header_count, body);
}

static void open_answer(void *self, uint64_t exchange, int status,
			const struct stream_header *headers, size_t header_count)
{
	struct conn *c = find(self, exchange);

	if (c)
		conn_open(c, status, headers, header_count);
}

static void be_patient(void *self, uint64_t exchange)
{
	struct conn *c = find(self, exchange);

	if (c)
		c->is_patient = true;
}

static void write_record(void *self, uint64_t exchange, struct str record)
{
	struct conn *c = find(self, exchange);

	if (c)
		conn_write(c, record);
}

static void end(void *self, uint64_t exchange)
{
	struct conn *c = find(self, exchange);

	if (c)
		conn_end(c);
}

static void upgrade(void *self, uint64_t exchange, uint64_t endpoint, enum stream_filter filter,
		    const char *content_type)
{
	struct stream_server *s = self;
	struct conn *c = find(self, exchange);

	if (c)
		conn_upgrade(c, endpoint, filter, content_type);
	else
		endpoint_drop(s->endpoints, endpoint);
}

static void upgrade_in_vain(void *self, uint64_t exchange, uint64_t endpoint,
			    enum stream_filter filter, const char *content_type, struct str text)
{
	struct stream_server *s = self;
	struct conn *c = find(self, exchange);

	endpoint_drop(s->endpoints, endpoint);
	if (c)
		conn_upgrade_in_vain(c, filter, content_type, text);
}

static void join(void *self, uint64_t exchange, uint64_t endpoint, enum stream_filter filter)
{
	struct stream_server *s = self;
	struct conn *c = find(self, exchange);

	if (c)
		conn_join(c, endpoint, filter);
	else
		endpoint_drop(s->endpoints, endpoint);
}

static void cut(void *self, uint64_t exchange, const char *reason)
{
	struct conn *c = find(self, exchange);

	if (c)
		conn_cut(c, reason);
}

void stream_server_seam(struct stream_server *s, struct stream *seam)
{
	*seam = (struct stream){
		.self = s,
		.begin = begin,
		.reply = reply,
		.open = open_answer,
		.write = write_record,
		.be_patient = be_patient,
		.end = end,
		.upgrade = upgrade,
		.upgrade_in_vain = upgrade_in_vain,
		.join = join,
		.cut = cut,
	};
}

/* ---- life ---- */

static int compare_exchange(const void *key, const struct tree_node *member)
{
	uint64_t a = *(const uint64_t *)key,
		 b = container_of(member, struct conn, by_exchange)->exchange;

	return a < b ? -1 : a > b;
}

struct stream_server *stream_server_new(struct loop *loop, struct endpoints *endpoints,
					const struct stream_sink *sink,
					const struct stream_limits *limits)
{
	struct stream_server *s = NEW(struct stream_server);

	s->loop = loop;
	s->endpoints = endpoints;
	s->sink = *sink;
	s->limits = *limits;
	s->exchanges = TREE(compare_exchange);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	list_init(&s->conns);
	list_init(&s->idle);
	list_init(&s->listeners);
	uv_timer_init(loop_uv(loop), &s->timer);
	s->timer.data = s;
	s->open_handles = 1;
	return s;
}

void stream_server_rest(struct stream_server *s)
{
	s->is_at_rest = true;
}

void stream_server_wake(struct stream_server *s)
{
	struct listener *l;

	if (!s->is_at_rest)
		return;
	s->is_at_rest = false;
	list_each (&s->listeners, struct listener, link, l)
		uv_poll_start(&l->poll, UV_READABLE, on_connection);
}

size_t stream_server_connections(const struct stream_server *s)
{
	return s->conn_count;
}

void server_release(struct stream_server *s)
{
	if (--s->open_handles > 0)
		return;
	heap_clear(&s->deadlines);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	free(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
	server_release(handle->data);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	server_release(l->server);
	free(l->path);
	free(l);
}

static void stop_listening(struct listener *l)
{
	struct stat now;

	/* Somebody may have put a socket of their own there. */
	if (l->path && stat(l->path, &now) == 0 && now.st_dev == l->made.st_dev &&
	    now.st_ino == l->made.st_ino)
		(void)unlink(l->path);
	uv_close((uv_handle_t *)&l->poll, on_listener_closed);
	close(l->fd);
}

static void ignore_event(void *self, const struct stream_event *event)
{
	(void)self;
	(void)event;
}

void stream_server_close(struct stream_server *s)
{
	struct listener *l;
	struct conn *c;

	if (!s)
		return;
	s->is_closing = true;
	s->sink.event = ignore_event;
	list_each (&s->listeners, struct listener, link, l)
		stop_listening(l);
	list_each (&s->conns, struct conn, link, c)
		conn_lose(c, NULL);
	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}
