#include "cli/network_ipam.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "template/field.h"
#include "cli/pairs.h"

struct prefix {
	unsigned char bytes[16];
	unsigned length, width; /* bits of the prefix, bytes of the address */
};

/* "10.0.0.0/24"; an address without "/" is a prefix of full length. */
static bool read_prefix(struct str text, struct prefix *p, struct err *e)
{
	struct str address, length;
	AUTO_FREE char *host = NULL, *whole = str_dup(text);
	bool has_length = str_cut(text, '/', &address, &length);
	uint64_t bits = 0;

	host = str_dup(address);
	p->width = strchr(host, ':') ? 16 : 4;
	if (inet_pton(p->width == 16 ? AF_INET6 : AF_INET, host, p->bytes) != 1 ||
	    (has_length && (!str_to_u64(length, &bits) || bits > p->width * 8)))
		return fail(e, ERR_INVALID, "invalid CIDR address: %s", whole);
	p->length = has_length ? (unsigned)bits : p->width * 8;
	return true;
}

static bool holds(const struct prefix *outer, const struct prefix *inner)
{
	if (outer->width != inner->width || outer->length > inner->length)
		return false;
	for (unsigned bit = 0; bit < outer->length; bit++) {
		unsigned char mask = (unsigned char)(0x80 >> bit % 8);

		if ((outer->bytes[bit / 8] ^ inner->bytes[bit / 8]) & mask)
			return false;
	}
	return true;
}

/* The config whose subnet holds the address. */
static json_t *config_of(const json_t *configs, const char *what, struct str address, struct err *e)
{
	struct prefix inner;

	if (!read_prefix(address, &inner, e))
		return NULL;
	for (size_t i = 0; i < json_array_size(configs); i++) {
		json_t *config = json_array_get(configs, i);
		struct prefix outer;

		if (!read_prefix(str_of(field_text(config, "Subnet")), &outer, e))
			return NULL;
		if (holds(&outer, &inner))
			return config;
	}
	fail(e, ERR_INVALID, "no matching subnet for %s %.*s", what, STR_FMT(address));
	return NULL;
}

static bool add_subnets(json_t *configs, const struct args *a, struct err *e)
{
	size_t count;
	const char *const *subnets = args_list(a, "subnet", &count);

	for (size_t i = 0; i < count; i++) {
		json_t *config = json_object();
		struct prefix p, q;

		field_put_text(config, "Subnet", subnets[i]);
		json_array_append_new(configs, config);
		if (!read_prefix(str_of(subnets[i]), &p, e))
			return false;
		for (size_t j = 0; j < i; j++)
			if (read_prefix(str_of(subnets[j]), &q, e) &&
			    (holds(&p, &q) || holds(&q, &p)))
				return fail(e, ERR_INVALID,
					    "multiple overlapping subnet configuration is "
					    "not supported");
	}
	return true;
}

static bool add_to_subnets(json_t *configs, const struct args *a, const char *option,
			   const char *field, struct err *e)
{
	size_t count;
	const char *const *list = args_list(a, option, &count);

	for (size_t i = 0; i < count; i++) {
		json_t *config = config_of(configs, option, str_of(list[i]), e);

		if (!config)
			return false;
		if (field_at(config, field))
			return fail(e, ERR_INVALID,
				    "cannot configure multiple %ss (%s, %s) on the same subnet",
				    option, list[i], field_text(config, field));
		field_put_text(config, field, list[i]);
	}
	return true;
}

static bool add_taken(json_t *configs, const struct args *a, struct err *e)
{
	size_t count;
	const char *const *list = args_list(a, "aux-address", &count);

	for (size_t i = 0; i < count; i++) {
		struct str name, address;
		json_t *config;

		if (!str_cut(str_of(list[i]), '=', &name, &address))
			return fail(e, ERR_INVALID, "invalid aux-address '%s': give name=address",
				    list[i]);
		config = config_of(configs, "aux-address", address, e);
		if (!config)
			return false;
		pairs_into_object(field_object(config, "AuxiliaryAddresses"), &list[i], 1);
	}
	return true;
}

bool network_put_ipam(json_t *body, const struct args *a, struct err *e)
{
	size_t count;
	const char *const *options = args_list(a, "ipam-opt", &count);
	json_t *configs;

	field_put_text(body, "IPAM.Driver", args_text(a, "ipam-driver"));
	field_put(body, "IPAM.Options", pairs_object(options, count));
	configs = field_array(body, "IPAM.Config");
	return add_subnets(configs, a, e) && add_to_subnets(configs, a, "ip-range", "IPRange", e) &&
	       add_to_subnets(configs, a, "gateway", "Gateway", e) && add_taken(configs, a, e);
}
