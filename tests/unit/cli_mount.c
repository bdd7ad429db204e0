#include "cli/mount.h"

#include "base/mem.h"
#include "cli/csv.h"
#include "template/field.h"
#include "template/jsontext.h"
#include "cli/ulimit.h"
#include "test.h"

static struct err e;

/* The JSON, or what was wrong. */
static const char *text_of(json_t *value)
{
	static struct buf out = BUF_MAX(65536);

	buf_reset(&out);
	if (!value)
		return e.text;
	jsontext_write(value, true, false, &out);
	json_decref(value);
	return buf_str(&out).ptr;
}

static const char *mount(const char *text)
{
	return text_of(mount_parse(text, &e));
}

TEST(a_mount_is_a_volume_unless_it_says_otherwise)
{
	CHECK_STR(mount("src=data,dst=/data"),
		  "{\"Source\":\"data\",\"Target\":\"/data\",\"Type\":\"volume\"}");
	CHECK_STR(mount("type=bind,source=/a,target=/b,readonly"),
		  "{\"ReadOnly\":true,\"Source\":\"/a\",\"Target\":\"/b\",\"Type\":\"bind\"}");
	CHECK_STR(mount("type=bind,source=/a,target=/b,ro=false"),
		  "{\"ReadOnly\":false,\"Source\":\"/a\",\"Target\":\"/b\",\"Type\":\"bind\"}");
}

TEST(options_of_a_type_nest)
{
	CHECK_STR(
		mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770"),
		"{\"Target\":\"/t\",\"TmpfsOptions\":{\"Mode\":1016,\"SizeBytes\":1048576},\"Type\":\"tmpfs\"}");
	CHECK_STR(
		mount("target=/t,volume-driver=d,volume-opt=o=a,\"volume-opt=device=b,c\",volume-nocopy"),
		"{\"Target\":\"/t\",\"Type\":\"volume\",\"VolumeOptions\":{\"DriverConfig\":{\"Name\":\"d\","
		"\"Options\":{\"device\":\"b,c\",\"o\":\"a\"}},\"NoCopy\":true}}");
}

TEST(what_makes_no_mount_is_refused_with_the_text)
{
	CHECK_STR(
		mount("type=bind,source=/a"),
		"invalid argument \"type=bind,source=/a\" for \"--mount\" flag: target is required");
	CHECK_STR(mount("target"),
		  "invalid argument \"target\" for \"--mount\" flag: invalid field 'target' must "
		  "be a key=value pair");
	CHECK_STR(mount("target=/a,colour=red"),
		  "invalid argument \"target=/a,colour=red\" for \"--mount\" flag: "
		  "unexpected key 'colour' in 'colour=red'");
	CHECK_STR(
		mount("type=bind,target=/a,volume-nocopy"),
		"invalid argument \"type=bind,target=/a,volume-nocopy\" for \"--mount\" flag: cannot mix "
		"'volume-*' options with mount type 'bind'");
	CHECK_STR(
		mount("target=/a,ro=maybe"),
		"invalid argument \"target=/a,ro=maybe\" for \"--mount\" flag: invalid value for ro: maybe");
}

TEST(words_are_split_as_a_shell_does)
{
	CHECK_STR(text_of(shell_words("sh -c 'echo \"a b\"' \"c \\\" d\" e\\ f ''", &e)),
		  "[\"sh\",\"-c\",\"echo \\\"a b\\\"\",\"c \\\" d\",\"e f\",\"\"]");
	CHECK_STR(text_of(shell_words("  ", &e)), "[]");
	CHECK_STR(text_of(shell_words("'open", &e)), "a quote is not closed");
}

TEST(commas_in_quotes_belong_to_the_field)
{
	AUTO_BUF struct buf field = BUF_MAX(100);
	struct str rest = STR("a,\"b,\"\"c\"\"\",,d");

	CHECK(csv_next(&rest, &field) && str_equal(buf_str(&field), STR("a")));
	CHECK(csv_next(&rest, &field) && str_equal(buf_str(&field), STR("b,\"c\"")));
	CHECK(csv_next(&rest, &field) && field.len == 0);
	CHECK(csv_next(&rest, &field) && str_equal(buf_str(&field), STR("d")));
	CHECK(!csv_next(&rest, &field));
}

TEST(limits_have_a_soft_and_a_hard_end)
{
	CHECK_STR(text_of(ulimit_parse("nofile=1024:2048", &e)),
		  "{\"Hard\":2048,\"Name\":\"nofile\",\"Soft\":1024}");
	CHECK_STR(text_of(ulimit_parse("core=-1", &e)),
		  "{\"Hard\":-1,\"Name\":\"core\",\"Soft\":-1}");
	CHECK_STR(text_of(ulimit_parse("nofile=3:2", &e)),
		  "ulimit soft limit must be less than or equal to hard limit: 3 > 2");
	CHECK_STR(text_of(ulimit_parse("colour=1", &e)), "invalid ulimit type: colour");
	CHECK_STR(text_of(ulimit_parse("nofile", &e)), "invalid ulimit argument: nofile");
	CHECK_STR(text_of(ulimit_parse("nofile=x", &e)), "invalid ulimit argument: nofile=x");
}

TEST(capabilities_have_one_spelling)
{
	AUTO_FREE char *a = capability_name("net_admin"), *b = capability_name("cap_sys_time");
	AUTO_FREE char *all = capability_name("all");

	CHECK_STR(a, "CAP_NET_ADMIN");
	CHECK_STR(b, "CAP_SYS_TIME");
	CHECK_STR(all, "ALL");
}

TEST_MAIN()
