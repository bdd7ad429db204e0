#include "host/survey.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define SWEEP_MAX   4094
#define GUESSES_MAX 256
#define NEAR_MASK   0xfffffc00u /* of a network that is too large: the /22 around this host */
#define HOST_MAX    256

void survey_host(struct survey_host *host)
{
	struct ifaddrs *all, *it;

	host->count = 0;
	if (getifaddrs(&all) < 0)
		return;
	for (it = all; it && host->count < SURVEY_ADDRESSES_MAX; it = it->ifa_next) {
		struct survey_address *to = &host->addresses[host->count];
		int family = it->ifa_addr ? it->ifa_addr->sa_family : AF_UNSPEC;
		size_t size = family == AF_INET ? sizeof(struct sockaddr_in)
						: sizeof(struct sockaddr_in6);

		if ((family != AF_INET && family != AF_INET6) || (it->ifa_flags & IFF_LOOPBACK) ||
		    getnameinfo(it->ifa_addr, (socklen_t)size, to->text, sizeof(to->text), NULL, 0,
				NI_NUMERICHOST) != 0)
			continue;
		(void)snprintf(to->interface, sizeof(to->interface), "%s", it->ifa_name);
		to->is_v4 = family == AF_INET;
		to->ip = to->mask = 0;
		if (to->is_v4 && it->ifa_netmask) {
			to->ip = ntohl(((struct sockaddr_in *)it->ifa_addr)->sin_addr.s_addr);
			to->mask = ntohl(((struct sockaddr_in *)it->ifa_netmask)->sin_addr.s_addr);
		}
		host->count++;
	}
	freeifaddrs(all);
}

/* "host:port" or "[host]:port" in two. */
static bool split(const char *text, char host[HOST_MAX], const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (len == 0 || len >= HOST_MAX)
		return false;
	*port = colon + 1;
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	return true;
}

static const struct survey_address *with_text(const struct survey_host *host, const char *text)
{
	for (size_t i = 0; i < host->count; i++)
		if (strcmp(host->addresses[i].text, text) == 0)
			return &host->addresses[i];
	return NULL;
}

static bool is_usable(const struct survey_address *it)
{
	return it->is_v4 ? it->ip >> 16 != 0xa9fe : strncmp(it->text, "fe80", 4) != 0;
}

/* Its first address of that family: link-local ones lead nowhere. */
static const struct survey_address *of_interface(const struct survey_host *host, const char *name,
						 bool is_v4)
{
	for (size_t i = 0; i < host->count; i++) {
		const struct survey_address *it = &host->addresses[i];

		if (it->is_v4 == is_v4 && strcmp(it->interface, name) == 0 && is_usable(it))
			return it;
	}
	return NULL;
}

static bool is_private(uint32_t ip)
{
	return ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 || ip >> 22 == 0x191;
}

static const char *print(struct arena *a, uint32_t ip, const char *port)
{
	return arena_printf(a, "%u.%u.%u.%u:%s", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255,
			    port);
}

static void look_around(const struct survey_address *me, const char *port,
			const struct peer_whereabouts *was, struct arena *a,
			struct peer_survey *found)
{
	uint32_t mask = ~me->mask > SWEEP_MAX ? NEAR_MASK : me->mask;
	const char **around = arena_alloc(a, (GUESSES_MAX + SWEEP_MAX + 2) * sizeof(*around));

	found->around = around;
	for (size_t i = 0; i < was->other_count && found->around_count < GUESSES_MAX; i++) {
		char host[HOST_MAX];
		const char *its_port;
		struct in_addr ip;

		if (!split(was->others[i], host, &its_port) || inet_pton(AF_INET, host, &ip) != 1 ||
		    ((ntohl(ip.s_addr) ^ me->ip) & me->mask) == 0)
			continue;
		around[found->around_count++] =
			print(a, (me->ip & me->mask) | (ntohl(ip.s_addr) & ~me->mask), its_port);
	}
	found->guesses = found->around_count;
	if (!is_private(me->ip))
		return;
	for (uint32_t i = 1; i < ~mask; i++)
		if (((me->ip & mask) | i) != me->ip)
			around[found->around_count++] = print(a, (me->ip & mask) | i, port);
}

void survey(const struct survey_host *host, const struct peer_whereabouts *was, struct arena *a,
	    struct peer_survey *found)
{
	const struct survey_address *me;
	char before[HOST_MAX];
	const char *port;

	*found = (struct peer_survey){ .advertised = arena_strdup(a, was->advertised),
				       .interface = arena_strdup(a, was->interface) };
	if (!split(was->advertised, before, &port))
		return;
	me = with_text(host, before);
	if (!me && was->interface[0])
		me = of_interface(host, was->interface, !strchr(before, ':'));
	if (!me)
		return;
	found->interface = arena_strdup(a, me->interface);
	found->advertised = arena_printf(a, me->is_v4 ? "%s:%s" : "[%s]:%s", me->text, port);
	if (me->is_v4)
		look_around(me, port, was, a, found);
}
