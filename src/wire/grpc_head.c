#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "wire/grpc_inside.h"
#include "wire/grpc_text.h"

/* HPACK counts 32 bytes beside each name and value. */
#define FIELD_OVERHEAD 32

nghttp2_nv grpc_nv(struct str name, struct str value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr,
			     name.len, value.len, NGHTTP2_NV_FLAG_NONE };
}

int grpc_head_begin(struct grpc_conn *c, int32_t stream_id)
{
	struct grpc_call *call = grpc_call_at(c, stream_id);

	if (c->options.role == GRPC_CLIENT || call)
		return 0;
	call = grpc_call_new(c, (uint32_t)stream_id);
	call->opening = grpc_queued_new(GRPC_OPENED, call->id);
	call->opening->event.method = call->opening->event.authority = "";
	call->metadata =
		arena_alloc(&call->opening->arena, GRPC_METADATA_MAX * sizeof(*call->metadata));
	return 0;
}

static bool is_reserved(struct str name)
{
	return str_starts_with(name, ":") || str_starts_with(name, "grpc-") ||
	       str_equal_c(name, "te") || str_equal_c(name, "user-agent") ||
	       str_equal_c(name, "accept-encoding");
}

static void request_field(struct grpc_call *call, struct str name, struct str value)
{
	struct arena *a = &call->opening->arena;
	struct grpc_event *event = &call->opening->event;
	struct grpc_metadata *m;

	if (str_equal_c(name, ":method"))
		call->is_post = str_equal_c(value, "POST");
	else if (str_equal_c(name, ":path"))
		event->method = arena_str(a, value);
	else if (str_equal_c(name, ":authority"))
		event->authority = arena_str(a, value);
	else if (str_equal_c(name, "content-type"))
		call->is_grpc = grpc_is_content_type(value);
	else if (str_equal_c(name, "grpc-encoding"))
		call->is_encoded = !str_equal_c(value, "identity");
	else if (str_equal_c(name, "grpc-timeout"))
		call->has_bad_timeout = !grpc_timeout_parse(value, &event->timeout_ms);
	if (is_reserved(name) || str_equal_c(name, "content-type"))
		return;
	if (event->metadata_count == GRPC_METADATA_MAX) {
		call->is_too_large = true;
		return;
	}
	m = &call->metadata[event->metadata_count++];
	m->name = str_bytes(arena_str(a, name), name.len);
	m->value = str_bytes(arena_str(a, value), value.len);
}

static void response_field(struct grpc_call *call, struct str name, struct str value)
{
	uint64_t number;

	if (str_equal_c(name, ":status") && str_to_u64(value, &number) && number <= 999)
		call->http_status = (int)number;
	else if (str_equal_c(name, "content-type"))
		call->is_grpc = grpc_is_content_type(value);
	else if (str_equal_c(name, "grpc-status"))
		call->status = str_to_u64(value, &number) && number <= INT32_MAX ? (int64_t)number
										 : GRPC_UNKNOWN;
	else if (str_equal_c(name, "grpc-message"))
		grpc_text_decode(&call->text, value);
}

void grpc_head_field(struct grpc_call *call, struct str name, struct str value)
{
	call->metadata_bytes += name.len + value.len + FIELD_OVERHEAD;
	if (call->metadata_bytes > GRPC_METADATA_BYTES) {
		call->is_too_large = true;
		return;
	}
	if (call->conn->options.role == GRPC_CLIENT)
		response_field(call, name, value);
	else if (call->opening)
		request_field(call, name, value);
}

/* A request that is no gRPC gets an HTTP answer. */
static void refuse_http(struct grpc_call *call, const char *status)
{
	nghttp2_nv nv[] = { grpc_nv(STR(":status"), str_of(status)) };

	call->responded = call->finished = true;
	grpc_call_over(call);
	nghttp2_submit_response(call->conn->session, (int32_t)call->id, nv, 1, NULL);
}

static void request_complete(struct grpc_call *call)
{
	struct grpc_conn *c = call->conn;
	struct grpc_queued *opening = STEAL(call->opening);
	const char *problem = NULL;
	enum grpc_status status = GRPC_INTERNAL;

	opening->event.metadata = call->metadata;
	call->metadata = NULL;
	if (call->is_too_large) {
		status = GRPC_RESOURCE_EXHAUSTED;
		problem = "the metadata of this call is too large";
	} else if (call->has_bad_timeout) {
		problem = "malformed grpc-timeout";
	} else if (call->is_encoded) {
		status = GRPC_UNIMPLEMENTED;
		problem = "compressed messages are not understood";
	}
	if (call->is_post && call->is_grpc && !problem) {
		grpc_raise(c, opening);
		return;
	}
	grpc_queued_free(opening);
	if (!call->is_post || !call->is_grpc)
		refuse_http(call, call->is_post ? "415" : "405");
	else
		grpc_end(c, call->id, status, problem);
}

/* The server's last word, or that there was none. */
static void response_ended(struct grpc_call *call)
{
	if (call->status < 0)
		grpc_call_ended(call, GRPC_INTERNAL,
				"server closed the stream without sending trailers");
	else if (!grpc_reader_is_between(&call->reader) && call->status == GRPC_OK)
		grpc_call_ended(call, GRPC_INTERNAL, "the stream ended inside a message");
	else
		grpc_call_ended(call, (int)call->status, call->text.len ? call->text.data : "");
	/* Whatever we still had to say is of no interest to it. */
	if (!call->finished)
		nghttp2_submit_rst_stream(call->conn->session, NGHTTP2_FLAG_NONE, (int32_t)call->id,
					  NGHTTP2_CANCEL);
}

static void response_complete(struct grpc_call *call)
{
	char text[80];

	if (call->is_too_large) {
		grpc_call_break(call, GRPC_RESOURCE_EXHAUSTED,
				"the headers of the response are too large");
		return;
	}
	if (call->status >= 0 || call->http_status < 200 ||
	    (call->http_status == 200 && call->is_grpc))
		return;
	if (call->http_status == 200) {
		grpc_call_break(call, GRPC_UNKNOWN,
				"the response is no gRPC: unexpected content-type");
		return;
	}
	snprintf(text, sizeof(text), "unexpected HTTP status code received from server: %d",
		 call->http_status);
	grpc_call_break(call, grpc_status_of_http(call->http_status), text);
}

static void request_ended(struct grpc_call *call)
{
	call->peer_finished = true;
	if (call->over)
		return;
	if (grpc_reader_is_between(&call->reader))
		grpc_raise(call->conn, grpc_queued_new(GRPC_HALF_CLOSED, call->id));
	else
		grpc_call_break(call, GRPC_INTERNAL, "the stream ended inside a message");
}

void grpc_head_complete(struct grpc_call *call, const nghttp2_frame *frame)
{
	bool is_client = call->conn->options.role == GRPC_CLIENT;

	if (frame->hd.type == NGHTTP2_HEADERS && is_client && !call->over)
		response_complete(call);
	else if (frame->hd.type == NGHTTP2_HEADERS && call->opening)
		request_complete(call);
	if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return;
	if (!is_client)
		request_ended(call);
	else if (!call->over)
		response_ended(call);
}
