#include "api/route.h"

#include <string.h>

#include "api/call.h"
#include "api/engine_routes.h"

#define BUILD           "building images is not available: build elsewhere and load or pull the image"
#define PLUGINS         "plugins are not available"
#define CHECKPOINTS     "checkpoints are not available"
#define SEARCH          "searching registries is not available"
#define CLUSTER_VOLUMES "cluster volumes are not available"

/* Pattern before pattern: the first that matches is taken. */
const struct route routes[] = {
	{ "GET", "/_ping", 0, 0, ping },
	{ "HEAD", "/_ping", 0, 0, ping },
	{ "GET", "/version", 0, 0, system_version },
	{ "GET", "/info", 0, 0, system_info },
	{ "POST", "/build/prune", 31, 0, build_prune },
	{ "GET", "/plugins", 25, 0, plugins_list },
	{ "GET", "/plugins/{*}/json", 25, 0, plugin_inspect },

	{ "GET", "/swarm", 0, NEEDS_MANAGER, swarm_inspect },
	{ "POST", "/swarm/init", 0, JSON_BODY, swarm_init },
	{ "POST", "/swarm/join", 0, JSON_BODY, swarm_join },
	{ "POST", "/swarm/leave", 0, 0, swarm_leave },
	{ "POST", "/swarm/update", 0, NEEDS_MANAGER | JSON_BODY, swarm_update },
	{ "GET", "/swarm/unlockkey", 0, NEEDS_MANAGER, swarm_unlock_key },
	{ "POST", "/swarm/unlock", 0, JSON_BODY, swarm_unlock },
	{ "GET", "/swarm/backup", 0, NEEDS_MANAGER, swarm_backup },
	{ "POST", "/swarm/restore", 0, 0, swarm_restore },
	{ "GET", "/swarm/status", 0, NEEDS_MANAGER, swarm_status },

	{ "GET", "/nodes", 0, NEEDS_MANAGER, nodes_list },
	{ "GET", "/nodes/{}", 0, NEEDS_MANAGER, node_inspect },
	{ "POST", "/nodes/{}/update", 0, NEEDS_MANAGER | JSON_BODY, node_update },
	{ "DELETE", "/nodes/{}", 0, NEEDS_MANAGER, node_remove },

	{ "GET", "/services", 0, NEEDS_MANAGER, services_list },
	{ "GET", "/services/{}", 0, NEEDS_MANAGER, service_inspect },
	{ "POST", "/services/create", 0, NEEDS_MANAGER | JSON_BODY, service_create },
	{ "POST", "/services/{}/update", 0, NEEDS_MANAGER | JSON_BODY, service_update },
	{ "DELETE", "/services/{}", 0, NEEDS_MANAGER, service_remove },
	{ "GET", "/services/{}/logs", 29, NEEDS_MANAGER, service_logs_read },

	{ "GET", "/tasks", 0, NEEDS_MANAGER, tasks_list },
	{ "GET", "/tasks/{}", 0, NEEDS_MANAGER, task_inspect },
	{ "GET", "/tasks/{}/logs", 29, NEEDS_MANAGER, task_logs_read },

	{ "GET", "/secrets", 25, NEEDS_MANAGER, payloads_list },
	{ "GET", "/secrets/{}", 25, NEEDS_MANAGER, payload_inspect },
	{ "POST", "/secrets/create", 25, NEEDS_MANAGER | JSON_BODY, payload_create },
	{ "POST", "/secrets/{}/update", 25, NEEDS_MANAGER | JSON_BODY, payload_update },
	{ "DELETE", "/secrets/{}", 25, NEEDS_MANAGER, payload_remove },
	{ "GET", "/configs", 30, NEEDS_MANAGER, payloads_list },
	{ "GET", "/configs/{}", 30, NEEDS_MANAGER, payload_inspect },
	{ "POST", "/configs/create", 30, NEEDS_MANAGER | JSON_BODY, payload_create },
	{ "POST", "/configs/{}/update", 30, NEEDS_MANAGER | JSON_BODY, payload_update },
	{ "DELETE", "/configs/{}", 30, NEEDS_MANAGER, payload_remove },

	{ "GET", "/networks", 0, 0, networks_list },
	{ "GET", "/networks/{}", 0, 0, network_inspect },
	{ "POST", "/networks/create", 0, JSON_BODY, network_create },
	{ "DELETE", "/networks/{}", 0, 0, network_remove },

	{ "GET", "/containers/json", 0, NEEDS_ENGINE, containers_list },
	{ "POST", "/containers/create", 0, NEEDS_ENGINE | JSON_BODY, container_create },
	{ "POST", "/containers/prune", 25, NEEDS_ENGINE, containers_prune },
	{ "GET", "/containers/{}/json", 0, NEEDS_ENGINE, container_inspect },
	{ "POST", "/containers/{}/start", 0, NEEDS_ENGINE, container_start },
	{ "POST", "/containers/{}/stop", 0, NEEDS_ENGINE, container_stop },
	{ "POST", "/containers/{}/restart", 0, NEEDS_ENGINE, container_restart },
	{ "POST", "/containers/{}/kill", 0, NEEDS_ENGINE, container_send_signal },
	{ "POST", "/containers/{}/pause", 0, NEEDS_ENGINE, container_pause },
	{ "POST", "/containers/{}/unpause", 0, NEEDS_ENGINE, container_unpause },
	{ "POST", "/containers/{}/wait", 0, NEEDS_ENGINE, container_wait },
	{ "POST", "/containers/{}/rename", 0, NEEDS_ENGINE, container_rename },
	{ "POST", "/containers/{}/update", 0, NEEDS_ENGINE | JSON_BODY, container_update },
	{ "POST", "/containers/{}/resize", 0, NEEDS_ENGINE, container_resize },
	{ "POST", "/containers/{}/attach", 0, NEEDS_ENGINE, container_attach },
	{ "POST", "/containers/{}/exec", 0, NEEDS_ENGINE | JSON_BODY, exec_create },
	{ "GET", "/containers/{}/logs", 0, NEEDS_ENGINE, container_logs },
	{ "GET", "/containers/{}/top", 0, NEEDS_ENGINE, container_top },
	{ "GET", "/containers/{}/stats", 0, NEEDS_ENGINE, container_stats },
	{ "GET", "/containers/{}/export", 0, NEEDS_ENGINE, container_export },
	{ "HEAD", "/containers/{}/archive", 0, NEEDS_ENGINE, container_stat_path },
	{ "GET", "/containers/{}/archive", 0, NEEDS_ENGINE, container_get_archive },
	{ "PUT", "/containers/{}/archive", 0, NEEDS_ENGINE | STREAM_BODY, container_put_archive },
	{ "GET", "/containers/{}/changes", 0, NEEDS_ENGINE, container_changes },
	{ "DELETE", "/containers/{}", 0, NEEDS_ENGINE, container_remove },
	{ "POST", "/commit", 0, NEEDS_ENGINE | JSON_BODY, container_commit },
	{ "POST", "/exec/{}/start", 0, NEEDS_ENGINE | JSON_BODY, exec_start },
	{ "POST", "/exec/{}/resize", 0, NEEDS_ENGINE, exec_resize },
	{ "GET", "/exec/{}/json", 0, NEEDS_ENGINE, exec_inspect },

	{ "GET", "/images/json", 0, NEEDS_ENGINE, images_list },
	{ "GET", "/images/get", 0, NEEDS_ENGINE, images_save },
	{ "POST", "/images/create", 0, NEEDS_ENGINE | STREAM_BODY, image_create },
	{ "POST", "/images/load", 0, NEEDS_ENGINE | STREAM_BODY, images_load },
	{ "POST", "/images/prune", 25, NEEDS_ENGINE, images_prune },
	{ "GET", "/images/{*}/json", 0, NEEDS_ENGINE, image_inspect },
	{ "GET", "/images/{*}/history", 0, NEEDS_ENGINE, image_history },
	{ "GET", "/images/{*}/get", 0, NEEDS_ENGINE, image_save },
	{ "POST", "/images/{*}/push", 0, NEEDS_ENGINE, image_push },
	{ "POST", "/images/{*}/tag", 0, NEEDS_ENGINE, image_tag },
	{ "DELETE", "/images/{*}", 0, NEEDS_ENGINE, image_remove },
	{ "GET", "/distribution/{*}/json", 30, NEEDS_ENGINE, distribution_inspect },
	{ "POST", "/auth", 0, NEEDS_ENGINE | JSON_BODY, registry_login_check },

	{ "GET", "/volumes", 0, NEEDS_ENGINE, volumes_list },
	{ "POST", "/volumes/create", 0, NEEDS_ENGINE | JSON_BODY, volume_create },
	{ "POST", "/volumes/prune", 25, NEEDS_ENGINE, volumes_prune },
	{ "GET", "/volumes/{}", 0, NEEDS_ENGINE, volume_inspect },
	{ "DELETE", "/volumes/{}", 0, NEEDS_ENGINE, volume_remove },

	{ "POST", "/networks/prune", 25, NEEDS_ENGINE, networks_prune },
	{ "POST", "/networks/{}/connect", 0, NEEDS_ENGINE | JSON_BODY, network_connect },
	{ "POST", "/networks/{}/disconnect", 0, NEEDS_ENGINE | JSON_BODY, network_disconnect },

	{ "GET", "/events", 0, NEEDS_ENGINE, system_events },
	{ "GET", "/system/df", 25, NEEDS_ENGINE, system_df },

	{ "POST", "/build", 0, 0, .absent = BUILD },
	{ "POST", "/build/cancel", 39, 0, .absent = BUILD },
	{ "POST", "/session", 39, 0, .absent = BUILD },
	{ "POST", "/grpc", 39, 0, .absent = BUILD },
	{ "GET", "/images/search", 0, 0, .absent = SEARCH },
	{ "GET", "/plugins/privileges", 25, 0, .absent = PLUGINS },
	{ "POST", "/plugins/pull", 25, 0, .absent = PLUGINS },
	{ "POST", "/plugins/create", 25, 0, .absent = PLUGINS },
	{ "POST", "/plugins/{*}/enable", 25, 0, .absent = PLUGINS },
	{ "POST", "/plugins/{*}/disable", 25, 0, .absent = PLUGINS },
	{ "POST", "/plugins/{*}/push", 25, 0, .absent = PLUGINS },
	{ "POST", "/plugins/{*}/upgrade", 25, 0, .absent = PLUGINS },
	{ "POST", "/plugins/{*}/set", 25, 0, .absent = PLUGINS },
	{ "DELETE", "/plugins/{*}", 25, 0, .absent = PLUGINS },
	{ "GET", "/containers/{}/checkpoints", 25, 0, .absent = CHECKPOINTS },
	{ "POST", "/containers/{}/checkpoints", 25, 0, .absent = CHECKPOINTS },
	{ "DELETE", "/containers/{}/checkpoints/{}", 25, 0, .absent = CHECKPOINTS },
	{ "GET", "/containers/{}/attach/ws", 0, 0,
	  .absent = "attaching through a websocket is not available: use POST "
		    "/containers/{id}/attach" },
	{ "PUT", "/volumes/{}", 42, 0, .absent = CLUSTER_VOLUMES },
	{ NULL },
};

static const char *segment_end(const char *path)
{
	const char *slash = strchr(path, '/');

	return slash ? slash : path + strlen(path);
}

/* Match `path` from here on; on success the params behind `count` are set. */
static bool matches(struct call *c, const char *pattern, const char *path, size_t count)
{
	bool takes_more = strncmp(pattern, "{*}", 3) == 0;
	const char *end;

	if (pattern[0] != '{') {
		const char *stop = strchr(pattern, '{');
		size_t len = stop ? (size_t)(stop - pattern) : strlen(pattern);

		if (!stop)
			return strcmp(pattern, path) == 0;
		return strncmp(pattern, path, len) == 0 && matches(c, stop, path + len, count);
	}
	pattern += takes_more ? 3 : 2;
	/* As long as it can be: an image's name may end like an action. */
	end = takes_more ? path + strlen(path) : segment_end(path);
	for (; end > path; end--) {
		if (takes_more && *end != '/' && *end != '\0')
			continue;
		if (matches(c, pattern, end, count + 1)) {
			c->params[count] =
				arena_str(&c->arena, str_bytes(path, (size_t)(end - path)));
			return true;
		}
		if (!takes_more)
			return false;
	}
	return false;
}

bool route_matches(struct call *c, const struct route *r, const char *path)
{
	return matches(c, r->pattern, path, 0);
}
