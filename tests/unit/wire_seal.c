#include "wire/seal.h"

#include "base/err.h"
#include "base/id.h"
#include "base/mem.h"
#include "test.h"

static const uint8_t key[SEAL_KEY_LEN] = { 1, 2, 3 };

TEST(what_is_sealed_opens_with_the_same_key_and_context)
{
	AUTO_BUF struct buf sealed = BUF_MAX(1000), text = BUF_MAX(1000);
	struct err e;

	CHECK(seal(key, NULL, STR("raft 7"), STR("hello"), &sealed, &e));
	CHECK_INT(sealed.len, 5 + SEAL_EXTRA);
	CHECK(seal_open(key, STR("raft 7"), buf_str(&sealed), &text, &e));
	CHECK_STR(text.data, "hello");
}

TEST(another_key_context_or_byte_opens_nothing)
{
	AUTO_BUF struct buf sealed = BUF_MAX(1000), text = BUF_MAX(1000);
	uint8_t other[SEAL_KEY_LEN] = { 9 };
	struct err e;

	CHECK(seal(key, NULL, STR("a"), STR("hello"), &sealed, &e));
	buf_append_c(&text, "kept");
	CHECK(!seal_open(other, STR("a"), buf_str(&sealed), &text, &e) && e.kind == ERR_DENIED);
	CHECK(!seal_open(key, STR("b"), buf_str(&sealed), &text, &e));
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.data[i] ^= 1;
		CHECK(!seal_open(key, STR("a"), buf_str(&sealed), &text, &e));
		sealed.data[i] ^= 1;
	}
	for (size_t len = 0; len < sealed.len; len++)
		CHECK(!seal_open(key, STR("a"), str_bytes(sealed.data, len), &text, &e));
	CHECK_STR(text.data, "kept");
}

TEST(the_known_text_of_the_algorithm_comes_out)
{
	/* Test case 14 of the GCM specification: all zeroes. */
	static const uint8_t zeroes[32];
	AUTO_BUF struct buf sealed = BUF_MAX(1000);
	char hex[65];
	struct err e;

	CHECK(seal(zeroes, zeroes, STR(""), str_bytes(zeroes, 16), &sealed, &e));
	hex_encode((uint8_t *)sealed.data + SEAL_NONCE_LEN, 32, hex);
	CHECK_STR(hex, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

TEST(nonces_differ)
{
	AUTO_BUF struct buf a = BUF_MAX(1000), b = BUF_MAX(1000);
	struct err e;

	CHECK(seal(key, NULL, STR(""), STR("x"), &a, &e) &&
	      seal(key, NULL, STR(""), STR("x"), &b, &e));
	CHECK(memcmp(a.data, b.data, SEAL_NONCE_LEN) != 0);
}

TEST(a_text_that_does_not_fit_is_refused)
{
	AUTO_BUF struct buf out = BUF_MAX(20);
	struct err e;

	CHECK(!seal(key, NULL, STR(""), STR("x"), &out, &e) && e.kind == ERR_EXHAUSTED);
}

TEST_MAIN()
