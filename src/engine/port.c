#include "engine/port.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const names[] = { [NET_TCP] = "tcp", [NET_UDP] = "udp", [NET_SCTP] = "sctp" };

const char *port_proto_name(enum net_proto proto)
{
	return names[proto];
}

static bool parse_number(struct str s, uint16_t *number)
{
	uint64_t value;

	if (!str_to_u64(s, &value) || value > UINT16_MAX)
		return false;
	*number = (uint16_t)value;
	return true;
}

bool port_parse(const char *text, struct port *port, struct err *err)
{
	struct str number, proto;

	if (!str_cut(str_of(text), '/', &number, &proto))
		proto = STR("tcp");
	if (!parse_number(number, &port->number) || port->number == 0)
		return fail(err, ERR_INVALID, "invalid port specification: \"%s\"", text);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (str_equal_c(proto, names[i])) {
			port->proto = (enum net_proto)i;
			return true;
		}
	}
	return fail(err, ERR_INVALID, "invalid port specification: \"%s\"", text);
}

bool port_range_parse(const char *text, struct port_range *range, struct err *err)
{
	struct str first, last;

	*range = (struct port_range){ 0 };
	if (!text[0])
		return true;
	if (!str_cut(str_of(text), '-', &first, &last))
		last = first;
	if (!parse_number(first, &range->first) || !parse_number(last, &range->last) ||
	    range->last < range->first)
		return fail(err, ERR_INVALID, "invalid port specification: \"%s\"", text);
	return true;
}

static bool is_any(const char *address)
{
	return !address[0] || strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

bool port_addresses_clash(const char *a, const char *b)
{
	return is_any(a) || is_any(b) || strcmp(a, b) == 0;
}
