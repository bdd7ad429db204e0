#include "wire/grpc_message.h"

#include "base/err.h"
#include "base/mem.h"

void grpc_reader_init(struct grpc_reader *r, size_t receive_max)
{
	*r = (struct grpc_reader){ .partial = BUF_MAX(receive_max) };
}

void grpc_reader_clear(struct grpc_reader *r)
{
	buf_clear(&r->partial);
}

static bool read_prefix(struct grpc_reader *r, struct str *in, enum grpc_status *status,
			struct err *e)
{
	while (in->len > 0 && r->prefix_len < GRPC_PREFIX_LEN) {
		r->prefix[r->prefix_len++] = (uint8_t)*in->ptr;
		in->ptr++;
		in->len--;
	}
	if (r->prefix_len < GRPC_PREFIX_LEN)
		return true;
	r->length = (uint32_t)r->prefix[1] << 24 | (uint32_t)r->prefix[2] << 16 |
		    (uint32_t)r->prefix[3] << 8 | r->prefix[4];
	if (r->prefix[0] == 1) {
		*status = GRPC_UNIMPLEMENTED;
		return fail(e, ERR_UNSUPPORTED, "grpc: compressed messages are not understood");
	}
	if (r->prefix[0] != 0) {
		*status = GRPC_INTERNAL;
		return fail(e, ERR_INVALID, "grpc: received unexpected payload format %d",
			    r->prefix[0]);
	}
	if (r->length > r->partial.max) {
		*status = GRPC_RESOURCE_EXHAUSTED;
		return fail(e, ERR_EXHAUSTED, "grpc: received message larger than max (%u vs. %zu)",
			    r->length, r->partial.max);
	}
	return true;
}

enum grpc_read grpc_read(struct grpc_reader *r, struct str *in, struct str *message,
			 enum grpc_status *status, struct err *e)
{
	size_t missing, n;

	if (r->prefix_len < GRPC_PREFIX_LEN && !read_prefix(r, in, status, e))
		return GRPC_READ_FAILED;
	if (r->prefix_len < GRPC_PREFIX_LEN)
		return GRPC_READ_MORE;

	missing = r->length - r->partial.len;
	n = in->len < missing ? in->len : missing;
	buf_append(&r->partial, in->ptr, n);
	in->ptr += n;
	in->len -= n;
	if (n < missing)
		return GRPC_READ_MORE;
	message->len = r->partial.len;
	message->ptr = buf_steal(&r->partial);
	r->prefix_len = 0;
	return GRPC_READ_MESSAGE;
}

bool grpc_reader_is_between(const struct grpc_reader *r)
{
	return r->prefix_len == 0;
}

void grpc_message_write(struct buf *out, struct str message)
{
	char *to =
		message.len <= UINT32_MAX ? buf_extend(out, GRPC_PREFIX_LEN + message.len) : NULL;

	if (!to) {
		out->overflow = true;
		return;
	}
	to[0] = 0;
	for (int i = 0; i < 4; i++)
		to[1 + i] = (char)(message.len >> (24 - 8 * i));
	if (message.len)
		memcpy(to + GRPC_PREFIX_LEN, message.ptr, message.len);
}
