/* The names that containers of a network know each other by: pushed by the mind, whole each time.
 */
#ifndef SHOAL_HOST_NET_NAMES_H
#define SHOAL_HOST_NET_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/tree.h"

struct names_entry {
	const char *name; /* in any case; a name may have several addresses */
	uint32_t address;
};

struct network_names {
	struct tree_node by_id;
	char *id;
	struct names_entry *entries; /* by name, then address */
	size_t count;
};

struct names {
	struct tree networks;
};

void names_init(struct names *names);
void names_clear(struct names *names);
void names_set(struct names *names, const char *network, const struct names_entry *entries,
	       size_t count);
void names_drop(struct names *names, const char *network);

/* How many addresses a name has in a network; at most max of them are told. */
size_t names_find(const struct names *names, const char *network, const char *name,
		  uint32_t *addresses, size_t max);
/* A name of an address, or NULL. */
const char *names_of_address(const struct names *names, const char *network, uint32_t address);

#endif
