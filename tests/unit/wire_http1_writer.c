#include "wire/http1_writer.h"

#include "base/err.h"
#include "test.h"
#include "wire/http1.h"

static const struct http1_head get = { .method = "GET", .minor = 1, .keep_alive = true };
static const struct http1_head head = { .method = "HEAD", .minor = 1, .keep_alive = true };
static const struct http1_head old = { .method = "GET", .minor = 0, .keep_alive = true };

TEST(an_answer_of_known_length)
{
	AUTO_BUF struct buf out = BUF_MAX(1000);
	struct http1_writer w;

	http1_write_response(&w, &out, &get, 404, NULL);
	http1_write_header(&w, "Content-Type", "application/json");
	http1_write_head_end(&w, HTTP1_LENGTH, 2);
	http1_write_body(&w, STR("{}"));
	http1_write_end(&w);
	CHECK_STR(out.data, "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"
			    "Content-Length: 2\r\n\r\n{}");
	CHECK(w.keep_alive);
}

TEST(an_answer_in_chunks)
{
	AUTO_BUF struct buf out = BUF_MAX(1000);
	struct http1_writer w;

	http1_write_response(&w, &out, &get, 200, NULL);
	http1_write_head_end(&w, HTTP1_CHUNKED, 0);
	http1_write_body(&w, STR("hello world, hello"));
	http1_write_body(&w, STR(""));
	http1_write_end(&w);
	CHECK_STR(out.data, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			    "12\r\nhello world, hello\r\n0\r\n\r\n");
}

TEST(http_1_0_gets_no_chunks)
{
	AUTO_BUF struct buf out = BUF_MAX(1000);
	struct http1_writer w;

	http1_write_response(&w, &out, &old, 200, NULL);
	http1_write_head_end(&w, HTTP1_CHUNKED, 0);
	http1_write_body(&w, STR("x"));
	http1_write_end(&w);
	CHECK_STR(out.data, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nx");
	CHECK(!w.keep_alive);

	buf_reset(&out);
	http1_write_response(&w, &out, &old, 200, NULL);
	http1_write_head_end(&w, HTTP1_LENGTH, 0);
	CHECK_STR(out.data,
		  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
}

TEST(a_head_is_answered_without_a_body)
{
	AUTO_BUF struct buf out = BUF_MAX(1000);
	struct http1_writer w;

	http1_write_response(&w, &out, &head, 200, NULL);
	http1_write_head_end(&w, HTTP1_LENGTH, 3);
	http1_write_body(&w, STR("abc"));
	http1_write_end(&w);
	CHECK_STR(out.data, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
	CHECK(w.keep_alive);
}

TEST(a_switch_of_protocols_carries_the_callers_fields_alone)
{
	AUTO_BUF struct buf out = BUF_MAX(1000);
	struct http1_writer w;

	http1_write_response(&w, &out, &get, 101, "UPGRADED");
	http1_write_header(&w, "Connection", "Upgrade");
	http1_write_header(&w, "Upgrade", "tcp");
	http1_write_head_end(&w, HTTP1_NO_BODY, 0);
	CHECK_STR(out.data, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
}

TEST(an_unreadable_request_is_answered_and_closed)
{
	AUTO_BUF struct buf out = BUF_MAX(1000);
	struct http1_writer w;

	http1_write_response(&w, &out, NULL, 431, NULL);
	http1_write_head_end(&w, HTTP1_LENGTH, 0);
	http1_write_end(&w);
	CHECK_STR(out.data, "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n"
			    "Connection: close\r\n\r\n");
	CHECK(!w.keep_alive);
}

TEST(no_value_leaves_its_line)
{
	AUTO_BUF struct buf out = BUF_MAX(1000);
	struct http1_writer w;

	http1_write_response(&w, &out, &get, 200, "a\r\nX: y");
	http1_write_header(&w, "A\r\nB", "c\r\n\r\nd");
	CHECK_STR(out.data, "HTTP/1.1 200 a  X: y\r\nA  B: c    d\r\n");
}

TEST(a_body_cut_short_costs_the_connection)
{
	AUTO_BUF struct buf out = BUF_MAX(1000);
	struct http1_writer w;

	http1_write_response(&w, &out, &get, 200, NULL);
	http1_write_head_end(&w, HTTP1_LENGTH, 10);
	http1_write_body(&w, STR("abc"));
	http1_write_end(&w);
	CHECK(!w.keep_alive);
}

TEST(what_a_client_writes_a_server_reads)
{
	AUTO_BUF struct buf out = BUF_MAX(1000);
	struct http1_writer w;
	struct str in, body;
	struct http1 h;
	struct err e;

	http1_write_request(&w, &out, "POST", STR("/a b\xc3\xbc?c=%20"), "docker");
	http1_write_close(&w);
	http1_write_head_end(&w, HTTP1_CHUNKED, 0);
	http1_write_body(&w, STR("hi"));
	http1_write_end(&w);

	http1_init(&h, HTTP1_SERVER);
	in = buf_str(&out);
	CHECK(http1_next(&h, &in, &body, &e) == HTTP1_HEAD);
	CHECK(str_equal_c(http1_head(&h)->target, "/a%20b%C3%BC?c=%20"));
	CHECK(!http1_head(&h)->keep_alive &&
	      str_equal_c(http1_field(http1_head(&h), "host"), "docker"));
	CHECK(http1_next(&h, &in, &body, &e) == HTTP1_BODY && str_equal_c(body, "hi"));
	CHECK(http1_next(&h, &in, &body, &e) == HTTP1_END && in.len == 0);
	http1_clear(&h);
}

TEST(continue_is_one_interim_response)
{
	AUTO_BUF struct buf out = BUF_MAX(100);

	http1_write_continue(&out);
	CHECK_STR(out.data, "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST_MAIN()
