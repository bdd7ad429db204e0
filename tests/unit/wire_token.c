#include "wire/token.h"

#include "base/err.h"
#include "base/id.h"
#include "base/mem.h"
#include "test.h"

#define D "4nb7oofka9ml8nasnokxxc1unhmtpr1wxsuwhpd9km3vt5as31"
#define S "000avh9he7dy896m08s18udxr"

TEST(the_known_token_is_made_and_read)
{
	char text[TOKEN_TEXT_MAX + 1];
	struct token t = { 0 }, again;
	struct err e;

	CHECK(hex_decode(STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
			 t.digest, 32));
	for (uint8_t i = 0; i < TOKEN_SECRET_LEN; i++)
		t.secret[i] = i;
	token_write(&t, text);
	CHECK_STR(text, "SWMTKN-1-" D "-" S);
	CHECK(token_parse(str_of(text), &again, &e));
	CHECK(memcmp(&t, &again, sizeof(t)) == 0);
}

TEST(version_two_says_whether_the_cluster_is_fips)
{
	char text[TOKEN_TEXT_MAX + 1];
	struct token t;
	struct err e;

	CHECK(token_parse(STR("SWMTKN-2-1-" D "-" S), &t, &e) && t.has_fips && t.fips);
	token_write(&t, text);
	CHECK_STR(text, "SWMTKN-2-1-" D "-" S);
	CHECK(token_parse(STR("SWMTKN-2-0-" D "-" S), &t, &e) && t.has_fips && !t.fips);
}

TEST(anything_else_is_no_token)
{
	static const char *const bad[] = {
		"",
		"SWMTKN-1-" D,
		"SWMTKN-1-" D "-" S "-",
		"SWMTKN-1-" D "-" S "0",
		"SWMTKN-1-0" D "-" S,
		"SWMTKN-2-" D "-" S,
		"SWMTKN-2-2-" D "-" S,
		"SWMTKN-3-" D "-" S,
		"swmtkn-1-" D "-" S,
		"SWMTKN-1-!nb7oofka9ml8nasnokxxc1unhmtpr1wxsuwhpd9km3vt5as31-" S,
		"SWMTKN-1-zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-" S,
		" SWMTKN-1-" D "-" S,
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct token t;
		struct err e;

		if (token_parse(str_of(bad[i]), &t, &e))
			TEST_FAIL("accepted: %s", bad[i]);
		CHECK_STR(e.text, "invalid join token");
	}
}

TEST(a_token_pins_the_root_bundle_byte_for_byte)
{
	struct token t;
	struct err e;

	CHECK(token_parse(STR("SWMTKN-1-" D "-" S), &t, &e));
	CHECK(token_check_root(&t, STR("abc"), &e));
	CHECK(!token_check_root(&t, STR("abc\n"), &e) && e.kind == ERR_DENIED);
	CHECK_STR(e.text, "remote CA does not match fingerprint. Expected: "
			  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(tokens_are_equal_as_a_whole)
{
	CHECK(token_equal(STR("abc"), STR("abc")));
	CHECK(!token_equal(STR("abc"), STR("abd")) && !token_equal(STR("abc"), STR("ab")));
}

TEST(an_unlock_key_is_unpadded_base_64)
{
	uint8_t key[UNLOCK_KEY_LEN], again[UNLOCK_KEY_LEN];
	char text[UNLOCK_TEXT_LEN + 1];
	struct err e;

	for (int i = 0; i < UNLOCK_KEY_LEN; i++)
		key[i] = (uint8_t)(i * 37 + 251);
	unlock_key_write(key, text);
	CHECK_INT(strlen(text), UNLOCK_TEXT_LEN);
	CHECK(unlock_key_parse(str_of(text), again, &e) && memcmp(key, again, sizeof(key)) == 0);
	text[20] = '=';
	CHECK(!unlock_key_parse(str_of(text), again, &e));
	CHECK_STR(e.text, "invalid unlock key");
	text[20] = ' ';
	CHECK(!unlock_key_parse(str_of(text), again, &e));
	CHECK(!unlock_key_parse(STR("SWMKEY-1-AAAA"), again, &e));
	CHECK(!unlock_key_parse(STR(""), again, &e));
}

TEST_MAIN()
