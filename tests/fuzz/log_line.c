/* A line of a log. */
#include "host/logs/line.h"

#include <assert.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char time[LOG_TIME_MAX];
	struct log_line line;

	if (!log_line_parse(str_bytes(data, size), &line))
		return 0;
	assert(line.text.len < size);
	log_time_print(line.at_ns, time);
	return 0;
}
