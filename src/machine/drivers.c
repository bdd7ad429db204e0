/* The drivers there are, what their states are called, and looking at hosts of several of them. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "machine/driver.h"
#include "machine/engine.h"
#include "machine/external/external.h"
#include "machine/provision.h"
#include "template/field.h"

#define LOOK_MS 30000

static const struct driver *const drivers[] = { &local_driver, &none_driver, &generic_driver,
						&ec2_driver };

const struct driver *driver_at(size_t i)
{
	return i < ARRAY_LEN(drivers) ? drivers[i] : NULL;
}

const struct driver *driver_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	return external_find(name);
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

const struct provisioner *machine_provisioner(const struct machine *m)
{
	const char *engine = field_text(m->config, "HostOptions.EngineOptions.Engine");

	if (m->driver->is_far && strcmp(engine, "shoal") != 0)
		return NULL;
	return m->driver->provisioner;
}

void machines_look(struct machine *const *machines, size_t count, int64_t timeout_ms)
{
	AUTO_FREE struct machine **left = xcalloc(count + 1, sizeof(struct machine *));
	AUTO_FREE struct machine **of_one = xcalloc(count + 1, sizeof(struct machine *));

	memcpy(left, machines, count * sizeof(struct machine *));
	for (size_t i = 0; i < count; i++) {
		const struct driver *d = left[i] ? left[i]->driver : NULL;
		size_t found = 0;

		for (size_t j = i; d && j < count; j++) {
			if (!left[j] || left[j]->driver != d)
				continue;
			of_one[found++] = left[j];
			left[j] = NULL;
		}
		if (found)
			d->look(of_one, found, timeout_ms);
	}
}

enum machine_state machine_look(struct machine *m)
{
	m->driver->look(&m, 1, LOOK_MS);
	return m->state;
}

char *machine_url_seen(const struct machine *m)
{
	const char *address = field_text(m->own, "IPAddress");

	if (m->state != STATE_RUNNING)
		return NULL;
	if (m->driver->url)
		return m->driver->url(m);
	return xasprintf(strchr(address, ':') ? "tcp://[%s]:%d" : "tcp://%s:%d", address,
			 ENGINE_PORT);
}

char *machine_url(struct machine *m, struct err *e)
{
	if (machine_look(m) == STATE_RUNNING)
		return machine_url_seen(m);
	if (m->state == STATE_ERROR && m->why.kind)
		*e = m->why;
	else
		fail(e, ERR_UNAVAILABLE, "Host is not running");
	return NULL;
}
