#include <assert.h>
#include <stdio.h>

#include "host/stream_inside.h"

/* Room for a head of an answer. */
#define HEAD_MAX (256 << 10)

bool conn_request_is_complete(struct conn *c)
{
	struct str none = STR(""), piece;
	struct err e;

	if (c->state == CONN_ANSWERING || c->state == CONN_RAW)
		return true;
	/* Not asked for, and there may be none: the parser knows without another byte. */
	if ((c->state == CONN_ANNOUNCED || c->state == CONN_LEFT) &&
	    http1_next(&c->http, &none, &piece, &e) == HTTP1_END) {
		c->state = CONN_ANSWERING;
		return true;
	}
	return false;
}

void conn_linger(struct conn *c)
{
	c->state = CONN_LINGERING;
	channel_end(&c->channel);
	conn_post_work(c);
}

static void finish_answer(struct conn *c)
{
	bool goes_on = c->writer.keep_alive && c->state == CONN_ANSWERING && !c->has_half_closed &&
		       !c->feed.endpoint && !c->pour.endpoint;

	conn_forget_exchange(c);
	arena_clear(&c->memory);
	buf_clear(&c->body);
	c->wants_drained = false;
	c->answer = ANSWER_WHOLE;
	if (!goes_on) {
		conn_linger(c);
		return;
	}
	c->state = CONN_HEAD;
	c->answer = ANSWER_NONE;
	conn_post_work(c);
}

static void write_head(struct conn *c, struct buf *out, int status,
		       const struct stream_header *headers, size_t header_count,
		       enum http1_framing framing, uint64_t length)
{
	bool reads_on = c->state == CONN_FEEDING || conn_request_is_complete(c);

	http1_write_response(&c->writer, out, http1_head(&c->http), status,
			     status == 101 ? "UPGRADED" : NULL);
	for (size_t i = 0; i < header_count; i++)
		http1_write_header(&c->writer, headers[i].name, headers[i].value);
	if (!reads_on)
		http1_write_close(&c->writer);
	http1_write_head_end(&c->writer, framing, length);
}

static bool has_no_body(int status)
{
	return status < 200 || status == 204 || status == 304;
}

void conn_reply(struct conn *c, int status, const struct stream_header *headers,
		size_t header_count, struct str body)
{
	AUTO_BUF struct buf out = BUF_MAX(HEAD_MAX + body.len);

	assert(c->answer == ANSWER_NONE);
	if (has_no_body(status)) {
		write_head(c, &out, status, headers, header_count, HTTP1_NO_BODY, 0);
	} else {
		write_head(c, &out, status, headers, header_count, HTTP1_LENGTH, body.len);
		http1_write_body(&c->writer, body);
	}
	http1_write_end(&c->writer);
	channel_write(&c->channel, buf_str(&out));
	finish_answer(c);
}

void conn_open(struct conn *c, int status, const struct stream_header *headers, size_t header_count)
{
	AUTO_BUF struct buf out = BUF_MAX(HEAD_MAX);

	assert(c->answer == ANSWER_NONE);
	write_head(c, &out, status, headers, header_count, HTTP1_CHUNKED, 0);
	c->answer = ANSWER_OPEN;
	channel_write(&c->channel, buf_str(&out));
	conn_post_work(c);
}

void conn_send_chunk(struct conn *c, struct str bytes)
{
	AUTO_BUF struct buf out = BUF_MAX(bytes.len + 64);

	c->writer.out = &out;
	http1_write_body(&c->writer, bytes);
	channel_write(&c->channel, buf_str(&out));
	c->writer.out = NULL;
}

void conn_write(struct conn *c, struct str record)
{
	size_t queued = channel_queued(&c->channel);

	assert(c->answer == ANSWER_OPEN);
	if (queued > 0 && queued + record.len > STREAM_QUEUE_MAX) {
		c->gone_reason = "the client reads too slowly";
		conn_post_work(c);
		return;
	}
	conn_send_chunk(c, record);
	c->wants_drained = true;
	conn_post_work(c);
}

void conn_end(struct conn *c)
{
	AUTO_BUF struct buf out = BUF_MAX(64);

	assert(c->answer == ANSWER_OPEN);
	c->writer.out = &out;
	http1_write_end(&c->writer);
	channel_write(&c->channel, buf_str(&out));
	c->writer.out = NULL;
	finish_answer(c);
}

static void answer_upgrade(struct conn *c, enum stream_filter filter, const char *content_type)
{
	bool wants_upgrade = http1_head(&c->http)->upgrade;
	struct stream_header headers[] = {
		{ "Content-Type", content_type },
		{ "Connection", "Upgrade" },
		{ "Upgrade", "tcp" },
	};
	AUTO_BUF struct buf out = BUF_MAX(HEAD_MAX);

	assert(c->answer == ANSWER_NONE);
	write_head(c, &out, wants_upgrade ? 101 : 200, headers, wants_upgrade ? 3 : 1,
		   wants_upgrade ? HTTP1_NO_BODY : HTTP1_UNTIL_CLOSE, 0);
	channel_write(&c->channel, buf_str(&out));
	c->answer = ANSWER_RAW;
	c->filter = filter;
}

void conn_upgrade(struct conn *c, uint64_t endpoint, enum stream_filter filter,
		  const char *content_type)
{
	answer_upgrade(c, filter, content_type);
	c->state = conn_request_is_complete(c) ? CONN_RAW : CONN_SKIPPING;
	conn_join_raw(c, endpoint);
	conn_post_work(c);
}

void conn_upgrade_in_vain(struct conn *c, enum stream_filter filter, const char *content_type,
			  struct str text)
{
	answer_upgrade(c, filter, content_type);
	conn_send_raw(c, text);
	conn_forget_exchange(c);
	conn_linger(c);
}

static void say_continue(struct conn *c)
{
	AUTO_BUF struct buf out = BUF_MAX(64);

	if (!http1_head(&c->http)->expects_continue)
		return;
	http1_write_continue(&out);
	channel_write(&c->channel, buf_str(&out));
}

void conn_begin(struct conn *c, bool collect_body)
{
	if (c->state != CONN_ANNOUNCED)
		return;
	c->state = collect_body ? CONN_COLLECTING : CONN_LEFT;
	if (collect_body && http1_head(&c->http)->length > STREAM_BODY_MAX)
		c->is_too_large = true;
	else if (collect_body)
		say_continue(c);
	conn_post_work(c);
}

void conn_join(struct conn *c, uint64_t endpoint, enum stream_filter filter)
{
	c->filter = filter;
	if (c->answer == ANSWER_OPEN) {
		conn_join_pour(c, endpoint);
	} else {
		assert(c->answer == ANSWER_NONE &&
		       (c->state == CONN_LEFT || c->state == CONN_ANNOUNCED));
		c->state = CONN_FEEDING;
		say_continue(c);
		conn_join_feed(c, endpoint);
	}
	conn_post_work(c);
}

void conn_cut(struct conn *c, const char *reason)
{
	(void)snprintf(c->cut_reason, sizeof(c->cut_reason), "%s", reason);
	c->gone_reason = c->cut_reason;
	conn_forget_exchange(c);
	conn_post_work(c);
}

static void write_json_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char ch = (unsigned char)*text;

		if (ch == '"' || ch == '\\')
			buf_printf(out, "\\%c", ch);
		else if (ch < ' ' || ch >= 0x7f)
			buf_printf(out, "\\u%04x", ch);
		else
			buf_append_char(out, (char)ch);
	}
}

void conn_refuse(struct conn *c, int status, const char *message)
{
	AUTO_BUF struct buf out = BUF_MAX(HEAD_MAX), body = BUF_MAX(8192);
	uint64_t exchange = c->exchange;

	conn_leave_endpoints(c);
	conn_forget_exchange(c);
	buf_append_c(&body, "{\"message\":\"");
	write_json_text(&body, message);
	buf_append_c(&body, "\"}\n");

	http1_write_response(&c->writer, &out, NULL, status, NULL);
	http1_write_header(&c->writer, "Content-Type", "application/json");
	http1_write_close(&c->writer);
	http1_write_head_end(&c->writer, HTTP1_LENGTH, body.len);
	http1_write_body(&c->writer, buf_str(&body));
	http1_write_end(&c->writer);
	channel_write(&c->channel, buf_str(&out));
	c->answer = ANSWER_WHOLE;
	conn_linger(c);
	if (exchange)
		conn_emit(c, &(struct stream_event){
				     .kind = STREAM_GONE, .exchange = exchange, .text = message });
}
