/* The hands behind seam/net: bridges, sandboxes and the rules between them.
 *
 *   <exec-root>/netns/<id>      the network namespace of a container
 *   sb<tag><8 digits>           a bridge, with the alias "shoal:<tag>:<network id>"
 *   sv<tag><8 digits>           the host's end of a container's link
 *   table ip shoal_<tag>        all rules
 *
 * The tag is five letters and digits that the path of the data root hashes to. Wants are carried
 * out in order by one job at a time, which takes all that wait, and writes the rules once. Nothing
 * is undone when this process ends: traffic goes on, and only the sockets that hold published ports
 * are gone until the mind wants their sandboxes again. */
#ifndef SHOAL_HOST_NET_NET_H
#define SHOAL_HOST_NET_NET_H

#include "base/err.h"
#include "seam/net.h"

struct loop;
struct net_hands;

struct net_hands_config {
	struct loop *loop;
	const char *data_root, *exec_root; /* copied */
};

bool net_hands_new(const struct net_hands_config *config, struct net_hands **hands,
		   struct err *e) MUST_CHECK;
/* Before loop_free(). */
void net_hands_free(struct net_hands *hands);

struct net net_hands_seam(struct net_hands *hands);

#endif
