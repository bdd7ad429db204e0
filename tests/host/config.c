#include "daemon/config.h"

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
	CHECK(!LOAD(NO_FILE, "--icc=false"));
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

TEST(the_table_is_sound)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *o = &options[i];

		CHECK(o->flag && option_by_flag(str_of(o->flag)) == o);
		CHECK(!o->key || option_by_key(o->key) == o);
		CHECK(!o->letter || option_by_letter(o->letter) == o);
		CHECK(o->use != OPTION_USED || (o->help && o->offset));
		CHECK(!o->reloads || o->key);
	}
}

TEST_MAIN()
