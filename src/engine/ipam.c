#include "engine/ipam.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

bool ipv4_parse(const char *text, uint32_t *address)
{
	struct str rest = str_of(text), part;
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		uint64_t number;
		bool more = str_cut(rest, '.', &part, &rest);

		if (more != (i < 3) || part.len > 3 || !str_to_u64(part, &number) || number > 255)
			return false;
		if (part.len > 1 && part.ptr[0] == '0')
			return false;
		value = value << 8 | (uint32_t)number;
	}
	*address = value;
	return true;
}

void ipv4_print(uint32_t a, char out[IPV4_TEXT_MAX])
{
	snprintf(out, IPV4_TEXT_MAX, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

static uint32_t mask_of(int bits)
{
	return bits == 0 ? 0 : UINT32_MAX << (32 - bits);
}

bool subnet_parse(const char *text, struct subnet *subnet)
{
	struct str address, bits;
	uint64_t number;
	char copy[IPV4_TEXT_MAX];
	uint32_t base;

	if (!str_cut(str_of(text), '/', &address, &bits) || address.len >= sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%.*s", STR_FMT(address));
	if (!ipv4_parse(copy, &base) || bits.len > 2 || !str_to_u64(bits, &number) || number > 32)
		return false;
	*subnet = (struct subnet){ base & mask_of((int)number), (int)number };
	return true;
}

void subnet_print(struct subnet subnet, char out[SUBNET_TEXT_MAX])
{
	char base[IPV4_TEXT_MAX];

	ipv4_print(subnet.base, base);
	snprintf(out, SUBNET_TEXT_MAX, "%s/%u", base, (unsigned)subnet.bits & 63);
}

bool subnet_has(struct subnet subnet, uint32_t address)
{
	return (address & mask_of(subnet.bits)) == subnet.base;
}

bool subnets_overlap(struct subnet a, struct subnet b)
{
	return subnet_has(a, b.base) || subnet_has(b, a.base);
}

uint32_t subnet_last(struct subnet subnet)
{
	return subnet.base | ~mask_of(subnet.bits);
}

void mac_of(uint32_t a, char out[MAC_TEXT_MAX])
{
	snprintf(out, MAC_TEXT_MAX, "02:42:%02x:%02x:%02x:%02x", a >> 24, a >> 16 & 255,
		 a >> 8 & 255, a & 255);
}

static bool is_usable(struct subnet subnet, uint32_t address)
{
	return subnet.bits >= 31 || (address != subnet.base && address != subnet_last(subnet));
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool choose_lowest(const struct ipam *ipam, uint32_t *address)
{
	struct subnet range = ipam->range.bits ? ipam->range : ipam->subnet;
	AUTO_FREE uint32_t *taken = xmemdup(ipam->taken, ipam->taken_count * sizeof(*taken));
	uint64_t candidate = range.base;
	size_t i = 0;

	qsort(taken, ipam->taken_count, sizeof(*taken), compare_u32);
	for (; candidate <= subnet_last(range); candidate++) {
		while (i < ipam->taken_count && taken[i] < candidate)
			i++;
		if (i < ipam->taken_count && taken[i] == candidate)
			continue;
		if (!is_usable(ipam->subnet, (uint32_t)candidate))
			continue;
		*address = (uint32_t)candidate;
		return true;
	}
	return false;
}

bool ipam_choose(const struct ipam *ipam, uint32_t wanted, uint32_t *address, struct err *err)
{
	if (wanted == 0) {
		if (choose_lowest(ipam, address))
			return true;
		return fail(err, ERR_EXHAUSTED,
			    "no available IPv4 addresses on this network's address pools");
	}
	if (!subnet_has(ipam->subnet, wanted) || !is_usable(ipam->subnet, wanted))
		return fail(err, ERR_INVALID, "Requested address is not in the network's subnet");
	for (size_t i = 0; i < ipam->taken_count; i++)
		if (ipam->taken[i] == wanted)
			return fail(err, ERR_CONFLICT, "Address already in use");
	*address = wanted;
	return true;
}

static uint64_t size_of(struct subnet s)
{
	return UINT64_C(1) << (32 - s.bits);
}

/* The last used subnet that is in the way ends here; 0: none is. */
static uint64_t end_of_obstacle(const struct subnet *used, size_t count, struct subnet pool)
{
	uint64_t end = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t stop = used[i].base + size_of(used[i]);

		if (subnets_overlap(used[i], pool) && stop > end)
			end = stop;
	}
	return end;
}

/* Goes from obstacle to obstacle, so that a wide pool of narrow subnets costs no more than those
 * in use. */
static bool choose_from(const struct ipam_pool *from, const struct subnet *used, size_t count,
			struct subnet *pool)
{
	uint64_t end = from->base.base + size_of(from->base), step, at;

	if (from->bits < from->base.bits || from->bits > 32)
		return false;
	step = UINT64_C(1) << (32 - from->bits);
	for (at = from->base.base; at + step <= end;) {
		uint64_t after;

		*pool = (struct subnet){ (uint32_t)at, from->bits };
		after = end_of_obstacle(used, count, *pool);
		if (!after)
			return true;
		at = (after + step - 1) / step * step;
	}
	return false;
}

const struct ipam_pool ipam_default_pools[] = {
	{ { 172u << 24 | 17 << 16, 16 }, 16 },   { { 172u << 24 | 18 << 16, 15 }, 16 },
	{ { 172u << 24 | 20 << 16, 14 }, 16 },   { { 172u << 24 | 24 << 16, 13 }, 16 },
	{ { 192u << 24 | 168u << 16, 16 }, 20 },
};
const size_t ipam_default_pool_count = sizeof(ipam_default_pools) / sizeof(ipam_default_pools[0]);

bool ipam_choose_pool(const struct ipam_pool *pools, size_t pool_count, const struct subnet *used,
		      size_t count, struct subnet *pool, struct err *err)
{
	for (size_t i = 0; i < pool_count; i++)
		if (choose_from(&pools[i], used, count, pool))
			return true;
	return fail(err, ERR_EXHAUSTED,
		    "could not find an available, non-overlapping IPv4 address pool among the "
		    "defaults to assign to the network");
}
