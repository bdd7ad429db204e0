#include "netlink/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "netlink/netns.h"

/* A request of ours is far smaller; an answer of a dump comes in pieces of this size. */
#define BUFFER_BYTES  (32 << 10)
#define ADDRESSES_MAX 64
#define LINKS_MAX     (1 << 16)
#define LIST_TRIES    1000
#define REQUEST_BYTES 64 /* of a listing */

/* How long a port may take to find out that its other end is up: five seconds. */
#define CARRIER_POLLS   10000
#define CARRIER_POLL_NS 500000

struct rtnl {
	struct mnl_socket *socket;
	unsigned sequence;
	char buffer[BUFFER_BYTES];
};

static bool open_here(void *self, struct err *e)
{
	struct rtnl *r = self;

	r->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!r->socket || mnl_socket_bind(r->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return fail_sys(e, errno, "open rtnetlink");
	return true;
}

bool rtnl_open(int netns, struct rtnl **out, struct err *e)
{
	struct rtnl *r = NEW(struct rtnl);
	if (netns < 0 ? open_here(r, e) : netns_visit(netns, r, open_here, e)) {
		*out = r;
		return true;
	}
	rtnl_close(r);
	return false;
}

void rtnl_close(struct rtnl *r)
{
	if (r && r->socket)
		mnl_socket_close(r->socket);
	free(r);
}

static struct nlmsghdr *request(struct rtnl *r, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(r->buffer);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = ++r->sequence;
	return message;
}

static struct nlmsghdr *link_request(struct rtnl *r, uint16_t type, uint16_t flags, int index)
{
	struct nlmsghdr *message = request(r, type, flags);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));

	info->ifi_family = AF_UNSPEC;
	info->ifi_index = index;
	return message;
}

/* Take the mark of a listing that changed under the kernel's hand from its messages: libmnl would
 * leave the rest of them unread, for the next request to stumble over. */
static bool was_interrupted(void *messages, int n)
{
	bool is_marked = false;

	for (struct nlmsghdr *m = messages; mnl_nlmsg_ok(m, n); m = mnl_nlmsg_next(m, &n)) {
		is_marked |= (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		m->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR;
	}
	return is_marked;
}

/* 0, or the errno that the kernel answered with; EINTR: what was listed changed meanwhile, and
 * `see` may have missed some of it or seen it twice. */
static int talk(struct rtnl *r, struct nlmsghdr *message, mnl_cb_t see, void *self)
{
	unsigned port = mnl_socket_get_portid(r->socket);
	/* The answer comes into the same buffer. */
	bool is_dump = (message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	bool has_changed = false;
	ssize_t n;
	int more = 1;

	if (!see)
		message->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(r->socket, message, message->nlmsg_len) < 0)
		return errno;
	while (more > 0) {
		n = mnl_socket_recvfrom(r->socket, r->buffer, sizeof(r->buffer));
		if (n < 0)
			return errno;
		has_changed |= was_interrupted(r->buffer, (int)n);
		more = mnl_cb_run(r->buffer, (size_t)n, r->sequence, port, see, self);
		if (more < 0)
			return errno;
		if (see && !is_dump)
			return 0;
	}
	return has_changed ? EINTR : 0;
}

/* A whole listing at one moment: from the start again (`count` 0) for as long as it changes. */
static int list(struct rtnl *r, const struct nlmsghdr *message, mnl_cb_t see, void *self,
		size_t *count)
{
	char kept[REQUEST_BYTES];
	struct nlmsghdr *again = (struct nlmsghdr *)r->buffer;
	size_t len = message->nlmsg_len;
	int failed = EINTR;

	memcpy(kept, message, len);
	for (int i = 0; i < LIST_TRIES && failed == EINTR; i++) {
		*count = 0;
		memcpy(again, kept, len);
		again->nlmsg_seq = ++r->sequence;
		failed = talk(r, again, see, self);
	}
	return failed;
}

/* The attributes that matter here, by number. */
struct attributes {
	const struct nlattr *of[IFLA_MAX + 1];
};

static int gather(const struct nlattr *attribute, void *self)
{
	struct attributes *all = self;

	if (mnl_attr_get_type(attribute) <= IFLA_MAX)
		all->of[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

static void copy_text(char *to, size_t size, const struct nlattr *attribute)
{
	to[0] = '\0';
	if (attribute)
		(void)strncpy(to, mnl_attr_get_str(attribute), size - 1);
	to[size - 1] = '\0';
}

static void read_link(const struct nlmsghdr *message, struct link *l)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct attributes a = { { NULL } }, linkinfo = { { NULL } };

	*l = (struct link){ .index = info->ifi_index, .is_up = info->ifi_flags & IFF_UP };
	mnl_attr_parse(message, sizeof(*info), gather, &a);
	copy_text(l->name, sizeof(l->name), a.of[IFLA_IFNAME]);
	copy_text(l->alias, sizeof(l->alias), a.of[IFLA_IFALIAS]);
	if (a.of[IFLA_LINKINFO])
		mnl_attr_parse_nested(a.of[IFLA_LINKINFO], gather, &linkinfo);
	copy_text(l->kind, sizeof(l->kind), linkinfo.of[IFLA_INFO_KIND]);
	if (a.of[IFLA_ADDRESS] && mnl_attr_get_payload_len(a.of[IFLA_ADDRESS]) == 6)
		memcpy(l->mac, mnl_attr_get_payload(a.of[IFLA_ADDRESS]), 6);
	if (a.of[IFLA_MASTER])
		l->master = (int)mnl_attr_get_u32(a.of[IFLA_MASTER]);
	if (a.of[IFLA_MTU])
		l->mtu = (int)mnl_attr_get_u32(a.of[IFLA_MTU]);
}

static int on_found(const struct nlmsghdr *message, void *self)
{
	if (message->nlmsg_type == RTM_NEWLINK)
		read_link(message, self);
	return MNL_CB_OK;
}

bool link_find(struct rtnl *r, const char *name, struct link *found, struct err *e)
{
	struct nlmsghdr *message = link_request(r, RTM_GETLINK, 0, 0);
	int failed;

	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	failed = talk(r, message, on_found, found);
	if (failed == ENODEV)
		return fail(e, ERR_NOT_FOUND, "there is no link %s", name);
	return failed == 0 || fail_sys(e, failed, "look for link %s", name);
}

struct links {
	struct link *all;
	size_t count, room;
};

static int on_each(const struct nlmsghdr *message, void *self)
{
	struct links *found = self;

	if (message->nlmsg_type != RTM_NEWLINK || found->count == LINKS_MAX)
		return MNL_CB_OK;
	if (found->count == found->room) {
		found->room = found->room ? 2 * found->room : 16;
		found->all = xrealloc(found->all, found->room * sizeof(*found->all));
	}
	read_link(message, &found->all[found->count++]);
	return MNL_CB_OK;
}

bool link_each(struct rtnl *r, void *self, void (*see)(void *self, const struct link *l),
	       struct err *e)
{
	struct links found = { .all = NULL };
	int failed =
		list(r, link_request(r, RTM_GETLINK, NLM_F_DUMP, 0), on_each, &found, &found.count);

	for (size_t i = 0; i < found.count && !failed; i++)
		see(self, &found.all[i]);
	free(found.all);
	return failed == 0 || fail_sys(e, failed, "list links");
}

bool link_add_bridge(struct rtnl *r, const char *name, int mtu, struct err *e)
{
	struct nlmsghdr *message = link_request(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	struct nlattr *info;
	int failed;

	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put_u32(message, IFLA_MTU, (uint32_t)mtu);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(message, info);
	failed = talk(r, message, NULL, NULL);
	return failed == 0 || fail_sys(e, failed, "make bridge %s", name);
}

bool link_add_veth(struct rtnl *r, const struct veth *v, struct err *e)
{
	struct nlmsghdr *message = link_request(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	struct nlattr *linkinfo, *data, *peer;
	int failed;

	mnl_attr_put_strz(message, IFLA_IFNAME, v->name);
	mnl_attr_put_u32(message, IFLA_MTU, (uint32_t)v->mtu);
	mnl_attr_put_u32(message, IFLA_MASTER, (uint32_t)v->master);
	linkinfo = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
	(void)mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(message, IFLA_IFNAME, v->peer_name);
	mnl_attr_put(message, IFLA_ADDRESS, sizeof(v->peer_mac), v->peer_mac);
	mnl_attr_put_u32(message, IFLA_MTU, (uint32_t)v->mtu);
	mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)v->peer_netns);
	mnl_attr_nest_end(message, peer);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, linkinfo);
	failed = talk(r, message, NULL, NULL);
	return failed == 0 || fail_sys(e, failed, "make link %s", v->peer_name);
}

bool link_change(struct rtnl *r, const struct link_change *c, struct err *e)
{
	struct nlmsghdr *message = link_request(r, RTM_NEWLINK, 0, c->index);
	struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	int failed;

	if (c->up)
		info->ifi_flags = info->ifi_change = IFF_UP;
	if (c->mtu)
		mnl_attr_put_u32(message, IFLA_MTU, (uint32_t)c->mtu);
	if (c->master)
		mnl_attr_put_u32(message, IFLA_MASTER, (uint32_t)c->master);
	if (c->alias)
		mnl_attr_put_strz(message, IFLA_IFALIAS, c->alias);
	failed = talk(r, message, NULL, NULL);
	return failed == 0 || fail_sys(e, failed, "change a link");
}

bool link_set_port(struct rtnl *r, int index, bool is_isolated, struct err *e)
{
	struct nlmsghdr *message = link_request(r, RTM_SETLINK, 0, index);
	struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct nlattr *port;
	int failed;

	info->ifi_family = AF_BRIDGE;
	port = mnl_attr_nest_start(message, IFLA_PROTINFO);
	mnl_attr_put_u8(message, IFLA_BRPORT_ISOLATED, is_isolated);
	mnl_attr_put_u8(message, IFLA_BRPORT_MODE, 1);
	mnl_attr_nest_end(message, port);
	failed = talk(r, message, NULL, NULL);
	return failed == 0 || fail_sys(e, failed, "set up a port of a bridge");
}

static int set_forwarding(struct rtnl *r, int index, bool forwards)
{
	struct nlmsghdr *message = link_request(r, RTM_SETLINK, 0, index);
	struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct nlattr *port;

	info->ifi_family = AF_BRIDGE;
	port = mnl_attr_nest_start(message, IFLA_PROTINFO);
	mnl_attr_put_u8(message, IFLA_BRPORT_STATE,
			forwards ? BR_STATE_FORWARDING : BR_STATE_DISABLED);
	mnl_attr_nest_end(message, port);
	return talk(r, message, NULL, NULL);
}

bool link_set_forwarding(struct rtnl *r, int index, bool forwards, struct err *e)
{
	int failed = set_forwarding(r, index, forwards);

	return failed == 0 || fail_sys(e, failed, "change a port of a bridge");
}

bool link_forward(struct rtnl *r, int index, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = CARRIER_POLL_NS };
	int failed = set_forwarding(r, index, true);

	for (int i = 0; i < CARRIER_POLLS && failed == ENETDOWN; i++) {
		(void)nanosleep(&pause, NULL);
		failed = set_forwarding(r, index, true);
	}
	return failed == 0 || fail_sys(e, failed, "let a port of a bridge forward");
}

bool link_delete(struct rtnl *r, const char *name, struct err *e)
{
	struct nlmsghdr *message = link_request(r, RTM_DELLINK, 0, 0);
	int failed;

	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	failed = talk(r, message, NULL, NULL);
	return failed == 0 || failed == ENODEV || fail_sys(e, failed, "delete link %s", name);
}

static struct nlmsghdr *address_request(struct rtnl *r, uint16_t type, uint16_t flags, int index,
					uint32_t address, int prefix)
{
	struct nlmsghdr *message = request(r, type, flags);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));

	info->ifa_family = AF_INET;
	info->ifa_prefixlen = (uint8_t)prefix;
	info->ifa_scope = RT_SCOPE_UNIVERSE;
	info->ifa_index = (unsigned)index;
	mnl_attr_put_u32(message, IFA_LOCAL, htonl(address));
	mnl_attr_put_u32(message, IFA_ADDRESS, htonl(address));
	return message;
}

bool address_add(struct rtnl *r, int index, uint32_t address, int prefix, struct err *e)
{
	struct nlmsghdr *message = address_request(r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
						   index, address, prefix);
	uint32_t host_bits = prefix >= 31 ? 0 : 0xffffffffu >> prefix;
	int failed;

	if (host_bits)
		mnl_attr_put_u32(message, IFA_BROADCAST, htonl(address | host_bits));
	failed = talk(r, message, NULL, NULL);
	return failed == 0 || failed == EEXIST || fail_sys(e, failed, "add an address");
}

struct addresses {
	int index;
	struct {
		uint32_t address;
		int prefix;
	} all[ADDRESSES_MAX];
	size_t count;
};

static int on_address(const struct nlmsghdr *message, void *self)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	struct addresses *found = self;
	struct attributes a = { { NULL } };

	if (message->nlmsg_type != RTM_NEWADDR || (int)info->ifa_index != found->index ||
	    info->ifa_family != AF_INET || found->count == ADDRESSES_MAX)
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*info), gather, &a);
	if (!a.of[IFA_LOCAL])
		return MNL_CB_OK;
	found->all[found->count].address = ntohl(mnl_attr_get_u32(a.of[IFA_LOCAL]));
	found->all[found->count++].prefix = info->ifa_prefixlen;
	return MNL_CB_OK;
}

bool address_keep_only(struct rtnl *r, int index, uint32_t address, int prefix, struct err *e)
{
	struct nlmsghdr *message = request(r, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	struct addresses found = { .index = index };
	int failed;

	info->ifa_family = AF_INET;
	failed = list(r, message, on_address, &found, &found.count);
	if (failed)
		return fail_sys(e, failed, "list addresses");
	for (size_t i = 0; i < found.count; i++) {
		if (found.all[i].address == address && found.all[i].prefix == prefix)
			continue;
		message = address_request(r, RTM_DELADDR, 0, index, found.all[i].address,
					  found.all[i].prefix);
		failed = talk(r, message, NULL, NULL);
		if (failed && failed != EADDRNOTAVAIL)
			return fail_sys(e, failed, "remove an address");
	}
	return true;
}

bool route_default(struct rtnl *r, uint32_t gateway, struct err *e)
{
	struct nlmsghdr *message = request(r, gateway ? RTM_NEWROUTE : RTM_DELROUTE,
					   gateway ? NLM_F_CREATE | NLM_F_REPLACE : 0);
	struct rtmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	int failed;

	info->rtm_family = AF_INET;
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_protocol = gateway ? RTPROT_BOOT : RTPROT_UNSPEC;
	info->rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
	info->rtm_type = gateway ? RTN_UNICAST : RTN_UNSPEC;
	if (gateway)
		mnl_attr_put_u32(message, RTA_GATEWAY, htonl(gateway));
	failed = talk(r, message, NULL, NULL);
	if (failed == 0 || (!gateway && failed == ESRCH))
		return true;
	return fail_sys(e, failed, "set the default route");
}
