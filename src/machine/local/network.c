#include "machine/local/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "netlink/netns.h"
#include "netlink/rtnl.h"

#define ALIAS        "network of shoal's local hosts"
#define PREFIX       24
#define MASK         UINT32_C(0xffffff00)
#define MTU          1500
#define FORWARD      "/proc/sys/net/ipv4/ip_forward"
#define FORWARD_NOTE RUN_FOLDER "/forward-was-off"
#define ROUTES_MAX   ((size_t)4 << 20)
#define FIRST_HOST   2
#define LAST_HOST    254
#define LIKED_OFFSET 10

/* 192.168.213.0 to .254.0, then 10.213.0.0 to .254.0: away from what routers at home, Docker's
 * bridges (172.17 to 172.31) and a swarm's networks (10.0.x) use. */
static uint32_t candidate(unsigned i)
{
	return i < 42 ? UINT32_C(0xc0a80000) | (213 + i) << 8
		      : UINT32_C(0x0ad50000) | (213 + i - 42) << 8;
}
#define CANDIDATES 84

static int lock_hosts(struct err *e)
{
	int fd;

	if (!folder_make(RUN_FOLDER, 0711, e))
		return -1;
	fd = open(RUN_FOLDER "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		fail_sys(e, errno, "lock " RUN_FOLDER);
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	return fd;
}

bool network_is_taken(struct str routes, uint32_t network)
{
	struct str line;

	while (routes.len) {
		char name[64];
		unsigned destination, mask;

		str_cut(routes, '\n', &line, &routes);
		if (line.len >= 256)
			continue;
		AUTO_FREE char *text = str_dup(line);

		if (sscanf(text, "%63s %8x %*x %*x %*d %*d %*d %8x", name, &destination, &mask) !=
			    3 ||
		    strcmp(name, BRIDGE_NAME) == 0)
			continue;
		mask = ntohl(mask);
		destination = ntohl(destination);
		if (mask && (destination & mask & MASK) == (network & mask & MASK))
			return true;
	}
	return false;
}

static bool choose_network(const struct host *hosts, size_t count, uint32_t *network, struct err *e)
{
	AUTO_BUF struct buf routes = BUF_MAX(ROUTES_MAX);

	if (count) {
		*network = hosts[0].network;
		return true;
	}
	if (!file_read("/proc/net/route", &routes, e))
		return false;
	for (unsigned i = 0; i < CANDIDATES; i++) {
		*network = candidate(i);
		if (!network_is_taken(buf_str(&routes), *network))
			return true;
	}
	return fail(e, ERR_EXHAUSTED, "no private network is free for local hosts");
}

/* node-07 likes .17: people look for it there. 0 when the name ends with no number. */
static unsigned liked_address(const char *name)
{
	size_t at = strlen(name);
	unsigned number = 0;

	while (at > 0 && name[at - 1] >= '0' && name[at - 1] <= '9')
		at--;
	for (; name[at] && number <= LAST_HOST; at++)
		number = number * 10 + (unsigned)(name[at] - '0');
	return number > 0 && number + LIKED_OFFSET <= LAST_HOST ? number + LIKED_OFFSET : 0;
}

static bool choose_address(const struct host *hosts, size_t count, struct host *h, struct err *e)
{
	bool taken[256] = { false };
	unsigned liked = liked_address(h->name);

	for (size_t i = 0; i < count; i++)
		if ((hosts[i].address & MASK) == h->network)
			taken[hosts[i].address & 0xff] = true;
	if (liked && !taken[liked]) {
		h->address = h->network | liked;
		return true;
	}
	for (unsigned i = FIRST_HOST; i <= LAST_HOST; i++) {
		if (taken[i])
			continue;
		h->address = h->network | i;
		return true;
	}
	return fail(e, ERR_EXHAUSTED, "all %d addresses of local hosts are taken",
		    LAST_HOST - FIRST_HOST + 1);
}

bool network_reserve(struct host *h, struct err *e)
{
	AUTO_CLOSE int lock = lock_hosts(e);
	struct host *hosts, old;
	struct err missing;
	size_t count;
	bool ok;

	if (lock < 0)
		return false;
	if (host_read(h->id, &old, &missing)) {
		h->address = old.address;
		h->network = old.network;
		host_clear(&old);
		return true;
	}
	hosts = hosts_read(&count);
	ok = choose_network(hosts, count, &h->network, e) && choose_address(hosts, count, h, e) &&
	     host_write(h, e);
	for (size_t i = 0; i < count; i++)
		host_clear(&hosts[i]);
	free(hosts);
	return ok;
}

/* Run nft with commands on its standard input; what it complains about is dropped. */
static bool run_nft(const char *commands, struct err *e)
{
	AUTO_CLOSE int out = -1;
	int ends[2], status = 0;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(e, errno, "make a pipe");
	out = ends[1];
	child = fork();
	if (child == 0) {
		int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (dup2(ends[0], 0) < 0 || dup2(nothing, 1) < 0 || dup2(nothing, 2) < 0)
			_exit(127);
		execlp("nft", "nft", "-f", "-", NULL);
		execl("/usr/sbin/nft", "nft", "-f", "-", NULL);
		_exit(127);
	}
	(void)close(ends[0]);
	if (child < 0)
		return fail_sys(e, errno, "start nft");
	(void)signal(SIGPIPE, SIG_IGN);
	if (write(out, commands, strlen(commands)) < 0)
		fail_sys(e, errno, "tell nft");
	(void)close(out);
	out = -1;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	return WIFEXITED(status) && WEXITSTATUS(status) == 127
		       ? fail(e, ERR_UNAVAILABLE, "nft is not installed")
		       : fail(e, ERR_INTERNAL, "nft refused a rule");
}

static bool let_out(uint32_t network, struct err *e)
{
	char text[16];
	AUTO_FREE char *commands = NULL;

	address_text(network, text);
	commands = xasprintf("table ip shoal_machine {}\ndelete table ip shoal_machine\n"
			     "table ip shoal_machine {\n\tchain postrouting {\n"
			     "\t\ttype nat hook postrouting priority srcnat;\n"
			     "\t\tip saddr %s/%d ip daddr != %s/%d masquerade\n\t}\n}\n",
			     text, PREFIX, text, PREFIX);
	return run_nft(commands, e);
}

/* Remembers that it was off, for whoever removes the last host. */
static bool forward_packets(struct err *e)
{
	AUTO_BUF struct buf was = BUF_MAX(16);

	if (!file_read(FORWARD, &was, e))
		return false;
	if (str_equal_c(str_trim(buf_str(&was)), "1"))
		return true;
	return file_replace_synced(FORWARD_NOTE, STR(""), 0600, e) &&
	       sysctl_write("ipv4/ip_forward", "1", e);
}

static bool make_bridge(struct rtnl *r, struct link *bridge, struct err *e)
{
	struct link_change change = { .alias = ALIAS };

	if (link_find(r, BRIDGE_NAME, bridge, e))
		return strcmp(bridge->alias, ALIAS) == 0 ||
		       fail(e, ERR_CONFLICT, "there is a link " BRIDGE_NAME " that is not ours");
	if (e->kind != ERR_NOT_FOUND)
		return false;
	if (!link_add_bridge(r, BRIDGE_NAME, MTU, e) || !link_find(r, BRIDGE_NAME, bridge, e))
		return false;
	change.index = bridge->index;
	return link_change(r, &change, e) && sysctl_no_ipv6(BRIDGE_NAME, e);
}

bool network_up(const struct host *h, char note[ERR_TEXT_MAX], struct err *e)
{
	AUTO_CLOSE int lock = lock_hosts(e);
	struct rtnl *r = NULL;
	struct link bridge;
	struct err way_out;
	bool ok;

	note[0] = '\0';
	if (lock < 0 || !rtnl_open(-1, &r, e))
		return false;
	ok = make_bridge(r, &bridge, e) &&
	     address_add(r, bridge.index, h->network | 1, PREFIX, e) &&
	     link_change(r, &(struct link_change){ .index = bridge.index, .up = true }, e);
	rtnl_close(r);
	if (ok && (!let_out(h->network, &way_out) || !forward_packets(&way_out)))
		(void)snprintf(note, ERR_TEXT_MAX, "%s", way_out.text);
	return ok;
}

static void link_name(const char *id, char out[IFNAMSIZ])
{
	(void)snprintf(out, IFNAMSIZ, "sm%.*s", HOST_ID_LEN, id);
}

static bool set_up_inside(const struct host *h, int netns, struct err *e)
{
	struct rtnl *r = NULL;
	struct link lo, eth;
	bool ok;

	if (!rtnl_open(netns, &r, e))
		return false;
	ok = link_find(r, "lo", &lo, e) && link_find(r, "eth0", &eth, e) &&
	     link_change(r, &(struct link_change){ .index = lo.index, .up = true }, e) &&
	     address_add(r, eth.index, h->address, PREFIX, e) &&
	     link_change(r, &(struct link_change){ .index = eth.index, .up = true }, e) &&
	     route_default(r, h->network | 1, e);
	rtnl_close(r);
	return ok;
}

bool network_plug(const struct host *h, pid_t pid, struct err *e)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/ns/net", (int)pid);
	AUTO_CLOSE int netns = open(path, O_RDONLY | O_CLOEXEC);
	char name[IFNAMSIZ];
	struct veth veth = { .name = name, .peer_name = "eth0", .peer_netns = netns, .mtu = MTU };
	struct rtnl *r = NULL;
	struct link bridge, port;
	bool ok;

	if (netns < 0)
		return fail_sys(e, errno, "open %s", path);
	link_name(h->id, name);
	/* Locally administered, and the address again: no two hosts have the same. */
	veth.peer_mac[0] = 0x02;
	veth.peer_mac[1] = 0x53;
	for (int i = 0; i < 4; i++)
		veth.peer_mac[2 + i] = (uint8_t)(h->address >> (24 - 8 * i));
	if (!rtnl_open(-1, &r, e))
		return false;
	ok = link_delete(r, name, e) && link_find(r, BRIDGE_NAME, &bridge, e);
	veth.master = ok ? bridge.index : 0;
	ok = ok && link_add_veth(r, &veth, e) && link_find(r, name, &port, e) &&
	     sysctl_no_ipv6(name, e) &&
	     link_change(r, &(struct link_change){ .index = port.index, .up = true }, e);
	rtnl_close(r);
	return ok && set_up_inside(h, netns, e);
}

bool network_unplug(const char *id, struct err *e)
{
	char name[IFNAMSIZ];
	struct rtnl *r = NULL;
	bool ok;

	link_name(id, name);
	ok = rtnl_open(-1, &r, e) && link_delete(r, name, e);
	rtnl_close(r);
	return ok;
}

static void take_down(void)
{
	struct rtnl *r = NULL;
	struct link bridge;
	struct err e;

	if (rtnl_open(-1, &r, &e) && link_find(r, BRIDGE_NAME, &bridge, &e) &&
	    strcmp(bridge.alias, ALIAS) == 0)
		(void)!link_delete(r, BRIDGE_NAME, &e);
	rtnl_close(r);
	(void)!run_nft("table ip shoal_machine {}\ndelete table ip shoal_machine\n", &e);
	if (access(FORWARD_NOTE, F_OK) == 0 && sysctl_write("ipv4/ip_forward", "0", &e))
		(void)unlink(FORWARD_NOTE);
}

bool network_release(const char *id, struct err *e)
{
	AUTO_CLOSE int lock = lock_hosts(e);
	AUTO_FREE char *folder = host_path(id, "");
	struct host *hosts;
	size_t count;

	if (lock < 0)
		return false;
	if (!folder_remove(folder, e))
		return false;
	hosts = hosts_read(&count);
	for (size_t i = 0; i < count; i++)
		host_clear(&hosts[i]);
	free(hosts);
	if (count)
		return true;
	take_down();
	(void)rmdir(HOSTS_FOLDER);
	return true;
}

bool network_cut(const char *id, bool is_cut, struct err *e)
{
	char name[IFNAMSIZ];
	struct rtnl *r = NULL;
	struct link port;
	bool ok;

	link_name(id, name);
	ok = rtnl_open(-1, &r, e) && link_find(r, name, &port, e) &&
	     link_set_forwarding(r, port.index, !is_cut, e);
	rtnl_close(r);
	return ok;
}
