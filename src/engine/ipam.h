/* IPv4 addresses: text and number, subnets, and the lowest free address of one.
 *
 * Numbers are in host order. */
#ifndef SHOAL_ENGINE_IPAM_H
#define SHOAL_ENGINE_IPAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define IPV4_TEXT_MAX   16 /* "255.255.255.255" and its NUL */
#define SUBNET_TEXT_MAX 19
#define MAC_TEXT_MAX    18

struct subnet {
	uint32_t base;
	int bits;
};

bool ipv4_parse(const char *text, uint32_t *address);
void ipv4_print(uint32_t address, char out[IPV4_TEXT_MAX]);
/* "10.1.0.0/16"; host bits may be set and are dropped. */
bool subnet_parse(const char *text, struct subnet *subnet);
void subnet_print(struct subnet subnet, char out[SUBNET_TEXT_MAX]);
bool subnet_has(struct subnet subnet, uint32_t address);
bool subnets_overlap(struct subnet a, struct subnet b);
/* Its last address, which is the broadcast address. */
uint32_t subnet_last(struct subnet subnet);

/* "02:42:" and the four bytes of the address: an address on a link has a MAC by itself. */
void mac_of(uint32_t address, char out[MAC_TEXT_MAX]);

/* Addresses in use on a subnet, in any order. */
struct ipam {
	struct subnet subnet;
	struct subnet range; /* where to choose from; bits 0: the whole subnet */
	const uint32_t *taken;
	size_t taken_count;
};

/* The lowest address that is neither taken nor the network's or the broadcast address, or the one
 * wanted (wanted != 0). ERR_EXHAUSTED; ERR_CONFLICT "Address already in use"; ERR_INVALID when it
 * is outside the subnet. */
bool ipam_choose(const struct ipam *ipam, uint32_t wanted, uint32_t *address, struct err *err);

/* Subnets of `bits` out of a larger one. */
struct ipam_pool {
	struct subnet base;
	int bits;
};

/* Docker's: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/20 to 192.168.240.0/20. */
extern const struct ipam_pool ipam_default_pools[];
extern const size_t ipam_default_pool_count;

/* The first subnet of the pools that overlaps with none of those in use. ERR_EXHAUSTED. */
bool ipam_choose_pool(const struct ipam_pool *pools, size_t pool_count, const struct subnet *used,
		      size_t count, struct subnet *pool, struct err *err);

#endif
