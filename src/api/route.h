/* The table of routes: all that is alike in requests is a column of it. */
#ifndef SHOAL_API_ROUTE_H
#define SHOAL_API_ROUTE_H

#include <stdbool.h>

struct call;

enum route_flags {
	NEEDS_MANAGER = 1 << 0, /* refused on a node that is no active manager */
	NEEDS_ENGINE = 1 << 1,
	JSON_BODY = 1 << 2,   /* a body, if there is one, must be JSON */
	STREAM_BODY = 1 << 3, /* the handler runs before the body, and joins it */
};

struct route {
	const char *method;
	const char *pattern; /* {} is one segment, {*} one or more */
	int since;           /* API 1.since */
	unsigned flags;
	void (*handle)(struct call *c);
	const char *absent; /* we know it and do not have it: this sentence and 501 */
};

extern const struct route routes[];

/* Match a decoded path without its version: params point into a copy in the call's arena. */
bool route_matches(struct call *c, const struct route *r, const char *path);

/* Handlers, one file a noun. */
#define HANDLER(name) void name(struct call *c)
HANDLER(ping);
HANDLER(system_version);
HANDLER(system_info);
HANDLER(swarm_inspect);
HANDLER(swarm_init);
HANDLER(swarm_join);
HANDLER(swarm_leave);
HANDLER(swarm_update);
HANDLER(swarm_unlock_key);
HANDLER(swarm_unlock);
HANDLER(swarm_backup);
HANDLER(swarm_restore);
HANDLER(swarm_status);
HANDLER(nodes_list);
HANDLER(node_inspect);
HANDLER(node_update);
HANDLER(node_remove);
HANDLER(services_list);
HANDLER(service_inspect);
HANDLER(service_create);
HANDLER(service_update);
HANDLER(service_remove);
HANDLER(service_logs_read);
HANDLER(tasks_list);
HANDLER(task_inspect);
HANDLER(task_logs_read);
HANDLER(payloads_list);
HANDLER(payload_inspect);
HANDLER(payload_create);
HANDLER(payload_update);
HANDLER(payload_remove);
HANDLER(networks_list);
HANDLER(network_inspect);
HANDLER(network_create);
HANDLER(network_remove);
HANDLER(plugins_list);
HANDLER(plugin_inspect);
HANDLER(build_prune);

#endif
