#include "wire/stdcopy.h"

#include <assert.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_bytes(data, size), payload;
	struct stdcopy_reader r = { 0 };
	enum stdcopy_stream stream;
	enum stdcopy_event event;
	size_t total = 0;
	struct err e;

	while ((event = stdcopy_next(&r, &in, &stream, &payload, &e)) == STDCOPY_DATA) {
		assert(payload.len > 0 && stream <= STDCOPY_ERROR);
		total += payload.len;
	}
	assert(total <= size);
	assert(event == STDCOPY_FAILED || in.len == 0);
	return 0;
}
