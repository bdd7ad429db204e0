/* What a driver that is a program says. */
#include "machine/external/external.h"

#include <assert.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct option rows[EXTERNAL_OPTIONS_MAX + 1];
	const json_t *value = NULL;
	enum line_kind kind;
	struct err e;
	json_t *line = external_line(str_bytes(data, size), &kind, &value, &e);

	if (!line)
		return 0;
	assert(value);
	if (kind == LINE_DONE && external_rows((json_t *)value, rows, &e))
		assert(!rows[EXTERNAL_OPTIONS_MAX].kind);
	json_decref(line);
	return 0;
}
