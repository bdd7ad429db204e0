/* A client reads responses in pieces whose size the input chooses; an odd size asks with HEAD. */
#include <assert.h>

#include "base/err.h"
#include "fuzz.h"
#include "wire/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http1 h;
	struct err e;
	size_t at = 1, step;
	enum http1_event event = HTTP1_MORE;

	if (size == 0)
		return 0;
	step = (size_t)data[0] + 1;
	http1_init(&h, HTTP1_CLIENT);
	if (step % 2)
		http1_expect_no_body(&h);
	while (at < size && event != HTTP1_FAILED) {
		struct str in = str_bytes(data + at, size - at < step ? size - at : step), body;

		at += in.len;
		while ((event = http1_next(&h, &in, &body, &e)) != HTTP1_MORE &&
		       event != HTTP1_FAILED)
			if (event == HTTP1_BODY)
				assert(body.len > 0);
		assert(event == HTTP1_FAILED || in.len == 0);
	}
	if (event != HTTP1_FAILED)
		(void)http1_finish(&h, &e);
	http1_clear(&h);
	return 0;
}
