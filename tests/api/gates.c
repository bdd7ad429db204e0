/* What each version of the API says and hears: one row a gate, tried in all versions that we serve. */
#include "base/mem.h"
#include "bench.h"
#include "test.h"

#define ALWAYS 0

static const char *ask(struct bench *b, const char *method, const char *path, const char *body)
{
	AUTO_BUF struct buf request = BUF_MAX(1 << 20);

	buf_printf(&request, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n",
		   method, path);
	buf_printf(&request, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	return bench_ask(b, buf_str(&request));
}

static const char *ask_as(struct bench *b, int minor, const char *method, const char *path,
			  const char *body)
{
	char full[512];

	(void)snprintf(full, sizeof(full), "/v1.%d%s", minor, path);
	return ask(b, method, full, body);
}

static bool is_in(int minor, int since, int until)
{
	return minor >= since && (until == ALWAYS || minor < until);
}

static void check_shown(const char *answer, const char *what, const char *path, int minor,
			int since, int until)
{
	if ((strstr(answer, what) != NULL) != is_in(minor, since, until))
		TEST_FAIL("1.%d of %s: %s is %s\n%s", minor, path, what,
			  is_in(minor, since, until) ? "missing" : "there", answer);
}

/* A swarm of one with a service on a network, and a container on a network of its own. */
static struct bench *full_bench(void)
{
	static const char container[] =
		"{\"Image\":\"busybox\",\"Cmd\":[\"top\"],\"Hostname\":\"deep\",\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],"
		"\"StartInterval\":1000000000},\"HostConfig\":{\"NetworkMode\":\"mine\","
		"\"Annotations\":{\"a\":\"b\"}},\"NetworkingConfig\":{\"EndpointsConfig\":{\"mine\":"
		"{\"Aliases\":[\"alias\"]}}}}";
	static const char service[] =
		"{\"Name\":\"web\",\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"busybox\",\"Sysctls\":"
		"{\"a\":\"b\"},\"CapabilityAdd\":[\"CAP_NET_RAW\"],\"Ulimits\":[{\"Name\":\"nofile\","
		"\"Hard\":5,\"Soft\":5}],\"OomScoreAdj\":7,\"Privileges\":{\"NoNewPrivileges\":true}},"
		"\"Placement\":{\"MaxReplicas\":5},\"Resources\":{\"Limits\":{\"Pids\":9}},"
		"\"Networks\":[{\"Target\":\"host\"}]},\"Mode\":{\"Replicated\":{\"Replicas\":1}}}";
	struct bench *b = bench_new();

	CHECK(strstr(ask(b, "POST", "/swarm/init", "{\"ListenAddr\":\"0.0.0.0:2377\"}"), "200 OK"));
	bench_run(b, 2000);
	CHECK(strstr(ask(b, "POST", "/services/create", service), "201 Created"));
	CHECK(strstr(ask(b, "POST", "/images/create?fromImage=busybox&tag=latest", ""), "200 OK"));
	CHECK(strstr(ask(b, "POST", "/networks/create", "{\"Name\":\"mine\"}"), "201 Created"));
	CHECK(strstr(ask(b, "POST", "/containers/create?name=one", container), "201 Created"));
	CHECK(strstr(ask(b, "POST", "/containers/one/start", ""), "204"));
	bench_run(b, 5000);
	return b;
}

TEST(answers_say_what_their_version_knows)
{
	static const struct {
		const char *path, *what;
		int since, until;
	} rows[] = {
		{ "/containers/json", "\"Annotations\":{\"a\":\"b\"}", 46, ALWAYS },
		{ "/containers/json", "\"DNSNames\"", 44, ALWAYS },
		{ "/containers/json", "\"Labels\":{}", 24, ALWAYS },
		{ "/containers/one/json", "\"Annotations\":{\"a\":\"b\"}", 43, ALWAYS },
		{ "/containers/one/json", "\"DNSNames\"", 44, ALWAYS },
		{ "/containers/one/json", "\"StartInterval\"", 44, ALWAYS },
		{ "/containers/one/json", "\"CgroupnsMode\"", 41, ALWAYS },
		{ "/containers/one/json", "\"DeviceRequests\"", 40, ALWAYS },
		{ "/containers/one/json", "\"Aliases\":[\"alias\"]", 45, ALWAYS },
		{ "/containers/one/json", ",\"deep\"],\"MacAddress\"", 24, 45 },
		{ "/containers/one/json", "\"HairpinMode\":false", 24, 52 },
		{ "/containers/one/json", "\"SecondaryIPAddresses\":null", 24, 52 },
		{ "/containers/one/json", "\"GwPriority\"", 48, ALWAYS },
		{ "/services", "\"Sysctls\"", 40, ALWAYS },
		{ "/services", "\"MaxReplicas\"", 40, ALWAYS },
		{ "/services", "\"CapabilityAdd\"", 41, ALWAYS },
		{ "/services", "\"Ulimits\"", 41, ALWAYS },
		{ "/services", "\"Pids\":9", 41, ALWAYS },
		{ "/services", "\"NoNewPrivileges\":true", 44, ALWAYS },
		{ "/services", "\"OomScoreAdj\":7", 46, ALWAYS },
		{ "/services", "}},\"Networks\":[{\"Target\":", 24, 25 },
		{ "/services?status=1", "\"ServiceStatus\"", 41, ALWAYS },
		{ "/services/web", "\"OomScoreAdj\":7", 46, ALWAYS },
		{ "/networks", "\"Name\":\"one\"", 24, 28 },
		{ "/networks/mine", "\"Name\":\"one\"", 24, ALWAYS },
		{ "/images/json", "\"VirtualSize\"", 24, 44 },
		{ "/images/busybox/json", "\"VirtualSize\"", 24, 44 },
		{ "/images/busybox/json", "\"ContainerConfig\"", 24, 45 },
		{ "/images/json?filter=nothing", "\"RepoTags\"", 25, ALWAYS },
		{ "/info", "name=seccomp", 25, ALWAYS },
		{ "/info", "\"seccomp\"", 24, 25 },
		{ "/info", "\"CDISpecDirs\":[]", 44, ALWAYS },
		{ "/info", "\"AllowNondistributableArtifactsCIDRs\"", 24, 47 },
		{ "/info", "\"BridgeNfIptables\"", 24, 50 },
		{ "/info", "\"Expected\"", 24, 49 },
		{ "/info", "\"SubnetSize\"", 39, ALWAYS },
		{ "/info", "\"DataPathPort\"", 40, ALWAYS },
		{ "/version", "\"Components\"", 24, ALWAYS },
		{ "/version", "\"ApiVersion\":\"1.47\"", 24, ALWAYS },
		{ "/configs", "200 OK", 30, ALWAYS },
	};
	struct bench *b = full_bench();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int minor = API_MIN_MINOR; minor <= API_MINOR; minor++)
			check_shown(ask_as(b, minor, "GET", rows[i].path, ""), rows[i].what,
				    rows[i].path, minor, rows[i].since, rows[i].until);
	bench_free(b);
}

#define MOUNT(type, options)                                                                       \
	"{\"Image\":\"busybox\",\"HostConfig\":{\"Mounts\":[{\"Type\":\"" type "\",\"Source\":\""  \
	"abc\",\"Target\":\"/t\"," options "}]}}"

TEST(requests_for_containers_are_heard_as_their_version_meant_them)
{
	static const struct {
		const char *body, *what;
		int since, until;
	} rows[] = {
		{ "{\"Image\":\"busybox\"}", "\"IpcMode\":\"shareable\"", 24, 40 },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"IpcMode\":\"private\"}}",
		  "\"IpcMode\":\"private\"", 24, ALWAYS },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"ConsoleSize\":[5,6]}}",
		  "\"ConsoleSize\":[5,6]", 42, ALWAYS },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"Annotations\":{\"a\":\"b\"}}}",
		  "\"Annotations\":{\"a\":\"b\"}", 43, ALWAYS },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"CgroupnsMode\":\"host\"}}",
		  "\"CgroupnsMode\":\"host\"", 41, ALWAYS },
		{ "{\"Image\":\"busybox\",\"Healthcheck\":{\"StartInterval\":5000000000}}",
		  "\"StartInterval\":5000000000", 44, ALWAYS },
		{ MOUNT("volume", "\"TmpfsOptions\":{\"SizeBytes\":7}"), "\"SizeBytes\":7", 99,
		  ALWAYS },
		{ "{\"Image\":\"busybox\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"bridge\":"
		  "{\"MacAddress\":\"02:42:ac:11:00:99\"}}}}",
		  "02:42:ac:11:00:99", 44, ALWAYS },
		{ "{\"Image\":\"busybox\",\"MacAddress\":\"02:42:ac:11:00:98\"}",
		  "\"MacAddress\":\"02:42:ac:11:00:98\",\"DriverOpts\"", 24, ALWAYS },
	};
	struct bench *b = full_bench();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int minor = API_MIN_MINOR; minor <= API_MINOR; minor++) {
			char path[64];

			(void)snprintf(path, sizeof(path), "/containers/create?name=c%zu-%d", i,
				       minor);
			(void)ask_as(b, minor, "POST", path, rows[i].body);
			(void)snprintf(path, sizeof(path), "/containers/c%zu-%d/json", i, minor);
			check_shown(ask(b, "GET", path, ""), rows[i].what, rows[i].body, minor,
				    rows[i].since, rows[i].until);
		}
	bench_free(b);
}

TEST(what_a_version_may_not_ask_for_is_refused_in_words)
{
	static const struct {
		const char *body, *what;
		int since, until;
	} rows[] = {
		{ MOUNT("volume", "\"VolumeOptions\":{\"Subpath\":\"s\"}"),
		  "VolumeOptions.Subpath needs API v1.45 or newer", 24, 45 },
		{ MOUNT("bind", "\"BindOptions\":{\"ReadOnlyForceRecursive\":true}"),
		  "BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer", 24, 44 },
		{ MOUNT("volume", "\"BindOptions\":{}"),
		  "BindOptions must not be specified on mount type \\\"volume\\\"", 42, ALWAYS },
		{ MOUNT("volume", "\"TmpfsOptions\":{}"),
		  "TmpfsOptions must not be specified on mount type \\\"volume\\\"", 42, ALWAYS },
		{ MOUNT("tmpfs", "\"VolumeOptions\":{}"),
		  "VolumeOptions must not be specified on mount type \\\"tmpfs\\\"", 42, ALWAYS },
		{ "{\"Image\":\"busybox\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"bridge\":{},"
		  "\"mine\":{}}}}",
		  "Container cannot be created with multiple network endpoints: bridge, mine", 24,
		  44 },
		{ "{\"Image\":\"busybox\",\"MacAddress\":\"02:42:ac:11:00:98\",\"HostConfig\":"
		  "{\"NetworkMode\":\"host\"}}",
		  "conflicting options: mac-address and the network mode", 24, 44 },
		{ "{\"Image\":\"busybox\",\"MacAddress\":\"02:42:ac:11:00:98\"}",
		  "The container-wide MacAddress field is now deprecated.", 44, ALWAYS },
		{ "{\"Image\":\"busybox\",\"MacAddress\":\"02:42:ac:11:00:98\",\"NetworkingConfig\":"
		  "{\"EndpointsConfig\":{\"bridge\":{\"MacAddress\":\"02:42:ac:11:00:99\"}}}}",
		  "the container-wide MAC address must match the endpoint-specific MAC address", 44,
		  ALWAYS },
	};
	struct bench *b = full_bench();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int minor = API_MIN_MINOR; minor <= API_MINOR; minor++)
			check_shown(ask_as(b, minor, "POST", "/containers/create", rows[i].body),
				    rows[i].what, rows[i].body, minor, rows[i].since,
				    rows[i].until);
	bench_free(b);
}

#define SERVICE(members)                                                                           \
	"\"TaskTemplate\":{" members "},\"Mode\":{\"Replicated\":{\"Replicas\":0}}}"

TEST(requests_for_services_are_heard_as_their_version_meant_them)
{
	static const struct {
		const char *body, *what;
		int since, until;
	} rows[] = {
		{ SERVICE("\"ContainerSpec\":{\"Image\":\"i\",\"Sysctls\":{\"a\":\"b\"}}"),
		  "Sysctls", 40, ALWAYS },
		{ SERVICE("\"ContainerSpec\":{\"Image\":\"i\"},\"Placement\":{\"MaxReplicas\":3}"),
		  "MaxReplicas", 40, ALWAYS },
		{ SERVICE("\"ContainerSpec\":{\"Image\":\"i\",\"CapabilityDrop\":[\"CAP_KILL\"]}"),
		  "CAP_KILL", 41, ALWAYS },
		{ SERVICE("\"ContainerSpec\":{\"Image\":\"i\"},\"Resources\":{\"Limits\":{\"Pids\":4}}"),
		  "\"Pids\":4", 41, ALWAYS },
		{ SERVICE("\"ContainerSpec\":{\"Image\":\"i\",\"Privileges\":{\"Seccomp\":{\"Mode\":"
			  "\"unconfined\"}}}"),
		  "unconfined", 44, ALWAYS },
		{ SERVICE("\"ContainerSpec\":{\"Image\":\"i\",\"OomScoreAdj\":8}"),
		  "\"OomScoreAdj\":8", 46, ALWAYS },
	};
	struct bench *b = full_bench();
	int count = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int minor = API_MIN_MINOR; minor <= API_MINOR; minor++) {
			AUTO_BUF struct buf body = BUF_MAX(1 << 16);
			char path[64];

			buf_printf(&body, "{\"Name\":\"s%d\",%s", ++count, rows[i].body);
			(void)ask_as(b, minor, "POST", "/services/create", body.data);
			(void)snprintf(path, sizeof(path), "/services/s%d", count);
			check_shown(ask(b, "GET", path, ""), rows[i].what, rows[i].body, minor,
				    rows[i].since, rows[i].until);
		}
	bench_free(b);
}

TEST(networks_beside_the_task_are_heard_before_1_44)
{
	struct bench *b = full_bench();

	for (int minor = API_MIN_MINOR; minor <= API_MINOR; minor++) {
		char body[256], path[64];

		(void)snprintf(
			body, sizeof(body),
			"{\"Name\":\"n%d\",\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"i\"}},"
			"\"Networks\":[{\"Target\":\"host\"}]}",
			minor);
		CHECK(strstr(ask_as(b, minor, "POST", "/services/create", body), "201"));
		(void)snprintf(path, sizeof(path), "/services/n%d", minor);
		check_shown(ask(b, "GET", path, ""), "\"Networks\":[{\"Target\"", path, minor, 24,
			    44);
	}
	bench_free(b);
}

TEST_MAIN()
