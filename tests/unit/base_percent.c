#include "base/percent.h"

#include "test.h"

static const char *encoded(const char *text, struct buf *out)
{
	*out = BUF_MAX(256);
	percent_encode(out, str_of(text));
	return out->data ? out->data : "";
}

TEST(plain_characters_stand_for_themselves)
{
	AUTO_BUF struct buf out;

	CHECK_STR(encoded("com.docker.swarm_node-id~1", &out), "com.docker.swarm_node-id~1");
}

TEST(what_separates_is_escaped)
{
	AUTO_BUF struct buf out;

	CHECK_STR(encoded("a=1,b c%\n", &out), "a%3D1%2Cb+c%25%0A");
}

TEST(decoding_undoes_encoding)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf out;

	CHECK_STR(percent_decode(&a, str_of(encoded("k=\xc3\xa4 +,%41", &out))),
		  "k=\xc3\xa4 +,%41");
}

TEST(what_is_no_escape_stays)
{
	AUTO_ARENA struct arena a = { 0 };

	CHECK_STR(percent_decode(&a, STR("100%")), "100%");
	CHECK_STR(percent_decode(&a, STR("%zz%4")), "%zz%4");
}

TEST_MAIN()
