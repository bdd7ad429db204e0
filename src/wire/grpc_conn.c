#include <assert.h>

#include "base/err.h"
#include "base/mem.h"
#include "wire/grpc_inside.h"
#include "wire/grpc_text.h"

static int by_id(const void *key, const struct tree_node *member)
{
	uint32_t a = *(const uint32_t *)key, b = container_of(member, struct grpc_call, node)->id;

	return a < b ? -1 : a > b;
}

/* ---- budgets ---- */

static struct grpc_budget budget(int64_t burst, int64_t per_s)
{
	return (struct grpc_budget){ burst * 1000, burst, per_s };
}

static void budget_refill(struct grpc_budget *b, int64_t elapsed_ms)
{
	int64_t full = b->burst * 1000;

	/* More than fills it at once; also keeps the product small. */
	if (elapsed_ms > full / b->per_s)
		elapsed_ms = full / b->per_s;
	b->milli += elapsed_ms * b->per_s;
	if (b->milli > full)
		b->milli = full;
}

static void budget_spend(struct grpc_conn *c, struct grpc_budget *b, const char *problem)
{
	b->milli -= 1000;
	if (b->milli >= 0 || c->problem)
		return;
	c->problem = problem;
	nghttp2_session_terminate_session(c->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void time_passes(struct grpc_conn *c, int64_t now_ms)
{
	int64_t elapsed_ms = c->has_time && now_ms > c->now_ms ? now_ms - c->now_ms : 0;

	budget_refill(&c->resets, elapsed_ms);
	budget_refill(&c->control, elapsed_ms);
	c->now_ms = now_ms;
	c->has_time = true;
}

/* ---- what nghttp2 reports ---- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	return grpc_head_begin(user, frame->hd.stream_id);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *user)
{
	struct grpc_call *call = grpc_call_at(user, frame->hd.stream_id);

	if (call && !call->over)
		grpc_head_field(call, str_bytes(name, name_len), str_bytes(value, value_len));
	return 0;
}

static void spend_for(struct grpc_conn *c, const nghttp2_frame *frame)
{
	bool is_empty_data = frame->hd.type == NGHTTP2_DATA && frame->hd.length == 0 &&
			     !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);

	if (frame->hd.type == NGHTTP2_RST_STREAM && c->options.role == GRPC_SERVER)
		budget_spend(c, &c->resets, "the peer cancels calls too fast");
	else if (frame->hd.type == NGHTTP2_PING || frame->hd.type == NGHTTP2_SETTINGS ||
		 frame->hd.type == NGHTTP2_PRIORITY || is_empty_data)
		budget_spend(c, &c->control, "the peer sends frames without content too fast");
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct grpc_conn *c = user;
	struct grpc_call *call = grpc_call_at(c, frame->hd.stream_id);

	spend_for(c, frame);
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		if (call)
			grpc_head_complete(call, frame);
		break;
	case NGHTTP2_PING:
		if (frame->hd.flags & NGHTTP2_FLAG_ACK)
			grpc_raise(c, grpc_queued_new(GRPC_PONG, 0));
		break;
	case NGHTTP2_GOAWAY:
		if (!c->peer_goes_away)
			grpc_raise(c, grpc_queued_new(GRPC_GOING_AWAY, 0));
		c->peer_goes_away = true;
		break;
	default:
		break;
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
		   size_t len, void *user)
{
	struct grpc_call *call = grpc_call_at(user, stream_id);

	/* The connection's window only bounds what is in flight; calls bound what is kept. */
	nghttp2_session_consume_connection(session, len);
	if (call)
		grpc_call_received(call, str_bytes(data, len));
	else
		nghttp2_session_consume_stream(session, stream_id, len);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *user)
{
	struct grpc_call *call = grpc_call_at(user, stream_id);

	if (!call)
		return 0;
	if (call->conn->options.role == GRPC_SERVER)
		grpc_call_ended(call, GRPC_CANCELLED, "the client has cancelled the call");
	else if (error == NGHTTP2_REFUSED_STREAM)
		grpc_call_ended(call, GRPC_UNAVAILABLE, "the server has not taken the call");
	else
		grpc_call_ended(call, grpc_status_of_reset(error), "the server has reset the call");
	grpc_call_free(call);
	return 0;
}

/* Our last frame of a call is out while the client is not done: tell it to stop. */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct grpc_conn *c = user;
	struct grpc_call *call = grpc_call_at(c, frame->hd.stream_id);

	if (c->options.role == GRPC_SERVER && call && !call->peer_finished &&
	    frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
					  NGHTTP2_NO_ERROR);
	return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
			    void *user)
{
	struct grpc_conn *c = user;

	/* A mistake inside one stream costs that stream: nghttp2 resets it. */
	if (error != NGHTTP2_ERR_HTTP_HEADER && error != NGHTTP2_ERR_HTTP_MESSAGING &&
	    error != NGHTTP2_ERR_STREAM_CLOSED && error != NGHTTP2_ERR_REFUSED_STREAM &&
	    error != NGHTTP2_ERR_FLOW_CONTROL && !c->problem)
		c->problem = nghttp2_strerror(error);
	return 0;
}

/* ---- life ---- */

static nghttp2_session *session_new(struct grpc_conn *c)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session;
	nghttp2_option *option;
	int failed;

	if (nghttp2_session_callbacks_new(&callbacks) || nghttp2_option_new(&option))
		abort();
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	if (c->options.role == GRPC_SERVER)
		failed = nghttp2_session_server_new2(&session, callbacks, c, option);
	else
		failed = nghttp2_session_client_new2(&session, callbacks, c, option);
	if (failed)
		abort();
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	return session;
}

static void submit_settings(struct grpc_conn *c)
{
	nghttp2_settings_entry settings[3] = {
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, GRPC_CREDIT_BYTES },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, GRPC_METADATA_BYTES },
	};

	if (c->options.role == GRPC_SERVER)
		settings[2] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
							c->options.calls_max };
	else
		settings[2] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 };
	nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 3);
	nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0,
					      GRPC_CONN_CREDIT_BYTES);
}

struct grpc_conn *grpc_conn_new(const struct grpc_options *o)
{
	struct grpc_conn *c = NEW(struct grpc_conn);

	assert(o->receive_max > 0 && (o->role == GRPC_CLIENT || o->calls_max > 0));
	c->options = *o;
	c->calls = TREE(by_id);
	list_init(&c->events);
	c->resets = budget(GRPC_RESET_BURST, GRPC_RESET_PER_S);
	c->control = budget(GRPC_CONTROL_BURST, GRPC_CONTROL_PER_S);
	c->session = session_new(c);
	submit_settings(c);
	return c;
}

void grpc_conn_free(struct grpc_conn *c)
{
	struct grpc_call *call;
	struct grpc_queued *q;

	if (!c)
		return;
	tree_each (&c->calls, struct grpc_call, node, call)
		grpc_call_free(call);
	list_each (&c->events, struct grpc_queued, link, q)
		grpc_queued_free(q);
	grpc_queued_free(c->taken);
	nghttp2_session_del(c->session);
	free(c);
}

void grpc_lost(struct grpc_conn *c, const char *why)
{
	struct grpc_call *call;

	if (c->is_lost)
		return;
	c->is_lost = true;
	tree_each (&c->calls, struct grpc_call, node, call)
		grpc_call_ended(call, GRPC_UNAVAILABLE, why);
	grpc_raise_text(c, GRPC_GONE, 0, GRPC_UNAVAILABLE, why);
}

bool grpc_feed(struct grpc_conn *c, struct str bytes, int64_t now_ms, struct err *e)
{
	ssize_t eaten;

	if (c->is_lost)
		return fail(e, ERR_UNAVAILABLE, "the connection is lost");
	time_passes(c, now_ms);
	eaten = nghttp2_session_mem_recv(c->session, (const uint8_t *)bytes.ptr, bytes.len);
	if (eaten == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
		c->problem = "the peer does not speak HTTP/2";
	else if (eaten < 0 && !c->problem)
		c->problem = nghttp2_strerror((int)eaten);
	if (c->problem) {
		(void)fail(e, ERR_UNAVAILABLE, "HTTP/2: %s", c->problem);
		grpc_lost(c, e->text);
		return false;
	}
	if (!nghttp2_session_want_read(c->session))
		grpc_lost(c, "the connection has been closed");
	return true;
}

bool grpc_output(struct grpc_conn *c, struct buf *out)
{
	size_t before = out->len;

	while (out->max - out->len >= GRPC_FRAME_BYTES) {
		const uint8_t *data;
		ssize_t n = nghttp2_session_mem_send(c->session, &data);

		if (n < 0)
			grpc_lost(c, nghttp2_strerror((int)n));
		if (n <= 0)
			break;
		buf_append(out, data, (size_t)n);
	}
	return out->len > before;
}

void grpc_ping(struct grpc_conn *c)
{
	nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL);
}

void grpc_go_away(struct grpc_conn *c)
{
	nghttp2_submit_goaway(c->session, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(c->session), NGHTTP2_NO_ERROR,
			      NULL, 0);
}

bool grpc_can_open(const struct grpc_conn *c)
{
	return c->options.role == GRPC_CLIENT && !c->is_lost && !c->peer_goes_away &&
	       nghttp2_session_check_request_allowed(c->session);
}

size_t grpc_call_count(const struct grpc_conn *c)
{
	return c->open_count;
}

bool grpc_is_over(const struct grpc_conn *c)
{
	return c->is_lost ? !nghttp2_session_want_write(c->session)
			  : !nghttp2_session_want_read(c->session) &&
				    !nghttp2_session_want_write(c->session);
}
