#include "engine/reference.h"

#include "base/err.h"
#include "test.h"

static struct arena a;

static const char *canonical(const char *text)
{
	struct reference ref;
	struct err err;

	return reference_parse(&a, text, &ref, &err) ? reference_tagged(&a, &ref)
						     : arena_strdup(&a, err.text);
}

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(what_goes_without_saying_is_added)
{
	CHECK_STR(canonical("busybox"), "docker.io/library/busybox:latest");
	CHECK_STR(canonical("user/app:1.2"), "docker.io/user/app:1.2");
	CHECK_STR(canonical("docker.io/library/busybox"), "docker.io/library/busybox:latest");
	CHECK_STR(canonical("index.docker.io/busybox"), "docker.io/library/busybox:latest");
	CHECK_STR(canonical("host:5000/a/b"), "host:5000/a/b:latest");
	CHECK_STR(canonical("localhost/x"), "localhost/x:latest");
	CHECK_STR(canonical("reg.example.com/x:v1"), "reg.example.com/x:v1");
	CHECK_STR(canonical("x@" DIGEST), "docker.io/library/x@" DIGEST);
	CHECK_STR(canonical("x:1@" DIGEST), "docker.io/library/x:1");
	arena_clear(&a);
}

TEST(the_familiar_form_leaves_it_out_again)
{
	CHECK_STR(reference_familiar("docker.io/library/busybox:latest"), "busybox:latest");
	CHECK_STR(reference_familiar("docker.io/user/app:1"), "user/app:1");
	CHECK_STR(reference_familiar("host:5000/a:1"), "host:5000/a:1");
}

TEST(nonsense_is_refused)
{
	static const char *const bad[] = { "",     "Busy Box",    "a//b",     "-a",   "a:",
					   "a:-x", "a@sha256:12", "a_-b",     "a..b", "/a",
					   "a/",   "a:b:c/",      "host:x/a", ":1",   "a@" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(strncmp(canonical(bad[i]), "invalid reference format", 24) == 0);
	CHECK_STR(canonical("BusyBox"),
		  "invalid reference format: repository name must be lowercase");
	arena_clear(&a);
}

TEST_MAIN()
