/* What AWS says, and what files on disk say of AWS: read without any network. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "machine/aws/call.h"
#include "machine/aws/ini.h"
#include "machine/aws/xml.h"
#include "machine/ec2/permissions.h"
#include "file/file.h"
#include "file/folder.h"
#include "template/field.h"
#include "test.h"

static struct err e;

TEST(lists_are_arrays_and_names_are_members)
{
	AUTO_JSON json_t *said = xml_parse(
		STR("<?xml version=\"1.0\"?><R xmlns=\"x\"><set><item><id>i-1</id><n>a &amp; b</n></item>"
		    "<item><id>i-2</id></item></set><empty/><member><k>v</k></member></R>"),
		&e);

	CHECK(said);
	CHECK_INT(field_count(said, "set"), 2);
	CHECK_STR(field_text(json_array_get(field_at(said, "set"), 0), "n"), "a & b");
	CHECK_STR(field_text(json_array_get(field_at(said, "set"), 1), "id"), "i-2");
	CHECK_STR(field_text(said, "empty"), "");
	CHECK_INT(json_array_size(field_at(said, "empty")), 0);
}

TEST(a_name_that_repeats_is_an_array)
{
	AUTO_JSON json_t *said = xml_parse(STR("<R><a>1</a><a>2</a><a>3</a><b>4</b></R>"), &e);

	CHECK_INT(field_count(said, "a"), 3);
	CHECK_STR(field_text(said, "b"), "4");
}

TEST(hostile_xml_is_refused)
{
	static const char *const bad[] = {
		"",
		"<a>",
		"<a></b>",
		"<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
		"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
		"<a>&nosuch;</a>",
	};
	AUTO_BUF struct buf deep = BUF_MAX(1 << 20);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!xml_parse(str_of(bad[i]), &e));
	for (int i = 0; i < XML_DEPTH_MAX + 1; i++)
		buf_append_c(&deep, "<a>");
	CHECK(!xml_parse(buf_str(&deep), &e));
	CHECK(strstr(e.text, "too deep"));
}

TEST(sections_have_settings_and_what_is_neither_is_named_by_line)
{
	AUTO_JSON json_t *file = ini_parse(
		STR("# words\n[default]\nregion = eu-west-2\r\n[profile a b]\nRole_ARN=x=y ; z\ns3 =\n"
		    "  nested = 1\n\n[default]\noutput=json"),
		&e);
	const json_t *named = json_object_get(file, "profile a b");

	CHECK(file);
	CHECK_STR(field_text(json_object_get(file, "default"), "region"), "eu-west-2");
	CHECK_STR(field_text(json_object_get(file, "default"), "output"), "json");
	CHECK_STR(field_text(named, "role_arn"), "x=y ; z");
	CHECK(!json_object_get(named, "nested"));
	CHECK(!ini_parse(STR("a = 1\n"), &e) && strstr(e.text, "line 1"));
	CHECK(!ini_parse(STR("[a]\n\nwords\n"), &e) && strstr(e.text, "line 3"));
	CHECK(!ini_parse(STR("[]\n"), &e));
	CHECK(!ini_parse(STR("[a]\n= x\n"), &e));
}

TEST(a_refusal_is_judged_by_its_code)
{
	CHECK_INT(refusal_of(400, "InvalidInstanceID.NotFound").kind, ERR_NOT_FOUND);
	CHECK_INT(refusal_of(400, "InvalidPermission.Duplicate").kind, ERR_CONFLICT);
	CHECK_INT(refusal_of(403, "UnauthorizedOperation").kind, ERR_DENIED);
	CHECK(refusal_of(400, "RequestLimitExceeded").may_pass);
	CHECK(refusal_of(500, "").may_pass);
	CHECK(!refusal_of(500, "InsufficientInstanceCapacity").may_pass);
	CHECK(!refusal_of(400, "InvalidParameterValue").may_pass);
}

TEST(the_permissions_are_a_policy)
{
	AUTO_BUF struct buf text = BUF_MAX(1 << 16);
	AUTO_JSON json_t *policy = NULL;

	permissions_write(true, true, &text);
	policy = json_loadb(text.data, text.len, 0, NULL);
	CHECK(policy);
	CHECK_STR(field_text(policy, "Version"), "2012-10-17");
	CHECK(strstr(text.data, "\"iam:PassRole\"") && strstr(text.data, "\"ec2:RunInstances\""));
}

/* ---- credentials ---- */

static char home[] = "/tmp/shoal-unit-aws-XXXXXX";

static void begin(const char *config, const char *credentials)
{
	static const char *const variables[] = { "AWS_ACCESS_KEY_ID",
						 "AWS_SECRET_ACCESS_KEY",
						 "AWS_SESSION_TOKEN",
						 "AWS_PROFILE",
						 "AWS_WEB_IDENTITY_TOKEN_FILE",
						 "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
						 "AWS_CONTAINER_CREDENTIALS_FULL_URI",
						 "AWS_CONFIG_FILE",
						 "AWS_SHARED_CREDENTIALS_FILE" };
	AUTO_FREE char *folder = NULL, *one = NULL, *other = NULL;

	if (strstr(home, "XXXXXX"))
		CHECK(mkdtemp(home));
	folder = xasprintf("%s/.aws", home);
	one = xasprintf("%s/config", folder);
	other = xasprintf("%s/credentials", folder);
	setenv("HOME", home, 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		unsetenv(variables[i]);
	CHECK(folder_make(folder, 0700, &e) && file_replace(one, str_of(config), 0600, &e) &&
	      file_replace(other, str_of(credentials), 0600, &e));
}

static const char *found(const char *profile)
{
	struct credential_wish w = { .profile = profile, .role = "", .region = "us-east-1" };
	static char text[512];
	struct credentials c;

	if (!credentials_find(&w, &c, &e))
		return e.text;
	(void)snprintf(text, sizeof(text), "%s %s %s", c.key, c.secret, c.token);
	credentials_clear(&c);
	return text;
}

TEST(keys_come_from_the_environment_a_profile_or_a_program)
{
	begin("[profile p]\nregion = sa-east-1\ncredential_process = echo "
	      "'{\"Version\":1,\"AccessKeyId\":\"PK\",\"SecretAccessKey\":\"PS\",\"SessionToken\":\"PT\"}'\n"
	      "[profile bad]\ncredential_process = exit 3\n[profile loop]\nrole_arn = r\n"
	      "source_profile = loop2\n[profile loop2]\nrole_arn = r\nsource_profile = loop\n"
	      "[profile out]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n"
	      "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://x\n",
	      "[default]\naws_access_key_id = DK\naws_secret_access_key = DS\n[q]\n"
	      "aws_access_key_id=QK\naws_secret_access_key=QS\naws_session_token=QT\n");
	AUTO_FREE char *region = profile_region("p"), *none = profile_region("q");

	CHECK_STR(found(""), "DK DS ");
	CHECK_STR(found("q"), "QK QS QT");
	CHECK_STR(found("p"), "PK PS PT");
	CHECK_STR(region, "sa-east-1");
	CHECK_STR(none, "");
	CHECK(strstr(found("bad"), "profile \"bad\": credential_process"));
	CHECK(strstr(found("loop"), "profiles name each other"));
	CHECK(strstr(found("out"), "aws sso login"));
	CHECK(strstr(found("nosuch"), "profile \"nosuch\": it has no keys"));
	setenv("AWS_PROFILE", "q", 1);
	CHECK_STR(found(""), "QK QS QT");
	setenv("AWS_ACCESS_KEY_ID", "EK", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "ES", 1);
	CHECK_STR(found(""), "EK ES ");
	CHECK_STR(found("q"), "QK QS QT");
}

TEST(who_has_nothing_is_told_what_to_set)
{
	begin("", "");
	CHECK(strstr(found(""), "set AWS_ACCESS_KEY_ID"));
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.example/keys", 1);
	CHECK(strstr(found(""), "not asked for in clear"));
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.2.evil.example/", 1);
	CHECK(strstr(found(""), "not asked for in clear"));
	CHECK(folder_remove(home, &e));
}

TEST_MAIN()
