/* A question of a container, or an answer of a server it names. */
#include "wire/dns.h"

#include <assert.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t addresses[] = { 1, 2, 3 };
	AUTO_BUF struct buf out = BUF_MAX(DNS_MESSAGE_MAX);
	struct str message = str_bytes(data, size);
	struct dns_question q, again;
	uint32_t address;

	(void)dns_same_question(message, message);
	if (!dns_question_read(message, &q))
		return 0;
	assert(strlen(q.name) <= DNS_NAME_MAX && q.udp_max >= DNS_UDP_MIN);
	(void)dns_reverse_parse(q.name, &address);
	if (!dns_answer_addresses(message, addresses, 3, 600, q.udp_max, &out))
		return 0;
	assert(dns_is_answer(buf_str(&out)) && dns_id(buf_str(&out)) == q.id &&
	       out.len <= q.udp_max);
	out.data[2] &= 0x7f;
	assert(!dns_question_read(buf_str(&out), &again) || strcmp(q.name, again.name) == 0);
	return 0;
}
