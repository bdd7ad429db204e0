#include "wire/grpc.h"

#include "base/mem.h"
#include "test.h"
#include "wire/grpc_text.h"

/* A client and a server, and the bytes between them. */
struct pair {
	struct grpc_conn *client, *server;
	struct buf wire;
	int64_t now_ms;
};

static struct pair pair_new(size_t server_receive_max, uint32_t calls_max)
{
	struct grpc_options client = { GRPC_CLIENT, 1 << 30, 0 };
	struct grpc_options server = { GRPC_SERVER, server_receive_max, calls_max };

	return (struct pair){ grpc_conn_new(&client), grpc_conn_new(&server), BUF_MAX(1 << 20),
			      1000 };
}

static void pair_free(struct pair *p)
{
	grpc_conn_free(p->client);
	grpc_conn_free(p->server);
	buf_clear(&p->wire);
}

/* Carry what `from` has to send, in pieces of `step`. */
static bool carry(struct pair *p, struct grpc_conn *from, struct grpc_conn *to, size_t step)
{
	struct err e;

	buf_reset(&p->wire);
	if (!grpc_output(from, &p->wire))
		return false;
	for (size_t at = 0; at < p->wire.len; at += step) {
		size_t left = p->wire.len - at;

		if (!grpc_feed(to, str_bytes(p->wire.data + at, left < step ? left : step),
			       p->now_ms, &e))
			return false;
	}
	return true;
}

static void pump(struct pair *p)
{
	bool moved = true;

	while (moved) {
		moved = carry(p, p->client, p->server, 100000);
		moved |= carry(p, p->server, p->client, 100000);
	}
}

static uint32_t open_call(struct pair *p, const char *method)
{
	struct grpc_open o = { .method = method, .authority = "10.0.0.1:2377" };
	struct err e;
	uint32_t call;

	if (!grpc_open(p->client, &o, &call, &e))
		TEST_FAIL("%s", e.text);
	return call;
}

static void send_text(struct grpc_conn *c, uint32_t call, const char *text)
{
	struct err e;

	if (!grpc_send(c, call, str_of(text), &e))
		TEST_FAIL("%s", e.text);
}

static struct grpc_event next(struct grpc_conn *c, enum grpc_event_kind kind)
{
	struct grpc_event event;

	if (!grpc_next(c, &event))
		TEST_FAIL("no event, %d expected", kind);
	if (event.kind != kind)
		TEST_FAIL("event %d (%s), %d expected", event.kind, event.text ? event.text : "",
			  kind);
	return event;
}

static void check_quiet(struct pair *p)
{
	struct grpc_event event;

	CHECK(!grpc_next(p->client, &event));
	CHECK(!grpc_next(p->server, &event));
}

TEST(a_unary_call_goes_there_and_back)
{
	struct grpc_metadata metadata[] = { { STR("forwarded_cert"), STR("true") },
					    { STR("forwarded_cert_ou"), STR("swarm-manager") },
					    { STR("forwarded_cert_ou"), STR("other") },
					    { STR("forwarded_cert_cn"), STR("") } };
	struct grpc_open o = { .method = "/docker.swarmkit.v1.CA/GetRootCACertificate",
			       .authority = "h:2377",
			       .timeout_ms = 5000,
			       .metadata = metadata,
			       .metadata_count = 4 };
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	struct grpc_event event;
	uint32_t call;
	struct err e;

	CHECK(grpc_open(p.client, &o, &call, &e));
	send_text(p.client, call, "request");
	grpc_half_close(p.client, call);
	pump(&p);

	event = next(p.server, GRPC_OPENED);
	CHECK_STR(event.method, "/docker.swarmkit.v1.CA/GetRootCACertificate");
	CHECK_STR(event.authority, "h:2377");
	CHECK_INT(event.timeout_ms, 5000);
	CHECK_INT(event.metadata_count, 4);
	CHECK(str_equal_c(event.metadata[1].name, "forwarded_cert_ou"));
	CHECK(str_equal_c(event.metadata[2].value, "other") && event.metadata[3].value.len == 0);
	event = next(p.server, GRPC_MESSAGE);
	CHECK(str_equal_c(event.message, "request"));
	next(p.server, GRPC_HALF_CLOSED);
	send_text(p.server, event.call, "reply");
	grpc_end(p.server, event.call, GRPC_OK, "ignored");
	pump(&p);

	event = next(p.client, GRPC_MESSAGE);
	CHECK(event.call == call && str_equal_c(event.message, "reply"));
	event = next(p.client, GRPC_ENDED);
	CHECK(event.call == call && event.status == GRPC_OK);
	CHECK_STR(event.text, "");
	check_quiet(&p);
	CHECK(grpc_call_count(p.client) == 0 && grpc_call_count(p.server) == 0);
	pair_free(&p);
}

TEST(an_error_comes_with_any_text)
{
	static const char text[] = "Permission denied: 100% \xc3\xbc\n\"no\"";
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	struct grpc_event event;

	open_call(&p, "/a.B/C");
	pump(&p);
	event = next(p.server, GRPC_OPENED);
	CHECK_INT(event.timeout_ms, -1);
	grpc_end(p.server, event.call, GRPC_PERMISSION_DENIED, text);
	pump(&p);
	event = next(p.client, GRPC_ENDED);
	CHECK_INT(event.status, GRPC_PERMISSION_DENIED);
	CHECK_STR(event.text, text);
	check_quiet(&p);
	pair_free(&p);
}

TEST(bytes_may_come_one_at_a_time)
{
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	uint32_t call = open_call(&p, "/a.B/C");
	struct grpc_event event;

	for (int i = 0; i < 3; i++)
		send_text(p.client, call, "abcdefghij");
	send_text(p.client, call, "");
	grpc_half_close(p.client, call);
	while (carry(&p, p.client, p.server, 1) | carry(&p, p.server, p.client, 1))
		;
	next(p.server, GRPC_OPENED);
	for (int i = 0; i < 3; i++) {
		event = next(p.server, GRPC_MESSAGE);
		CHECK(str_equal_c(event.message, "abcdefghij"));
	}
	event = next(p.server, GRPC_MESSAGE);
	CHECK_INT(event.message.len, 0);
	next(p.server, GRPC_HALF_CLOSED);
	pair_free(&p);
}

TEST(both_directions_stream_at_once)
{
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	uint32_t call = open_call(&p, "/a.B/C");

	pump(&p);
	next(p.server, GRPC_OPENED);
	for (int i = 0; i < 1000; i++) {
		char text[16];
		struct grpc_event event;

		snprintf(text, sizeof(text), "ping %d", i);
		send_text(p.client, call, text);
		pump(&p);
		event = next(p.server, GRPC_MESSAGE);
		CHECK(str_equal_c(event.message, text));
		send_text(p.server, event.call, text);
		pump(&p);
		event = next(p.client, GRPC_MESSAGE);
		CHECK(str_equal_c(event.message, text));
	}
	check_quiet(&p);
	pair_free(&p);
}

static void check_pattern(struct str message, size_t size)
{
	CHECK_INT(message.len, size);
	for (size_t i = 0; i < size; i += 997)
		CHECK((unsigned char)message.ptr[i] == (unsigned char)(i * 13));
}

static char *pattern(size_t size)
{
	char *data = xmalloc(size);

	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 13);
	return data;
}

TEST(a_large_message_gets_the_credit_it_needs)
{
	size_t size = 40u << 20;
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	AUTO_FREE char *data = pattern(size);
	struct grpc_event event;
	struct err e;

	open_call(&p, "/a.B/C");
	pump(&p);
	event = next(p.server, GRPC_OPENED);
	CHECK(grpc_send(p.server, event.call, str_bytes(data, size), &e));
	grpc_end(p.server, event.call, GRPC_OK, NULL);
	pump(&p);
	event = next(p.client, GRPC_MESSAGE);
	check_pattern(event.message, size);
	next(p.client, GRPC_ENDED);
	pair_free(&p);
}

TEST(a_server_takes_four_megabytes_and_no_more)
{
	size_t size = GRPC_SERVER_RECEIVE_MAX;
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	AUTO_FREE char *data = pattern(size + 1);
	uint32_t call = open_call(&p, "/a.B/C");
	struct grpc_event event;
	struct err e;

	CHECK(grpc_send(p.client, call, str_bytes(data, size), &e));
	pump(&p);
	next(p.server, GRPC_OPENED);
	event = next(p.server, GRPC_MESSAGE);
	check_pattern(event.message, size);
	CHECK(grpc_send(p.client, call, str_bytes(data, size + 1), &e));
	pump(&p);
	event = next(p.server, GRPC_ENDED);
	CHECK_INT(event.status, GRPC_RESOURCE_EXHAUSTED);
	event = next(p.client, GRPC_ENDED);
	CHECK_INT(event.status, GRPC_RESOURCE_EXHAUSTED);
	CHECK_STR(event.text, "grpc: received message larger than max (4194305 vs. 4194304)");
	check_quiet(&p);
	pair_free(&p);
}

/* Send 1 KiB messages until refused; how many went into the queue. */
static int fill(struct grpc_conn *c, uint32_t call)
{
	char data[1024] = { 0 };
	struct err e;
	int n = 0;

	while (grpc_send(c, call, str_bytes(data, sizeof(data)), &e))
		n++;
	CHECK_INT(e.kind, ERR_EXHAUSTED);
	return n;
}

TEST(a_reader_that_takes_nothing_stops_the_sender)
{
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	uint32_t call = open_call(&p, "/a.B/C");
	struct grpc_event event;
	int sent = 0, taken = 0;

	for (int i = 0; i < 10; i++) {
		sent += fill(p.client, call);
		pump(&p);
	}
	/* What the reader's credit and the sender's queue hold, and no more. */
	CHECK(sent <= 2 * GRPC_CREDIT_BYTES / 1024 + 2);
	CHECK(grpc_queued(p.client, call) > 0);
	next(p.server, GRPC_OPENED);
	while (grpc_next(p.server, &event)) {
		CHECK(event.kind == GRPC_MESSAGE);
		taken++;
		pump(&p);
	}
	CHECK_INT(taken, sent);
	next(p.client, GRPC_DRAINED);
	check_quiet(&p);
	pair_free(&p);
}

TEST(a_paused_call_gives_no_credit_and_the_others_go_on)
{
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	uint32_t slow = open_call(&p, "/a.B/slow"), quick = open_call(&p, "/a.B/quick");
	struct grpc_event event;
	int slow_taken = 0, sent;

	pump(&p);
	event = next(p.server, GRPC_OPENED);
	next(p.server, GRPC_OPENED);
	grpc_pause(p.server, event.call, true);
	sent = fill(p.client, slow);
	for (int i = 0; i < 3; i++) {
		pump(&p);
		while (grpc_next(p.server, &event))
			slow_taken++;
	}
	CHECK(slow_taken <= GRPC_CREDIT_BYTES / 1024);
	CHECK(sent == slow_taken || grpc_queued(p.client, slow) > 0);
	send_text(p.client, quick, "hello");
	pump(&p);
	event = next(p.server, GRPC_MESSAGE);
	CHECK(str_equal_c(event.message, "hello"));
	grpc_pause(p.server, slow, false);
	pump(&p);
	while (grpc_next(p.server, &event))
		slow_taken++;
	CHECK_INT(slow_taken, sent);
	pair_free(&p);
}

TEST(a_client_may_cancel_and_hears_no_more)
{
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	uint32_t call = open_call(&p, "/a.B/C");
	struct grpc_event event;
	struct err e;

	pump(&p);
	event = next(p.server, GRPC_OPENED);
	send_text(p.server, event.call, "on its way");
	pump(&p);
	grpc_cancel(p.client, call);
	CHECK(!grpc_next(p.client, &event));
	pump(&p);
	event = next(p.server, GRPC_ENDED);
	CHECK_INT(event.status, GRPC_CANCELLED);
	/* The number is harmless from now on. */
	CHECK(!grpc_send(p.server, event.call, STR("x"), &e) && e.kind == ERR_UNAVAILABLE);
	grpc_end(p.server, event.call, GRPC_OK, "");
	grpc_cancel(p.client, call);
	grpc_half_close(p.client, call);
	pump(&p);
	check_quiet(&p);
	CHECK_INT(grpc_call_count(p.server), 0);
	pair_free(&p);
}

TEST(a_call_cancelled_before_it_went_out_leaves_nothing_behind)
{
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 1);
	uint32_t first, second;

	pump(&p);
	first = open_call(&p, "/a.B/1");
	pump(&p);
	next(p.server, GRPC_OPENED);
	/* Waits for the first to end: the server takes one at a time. */
	second = open_call(&p, "/a.B/2");
	send_text(p.client, second, "x");
	pump(&p);
	check_quiet(&p);
	grpc_cancel(p.client, second);
	grpc_cancel(p.client, first);
	pump(&p);
	next(p.server, GRPC_ENDED);
	check_quiet(&p);
	CHECK_INT(grpc_call_count(p.client), 0);
	open_call(&p, "/a.B/3");
	pump(&p);
	CHECK_STR(next(p.server, GRPC_OPENED).method, "/a.B/3");
	pair_free(&p);
}

TEST(a_server_may_end_while_the_client_still_sends)
{
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	uint32_t call = open_call(&p, "/a.B/C");
	struct grpc_event event;
	struct err e;

	pump(&p);
	event = next(p.server, GRPC_OPENED);
	send_text(p.server, event.call, "enough");
	grpc_end(p.server, event.call, GRPC_ABORTED, "stop");
	fill(p.client, call);
	pump(&p);
	next(p.client, GRPC_MESSAGE);
	event = next(p.client, GRPC_ENDED);
	CHECK_INT(event.status, GRPC_ABORTED);
	CHECK_STR(event.text, "stop");
	CHECK(!grpc_send(p.client, call, STR("x"), &e));
	pump(&p);
	check_quiet(&p);
	/* The connection is as good as new. */
	call = open_call(&p, "/a.B/D");
	send_text(p.client, call, "x");
	pump(&p);
	next(p.server, GRPC_OPENED);
	next(p.server, GRPC_MESSAGE);
	pair_free(&p);
}

TEST(a_lost_connection_ends_every_call_and_then_itself)
{
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	struct grpc_event event;
	struct err e;

	open_call(&p, "/a.B/C");
	open_call(&p, "/a.B/D");
	pump(&p);
	grpc_lost(p.client, "read: Connection reset by peer");
	for (int i = 0; i < 2; i++) {
		event = next(p.client, GRPC_ENDED);
		CHECK_INT(event.status, GRPC_UNAVAILABLE);
		CHECK_STR(event.text, "read: Connection reset by peer");
	}
	next(p.client, GRPC_GONE);
	CHECK(!grpc_next(p.client, &event));
	CHECK(!grpc_can_open(p.client));
	CHECK(!grpc_feed(p.client, STR("x"), 0, &e) && e.kind == ERR_UNAVAILABLE);
	pair_free(&p);
}

TEST(a_server_going_away_finishes_what_it_has)
{
	struct grpc_open o = { .method = "/a.B/D", .authority = "h" };
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	struct grpc_event event;
	uint32_t call;
	struct err e;

	open_call(&p, "/a.B/C");
	pump(&p);
	event = next(p.server, GRPC_OPENED);
	call = event.call;
	grpc_go_away(p.server);
	pump(&p);
	next(p.client, GRPC_GOING_AWAY);
	CHECK(!grpc_can_open(p.client) && !grpc_open(p.client, &o, &call, &e));
	CHECK_INT(e.kind, ERR_UNAVAILABLE);
	grpc_end(p.server, call = event.call, GRPC_OK, "");
	pump(&p);
	next(p.client, GRPC_ENDED);
	next(p.client, GRPC_GONE);
	CHECK(grpc_is_over(p.client) && grpc_is_over(p.server));
	pair_free(&p);
}

TEST(calls_beyond_the_limit_wait_for_the_others)
{
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 2);
	struct grpc_event event;

	pump(&p);
	for (int i = 0; i < 5; i++)
		open_call(&p, "/a.B/C");
	pump(&p);
	event = next(p.server, GRPC_OPENED);
	next(p.server, GRPC_OPENED);
	CHECK(!grpc_next(p.server, &(struct grpc_event){ 0 }));
	grpc_end(p.server, event.call, GRPC_OK, "");
	pump(&p);
	next(p.server, GRPC_OPENED);
	CHECK_INT(grpc_call_count(p.server), 2);
	pair_free(&p);
}

TEST(cancelling_too_fast_costs_the_connection)
{
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 1000);
	struct grpc_event event;
	bool gone = false;

	for (int i = 0; i < GRPC_RESET_BURST; i++) {
		uint32_t call = open_call(&p, "/a.B/C");

		carry(&p, p.client, p.server, 100000);
		grpc_cancel(p.client, call);
		pump(&p);
	}
	while (grpc_next(p.server, &event))
		CHECK(event.kind != GRPC_GONE);
	/* Later it is allowed again, so many a second. */
	p.now_ms += 1000;
	for (int i = 0; i < 2 * GRPC_RESET_PER_S && !gone; i++) {
		struct grpc_open o = { .method = "/a.B/C", .authority = "h" };
		uint32_t call;
		struct err e;

		if (!grpc_open(p.client, &o, &call, &e))
			break;
		carry(&p, p.client, p.server, 100000);
		grpc_cancel(p.client, call);
		pump(&p);
		CHECK(i >= GRPC_RESET_PER_S || !grpc_is_over(p.server));
	}
	while (grpc_next(p.server, &event))
		if (event.kind == GRPC_GONE) {
			CHECK_STR(event.text, "HTTP/2: the peer cancels calls too fast");
			gone = true;
		}
	CHECK(gone);
	pair_free(&p);
}

TEST(pings_are_answered_and_floods_of_them_are_not)
{
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	struct grpc_event event;
	int pings = 0;

	grpc_ping(p.client);
	pump(&p);
	next(p.client, GRPC_PONG);
	while (!grpc_is_over(p.server) && pings < 2 * GRPC_CONTROL_BURST) {
		grpc_ping(p.client);
		carry(&p, p.client, p.server, 100000);
		carry(&p, p.server, p.client, 100000);
		pings++;
	}
	CHECK(pings < GRPC_CONTROL_BURST + 10);
	CHECK(grpc_next(p.server, &event) && event.kind == GRPC_GONE);
	CHECK_STR(event.text, "HTTP/2: the peer sends frames without content too fast");
	pair_free(&p);
}

TEST(metadata_has_a_limit)
{
	struct pair p = pair_new(GRPC_SERVER_RECEIVE_MAX, 10);
	AUTO_FREE char *value = xmalloc(GRPC_METADATA_BYTES + 1);
	struct grpc_metadata large = { STR("x"), STR("") };
	struct grpc_open o = {
		.method = "/a.B/C", .authority = "h", .metadata = &large, .metadata_count = 1
	};
	struct grpc_event event;
	uint32_t call;
	struct err e;

	memset(value, 'v', GRPC_METADATA_BYTES + 1);
	large.value = str_bytes(value, GRPC_METADATA_BYTES);
	CHECK(grpc_open(p.client, &o, &call, &e));
	pump(&p);
	event = next(p.client, GRPC_ENDED);
	CHECK_INT(event.status, GRPC_RESOURCE_EXHAUSTED);
	CHECK_STR(event.text, "the metadata of this call is too large");
	check_quiet(&p);
	pair_free(&p);
}

TEST(what_is_not_http_2_is_named)
{
	struct grpc_options o = { GRPC_SERVER, 100, 10 };
	struct grpc_conn *c = grpc_conn_new(&o);
	struct grpc_event event;
	struct err e;

	CHECK(!grpc_feed(c, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0, &e));
	CHECK_STR(e.text, "HTTP/2: the peer does not speak HTTP/2");
	CHECK(grpc_next(c, &event) && event.kind == GRPC_GONE);
	grpc_conn_free(c);
}

/* A request as a raw HTTP/2 client would write it: preface, SETTINGS, HEADERS without Huffman or
 * table: each field literal. */
static void raw_request(struct buf *out, const char *const fields[][2], bool ends)
{
	AUTO_BUF struct buf block = BUF_MAX(4096);

	for (int i = 0; fields[i][0]; i++) {
		buf_append_char(&block, 0);
		buf_append_char(&block, (char)strlen(fields[i][0]));
		buf_append_c(&block, fields[i][0]);
		buf_append_char(&block, (char)strlen(fields[i][1]));
		buf_append_c(&block, fields[i][1]);
	}
	buf_append_c(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	buf_append(out, "\0\0\0\4\0\0\0\0\0", 9);
	buf_append(out, "\0\0", 2);
	buf_append_char(out, (char)block.len);
	buf_append_char(out, 1);
	buf_append_char(out, ends ? 5 : 4);
	buf_append(out, "\0\0\0\1", 4);
	buf_append_str(out, buf_str(&block));
}

static bool server_says(const struct buf *request, const char *text, enum grpc_event_kind *first)
{
	struct grpc_options o = { GRPC_SERVER, 100, 10 };
	AUTO_BUF struct buf out = BUF_MAX(1 << 16);
	struct grpc_conn *c = grpc_conn_new(&o);
	struct grpc_event event;
	struct err e;
	bool says;

	CHECK(grpc_feed(c, buf_str(request), 0, &e));
	*first = grpc_next(c, &event) ? event.kind : GRPC_GONE;
	if (*first == GRPC_OPENED)
		grpc_end(c, event.call, GRPC_UNIMPLEMENTED, "unknown service");
	grpc_output(c, &out);
	says = text && memmem(out.data, out.len, text, strlen(text)) != NULL;
	grpc_conn_free(c);
	return says || !text;
}

TEST(requests_that_are_no_grpc_get_an_http_answer)
{
	static const char *const good[][2] = { { ":method", "POST" },
					       { ":scheme", "http" },
					       { ":path", "/a.B/C" },
					       { ":authority", "h" },
					       { "content-type", "application/grpc+proto" },
					       { "te", "trailers" },
					       { NULL, NULL } };
	static const char *const get[][2] = { { ":method", "GET" },
					      { ":scheme", "http" },
					      { ":path", "/" },
					      { ":authority", "h" },
					      { NULL, NULL } };
	static const char *const json[][2] = { { ":method", "POST" },
					       { ":scheme", "http" },
					       { ":path", "/" },
					       { ":authority", "h" },
					       { "content-type", "application/json" },
					       { NULL, NULL } };
	static const char *const gzip[][2] = { { ":method", "POST" },
					       { ":scheme", "http" },
					       { ":path", "/" },
					       { ":authority", "h" },
					       { "content-type", "application/grpc" },
					       { "grpc-encoding", "gzip" },
					       { NULL, NULL } };
	AUTO_BUF struct buf request = BUF_MAX(8192);
	enum grpc_event_kind first;

	raw_request(&request, good, false);
	CHECK(server_says(&request, NULL, &first) && first == GRPC_OPENED);
	buf_reset(&request);
	raw_request(&request, get, true);
	CHECK(server_says(&request, NULL, &first) && first == GRPC_GONE);
	buf_reset(&request);
	raw_request(&request, json, true);
	CHECK(server_says(&request, NULL, &first) && first == GRPC_GONE);
	buf_reset(&request);
	raw_request(&request, gzip, true);
	CHECK(server_says(&request, NULL, &first) && first == GRPC_GONE);
}

TEST(deadlines_are_written_as_stock_peers_read_them)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 1, "1m" },
		{ 5000, "5000m" },
		{ 99999999, "99999999m" },
		{ 100000000, "100000S" },
		{ 100000001, "100001S" },
		{ INT64_C(100000000000000), "27777778H" },
	};
	static const char *const bad[] = { "", "m", "1", "1x", "-1m", "123456789m", "1 m", "1.5S" };
	char text[GRPC_TIMEOUT_LEN];
	int64_t ms;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		grpc_timeout_write(cases[i].ms, text);
		CHECK_STR(text, cases[i].text);
		CHECK(grpc_timeout_parse(str_of(text), &ms) && ms >= cases[i].ms);
	}
	CHECK(grpc_timeout_parse(STR("1n"), &ms) && ms == 1);
	CHECK(grpc_timeout_parse(STR("4999871u"), &ms) && ms == 5000);
	CHECK(grpc_timeout_parse(STR("2M"), &ms) && ms == 120000);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!grpc_timeout_parse(str_of(bad[i]), &ms));
}

TEST(status_texts_survive_any_bytes)
{
	AUTO_BUF struct buf encoded = BUF_MAX(100), decoded = BUF_MAX(100);

	grpc_text_encode(&encoded, "a%b \x7f\n\xc3\xbc~");
	CHECK_STR(encoded.data, "a%25b %7F%0A%C3%BC~");
	grpc_text_decode(&decoded, buf_str(&encoded));
	CHECK_STR(decoded.data, "a%b \x7f\n\xc3\xbc~");
	buf_reset(&decoded);
	grpc_text_decode(&decoded, STR("100% %zz %4"));
	CHECK_STR(decoded.data, "100% %zz %4");
}

TEST_MAIN()
