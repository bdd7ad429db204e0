#include "base/log.h"
#include "base/mem.h"
#include "host/loop.h"
#include "host/stream_inside.h"

/* A client that has closed its half may still read; how often to look whether it does. */
#define DESERTION_MS 1000
/* A half-closed client whose open answer is silent for so long is taken for gone. */
#define HALF_CLOSED_MS 10000
/* How long to read on after the last answer, so that the client sees it and no reset. */
#define LINGER_MS 2000

static int64_t now_ms(const struct conn *c)
{
	return loop_now(c->server->loop).mono_ms;
}

void conn_emit(struct conn *c, const struct stream_event *event)
{
	c->server->sink.event(c->server->sink.self, event);
}

void conn_forget_exchange(struct conn *c)
{
	if (!c->exchange)
		return;
	tree_remove(&c->server->exchanges, &c->by_exchange);
	c->exchange = 0;
}

/* ---- ends ---- */

static void conn_free(struct conn *c)
{
	server_release(c->server);
	http1_clear(&c->http);
	arena_clear(&c->memory);
	buf_clear(&c->body);
	free(c->feed.reason);
	free(c->pour.reason);
	free(c);
}

static void on_channel_closed(struct channel *channel)
{
	struct conn *c = container_of(channel, struct conn, channel);

	c->is_closed = true;
	if (!c->is_work_posted)
		conn_free(c);
}

void conn_lose(struct conn *c, const char *reason)
{
	uint64_t exchange = c->exchange;

	if (c->is_gone)
		return;
	c->is_gone = true;
	conn_leave_endpoints(c);
	conn_forget_exchange(c);
	list_remove(&c->link);
	list_remove(&c->idle);
	heap_remove(&c->server->deadlines, &c->deadline);
	c->server->conn_count--;
	if (reason)
		log_debug(loop_log(c->server->loop), "stream", "connection closed: %s", reason);
	channel_close(&c->channel, on_channel_closed);
	if (exchange)
		conn_emit(c, &(struct stream_event){
				     .kind = STREAM_GONE, .exchange = exchange, .text = reason });
}

/* ---- deadlines ---- */

static enum patience patience_of(const struct conn *c)
{
	if (!c->is_open)
		return FOR_HEAD;
	if (channel_queued(&c->channel) > 0)
		return c->is_patient ? PATIENT : FOR_READER;
	if (c->state == CONN_LINGERING)
		return FOR_CLOSE;
	if (c->has_half_closed)
		return FOR_DESERTION;
	if (c->state == CONN_HEAD)
		return c->is_head_begun || c->is_first ? FOR_HEAD : FOR_REQUEST;
	if (c->state == CONN_COLLECTING || c->state == CONN_SKIPPING)
		return FOR_BODY;
	return PATIENT;
}

static int64_t patience_ms(const struct conn *c)
{
	switch (c->patience) {
	case FOR_HEAD:
		return c->server->limits.head_ms;
	case FOR_REQUEST:
		return c->server->limits.idle_ms;
	case FOR_BODY:
		return c->server->limits.body_ms;
	case FOR_READER:
		return c->server->limits.stall_ms;
	case FOR_DESERTION:
		return DESERTION_MS;
	case FOR_CLOSE:
		return LINGER_MS;
	case PATIENT:
		break;
	}
	abort();
}

static void begin_waiting(struct conn *c)
{
	if (c->patience == PATIENT) {
		heap_remove(&c->server->deadlines, &c->deadline);
		return;
	}
	c->taken_before = channel_taken(&c->channel);
	heap_set(&c->server->deadlines, &c->deadline, now_ms(c) + patience_ms(c));
	if (heap_first(&c->server->deadlines) == &c->deadline)
		server_plan_timer(c->server);
}

/* After any change. `has_come`: bytes of the client; they renew the patience for a body. */
static void update_patience(struct conn *c, bool has_come)
{
	enum patience patience = patience_of(c);
	bool has_moved = (patience == FOR_BODY && has_come) ||
			 (patience == FOR_READER && c->taken_before != channel_taken(&c->channel));

	if (patience == c->patience && !has_moved)
		return;
	c->patience = patience;
	begin_waiting(c);
	list_remove(&c->idle);
	if (patience == FOR_REQUEST)
		list_push_back(&c->server->idle, &c->idle);
}

static void look_for_desertion(struct conn *c)
{
	bool is_silent = c->answer == ANSWER_OPEN && !c->pour.endpoint &&
			 now_ms(c) - c->half_closed_at_ms > HALF_CLOSED_MS;

	if (is_silent || channel_is_deserted(&c->channel))
		conn_lose(c, "the client went away");
	else
		begin_waiting(c);
}

void conn_on_deadline(struct conn *c)
{
	switch (c->patience) {
	case FOR_HEAD:
		if (c->is_head_begun)
			conn_refuse(c, 408, "the request took too long to come");
		else
			conn_lose(c, "no request came");
		break;
	case FOR_REQUEST:
		conn_lose(c, "idle");
		break;
	case FOR_BODY:
		conn_lose(c, "the body of the request stopped coming");
		break;
	case FOR_READER:
		if (c->taken_before != channel_taken(&c->channel))
			begin_waiting(c);
		else
			conn_lose(c, "the client reads nothing");
		break;
	case FOR_DESERTION:
		look_for_desertion(c);
		break;
	case FOR_CLOSE:
		conn_lose(c, NULL);
		break;
	case PATIENT:
		break;
	}
	if (!c->is_gone)
		update_patience(c, false);
}

/* ---- requests ---- */

static void emit_request(struct conn *c, enum stream_event_kind kind)
{
	const struct http1_head *head = http1_head(&c->http);

	conn_emit(c, &(struct stream_event){
			     .kind = kind,
			     .exchange = c->exchange,
			     .method = head->method,
			     .target = c->target,
			     .headers = c->headers,
			     .header_count = head->header_count,
			     .body = buf_str(&c->body),
		     });
}

/* The head's texts, with a NUL after each. */
static void announce(struct conn *c)
{
	const struct http1_head *head = http1_head(&c->http);

	c->headers = arena_alloc(&c->memory, head->header_count * sizeof(*c->headers));
	for (size_t i = 0; i < head->header_count; i++) {
		c->headers[i].name = arena_str(&c->memory, head->headers[i].name);
		c->headers[i].value = arena_str(&c->memory, head->headers[i].value);
	}
	c->target = arena_str(&c->memory, head->target);

	c->is_head_begun = c->is_first = false;
	c->is_patient = false;
	c->state = CONN_ANNOUNCED;
	c->answer = ANSWER_NONE;
	c->exchange = ++c->server->last_exchange;
	tree_insert(&c->server->exchanges, &c->exchange, &c->by_exchange);
	emit_request(c, STREAM_ANNOUNCED);
}

static void refuse_malformed(struct conn *c, const struct err *e)
{
	int status = http1_refusal(&c->http);

	if (c->answer == ANSWER_NONE)
		conn_refuse(c, status ? status : 400, e->text);
	else
		conn_lose(c, e->text);
}

static const char too_large[] = "the body of the request is too large";

static void collect(struct conn *c, struct str piece)
{
	if (c->body.len + piece.len > STREAM_BODY_MAX)
		conn_refuse(c, 413, too_large);
	else
		buf_append_str(&c->body, piece);
}

static void on_body(struct conn *c, struct str piece)
{
	if (c->state == CONN_COLLECTING)
		collect(c, piece);
	else if (c->state == CONN_FEEDING)
		conn_feed(c, &piece);
}

static void on_request_end(struct conn *c)
{
	switch (c->state) {
	case CONN_COLLECTING:
		c->state = CONN_ANSWERING;
		emit_request(c, STREAM_REQUEST);
		break;
	case CONN_FEEDING:
		c->state = CONN_ANSWERING;
		conn_end_feed(c);
		break;
	case CONN_SKIPPING:
		c->state = CONN_RAW;
		break;
	default:
		abort();
	}
}

/* Does this state read the message on? An endpoint that is held back takes no more of it. */
static bool reads_message(const struct conn *c)
{
	switch (c->state) {
	case CONN_HEAD:
	case CONN_COLLECTING:
	case CONN_SKIPPING:
		return true;
	case CONN_FEEDING:
		return !c->feed.is_held_back;
	default:
		return false;
	}
}

/* One event of the parser; false when it wants more bytes. */
static bool read_message(struct conn *c, struct str *bytes)
{
	struct str piece;
	struct err e;

	if (c->state == CONN_HEAD && bytes->len)
		c->is_head_begun = true;
	switch (http1_next(&c->http, bytes, &piece, &e)) {
	case HTTP1_MORE:
		return false;
	case HTTP1_HEAD:
		announce(c);
		return true;
	case HTTP1_BODY:
		on_body(c, piece);
		return true;
	case HTTP1_END:
		on_request_end(c);
		return true;
	case HTTP1_FAILED:
		refuse_malformed(c, &e);
		return true;
	}
	abort();
}

static void on_received(void *self, struct str *bytes)
{
	struct conn *c = self;
	bool has_come = bytes->len > 0;

	while (!c->is_gone && reads_message(c) && read_message(c, bytes))
		;
	if (!c->is_gone && c->state == CONN_RAW)
		conn_feed(c, bytes);
	if (c->state == CONN_LINGERING)
		*bytes = (struct str){ 0 };
	if (!c->is_gone)
		update_patience(c, has_come);
}

/* ---- the channel's other callbacks ---- */

/* All that the client sent before it closed its half has been used. */
static void use_half_close(struct conn *c)
{
	switch (c->state) {
	case CONN_HEAD:
		conn_lose(c, NULL);
		break;
	case CONN_COLLECTING:
	case CONN_FEEDING:
	case CONN_SKIPPING:
		conn_lose(c, "the client went away in the middle of its request");
		break;
	case CONN_LINGERING:
		if (channel_queued(&c->channel) == 0)
			conn_lose(c, NULL);
		break;
	case CONN_RAW:
		conn_end_feed(c);
		break;
	case CONN_ANNOUNCED:
	case CONN_LEFT:
	case CONN_ANSWERING:
		break;
	}
}

static void on_opened(void *self)
{
	struct conn *c = self;

	c->is_open = true;
	update_patience(c, false);
}

static void on_ended(void *self)
{
	struct conn *c = self;

	c->has_half_closed = true;
	c->half_closed_at_ms = now_ms(c);
	if (channel_is_deserted(&c->channel)) {
		/* Nobody reads; but what it sent last may matter to whoever reads it. */
		if (c->state != CONN_RAW || channel_held(&c->channel) == 0) {
			if (c->state == CONN_RAW)
				conn_end_feed(c);
			conn_lose(c, "the client went away");
			return;
		}
	}
	conn_post_work(c);
}

static void on_sent(void *self, size_t left)
{
	struct conn *c = self;

	conn_flow(c, left);
	if (left == 0)
		conn_post_work(c);
	update_patience(c, false);
}

static void on_broken(void *self, const char *reason)
{
	conn_lose(self, reason);
}

/* ---- work ---- */

static void go_on_reading(struct conn *c)
{
	struct str none = STR("");

	/* Even without new bytes: the end of a message without a body is there at once. */
	if (channel_held(&c->channel) == 0)
		on_received(c, &none);
	if (!c->is_gone)
		channel_offer(&c->channel);
}

static void work(void *self)
{
	struct conn *c = self;

	c->is_work_posted = false;
	if (c->is_closed) {
		conn_free(c);
		return;
	}
	if (!c->is_gone && c->gone_reason)
		conn_lose(c, c->gone_reason);
	if (!c->is_gone && c->is_too_large && c->exchange)
		conn_refuse(c, 413, too_large);
	if (!c->is_gone && c->state == CONN_LINGERING)
		conn_leave_endpoints(c);
	if (!c->is_gone)
		conn_report_ends(c);
	if (!c->is_gone && c->wants_drained && channel_queued(&c->channel) == 0) {
		c->wants_drained = false;
		conn_emit(c, &(struct stream_event){ .kind = STREAM_DRAINED,
						     .exchange = c->exchange });
	}
	if (!c->is_gone)
		go_on_reading(c);
	if (!c->is_gone && c->has_half_closed && channel_held(&c->channel) == 0)
		use_half_close(c);
	if (!c->is_gone)
		update_patience(c, false);
}

void conn_post_work(struct conn *c)
{
	if (c->is_work_posted || c->is_gone)
		return;
	c->is_work_posted = true;
	loop_post(c->server->loop, c, work);
}

void conn_new(struct stream_server *s, int fd, const struct tls_config *tls)
{
	struct conn *c = NEW(struct conn);
	struct channel_user user = {
		.self = c,
		.opened = on_opened,
		.received = on_received,
		.ended = on_ended,
		.sent = on_sent,
		.broken = on_broken,
	};

	c->server = s;
	c->is_first = true;
	c->body = BUF_MAX(STREAM_BODY_MAX);
	http1_init(&c->http, HTTP1_SERVER);
	list_init(&c->idle);
	list_push_back(&s->conns, &c->link);
	s->conn_count++;
	s->open_handles++;
	channel_open(&c->channel, s->loop, &s->space, fd, tls, &user);
	update_patience(c, false);
}
