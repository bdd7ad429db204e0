/* The hands that own links, addresses, rules and network namespaces.
 *
 * The mind says what should be, object by object, each time under a higher generation: a want_...()
 * replaces what was wanted of that object, drop() wants it gone. The hands compare with what exists, apply
 * the difference, and answer each with one APPLIED or FAILED event of that generation; of several that
 * wait only the newest need be carried out and answered. They watch for foreign changes and apply again,
 * without a word unless it fails. Nothing here has a ticket but list().
 *
 * Order: an object is applied after those wanted before it that it names (a sandbox after its
 * bridges). What exists outlives this process: after a start the mind asks list(), wants again what
 * should be, and drops what nobody wants. Generations begin anew then.
 *
 * Names of links, tables and chains are the hands' own and derive from the data root, so that several
 * daemons live side by side; an id here is a network's or container's 64 digits. The hands own the network
 * namespaces and create each link's peer inside of them. */
#ifndef SHOAL_SEAM_NET_H
#define SHOAL_SEAM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_bridge {
	const char *id;      /* of the network */
	const char *link;    /* name asked for by the user, or "": the hands' choice */
	const char *subnet;  /* "172.17.0.0/16" */
	const char *gateway; /* the bridge's own address: "172.17.0.1" */
	bool icc;            /* its containers may speak to each other */
	bool masquerade;     /* they may speak to the world, by the host's address */
	bool internal;       /* no route out of it at all */
	int mtu;             /* 0: 1500 */
};

struct net_interface {
	const char *network; /* id of a bridge */
	const char *name;    /* "eth0" in the container */
	const char *address; /* "172.17.0.2/16" */
	const char *mac;     /* "02:42:ac:11:00:02" */
};

enum net_proto { NET_TCP, NET_UDP, NET_SCTP };

struct net_port {
	enum net_proto proto;
	const char *host_ip; /* "" for all addresses */
	uint16_t host_port;  /* 0: a free one of the host's ephemeral range, told in APPLIED */
	uint16_t target;     /* in the container */
};

/* A name that the resolver in the sandboxes of a network answers. */
struct net_name {
	const char *name;
	const char *address;
};

struct net_sandbox {
	const char *id; /* of the container */
	const struct net_interface *interfaces;
	size_t interface_count; /* 0: loopback alone */
	const char *gateway;    /* default route, or "" */
	/* Host ports; each is held by the hands, so that no other program takes it. */
	const struct net_port *ports;
	size_t port_count;
	/* Serve 127.0.0.11:53 inside: names of its networks first, then these servers. */
	bool has_resolver;
	const char *const *upstreams;
	size_t upstream_count;
};

enum net_object { NET_BRIDGE, NET_SANDBOX, NET_NAMES };

struct net {
	void *self;
	/* LISTED for each bridge and sandbox that exists, then LIST_END. */
	void (*list)(void *self, uint64_t ticket);
	void (*want_bridge)(void *self, uint64_t generation, const struct net_bridge *what);
	/* APPLIED: netns, ports. One host port that cannot be had fails the whole: ERR_CONFLICT. */
	void (*want_sandbox)(void *self, uint64_t generation, const struct net_sandbox *what);
	/* All names of a network, whole each time. */
	void (*want_names)(void *self, uint64_t generation, const char *network,
			   const struct net_name *names, size_t count);
	/* A sandbox takes its links, ports and namespace along. */
	void (*drop)(void *self, uint64_t generation, enum net_object object, const char *id);
};

enum net_event_kind {
	NET_APPLIED, /* object, id, generation; of a sandbox: netns, ports; of a bridge: link */
	NET_FAILED,  /* object, id, generation, err_kind, text; what was applied before stays */
	NET_LISTED,  /* object, id; of a sandbox: netns */
	NET_LIST_END,
};

struct net_event {
	enum net_event_kind kind;
	enum net_object object;
	const char *id;
	uint64_t generation;
	const char *netns; /* path of the namespace, for OCI configurations */
	const char *link;
	const struct net_port *ports; /* in the order wanted, with the numbers that were taken */
	size_t port_count;
	int err_kind; /* enum err_kind */
	const char *text;
};

#endif
