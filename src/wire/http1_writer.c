#include "wire/http1_writer.h"

#include <assert.h>
#include <http_parser.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "wire/http1.h"

/* Longest value http1_write_headerf() makes. */
#define HEADERF_MAX 1024

/* Text that stays on its line. */
static void put_text(struct buf *out, const char *text, size_t len)
{
	char *to = buf_extend(out, len);

	for (size_t i = 0; to && i < len; i++)
		to[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
}

static const char *standard_reason(int status)
{
	switch (status) {
#define REASON(number, name, text)                                                                 \
	case number:                                                                               \
		return #text;
		HTTP_STATUS_MAP(REASON)
#undef REASON
	default:
		return "";
	}
}

void http1_write_response(struct http1_writer *w, struct buf *out, const struct http1_head *request,
			  int status, const char *reason)
{
	*w = (struct http1_writer){ .out = out, .is_response = true, .chunked_is_known = true };
	w->switches = status == 101;
	if (request) {
		w->drops_body = request->method && strcmp(request->method, "HEAD") == 0;
		w->chunked_is_known = request->minor >= 1;
		w->says_keep_alive = request->minor == 0;
		w->keep_alive = request->keep_alive;
	}
	if (!reason)
		reason = standard_reason(status);
	buf_printf(out, "HTTP/1.1 %03d ", status);
	put_text(out, reason, strlen(reason));
	buf_append_c(out, "\r\n");
}

/* A blank in the target would begin another word of the request line. */
static void put_target(struct buf *out, struct str target)
{
	for (size_t i = 0; i < target.len; i++) {
		unsigned char c = (unsigned char)target.ptr[i];

		if (c <= ' ' || c >= 0x7f)
			buf_printf(out, "%%%02X", c);
		else
			buf_append_char(out, (char)c);
	}
}

void http1_write_request(struct http1_writer *w, struct buf *out, const char *method,
			 struct str target, const char *host)
{
	*w = (struct http1_writer){ .out = out, .chunked_is_known = true, .keep_alive = true };
	buf_printf(out, "%s ", method);
	put_target(out, target);
	buf_append_c(out, " HTTP/1.1\r\n");
	http1_write_header(w, "Host", host);
}

void http1_write_header(struct http1_writer *w, const char *name, const char *value)
{
	put_text(w->out, name, strlen(name));
	buf_append_c(w->out, ": ");
	put_text(w->out, value, strlen(value));
	buf_append_c(w->out, "\r\n");
}

void http1_write_headerf(struct http1_writer *w, const char *name, const char *format, ...)
{
	char value[HEADERF_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	http1_write_header(w, name, value);
}

void http1_write_close(struct http1_writer *w)
{
	w->keep_alive = false;
}

void http1_write_head_end(struct http1_writer *w, enum http1_framing framing, uint64_t length)
{
	if (framing == HTTP1_CHUNKED && !w->chunked_is_known)
		framing = HTTP1_UNTIL_CLOSE;
	assert(w->is_response || framing != HTTP1_UNTIL_CLOSE);
	w->framing = framing;
	if (framing == HTTP1_UNTIL_CLOSE)
		w->keep_alive = false;
	if (framing == HTTP1_LENGTH) {
		w->left = w->drops_body ? 0 : length;
		http1_write_headerf(w, "Content-Length", "%" PRIu64, length);
	}
	if (framing == HTTP1_CHUNKED)
		http1_write_header(w, "Transfer-Encoding", "chunked");
	if (!w->keep_alive && !w->switches)
		http1_write_header(w, "Connection", "close");
	else if (w->says_keep_alive && !w->switches)
		http1_write_header(w, "Connection", "keep-alive");
	buf_append_c(w->out, "\r\n");
}

void http1_write_body(struct http1_writer *w, struct str bytes)
{
	if (w->drops_body || bytes.len == 0)
		return;
	assert(w->framing != HTTP1_NO_BODY);
	if (w->framing == HTTP1_LENGTH) {
		assert(bytes.len <= w->left);
		w->left -= bytes.len;
	}
	if (w->framing != HTTP1_CHUNKED) {
		buf_append_str(w->out, bytes);
		return;
	}
	buf_printf(w->out, "%zx\r\n", bytes.len);
	buf_append_str(w->out, bytes);
	buf_append_c(w->out, "\r\n");
}

void http1_write_end(struct http1_writer *w)
{
	if (w->framing == HTTP1_CHUNKED && !w->drops_body)
		buf_append_c(w->out, "0\r\n\r\n");
	if (w->left > 0)
		w->keep_alive = false;
}

void http1_write_continue(struct buf *out)
{
	buf_append_c(out, "HTTP/1.1 100 Continue\r\n\r\n");
}
