#include <assert.h>

#include "docker/tables.h"
#include "fuzz.h"

static const struct dialect *const tables[] = {
	&dialect_service_spec, &dialect_service,      &dialect_task,         &dialect_node,
	&dialect_node_spec,    &dialect_cluster,      &dialect_cluster_spec, &dialect_secret_spec,
	&dialect_config_spec,  &dialect_swarm_init,   &dialect_swarm_join,   &dialect_swarm_unlock,
	&dialect_network_create, &dialect_network_object, &dialect_mount,
};

static void *read(struct arena *a, const struct dialect *d, struct str text, int version)
{
	void *message = pb_new(a, d->type);
	struct err e;

	return dialect_read(a, d, text, version, message, &e) ? message : NULL;
}

/* The first byte chooses table and version. What was read and written can be read, and is written the
 * same way again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf once = BUF_MAX(64 << 20), twice = BUF_MAX(64 << 20);
	struct json j = json_begin(&once);
	const struct dialect *d;
	void *message;
	int version;

	if (size == 0)
		return 0;
	d = tables[data[0] % (sizeof(tables) / sizeof(tables[0]))];
	version = data[0] & 1 ? 47 : 24;
	message = read(&a, d, str_bytes(data + 1, size - 1), version);
	if (!message)
		return 0;
	dialect_write(&j, NULL, d, message, version);
	assert(json_is_complete(&j));
	message = read(&a, d, buf_str(&once), version);
	assert(message);
	j = json_begin(&twice);
	dialect_write(&j, NULL, d, message, version);
	assert(str_equal(buf_str(&once), buf_str(&twice)));
	return 0;
}
