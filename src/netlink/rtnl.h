/* Links, addresses and routes of one network namespace, through rtnetlink (libmnl). Blocks.
 *
 * Each verb is one request to the kernel and its answer; making what is there and removing what is
 * gone succeed where it says so. */
#ifndef SHOAL_NETLINK_RTNL_H
#define SHOAL_NETLINK_RTNL_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct rtnl;

/* Of the namespace this thread is in, or of another (a descriptor; -1: this one). */
bool rtnl_open(int netns, struct rtnl **rtnl, struct err *e) MUST_CHECK;
void rtnl_close(struct rtnl *rtnl);

#define LINK_ALIAS_MAX 255

struct link {
	int index;
	char name[IFNAMSIZ];
	char alias[LINK_ALIAS_MAX + 1];
	char kind[16]; /* "bridge", "veth"; "" for others */
	uint8_t mac[6];
	int master; /* index, or 0 */
	int mtu;
	bool is_up;
};

/* ERR_NOT_FOUND when there is none of that name. */
bool link_find(struct rtnl *rtnl, const char *name, struct link *found, struct err *e) MUST_CHECK;
/* All links as they are at one moment, each once. Those beyond 65,536 are not seen. */
bool link_each(struct rtnl *rtnl, void *self, void (*see)(void *self, const struct link *l),
	       struct err *e) MUST_CHECK;

bool link_add_bridge(struct rtnl *rtnl, const char *name, int mtu, struct err *e) MUST_CHECK;

struct veth {
	const char *name;      /* of the end that is here */
	const char *peer_name; /* of the end that is born in `peer_netns` */
	int peer_netns;
	uint8_t peer_mac[6];
	int mtu;
	int master; /* index of a bridge here */
};
/* Both ends are down. */
bool link_add_veth(struct rtnl *rtnl, const struct veth *v, struct err *e) MUST_CHECK;

struct link_change {
	int index;
	bool up;           /* set it up */
	int mtu;           /* 0: leave */
	int master;        /* 0: leave */
	const char *alias; /* NULL: leave */
};
bool link_change(struct rtnl *rtnl, const struct link_change *c, struct err *e) MUST_CHECK;
/* A port of a bridge: may it speak to others that are isolated too? In any case it may get back
 * what it sent (hairpin): a container reaches itself through its published port, also where
 * br_netfilter makes a packet that was redirected take the short way inside the bridge. */
bool link_set_port(struct rtnl *rtnl, int index, bool is_isolated, struct err *e) MUST_CHECK;
/* Does a port of a bridge let packets through? Either way its link stays up. */
bool link_set_forwarding(struct rtnl *rtnl, int index, bool forwards, struct err *e) MUST_CHECK;
/* Let a port whose both ends are up forward now: by itself the kernel does so a while later, and
 * loses what the port is sent until then. */
bool link_forward(struct rtnl *rtnl, int index, struct err *e) MUST_CHECK;
/* Gone is fine. */
bool link_delete(struct rtnl *rtnl, const char *name, struct err *e) MUST_CHECK;

/* Addresses are in host order. There already is fine. */
bool address_add(struct rtnl *rtnl, int index, uint32_t address, int prefix,
		 struct err *e) MUST_CHECK;
/* Remove every IPv4 address of a link but this one. */
bool address_keep_only(struct rtnl *rtnl, int index, uint32_t address, int prefix,
		       struct err *e) MUST_CHECK;
/* The default route; 0 removes it. */
bool route_default(struct rtnl *rtnl, uint32_t gateway, struct err *e) MUST_CHECK;

#endif
