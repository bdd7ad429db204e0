/* Handlers of this host's own things, and how those are written into lists. */
#ifndef SHOAL_API_ENGINE_ROUTES_H
#define SHOAL_API_ENGINE_ROUTES_H

#include <stdint.h>

#include "api/measure.h"
#include "api/route.h"
#include "pb/pb.h"

struct json;

HANDLER(containers_list);
HANDLER(containers_prune);
HANDLER(container_create);
HANDLER(container_inspect);
HANDLER(container_start);
HANDLER(container_stop);
HANDLER(container_restart);
HANDLER(container_send_signal);
HANDLER(container_pause);
HANDLER(container_unpause);
HANDLER(container_wait);
HANDLER(container_rename);
HANDLER(container_remove);
HANDLER(container_update);
HANDLER(container_resize);
HANDLER(container_attach);
HANDLER(container_logs);
HANDLER(container_changes);
HANDLER(container_top);
HANDLER(container_stats);
HANDLER(container_stat_path);
HANDLER(container_get_archive);
HANDLER(container_put_archive);
HANDLER(container_export);
HANDLER(container_commit);
HANDLER(exec_create);
HANDLER(exec_start);
HANDLER(exec_inspect);
HANDLER(exec_resize);
HANDLER(images_list);
HANDLER(images_load);
HANDLER(images_save);
HANDLER(images_prune);
HANDLER(image_create);
HANDLER(image_inspect);
HANDLER(image_history);
HANDLER(image_push);
HANDLER(image_tag);
HANDLER(image_save);
HANDLER(image_remove);
HANDLER(distribution_inspect);
HANDLER(registry_login_check);
HANDLER(volumes_list);
HANDLER(volumes_prune);
HANDLER(volume_create);
HANDLER(volume_inspect);
HANDLER(volume_remove);
HANDLER(network_connect);
HANDLER(network_disconnect);
HANDLER(networks_prune);
HANDLER(system_events);
HANDLER(system_df);

/* One line of a list; `size` NULL: not asked for. */
void container_write_listed(struct json *j, struct call *c, const Pb__Container *k,
			    const struct measured *size);
/* `users` below zero: not counted. */
void image_write_listed(struct json *j, struct call *c, const Pb__LocalImage *image, int64_t users);
void volume_write(struct json *j, struct call *c, const Pb__LocalVolume *v,
		  const struct measured *size);

#endif
