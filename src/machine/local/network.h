/* The network of local hosts: a bridge shoal0 in the namespace of whoever makes the first host, and
 * a /24 that nothing here has a route to. The bridge is .1; hosts are .2 and up. Hosts reach each
 * other and this computer; packets to elsewhere leave under this computer's address by a rule in a
 * table of our own (nft table ip shoal_machine), no other rule is touched.
 *
 * The first host makes it all, the last one to be removed takes it away. One command at a time
 * changes it: each verb here holds RUN_FOLDER/lock while it works. */
#ifndef SHOAL_MACHINE_LOCAL_NETWORK_H
#define SHOAL_MACHINE_LOCAL_NETWORK_H

#include <stdbool.h>
#include <sys/types.h>

#include "machine/local/host.h"

#define BRIDGE_NAME "shoal0"

/* Take an address for a host and write its record, unless it has one; h->address and h->network
 * are set. ERR_EXHAUSTED when there is no free network or address. */
bool network_reserve(struct host *h, struct err *e) MUST_CHECK;
/* See that the bridge is there. *note is "" or a sentence about what hosts will miss. */
bool network_up(const struct host *h, char note[ERR_TEXT_MAX], struct err *e) MUST_CHECK;
/* Give the network namespace of process `pid` a link, its address and a way out. */
bool network_plug(const struct host *h, pid_t pid, struct err *e) MUST_CHECK;
bool network_unplug(const char *id, struct err *e) MUST_CHECK;
/* Remove the host's record and folder, and the network with the last one. Gone is fine. */
bool network_release(const char *id, struct err *e) MUST_CHECK;
/* Drop all packets of a host, or let them through. Its link stays up: nobody hears a FIN. */
bool network_cut(const char *id, bool is_cut, struct err *e) MUST_CHECK;

/* Does this computer have a route into address/24? `routes` is the text of /proc/net/route. */
bool network_is_taken(struct str routes, uint32_t network);

#endif
