#include "wire/ref.h"

#include "base/err.h"
#include "base/mem.h"
#include "test.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(names_take_their_full_form_and_give_back_the_familiar_one)
{
	static const struct {
		const char *text, *full, *familiar;
	} cases[] = {
		{ "busybox", "docker.io/library/busybox", "busybox" },
		{ "busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36" },
		{ "docker.io/busybox", "docker.io/library/busybox", "busybox" },
		{ "index.docker.io/library/busybox", "docker.io/library/busybox", "busybox" },
		{ "team/app", "docker.io/team/app", "team/app" },
		{ "library/a/b", "docker.io/library/a/b", "library/a/b" },
		{ "localhost/app:x", "localhost/app:x", "localhost/app:x" },
		{ "localhost:5000/app", "localhost:5000/app", "localhost:5000/app" },
		{ "host:5000/a/b/c:v1", "host:5000/a/b/c:v1", "host:5000/a/b/c:v1" },
		{ "Host/app", "Host/app", "Host/app" },
		{ "reg.example/app@sha256:" HEX64, "reg.example/app@sha256:" HEX64,
		  "reg.example/app@sha256:" HEX64 },
		{ "app:t@sha256:" HEX64, "docker.io/library/app:t@sha256:" HEX64,
		  "app:t@sha256:" HEX64 },
		{ "[2001:db8::1]:5000/app", "[2001:db8::1]:5000/app", "[2001:db8::1]:5000/app" },
		{ "a.b/c", "a.b/c", "a.b/c" },
		{ "a__b/c.d_e---f", "docker.io/a__b/c.d_e---f", "a__b/c.d_e---f" },
		{ "busybox:5000", "docker.io/library/busybox:5000", "busybox:5000" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[REF_TEXT_MAX + 1];
		struct ref r;
		struct err e;

		if (!ref_parse(str_of(cases[i].text), &r, &e))
			TEST_FAIL("%s: %s", cases[i].text, e.text);
		ref_full(&r, text);
		CHECK_STR(text, cases[i].full);
		ref_familiar(&r, text);
		CHECK_STR(text, cases[i].familiar);
	}
}

TEST(malformed_names_are_refused_with_the_stock_text)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "invalid reference format" },
		{ ":tag", "invalid reference format" },
		{ "a//b", "invalid reference format" },
		{ "a/", "invalid reference format" },
		{ "/a", "invalid reference format" },
		{ "-a", "invalid reference format" },
		{ "a-", "invalid reference format" },
		{ "a___b", "invalid reference format" },
		{ "a..b", "invalid reference format" },
		{ "a._b/c", "invalid reference format" },
		{ "a b", "invalid reference format" },
		{ "a:", "invalid reference format" },
		{ "a:.x", "invalid reference format" },
		{ "a:b:c", "invalid reference format" },
		{ "a@b", "invalid reference format" },
		{ "a@sha256:", "invalid checksum digest length" },
		{ "a@sha256:" HEX64 "0", "invalid checksum digest length" },
		{ "a@md5:0123456789abcdef0123456789abcdef", "unsupported digest algorithm" },
		{ "host:port/a", "invalid reference format" },
		{ "-h.x/a", "invalid reference format" },
		{ "[::g]/a", "invalid reference format" },
		{ "Busybox",
		  "invalid reference format: repository name (library/Busybox) must be lowercase" },
		{ "a.b/Team",
		  "invalid reference format: repository name (Team) must be lowercase" },
		{ HEX64, "invalid repository name (" HEX64
			 "), cannot specify 64-byte hexadecimal strings" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ref r;
		struct err e;

		if (ref_parse(str_of(cases[i].text), &r, &e))
			TEST_FAIL("\"%s\" was accepted", cases[i].text);
		CHECK_STR(e.text, cases[i].error);
		CHECK_INT(e.kind, ERR_INVALID);
	}
}

TEST(names_have_a_length)
{
	char name[300] = "a.b/";
	struct ref r;
	struct err e;

	memset(name + 4, 'x', 251);
	CHECK(ref_parse(str_bytes(name, 255), &r, &e));
	name[255] = 'x';
	CHECK(!ref_parse(str_bytes(name, 256), &r, &e));
	CHECK_STR(e.text, "repository name must not be more than 255 characters");
}

TEST(tags_have_128_characters_at_most)
{
	char tag[130];

	memset(tag, 'A', sizeof(tag));
	CHECK(tag_is_valid(str_bytes(tag, 128)));
	CHECK(!tag_is_valid(str_bytes(tag, 129)));
	CHECK(tag_is_valid(STR("_1.2-x")) && !tag_is_valid(STR("a/b")) && !tag_is_valid(STR("")));
}

TEST(latest_is_added_only_where_nothing_says_which)
{
	struct ref r;
	struct err e;

	CHECK(ref_parse(STR("a"), &r, &e));
	ref_default_tag(&r);
	CHECK_STR(r.tag, "latest");
	CHECK(ref_parse(STR("a@sha256:" HEX64), &r, &e));
	ref_default_tag(&r);
	CHECK_STR(r.tag, "");
}

TEST(a_digest_is_an_algorithm_and_lower_case_hex)
{
	char text[DIGEST_SHA256_LEN + 1];
	struct err e;

	digest_sha256("abc", 3, text);
	CHECK_STR(text, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK(digest_check(str_of(text), &e));
	text[10] = 'A';
	CHECK(!digest_check(str_of(text), &e));
	CHECK_STR(e.text, "invalid checksum digest format");
	CHECK(!digest_check(STR("nocolon"), &e));
}

TEST_MAIN()
