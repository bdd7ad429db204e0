/* Either end of a gRPC connection hears bytes of a stranger. The first byte chooses the end and
 * the size of the pieces; a server's preface is given, so that inputs reach the frames. What is
 * opened is answered or cancelled, so that our own frames meet theirs. */
#include "wire/grpc.h"

#include <assert.h>

#include "fuzz.h"

static void answer(struct grpc_conn *c, const struct grpc_event *event)
{
	struct err e;

	if (event->kind == GRPC_OPENED) {
		assert(event->method && event->authority);
		(void)grpc_send(c, event->call, STR("reply"), &e);
		grpc_pause(c, event->call, event->call % 4 == 1);
	} else if (event->kind == GRPC_MESSAGE) {
		assert(event->message.len <= 4096);
		if (event->message.len % 3 == 0)
			grpc_cancel(c, event->call);
		else if (event->message.len % 3 == 1)
			grpc_end(c, event->call, GRPC_ABORTED, "enough");
	} else if (event->kind == GRPC_HALF_CLOSED) {
		grpc_end(c, event->call, GRPC_OK, "");
	}
}

static void take_events(struct grpc_conn *c, bool is_server)
{
	struct grpc_event event;

	while (grpc_next(c, &event))
		if (is_server)
			answer(c, &event);
}

static void open_calls(struct grpc_conn *c)
{
	struct grpc_open o = { .method = "/a.B/C", .authority = "h", .timeout_ms = 1000 };
	uint32_t call;
	struct err e;

	for (int i = 0; i < 3; i++)
		if (grpc_open(c, &o, &call, &e))
			(void)grpc_send(c, call, STR("request"), &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool is_server = size > 0 && data[0] % 2 == 0;
	struct grpc_options o = { is_server ? GRPC_SERVER : GRPC_CLIENT, 4096, 10 };
	AUTO_BUF struct buf out = BUF_MAX(1 << 20);
	size_t step = size > 0 ? (size_t)data[0] / 2 + 1 : 1;
	struct grpc_conn *c = grpc_conn_new(&o);
	bool good = true;
	struct err e;

	if (is_server)
		good = grpc_feed(c, STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"), 0,
				 &e);
	else
		open_calls(c);
	for (size_t at = 1; at < size && good && !grpc_is_over(c); at += step) {
		good = grpc_feed(c, str_bytes(data + at, size - at < step ? size - at : step),
				 (int64_t)at, &e);
		take_events(c, is_server);
		buf_reset(&out);
		grpc_output(c, &out);
	}
	grpc_lost(c, "the end");
	take_events(c, is_server);
	assert(grpc_call_count(c) == 0);
	grpc_conn_free(c);
	return 0;
}
