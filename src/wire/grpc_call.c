#include <assert.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "wire/grpc_inside.h"
#include "wire/grpc_text.h"

/* Sent bytes are dropped from the front of a queue once they are at least so many. */
#define COMPACT_BYTES 65536

/* ---- life ---- */

struct grpc_call *grpc_call_new(struct grpc_conn *c, uint32_t id)
{
	struct grpc_call *call = NEW(struct grpc_call);

	call->id = id;
	call->conn = c;
	call->status = -1;
	call->out = BUF_MAX(GRPC_QUEUE_BYTES + GRPC_SEND_MAX);
	call->text = BUF_MAX(GRPC_TEXT_MAX);
	grpc_reader_init(&call->reader, c->options.receive_max);
	tree_insert(&c->calls, &id, &call->node);
	c->open_count++;
	return call;
}

void grpc_call_over(struct grpc_call *call)
{
	if (call->over)
		return;
	call->over = true;
	call->conn->open_count--;
}

static size_t partial_bytes(const struct grpc_call *call)
{
	return call->reader.partial.len + call->reader.prefix_len;
}

void grpc_call_free(struct grpc_call *call)
{
	grpc_call_over(call);
	call->conn->buffered -= partial_bytes(call);
	tree_remove(&call->conn->calls, &call->node);
	buf_clear(&call->out);
	buf_clear(&call->text);
	grpc_reader_clear(&call->reader);
	grpc_queued_free(call->opening);
	free(call->end_text);
	free(call);
}

struct grpc_call *grpc_call_at(const struct grpc_conn *c, int32_t stream_id)
{
	uint32_t id = (uint32_t)stream_id;

	return tree_entry(tree_find(&c->calls, &id), struct grpc_call, node);
}

struct grpc_call *grpc_call_find(const struct grpc_conn *c, uint32_t id)
{
	struct grpc_call *call = grpc_call_at(c, (int32_t)id);

	return call && !call->over ? call : NULL;
}

void grpc_call_ended(struct grpc_call *call, int status, const char *text)
{
	if (call->over)
		return;
	grpc_call_over(call);
	grpc_raise_text(call->conn, GRPC_ENDED, call->id, status, text);
}

static void reset_stream(struct grpc_call *call, uint32_t error)
{
	nghttp2_submit_rst_stream(call->conn->session, NGHTTP2_FLAG_NONE, (int32_t)call->id, error);
}

/* ---- receiving ---- */

void grpc_call_release(struct grpc_call *call)
{
	size_t held = call->held;

	if (held == 0 || call->undelivered > 0 || call->paused)
		return;
	call->held = 0;
	nghttp2_session_consume_stream(call->conn->session, (int32_t)call->id, held);
}

static void raise_message(struct grpc_call *call, struct str message)
{
	struct grpc_queued *q = grpc_queued_new(GRPC_MESSAGE, call->id);

	q->message = (char *)(uintptr_t)message.ptr;
	q->event.message = message;
	call->undelivered++;
	grpc_raise(call->conn, q);
}

/* What is dropped with a call gives its credit and its place back. */
static void receive_nothing_more(struct grpc_call *call)
{
	call->conn->buffered -= partial_bytes(call);
	grpc_reader_clear(&call->reader);
	call->reader.prefix_len = 0;
}

void grpc_call_received(struct grpc_call *call, struct str bytes)
{
	struct grpc_conn *c = call->conn;
	size_t size = bytes.len;
	enum grpc_status status;
	enum grpc_read read;
	struct str message;
	struct err e;

	call->held += size;
	if (call->over) {
		grpc_call_release(call);
		return;
	}
	c->buffered += size;
	if (c->buffered > c->options.receive_max + GRPC_CONN_BUFFERED_EXTRA) {
		c->buffered -= size;
		grpc_call_break(call, GRPC_RESOURCE_EXHAUSTED,
				"too many messages wait on this connection");
		return;
	}
	while ((read = grpc_read(&call->reader, &bytes, &message, &status, &e)) ==
	       GRPC_READ_MESSAGE)
		raise_message(call, message);
	if (read == GRPC_READ_FAILED) {
		c->buffered -= bytes.len;
		grpc_call_break(call, status, e.text);
		return;
	}
	grpc_call_release(call);
}

void grpc_pause(struct grpc_conn *c, uint32_t id, bool paused)
{
	struct grpc_call *call = grpc_call_find(c, id);

	if (!call)
		return;
	call->paused = paused;
	grpc_call_release(call);
}

/* ---- sending ---- */

static void sent(struct grpc_call *call, size_t n)
{
	call->out_at += n;
	if (call->out_at == call->out.len) {
		buf_clear(&call->out);
		call->out_at = 0;
	} else if (call->out_at >= COMPACT_BYTES && call->out_at > call->out.len / 2) {
		buf_consume(&call->out, call->out_at);
		call->out_at = 0;
	}
	if (call->out.len > 0 || !call->refused_send || call->over)
		return;
	call->refused_send = false;
	grpc_raise(call->conn, grpc_queued_new(GRPC_DRAINED, call->id));
}

static size_t put_status(struct grpc_call *call, nghttp2_nv nv[2], char number[16],
			 struct buf *text)
{
	snprintf(number, 16, "%d", (int)call->end_status);
	nv[0] = grpc_nv(STR("grpc-status"), str_of(number));
	if (call->end_status == GRPC_OK || !call->end_text[0])
		return 1;
	grpc_text_encode(text, call->end_text);
	nv[1] = grpc_nv(STR("grpc-message"), buf_str(text));
	return 2;
}

static void submit_trailers(struct grpc_call *call)
{
	AUTO_BUF struct buf text = BUF_MAX(3 * GRPC_TEXT_MAX);
	char number[16];
	nghttp2_nv nv[2];
	size_t count = put_status(call, nv, number, &text);

	nghttp2_submit_trailer(call->conn->session, (int32_t)call->id, nv, count);
}

static ssize_t read_out(nghttp2_session *session, int32_t stream_id, uint8_t *to, size_t size,
			uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct grpc_call *call = source->ptr;
	size_t n = call->out.len - call->out_at;

	if (n == 0 && !call->finished)
		return NGHTTP2_ERR_DEFERRED;
	if (n > size)
		n = size;
	if (n > 0)
		memcpy(to, call->out.data + call->out_at, n);
	sent(call, n);
	if (!call->finished || call->out.len > 0)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (call->conn->options.role == GRPC_SERVER) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		submit_trailers(call);
	}
	return (ssize_t)n;
}

static nghttp2_data_provider provider_of(struct grpc_call *call)
{
	return (nghttp2_data_provider){ .source.ptr = call, .read_callback = read_out };
}

static void respond(struct grpc_call *call)
{
	nghttp2_nv nv[] = { grpc_nv(STR(":status"), STR("200")),
			    grpc_nv(STR("content-type"), STR("application/grpc")) };
	nghttp2_data_provider provider = provider_of(call);

	call->responded = true;
	nghttp2_submit_response(call->conn->session, (int32_t)call->id, nv, 2, &provider);
}

/* Headers and trailers in one: nothing was sent before. */
static void respond_trailers_only(struct grpc_call *call)
{
	AUTO_BUF struct buf text = BUF_MAX(3 * GRPC_TEXT_MAX);
	char number[16];
	nghttp2_nv nv[4] = { grpc_nv(STR(":status"), STR("200")),
			     grpc_nv(STR("content-type"), STR("application/grpc")) };
	size_t count = 2 + put_status(call, nv + 2, number, &text);

	call->responded = true;
	nghttp2_submit_response(call->conn->session, (int32_t)call->id, nv, count, NULL);
}

bool grpc_send(struct grpc_conn *c, uint32_t id, struct str message, struct err *e)
{
	struct grpc_call *call = grpc_call_find(c, id);

	if (!call || call->finished)
		return fail(e, ERR_UNAVAILABLE, "the call has ended");
	if (message.len > GRPC_SEND_MAX)
		return fail(e, ERR_EXHAUSTED, "message of %zu bytes is larger than %d", message.len,
			    GRPC_SEND_MAX);
	if (call->out.len - call->out_at >= GRPC_QUEUE_BYTES) {
		call->refused_send = true;
		return fail(e, ERR_EXHAUSTED, "the peer does not read what this call sends");
	}
	buf_consume(&call->out, call->out_at);
	call->out_at = 0;
	grpc_message_write(&call->out, message);
	if (c->options.role == GRPC_SERVER && !call->responded)
		respond(call);
	else
		nghttp2_session_resume_data(c->session, (int32_t)id);
	return true;
}

size_t grpc_queued(const struct grpc_conn *c, uint32_t id)
{
	const struct grpc_call *call = grpc_call_find(c, id);

	return call ? call->out.len - call->out_at : 0;
}

/* ---- beginning and ending ---- */

static char *shortened(const char *text)
{
	return xstrndup(text ? text : "", GRPC_TEXT_MAX);
}

/* Server: the call is over; what is left of it is what has still to be sent. */
static void finish(struct grpc_call *call, enum grpc_status status, const char *text)
{
	call->finished = true;
	call->end_status = status;
	call->end_text = shortened(text);
	call->paused = false;
	receive_nothing_more(call);
	grpc_call_release(call);
	if (call->responded)
		nghttp2_session_resume_data(call->conn->session, (int32_t)call->id);
	else
		respond_trailers_only(call);
}

void grpc_end(struct grpc_conn *c, uint32_t id, enum grpc_status status, const char *text)
{
	struct grpc_call *call = grpc_call_find(c, id);

	grpc_mute(c, id);
	if (!call)
		return;
	grpc_call_over(call);
	finish(call, status, text);
}

void grpc_call_break(struct grpc_call *call, enum grpc_status status, const char *text)
{
	grpc_call_ended(call, status, text);
	if (call->conn->options.role == GRPC_SERVER) {
		finish(call, status, text);
	} else {
		receive_nothing_more(call);
		reset_stream(call, NGHTTP2_CANCEL);
	}
}

void grpc_cancel(struct grpc_conn *c, uint32_t id)
{
	struct grpc_call *call = grpc_call_find(c, id);

	if (call) {
		grpc_call_over(call);
		call->paused = false;
		receive_nothing_more(call);
		reset_stream(call, NGHTTP2_CANCEL);
	}
	grpc_mute(c, id);
}

void grpc_half_close(struct grpc_conn *c, uint32_t id)
{
	struct grpc_call *call = grpc_call_find(c, id);

	if (!call || call->finished)
		return;
	call->finished = true;
	nghttp2_session_resume_data(c->session, (int32_t)id);
}

bool grpc_open(struct grpc_conn *c, const struct grpc_open *o, uint32_t *id, struct err *e)
{
	nghttp2_nv nv[8 + GRPC_METADATA_MAX];
	struct grpc_call *call;
	nghttp2_data_provider provider;
	char timeout[GRPC_TIMEOUT_LEN];
	size_t n = 0;
	uint32_t stream_id;
	int32_t submitted;

	if (!grpc_can_open(c))
		return fail(e, ERR_UNAVAILABLE, "the connection takes no new calls");
	if (o->metadata_count > GRPC_METADATA_MAX)
		return fail(e, ERR_INVALID, "%zu metadata fields are more than %d",
			    o->metadata_count, GRPC_METADATA_MAX);
	nv[n++] = grpc_nv(STR(":method"), STR("POST"));
	nv[n++] = grpc_nv(STR(":scheme"), STR("https"));
	nv[n++] = grpc_nv(STR(":path"), str_of(o->method));
	nv[n++] = grpc_nv(STR(":authority"), str_of(o->authority));
	nv[n++] = grpc_nv(STR("content-type"), STR("application/grpc"));
	nv[n++] = grpc_nv(STR("te"), STR("trailers"));
	nv[n++] = grpc_nv(STR("user-agent"), STR("grpc-c-shoal"));
	if (o->timeout_ms > 0) {
		grpc_timeout_write(o->timeout_ms, timeout);
		nv[n++] = grpc_nv(STR("grpc-timeout"), str_of(timeout));
	}
	for (size_t i = 0; i < o->metadata_count; i++)
		nv[n++] = grpc_nv(o->metadata[i].name, o->metadata[i].value);

	/* The call has to be in place before its provider is asked, which is given at the same
	 * moment as the number is known: so the number is looked up first. */
	stream_id = nghttp2_session_get_next_stream_id(c->session);
	if (stream_id > INT32_MAX)
		return fail(e, ERR_UNAVAILABLE, "the connection has no call numbers left");
	call = grpc_call_new(c, stream_id);
	provider = provider_of(call);
	submitted = nghttp2_submit_request(c->session, NULL, nv, n, &provider, NULL);
	if (submitted < 0) {
		grpc_call_free(call);
		return fail(e, ERR_INTERNAL, "open a call: %s", nghttp2_strerror(submitted));
	}
	assert((uint32_t)submitted == stream_id);
	*id = call->id;
	return true;
}
