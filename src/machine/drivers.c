/* The drivers there are, and what their states are called. */
#include <string.h>

#include "base/mem.h"
#include "machine/driver.h"

static const struct driver *const drivers[] = { &local_driver };

const struct driver *driver_at(size_t i)
{
	return i < ARRAY_LEN(drivers) ? drivers[i] : NULL;
}

const struct driver *driver_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	return NULL;
}

const char *state_name(enum machine_state s)
{
	static const char *const names[] = {
		[STATE_NONE] = "",
		[STATE_RUNNING] = "Running",
		[STATE_PAUSED] = "Paused",
		[STATE_SAVED] = "Saved",
		[STATE_STOPPED] = "Stopped",
		[STATE_STOPPING] = "Stopping",
		[STATE_STARTING] = "Starting",
		[STATE_ERROR] = "Error",
		[STATE_TIMEOUT] = "Timeout",
	};

	return names[s];
}
