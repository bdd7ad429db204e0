#include "engine/ocispec.h"

#include "base/arena.h"
#include "base/err.h"
#include "pb/map.h"
#include "test.h"

static struct arena a;
static struct buf out;
static struct err err;
static Pb__Container *c;
static struct runtime_user user;
static struct ocispec spec;

static void begin(void)
{
	arena_clear(&a);
	buf_clear(&out);
	out = BUF_MAX(OCISPEC_MAX);
	c = PB_NEW(&a, container);
	c->id = "abc";
	c->path = "/bin/sh";
	PB_APPEND(&a, c, args, "-c");
	c->config->hostname = "box";
	user = (struct runtime_user){ .home = "/root" };
	spec = (struct ocispec){ .container = c,
				 .user = &user,
				 .folder = "/data/containers/abc",
				 .mounts_network_files = true,
				 .cgroup = "/shoal/abc",
				 .is_cgroup_v2 = true,
				 .init_path = "" };
	spec.namespaces = (struct ocispec_namespaces){ "/netns/abc", "", "", "", true };
}

static bool says(const char *text)
{
	buf_reset(&out);
	if (!ocispec_write(&spec, &out, &err))
		TEST_FAIL("refused: %s", err.text);
	return strstr(out.data, text) != NULL;
}

#define CHECK_SAYS(text) CHECK(says(text))
#define CHECK_NOT(text)  CHECK(!says(text))

TEST(a_plain_container_is_locked_in_as_docker_does)
{
	begin();
	CHECK_SAYS("\"args\":[\"/bin/sh\",\"-c\"]");
	CHECK_SAYS("\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/"
		   "bin\",\"HOSTNAME=box\",\"HOME=/root\"]");
	CHECK_SAYS("\"cwd\":\"/\"");
	CHECK_SAYS("\"noNewPrivileges\":false");
	CHECK_SAYS("{\"type\":\"network\",\"path\":\"/netns/abc\"}");
	CHECK_SAYS("{\"type\":\"pid\"}");
	CHECK_SAYS("{\"type\":\"cgroup\"}");
	CHECK_SAYS("\"maskedPaths\":[\"/proc/asound\"");
	CHECK_SAYS("\"readonlyPaths\":[\"/proc/bus\"");
	CHECK_SAYS("\"defaultAction\":\"SCMP_ACT_ERRNO\"");
	CHECK_SAYS("{\"names\":[\"clone3\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38}");
	CHECK_SAYS("{\"destination\":\"/"
		   "sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":[\"nosuid\","
		   "\"noexec\",\"nodev\",\"ro\"]}");
	CHECK_SAYS("{\"destination\":\"/etc/hosts\",\"type\":\"bind\",\"source\":\"/data/"
		   "containers/abc/hosts\"");
	CHECK_SAYS("{\"allow\":false,\"access\":\"rwm\"}");
	CHECK_SAYS("\"cgroupsPath\":\"/shoal/abc\"");
	CHECK_NOT("\"ambient\"");
	CHECK_NOT("CAP_SYS_ADMIN");
	CHECK_NOT("\"reboot\"");
}

static Pb__MountPoint *add_mount(const char *destination)
{
	Pb__MountPoint *m = PB_NEW(&a, mount_point);

	m->type = "tmpfs";
	m->destination = (char *)destination;
	PB_APPEND(&a, c, mounts, m);
	return m;
}

static size_t place_of(const char *destination)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "{\"destination\":\"%s\"", destination);
	CHECK_SAYS(text);
	return (size_t)(strstr(out.data, text) - out.data);
}

TEST(outer_mounts_come_before_those_inside_of_them)
{
	begin();
	add_mount("/srv/a/b/c");
	add_mount("/srv/a");
	add_mount("/etc");
	add_mount("/srv/a/b");
	CHECK(place_of("/proc") < place_of("/etc"));
	CHECK(place_of("/etc") < place_of("/etc/hosts"));
	CHECK(place_of("/srv/a") < place_of("/srv/a/b"));
	CHECK(place_of("/srv/a/b") < place_of("/srv/a/b/c"));
}

TEST(privileged_means_all_of_it)
{
	begin();
	c->host_config->privileged = true;
	CHECK_SAYS("CAP_SYS_ADMIN");
	CHECK_NOT("seccomp");
	CHECK_NOT("maskedPaths");
	CHECK_SAYS("\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]");
	CHECK_SAYS("\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"rw\"]");
}

TEST(nobody_gets_a_capability_that_the_daemon_has_not)
{
	begin();
	c->host_config->privileged = true;
	spec.capabilities = UINT64_C(1) << 21;
	CHECK_SAYS("\"bounding\":[\"CAP_SYS_ADMIN\"]");
}

TEST(rates_of_block_devices_are_written_by_their_numbers)
{
	struct runtime_device devices[] = { { .type = 'b', .major = 8, .minor = 16 },
					    { .type = 'b', .major = 254, .minor = 0 } };
	Pb__BlkioDevice *reads, *writes;

	begin();
	reads = PB_NEW(&a, blkio_device);
	writes = PB_NEW(&a, blkio_device);
	reads->value = 1048576;
	writes->value = 100;
	PB_APPEND(&a, c->host_config, blkio_device_read_bps, reads);
	PB_APPEND(&a, c->host_config, blkio_device_write_iops, writes);
	spec.rate_devices = devices;
	CHECK_SAYS("\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":16,\"rate\":"
		   "1048576}],\"throttleWriteIOPSDevice\":[{\"major\":254,\"minor\":0,\"rate\":"
		   "100}]}");
}

TEST(a_capability_opens_its_system_calls)
{
	begin();
	PB_APPEND(&a, c->host_config, cap_add, "SYS_ADMIN");
	CHECK_SAYS("\"setns\"");
	CHECK_NOT("errnoRet\":38");
	CHECK_NOT("\"reboot\"");
}

TEST(limits_become_cgroup_resources)
{
	begin();
	c->host_config->memory = 33554432;
	c->host_config->memory_swap = 67108864;
	c->host_config->nano_cpus = 500000000;
	c->host_config->pids_limit = PB_NEW(&a, int64_value);
	c->host_config->pids_limit->value = 100;
	CHECK_SAYS("\"memory\":{\"limit\":33554432,\"swap\":67108864}");
	CHECK_SAYS("\"cpu\":{\"period\":100000,\"quota\":50000}");
	CHECK_SAYS("\"pids\":{\"limit\":100}");
	buf_reset(&out);
	CHECK(ocispec_write_resources(c->host_config, true, &out, &err));
	CHECK_STR(out.data, "{\"memory\":{\"limit\":33554432,\"swap\":67108864},\"cpu\":{"
			    "\"period\":100000,\"quota\":50000},"
			    "\"pids\":{\"limit\":100}}");
}

TEST(the_later_of_two_variables_holds_and_a_bare_name_removes)
{
	begin();
	PB_APPEND(&a, c->config, env, "A=1");
	PB_APPEND(&a, c->config, env, "PATH=/x");
	PB_APPEND(&a, c->config, env, "A=2");
	PB_APPEND(&a, c->config, env, "B=1");
	PB_APPEND(&a, c->config, env, "B");
	CHECK_SAYS("\"env\":[\"HOSTNAME=box\",\"PATH=/x\",\"A=2\",\"HOME=/root\"]");
}

TEST(namespaces_of_the_host_are_left_out)
{
	begin();
	spec.namespaces = (struct ocispec_namespaces){ 0 };
	spec.shm_path = "/dev/shm";
	CHECK_NOT("{\"type\":\"network\"");
	CHECK_NOT("{\"type\":\"ipc\"");
	CHECK_NOT("\"hostname\":");
	CHECK_NOT("ip_unprivileged_port_start");
	CHECK_SAYS("{\"destination\":\"/dev/shm\",\"type\":\"bind\",\"source\":\"/dev/shm\"");
}

TEST(mounts_devices_and_secrets_are_where_they_were_asked_for)
{
	Pb__MountPoint *m;
	const char *sources[] = { "/data/volumes/v/_data", "" };
	const struct runtime_device device = { "/dev/fuse", 'c', 10, 229, 0666, 0, 0 };
	const char *target = "/dev/fuse", *access = "rw";
	const struct ocispec_file file = { "/run/files/abc/0", "/run/secrets/s" };

	begin();
	m = PB_NEW(&a, mount_point);
	m->type = "volume";
	m->destination = "/data";
	PB_APPEND(&a, c, mounts, m);
	m = PB_NEW(&a, mount_point);
	m->type = "tmpfs";
	m->destination = "/tmp";
	m->options = "size=64m,mode=1777";
	m->rw = true;
	PB_APPEND(&a, c, mounts, m);
	spec.mount_sources = sources;
	spec.devices = &device;
	spec.device_targets = &target;
	spec.device_access = &access;
	spec.device_count = 1;
	spec.files = &file;
	spec.file_count = 1;
	CHECK_SAYS("{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"/data/volumes/v/"
		   "_data\",\"options\":[\"rbind\",\"ro\",\"rprivate\"]}");
	CHECK_SAYS("\"options\":[\"noexec\",\"nosuid\",\"nodev\",\"size=64m\",\"mode=1777\"]");
	CHECK_SAYS("{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"}");
	CHECK_SAYS("{\"path\":\"/dev/"
		   "fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,\"fileMode\":438,\"uid\":0,"
		   "\"gid\":0}");
	CHECK_SAYS("{\"destination\":\"/run/secrets/s\",\"type\":\"bind\",\"source\":\"/run/files/"
		   "abc/0\",\"options\":[\"rbind\",\"ro\",\"rprivate\"]}");
}

TEST(security_options_are_obeyed_or_refused)
{
	begin();
	PB_APPEND(&a, c->host_config, security_opt, "no-new-privileges");
	PB_APPEND(&a, c->host_config, security_opt, "seccomp=unconfined");
	PB_APPEND(&a, c->host_config, security_opt, "systempaths=unconfined");
	CHECK_SAYS("\"noNewPrivileges\":true");
	CHECK_NOT("seccomp");
	CHECK_NOT("maskedPaths");

	begin();
	PB_APPEND(&a, c->host_config, security_opt, "seccomp={}");
	CHECK(!ocispec_write(&spec, &out, &err));
	CHECK_INT(err.kind, ERR_UNSUPPORTED);
}

TEST(a_configuration_has_a_size_limit)
{
	begin();
	out.max = 1000;
	CHECK(!ocispec_write(&spec, &out, &err));
	CHECK_INT(err.kind, ERR_INVALID);
}

TEST(an_exec_is_a_process_of_its_container)
{
	Pb__Exec *x;

	begin();
	x = PB_NEW(&a, exec);
	PB_APPEND(&a, x, cmd, "ls");
	PB_APPEND(&a, x, env, "X=1");
	x->tty = true;
	c->config->working_dir = "/w";
	CHECK(ocispec_write_process(c, x, &user, 0, &out, &err));
	CHECK(strstr(out.data, "\"args\":[\"ls\"]") && strstr(out.data, "\"X=1\"") &&
	      strstr(out.data, "TERM=xterm"));
	CHECK(strstr(out.data, "\"cwd\":\"/w\"") && strstr(out.data, "\"terminal\":true"));
	CHECK(!strstr(out.data, "CAP_SYS_ADMIN"));
	x->privileged = true;
	buf_reset(&out);
	CHECK(ocispec_write_process(c, x, &user, 0, &out, &err) &&
	      strstr(out.data, "CAP_SYS_ADMIN"));
	buf_clear(&out);
	arena_clear(&a);
}

TEST_MAIN()
