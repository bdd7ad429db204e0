#include "swarm/authorize.h"

#include "swarm_drive.h"

#define RENEW "/docker.swarmkit.v1.NodeCA/IssueNodeCertificate"
#define BEAT  "/docker.swarmkit.v1.Dispatcher/Heartbeat"
#define RAFT  "/docker.swarmkit.v1.Raft/ProcessRaftMessage"

static struct peer_identity node_named(const char *id, const char *role)
{
	return (struct peer_identity){ .node_id = id, .role = role, .org = "cluster" };
}

static void remove_node(struct drive *d, const char *id)
{
	Pb__RemoveNodeRequest *request = PB_NEW(&d->arena, remove_node_request);
	struct err e = { 0 };

	request->node_id = arena_strdup(&d->arena, id);
	request->force = true;
	CHECK(ask(d, "RemoveNode", request, &e));
}

TEST(each_role_may_call_what_is_its_own)
{
	struct drive *d = drive_new(1);
	struct peer_identity worker = node_named("worker1", "swarm-worker");
	struct peer_identity manager = node_named("manager1", "swarm-manager");
	struct peer_identity nobody = { .node_id = "", .role = "", .org = "" };
	const struct view *v = store_view(d->store);
	struct err e;

	CHECK(authorize(v, BEAT, &worker, &e));
	CHECK(authorize(v, RAFT, &manager, &e));
	CHECK(authorize(v, RENEW, &nobody, &e));
	CHECK(!authorize(v, RAFT, &worker, &e));
	CHECK(strstr(e.text, "remote certificate not part of OUs: [swarm-manager]"));
	CHECK(!authorize(v, BEAT, &nobody, &e));
	CHECK(strstr(e.text, "no client certificates in request"));
	worker.org = "another";
	CHECK(!authorize(v, BEAT, &worker, &e));
	drive_free(d);
}

TEST(roles_are_asked_for_even_before_there_is_any_state)
{
	struct peer_identity worker = node_named("worker1", "swarm-worker");
	struct peer_identity manager = node_named("manager1", "swarm-manager");
	struct err e;

	CHECK(!authorize(NULL, RAFT, &worker, &e));
	CHECK(authorize(NULL, RAFT, &manager, &e));
}

TEST(a_removed_manager_has_no_word_for_anybody)
{
	struct drive *d = drive_new(1);
	struct peer_identity worker = node_named("worker1", "swarm-worker");
	struct err e;

	add_workers(d, 2);
	worker.is_forwarded = true;
	worker.forwarder = "worker2";
	CHECK(authorize(store_view(d->store), RENEW, &worker, &e));

	remove_node(d, "worker2");
	CHECK(!authorize(store_view(d->store), RENEW, &worker, &e));
	CHECK(strstr(e.text, "unauthorized forwarder role: node worker2 was removed from swarm"));
	worker.is_forwarded = false;
	CHECK(authorize(store_view(d->store), RENEW, &worker, &e));
	worker.node_id = "worker2";
	CHECK(!authorize(store_view(d->store), BEAT, &worker, &e));
	drive_free(d);
}

TEST_MAIN()
