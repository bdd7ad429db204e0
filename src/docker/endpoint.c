/* A container's place on a network, asked for and got. */
#include <jansson.h>

#include "docker/inside.h"
#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

/* ---- what was asked of the addresses: null, or what of it was given ---- */

static void write_ipam(struct json *j, const char *key, const void *message, int version)
{
	const Pb__EndpointSettings *s = message;

	if (!s->has_ipam_config) {
		json_none(j, key);
		return;
	}
	json_open_object(j, key);
	if (s->ipv4_address[0])
		json_text(j, "IPv4Address", s->ipv4_address);
	if (s->ipv6_address[0])
		json_text(j, "IPv6Address", s->ipv6_address);
	if (s->n_link_local_ips > 0)
		json_strings(j, "LinkLocalIPs", (const char *const *)s->link_local_ips,
			     s->n_link_local_ips);
	json_close(j);
}

static bool read_address(struct arena *a, const json_t *value, char **address, struct err *e)
{
	if (!value || json_is_null(value))
		return true;
	if (!json_is_string(value))
		return wrong_type(e, "a string");
	*address = arena_strdup(a, json_string_value(value));
	return true;
}

static bool read_ipam(struct arena *a, void *message, const struct json_t *value, struct err *e)
{
	Pb__EndpointSettings *s = message;
	const json_t *locals = json_object_get(value, "LinkLocalIPs");
	size_t i;
	json_t *item;

	if (!json_is_object(value))
		return wrong_type(e, "an object");
	s->has_ipam_config = true;
	if (!read_address(a, json_object_get(value, "IPv4Address"), &s->ipv4_address, e) ||
	    !read_address(a, json_object_get(value, "IPv6Address"), &s->ipv6_address, e))
		return false;
	json_array_foreach((json_t *)locals, i, item)
	{
		char *address = "";

		if (!read_address(a, item, &address, e))
			return false;
		PB_APPEND(a, s, link_local_ips, address);
	}
	return true;
}

static const struct dialect_own ipam = { write_ipam, read_ipam };

/* ---- addresses of the sixth version: none yet ---- */

static void write_empty(struct json *j, const char *key, const void *message, int version)
{
	json_text(j, key, "");
}

static void write_zero(struct json *j, const char *key, const void *message, int version)
{
	json_int(j, key, 0);
}

static const struct dialect_own no_address = { .write = write_empty };
static const struct dialect_own no_length = { .write = write_zero };

static const struct dialect_field endpoint_fields[] = {
	{ "IPAMConfig", NULL, DIALECT_OWN, .own = &ipam },
	{ "Links", "links", DIALECT_TEXTS, NULL_UNSET },
	{ "Aliases", "aliases", DIALECT_TEXTS, NULL_UNSET },
	{ "MacAddress", "mac_address", DIALECT_TEXT },
	{ "DriverOpts", "driver_opts", DIALECT_MAP, NULL_UNSET },
	{ "GwPriority", "gw_priority", DIALECT_INT, .since = 48 },
	{ "NetworkID", "network_id", DIALECT_TEXT, WRITE_ONLY },
	{ "EndpointID", "endpoint_id", DIALECT_TEXT, WRITE_ONLY },
	{ "Gateway", "gateway", DIALECT_TEXT, WRITE_ONLY },
	{ "IPAddress", "ip_address", DIALECT_TEXT, WRITE_ONLY },
	{ "IPPrefixLen", "ip_prefix_len", DIALECT_INT, WRITE_ONLY },
	{ "IPv6Gateway", NULL, DIALECT_OWN, .own = &no_address },
	{ "GlobalIPv6Address", NULL, DIALECT_OWN, .own = &no_address },
	{ "GlobalIPv6PrefixLen", NULL, DIALECT_OWN, .own = &no_length },
	{ "DNSNames", "dns_names", DIALECT_TEXTS, NULL_UNSET | WRITE_ONLY, .since = 44 },
	END,
};
const struct dialect dialect_endpoint_settings = { &pb__endpoint_settings__descriptor,
						   endpoint_fields };

static const struct dialect_field connect_fields[] = {
	{ "Container", "container", DIALECT_TEXT },
	{ "EndpointConfig", "endpoint", DIALECT_OBJECT, 0, &dialect_endpoint_settings },
	{ "Force", "force", DIALECT_BOOL },
	END,
};
const struct dialect dialect_network_connect = { &pb__network_connect_request__descriptor,
						 connect_fields };
