/* What a container gets where whoever made it left it open: the daemon's configuration decides.
 *
 * All zeroes is what docker does without a configuration. */
#ifndef SHOAL_ENGINE_DEFAULTS_H
#define SHOAL_ENGINE_DEFAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "pb/pb.h"

struct engine_defaults {
	Pb__Ulimit *const *ulimits; /* each where the container names none of that type */
	size_t ulimit_count;
	int64_t shm_size_bytes;    /* 0: 64 MiB */
	const char *ipc_mode;      /* NULL: "private" */
	const char *cgroupns_mode; /* NULL: "private" under cgroup v2, else "host" */
	const char *publish_ip;    /* of published ports; NULL: all addresses */
	const char *host_gateway;  /* what "host-gateway" means in --add-host; NULL: the bridge's */
	bool init;                 /* a process 1 of ours reaps */
	bool no_new_privileges;    /* where no security option says */
	bool no_icc;               /* containers of the default bridge do not reach each other */
	const char *log_driver;    /* NULL: "json-file" */
	/* Of that driver; each where the container names no driver. "key", "value", ... */
	const char *const *log_options;
	size_t log_option_count; /* of pairs */
};

/* Fill in `host`, before host_config_complete(). */
void host_config_take_defaults(struct arena *a, const struct engine_defaults *defaults,
			       Pb__HostConfig *host);

#endif
