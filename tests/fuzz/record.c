/* Records of our own processes: a worker that was taken over may send any bytes. */
#include "wire/record.h"

#include <assert.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct str name, value;
	struct record r, again;
	struct err e;
	size_t used, used_again, at = 0, fields = 0;

	if (!record_parse(str_bytes(data, size), &r, &used, &e) || used == 0)
		return 0;
	assert(used <= size);

	/* What was read can be written again, byte by byte. */
	record_begin(&w);
	while (record_next(&r, &at, &name, &value)) {
		char text[RECORD_NAME_MAX + 1];

		memcpy(text, name.ptr, name.len);
		text[name.len] = '\0';
		record_add(&w, text, value);
		(void)record_get_i64(&r, text, 0);
		fields++;
	}
	assert(record_end(&w, &e));
	assert(w.bytes.len == used && memcmp(w.bytes.data, data, used) == 0);
	assert(record_parse(buf_str(&w.bytes), &again, &used_again, &e) && used_again == used);
	return 0;
}
