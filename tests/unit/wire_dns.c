#include "wire/dns.h"

#include "base/mem.h"
#include "test.h"

/* "web.shop" A, id 0x1234, recursion desired. */
#define QUERY_OF(type)                                                                             \
	"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03Web\x04shop\x00\x00" type "\x00\x01"
static const struct str query = { QUERY_OF("\x01"), 26 };

TEST(a_question_is_read_in_lower_case)
{
	struct dns_question q;

	CHECK(dns_question_read(query, &q));
	CHECK_INT(q.id, 0x1234);
	CHECK_INT(q.type, DNS_A);
	CHECK_STR(q.name, "web.shop");
	CHECK_INT(q.udp_max, 512);
}

TEST(an_answer_repeats_the_question_and_holds_the_addresses)
{
	static const uint32_t addresses[] = { 0x0a000102, 0x0a000103 };
	AUTO_BUF struct buf out = BUF_MAX(512);

	CHECK(dns_answer_addresses(query, addresses, 2, 600, 512, &out));
	CHECK(dns_is_answer(buf_str(&out)) && dns_id(buf_str(&out)) == 0x1234);
	CHECK_INT(dns_rcode(buf_str(&out)), DNS_NO_ERROR);
	CHECK_INT(out.data[7], 2);
	CHECK(dns_same_question(query, buf_str(&out)));
	CHECK(memcmp(out.data + out.len - 4, "\x0a\x00\x01\x03", 4) == 0);
}

TEST(what_does_not_fit_is_marked_as_truncated)
{
	uint32_t addresses[100] = { 0 };
	AUTO_BUF struct buf out = BUF_MAX(DNS_MESSAGE_MAX), whole = BUF_MAX(DNS_MESSAGE_MAX);

	CHECK(dns_answer_addresses(query, addresses, 100, 600, 512, &out));
	CHECK((out.data[2] & 2) && out.data[7] == 0);
	CHECK(dns_answer_addresses(query, addresses, 100, 600, DNS_MESSAGE_MAX, &whole));
	CHECK(!(whole.data[2] & 2) && whole.data[7] == 100);
}

TEST(names_of_addresses_are_read_and_answered)
{
	AUTO_BUF struct buf out = BUF_MAX(512);
	uint32_t address;

	CHECK(dns_reverse_parse("3.2.1.10.in-addr.arpa", &address));
	CHECK_INT(address, 0x0a010203);
	CHECK(!dns_reverse_parse("300.2.1.10.in-addr.arpa", &address));
	CHECK(!dns_reverse_parse("3.2.1.10.in-addr.arpa.org", &address));
	CHECK(dns_answer_name(query, "web.1.x.shop", 600, 512, &out));
	CHECK_INT(out.data[7], 1);
}

TEST(a_refusal_has_its_code_and_nothing_else)
{
	AUTO_BUF struct buf out = BUF_MAX(512);

	CHECK(dns_answer_rcode(query, DNS_SERVER_FAILURE, &out));
	CHECK_INT(dns_rcode(buf_str(&out)), DNS_SERVER_FAILURE);
	CHECK_INT(out.len, query.len);
}

TEST(what_is_no_question_is_not_taken)
{
	AUTO_BUF struct buf out = BUF_MAX(512);
	struct dns_question q;

	CHECK(!dns_question_read(STR("short"), &q));
	CHECK(dns_answer_rcode(query, DNS_NO_NAME, &out));
	CHECK(!dns_question_read(buf_str(&out), &q)); /* an answer */
	CHECK(!dns_question_read(str_bytes(query.ptr, 20), &q));
	CHECK(!dns_same_question(query, STR("short")));
}

TEST_MAIN()
