#include "wire/query.h"

#include "base/arena.h"
#include "base/mem.h"
#include "test.h"

static struct query parsed(struct arena *a, const char *text)
{
	struct query q = { 0 };
	struct err e;

	CHECK(query_parse(a, str_of(text), &q, &e));
	return q;
}

TEST(a_target_has_a_path_and_a_query)
{
	struct str path, query;
	struct err e;

	CHECK(target_split(STR("/v1.41/info?a=1?b#c"), &path, &query, &e));
	CHECK(str_equal_c(path, "/v1.41/info") && str_equal_c(query, "a=1?b"));
	CHECK(target_split(STR("http://docker/info"), &path, &query, &e));
	CHECK(str_equal_c(path, "/info") && query.len == 0);
	CHECK(target_split(STR("http://docker"), &path, &query, &e) && str_equal_c(path, "/"));
	CHECK(!target_split(STR("*"), &path, &query, &e) && e.kind == ERR_INVALID);
	CHECK(!target_split(STR(""), &path, &query, &e));
}

TEST(a_path_keeps_its_plus_and_loses_its_escapes)
{
	AUTO_ARENA struct arena a = { 0 };
	const char *path;
	struct err e;

	CHECK(path_decode(&a, STR("/images/a%2Fb+c%20d/json"), &path, &e));
	CHECK_STR(path, "/images/a/b+c d/json");
}

TEST(broken_escapes_and_nul_are_refused)
{
	AUTO_ARENA struct arena a = { 0 };
	static const char *const bad[] = { "%", "a%2", "%zz", "%%20", "a%00b" };
	const char *decoded;
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!path_decode(&a, str_of(bad[i]), &decoded, &e) && e.kind == ERR_INVALID);
	path_decode(&a, STR("x%zzy"), &decoded, &e);
	CHECK_STR(e.text, "invalid URL escape \"%zz\"");
}

TEST(pairs_keep_their_order_and_may_repeat)
{
	AUTO_ARENA struct arena a = { 0 };
	struct query q = parsed(&a, "t=a&t=b&&x=1%262+3&novalue&=noname");

	CHECK_INT(q.count, 5);
	CHECK_STR(query_get(&q, "t"), "a");
	CHECK_STR(q.pairs[1].value, "b");
	CHECK_STR(query_get(&q, "x"), "1&2 3");
	CHECK_STR(query_get(&q, "novalue"), "");
	CHECK(query_get(&q, "absent") == NULL);
}

TEST(flags_read_as_the_reference_reads_them)
{
	AUTO_ARENA struct arena a = { 0 };
	struct query q = parsed(&a, "a=1&b=0&c=False&d=&e=yes&f=none&g=no&h=TRUE");

	CHECK(query_flag(&q, "a", false) && query_flag(&q, "e", false) &&
	      query_flag(&q, "h", false));
	CHECK(!query_flag(&q, "b", true) && !query_flag(&q, "c", true) &&
	      !query_flag(&q, "d", true));
	CHECK(!query_flag(&q, "f", true) && !query_flag(&q, "g", true));
	CHECK(query_flag(&q, "absent", true) && !query_flag(&q, "absent", false));
}

TEST(too_many_pairs_are_refused)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf text = BUF_MAX(4096);
	struct query q;
	struct err e;

	for (int i = 0; i < QUERY_PAIRS_MAX - 1; i++)
		buf_append_c(&text, "a&");
	CHECK(query_parse(&a, buf_str(&text), &q, &e));
	buf_append_c(&text, "a&");
	CHECK(!query_parse(&a, buf_str(&text), &q, &e) && e.kind == ERR_INVALID);
}

TEST(what_is_written_can_be_read)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf out = BUF_MAX(1024);
	bool first = true;
	struct query q;

	path_write_segment(&out, "a/b c");
	query_write(&out, &first, "filters", "{\"a\":[\"ü+&\"]}");
	query_write(&out, &first, "x", "");
	CHECK_STR(out.data, "a%2Fb%20c?filters=%7B%22a%22%3A%5B%22%C3%BC%2B%26%22%5D%7D&x=");
	q = parsed(&a, strchr(out.data, '?') + 1);
	CHECK_STR(query_get(&q, "filters"), "{\"a\":[\"ü+&\"]}");
}

TEST_MAIN()
