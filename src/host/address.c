#include "host/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/mem.h"

#define CANDIDATES_MAX 64

struct candidate {
	char interface[IFNAMSIZ];
	char address[INET6_ADDRSTRLEN];
	bool is_physical, is_v4;
};

struct candidates {
	struct candidate items[CANDIDATES_MAX];
	size_t count;
};

static bool is_global(const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET) {
		uint32_t ip = ntohl(((const struct sockaddr_in *)addr)->sin_addr.s_addr);

		return ip != 0 && ip >> 24 != 127 && ip >> 16 != 0xa9fe && ip >> 28 < 0xe;
	}
	if (addr->sa_family == AF_INET6) {
		const struct in6_addr *ip = &((const struct sockaddr_in6 *)addr)->sin6_addr;

		return !IN6_IS_ADDR_UNSPECIFIED(ip) && !IN6_IS_ADDR_LOOPBACK(ip) &&
		       !IN6_IS_ADDR_LINKLOCAL(ip) && !IN6_IS_ADDR_MULTICAST(ip);
	}
	return false;
}

/* A driver that makes links out of nothing is no hardware. */
static bool is_physical(int fd, const char *name)
{
	static const char *const made_up[] = { "bridge",  "veth",    "dummy", "tun",
					       "vxlan",   "bonding", "team",  "802.1Q VLAN Support",
					       "macvlan", "ipvlan" };
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (char *)&info };

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, SIOCETHTOOL, &request) < 0)
		return true; /* a real one whose driver does not say */
	for (size_t i = 0; i < ARRAY_LEN(made_up); i++)
		if (strcmp(info.driver, made_up[i]) == 0)
			return false;
	return true;
}

static bool list_candidates(struct candidates *c, const char *own_prefix, struct err *e)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifaddrs *all, *it;

	c->count = 0;
	if (fd < 0 || getifaddrs(&all) < 0)
		return fail(e, ERR_INTERNAL, "the host's addresses cannot be listed");
	for (it = all; it && c->count < CANDIDATES_MAX; it = it->ifa_next) {
		struct candidate *to = &c->items[c->count];
		size_t size = 0;

		if (!it->ifa_addr || !(it->ifa_flags & IFF_UP) || (it->ifa_flags & IFF_LOOPBACK) ||
		    !is_global(it->ifa_addr) ||
		    (own_prefix[0] && strncmp(it->ifa_name, own_prefix, strlen(own_prefix)) == 0) ||
		    strncmp(it->ifa_name, "docker", 6) == 0)
			continue;
		size = it->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
							  : sizeof(struct sockaddr_in6);
		if (getnameinfo(it->ifa_addr, (socklen_t)size, to->address, sizeof(to->address),
				NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		(void)snprintf(to->interface, sizeof(to->interface), "%s", it->ifa_name);
		to->is_v4 = it->ifa_addr->sa_family == AF_INET;
		to->is_physical = is_physical(fd, it->ifa_name);
		c->count++;
	}
	freeifaddrs(all);
	return true;
}

static bool has_v4(const struct candidates *c, const char *interface)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->items[i].is_v4 && strcmp(c->items[i].interface, interface) == 0)
			return true;
	return false;
}

/* The only address among those; NULL with no error (kind ERR_NONE) when there is none at all. */
static const struct candidate *only_one(const struct candidates *c, bool physical_only,
					struct err *e)
{
	const struct candidate *found = NULL;

	for (size_t i = 0; i < c->count; i++) {
		const struct candidate *it = &c->items[i];

		if ((physical_only && !it->is_physical) || (!it->is_v4 && has_v4(c, it->interface)))
			continue;
		if (!found) {
			found = it;
			continue;
		}
		if (strcmp(found->interface, it->interface) == 0)
			fail(e, ERR_INVALID,
			     "could not choose an IP address to advertise since this system has "
			     "multiple "
			     "addresses on interface %s (%s and %s)",
			     it->interface, found->address, it->address);
		else
			fail(e, ERR_INVALID,
			     "could not choose an IP address to advertise since this system has "
			     "multiple "
			     "addresses on different interfaces (%s on %s and %s on %s)",
			     found->address, found->interface, it->address, it->interface);
		return NULL;
	}
	return found;
}

static bool is_ip(const char *text)
{
	struct in6_addr ip;

	return inet_pton(AF_INET, text, &ip) == 1 || inet_pton(AF_INET6, text, &ip) == 1;
}

/* "host", "host:port", "[v6]:port" or a bare IPv6 address. */
static void split(const char *text, struct arena *a, const char **host, const char **port)
{
	const char *colon = strrchr(text, ':');

	*port = SWARM_PORT;
	*host = text;
	if (is_ip(text) || !colon)
		return;
	*port = arena_strdup(a, colon + 1);
	if (text[0] == '[' && colon > text && colon[-1] == ']')
		*host = arena_str(a, str_bytes(text + 1, (size_t)(colon - text) - 2));
	else
		*host = arena_str(a, str_bytes(text, (size_t)(colon - text)));
}

static const char *join(struct arena *a, const char *host, const char *port)
{
	return arena_printf(a, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static bool port_is_good(const char *port)
{
	uint64_t number;

	return str_to_u64(str_of(port), &number) && number > 0 && number < 65536;
}

/* The address of an interface with this name. */
static bool interface_address(const struct candidates *c, const char *name, struct arena *a,
			      const char **address, struct err *e)
{
	const struct candidate *found = NULL;

	for (size_t i = 0; i < c->count; i++) {
		const struct candidate *it = &c->items[i];

		if (strcmp(it->interface, name) != 0 || (found && found->is_v4 && !it->is_v4))
			continue;
		if (found && found->is_v4 == it->is_v4)
			return fail(e, ERR_INVALID,
				    "interface %s has more than one %s address (%s and %s)", name,
				    it->is_v4 ? "IPv4" : "IPv6", found->address, it->address);
		found = it;
	}
	if (!found)
		return fail(e, ERR_INVALID,
			    if_nametoindex(name) ? "interface %s has no usable IPv4 or IPv6 address"
						 : "no such interface: %s",
			    name);
	*address = arena_strdup(a, found->address);
	return true;
}

/* From where would we talk to it? Nothing is sent. */
static bool route_address(const char *remote, struct arena *a, const char **address, struct err *e)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM },
			*found = NULL;
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	char text[INET6_ADDRSTRLEN];
	const char *host, *port;
	AUTO_CLOSE int fd = -1;
	int status;
	bool ok;

	split(remote, a, &host, &port);
	status = getaddrinfo(host, port, &hints, &found);
	if (status != 0)
		return fail(e, ERR_UNAVAILABLE, "could not find the address of %s: %s", host,
			    gai_strerror(status));
	fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok = fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
	     getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
	     getnameinfo((struct sockaddr *)&own, len, text, sizeof(text), NULL, 0,
			 NI_NUMERICHOST) == 0;
	freeaddrinfo(found);
	if (!ok)
		return fail(e, ERR_UNAVAILABLE,
			    "could not find local IP address: there is no route to %s", remote);
	*address = arena_strdup(a, text);
	return true;
}

static bool choose_advertise(const struct candidates *c, const char *wanted,
			     const char *listen_host, const char *remote, struct arena *a,
			     const char **host, struct err *e)
{
	const struct candidate *found;

	if (wanted[0]) {
		if (is_ip(wanted)) {
			if (strcmp(wanted, "0.0.0.0") == 0 || strcmp(wanted, "::") == 0)
				return fail(e, ERR_INVALID,
					    "advertise address must be a non-zero IP address or "
					    "network interface "
					    "(with optional port number)");
			*host = wanted;
			return true;
		}
		return interface_address(c, wanted, a, host, e);
	}
	if (strcmp(listen_host, "0.0.0.0") != 0 && strcmp(listen_host, "::") != 0) {
		*host = listen_host;
		return true;
	}
	if (remote)
		return route_address(remote, a, host, e);
	e->kind = ERR_NONE;
	found = only_one(c, true, e);
	if (!found && e->kind == ERR_NONE)
		found = only_one(c, false, e);
	if (!found)
		return e->kind != ERR_NONE
			       ? false
			       : fail(e, ERR_INVALID, "could not find the system's IP address");
	*host = arena_strdup(a, found->address);
	return true;
}

bool address_choose(void *self, const char *listen, const char *advertise, const char *remote,
		    struct arena *a, const char **chosen_listen, const char **chosen_advertise,
		    struct err *e)
{
	const struct address_config *config = self;
	struct candidates c;
	const char *host, *port, *advertised, *advertise_port;

	split(listen[0] ? listen : "0.0.0.0", a, &host, &port);
	if (!port_is_good(port))
		return fail(e, ERR_INVALID, "could not parse listen address %s", listen);
	if (!list_candidates(&c, config->own_prefix, e))
		return false;
	if (!is_ip(host) && !interface_address(&c, host, a, &host, e))
		return false;
	if (!advertise[0])
		advertise = config->default_advertise;
	split(advertise, a, &advertised, &advertise_port);
	if (!strchr(advertise, ':') || is_ip(advertise))
		advertise_port = port;
	if (!port_is_good(advertise_port))
		return fail(e, ERR_INVALID,
			    "advertise address must be a non-zero IP address or network interface "
			    "(with optional "
			    "port number)");
	if (!choose_advertise(&c, advertised, host, remote, a, &advertised, e))
		return false;
	*chosen_listen = join(a, host, port);
	*chosen_advertise = join(a, advertised, advertise_port);
	return true;
}
