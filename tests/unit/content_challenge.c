#include "content/challenge.h"

#include "test.h"

TEST(a_bearer_challenge_gives_its_three_texts)
{
	struct challenge c = { 0 };

	CHECK(challenge_parse(
		STR("Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
		    "scope=\"repository:library/busybox:pull,push\",error=\"invalid_token\""),
		&c));
	CHECK(c.is_bearer && !c.is_basic);
	CHECK_STR(c.realm, "https://auth.docker.io/token");
	CHECK_STR(c.service, "registry.docker.io");
	CHECK_STR(c.scope, "repository:library/busybox:pull,push");
}

TEST(several_challenges_in_one_header_are_told_apart)
{
	struct challenge c = { 0 };

	CHECK(challenge_parse(STR("basic realm=\"b\", BEARER realm = tok , service=s,Negotiate"),
			      &c));
	CHECK(c.is_basic && c.is_bearer);
	CHECK_STR(c.realm, "tok");
	CHECK_STR(c.service, "s");
}

TEST(the_first_bearer_challenge_counts)
{
	struct challenge c = { 0 };

	CHECK(challenge_parse(STR("Bearer realm=\"one\""), &c));
	CHECK(challenge_parse(STR("Bearer realm=\"two\""), &c));
	CHECK_STR(c.realm, "one");
}

TEST(escapes_are_read_and_control_characters_refused)
{
	struct challenge c = { 0 };

	CHECK(challenge_parse(STR("Bearer realm=\"a\\\"b\""), &c));
	CHECK_STR(c.realm, "a\"b");
	c = (struct challenge){ 0 };
	CHECK(!challenge_parse(STR("Bearer realm=\"a\r\nX: y\""), &c));
	CHECK(!c.is_bearer);
}

TEST(what_is_broken_or_too_long_changes_nothing)
{
	struct challenge c = { 0 };
	char text[CHALLENGE_TEXT_MAX + 32] = "Bearer realm=\"";

	CHECK(!challenge_parse(STR("Bearer realm=\"open"), &c));
	CHECK(!challenge_parse(STR("="), &c));
	memset(text + 14, 'x', CHALLENGE_TEXT_MAX);
	text[14 + CHALLENGE_TEXT_MAX] = '"';
	CHECK(!challenge_parse(str_of(text), &c));
	CHECK(!c.is_bearer && !c.realm[0]);
}

TEST(credentials_are_shown_to_the_same_host_and_its_siblings_only)
{
	CHECK(challenge_may_trust("registry-1.docker.io:443", "auth.docker.io:443"));
	CHECK(challenge_may_trust("registry.gitlab.com", "gitlab.com"));
	CHECK(challenge_may_trust("ghcr.io", "ghcr.io"));
	CHECK(challenge_may_trust("reg.example.com:5000", "REG.example.com:5001"));
	CHECK(challenge_may_trust("quay.io", "auth.quay.io"));
	CHECK(!challenge_may_trust("quay.io", "evil.io"));
	CHECK(!challenge_may_trust("registry-1.docker.io", "evildocker.io"));
	CHECK(!challenge_may_trust("registry-1.docker.io", "docker.io.evil.com"));
	CHECK(!challenge_may_trust("a.com", "b.com"));
	CHECK(!challenge_may_trust("10.0.0.1:5000", "10.0.0.2:5000"));
	CHECK(!challenge_may_trust("10.0.0.1:5000", "9.0.0.1"));
	CHECK(!challenge_may_trust("[::1]:5000", "[::2]:5000"));
	CHECK(!challenge_may_trust("localhost:5000", "other:5000"));
}

TEST_MAIN()
