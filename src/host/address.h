/* Which addresses this host has, and which of them a swarm should use.
 *
 * Names of interfaces become addresses. What is left open is chosen as the reference does: on
 * joining, the address from which the manager is reached; else the only one of the physical
 * interfaces, and if there is none on those, the only one of all interfaces that are not the
 * engine's own. Two to choose from is a refusal that names both. IPv4 comes before IPv6 on one
 * interface. */
#ifndef SHOAL_HOST_ADDRESS_H
#define SHOAL_HOST_ADDRESS_H

#include "base/arena.h"
#include "base/err.h"

#define SWARM_PORT "2377"

struct address_config {
	const char *default_advertise; /* "": none */
	const char *own_prefix;        /* links of the engine's own begin so; "": none */
};

/* `listen` and `advertise` as the user wrote them ("" for open), `remote` a manager's address with
 * port, or NULL. Both results have ports and live in the arena. `self` is a struct address_config.
 */
bool address_choose(void *self, const char *listen, const char *advertise, const char *remote,
		    struct arena *a, const char **chosen_listen, const char **chosen_advertise,
		    struct err *e) MUST_CHECK;

#endif
