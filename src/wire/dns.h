/* DNS messages (RFC 1035), as far as a resolver needs them that answers some names itself: read a
 * question, write answers to it. The library ldns does both; no sockets here. */
#ifndef SHOAL_WIRE_DNS_H
#define SHOAL_WIRE_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define DNS_MESSAGE_MAX 65535
#define DNS_NAME_MAX    255
#define DNS_UDP_MIN     512 /* what any client takes */

enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28 };
enum dns_rcode { DNS_NO_ERROR = 0, DNS_FORMAT_ERROR = 1, DNS_SERVER_FAILURE = 2, DNS_NO_NAME = 3 };

struct dns_question {
	uint16_t id;
	int type;
	char name[DNS_NAME_MAX + 1]; /* lower case, without the dot at its end */
	size_t udp_max;              /* how large an answer by UDP may be */
};

/* False: it is no query with exactly one question of the Internet class. */
bool dns_question_read(struct str message, struct dns_question *q);

/* Answers to a query that dns_question_read() took; false when they do not fit. With more addresses
 * than `size_max` has room for, the answer is empty and marked as truncated. */
bool dns_answer_addresses(struct str query, const uint32_t *addresses, size_t count, uint32_t ttl_s,
			  size_t size_max, struct buf *out);
bool dns_answer_name(struct str query, const char *name, uint32_t ttl_s, size_t size_max,
		     struct buf *out);
bool dns_answer_rcode(struct str query, enum dns_rcode rcode, struct buf *out);

/* "4.3.2.1.in-addr.arpa" -> 1.2.3.4 in host order. */
bool dns_reverse_parse(const char *name, uint32_t *address);

/* Of a message of at least 12 bytes: its id, whether it answers, and how. */
uint16_t dns_id(struct str message);
void dns_set_id(char *message, uint16_t id);
bool dns_is_answer(struct str message);
int dns_rcode(struct str message);
/* Do both ask the same? Bytes after the question do not count. */
bool dns_same_question(struct str a, struct str b);

#endif
