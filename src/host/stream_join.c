/* A client joined to an endpoint: bytes both ways, and who waits for whom. */
#include <assert.h>

#include "base/mem.h"
#include "host/stream_inside.h"
#include "wire/stdcopy.h"

/* The endpoint waits while so much is queued for the client, and goes on below the other mark. */
#define FLOW_HIGH (128 << 10)
#define FLOW_LOW  (32 << 10)

static void note_end(struct conn *c, struct joint *j, const char *reason)
{
	j->endpoint = NULL;
	j->has_ended = true;
	j->reason = reason ? xstrdup(reason) : NULL;
	conn_post_work(c);
}

/* ---- what an endpoint says ---- */

static void send_framed(struct conn *c, enum stdcopy_stream stream, struct str bytes)
{
	AUTO_BUF struct buf out = BUF_MAX(bytes.len + STDCOPY_HEADER_LEN);

	stdcopy_write(&out, stream, bytes);
	if (c->answer == ANSWER_OPEN)
		conn_send_chunk(c, buf_str(&out));
	else
		channel_write(&c->channel, buf_str(&out));
}

void conn_send_raw(struct conn *c, struct str bytes)
{
	if (c->filter == STREAM_STDCOPY)
		send_framed(c, STDCOPY_STDOUT, bytes);
	else
		channel_write(&c->channel, bytes);
}

static void send_output(struct conn *c, struct joint *j, enum endpoint_stream stream,
			struct str bytes)
{
	if (c->state == CONN_LINGERING)
		return; /* it will be left in a moment */
	j->bytes += bytes.len;
	if (c->filter == STREAM_STDCOPY)
		send_framed(c, stream == ENDPOINT_STDERR ? STDCOPY_STDERR : STDCOPY_STDOUT, bytes);
	else if (c->answer == ANSWER_OPEN)
		conn_send_chunk(c, bytes);
	else
		channel_write(&c->channel, bytes);

	if (!j->is_full && channel_queued(&c->channel) > FLOW_HIGH) {
		j->is_full = true;
		endpoint_flow(j->endpoint, false);
	}
}

static void on_raw_output(void *self, enum endpoint_stream stream, struct str bytes)
{
	struct conn *c = self;

	send_output(c, &c->feed, stream, bytes);
}

static void on_pour_output(void *self, enum endpoint_stream stream, struct str bytes)
{
	struct conn *c = self;

	send_output(c, &c->pour, stream, bytes);
}

/* A request's body goes in; nothing is expected to come out. */
static void on_feed_output(void *self, enum endpoint_stream stream, struct str bytes)
{
	(void)self;
	(void)stream;
	(void)bytes;
}

static void on_feed_drained(void *self)
{
	struct conn *c = self;

	c->feed.is_held_back = false;
	conn_post_work(c);
}

static void on_pour_drained(void *self)
{
	(void)self; /* nothing is put into it */
}

static void on_feed_ended(void *self, const char *reason)
{
	struct conn *c = self;

	note_end(c, &c->feed, reason);
}

static void on_pour_ended(void *self, const char *reason)
{
	struct conn *c = self;

	note_end(c, &c->pour, reason);
}

/* ---- joining ---- */

static void join(struct conn *c, struct joint *j, uint64_t number, struct endpoint_user user)
{
	struct endpoint *ep;

	assert(!j->endpoint && !j->has_ended);
	*j = (struct joint){ 0 };
	user.self = c;
	ep = endpoint_join(c->server->endpoints, number, user);
	if (!ep)
		note_end(c, j, "there is nothing to join any more");
	else if (!j->has_ended)
		j->endpoint = ep;
}

void conn_join_raw(struct conn *c, uint64_t endpoint)
{
	c->is_patient = true;
	join(c, &c->feed, endpoint,
	     (struct endpoint_user){
		     .output = on_raw_output, .drained = on_feed_drained, .ended = on_feed_ended });
}

void conn_join_feed(struct conn *c, uint64_t endpoint)
{
	join(c, &c->feed, endpoint,
	     (struct endpoint_user){ .output = on_feed_output,
				     .drained = on_feed_drained,
				     .ended = on_feed_ended });
}

void conn_join_pour(struct conn *c, uint64_t endpoint)
{
	c->is_patient = true;
	join(c, &c->pour, endpoint,
	     (struct endpoint_user){ .output = on_pour_output,
				     .drained = on_pour_drained,
				     .ended = on_pour_ended });
}

void conn_leave_endpoints(struct conn *c)
{
	struct endpoint *feed = STEAL(c->feed.endpoint), *pour = STEAL(c->pour.endpoint);

	if (feed)
		endpoint_leave(feed);
	if (pour)
		endpoint_leave(pour);
}

/* ---- what the client says ---- */

static void put(struct conn *c, struct str bytes)
{
	if (bytes.len && c->feed.endpoint && !endpoint_input(c->feed.endpoint, bytes))
		c->feed.is_held_back = true;
	if (bytes.len && c->state != CONN_RAW)
		c->feed.bytes += bytes.len;
}

void conn_feed(struct conn *c, struct str *bytes)
{
	if (c->feed.is_held_back)
		return;
	put(c, *bytes);
	*bytes = (struct str){ 0 };
}

void conn_end_feed(struct conn *c)
{
	if (!c->feed.endpoint)
		return;
	endpoint_end_input(c->feed.endpoint);
}

void conn_flow(struct conn *c, size_t queued)
{
	struct joint *j = c->pour.endpoint ? &c->pour : &c->feed;

	if (!j->endpoint || !j->is_full || queued > FLOW_LOW)
		return;
	j->is_full = false;
	endpoint_flow(j->endpoint, true);
}

/* ---- ends ---- */

static void emit_end(struct conn *c, struct joint *j)
{
	AUTO_FREE char *reason = STEAL(j->reason);
	struct stream_event event = {
		.kind = STREAM_JOINED_END,
		.exchange = c->exchange,
		.bytes = j->bytes,
		.text = reason,
	};

	*j = (struct joint){ 0 };
	if (!c->exchange)
		return;
	if (c->answer == ANSWER_RAW) {
		if (reason && c->filter == STREAM_STDCOPY)
			send_framed(c, STDCOPY_ERROR, str_of(reason));
		conn_forget_exchange(c);
		conn_linger(c);
	}
	conn_emit(c, &event);
}

void conn_report_ends(struct conn *c)
{
	if (c->feed.has_ended)
		emit_end(c, &c->feed);
	if (!c->is_gone && c->pour.has_ended)
		emit_end(c, &c->pour);
}
