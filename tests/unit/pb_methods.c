#include "pb/methods.h"

#include "test.h"

TEST(methods_are_ordered_by_path)
{
	for (size_t i = 1; i < pb_methods_count; i++)
		CHECK(strcmp(pb_methods[i - 1].path, pb_methods[i].path) < 0);
	CHECK_INT(pb_methods_count, 66);
}

TEST(each_method_is_found_by_its_path)
{
	for (size_t i = 0; i < pb_methods_count; i++)
		CHECK(pb_method_find(str_of(pb_methods[i].path)) == &pb_methods[i]);
	CHECK(!pb_method_find(STR("")));
	CHECK(!pb_method_find(STR("/docker.swarmkit.v1.CA/")));
	CHECK(!pb_method_find(STR("/docker.swarmkit.v1.CA/GetUnlockKeys")));
	CHECK(!pb_method_find(STR("/zzz")));
	CHECK(!pb_method_find(STR("/shoal.v1.Managers/")));
}

TEST(a_row_says_who_may_call_and_where_it_goes)
{
	const struct pb_method *m =
		pb_method_find(STR("/docker.swarmkit.v1.Dispatcher/Assignments"));

	CHECK(m && m->kind == PB_SERVER_STREAM && m->goes_to_leader);
	CHECK_INT(m->callers, PB_WORKERS | PB_MANAGERS);
	CHECK(m->request == &pb__assignments_request__descriptor);
	CHECK(m->response == &pb__assignments_message__descriptor);

	m = pb_method_find(STR("/docker.swarmkit.v1.Raft/StreamRaftMessage"));
	CHECK(m && m->kind == PB_CLIENT_STREAM && !m->goes_to_leader);
	CHECK_INT(m->callers, PB_MANAGERS);
}

/* Everything but these needs a certificate. */
TEST(three_methods_are_for_anyone)
{
	int open = 0;

	for (size_t i = 0; i < pb_methods_count; i++)
		open += pb_methods[i].callers == PB_ANYONE;

	CHECK_INT(open, 3);
	CHECK_INT(pb_method_find(STR("/docker.swarmkit.v1.CA/GetRootCACertificate"))->callers,
		  PB_ANYONE);
	CHECK_INT(pb_method_find(STR("/docker.swarmkit.v1.NodeCA/IssueNodeCertificate"))->callers,
		  PB_ANYONE);
	CHECK_INT(pb_method_find(STR("/docker.swarmkit.v1.NodeCA/NodeCertificateStatus"))->callers,
		  PB_ANYONE);
}

TEST_MAIN()
