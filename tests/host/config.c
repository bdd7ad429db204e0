#include "daemon/config.h"

#include "base/mem.h"
#include "daemon/option.h"
#include "temp.h"
#include "test.h"

static struct config c;
static struct err e;

/* config_load() with these arguments; ends with NULL. */
#define LOAD(...)                                                                                  \
	({                                                                                         \
		char *load_args[] = { "shoald", __VA_ARGS__, NULL };                               \
		config_clear(&c);                                                                  \
		config_load(&c, (int)(sizeof(load_args) / sizeof(load_args[0])) - 1, load_args,    \
			    &e);                                                                   \
	})
#define NO_FILE "--config-file=/dev/null"

static struct temp dir;
static char file_flag[128];

static void write_file(const char *text)
{
	char path[96];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/daemon.json", dir.path);
	(void)snprintf(file_flag, sizeof(file_flag), "--config-file=%s", path);
	f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

TEST(without_anything_the_defaults_hold)
{
	CHECK(LOAD(NO_FILE));
	CHECK_STR(c.data_root, "/var/lib/shoal");
	CHECK_STR(c.exec_root, "/run/shoal");
	CHECK_STR(c.group, "docker");
	CHECK_INT(c.hosts.count, 1);
	CHECK_STR(c.hosts.items[0], "unix:///run/shoal.sock");
	CHECK_INT(config_log_level(&c), LOG_INFO);
	CHECK_INT(c.action, CONFIG_RUN);
}

TEST(flags_are_written_in_each_of_dockerds_ways)
{
	CHECK(LOAD(NO_FILE, "-H", "unix:///a", "-Hunix:///b", "--host=unix:///c", "--host",
		   "unix:///d", "-D", "--data-root", "/x", "--label", "a=b", "--label=c=d",
		   "-l=warn"));
	CHECK_INT(c.hosts.count, 4);
	CHECK_STR(c.hosts.items[1], "unix:///b");
	CHECK_STR(c.hosts.items[3], "unix:///d");
	CHECK(c.debug);
	CHECK_STR(c.data_root, "/x");
	CHECK_STR(c.labels.items[1], "c=d");
	CHECK_STR(c.log_level, "warn");
	CHECK_INT(config_log_level(&c), LOG_DEBUG);
}

TEST(an_action_is_no_setting)
{
	CHECK(LOAD("--version") && c.action == CONFIG_VERSION);
	CHECK(LOAD("--help", "--data-root", "relative") && c.action == CONFIG_HELP);
	CHECK(LOAD(NO_FILE, "--validate") && c.action == CONFIG_VALIDATE);
}

TEST(a_mistake_on_the_command_line_is_named)
{
	CHECK(!LOAD("--no-such-flag"));
	CHECK_STR(e.text, "unknown flag: --no-such-flag");
	CHECK(!LOAD("-Z"));
	CHECK_STR(e.text, "unknown flag: -Z");
	CHECK(!LOAD("--data-root"));
	CHECK_STR(e.text, "flag needs an argument: --data-root");
	CHECK(!LOAD("run"));
	CHECK(strstr(e.text, "accepts no arguments"));
	CHECK(!LOAD("--debug=perhaps"));
	CHECK_STR(e.text, "--debug: invalid value \"perhaps\"");
	CHECK(!LOAD("--mtu=-1"));
	CHECK(!LOAD("--add-runtime=/usr/bin/x"));
	CHECK(!LOAD(NO_FILE, "--label", "novalue"));
	CHECK(!LOAD(NO_FILE, "--data-root", "relative"));
	CHECK(!LOAD(NO_FILE, "--log-level", "loud"));
	CHECK(!LOAD(NO_FILE, "--storage-driver", "btrfs"));
	CHECK(!LOAD(NO_FILE, "--host", "http://x"));
	CHECK(!LOAD(NO_FILE, "--data-root=/x", "--exec-root=/x"));
}

TEST(every_kind_of_key_is_read_from_the_file)
{
	dir = temp_make();
	write_file("{\"debug\": true, \"data-root\": \"/d\", \"hosts\": [\"unix:///a\", "
		   "\"fd://\"], \"mtu\": 1400,"
		   "\"labels\": [\"k=v\"], \"log-opts\": {\"max-size\": \"10m\"},"
		   "\"runtimes\": {\"mine\": {\"path\": \"/bin/mine\"}},"
		   "\"default-address-pools\": [{\"base\": \"10.0.0.0/8\", \"size\": 24}],"
		   "\"live-restore\": true, \"icc\": true, \"selinux-enabled\": false}");
	CHECK(LOAD(file_flag));
	CHECK(c.debug);
	CHECK_STR(c.data_root, "/d");
	CHECK_STR(c.hosts.items[1], "fd://");
	CHECK_INT(c.mtu, 1400);
	CHECK_STR(c.log_opts.items[0], "max-size=10m");
	CHECK_STR(c.runtimes.items[0], "mine=/bin/mine");
	CHECK_STR(c.default_address_pools.items[0], "base=10.0.0.0/8,size=24");
	CHECK_INT(c.hollow.count, 1);
	CHECK_STR(c.hollow.items[0], "live-restore");
	temp_remove(&dir);
}

static const char *refusal_of(const char *text)
{
	write_file(text);
	if (LOAD(file_flag))
		return "accepted";
	CHECK(strstr(e.text, "configuration file "));
	return strstr(e.text, "daemon.json: ") + strlen("daemon.json: ");
}

TEST(a_mistake_in_the_file_refuses_the_start)
{
	dir = temp_make();
	CHECK_STR(refusal_of("{\"debg\": true, \"hots\": []}"),
		  "the following directives don't match any configuration option: debg, hots");
	CHECK_STR(refusal_of("{\"debug\": \"yes\"}"), "debug: must be true or false");
	CHECK_STR(refusal_of("{\"hosts\": \"unix:///x\"}"), "hosts: must be an array of strings");
	CHECK_STR(refusal_of("{\"hosts\": [1]}"), "hosts: must be an array of strings");
	CHECK_STR(refusal_of("{\"mtu\": \"big\"}"), "mtu: must be a number");
	CHECK_STR(refusal_of("[]"), "not a JSON object");
	CHECK(strstr(refusal_of("{\"debug\": true,}"), "line 1: "));
	CHECK(strstr(refusal_of("{\"debug\": true, \"debug\": false}"), "duplicate"));
	CHECK_STR(refusal_of("{\"runtimes\": {\"a\": {}}}"), "runtimes: a: a path is missing");
	CHECK(strstr(
		refusal_of(
			"{\"runtimes\": {\"a\": {\"path\": \"/x\", \"runtimeArgs\": [\"-v\"]}}}"),
		"runtimeArgs is not supported"));
	CHECK_STR(refusal_of(""), "accepted");
	CHECK_STR(refusal_of("{}"), "accepted");
	temp_remove(&dir);
}

TEST(a_file_that_was_named_must_be_there)
{
	CHECK(!LOAD("--config-file=/nonexistent/daemon.json"));
	CHECK(strstr(e.text, "No such file"));
}

TEST(a_setting_is_given_once_by_flag_or_by_file)
{
	dir = temp_make();
	write_file("{\"labels\": [\"a=b\"]}");
	CHECK(!LOAD(file_flag, "--label", "c=d"));
	CHECK(strstr(e.text, "labels is given both as a flag and in the configuration file"));
	temp_remove(&dir);
}

TEST(what_is_not_built_is_refused_unless_it_asks_for_nothing)
{
	CHECK(!LOAD(NO_FILE, "--userns-remap", "default"));
	CHECK_STR(e.text, "--userns-remap: \"default\" is not supported by shoald");
	CHECK_INT(e.kind, ERR_UNSUPPORTED);
	CHECK(!LOAD(NO_FILE, "--authorization-plugin=x"));
	CHECK(!LOAD(NO_FILE, "--bridge=mine"));
	CHECK(!LOAD(NO_FILE, "--selinux-enabled"));
	CHECK(!LOAD(NO_FILE, "--seccomp-profile=/x.json"));
	CHECK(LOAD(NO_FILE, "--userns-remap", "", "--icc", "--selinux-enabled=false",
		   "--seccomp-profile=builtin", "--ip=0.0.0.0"));
}

TEST(what_means_nothing_here_is_accepted_and_remembered)
{
	CHECK(LOAD(NO_FILE, "--containerd=/run/c.sock", "--iptables=false", "--experimental"));
	CHECK_INT(c.hollow.count, 3);
	CHECK_STR(c.hollow.items[0], "--containerd");
	CHECK(LOAD(NO_FILE, "--feature=a=true", "--feature", "b=true"));
	CHECK_INT(c.hollow.count, 1);
}

TEST(tcp_wants_client_certificates_unless_told_otherwise_in_plain_words)
{
	CHECK(!LOAD(NO_FILE, "-H", "tcp://127.0.0.1:2375"));
	CHECK(strstr(e.text, "root on this host"));
	CHECK(!LOAD(NO_FILE, "-H", "127.0.0.1:2375"));

	CHECK(LOAD(NO_FILE, "-H", "tcp://:2376", "--tlsverify"));
	CHECK(config_uses_tls(&c) && config_verifies_clients(&c));
	CHECK(LOAD(NO_FILE, "-H", "tcp://:2376", "--tls"));
	CHECK(config_uses_tls(&c) && config_verifies_clients(&c));
	CHECK(LOAD(NO_FILE, "-H", "tcp://:2376", "--tlsverify=false"));
	CHECK(config_uses_tls(&c) && !config_verifies_clients(&c));
	CHECK(LOAD(NO_FILE, "-H", "tcp://:2375", "--tls=false"));
	CHECK(!config_uses_tls(&c) && config_allows_plain_tcp(&c));
	CHECK(LOAD(NO_FILE, "-H", "tcp://:2376", "--tls=false", "--tlsverify"));
	CHECK(config_uses_tls(&c) && config_verifies_clients(&c));
}

TEST(a_reload_takes_over_what_may_change_and_nothing_else)
{
	AUTO_BUF struct buf changed = BUF_MAX(1024);
	char *args[] = { "shoald", file_flag, NULL };

	dir = temp_make();
	write_file("{\"labels\": [\"a=1\"], \"data-root\": \"/one\"}");
	CHECK(LOAD(file_flag));
	write_file("{\"labels\": [\"a=2\"], \"data-root\": \"/two\", \"debug\": true}");
	CHECK(config_reload(&c, 2, args, &changed, &e));
	CHECK_STR(c.labels.items[0], "a=2");
	CHECK_STR(c.data_root, "/one");
	CHECK(c.debug);
	CHECK_STR(changed.data, "debug, labels");

	write_file("{\"labels\": [\"a=3\"], \"nonsense\": 1}");
	CHECK(!config_reload(&c, 2, args, &changed, &e));
	CHECK_STR(c.labels.items[0], "a=2");
	temp_remove(&dir);
}

/* Each option with a value that is taken, one that is refused, and what the refusal says. NULL: the
 * value cannot be wrong. What shoald ignores or refuses altogether needs no row. */
static const struct {
	const char *flag, *good, *bad, *says;
} samples[] = {
	{ "add-runtime", "mine=/bin/mine", "mine", "invalid value" },
	{ "bip", "10.1.0.1/16", "10.1.0.0/16", "is not an address with the size of its network" },
	{ "bip", "192.168.5.1/24", "bridge", "is not an address" },
	{ "cgroup-parent", "/mine", "../other", "leads out of itself" },
	{ "config-file", "/dev/null", "/nonexistent", "No such file" },
	{ "data-root", "/x", "x", "is not an absolute path" },
	{ "debug", "true", "perhaps", "invalid value" },
	{ "default-address-pool", "base=10.9.0.0/16,size=24", "base=10.9.0.0/16,size=8",
	  "is not base=CIDR,size=N" },
	{ "default-address-pool", "base=10.0.0.0/8,size=30", "10.0.0.0/8", "is not base=CIDR" },
	{ "default-advertise-addr", "eth0", NULL, NULL },
	{ "default-cgroupns-mode", "host", "mine", "private and host are" },
	{ "default-ipc-mode", "shareable", "host", "private and shareable are" },
	{ "default-runtime", "runc", "mine", "specified default runtime 'mine' does not exist" },
	{ "default-shm-size", "128m", "big", "invalid size: 'big'" },
	{ "default-ulimit", "nofile=10:20", "nofile=20:10",
	  "ulimit soft limit must be less than or equal to hard limit: 20 > 10" },
	{ "default-ulimit", "core=-1", "frob=1", "invalid ulimit type: frob" },
	{ "dns", "10.0.0.53", "resolver", "is not an ip address" },
	{ "dns-opt", "ndots:3", NULL, NULL },
	{ "dns-search", "example.com", NULL, NULL },
	{ "exec-opt", "native.cgroupdriver=cgroupfs", "native.cgroupdriver=systemd",
	  "native.cgroupdriver=cgroupfs is" },
	{ "exec-root", "/y", "y", "is not an absolute path" },
	{ "group", "root", NULL, NULL },
	{ "host", "unix:///x", "ftp://x", "--host" },
	{ "host-gateway-ip", "10.0.0.1", "here", "is not an ip address" },
	{ "icc", "false", "no way", "invalid value" },
	{ "init", "true", "maybe", "invalid value" },
	{ "init-path", "/bin/tini", NULL, NULL },
	{ "insecure-registry", "10.0.0.0/8", "http://r:5000", "should not contain a scheme" },
	{ "ip", "127.0.0.1", "::1", "is not an IPv4 address" },
	{ "label", "a=b", "a", "is not KEY=VALUE" },
	{ "log-driver", "none", "syslog", "json-file and none are" },
	{ "log-format", "json", "xml", "text and json are" },
	{ "log-level", "warn", "loud", "debug, info, warn, error and fatal are" },
	{ "log-opt", "max-size=10m", "max-size=much", "invalid size: 'much'" },
	{ "log-opt", "max-file=3", "max-file=0", "max-file cannot be 0" },
	{ "log-opt", "labels=a", "syslog-address=x",
	  "unknown log opt 'syslog-address' for json-file log driver" },
	{ "max-concurrent-downloads", "5", "many", "invalid value" },
	{ "metrics-addr", "127.0.0.1:9323", "unix:///x", "is not HOST:PORT" },
	{ "mtu", "1400", "67", "is not between 68 and 65535" },
	{ "no-new-privileges", "true", "2", "invalid value" },
	{ "node-generic-resource", "gpu=2", "gpu", "is not NAME=VALUE" },
	{ "oom-score-adjust", "-500", "-1001", "is not between -1000 and 1000" },
	{ "pidfile", "/x", NULL, NULL },
	{ "registry-mirror", "https://mirror.example/path", "mirror.example", "invalid mirror" },
	{ "registry-mirror", "http://10.0.0.1:5000", "https://user@host", "invalid mirror" },
	{ "storage-driver", "overlay2", "btrfs", "overlay2 is" },
	{ "storage-opt", "overlay2.override_kernel_check=1", "overlay2.size=10G",
	  "is not supported by shoald" },
	{ "swarm-default-advertise-addr", "10.0.0.1", NULL, NULL },
	{ "tls", "false", "x", "invalid value" },
	{ "tlscacert", "/ca", NULL, NULL },
	{ "tlscert", "/cert", NULL, NULL },
	{ "tlskey", "/key", NULL, NULL },
	{ "tlsverify", "true", "x", "invalid value" },
};

static bool load_with(const char *flag, const char *value)
{
	char *text = value ? xasprintf("--%s=%s", flag, value) : NULL;
	bool ok = strcmp(flag, "config-file") == 0 ? LOAD(text) : LOAD(NO_FILE, text);

	free(text);
	return ok;
}

TEST(every_option_takes_what_makes_sense_and_says_what_does_not)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		bool ok = load_with(samples[i].flag, samples[i].good);

		if (!ok)
			printf("    --%s=%s: %s\n", samples[i].flag, samples[i].good, e.text);
		CHECK(ok);
		if (!samples[i].bad)
			continue;
		CHECK(!load_with(samples[i].flag, samples[i].bad));
		if (!strstr(e.text, samples[i].says))
			printf("    --%s=%s: %s\n", samples[i].flag, samples[i].bad, e.text);
		CHECK(strstr(e.text, samples[i].says));
	}
}

static bool has_sample(const char *flag)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		if (strcmp(samples[i].flag, flag) == 0)
			return true;
	return false;
}

static const char *value_for(const struct option *o)
{
	return o->kind == OPTION_BOOL ? "true" : o->kind == OPTION_NUMBER ? "5" : "something";
}

TEST(every_option_is_sampled_ignored_aloud_or_refused)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *o = &options[i];

		if (!o->flag)
			continue;
		if (o->use == OPTION_USED) {
			if (!has_sample(o->flag))
				printf("    no sample of --%s\n", o->flag);
			CHECK(has_sample(o->flag));
		} else if (o->use == OPTION_HOLLOW) {
			CHECK(load_with(o->flag, value_for(o)));
			CHECK_INT(c.hollow.count, 1);
		} else if (!(o->kind == OPTION_BOOL && o->neutral)) {
			CHECK(!load_with(o->flag, value_for(o)));
			CHECK(strstr(e.text, "is not supported by shoald"));
		}
	}
}

TEST(ulimits_and_what_nobody_reads_come_from_the_file_too)
{
	dir = temp_make();
	write_file("{\"default-ulimits\": {\"nofile\": {\"Name\": \"nofile\", \"Hard\": 20, "
		   "\"Soft\": 10}}, \"features\": {\"buildkit\": true}, \"builder\": {\"gc\": {}},"
		   "\"oom-score-adjust\": -300, \"icc\": false}");
	CHECK(LOAD(file_flag));
	CHECK_STR(c.default_ulimits.items[0], "nofile=10:20");
	CHECK_INT(c.hollow.count, 2);
	CHECK_INT(c.oom_score_adjust, -300);
	CHECK(!c.icc);
	CHECK_STR(refusal_of("{\"default-ulimits\": {\"nofile\": 5}}"),
		  "default-ulimits: must be an object of {\"Soft\": N, \"Hard\": N}");
	temp_remove(&dir);
}

TEST(labels_that_contradict_are_refused)
{
	CHECK(!LOAD(NO_FILE, "--label", "a=1", "--label", "a=2"));
	CHECK_STR(e.text, "conflict labels for a: a=1 and a=2");
	CHECK(LOAD(NO_FILE, "--label", "a=1", "--label", "a=1"));
}

TEST(the_table_is_sound)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *o = &options[i];

		CHECK(o->flag || o->key);
		CHECK(!o->flag || option_by_flag(str_of(o->flag)) == o);
		CHECK(!o->key || option_by_key(o->key) == o);
		CHECK(!o->letter || option_by_letter(o->letter) == o);
		CHECK(o->use != OPTION_USED || (o->help && o->offset));
		CHECK(!o->reloads || o->key);
	}
}

TEST_MAIN()
