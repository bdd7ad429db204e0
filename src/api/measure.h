/* What things take on disk: the engine is asked for one after the other. */
#ifndef SHOAL_API_MEASURE_H
#define SHOAL_API_MEASURE_H

#include "api/call.h"

struct measured {
	const char *name; /* a container's id, or a volume's name; lives as long as the call */
	bool is_volume;
	int64_t bytes, written_bytes; /* 0 when it is gone meanwhile */
};

/* Fill in the sizes, then go on. Nothing to measure goes on at once. */
void measure(struct call *c, struct measured *list, size_t count, void (*then)(struct call *c));

#endif
