/* Requests that are none, or not whole, or too much. */
#include "bench.h"
#include "test.h"

#include "base/mem.h"

static const char *ask(struct bench *b, const char *request)
{
	return bench_ask(b, str_of(request));
}

TEST(bytes_that_are_no_request_are_refused)
{
	static const char *const requests[] = {
		"hello\r\n\r\n",
		"GET / FTP/1.1\r\n\r\n",
		"GET  /info HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /info HTTP/1.1\r\nHost : x\r\n\r\n",
		"POST /swarm/init HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: "
		"chunked\r\n\r\n",
		"POST /swarm/init HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
	};
	struct bench *b = bench_new();

	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		CHECK(strncmp(ask(b, requests[i]), "refused: 4", 10) == 0 ||
		      strncmp(ask(b, requests[i]), "refused: 5", 10) == 0);
	bench_free(b);
}

TEST(half_a_body_is_no_request)
{
	struct bench *b = bench_new();

	CHECK_STR(ask(b, "POST /swarm/init HTTP/1.1\r\nContent-Length: 10\r\n\r\n{}"),
		  "no answer: the request is not complete\n");
	CHECK(strstr(ask(b, "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"), "200 OK"));
	bench_free(b);
}

TEST(paths_that_lead_nowhere_are_not_found)
{
	static const char *const targets[] = { "/",
					       "//info",
					       "/v1.41",
					       "/v1.41/",
					       "/v1.41//info",
					       "/services/",
					       "/nodes/a/b",
					       "/vx.y/info",
					       "/v1.41.1/info",
					       "/../info",
					       "/INFO",
					       "/secrets/",
					       "/services/x/update" };
	struct bench *b = bench_new();
	char request[256];

	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		(void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n",
			       targets[i]);
		CHECK(strstr(ask(b, request), "404 Not Found"));
	}
	bench_free(b);
}

TEST(a_name_with_odd_characters_is_only_a_name)
{
	struct bench *b = bench_new();

	CHECK(strstr(ask(b, "GET /networks/%22%3C%2F%3E HTTP/1.1\r\nHost: x\r\n\r\n"),
		     "404 Not Found"));
	CHECK(strstr(ask(b, "GET /networks/a%0d%0ab HTTP/1.1\r\nHost: x\r\n\r\n"),
		     "{\"message\":\"network a\\r\\nb not found\"}"));
	CHECK(strstr(ask(b, "GET /networks/a%00b HTTP/1.1\r\nHost: x\r\n\r\n"), "400 Bad Request"));
	bench_free(b);
}

TEST(a_deep_or_endless_body_is_refused)
{
	struct bench *b = bench_new();
	AUTO_BUF struct buf request = BUF_MAX(1 << 20);

	buf_append_c(&request, "POST /swarm/init HTTP/1.1\r\nContent-Type: application/json\r\n"
			       "Content-Length: 500000\r\n\r\n");
	for (int i = 0; i < 500000; i++)
		buf_append_char(&request, '[');
	CHECK(strstr(bench_ask(b, buf_str(&request)), "nested deeper than 64"));
	bench_free(b);
}

TEST_MAIN()
