#include "cli/client.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "template/field.h"
#include "template/jsontext.h"
#include "wire/http1.h"

#define READ_SIZE      65536
#define LINE_MAX_BYTES ((size_t)16 << 20)
#define REQUEST_MAX    ((size_t)64 << 20)

struct client {
	const struct endpoint *where;
	char version[16];
	int minor;
	int status;
	struct conn idle; /* fd -1: none is kept */
};

struct stream {
	struct client *client;
	struct conn conn;
	struct http1 http;
	char bytes[READ_SIZE];
	struct str unread; /* bytes that the parser has not seen */
	struct str piece;  /* body that nobody has taken */
	struct buf
		line; /* the part of a line that is here; its first line_done bytes are used up */
	size_t line_done;
	bool ended, broken;
};

struct client *client_new(const struct endpoint *where)
{
	struct client *c = NEW(struct client);

	c->where = where;
	c->idle.fd = -1;
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	conn_close(&c->idle);
	free(c);
}

const char *client_version(const struct client *c)
{
	return c->version;
}

bool client_speaks(const struct client *c, int minor)
{
	return c->minor >= minor;
}

int client_status(const struct client *c)
{
	return c->status;
}

static bool is_plain(char c, const char *also)
{
	return isalnum((unsigned char)c) || (c && strchr("-_.~", c)) || (c && strchr(also, c));
}

static void escape(struct buf *b, const char *text, const char *also_plain)
{
	for (; *text; text++) {
		if (is_plain(*text, also_plain))
			buf_append_char(b, *text);
		else
			buf_printf(b, "%%%02X", (unsigned char)*text);
	}
}

char *path_of(const char *format, ...)
{
	struct buf b = BUF_MAX(65536);
	va_list args;

	va_start(args, format);
	for (const char *at = format; *at; at++) {
		if (at[0] == '%' && at[1] == 's') {
			escape(&b, va_arg(args, const char *), "/:@+,=$!*'()");
			at++;
		} else {
			buf_append_char(&b, *at);
		}
	}
	va_end(args);
	return buf_steal(&b);
}

void query_add(struct query *q, const char *name, const char *value)
{
	buf_printf(&q->text, "%s%s=", q->text.len ? "&" : "", name);
	escape(&q->text, value, "");
}

void query_add_int(struct query *q, const char *name, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	query_add(q, name, text);
}

void query_add_flag(struct query *q, const char *name, bool value)
{
	if (value)
		query_add(q, name, "1");
}

void query_add_filters(struct query *q, const char *const *pairs, size_t count)
{
	AUTO_BUF struct buf text = BUF_MAX(65536);
	AUTO_JSON json_t *filters = json_object();

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct str name, value;
		AUTO_FREE char *key = NULL, *wanted = NULL;
		json_t *set;

		str_cut(str_of(pairs[i]), '=', &name, &value);
		key = str_dup(str_trim(name));
		wanted = str_dup(str_trim(value));
		for (char *at = key; *at; at++)
			*at = (char)tolower((unsigned char)*at);
		set = json_object_get(filters, key);
		if (!set) {
			set = json_object();
			json_object_set_new(filters, key, set);
		}
		json_object_set_new(set, wanted, json_true());
	}
	jsontext_write(filters, true, false, &text);
	query_add(q, "filters", buf_str(&text).ptr);
}

static void write_head(const struct client *c, const struct request *r, size_t body_size,
		       struct buf *out)
{
	const struct endpoint *where = c->where;
	bool has_query = r->query && r->query->text.len;

	buf_printf(out, "%s %s%s%s%s%s HTTP/1.1\r\n", r->method, c->version[0] ? "/v" : "",
		   c->version, r->path, has_query ? "?" : "", has_query ? r->query->text.data : "");
	if (where->socket_path)
		buf_append_c(out, "Host: localhost\r\n");
	else
		buf_printf(out, "Host: %s:%s\r\n", where->host, where->port);
	buf_append_c(out, "User-Agent: shoal/" SHOAL_VERSION " (linux)\r\n");
	if (r->auth)
		buf_printf(out, "X-Registry-Auth: %s\r\n", r->auth);
	if (r->upgrade)
		buf_append_c(out, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
	if (r->json)
		buf_append_c(out, "Content-Type: application/json\r\n");
	else if (r->content_type)
		buf_printf(out, "Content-Type: %s\r\n", r->content_type);
	if (r->body_fd > 0)
		buf_append_c(out, "Transfer-Encoding: chunked\r\n");
	else if (body_size || strcmp(r->method, "POST") == 0)
		buf_printf(out, "Content-Length: %zu\r\n", body_size);
	buf_append_c(out, "\r\n");
}

/* Send what body_fd yields. A daemon that answers early stops reading: that is not our failure. */
static bool send_chunks(struct conn *conn, int fd, struct err *e)
{
	char bytes[32768], head[24];
	struct err ignored;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_sys(e, errno, "reading the input");
		(void)snprintf(head, sizeof(head), "%zx\r\n", (size_t)n);
		if (!conn_write(conn, head, strlen(head), &ignored) ||
		    !conn_write(conn, bytes, (size_t)n, &ignored) ||
		    !conn_write(conn, "\r\n", 2, &ignored))
			return true;
	}
	(void)!conn_write(conn, "0\r\n\r\n", 5, &ignored);
	return true;
}

static bool send_request(struct stream *s, const struct request *r, struct err *e)
{
	AUTO_BUF struct buf out = BUF_MAX(REQUEST_MAX), body = BUF_MAX(REQUEST_MAX / 2);

	if (r->json) {
		jsontext_write(r->json, false, false, &body);
		buf_append_char(&body, '\n');
	}
	write_head(s->client, r, body.len, &out);
	buf_append_str(&out, buf_str(&body));
	if (out.overflow || body.overflow)
		return fail(e, ERR_EXHAUSTED, "the request is too large");
	if (!conn_write(&s->conn, out.data, out.len, e))
		return false;
	return r->body_fd <= 0 || send_chunks(&s->conn, r->body_fd, e);
}

/* Read more bytes for the parser. False: *got_end or failure. */
static bool fill(struct stream *s, bool *got_end, struct err *e)
{
	ssize_t n = conn_read(&s->conn, s->bytes, sizeof(s->bytes), e);

	*got_end = n == 0;
	if (n <= 0)
		return false;
	s->unread = str_bytes(s->bytes, (size_t)n);
	return true;
}

static bool read_head(struct stream *s, bool *is_stale, struct err *e)
{
	bool got_end = false, got_bytes = false;

	for (;;) {
		enum http1_event event = http1_next(&s->http, &s->unread, &s->piece, e);

		if (event == HTTP1_FAILED)
			return while_doing(e, "the daemon's answer makes no sense");
		if (event == HTTP1_HEAD)
			return true;
		assert(event == HTTP1_MORE);
		if (!fill(s, &got_end, e)) {
			*is_stale = !got_bytes;
			return got_end ? fail(e, ERR_UNAVAILABLE,
					      "the daemon closed the connection without an answer")
				       : false;
		}
		got_bytes = true;
	}
}

/* One exchange up to the answer's head, on the kept connection if there is one. */
static struct stream *begin(struct client *c, const struct request *r, struct err *e)
{
	bool was_kept = c->idle.fd >= 0, is_stale = false;
	struct stream *s = NEW(struct stream);

	s->client = c;
	s->line = BUF_MAX(LINE_MAX_BYTES);
	s->conn.fd = -1;
	http1_init(&s->http, HTTP1_CLIENT);
	if (was_kept) {
		s->conn = c->idle;
		c->idle = (struct conn){ .fd = -1 };
	} else if (!conn_open(&s->conn, c->where, e)) {
		stream_free(s);
		return NULL;
	}
	if (strcmp(r->method, "HEAD") == 0)
		http1_expect_no_body(&s->http);
	is_stale = true;
	if (send_request(s, r, e) && read_head(s, &is_stale, e)) {
		c->status = http1_head(&s->http)->status;
		return s;
	}
	s->broken = true;
	stream_free(s);
	/* The daemon may close a kept connection at any time; a stream from a file cannot be sent twice. */
	if (was_kept && is_stale && r->body_fd <= 0)
		return begin(c, r, e);
	return NULL;
}

ssize_t stream_read(struct stream *s, void *into, size_t size, struct err *e)
{
	size_t n;

	while (s->piece.len == 0) {
		enum http1_event event;
		bool got_end;

		if (s->ended)
			return 0;
		event = http1_next(&s->http, &s->unread, &s->piece, e);
		if (event == HTTP1_MORE && !fill(s, &got_end, e)) {
			if (!got_end)
				return s->broken = true, -1;
			event = http1_finish(&s->http, e);
			s->broken = true;
			s->ended = true;
			if (event == HTTP1_FAILED)
				return while_doing(e, "the daemon broke off"), -1;
		}
		if (event == HTTP1_FAILED)
			return s->broken = true, -1;
		s->ended = s->ended || event == HTTP1_END;
	}
	n = s->piece.len < size ? s->piece.len : size;
	memcpy(into, s->piece.ptr, n);
	s->piece = str_bytes(s->piece.ptr + n, s->piece.len - n);
	return (ssize_t)n;
}

/* Take a complete line out of the bytes that are here. */
static bool take_line(struct stream *s, bool at_end, struct str *line)
{
	struct str rest;

	buf_consume(&s->line, s->line_done);
	s->line_done = 0;
	if (!str_cut(buf_str(&s->line), '\n', line, &rest) && !(at_end && s->line.len))
		return false;
	s->line_done = line->len + (line->len < s->line.len);
	if (line->len && line->ptr[line->len - 1] == '\r')
		line->len--;
	return true;
}

bool stream_line(struct stream *s, struct str *line, bool *ended, struct err *e)
{
	char bytes[4096];

	*ended = false;
	for (;;) {
		ssize_t n;

		if (take_line(s, false, line)) {
			if (line->len)
				return true;
			continue;
		}
		n = stream_read(s, bytes, sizeof(bytes), e);
		if (n < 0)
			return false;
		if (n == 0)
			return take_line(s, true, line) || (*ended = true, false);
		if (!buf_append(&s->line, bytes, (size_t)n))
			return fail(e, ERR_EXHAUSTED, "a line of the daemon's answer is too long");
	}
}

struct str stream_header(const struct stream *s, const char *name)
{
	return http1_field(http1_head(&s->http), name);
}

int stream_status(const struct stream *s)
{
	return http1_head(&s->http)->status;
}

struct conn *stream_conn(struct stream *s)
{
	return &s->conn;
}

struct str stream_early_bytes(struct stream *s)
{
	return s->unread;
}

int stream_fd(const struct stream *s)
{
	return s->conn.fd;
}

/* A connection that has answered in full and may go on is kept, one of them. */
static bool can_be_kept(struct stream *s)
{
	return s->ended && !s->broken && s->unread.len == 0 && s->client->idle.fd < 0 &&
	       http1_head(&s->http)->keep_alive;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	if (s->conn.fd >= 0 && !s->broken && can_be_kept(s))
		s->client->idle = s->conn;
	else
		conn_close(&s->conn);
	http1_clear(&s->http);
	buf_clear(&s->line);
	free(s);
}

static enum err_kind kind_of_status(int status)
{
	switch (status) {
	case 400:
		return ERR_INVALID;
	case 401:
		return ERR_UNAUTHENTICATED;
	case 403:
		return ERR_DENIED;
	case 404:
		return ERR_NOT_FOUND;
	case 409:
		return ERR_CONFLICT;
	case 501:
		return ERR_UNSUPPORTED;
	case 503:
		return ERR_UNAVAILABLE;
	default:
		return ERR_INTERNAL;
	}
}

static bool read_all(struct stream *s, struct buf *body, struct err *e)
{
	char bytes[16384];
	ssize_t n;

	while ((n = stream_read(s, bytes, sizeof(bytes), e)) > 0)
		if (!buf_append(body, bytes, (size_t)n))
			return fail(e, ERR_EXHAUSTED, "the daemon's answer is too large");
	return n == 0;
}

/* The sentence of an error answer; the stream is read to its end. */
static bool refused(struct stream *s, const struct request *r, struct err *e)
{
	AUTO_BUF struct buf body = BUF_MAX((size_t)1 << 20);
	AUTO_JSON json_t *json = NULL;
	int status = stream_status(s);
	struct str said;

	if (!read_all(s, &body, e))
		return false;
	said = str_trim(buf_str(&body));
	json = json_loadb(said.ptr, said.len, 0, NULL);
	if (json_is_string(field_at(json, "message")))
		said = str_trim(str_of(field_text(json, "message")));
	if (said.len)
		return fail(e, kind_of_status(status), "Error response from daemon: %.*s",
			    STR_FMT(said));
	return fail(
		e, kind_of_status(status),
		"request returned %d for API route and version %s, check if the server supports the "
		"requested API version",
		status, r->path);
}

static int minor_of(struct str version)
{
	uint64_t minor = 0;

	if (!str_starts_with(version, "1.") ||
	    !str_to_u64(str_bytes(version.ptr + 2, version.len - 2), &minor) || minor > 9999)
		return 0;
	return (int)minor;
}

static void set_version(struct client *c, int minor)
{
	c->minor = minor;
	(void)snprintf(c->version, sizeof(c->version), "1.%d", minor);
}

bool client_connect(struct client *c, struct err *e)
{
	const char *forced = getenv("DOCKER_API_VERSION");
	struct request ping = { .method = "HEAD", .path = "/_ping" };
	struct stream *s;
	int theirs;
	char byte;

	if (c->version[0])
		return true;
	if (forced && *forced) {
		set_version(c, minor_of(str_of(forced)));
		return true;
	}
	s = begin(c, &ping, e);
	if (s && stream_status(s) != 200) {
		stream_free(s);
		ping.method = "GET";
		s = begin(c, &ping, e);
	}
	if (!s)
		return false;
	theirs = minor_of(stream_header(s, "Api-Version"));
	if (!theirs)
		theirs = CLIENT_MINOR_MIN;
	set_version(c, theirs < CLIENT_MINOR_MAX ? theirs : CLIENT_MINOR_MAX);
	while (stream_read(s, &byte, 1, e) > 0)
		;
	stream_free(s);
	return true;
}

struct stream *client_open(struct client *c, const struct request *r, struct err *e)
{
	struct stream *s;

	if (!client_connect(c, e))
		return NULL;
	s = begin(c, r, e);
	if (s && stream_status(s) >= 400) {
		refused(s, r, e);
		stream_free(s);
		return NULL;
	}
	return s;
}

static bool call_text(struct client *c, const struct request *r, struct buf *body, struct err *e)
{
	struct stream *s = client_open(c, r, e);
	bool ok;

	if (!s)
		return false;
	ok = read_all(s, body, e);
	stream_free(s);
	return ok;
}

static bool parse_answer(const struct buf *body, json_t **answer, struct err *e)
{
	json_error_t why;

	*answer = json_loadb(buf_str(body).ptr, body->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (!*answer)
		return fail(e, ERR_INTERNAL, "the daemon's answer is no JSON: %s", why.text);
	return true;
}

bool client_call(struct client *c, const struct request *r, json_t **answer, struct err *e)
{
	AUTO_BUF struct buf body = BUF_MAX(CLIENT_BODY_MAX);

	if (answer)
		*answer = NULL;
	if (!call_text(c, r, &body, e))
		return false;
	return !answer || body.len == 0 || parse_answer(&body, answer, e);
}

json_t *client_get(struct client *c, const char *path, const struct query *q, struct err *e)
{
	struct request r = { .method = "GET", .path = path, .query = q };
	json_t *answer;

	if (!client_call(c, &r, &answer, e))
		return NULL;
	if (!answer)
		fail(e, ERR_INTERNAL, "the daemon's answer is empty");
	return answer;
}

bool client_get_text(struct client *c, const char *path, const struct query *q, struct buf *text,
		     struct err *e)
{
	struct request r = { .method = "GET", .path = path, .query = q };

	return call_text(c, &r, text, e);
}

bool client_post(struct client *c, const char *path, const struct query *q, const json_t *body,
		 json_t **answer, struct err *e)
{
	struct request r = { .method = "POST", .path = path, .query = q, .json = body };

	return client_call(c, &r, answer, e);
}

bool client_delete(struct client *c, const char *path, const struct query *q, json_t **answer,
		   struct err *e)
{
	struct request r = { .method = "DELETE", .path = path, .query = q };

	return client_call(c, &r, answer, e);
}
