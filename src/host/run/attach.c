#include "host/run/attach.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/endpoint.h"
#include "host/loop.h"
#include "host/logs/reader.h"
#include "host/run/detach.h"
#include "host/run/hands.h"
#include "seam/runtime.h"

#define INPUT_HIGH     (64 << 10) /* more than this waits for the process: clients hold back */
#define INPUT_MAX      (4 << 20)
#define PACKET_MAX     (64 << 10)
#define PACKETS_A_TURN 64

struct hub {
	struct runtime_hands *hands;
	struct hub_owner owner;
	struct list clients;
	uv_poll_t *poll; /* NULL: not connected */
	int fd;
	bool tty, has_stdin, stdin_once;
	bool process_ended;
	struct buf input; /* for the process, of all clients */
	bool input_ends;  /* after what is in `input` */
	bool input_is_over;
	struct kick *kick; /* posted: on_kick() looks at everything */
};

/* Something to do that must not be done inside of a user's call. Outlives the hub if need be. */
struct kick {
	struct hub *hub;
};

/* Output that waits for its client. */
struct chunk {
	struct list link;
	enum endpoint_stream stream;
	size_t len;
	char bytes[];
};

struct client {
	struct list link;
	struct hub *hub;
	struct endpoint ep;
	struct detach keys;
	bool want_stdin, want_stdout, want_stderr;
	bool may_flow;
	bool holds_back; /* its input, until the process takes some */
	bool source_is_over;
	const char *reason; /* why, or NULL */
	char *reason_memory;
	struct list pending; /* struct chunk */
	size_t pending_bytes;
	struct log_reader *reader; /* its output comes from the log, not from the hub */
	uv_timer_t *unjoined;
};

static void look_again(struct hub *hub);

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void close_connection(struct hub *hub)
{
	if (!hub->poll)
		return;
	uv_poll_stop(hub->poll);
	uv_close((uv_handle_t *)hub->poll, free_handle);
	hub->poll = NULL;
	(void)close(hub->fd);
	hub->fd = -1;
}

static void stop_join_timer(struct client *c)
{
	if (!c->unjoined)
		return;
	uv_close((uv_handle_t *)c->unjoined, free_handle);
	c->unjoined = NULL;
}

/* Its endpoint has ended or was left. */
static void client_free(struct client *c)
{
	struct chunk *chunk;

	list_remove(&c->link);
	stop_join_timer(c);
	log_reader_free(c->reader);
	list_each (&c->pending, struct chunk, link, chunk) {
		list_remove(&chunk->link);
		free(chunk);
	}
	free(c->reason_memory);
	free(c);
}

static void end_client(struct client *c, const char *reason)
{
	endpoint_end(&c->ep, reason);
	client_free(c);
}

static bool client_can_end(const struct client *c)
{
	return c->source_is_over && c->ep.is_joined && list_is_empty(&c->pending);
}

static void deliver(struct client *c)
{
	while (c->may_flow && !list_is_empty(&c->pending)) {
		struct chunk *chunk = list_first(&c->pending, struct chunk, link);

		list_remove(&chunk->link);
		c->pending_bytes -= chunk->len;
		endpoint_output(&c->ep, chunk->stream, str_bytes(chunk->bytes, chunk->len));
		free(chunk);
	}
}

static void give(struct client *c, enum endpoint_stream stream, struct str bytes)
{
	struct chunk *chunk;

	if (c->source_is_over)
		return;
	if (c->may_flow && list_is_empty(&c->pending)) {
		endpoint_output(&c->ep, stream, bytes);
		return;
	}
	if (c->pending_bytes + bytes.len > HUB_LEFTOVER_MAX) {
		c->source_is_over = true;
		c->reason = "the client was too slow to take all output";
		return;
	}
	chunk = xmalloc(sizeof(*chunk) + bytes.len);
	chunk->stream = stream;
	chunk->len = bytes.len;
	memcpy(chunk->bytes, bytes.ptr, bytes.len);
	list_push_back(&c->pending, &chunk->link);
	c->pending_bytes += bytes.len;
}

static bool may_read(const struct hub *hub)
{
	struct client *c;

	if (hub->process_ended)
		return true;
	list_each (&hub->clients, struct client, link, c)
		if (!c->reader && c->pending_bytes > HUB_PENDING_MAX)
			return false;
	return true;
}

static void on_packet(struct hub *hub, char *packet, size_t len)
{
	bool is_stderr = packet[0] == CONMON_STDERR;
	enum endpoint_stream stream = hub->tty    ? ENDPOINT_PLAIN
				      : is_stderr ? ENDPOINT_STDERR
						  : ENDPOINT_STDOUT;
	struct str bytes = str_bytes(packet + 1, len - 1);
	struct client *c;

	if (hub->owner.output)
		hub->owner.output(hub->owner.self, bytes);
	list_each (&hub->clients, struct client, link, c)
		if (!c->reader && (is_stderr ? c->want_stderr : c->want_stdout))
			give(c, stream, bytes);
}

static void source_over(struct hub *hub, const char *reason)
{
	struct client *c;

	close_connection(hub);
	list_each (&hub->clients, struct client, link, c) {
		if (c->reader || c->source_is_over)
			continue;
		c->source_is_over = true;
		if (reason)
			c->reason = c->reason_memory = xstrdup(reason);
	}
}

static void read_output(struct hub *hub)
{
	char packet[PACKET_MAX];

	for (int i = 0; i < PACKETS_A_TURN && may_read(hub); i++) {
		ssize_t n = recv(hub->fd, packet, sizeof(packet), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		/* Its clients wait on: when they are told of the end, its exit code is known. */
		if (n <= 0) {
			close_connection(hub);
			return;
		}
		on_packet(hub, packet, (size_t)n);
	}
}

static void write_input(struct hub *hub)
{
	struct client *c;

	while (hub->poll && hub->input.len > 0) {
		size_t len =
			hub->input.len < CONMON_PACKET_MAX ? hub->input.len : CONMON_PACKET_MAX;
		ssize_t n = send(hub->fd, hub->input.data, len, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
			return;
		if (n < 0)
			buf_reset(&hub->input);
		else
			buf_consume(&hub->input, (size_t)n);
	}
	if (hub->poll && hub->input_ends && !hub->input_is_over) {
		hub->input_is_over = true;
		(void)shutdown(hub->fd, SHUT_WR);
	}
	list_each (&hub->clients, struct client, link, c) {
		if (!c->holds_back || !hub->poll)
			continue;
		c->holds_back = false;
		endpoint_drained(&c->ep);
	}
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct hub *hub = poll->data;

	if (status < 0 || (events & (UV_READABLE | UV_DISCONNECT)))
		read_output(hub);
	if (hub->poll && (events & UV_WRITABLE))
		write_input(hub);
	look_again(hub);
}

/* After anything has happened: who is done, what is waited for. May free the hub. */
static void look_again(struct hub *hub)
{
	struct client *c;

	list_each (&hub->clients, struct client, link, c)
		if (client_can_end(c))
			end_client(c, c->reason);
	if (hub->poll) {
		int events =
			(may_read(hub) ? UV_READABLE : 0) | (hub->input.len > 0 ? UV_WRITABLE : 0);

		if (events)
			uv_poll_start(hub->poll, events, on_ready);
		else
			uv_poll_stop(hub->poll);
	}
	if (hub_is_idle(hub))
		hub->owner.idle(hub->owner.self);
}

static void on_kick(void *self)
{
	struct kick *kick = self;
	struct hub *hub = kick->hub;
	struct client *c;

	free(kick);
	if (!hub)
		return;
	hub->kick = NULL;
	list_each (&hub->clients, struct client, link, c) {
		deliver(c);
		log_reader_flow(c->reader, c->may_flow && list_is_empty(&c->pending));
	}
	write_input(hub);
	look_again(hub);
}

static void look_soon(struct hub *hub)
{
	if (hub->kick)
		return;
	hub->kick = NEW(struct kick);
	hub->kick->hub = hub;
	loop_post(hub->hands->loop, hub->kick, on_kick);
}

static struct client *client_of(struct endpoint *ep)
{
	return container_of(ep, struct client, ep);
}

static void on_joined(struct endpoint *ep)
{
	struct client *c = client_of(ep);

	stop_join_timer(c);
	c->may_flow = true;
	look_soon(c->hub);
}

static void on_flow(struct endpoint *ep, bool may_flow)
{
	struct client *c = client_of(ep);

	c->may_flow = may_flow;
	if (!may_flow)
		log_reader_flow(c->reader, false);
	else
		look_soon(c->hub);
}

static void ask_end_of_input(struct client *c)
{
	struct hub *hub = c->hub;

	/* A terminal has no end of input but the one that is typed. */
	if (!c->want_stdin || hub->tty || !hub->stdin_once)
		return;
	hub->input_ends = true;
	look_soon(hub);
}

static void detach_client(struct client *c)
{
	struct hub *hub = c->hub;

	hub->owner.detached(hub->owner.self);
	c->source_is_over = true;
	c->want_stdin = false;
	look_soon(hub);
}

static bool on_input(struct endpoint *ep, struct str bytes)
{
	struct client *c = client_of(ep);
	struct hub *hub = c->hub;

	if (!c->want_stdin || c->source_is_over || hub->input_ends ||
	    (hub->poll && !hub->has_stdin))
		return true;
	if (hub->input.len + bytes.len + DETACH_KEYS_MAX > INPUT_MAX) {
		c->source_is_over = true;
		c->reason = "too much input waits for the process";
	} else if (detach_filter(&c->keys, bytes, &hub->input)) {
		detach_client(c);
	}
	look_soon(hub);
	c->holds_back = hub->input.len > INPUT_HIGH;
	return !c->holds_back;
}

static void on_end_input(struct endpoint *ep)
{
	ask_end_of_input(client_of(ep));
}

static void on_left(struct endpoint *ep)
{
	struct client *c = client_of(ep);
	struct hub *hub = c->hub;

	ask_end_of_input(c);
	client_free(c);
	look_soon(hub);
}

static const struct endpoint_kind client_kind = { on_joined, on_flow, on_input, on_end_input,
						  on_left };

static void on_unjoined(uv_timer_t *timer)
{
	struct client *c = timer->data;
	struct hub *hub = c->hub;

	end_client(c, NULL);
	look_again(hub);
}

static void on_log_output(void *self, enum endpoint_stream stream, struct str bytes)
{
	struct client *c = self;

	give(c, stream, bytes);
	if (!c->may_flow)
		log_reader_flow(c->reader, false);
}

static void on_log_end(void *self, const char *reason)
{
	struct client *c = self;

	c->source_is_over = true;
	look_soon(c->hub);
}

struct hub *hub_new(struct runtime_hands *hands, struct hub_owner owner)
{
	struct hub *hub = NEW(struct hub);

	hub->hands = hands;
	hub->owner = owner;
	hub->fd = -1;
	hub->input = BUF_MAX(INPUT_MAX);
	list_init(&hub->clients);
	return hub;
}

void hub_free(struct hub *hub)
{
	struct client *c;

	if (!hub)
		return;
	list_each (&hub->clients, struct client, link, c)
		end_client(c, "the daemon is going down");
	close_connection(hub);
	if (hub->kick)
		hub->kick->hub = NULL;
	buf_clear(&hub->input);
	free(hub);
}

void hub_set(struct hub *hub, bool tty, bool has_stdin, bool stdin_once)
{
	hub->tty = tty;
	hub->has_stdin = has_stdin;
	hub->stdin_once = stdin_once;
	hub->process_ended = hub->input_is_over = false;
	if (!has_stdin)
		buf_reset(&hub->input);
}

uint64_t hub_attach(struct hub *hub, const struct runtime_attach *how, const char *log_of)
{
	struct client *c = NEW(struct client);

	c->hub = hub;
	c->want_stdin = how->want_stdin;
	c->want_stdout = how->want_stdout;
	c->want_stderr = how->want_stderr;
	c->keys = detach_keys(how->detach_keys, how->detach_key_count);
	list_init(&c->pending);
	list_push_back(&hub->clients, &c->link);
	if (log_of && (how->replay || how->only_replay)) {
		struct runtime_logs logs = { .want_stdout = how->want_stdout,
					     .want_stderr = how->want_stderr,
					     .follow = !how->only_replay,
					     .tail = -1 };

		c->reader = log_reader_new(hub->hands, log_of, &logs,
					   (struct log_consumer){ .self = c,
								  .output = on_log_output,
								  .ended = on_log_end });
	}
	c->unjoined = NEW(uv_timer_t);
	uv_timer_init(loop_uv(hub->hands->loop), c->unjoined);
	c->unjoined->data = c;
	uv_timer_start(c->unjoined, on_unjoined, HUB_JOIN_MS, 0);
	endpoint_add(hub->hands->endpoints, &c->ep, &client_kind);
	hub_wake(hub);
	return c->ep.number;
}

void hub_wake(struct hub *hub)
{
	int fd;

	if (hub->poll || list_is_empty(&hub->clients))
		return;
	fd = hub->owner.connect(hub->owner.self);
	if (fd >= 0)
		hub_connect(hub, fd);
}

void hub_connect(struct hub *hub, int fd)
{
	close_connection(hub);
	hub->fd = fd;
	hub->poll = NEW(uv_poll_t);
	if (uv_poll_init(loop_uv(hub->hands->loop), hub->poll, fd) != 0)
		abort();
	hub->poll->data = hub;
	look_soon(hub);
}

void hub_process_ended(struct hub *hub)
{
	hub->process_ended = true;
	look_soon(hub);
}

void hub_ended(struct hub *hub)
{
	hub->process_ended = true;
	while (hub->poll)
		read_output(hub);
	source_over(hub, NULL);
	buf_reset(&hub->input);
	hub->input_ends = false;
	look_soon(hub);
}

void hub_failed(struct hub *hub, const char *reason)
{
	source_over(hub, reason);
	buf_reset(&hub->input);
	hub->input_ends = false;
	look_soon(hub);
}

bool hub_is_idle(const struct hub *hub)
{
	return list_is_empty(&hub->clients) && !hub->poll;
}
