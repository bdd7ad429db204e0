#include "docker/image_config.h"
#include "docker/tables.h"

#include "base/mem.h"

#include "test.h"

#define VERSION 47

static const char *written(struct arena *a, const struct dialect *d, const void *message,
			   int version)
{
	AUTO_BUF struct buf out = BUF_MAX(1 << 20);
	struct json j = json_begin(&out);

	dialect_write(&j, NULL, d, message, version);
	return arena_strdup(a, json_is_complete(&j) ? out.data : "incomplete");
}

/* Read into a message that is made here; NULL and the reason in *why. */
static void *read(struct arena *a, const struct dialect *d, const char *text, const char **why)
{
	void *message = pb_new(a, d->type);
	struct err e;

	if (dialect_read(a, d, str_of(text), VERSION, message, &e))
		return message;
	*why = arena_strdup(a, e.text);
	return NULL;
}

static bool has(const char *text, const char *part)
{
	if (strstr(text, part))
		return true;
	fprintf(stderr, "no %s in\n%s\n", part, text);
	return false;
}

static const char run_body[] =
	"{\"Hostname\":\"\",\"User\":\"\",\"AttachStdout\":true,\"ExposedPorts\":{\"80/"
	"tcp\":{},\"53/udp\":{}},"
	"\"Tty\":false,\"Env\":[\"A=B\"],\"Cmd\":[\"sh\",\"-c\",\"sleep 1\"],\"Image\":\"busybox\","
	"\"Volumes\":{},\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":{\"k\":\"v\"},"
	"\"StopTimeout\":3,"
	"\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":1000000000},"
	"\"HostConfig\":{\"Binds\":[\"vol1:/"
	"data\"],\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{"
	"\"max-size\":\"1m\"}},\"NetworkMode\":\"default\",\"PortBindings\":{\"80/"
	"tcp\":[{\"HostIp\":\"\","
	"\"HostPort\":\"18080\"},{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"\"}],\"53/udp\":null},"
	"\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":2},\"AutoRemove\":false,"
	"\"CapAdd\":[\"NET_ADMIN\"],\"CapDrop\":null,\"Dns\":[\"9.9.9.9\"],\"ExtraHosts\":[\"a:1.2."
	"3.4\"],"
	"\"Privileged\":false,\"ReadonlyRootfs\":true,\"Tmpfs\":{\"/t\":\"size=1m\"},\"Sysctls\":{"
	"\"net.ipv4.ip_forward\":\"1\"},\"ConsoleSize\":[0,0],\"Memory\":33554432,\"NanoCpus\":"
	"500000000,"
	"\"CpuQuota\":0,\"PidsLimit\":100,\"MemorySwappiness\":-1,\"OomKillDisable\":false,"
	"\"Ulimits\":[{"
	"\"Name\":\"nofile\",\"Soft\":10,\"Hard\":20}],\"Init\":true,\"DeviceRequests\":null,"
	"\"BlkioWeightDevice\":null,\"Devices\":[],\"Mounts\":[{\"Type\":\"volume\",\"Source\":"
	"\"v\","
	"\"Target\":\"/v\"}],\"MaskedPaths\":null,\"ReadonlyPaths\":[]},\"NetworkingConfig\":{"
	"\"EndpointsConfig\":{\"default\":{\"IPAMConfig\":null,\"Links\":null,\"Aliases\":null,"
	"\"MacAddress\":\"\",\"NetworkID\":\"\",\"IPPrefixLen\":0},\"n1\":{\"IPAMConfig\":{"
	"\"IPv4Address\":"
	"\"10.1.0.9\"},\"Aliases\":[\"x\"]}}}}";

TEST(what_run_sends_becomes_a_container_record)
{
	AUTO_ARENA struct arena a = { 0 };
	const char *why = NULL;
	Pb__Container *c = read(&a, &dialect_container_create, run_body, &why);
	const Pb__HostConfig *h;

	CHECK_STR(why ? why : "", "");
	h = c->host_config;
	CHECK_STR(c->config->image, "busybox");
	CHECK(c->config->n_exposed_ports == 2 && c->config->attach_stdout && c->config->n_cmd == 3);
	CHECK(c->config->stop_timeout && c->config->stop_timeout->value == 3);
	CHECK(c->config->healthcheck->n_test == 2 &&
	      c->config->healthcheck->interval->seconds == 1);
	CHECK_STR(h->network_mode, "default");
	CHECK(h->n_port_bindings == 3);
	CHECK_STR(h->port_bindings[0]->port, "53/udp");
	CHECK_STR(h->port_bindings[1]->host_port, "18080");
	CHECK_STR(h->port_bindings[2]->host_ip, "127.0.0.1");
	CHECK_STR(h->restart_policy->name, "on-failure");
	CHECK(h->memory == 33554432 && h->nano_cpus == 500000000 && h->pids_limit->value == 100);
	CHECK(h->n_ulimits == 1 && h->ulimits[0]->hard == 20 && h->init->value &&
	      h->readonly_rootfs);
	CHECK(h->n_mounts == 1 && h->n_console_size == 0);
	CHECK(!h->masked_paths && h->readonly_paths && h->readonly_paths->n_items == 0);
	CHECK(c->n_endpoints == 2);
	CHECK_STR(c->endpoints[0]->network, "default");
	CHECK(!c->endpoints[0]->has_ipam_config && c->endpoints[1]->has_ipam_config);
	CHECK_STR(c->endpoints[1]->ipv4_address, "10.1.0.9");
}

TEST(a_host_config_comes_back_as_it_was_sent)
{
	AUTO_ARENA struct arena a = { 0 };
	const char *why = NULL;
	Pb__Container *c = read(&a, &dialect_container_create, run_body, &why), *again;
	const char *text;

	CHECK(c != NULL);
	text = written(&a, &dialect_host_config, c->host_config, VERSION);
	again = PB_NEW(&a, container);
	again->host_config = read(&a, &dialect_host_config, text, &why);

	CHECK_STR(why ? why : "", "");
	CHECK(pb_equal(again->host_config, c->host_config));
	CHECK(has(text,
		  "\"PortBindings\":{\"53/udp\":[{\"HostIp\":\"\",\"HostPort\":\"\"}],\"80/tcp\":[{"
		  "\"HostIp\":\"\",\"HostPort\":\"18080\"},{\"HostIp\":\"127.0.0.1\",\"HostPort\":"
		  "\"\"}]}"));
	CHECK(has(text, "\"ConsoleSize\":[0,0]") && has(text, "\"CapDrop\":null"));
}

TEST(a_config_comes_back_as_it_was_sent)
{
	AUTO_ARENA struct arena a = { 0 };
	const char *why = NULL;
	Pb__Container *c = read(&a, &dialect_container_create, run_body, &why);
	const char *text;

	CHECK(c != NULL);
	text = written(&a, &dialect_container_config, c->config, VERSION);
	CHECK(pb_equal(read(&a, &dialect_container_config, text, &why), c->config));
}

TEST(a_key_of_the_wrong_kind_is_named)
{
	AUTO_ARENA struct arena a = { 0 };
	static const char *const bodies[][2] = {
		{ "{\"HostConfig\":{\"Memory\":\"1g\"}}",
		  "HostConfig: Memory: must be an integer" },
		{ "{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[80]}}}",
		  "HostConfig: PortBindings: 80/tcp: must be objects with the strings HostIp and "
		  "HostPort" },
		{ "{\"HostConfig\":{\"DeviceRequests\":[{\"Driver\":\"gpu\"}]}}",
		  "HostConfig: DeviceRequests: requests for devices of a driver are not "
		  "supported" },
		{ "{\"HostConfig\":{\"ConsoleSize\":[1]}}",
		  "HostConfig: ConsoleSize: must be two integers" },
		{ "{\"Cmd\":{}}", "Cmd: must be a list of strings" },
		{ "{\"NetworkingConfig\":{\"EndpointsConfig\":{\"n\":{\"IPAMConfig\":3}}}}",
		  "NetworkingConfig: EndpointsConfig: n: IPAMConfig: must be an object" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		const char *why = "read";

		CHECK(read(&a, &dialect_container_create, bodies[i][0], &why) == NULL);
		CHECK_STR(why, bodies[i][1]);
	}
}

static Pb__Container *running(struct arena *a)
{
	const char *why = NULL;
	Pb__Container *c = read(a, &dialect_container_create, run_body, &why);
	Pb__PortBinding *b = PB_NEW(a, port_binding);
	Pb__MountPoint *m = PB_NEW(a, mount_point);

	c->id = "36f429d21d91";
	c->name = "c1";
	c->path = "sh";
	PB_APPEND(a, c, args, "-c");
	PB_APPEND(a, c, args, "it's 1");
	c->state = PB__CONTAINER__STATE__RUNNING;
	c->started_ns = 1795331010000000001;
	c->created_ns = 1795331010000000000;
	b->port = "80/tcp";
	b->host_ip = "0.0.0.0";
	b->host_port = "18080";
	PB_APPEND(a, c, ports, b);
	c->endpoints[0]->network = "bridge";
	c->endpoints[0]->ip_address = "172.17.0.2";
	c->endpoints[0]->ip_prefix_len = 16;
	m->type = "volume";
	m->name = "vol1";
	m->destination = "/data";
	m->rw = true;
	PB_APPEND(a, c, mounts, m);
	return c;
}

TEST(a_running_container_shows_its_state_ports_and_networks)
{
	AUTO_ARENA struct arena a = { 0 };
	const char *text = written(&a, &dialect_container, running(&a), 41);

	CHECK(has(text,
		  "\"State\":{\"Status\":\"running\",\"Running\":true,\"Paused\":false,"
		  "\"Restarting\":false,"
		  "\"OOMKilled\":false,\"Dead\":false,\"Pid\":0,\"ExitCode\":0,\"Error\":\"\","
		  "\"StartedAt\":"
		  "\"2026-11-22T07:03:30.000000001Z\",\"FinishedAt\":\"0001-01-01T00:00:00Z\"}"));
	CHECK(has(text, "\"Ports\":{\"53/udp\":null,\"80/"
			"tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"18080\"}]}"));
	CHECK(has(text, "\"IPAddress\":\"172.17.0.2\",\"IPPrefixLen\":16"));
	CHECK(has(text, "\"Networks\":{\"bridge\":{\"IPAMConfig\":null,") &&
	      has(text, "\"n1\":{\"IPAMConfig\":{\"IPv4Address\":\"10.1.0.9\"},"));
	CHECK(has(text, "\"Name\":\"/c1\"") && !strstr(text, "DNSNames"));
}

TEST(a_line_of_a_list_shows_the_command_as_a_shell_wants_it)
{
	AUTO_ARENA struct arena a = { 0 };
	const char *text = written(&a, &dialect_container_listed, running(&a), 41);

	CHECK(has(text, "\"Names\":[\"/c1\"],\"Image\":\"busybox\""));
	CHECK(has(text, "\"Command\":\"sh -c 'it'\\\"'\\\"'s 1'\",\"Created\":1795331010"));
	CHECK(has(text, "\"Ports\":[{\"PrivatePort\":53,\"Type\":\"udp\"},{\"IP\":\"0.0.0.0\","
			"\"PrivatePort\":80,"
			"\"PublicPort\":18080,\"Type\":\"tcp\"}]"));
	CHECK(has(text, "\"State\":\"running\",\"HostConfig\":{\"NetworkMode\":\"default\"}"));
}

TEST(an_exec_that_runs_has_no_exit_code)
{
	AUTO_ARENA struct arena a = { 0 };
	const char *why = NULL;
	Pb__Exec *x = read(
		&a, &dialect_exec_create,
		"{\"User\":\"0\",\"AttachStdout\":true,\"AttachStderr\":true,\"Env\":[\"X=1\"],"
		"\"WorkingDir\":\"/tmp\",\"Cmd\":[\"env\",\"-0\"],\"ConsoleSize\":[24,80]}",
		&why);

	CHECK(x && x->n_console_size == 2);
	x->id = "49";
	x->running = true;
	CHECK_STR(written(&a, &dialect_exec, x, 41),
		  "{\"ID\":\"49\",\"Running\":true,\"ExitCode\":null,\"ProcessConfig\":{\"tty\":"
		  "false,\"entrypoint\":"
		  "\"env\",\"arguments\":[\"-0\"],\"privileged\":false,\"user\":\"0\"},"
		  "\"OpenStdin\":false,"
		  "\"OpenStderr\":true,\"OpenStdout\":true,\"CanRemove\":false,\"ContainerID\":"
		  "\"\",\"DetachKeys\":"
		  "\"\",\"Pid\":0}");
}

static const char image_text[] =
	"{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2020-09-13T12:26:40Z\","
	"\"config\":{\"Env\":["
	"\"PATH=/"
	"bin\"],\"Cmd\":[\"sh\"],\"Labels\":null},\"container_config\":{\"Cmd\":3},\"rootfs\":{"
	"\"type\":"
	"\"layers\",\"diff_ids\":[\"sha256:aa\"]},\"history\":[{\"created\":\"2020-09-13T12:26:"
	"40Z\","
	"\"created_by\":\"mk\"},{\"created_by\":\"CMD\",\"empty_layer\":true}]}";

TEST(the_config_of_an_image_is_read)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__LocalImage *image = PB_NEW(&a, local_image);
	struct err e;

	CHECK(image_config_read(&a, str_of(image_text), image, &e));
	CHECK_STR(image->architecture, "amd64");
	CHECK(image->created_ns == 1600000000000000000 && image->n_history == 2);
	CHECK(image->history[1]->empty_layer && image->history[1]->created_ns == 0);
	CHECK_STR(image->config->cmd[0], "sh");
	CHECK(!image_config_read(&a, STR("{\"config\":[]}"), image, &e));
	CHECK_STR(e.text, "config: must be an object");
	CHECK(!image_config_read(&a, STR("{"), image, &e));
}

TEST(names_of_images_are_shown_as_people_write_them)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__LocalImage *image = PB_NEW(&a, local_image);
	const char *text;

	image->id = "sha256:9a";
	PB_APPEND(&a, image, tags, "docker.io/library/busybox:1");
	PB_APPEND(&a, image, tags, "docker.io/team/app:2");
	PB_APPEND(&a, image, tags, "127.0.0.1:5999/t/bb:3");
	text = written(&a, &dialect_image, image, 41);

	CHECK(has(text, "\"RepoTags\":[\"busybox:1\",\"team/app:2\",\"127.0.0.1:5999/t/"
			"bb:3\"],\"RepoDigests\":[]"));
	CHECK(has(text, "\"VirtualSize\":0") &&
	      has(text, "\"RootFS\":{\"Type\":\"layers\",\"Layers\":[]}"));
	CHECK(!strstr(written(&a, &dialect_image, image, 44), "VirtualSize"));
}

TEST(an_image_without_a_name_has_a_word_for_it_before_1_43)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__LocalImage *image = PB_NEW(&a, local_image);

	CHECK(has(written(&a, &dialect_image_listed, image, 42),
		  "\"RepoTags\":[\"<none>:<none>\"]"));
	CHECK(has(written(&a, &dialect_image_listed, image, 43), "\"RepoTags\":[]"));
}

TEST(a_volume_has_dockers_shape)
{
	AUTO_ARENA struct arena a = { 0 };
	const char *why = NULL;
	Pb__LocalVolume *v =
		read(&a, &dialect_volume_create,
		     "{\"Driver\":\"local\",\"Labels\":{\"a\":\"b\"},\"Name\":\"v1\"}", &why);

	CHECK_STR(written(&a, &dialect_volume, v, 41),
		  "{\"CreatedAt\":\"0001-01-01T00:00:00Z\",\"Driver\":\"local\",\"Labels\":{\"a\":"
		  "\"b\"},\"Name\":"
		  "\"v1\",\"Options\":null,\"Scope\":\"local\"}");
}

TEST_MAIN()
