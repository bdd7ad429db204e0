#include "base/id.h"

#include "base/prng.h"
#include "test.h"

TEST(an_object_id_is_the_middle_of_27_base36_digits)
{
	const uint8_t bytes[17] = { 0x81, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	char id[OBJECT_ID_LEN + 1];

	object_id_from_bytes(bytes, id);
	CHECK_STR(id, "ib5rvaxcohh36wi2b7gtjkx05");
	CHECK(object_id_is_valid(str_of(id)));
	CHECK(!object_id_is_valid(STR("ib5rvaxcohh36wi2b7gtjkx0")));
	CHECK(!object_id_is_valid(STR("ib5rvaxcohh36wi2b7gtjkx0A")));
}

TEST(base36_gives_the_published_join_token_digits)
{
	uint8_t digest[32], back[32], secret[16];
	char text[51];

	CHECK(hex_decode(STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
			 digest, 32));
	base36_encode(digest, 32, text, 50);
	CHECK_STR(text, "4nb7oofka9ml8nasnokxxc1unhmtpr1wxsuwhpd9km3vt5as31");
	CHECK(base36_decode(str_of(text), back, 32));
	CHECK(memcmp(digest, back, 32) == 0);

	for (uint8_t i = 0; i < 16; i++)
		secret[i] = i;
	base36_encode(secret, 16, text, 25);
	CHECK_STR(text, "000avh9he7dy896m08s18udxr");
}

TEST(base36_refuses_foreign_digits_and_numbers_that_do_not_fit)
{
	uint8_t out[1];

	CHECK(base36_decode(STR("73"), out, 1) && out[0] == 255);
	CHECK(!base36_decode(STR("74"), out, 1));
	CHECK(!base36_decode(STR("A"), out, 1));
	CHECK(!base36_decode(STR("-"), out, 1));
}

TEST(hex_ids_are_64_digits_and_differ)
{
	struct prng p;
	char a[HEX_ID_LEN + 1], b[HEX_ID_LEN + 1];
	uint8_t bytes[32];

	prng_seed(&p, 1);
	hex_id_new(&p, a);
	hex_id_new(&p, b);
	CHECK_INT(strlen(a), 64);
	CHECK(strcmp(a, b) != 0);
	CHECK(hex_decode(str_of(a), bytes, 32));
	CHECK(!hex_decode(STR("0g"), bytes, 1));
}

TEST_MAIN()
