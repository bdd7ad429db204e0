#include "wire/stdcopy.h"

#include "base/err.h"

void stdcopy_header(uint8_t out[STDCOPY_HEADER_LEN], enum stdcopy_stream stream, uint32_t length)
{
	memset(out, 0, STDCOPY_HEADER_LEN);
	out[0] = (uint8_t)stream;
	for (int i = 0; i < 4; i++)
		out[4 + i] = (uint8_t)(length >> (24 - 8 * i));
}

void stdcopy_write(struct buf *out, enum stdcopy_stream stream, struct str bytes)
{
	char *to = bytes.len <= UINT32_MAX ? buf_extend(out, STDCOPY_HEADER_LEN + bytes.len) : NULL;

	if (!to) {
		out->overflow = true;
		return;
	}
	stdcopy_header((uint8_t *)to, stream, (uint32_t)bytes.len);
	if (bytes.len)
		memcpy(to + STDCOPY_HEADER_LEN, bytes.ptr, bytes.len);
}

static bool header_complete(struct stdcopy_reader *r, struct err *e)
{
	const uint8_t *h = r->header;

	if (h[0] > STDCOPY_ERROR || h[1] || h[2] || h[3])
		return fail(e, ERR_INVALID,
			    "not a multiplexed stream: header begins %02x %02x %02x %02x", h[0],
			    h[1], h[2], h[3]);
	r->left = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
	if (r->left == 0)
		r->header_len = 0;
	return true;
}

static bool read_header(struct stdcopy_reader *r, struct str *in, struct err *e)
{
	while (in->len > 0 && r->header_len < STDCOPY_HEADER_LEN) {
		r->header[r->header_len++] = (uint8_t)*in->ptr;
		in->ptr++;
		in->len--;
	}
	return r->header_len < STDCOPY_HEADER_LEN || header_complete(r, e);
}

enum stdcopy_event stdcopy_next(struct stdcopy_reader *r, struct str *in,
				enum stdcopy_stream *stream, struct str *payload, struct err *e)
{
	size_t n;

	while (r->left == 0 && in->len > 0)
		if (!read_header(r, in, e))
			return STDCOPY_FAILED;
	if (in->len == 0)
		return STDCOPY_MORE;

	n = in->len < r->left ? in->len : r->left;
	*stream = r->header[0];
	*payload = str_bytes(in->ptr, n);
	in->ptr += n;
	in->len -= n;
	r->left -= (uint32_t)n;
	if (r->left == 0)
		r->header_len = 0;
	return STDCOPY_DATA;
}
