#include "base/err.h"

#include <errno.h>

#include "test.h"

TEST(context_is_put_in_front_and_the_kind_stays)
{
	struct err e;

	CHECK(!fail_sys(&e, ENOSPC, "write %s", "config.json"));
	CHECK(!while_doing(&e, "starting container %s", "web.1"));
	CHECK_STR(e.text, "starting container web.1: write config.json: No space left on device");
	CHECK_INT(e.kind, ERR_EXHAUSTED);
}

TEST(text_that_does_not_fit_ends_in_dots)
{
	static char longer[3000];
	struct err e;

	memset(longer, 'x', sizeof(longer) - 1);
	fail(&e, ERR_INVALID, "%s", longer);
	CHECK_INT(strlen(e.text), ERR_TEXT_MAX - 1);
	CHECK_STR(e.text + ERR_TEXT_MAX - 4, "...");
	while_doing(&e, "reading");
	CHECK(strncmp(e.text, "reading: xxx", 12) == 0);
}

TEST(every_kind_has_a_name_and_both_statuses)
{
	for (int kind = 0; kind < ERR_KINDS; kind++) {
		CHECK(err_kind_name((enum err_kind)kind));
		CHECK(err_http_status((enum err_kind)kind) >= 200);
	}
	CHECK_INT(err_http_status(ERR_CONFLICT), 409);
	CHECK_INT(err_grpc_status(ERR_OUT_OF_SEQUENCE), 2);
}

TEST(a_status_that_comes_back_means_what_it_was_made_of)
{
	CHECK_INT(err_of_grpc(err_grpc_status(ERR_CONFLICT)), ERR_CONFLICT);
	CHECK_INT(err_of_grpc(err_grpc_status(ERR_OUT_OF_SEQUENCE)), ERR_OUT_OF_SEQUENCE);
	CHECK_INT(err_of_grpc(err_grpc_status(ERR_IN_USE)), ERR_IN_USE);
	CHECK_INT(err_of_grpc(11), ERR_INTERNAL);
}

TEST_MAIN()
