#include "docker/tables.h"

#include "base/mem.h"

#include "test.h"

#define VERSION 47

/* Read, write, and give the text back. */
static const char *again(struct arena *a, const struct dialect *d, const char *text, int version)
{
	AUTO_BUF struct buf out = BUF_MAX(1 << 20);
	struct json j = json_begin(&out);
	void *message = pb_new(a, d->type);
	struct err e;

	if (!dialect_read(a, d, str_of(text), version, message, &e))
		return arena_strdup(a, e.text);
	dialect_write(&j, NULL, d, message, version);
	return arena_strdup(a, json_is_complete(&j) ? out.data : "incomplete");
}

/* What the stock client sends comes back as the stock engine shows it. */
TEST(a_service_spec_comes_back_as_it_was_sent)
{
	AUTO_ARENA struct arena a = { 0 };

	CHECK_STR(
		again(&a, &dialect_service_spec,
		      "{\"Name\":\"g1\",\"Labels\":{},\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"busybox\","
		      "\"Args\":[\"sleep\",\"1000\"],\"Init\":false,\"DNSConfig\":{}},\"Resources\":{\"Limits\":{},"
		      "\"Reservations\":{}},\"Placement\":{\"Platforms\":[{\"Architecture\":\"amd64\",\"OS\":"
		      "\"linux\"}]},\"ForceUpdate\":0},\"Mode\":{\"Global\":{}},\"EndpointSpec\":{\"Mode\":\"vip\"}}",
		      VERSION),
		"{\"Name\":\"g1\",\"Labels\":{},\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"busybox\","
		"\"Args\":[\"sleep\",\"1000\"],\"Init\":false,\"DNSConfig\":{},\"Isolation\":\"default\"},"
		"\"Resources\":{\"Limits\":{},\"Reservations\":{}},\"Placement\":{\"Platforms\":[{"
		"\"Architecture\":\"amd64\",\"OS\":\"linux\"}]},\"ForceUpdate\":0,\"Runtime\":\"container\"},"
		"\"Mode\":{\"Global\":{}},\"EndpointSpec\":{\"Mode\":\"vip\"}}");
}

TEST(updates_and_restarts_keep_their_numbers_and_words)
{
	AUTO_ARENA struct arena a = { 0 };

	CHECK_STR(
		again(&a, &dialect_service_spec,
		      "{\"UpdateConfig\":{\"Parallelism\":1,\"Delay\":1000000000,\"FailureAction\":\"rollback\","
		      "\"Monitor\":5000000001,\"MaxFailureRatio\":0.1,\"Order\":\"start-first\"},\"TaskTemplate\":"
		      "{\"RestartPolicy\":{\"Condition\":\"on-failure\",\"Delay\":0,\"MaxAttempts\":3}},"
		      "\"Mode\":{\"Replicated\":{\"Replicas\":0}}}",
		      VERSION),
		"{\"Labels\":{},\"TaskTemplate\":{\"RestartPolicy\":{\"Condition\":\"on-failure\",\"Delay\":0,"
		"\"MaxAttempts\":3},\"ForceUpdate\":0,\"Runtime\":\"container\"},\"Mode\":{\"Replicated\":{"
		"\"Replicas\":0}},\"UpdateConfig\":{\"Parallelism\":1,\"Delay\":1000000000,\"FailureAction\":"
		"\"rollback\",\"Monitor\":5000000001,\"MaxFailureRatio\":0.1,\"Order\":\"start-first\"}}");
}

TEST(what_is_not_said_of_a_mode_has_the_references_meaning)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ServiceSpec *spec;
	struct err e;

	spec = PB_NEW(&a, service_spec);
	CHECK(dialect_read(&a, &dialect_service_spec, STR("{}"), VERSION, spec, &e));
	CHECK(spec->mode_case == PB__SERVICE_SPEC__MODE_REPLICATED &&
	      spec->replicated->replicas == 1);

	spec = PB_NEW(&a, service_spec);
	CHECK(dialect_read(&a, &dialect_service_spec, STR("{\"mode\":{\"replicated\":{}}}"),
			   VERSION, spec, &e));
	CHECK(spec->replicated->replicas == 1);

	spec = PB_NEW(&a, service_spec);
	CHECK(dialect_read(&a, &dialect_service_spec,
			   STR("{\"Mode\":{\"ReplicatedJob\":{\"MaxConcurrent\":3}}}"), VERSION,
			   spec, &e));
	CHECK(spec->replicated_job->max_concurrent == 3 &&
	      spec->replicated_job->total_completions == 3);

	spec = PB_NEW(&a, service_spec);
	CHECK(dialect_read(&a, &dialect_service_spec,
			   STR("{\"TaskTemplate\":{\"RestartPolicy\":{}}}"), VERSION, spec, &e));
	CHECK(spec->task->restart->condition == PB__RESTART_POLICY__RESTART_CONDITION__ANY);
}

TEST(the_limit_of_processes_lies_with_the_container)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ServiceSpec *spec = PB_NEW(&a, service_spec);
	struct err e;

	CHECK(dialect_read(
		&a, &dialect_service_spec,
		STR("{\"TaskTemplate\":{\"Resources\":{\"Limits\":{\"Pids\":7,\"NanoCPUs\":5}}}}"),
		VERSION, spec, &e));
	CHECK(spec->task->container->pids_limit == 7);
	CHECK(spec->task->resources->limits->nano_cpus == 5);
	CHECK(!spec->task->resources->reservations);
}

TEST(an_older_client_knows_fewer_keys)
{
	AUTO_ARENA struct arena a = { 0 };
	const char *text =
		"{\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"a\",\"CapabilityAdd\":[\"NET_RAW\"],"
		"\"OomScoreAdj\":5}}}";

	CHECK(strstr(again(&a, &dialect_service_spec, text, 46), "OomScoreAdj"));
	CHECK(!strstr(again(&a, &dialect_service_spec, text, 45), "OomScoreAdj"));
	CHECK(strstr(again(&a, &dialect_service_spec, text, 45), "CapabilityAdd"));
	CHECK(!strstr(again(&a, &dialect_service_spec, text, 40), "CapabilityAdd"));
}

TEST(what_is_wrong_is_named)
{
	AUTO_ARENA struct arena a = { 0 };
	const struct {
		const struct dialect *d;
		const char *text, *answer;
	} cases[] = {
		{ &dialect_service_spec, "{\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":5}}}",
		  "TaskTemplate: ContainerSpec: Image: must be a string" },
		{ &dialect_service_spec, "{\"Labels\":{\"a\":1}}",
		  "Labels: must be an object of strings" },
		{ &dialect_service_spec, "{\"TaskTemplate\":{\"ContainerSpec\":{\"Env\":\"A=1\"}}}",
		  "TaskTemplate: ContainerSpec: Env: must be a list of strings" },
		{ &dialect_service_spec, "{\"Mode\":{\"Global\":{},\"Replicated\":{}}}",
		  "must specify only one service mode" },
		{ &dialect_node_spec, "{\"Role\":\"king\"}", "invalid Role: \"king\"" },
		{ &dialect_service_spec, "[]", "must be an object" },
		{ &dialect_service_spec, "", "invalid JSON: got EOF while reading request body" },
		{ &dialect_secret_spec, "{\"Data\":\"*\"}", "Data: must be base64" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_STR(again(&a, cases[i].d, cases[i].text, VERSION), cases[i].answer);
	CHECK(str_starts_with(str_of(again(&a, &dialect_node_spec, "{bad", VERSION)),
			      "invalid JSON: "));
	CHECK(str_starts_with(str_of(again(&a, &dialect_node_spec, "{\"a\":1} x", VERSION)),
			      "invalid JSON: "));
}

TEST(depth_and_count_are_limited)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf deep = BUF_MAX(1 << 20);

	for (int i = 0; i < 100; i++)
		buf_append_c(&deep, "{\"a\":");
	CHECK_STR(again(&a, &dialect_node_spec, deep.data, VERSION),
		  "invalid JSON: nested deeper than 64");
	buf_reset(&deep);
	buf_append_char(&deep, '[');
	for (int i = 0; i < 200001; i++)
		buf_append_c(&deep, "1,");
	CHECK_STR(again(&a, &dialect_node_spec, deep.data, VERSION),
		  "invalid JSON: more than 200000 values");
}

TEST(times_are_as_short_as_go_writes_them)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf out = BUF_MAX(1 << 16);
	struct json j = json_begin(&out);
	Pb__Secret *s = PB_NEW(&a, secret);

	s->id = "x";
	s->meta->version->index = 25;
	s->meta->created_at = PB_NEW(&a, timestamp);
	s->meta->created_at->seconds = 1795331031;
	s->meta->created_at->nanos = 204650190;
	s->spec->annotations->name = "s1";
	s->spec->data = (ProtobufCBinaryData){ 6, (uint8_t *)"secret" };
	dialect_write(&j, NULL, &dialect_secret, s, VERSION);
	CHECK_STR(
		out.data,
		"{\"ID\":\"x\",\"Version\":{\"Index\":25},\"CreatedAt\":\"2026-11-22T07:03:51.20465019Z\","
		"\"UpdatedAt\":\"0001-01-01T00:00:00Z\",\"Spec\":{\"Name\":\"s1\",\"Labels\":{}}}");
}

TEST(data_is_base64_both_ways)
{
	AUTO_ARENA struct arena a = { 0 };

	CHECK_STR(again(&a, &dialect_config_spec,
			"{\"Name\":\"c\",\"Labels\":{},\"Data\":\"czNjcjN0Cg==\"}", VERSION),
		  "{\"Name\":\"c\",\"Labels\":{},\"Data\":\"czNjcjN0Cg==\"}");
	CHECK_STR(again(&a, &dialect_config_spec, "{\"Data\":\"_-8\"}", VERSION),
		  "{\"Labels\":{},\"Data\":\"/+8=\"}");
}

TEST_MAIN()
