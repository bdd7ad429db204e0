/* What the net hands keep of each object: what is wanted, and what was done about it.
 *
 * The model belongs to the job while one is under way, else to the loop. */
#ifndef SHOAL_HOST_NET_MODEL_H
#define SHOAL_HOST_NET_MODEL_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "base/tree.h"
#include "host/net/ports.h"
#include "host/net/resolver.h"
#include "seam/net.h"

struct rtnl;

#define NET_ID_MAX   128
#define NET_TAG_MAX  8 /* of a data root: five letters and digits */
#define NET_OWN_PIDS 16

struct bridge {
	struct tree_node by_id;
	char id[NET_ID_MAX + 1];
	char link[IFNAMSIZ];
	int index;
	bool is_ours;              /* not one that was there before us */
	uint32_t network, gateway; /* host order */
	int prefix;
	bool icc, masquerade, internal;
	int mtu;
};

struct interface {
	char network[NET_ID_MAX + 1];
	char name[IFNAMSIZ];
	char host_name[IFNAMSIZ];
	uint8_t mac[6];
	uint32_t address;
	int prefix;
};

struct sandbox {
	struct tree_node by_id;
	char id[NET_ID_MAX + 1];
	char *path; /* of its namespace */
	struct interface *interfaces;
	size_t interface_count;
	uint32_t gateway;
	struct held_port *ports;
	size_t port_count;
	bool has_resolver;
	bool resolver_is_open; /* its sockets are made; the loop has them if they are not here */
	struct resolver_sockets sockets; /* until the loop takes them */
	uint32_t upstreams[RESOLVER_UPSTREAMS_MAX];
	size_t upstream_count;
};

struct model {
	char *data_root, *exec_root;
	char tag[NET_TAG_MAX];
	char table[32]; /* of nft */
	struct tree bridges, sandboxes;
	_Atomic pid_t
		own_pids[NET_OWN_PIDS]; /* of the nft programs run last: their changes are ours */
	_Atomic unsigned own_pid_next;
	struct buf applied; /* the rules that nft took last; empty: unknown */
};

void model_init(struct model *m, const char *data_root, const char *exec_root);
void model_clear(struct model *m);

/* A name of a link: `kind` is "sb" or "sv", then the tag, then what `of` hashes to. */
void model_link_name(const struct model *m, const char *kind, const char *of, const char *more,
		     char name[IFNAMSIZ]);
struct bridge *model_bridge(struct model *m, const char *id);
struct sandbox *model_sandbox(struct model *m, const char *id);
/* With what it holds. */
void sandbox_free(struct sandbox *s);
char *model_netns_path(const struct model *m, const char *id);

/* "10.1.2.3/16" and "10.1.2.3"; ERR_INVALID. */
bool cidr_parse(const char *text, uint32_t *address, int *prefix, struct err *e) MUST_CHECK;
bool address_parse(const char *text, uint32_t *address, struct err *e) MUST_CHECK;
bool mac_parse(const char *text, uint8_t mac[6], struct err *e) MUST_CHECK;

/* Bridges and sandboxes: make it so. On failure what was is as far as possible left alone; a
 * sandbox that was not there before is not there afterwards. Rules are written by ruleset_apply().
 */
bool bridge_apply(struct model *m, struct rtnl *rtnl, const struct net_bridge *what,
		  struct err *e) MUST_CHECK;
bool bridge_drop(struct model *m, struct rtnl *rtnl, const char *id, struct err *e) MUST_CHECK;
bool sandbox_apply(struct model *m, struct rtnl *rtnl, const struct net_sandbox *what,
		   struct err *e) MUST_CHECK;
bool sandbox_drop(struct model *m, const char *id, struct err *e) MUST_CHECK;
/* All of it again, after somebody else changed things. */
bool model_mend(struct model *m, struct rtnl *rtnl, struct err *e) MUST_CHECK;

/* The rules of all objects, as nft reads them: one transaction that replaces the table. */
void ruleset_print(const struct model *m, struct buf *out);
/* Runs nft only if they differ from what it took last, or if somebody may have touched them. */
bool ruleset_apply(struct model *m, bool is_touched, struct err *e) MUST_CHECK;
bool ruleset_remove(struct model *m, struct err *e) MUST_CHECK;

#endif
