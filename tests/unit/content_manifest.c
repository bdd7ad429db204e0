#include "content/manifest.h"

#include "base/mem.h"
#include "content/json.h"
#include "content/parse.h"
#include "test.h"

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"

static const char image_text[] =
	"{\"schemaVersion\":2,\"mediaType\":\"" TYPE_MANIFEST
	"\",\"config\":{\"mediaType\":\"" TYPE_CONFIG "\",\"size\":7,\"digest\":\"" D1
	"\"},\"layers\":[{\"mediaType\":\"" TYPE_LAYER_GZIP "\",\"size\":9,\"digest\":\"" D2
	"\"}]}";

TEST(a_manifest_names_its_config_and_layers)
{
	AUTO_ARENA struct arena a = { 0 };
	struct manifest m;
	struct err e;

	CHECK(manifest_parse(str_of(image_text), TYPE_MANIFEST, &a, &m, &e));
	CHECK(!m.is_index && m.item_count == 1);
	CHECK_STR(m.config.digest, D1);
	CHECK_STR(m.items[0].digest, D2);
	CHECK_INT(m.items[0].size_bytes, 9);
}

TEST(what_is_written_is_what_stock_docker_writes_and_can_be_read)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf text = BUF_MAX(10000);
	struct descriptor layer = { .media_type = TYPE_LAYER_GZIP, .digest = D2, .size_bytes = 9 };
	struct manifest m = { .media_type = TYPE_MANIFEST,
			      .items = &layer,
			      .item_count = 1,
			      .config = {
				      .media_type = TYPE_CONFIG, .digest = D1, .size_bytes = 7 } };
	struct manifest again;
	struct err e;

	manifest_write(&m, &text);
	CHECK(str_starts_with(
		buf_str(&text),
		"{\n   \"schemaVersion\": 2,\n   \"mediaType\": \"" TYPE_MANIFEST "\",\n"
		"   \"config\": {\n      \"mediaType\": \"" TYPE_CONFIG "\",\n"
		"      \"size\": 7,\n      \"digest\": \"" D1 "\"\n   },\n   \"layers\": [\n"
		"      {\n         \"mediaType\": "));
	CHECK(manifest_parse(buf_str(&text), "", &a, &again, &e));
	CHECK_STR(again.items[0].digest, D2);
}

TEST(a_manifest_crosses_a_channel_unchanged)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_RECORD struct record_writer w = { 0 };
	struct manifest m, again;
	struct record r;
	struct err e;
	size_t used;

	CHECK(manifest_parse(str_of(image_text), "", &a, &m, &e));
	record_begin(&w);
	manifest_encode(&m, &w);
	CHECK(record_end(&w, &e) && record_parse(buf_str(&w.bytes), &r, &used, &e));
	CHECK(manifest_decode(&r, &a, &again, &e));
	CHECK_STR(again.config.digest, m.config.digest);
	CHECK_STR(again.items[0].media_type, TYPE_LAYER_GZIP);
	CHECK_INT(again.item_count, 1);
}

TEST(a_worker_that_sends_broken_digests_is_not_believed)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_RECORD struct record_writer w = { 0 };
	struct manifest m = { .media_type = TYPE_MANIFEST,
			      .config = { "t", "sha256:../x", 1, { "", "", "" }, "" } };
	struct manifest again;
	struct record r;
	struct err e;
	size_t used;

	record_begin(&w);
	manifest_encode(&m, &w);
	CHECK(record_end(&w, &e) && record_parse(buf_str(&w.bytes), &r, &used, &e));
	CHECK(!manifest_decode(&r, &a, &again, &e));
}

TEST(platforms_are_read_with_their_other_names)
{
	AUTO_ARENA struct arena a = { 0 };
	struct platform p;
	struct err e;

	CHECK(platform_parse("linux/aarch64", &a, &p, &e));
	CHECK_STR(p.architecture, "arm64");
	CHECK(platform_parse("linux/armhf", &a, &p, &e));
	CHECK_STR(p.variant, "v7");
	CHECK(platform_parse("s390x", &a, &p, &e));
	CHECK_STR(p.os, "linux");
	CHECK_STR(p.architecture, "s390x");
	CHECK(platform_parse("", &a, &p, &e));
	CHECK_STR(p.os, "linux");
	CHECK(!platform_parse("linux/", &a, &p, &e));
	CHECK(!platform_parse("a/b/c/d", &a, &p, &e));
	CHECK(!platform_parse("linux/amd 64", &a, &p, &e));
}

TEST(arm_machines_take_the_best_variant_they_can_run)
{
	struct descriptor items[] = {
		{ .media_type = TYPE_MANIFEST, .digest = D1, .platform = { "linux", "arm", "v5" } },
		{ .media_type = TYPE_MANIFEST, .digest = D2, .platform = { "linux", "arm", "v6" } },
		{ .media_type = TYPE_MANIFEST,
		  .digest = D1,
		  .platform = { "windows", "arm", "v7" } },
		{ .media_type = TYPE_OCI_INDEX,
		  .digest = D1,
		  .platform = { "linux", "arm", "v7" } },
	};
	struct manifest index = { .is_index = true,
				  .items = items,
				  .item_count = ARRAY_LEN(items) };
	struct platform v7 = { "linux", "arm", "v7" }, v5 = { "linux", "arm", "v5" },
			arm64 = { "linux", "arm64", "" };

	CHECK(manifest_pick(&index, &v7) == &items[1]);
	CHECK(manifest_pick(&index, &v5) == &items[0]);
	CHECK(manifest_pick(&index, &arm64) == NULL);
}

TEST(credentials_come_in_both_base64_alphabets_and_garbage_is_nobody)
{
	AUTO_ARENA struct arena a = { 0 };
	struct credentials c;
	struct err e;

	/* {"username":"me","password":"s?c>et~"} */
	CHECK(credentials_parse(STR("eyJ1c2VybmFtZSI6Im1lIiwicGFzc3dvcmQiOiJzP2M+ZXR+In0="), &a, &c,
				&e));
	CHECK_STR(c.username, "me");
	CHECK_STR(c.password, "s?c>et~");
	CHECK(credentials_parse(STR("eyJ1c2VybmFtZSI6Im1lIiwicGFzc3dvcmQiOiJzP2M-ZXR-In0"), &a, &c,
				&e));
	CHECK_STR(c.password, "s?c>et~");
	CHECK(credentials_parse(STR("e30="), &a, &c, &e));
	CHECK_STR(c.username, "");
	CHECK(credentials_parse(STR("!!!!"), &a, &c, &e));
	CHECK_STR(c.username, "");
}

TEST(a_composed_config_keeps_what_it_does_not_change)
{
	AUTO_BUF struct buf out = BUF_MAX(10000);
	AUTO_ARENA struct arena a = { 0 };
	struct compose what = {
		.parent = STR(
			"{\"architecture\":\"arm\",\"os\":\"linux\",\"config\":{\"Env\":[\"A=1\"]},"
			"\"x\":1,\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D1 "\"]}}"),
		.comment = STR("c"),
		.created = STR("2026-01-02T03:04:05Z"),
		.diff_id = STR(D2)
	};
	struct image_config config;
	struct err e;

	CHECK(image_config_compose(&what, &out, &e));
	CHECK(image_config_parse(buf_str(&out), &a, &config, &e));
	CHECK_INT(config.layer_count, 2);
	CHECK_STR(config.diff_ids[1], D2);
	CHECK_STR(config.platform.architecture, "arm");
	CHECK(strstr(out.data, "\"x\":1") && strstr(out.data, "\"Env\":[\"A=1\"]"));
}

TEST(deep_documents_are_refused_before_they_are_parsed)
{
	char text[400];
	struct err e;

	memset(text, '[', sizeof(text));
	CHECK(json_parse(str_bytes(text, sizeof(text)), sizeof(text), "x", &e) == NULL);
	CHECK_INT(e.kind, ERR_EXHAUSTED);
}

TEST_MAIN()
