#include "wire/http1.h"

#include <assert.h>
#include <strings.h>

#include "base/err.h"
#include "base/mem.h"

/* The phases follow the bytes of a message. Those that are made of lines are guarded byte by
 * byte before http-parser sees them; each slice it is fed ends where the phase does. */
enum phase {
	PHASE_BEFORE, /* between messages */
	PHASE_HEAD,
	PHASE_FIXED, /* `left` bytes of body */
	PHASE_CHUNK_LINE,
	PHASE_CHUNK,     /* `left` bytes of chunk */
	PHASE_CHUNK_END, /* its CRLF */
	PHASE_TRAILERS,
	PHASE_UNTIL_CLOSE,
	PHASE_END, /* the end is yet to be reported */
	PHASE_FAILED,
};

static bool refuse(struct http1 *h, int status, const char *problem)
{
	if (!h->problem) {
		h->problem = problem;
		h->refusal = status;
	}
	return false;
}

/* ---- what http-parser reports ---- */

static int span_append(struct http1 *h, struct http1_span *s, const char *at, size_t len)
{
	if (s->len == 0)
		s->at = (uint32_t)h->text.len;
	s->len += (uint32_t)len;
	return buf_append(&h->text, at, len) ? 0 : 1;
}

static int on_target(http_parser *p, const char *at, size_t len)
{
	struct http1 *h = p->data;

	return span_append(h, &h->target, at, len);
}

static int on_reason(http_parser *p, const char *at, size_t len)
{
	struct http1 *h = p->data;

	return span_append(h, &h->reason, at, len);
}

static void fields_grow(struct http1 *h)
{
	if (h->field_count < h->field_capacity)
		return;
	h->field_capacity = h->field_capacity ? h->field_capacity * 2 : 16;
	h->fields = xrealloc(h->fields, h->field_capacity * sizeof(*h->fields));
}

static int on_name(http_parser *p, const char *at, size_t len)
{
	struct http1 *h = p->data;

	if (h->got_head)
		return 0; /* a trailer */
	if (h->field_count == 0 || h->in_value) {
		if (h->field_count == HTTP1_HEADERS_MAX)
			return refuse(h, 431, "too many header fields") ? 0 : 1;
		fields_grow(h);
		memset(h->fields[h->field_count++], 0, sizeof(*h->fields));
		h->in_value = false;
	}
	return span_append(h, &h->fields[h->field_count - 1][0], at, len);
}

static int on_value(http_parser *p, const char *at, size_t len)
{
	struct http1 *h = p->data;

	if (h->got_head)
		return 0;
	h->in_value = true;
	return span_append(h, &h->fields[h->field_count - 1][1], at, len);
}

/* Whatever its fields say: RFC 9112 6.3. */
static bool never_has_body(unsigned status)
{
	return status < 200 || status == 204 || status == 304;
}

static int on_head(http_parser *p)
{
	struct http1 *h = p->data;

	h->got_head = true;
	return h->role == HTTP1_CLIENT && (h->no_body || never_has_body(p->status_code)) ? 1 : 0;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
	struct http1 *h = p->data;

	h->body = str_bytes(at, len);
	return 0;
}

static int on_chunk(http_parser *p)
{
	struct http1 *h = p->data;

	h->left = p->content_length;
	return 0;
}

static int on_end(http_parser *p)
{
	struct http1 *h = p->data;

	h->got_end = true;
	return 0;
}

static const http_parser_settings callbacks = {
	.on_url = on_target,
	.on_status = on_reason,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_chunk_header = on_chunk,
	.on_message_complete = on_end,
};

/* ---- the line guard ---- */

static bool is_token_char(char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static void guard_begin(struct http1 *h)
{
	h->line_bytes = 0;
	h->line_is_empty = true;
	h->saw_cr = h->in_extension = false;
	h->blanks = 0;
	h->version_len = 0;
}

/* Look at one byte of a line. False if it may not stand there; *line_ends after CR LF. */
static bool guard_byte(struct http1 *h, char c, bool *line_ends)
{
	*line_ends = false;
	if (h->saw_cr) {
		h->saw_cr = false;
		*line_ends = c == '\n';
		return *line_ends || refuse(h, 400, "CR without LF");
	}
	if (c == '\r') {
		h->saw_cr = true;
		return true;
	}
	if (c == '\n')
		return refuse(h, 400, "LF without CR");
	if (((unsigned char)c < ' ' && c != '\t') || c == 0x7f)
		return refuse(h, 400, "control character in a line");
	return true;
}

/* The first line of a head: only single blanks between its words. Responses may have any
 * number in their reason. */
static bool guard_start_line(struct http1 *h, char c)
{
	if (c == '\t')
		return refuse(h, 400, "tab in the first line");
	if (h->blanks == (h->role == HTTP1_SERVER ? 2 : 0) && h->version_len < sizeof(h->version))
		h->version[h->version_len++] = c;
	if (c != ' ')
		return true;
	h->blanks++;
	if (h->role == HTTP1_SERVER && (h->blanks > 2 || h->line_is_empty))
		return refuse(h, 400, "malformed request line");
	return true;
}

static bool guard_start_line_end(struct http1 *h)
{
	if (h->role == HTTP1_SERVER && h->blanks != 2)
		return refuse(h, 400, "malformed request line");
	if (h->version_len < 8 || memcmp(h->version, "HTTP/", 5) != 0 || h->version[6] != '.')
		return refuse(h, 400, "no HTTP version in the first line");
	return true;
}

/* How many bytes of `in` belong to lines up to the blank one (or to one line, if `single`);
 * *ends when it is among them. False if one is refused. */
static bool guard_lines(struct http1 *h, struct str in, size_t max, bool single, size_t *taken,
			bool *ends)
{
	size_t i;

	*ends = false;
	for (i = 0; i < in.len && !*ends; i++) {
		char c = in.ptr[i];
		bool in_first_line = h->phase == PHASE_HEAD && h->blanks >= 0;
		bool line_ends;

		if (++h->line_bytes > max)
			return refuse(h, h->phase == PHASE_HEAD ? 431 : 400,
				      h->phase == PHASE_HEAD ? "header fields too large"
							     : "chunk framing too large");
		if (!guard_byte(h, c, &line_ends))
			return false;
		if (line_ends) {
			*ends = single || h->line_is_empty;
			if (in_first_line && !guard_start_line_end(h))
				return false;
			h->blanks = -1;
			h->line_is_empty = true;
			continue;
		}
		if (c == '\r')
			continue;
		if (in_first_line && !guard_start_line(h, c))
			return false;
		if (!in_first_line && h->line_is_empty && !single && (c == ' ' || c == '\t'))
			return refuse(h, 400, "folded header line");
		h->line_is_empty = false;
	}
	*taken = i;
	return true;
}

/* A size line is hex digits, then perhaps ";" and an extension. */
static bool guard_chunk_line(struct http1 *h, struct str line)
{
	for (size_t i = 0; i < line.len; i++) {
		char c = line.ptr[i];

		if (h->in_extension || c == ';' || c == '\r' || c == '\n')
			h->in_extension = h->in_extension || c == ';';
		else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			   (c >= 'A' && c <= 'F')))
			return refuse(h, 400, "malformed chunk size");
	}
	return true;
}

/* ---- a complete head ---- */

static struct str span_str(const struct http1 *h, struct http1_span s)
{
	return s.len ? str_bytes(h->text.data + s.at, s.len) : STR("");
}

static bool str_is(struct str s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

static size_t field_occurrences(const struct http1_head *head, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < head->header_count; i++)
		n += str_is(head->headers[i].name, name);
	return n;
}

static void headers_resolve(struct http1 *h)
{
	h->headers = xrealloc(h->headers, h->field_capacity * sizeof(*h->headers) + 1);
	for (size_t i = 0; i < h->field_count; i++) {
		h->headers[i].name = span_str(h, h->fields[i][0]);
		h->headers[i].value = str_trim(span_str(h, h->fields[i][1]));
	}
	h->head.headers = h->headers;
	h->head.header_count = h->field_count;
}

static bool names_are_tokens(struct http1 *h)
{
	for (size_t i = 0; i < h->field_count; i++)
		for (size_t k = 0; k < h->headers[i].name.len; k++)
			if (!is_token_char(h->headers[i].name.ptr[k]))
				return refuse(h, 400, "malformed header name");
	return true;
}

static bool check_coding(struct http1 *h)
{
	const struct http1_head *head = &h->head;
	size_t codings = field_occurrences(head, "transfer-encoding");

	if (codings == 0)
		return true;
	if (field_occurrences(head, "content-length") > 0)
		return refuse(h, 400, "Content-Length together with Transfer-Encoding");
	if (head->minor == 0)
		return refuse(h, 400, "Transfer-Encoding in HTTP/1.0");
	if (codings > 1 || !str_is(http1_field(head, "transfer-encoding"), "chunked"))
		return refuse(h, 501, "only the transfer coding \"chunked\" is understood");
	return true;
}

static bool check_request(struct http1 *h)
{
	const struct http1_head *head = &h->head;
	struct str expect = http1_field(head, "expect");

	if (h->parser.method == HTTP_CONNECT)
		return refuse(h, 405, "CONNECT is not served");
	for (size_t i = 0; i < head->target.len; i++)
		if (head->target.ptr[i] <= ' ' || head->target.ptr[i] > '~')
			return refuse(h, 400, "malformed request target");
	if (field_occurrences(head, "host") > 1)
		return refuse(h, 400, "two Host fields");
	if (expect.ptr && !str_is(expect, "100-continue"))
		return refuse(h, 417, "unknown expectation");
	return true;
}

static bool head_complete(struct http1 *h)
{
	struct http1_head *head = &h->head;

	headers_resolve(h);
	head->minor = h->parser.http_minor;
	head->target = span_str(h, h->target);
	head->reason = span_str(h, h->reason);
	head->keep_alive = http_should_keep_alive(&h->parser) != 0;
	head->upgrade = (h->parser.flags & F_UPGRADE) && (h->parser.flags & F_CONNECTION_UPGRADE);
	if (h->parser.http_major != 1 || head->minor > 1)
		return refuse(h, 505, "only HTTP/1.0 and HTTP/1.1 are spoken");
	if (!names_are_tokens(h) || !check_coding(h))
		return false;
	head->expects_continue = h->role == HTTP1_SERVER && http1_field(head, "expect").ptr != NULL;
	if (h->role == HTTP1_CLIENT) {
		head->status = h->parser.status_code;
		return true;
	}
	head->method = http_method_str(h->parser.method);
	return check_request(h);
}

static void choose_body_phase(struct http1 *h)
{
	struct http1_head *head = &h->head;
	bool has_length = http1_field(head, "content-length").ptr != NULL;

	if (h->got_end) {
		h->phase = PHASE_END;
	} else if (h->parser.flags & F_CHUNKED) {
		head->chunked = true;
		guard_begin(h);
		h->phase = PHASE_CHUNK_LINE;
	} else if (has_length) {
		head->length = h->left = h->parser.content_length;
		h->phase = PHASE_FIXED;
	} else {
		head->until_close = true;
		h->phase = PHASE_UNTIL_CLOSE;
	}
}

static void message_begin(struct http1 *h)
{
	http_parser_init(&h->parser, h->role == HTTP1_SERVER ? HTTP_REQUEST : HTTP_RESPONSE);
	h->parser.data = h;
	buf_reset(&h->text);
	h->head = (struct http1_head){ 0 };
	h->target = h->reason = (struct http1_span){ 0 };
	h->field_count = 0;
	h->in_value = h->got_head = h->got_end = false;
	guard_begin(h);
	h->phase = PHASE_HEAD;
}

/* ---- one step ---- */

static int status_of(enum http_errno error)
{
	if (error == HPE_HEADER_OVERFLOW)
		return 431;
	return error == HPE_INVALID_TRANSFER_ENCODING ? 501 : 400;
}

/* Give the parser the first n bytes of *in. */
static bool feed(struct http1 *h, struct str *in, size_t n)
{
	size_t eaten = http_parser_execute(&h->parser, &callbacks, in->ptr, n);
	enum http_errno error = HTTP_PARSER_ERRNO(&h->parser);

	if (error != HPE_OK)
		return refuse(h, status_of(error), http_errno_description(error));
	if (eaten != n)
		return refuse(h, 400, "message ended too early");
	in->ptr += n;
	in->len -= n;
	return true;
}

static enum http1_event failed(struct http1 *h, struct err *e)
{
	h->phase = PHASE_FAILED;
	if (h->role == HTTP1_SERVER)
		(void)fail(e, ERR_INVALID, "malformed HTTP request: %s", h->problem);
	else
		(void)fail(e, ERR_INTERNAL, "malformed HTTP response: %s", h->problem);
	return HTTP1_FAILED;
}

static enum http1_event read_head(struct http1 *h, struct str *in, struct err *e)
{
	size_t n;
	bool ends;

	if (!guard_lines(h, *in, HTTP1_HEAD_MAX, false, &n, &ends) || !feed(h, in, n))
		return failed(h, e);
	if (!ends)
		return HTTP1_MORE;
	if (!h->got_head) {
		refuse(h, 400, "malformed head");
		return failed(h, e);
	}
	if (!head_complete(h))
		return failed(h, e);
	choose_body_phase(h);
	h->skip_interim = h->role == HTTP1_CLIENT && h->head.status < 200 && h->head.status != 101;
	if (!h->skip_interim)
		h->no_body = false;
	return h->skip_interim ? HTTP1_MORE : HTTP1_HEAD;
}

static enum http1_event read_counted(struct http1 *h, struct str *in, struct str *body,
				     struct err *e)
{
	size_t n = h->left < in->len ? (size_t)h->left : in->len;

	h->body = STR("");
	if (!feed(h, in, n))
		return failed(h, e);
	h->left -= n;
	if (h->left == 0)
		h->phase = h->phase == PHASE_FIXED ? PHASE_END : PHASE_CHUNK_END;
	guard_begin(h);
	*body = h->body;
	return HTTP1_BODY;
}

/* The lines of chunked framing: a size line, the line end after a chunk, the trailers. */
static enum http1_event read_framing(struct http1 *h, struct str *in, struct err *e)
{
	bool single = h->phase != PHASE_TRAILERS;
	size_t max = h->phase == PHASE_CHUNK_LINE  ? HTTP1_CHUNK_LINE_MAX
		     : h->phase == PHASE_CHUNK_END ? 2
						   : HTTP1_TRAILERS_MAX;
	size_t n;
	bool ends;

	if (!guard_lines(h, *in, max, single, &n, &ends))
		return failed(h, e);
	if (h->phase == PHASE_CHUNK_LINE && !guard_chunk_line(h, str_bytes(in->ptr, n)))
		return failed(h, e);
	if (!feed(h, in, n))
		return failed(h, e);
	if (!ends)
		return HTTP1_MORE;
	guard_begin(h);
	if (h->phase == PHASE_CHUNK_LINE)
		h->phase = h->left ? PHASE_CHUNK : PHASE_TRAILERS;
	else
		h->phase = h->phase == PHASE_CHUNK_END ? PHASE_CHUNK_LINE : PHASE_END;
	return HTTP1_MORE;
}

static enum http1_event read_until_close(struct http1 *h, struct str *in, struct str *body,
					 struct err *e)
{
	if (!feed(h, in, in->len))
		return failed(h, e);
	*body = h->body;
	return HTTP1_BODY;
}

/* Take one slice. HTTP1_MORE here means: nothing to report yet. */
static enum http1_event step(struct http1 *h, struct str *in, struct str *body, struct err *e)
{
	switch ((enum phase)h->phase) {
	case PHASE_BEFORE:
		message_begin(h);
		return read_head(h, in, e);
	case PHASE_HEAD:
		return read_head(h, in, e);
	case PHASE_FIXED:
	case PHASE_CHUNK:
		return read_counted(h, in, body, e);
	case PHASE_CHUNK_LINE:
	case PHASE_CHUNK_END:
	case PHASE_TRAILERS:
		return read_framing(h, in, e);
	case PHASE_UNTIL_CLOSE:
		return read_until_close(h, in, body, e);
	case PHASE_END:
	case PHASE_FAILED:
		break;
	}
	abort();
}

void http1_init(struct http1 *h, enum http1_role role)
{
	*h = (struct http1){ .role = role, .text = BUF_MAX(HTTP1_HEAD_MAX) };
}

void http1_clear(struct http1 *h)
{
	buf_clear(&h->text);
	free(h->fields);
	free(h->headers);
	h->fields = NULL;
	h->headers = NULL;
	h->field_count = h->field_capacity = 0;
}

enum http1_event http1_next(struct http1 *h, struct str *in, struct str *body, struct err *e)
{
	enum http1_event event = HTTP1_MORE;

	assert(h->phase != PHASE_FAILED);
	while (event == HTTP1_MORE) {
		if (h->phase == PHASE_END) {
			h->phase = PHASE_BEFORE;
			if (!h->skip_interim)
				return HTTP1_END;
			h->skip_interim = false;
		}
		if (in->len == 0)
			return HTTP1_MORE;
		h->parser.data = h; /* the struct may have moved */
		event = step(h, in, body, e);
	}
	return event;
}

enum http1_event http1_finish(struct http1 *h, struct err *e)
{
	assert(h->phase != PHASE_FAILED);
	if (h->phase == PHASE_BEFORE)
		return HTTP1_MORE;
	if (h->phase == PHASE_UNTIL_CLOSE || h->phase == PHASE_END) {
		h->phase = PHASE_BEFORE;
		return HTTP1_END;
	}
	h->phase = PHASE_FAILED;
	h->refusal = 400;
	(void)fail(e, ERR_UNAVAILABLE, "connection closed in the middle of an HTTP %s",
		   h->role == HTTP1_SERVER ? "request" : "response");
	return HTTP1_FAILED;
}

const struct http1_head *http1_head(const struct http1 *h)
{
	return &h->head;
}

void http1_expect_no_body(struct http1 *h)
{
	assert(h->role == HTTP1_CLIENT && h->phase != PHASE_HEAD);
	h->no_body = true;
}

int http1_refusal(const struct http1 *h)
{
	return h->refusal;
}

struct str http1_field(const struct http1_head *head, const char *name)
{
	for (size_t i = 0; i < head->header_count; i++)
		if (str_is(head->headers[i].name, name))
			return head->headers[i].value;
	return (struct str){ 0 };
}
