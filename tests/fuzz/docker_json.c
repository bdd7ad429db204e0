#include <assert.h>

#include "docker/tables.h"
#include "fuzz.h"

static const struct dialect *const tables[] = {
	&dialect_service_spec,
	&dialect_service,
	&dialect_task,
	&dialect_node,
	&dialect_node_spec,
	&dialect_cluster,
	&dialect_cluster_spec,
	&dialect_secret_spec,
	&dialect_config_spec,
	&dialect_swarm_init,
	&dialect_swarm_join,
	&dialect_swarm_unlock,
	&dialect_network_create,
	&dialect_network_object,
	&dialect_mount,
	&dialect_container_create,
	&dialect_container_config,
	&dialect_host_config,
	&dialect_endpoint_settings,
	&dialect_exec_create,
	&dialect_exec_start,
	&dialect_volume_create,
	&dialect_network_connect,
	&dialect_auth,
	&dialect_image,
	&dialect_volume,
	&dialect_container,
	&dialect_exec,
};

static void *read(struct arena *a, const struct dialect *d, struct str text, int version)
{
	void *message = pb_new(a, d->type);
	struct err e;

	return dialect_read(a, d, text, version, message, &e) ? message : NULL;
}

#define ROUNDS_MAX 8

/* The first byte chooses table and version. What was written can be read; an absent object may come
 * back as an empty one, so texts grow for a while, but no longer than objects nest. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf before = BUF_MAX(64 << 20);
	const struct dialect *d;
	void *message;
	int version;

	if (size == 0)
		return 0;
	d = tables[(data[0] & 0x7f) % (sizeof(tables) / sizeof(tables[0]))];
	version = data[0] & 0x80 ? 47 : 24;
	message = read(&a, d, str_bytes(data + 1, size - 1), version);
	for (int round = 0; message; round++) {
		AUTO_BUF struct buf after = BUF_MAX(64 << 20);
		struct json j = json_begin(&after);

		dialect_write(&j, NULL, d, message, version);
		assert(json_is_complete(&j));
		if (round > 0 && str_equal(buf_str(&before), buf_str(&after)))
			return 0;
		assert(round < ROUNDS_MAX);
		message = read(&a, d, buf_str(&after), version);
		assert(message);
		buf_reset(&before);
		buf_append_str(&before, buf_str(&after));
	}
	return 0;
}
