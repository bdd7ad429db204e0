/* A server reads requests in pieces whose size the input chooses. */
#include <assert.h>

#include "base/err.h"
#include "fuzz.h"
#include "wire/http1.h"
#include "wire/http1_writer.h"

static void answer(const struct http1_head *head)
{
	AUTO_BUF struct buf out = BUF_MAX(4096);
	struct http1_writer w;

	http1_write_response(&w, &out, head, 200, NULL);
	http1_write_head_end(&w, HTTP1_CHUNKED, 0);
	http1_write_body(&w, STR("x"));
	http1_write_end(&w);
	assert(!out.overflow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http1 h;
	struct err e;
	size_t at = 1, step;
	enum http1_event event = HTTP1_MORE;

	if (size == 0)
		return 0;
	step = (size_t)data[0] + 1;
	http1_init(&h, HTTP1_SERVER);
	while (at < size && event != HTTP1_FAILED) {
		struct str in = str_bytes(data + at, size - at < step ? size - at : step), body;

		at += in.len;
		while ((event = http1_next(&h, &in, &body, &e)) != HTTP1_MORE &&
		       event != HTTP1_FAILED)
			if (event == HTTP1_HEAD)
				answer(http1_head(&h));
		assert(event == HTTP1_FAILED || in.len == 0);
	}
	if (event != HTTP1_FAILED)
		(void)http1_finish(&h, &e);
	http1_clear(&h);
	return 0;
}
