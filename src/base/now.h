/* Time is a parameter. The mind has no clock: whoever runs it says what time it is. */
#ifndef SHOAL_BASE_NOW_H
#define SHOAL_BASE_NOW_H

#include <stdint.h>

struct now {
	int64_t mono_ms; /* never goes back; for deadlines */
	int64_t wall_ns; /* since 1970, UTC; for what people read and what is stored */
};

/* "Wake me never": no deadline. */
#define NEVER_MS INT64_MAX

#endif
