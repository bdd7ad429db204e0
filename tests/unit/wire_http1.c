#include "wire/http1.h"

#include "base/err.h"
#include "base/mem.h"
#include "test.h"

/* A transcript of the events of `bytes`, fed `step` at a time: "[GET /a keep] body(hi) end ". */
struct transcript {
	struct buf text;
	enum http1_event last;
	int refusal;
	struct err e;
};

static void note_head(struct buf *out, const struct http1_head *head)
{
	if (head->method)
		buf_printf(out, "[%s %.*s", head->method, STR_FMT(head->target));
	else
		buf_printf(out, "[%d %.*s", head->status, STR_FMT(head->reason));
	buf_printf(out, "%s%s%s%s%s] ", head->keep_alive ? " keep" : "",
		   head->upgrade ? " upgrade" : "", head->expects_continue ? " expects" : "",
		   head->chunked ? " chunked" : "", head->until_close ? " until-close" : "");
}

/* Bodies are joined, so that the transcript does not depend on the step. */
static void read_all(struct transcript *t, enum http1_role role, const char *bytes, size_t step,
		     bool no_body)
{
	bool in_body = false;
	struct http1 h;

	*t = (struct transcript){ .text = BUF_MAX(100000) };
	http1_init(&h, role);
	if (no_body)
		http1_expect_no_body(&h);
	for (size_t at = 0, len = strlen(bytes); at < len && t->last != HTTP1_FAILED; at += step) {
		struct str in = str_bytes(bytes + at, len - at < step ? len - at : step), body;

		while ((t->last = http1_next(&h, &in, &body, &t->e)) != HTTP1_MORE &&
		       t->last != HTTP1_FAILED) {
			if (in_body && t->last != HTTP1_BODY)
				buf_append_c(&t->text, ") ");
			if (t->last == HTTP1_HEAD)
				note_head(&t->text, http1_head(&h));
			else if (t->last == HTTP1_BODY)
				buf_printf(&t->text, "%s%.*s", in_body ? "" : "body(",
					   STR_FMT(body));
			else
				buf_append_c(&t->text, "end ");
			in_body = t->last == HTTP1_BODY;
		}
	}
	if (t->last != HTTP1_FAILED)
		t->last = http1_finish(&h, &t->e);
	if (t->last == HTTP1_END)
		buf_append_c(&t->text, in_body ? ") end" : "end");
	t->refusal = http1_refusal(&h);
	http1_clear(&h);
}

static void check_reads(enum http1_role role, const char *bytes, const char *want, bool no_body)
{
	for (size_t step = 1; step <= strlen(bytes); step++) {
		struct transcript t;
		bool same;

		read_all(&t, role, bytes, step, no_body);
		same = strcmp(t.text.data ? t.text.data : "", want) == 0;
		if (t.last == HTTP1_FAILED)
			printf("  step %zu: %s\n", step, t.e.text);
		else if (!same)
			printf("  step %zu: %s\n", step, t.text.data);
		buf_clear(&t.text);
		CHECK(t.last != HTTP1_FAILED && same);
	}
}

static void check_refuses(enum http1_role role, const char *bytes, int status, const char *why)
{
	for (size_t step = 1; step <= strlen(bytes); step++) {
		struct transcript t;

		read_all(&t, role, bytes, step, false);
		buf_clear(&t.text);
		if (t.last != HTTP1_FAILED)
			TEST_FAIL("accepted: %s", bytes);
		CHECK_INT(t.refusal, status);
		if (!strstr(t.e.text, why))
			TEST_FAIL("\"%s\" does not say \"%s\"", t.e.text, why);
	}
}

TEST(pipelined_requests_come_one_by_one_however_they_are_cut)
{
	check_reads(HTTP1_SERVER,
		    "HEAD /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
		    "POST /a?b=c HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nhello"
		    "GET /x HTTP/1.1\r\nhost: d\r\nConnection: close\r\n\r\n",
		    "[HEAD /_ping keep] end [POST /a?b=c keep] body(hello) end [GET /x] end ",
		    false);
}

TEST(chunks_extensions_and_trailers_are_understood)
{
	check_reads(HTTP1_SERVER,
		    "POST /load HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: Chunked\r\nExpect: "
		    "100-Continue\r\n\r\n"
		    "3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n"
		    "GET / HTTP/1.1\r\n\r\n",
		    "[POST /load keep expects chunked] body(abc0123456789) end [GET / keep] end ",
		    false);
}

TEST(http_1_0_closes_unless_it_says_otherwise)
{
	check_reads(HTTP1_SERVER, "GET / HTTP/1.0\r\n\r\n", "[GET /] end ", false);
	check_reads(HTTP1_SERVER, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
		    "[GET / keep] end ", false);
}

TEST(the_bytes_after_an_upgrade_are_left_for_the_other_protocol)
{
	struct str in = STR("POST /exec/1/start HTTP/1.1\r\nHost: d\r\nConnection: "
			    "Upgrade\r\nUpgrade: tcp\r\n"
			    "Content-Length: 2\r\n\r\n{}stdin bytes"),
		   body;
	struct http1 h;
	struct err e;

	http1_init(&h, HTTP1_SERVER);
	CHECK(http1_next(&h, &in, &body, &e) == HTTP1_HEAD);
	CHECK(http1_head(&h)->upgrade);
	CHECK(http1_next(&h, &in, &body, &e) == HTTP1_BODY && str_equal_c(body, "{}"));
	CHECK(http1_next(&h, &in, &body, &e) == HTTP1_END);
	CHECK(str_equal_c(in, "stdin bytes"));
	http1_clear(&h);
}

TEST(an_upgrade_nobody_takes_up_is_an_ordinary_request)
{
	check_reads(HTTP1_SERVER,
		    "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nGET /2 "
		    "HTTP/1.1\r\n\r\n",
		    "[GET / keep upgrade] end [GET /2 keep] end ", false);
}

TEST(fields_are_found_by_any_case_without_their_blanks)
{
	struct str in = STR("GET / HTTP/1.1\r\nX-Registry-Auth: \t e30= "
			    "\r\nEmpty:\r\nx-registry-auth: 2\r\n\r\n"),
		   body;
	struct http1 h;
	struct err e;

	http1_init(&h, HTTP1_SERVER);
	CHECK(http1_next(&h, &in, &body, &e) == HTTP1_HEAD);
	CHECK_INT(http1_head(&h)->header_count, 3);
	CHECK(str_equal_c(http1_field(http1_head(&h), "x-REGISTRY-auth"), "e30="));
	CHECK(http1_field(http1_head(&h), "empty").ptr &&
	      http1_field(http1_head(&h), "empty").len == 0);
	CHECK(!http1_field(http1_head(&h), "host").ptr);
	http1_clear(&h);
}

TEST(what_two_readers_could_read_differently_is_refused)
{
	static const struct {
		const char *bytes;
		int status;
		const char *why;
	} cases[] = {
		{ "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: "
		  "chunked\r\n\r\n0\r\n\r\n",
		  400, "" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: "
		  "5\r\n\r\n0\r\n\r\n",
		  400, "" },
		{ "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400,
		  "content-length" },
		{ "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\nhello", 400, "content-length" },
		{ "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello", 400, "content-length" },
		{ "POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\nhello", 400, "content-length" },
		{ "POST / HTTP/1.1\r\nContent-Length:\r\n\r\nhello", 400, "content-length" },
		{ "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400,
		  "content-length" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "transfer" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 501,
		  "transfer" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
		  "chunked\r\n\r\n",
		  501, "transfer" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", 501,
		  "transfer-encoding" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", 501,
		  "transfer-encoding" },
		{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "HTTP/1.0" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n", 400, "header name" },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding\v: chunked\r\n\r\n", 400, "" },
		{ "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400, "folded" },
		{ "GET / HTTP/1.1\r\n A: b\r\n\r\n", 400, "folded" },
		{ "GET / HTTP/1.1\nA: b\r\n\r\n", 400, "LF without CR" },
		{ "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", 400, "LF without CR" },
		{ "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", 400, "CR without LF" },
		{ "GET / HTTP/1.1\r\nA: b\r\n\rX", 400, "CR without LF" },
		{ "GET  / HTTP/1.1\r\n\r\n", 400, "request line" },
		{ "GET / x HTTP/1.1\r\n\r\n", 400, "" },
		{ " GET / HTTP/1.1\r\n\r\n", 400, "request line" },
		{ "GET\t/ HTTP/1.1\r\n\r\n", 400, "tab" },
		{ "GET /\r\n\r\n", 400, "request line" },
		{ "\r\nGET / HTTP/1.1\r\n\r\n", 400, "request line" },
		{ "GET /\xc3\xbc HTTP/1.1\r\n\r\n", 400, "target" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "two Host" },
		{ "GET / HTTP/1.1\r\n: b\r\n\r\n", 400, "" },
		{ "GET / HTTP/1.1\r\nA: \x01\r\n\r\n", 400, "" },
		{ "GET / HTTP/1.1\r\nnocolon\r\n\r\n", 400, "" },
		{ "GET / HTTP/2.0\r\n\r\n", 505, "" },
		{ "GET / HTTP/1.2\r\n\r\n", 505, "" },
		{ "GET / HTTX/1.1\r\n\r\n", 400, "version" },
		{ "GET / HTTP/1.1x\r\n\r\n", 400, "" },
		{ "GET / HTTP/11\r\n\r\n", 400, "" },
		{ "CONNECT a:1 HTTP/1.1\r\n\r\n", 405, "CONNECT" },
		{ "GET / HTTP/1.1\r\nExpect: 200-ok\r\n\r\n", 417, "expectation" },
		{ "\x16\x03\x01\x02", 400, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_refuses(HTTP1_SERVER, cases[i].bytes, cases[i].status, cases[i].why);
}

#define CHUNKED "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"

TEST(broken_chunks_are_refused)
{
	static const char *const bad[] = {
		CHUNKED "5\nhello\r\n0\r\n\r\n",     CHUNKED "5\rXhello\r\n0\r\n\r\n",
		CHUNKED "5 \r\nhello\r\n0\r\n\r\n",  CHUNKED "5;a\nb\r\nhello\r\n0\r\n\r\n",
		CHUNKED "5\r\nhelloXX0\r\n\r\n",     CHUNKED "5\r\nhello\n0\r\n\r\n",
		CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", CHUNKED "-5\r\nhello\r\n0\r\n\r\n",
		CHUNKED "\r\nhello\r\n0\r\n\r\n",    CHUNKED "fffffffffffffffff\r\nx",
		CHUNKED "0\r\nA: b\n\r\n",           CHUNKED "0\r\n A: b\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_refuses(HTTP1_SERVER, bad[i], 400, "");
}

TEST(a_null_byte_has_no_place_in_a_head)
{
	struct str in = STR("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n"), body;
	struct http1 h;
	struct err e;

	http1_init(&h, HTTP1_SERVER);
	CHECK(http1_next(&h, &in, &body, &e) == HTTP1_FAILED);
	http1_clear(&h);
}

static void check_refuses_buf(struct buf *bytes, int status)
{
	struct str in = buf_str(bytes), body;
	enum http1_event event;
	struct http1 h;
	struct err e;

	http1_init(&h, HTTP1_SERVER);
	while ((event = http1_next(&h, &in, &body, &e)) != HTTP1_FAILED && event != HTTP1_MORE)
		;
	CHECK(event == HTTP1_FAILED);
	CHECK_INT(http1_refusal(&h), status);
	http1_clear(&h);
}

TEST(heads_extensions_and_trailers_have_limits)
{
	AUTO_BUF struct buf b = BUF_MAX(200000);

	buf_append_c(&b, "GET / HTTP/1.1\r\nA: ");
	memset(buf_extend(&b, HTTP1_HEAD_MAX), 'x', HTTP1_HEAD_MAX);
	check_refuses_buf(&b, 431);

	buf_reset(&b);
	buf_append_c(&b, "GET / HTTP/1.1\r\n");
	for (int i = 0; i <= HTTP1_HEADERS_MAX; i++)
		buf_append_c(&b, "A: b\r\n");
	check_refuses_buf(&b, 431);

	buf_reset(&b);
	buf_append_c(&b, CHUNKED "1;");
	memset(buf_extend(&b, HTTP1_CHUNK_LINE_MAX), 'x', HTTP1_CHUNK_LINE_MAX);
	check_refuses_buf(&b, 400);

	buf_reset(&b);
	buf_append_c(&b, CHUNKED "0\r\nA: ");
	memset(buf_extend(&b, HTTP1_TRAILERS_MAX), 'x', HTTP1_TRAILERS_MAX);
	check_refuses_buf(&b, 400);
}

TEST(the_largest_head_is_accepted)
{
	AUTO_BUF struct buf b = BUF_MAX(HTTP1_HEAD_MAX);
	struct str in, body;
	struct http1 h;
	struct err e;

	buf_append_c(&b, "GET / HTTP/1.1\r\nA: ");
	while (b.len < HTTP1_HEAD_MAX - 4)
		buf_append_char(&b, 'x');
	buf_append_c(&b, "\r\n\r\n");
	in = buf_str(&b);
	http1_init(&h, HTTP1_SERVER);
	CHECK(http1_next(&h, &in, &body, &e) == HTTP1_HEAD && in.len == 0);
	http1_clear(&h);
}

TEST(a_client_reads_every_kind_of_response)
{
	check_reads(HTTP1_CLIENT,
		    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
		    "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
		    "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n"
		    "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n"
		    "HTTP/1.1 500 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		    "[200 OK keep] body(hi) end [201 Created keep chunked] body(x) end [204 No "
		    "Content keep] end "
		    "[304 Not Modified keep] end [500 ] end ",
		    false);
}

TEST(a_response_without_length_lasts_until_close)
{
	check_reads(HTTP1_CLIENT, "HTTP/1.1 200 OK\r\n\r\nall of it",
		    "[200 OK until-close] body(all of it) end", false);
}

TEST(interim_responses_are_passed_over_and_an_upgrade_is_not)
{
	check_reads(HTTP1_CLIENT,
		    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
		    "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
		    "[101 UPGRADED keep upgrade] end ", false);
}

TEST(the_answer_to_a_head_has_no_body)
{
	check_reads(HTTP1_CLIENT,
		    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
		    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		    "[200 OK keep] end [200 OK keep] body(hi) end ", true);
}

TEST(a_connection_that_ends_too_early_is_an_error)
{
	static const char *const cut[] = { "GET / HT", CHUNKED, CHUNKED "5\r\nhel",
					   CHUNKED "5\r\nhello\r\n0\r\n",
					   "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell" };

	for (size_t i = 0; i < ARRAY_LEN(cut); i++) {
		struct transcript t;

		read_all(&t, HTTP1_SERVER, cut[i], 1000, false);
		buf_clear(&t.text);
		CHECK(t.last == HTTP1_FAILED && t.e.kind == ERR_UNAVAILABLE);
	}
}

TEST_MAIN()
