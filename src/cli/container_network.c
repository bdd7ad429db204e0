/* Where a new container is reachable: its networks, addresses and ports. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/container_body.h"
#include "cli/csv.h"
#include "template/field.h"
#include "cli/pairs.h"
#include "cli/publish.h"

#define FIELD_MAX 4096

/* "NAME" or "name=NAME,alias=A,ip=1.2.3.4,..." into an endpoint; *name is the caller's. */
static json_t *read_network(const char *text, char **name, struct err *e)
{
	AUTO_JSON json_t *endpoint = json_object();
	AUTO_BUF struct buf field = BUF_MAX(FIELD_MAX);
	struct str rest = str_of(text), key, value;

	*name = NULL;
	if (!strchr(text, '=')) {
		*name = xstrdup(text);
		return json_incref(endpoint);
	}
	while (csv_next(&rest, &field)) {
		const char *v;

		if (!str_cut(buf_str(&field), '=', &key, &value))
			return fail(e, ERR_INVALID, "invalid field %s", buf_str(&field).ptr), NULL;
		v = value.ptr;
		if (str_equal_c(key, "name")) {
			free(*name);
			*name = xstrdup(v);
		} else if (str_equal_c(key, "alias")) {
			json_array_append_new(field_array(endpoint, "Aliases"), json_string(v));
		} else if (str_equal_c(key, "ip")) {
			field_put_text(endpoint, "IPAMConfig.IPv4Address", v);
		} else if (str_equal_c(key, "ip6")) {
			field_put_text(endpoint, "IPAMConfig.IPv6Address", v);
		} else if (str_equal_c(key, "mac-address")) {
			field_put_text(endpoint, "MacAddress", v);
		} else if (str_equal_c(key, "link-local-ip")) {
			json_array_append_new(field_array(endpoint, "IPAMConfig.LinkLocalIPs"),
					      json_string(v));
		} else if (str_equal_c(key, "gw-priority")) {
			field_put(endpoint, "GwPriority", json_integer(atoll(v)));
		} else if (str_equal_c(key, "driver-opt")) {
			pairs_into_object(field_object(endpoint, "DriverOpts"), &v, 1);
		} else {
			return fail(e, ERR_INVALID, "invalid field key %.*s", STR_FMT(key)), NULL;
		}
	}
	if (!*name)
		return fail(e, ERR_INVALID, "network name or id is missing in '%s'", text), NULL;
	return json_incref(endpoint);
}

static void append_all(json_t *endpoint, const char *path, const struct args *a, const char *option)
{
	size_t count;
	const char *const *list = args_list(a, option, &count);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(field_array(endpoint, path), json_string(list[i]));
}

/* Options outside --network belong to the first one. */
static void put_first(const struct args *a, json_t *endpoint)
{
	append_all(endpoint, "Aliases", a, "network-alias");
	append_all(endpoint, "Aliases", a, "net-alias");
	append_all(endpoint, "Links", a, "link");
	append_all(endpoint, "IPAMConfig.LinkLocalIPs", a, "link-local-ip");
	if (args_has(a, "ip"))
		field_put_text(endpoint, "IPAMConfig.IPv4Address", args_text(a, "ip"));
	if (args_has(a, "ip6"))
		field_put_text(endpoint, "IPAMConfig.IPv6Address", args_text(a, "ip6"));
	if (args_has(a, "mac-address"))
		field_put_text(endpoint, "MacAddress", args_text(a, "mac-address"));
}

bool container_put_networks(const struct args *a, json_t *body, struct err *e)
{
	size_t count, more;
	const char *const *list = args_list(a, "network", &count), *const *also = args_list(
									   a, "net", &more);
	json_t *endpoints = field_object(body, "NetworkingConfig.EndpointsConfig");

	field_put_text(body, "HostConfig.NetworkMode", "default");
	for (size_t i = 0; i < count + more; i++) {
		AUTO_FREE char *name = NULL;
		json_t *endpoint = read_network(i < count ? list[i] : also[i - count], &name, e);

		if (!endpoint)
			return while_doing(e, "--network");
		if (i == 0) {
			field_put_text(body, "HostConfig.NetworkMode", name);
			put_first(a, endpoint);
		}
		if (i > 0 || json_object_size(endpoint))
			json_object_set_new(endpoints, name, endpoint);
		else
			json_decref(endpoint);
	}
	if (count + more == 0) {
		json_t *endpoint = json_object();

		put_first(a, endpoint);
		json_object_set_new(endpoints, "default", endpoint);
	}
	return true;
}

static void expose(json_t *body, int64_t port, const char *protocol)
{
	AUTO_FREE char *key = xasprintf("%lld/%s", (long long)port, protocol);

	json_object_set_new(field_object(body, "ExposedPorts"), key, json_object());
}

static void bind_port(json_t *body, const json_t *port)
{
	AUTO_FREE char *key = xasprintf("%lld/%s", (long long)field_int(port, "Inner"),
					field_text(port, "Protocol"));
	json_t *bindings = field_object(body, "HostConfig.PortBindings");

	if (!json_object_get(bindings, key))
		json_object_set_new(bindings, key, json_array());
	json_array_append_new(json_object_get(bindings, key),
			      json_pack("{s:s,s:s}", "HostIp", field_text(port, "Ip"), "HostPort",
					field_text(port, "Outer")));
}

bool container_put_ports(const struct args *a, json_t *body, struct err *e)
{
	const char *const *list;
	size_t count;

	list = args_list(a, "publish", &count);
	for (size_t i = 0; i < count; i++) {
		AUTO_JSON json_t *ports = json_array();

		if (!publish_parse_short(list[i], ports, e))
			return false;
		for (size_t j = 0; j < json_array_size(ports); j++) {
			const json_t *port = json_array_get(ports, j);

			expose(body, field_int(port, "Inner"), field_text(port, "Protocol"));
			bind_port(body, port);
		}
	}
	list = args_list(a, "expose", &count);
	for (size_t i = 0; i < count; i++) {
		AUTO_JSON json_t *ports = json_array();

		if (strchr(list[i], ':'))
			return fail(e, ERR_INVALID, "invalid port format for --expose: %s",
				    list[i]);
		if (!publish_parse_short(list[i], ports, e))
			return while_doing(e, "invalid range format for --expose: %s", list[i]);
		for (size_t j = 0; j < json_array_size(ports); j++)
			expose(body, field_int(json_array_get(ports, j), "Inner"),
			       field_text(json_array_get(ports, j), "Protocol"));
	}
	return true;
}
