#include "swarm/unlock_key.h"

#include <string.h>

#define SUBSYSTEM "swarm-manager"

struct str unlock_key_of(const Pb__Cluster *cluster)
{
	for (size_t i = 0; i < cluster->n_unlock_keys; i++) {
		const Pb__EncryptionKey *k = cluster->unlock_keys[i];

		if (strcmp(k->subsystem, SUBSYSTEM) == 0)
			return str_bytes(k->key.data, k->key.len);
	}
	return STR("");
}

void unlock_key_set(Pb__Cluster *cluster, struct str key, struct arena *a)
{
	Pb__EncryptionKey *k;

	cluster->n_unlock_keys = 0;
	if (key.len == 0)
		return;
	k = PB_NEW(a, encryption_key);
	k->subsystem = SUBSYSTEM;
	k->key.data = arena_copy(a, key.ptr, key.len);
	k->key.len = key.len;
	PB_APPEND(a, cluster, unlock_keys, k);
}
