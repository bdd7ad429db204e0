/* Maps of strings: labels, options, sysctls.
 *
 * In a message a map<string, string> is a list of Pb__MapEntry, sorted by key in byte order, no
 * key twice. pb_decode() sees to that for what comes in, pb_map_set() for what we write. */
#ifndef SHOAL_PB_MAP_H
#define SHOAL_PB_MAP_H

#include "pb/pb.h"

/* The value, or NULL if the key is not there. */
const char *pb_map_get(Pb__MapEntry *const *entries, size_t count, const char *key);
#define PB_MAP_GET(message, map, key) pb_map_get((message)->map, (message)->n_##map, (key))

/* Set or replace. The list, the entry, key and value are copied into the arena; what was there
 * before is left as it was, so a message that shares the old entries does not notice. */
void pb_map_set(struct arena *a, Pb__MapEntry ***entries, size_t *count, const char *key,
		const char *value);
#define PB_MAP_SET(arena, message, map, key, value)                                                \
	pb_map_set((arena), &(message)->map, &(message)->n_##map, (key), (value))

/* True if it was there. */
bool pb_map_remove(struct arena *a, Pb__MapEntry ***entries, size_t *count, const char *key);
#define PB_MAP_REMOVE(arena, message, map, key)                                                    \
	pb_map_remove((arena), &(message)->map, &(message)->n_##map, (key))

#endif
