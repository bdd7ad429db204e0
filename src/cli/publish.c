#include "cli/publish.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/csv.h"
#include "template/field.h"

struct range {
	uint64_t first, last;
};

/* "80" or "80-90"; empty is 0-0. */
static bool read_range(struct str text, struct range *r)
{
	struct str first, last;

	*r = (struct range){ 0, 0 };
	if (text.len == 0)
		return true;
	if (!str_cut(text, '-', &first, &last))
		last = first;
	return str_to_u64(first, &r->first) && str_to_u64(last, &r->last) && r->first <= r->last &&
	       r->last <= 65535;
}

/* Cut at the last colon outside brackets. */
static bool cut_last_colon(struct str text, struct str *head, struct str *tail)
{
	for (size_t i = text.len; i > 0 && text.ptr[i - 1] != ']'; i--)
		if (text.ptr[i - 1] == ':') {
			*head = str_bytes(text.ptr, i - 1);
			*tail = str_bytes(text.ptr + i, text.len - i);
			return true;
		}
	*tail = text;
	*head = STR("");
	return false;
}

static struct str without_brackets(struct str ip)
{
	if (ip.len > 1 && ip.ptr[0] == '[' && ip.ptr[ip.len - 1] == ']')
		return str_bytes(ip.ptr + 1, ip.len - 2);
	return ip;
}

static void append_port(json_t *out, struct str ip, const char *outer, uint64_t inner,
			struct str protocol)
{
	json_t *port = json_object();

	json_object_set_new(port, "Ip", json_stringn(ip.ptr, ip.len));
	json_object_set_new(port, "Outer", json_string(outer));
	json_object_set_new(port, "Inner", json_integer((json_int_t)inner));
	json_object_set_new(port, "Protocol", json_stringn(protocol.ptr, protocol.len));
	json_array_append_new(out, port);
}

bool publish_parse_short(const char *text, json_t *out, struct err *e)
{
	struct str spec, protocol, rest, inner_text, outer_text = STR(""), ip = STR("");
	struct range inner, outer;
	bool has_outer;

	if (!str_cut(str_of(text), '/', &spec, &protocol))
		protocol = STR("tcp");
	if (!str_equal_c(protocol, "tcp") && !str_equal_c(protocol, "udp") &&
	    !str_equal_c(protocol, "sctp"))
		return fail(e, ERR_INVALID, "invalid proto: %.*s", STR_FMT(protocol));
	has_outer = cut_last_colon(spec, &rest, &inner_text);
	if (has_outer && cut_last_colon(rest, &ip, &outer_text))
		ip = without_brackets(ip);
	else if (has_outer && rest.len && rest.ptr[rest.len - 1] == ']')
		ip = without_brackets(rest), outer_text = STR("");
	if (!read_range(inner_text, &inner) || inner.first == 0)
		return fail(e, ERR_INVALID, "invalid containerPort: %.*s", STR_FMT(inner_text));
	if (!read_range(outer_text, &outer))
		return fail(e, ERR_INVALID, "invalid hostPort: %.*s", STR_FMT(outer_text));
	/* Several container ports need as many host ports; one may choose from a range. */
	if (outer_text.len && inner.first != inner.last &&
	    outer.last - outer.first != inner.last - inner.first)
		return fail(e, ERR_INVALID,
			    "invalid ranges specified for container and host Ports: %.*s and %.*s",
			    STR_FMT(inner_text), STR_FMT(outer_text));
	for (uint64_t n = inner.first; n <= inner.last; n++) {
		char host[32] = "";

		if (outer_text.len && inner.first == inner.last)
			(void)snprintf(host, sizeof(host), "%.*s", STR_FMT(outer_text));
		else if (outer_text.len)
			(void)snprintf(host, sizeof(host), "%llu",
				       (unsigned long long)(outer.first + n - inner.first));
		append_port(out, ip, host, n, protocol);
	}
	return true;
}

static void append_config(json_t *out, const char *protocol, int64_t target, int64_t published,
			  const char *mode)
{
	json_t *port = json_object();

	field_put_text(port, "Protocol", protocol);
	field_put(port, "TargetPort", json_integer(target));
	if (published)
		field_put(port, "PublishedPort", json_integer(published));
	field_put_text(port, "PublishMode", mode);
	json_array_append_new(out, port);
}

static bool parse_long(const char *text, json_t *out, struct err *e)
{
	AUTO_BUF struct buf field = BUF_MAX(4096);
	struct str rest = str_of(text), key, value;
	char protocol[8] = "tcp", mode[16] = "ingress";
	struct range target = { 0, 0 }, published = { 0, 0 };

	while (csv_next(&rest, &field)) {
		if (!str_cut(buf_str(&field), '=', &key, &value) || value.len == 0)
			return fail(e, ERR_INVALID, "invalid field: %s", buf_str(&field).ptr);
		if (str_equal_c(key, "protocol"))
			(void)snprintf(protocol, sizeof(protocol), "%.*s", STR_FMT(value));
		else if (str_equal_c(key, "mode"))
			(void)snprintf(mode, sizeof(mode), "%.*s", STR_FMT(value));
		else if (str_equal_c(key, "target") && read_range(value, &target))
			continue;
		else if (str_equal_c(key, "published") && read_range(value, &published))
			continue;
		else
			return fail(e, ERR_INVALID, "invalid field key or value: %s",
				    buf_str(&field).ptr);
	}
	if (strcmp(mode, "ingress") != 0 && strcmp(mode, "host") != 0)
		return fail(e, ERR_INVALID,
			    "invalid publish mode value (%s): must be either ingress or host",
			    mode);
	if (!target.first)
		return fail(e, ERR_INVALID, "missing mandatory field \"target\"");
	if (published.first && published.last - published.first != target.last - target.first)
		return fail(e, ERR_INVALID,
			    "invalid ranges specified for published and target ports");
	for (uint64_t n = target.first; n <= target.last; n++)
		append_config(out, protocol, (int64_t)n,
			      published.first ? (int64_t)(published.first + n - target.first) : 0,
			      mode);
	return true;
}

bool publish_parse_service(const char *text, json_t *out, struct err *e)
{
	AUTO_JSON json_t *ports = json_array();

	if (strchr(text, '='))
		return parse_long(text, out, e);
	if (!publish_parse_short(text, ports, e))
		return false;
	for (size_t i = 0; i < json_array_size(ports); i++) {
		const json_t *p = json_array_get(ports, i);
		uint64_t published = 0;

		if (*field_text(p, "Ip"))
			return fail(e, ERR_INVALID, "hostip is not supported");
		if (*field_text(p, "Outer") &&
		    !str_to_u64(str_of(field_text(p, "Outer")), &published))
			return fail(
				e, ERR_INVALID,
				"invalid publish port range %s: a service's port cannot be chosen from a range",
				field_text(p, "Outer"));
		append_config(out, field_text(p, "Protocol"), field_int(p, "Inner"),
			      (int64_t)published, "ingress");
	}
	return true;
}
