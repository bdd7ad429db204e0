#include "engine/config.h"

#include "base/err.h"
#include "engine/capability.h"
#include "engine/defaults.h"
#include "engine/port.h"
#include "engine/signal.h"
#include "pb/map.h"
#include "test.h"

static struct arena a;
static struct err err;
static const char *const runtimes[] = { "crun" };
static const struct host_limits limits = { 2, runtimes, 1 };

TEST(the_image_fills_what_the_user_left_open)
{
	Pb__ContainerConfig *own = PB_NEW(&a, container_config),
			    *image = PB_NEW(&a, container_config);

	PB_APPEND(&a, own, env, "A=mine");
	PB_APPEND(&a, image, env, "A=theirs");
	PB_APPEND(&a, image, env, "B=2");
	PB_APPEND(&a, image, cmd, "sh");
	PB_APPEND(&a, image, entrypoint, "/init");
	PB_APPEND(&a, image, exposed_ports, "80/tcp");
	PB_MAP_SET(&a, own, labels, "l", "mine");
	PB_MAP_SET(&a, image, labels, "l", "theirs");
	image->working_dir = "/w";
	config_merge(&a, own, image);

	CHECK_INT(own->n_env, 2);
	CHECK_STR(own->env[0], "A=mine");
	CHECK_STR(own->env[1], "B=2");
	CHECK_STR(own->entrypoint[0], "/init");
	CHECK_STR(own->cmd[0], "sh");
	CHECK_STR(own->exposed_ports[0], "80/tcp");
	CHECK_STR(PB_MAP_GET(own, labels, "l"), "mine");
	CHECK_STR(own->working_dir, "/w");
	arena_clear(&a);
}

static const char *program_of(const char *entrypoint, const char *cmd)
{
	Pb__ContainerConfig *own = PB_NEW(&a, container_config),
			    *image = PB_NEW(&a, container_config);
	char *path, **args;
	size_t count;

	PB_APPEND(&a, image, entrypoint, "/entry");
	PB_APPEND(&a, image, cmd, "word");
	if (entrypoint)
		PB_APPEND(&a, own, entrypoint, (char *)entrypoint);
	if (cmd)
		PB_APPEND(&a, own, cmd, (char *)cmd);
	config_merge(&a, own, image);
	if (!config_program(&a, own, &path, &args, &count, &err))
		return err.text;
	return count ? arena_printf(&a, "%s %s", path, args[0]) : path;
}

TEST(an_entrypoint_of_ones_own_hides_the_command_of_the_image)
{
	CHECK_STR(program_of(NULL, NULL), "/entry word");
	CHECK_STR(program_of(NULL, "mine"), "/entry mine");
	CHECK_STR(program_of("/mine", NULL), "/mine");
	CHECK_STR(program_of("", "mine"), "mine");
	CHECK_STR(program_of("", NULL), "No command specified");
	arena_clear(&a);
}

static const char *refusal(const Pb__HostConfig *h)
{
	return host_config_check(h, &limits, &err) ? "" : err.text;
}

TEST(limits_that_make_no_sense_are_refused)
{
	Pb__HostConfig *h = PB_NEW(&a, host_config);

	CHECK_STR(refusal(h), "");
	h->memory = 4 << 20;
	CHECK_STR(refusal(h), "Minimum memory limit allowed is 6MB");
	h->memory = 64 << 20;
	h->memory_swap = 1 << 20;
	CHECK_STR(refusal(h),
		  "Minimum memoryswap limit should be larger than memory limit, see usage");
	h->memory_swap = 0;
	h->nano_cpus = 3000000000;
	CHECK_STR(refusal(h),
		  "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available");
	h->nano_cpus = 0;
	h->runtime = "kata";
	CHECK_STR(refusal(h), "Unknown runtime specified kata");
	h->runtime = "";
	h->restart_policy->name = "sometimes";
	CHECK_STR(refusal(h), "invalid restart policy 'sometimes'");
	h->restart_policy->name = "always";
	h->auto_remove = true;
	CHECK_STR(refusal(h), "can't create 'AutoRemove' container with restart policy");
	h->auto_remove = false;
	h->restart_policy->maximum_retry_count = 2;
	CHECK_STR(refusal(h), "maximum retry count cannot be used with restart policy 'always'");
	h->restart_policy->maximum_retry_count = 0;
	PB_APPEND(&a, h, cap_add, "FLY");
	CHECK_STR(refusal(h), "invalid CapAdd: unknown capability: \"FLY\"");
	arena_clear(&a);
}

TEST(what_was_not_asked_for_is_filled_in_as_docker_shows_it)
{
	Pb__HostConfig *h = PB_NEW(&a, host_config);

	h->memory = 32 << 20;
	host_config_complete(&a, h, false);
	CHECK_INT(h->memory_swap, 64 << 20);
	CHECK_INT(h->shm_size, 64 << 20);
	CHECK_STR(h->cgroupns_mode, "host");
	CHECK_STR(h->network_mode, "default");
	CHECK_STR(h->restart_policy->name, "no");
	arena_clear(&a);
}

TEST(capabilities_are_added_and_dropped)
{
	char *all[] = { "ALL" }, *admin[] = { "sys_admin" }, *chown[] = { "CAP_CHOWN" };
	uint64_t set;

	CHECK_INT(__builtin_popcountll(capabilities_default()), 14);
	CHECK(capabilities_choose(admin, 1, chown, 1, false, &set, &err));
	CHECK(set ==
	      ((capabilities_default() | CAPABILITY(CAP_SYS_ADMIN)) & ~CAPABILITY(CAP_CHOWN)));
	CHECK(capabilities_choose(chown, 1, all, 1, false, &set, &err) &&
	      set == CAPABILITY(CAP_CHOWN));
	CHECK(capabilities_choose(all, 1, chown, 1, false, &set, &err));
	CHECK(set == (CAPABILITIES_ALL & ~CAPABILITY(CAP_CHOWN)));
	CHECK(capabilities_choose(NULL, 0, all, 1, true, &set, &err) && set == CAPABILITIES_ALL);
}

TEST(ports_and_ranges_are_read)
{
	struct port p;
	struct port_range r;

	CHECK(port_parse("53/udp", &p, &err) && p.number == 53 && p.proto == NET_UDP);
	CHECK(port_parse("80", &p, &err) && p.proto == NET_TCP);
	CHECK(!port_parse("0/tcp", &p, &err) && !port_parse("80/xyz", &p, &err) &&
	      !port_parse("70000", &p, &err));
	CHECK(port_range_parse("8000-8010", &r, &err) && r.first == 8000 && r.last == 8010);
	CHECK(port_range_parse("", &r, &err) && r.first == 0);
	CHECK(!port_range_parse("10-5", &r, &err) && !port_range_parse("a", &r, &err));
	CHECK(port_addresses_clash("", "127.0.0.1") &&
	      !port_addresses_clash("127.0.0.2", "127.0.0.1"));
}

TEST(signals_have_names_and_numbers)
{
	int n;

	CHECK(signal_parse("KILL", &n, &err) && n == 9);
	CHECK(signal_parse("sigterm", &n, &err) && n == 15);
	CHECK(signal_parse("10", &n, &err) && n == 10);
	CHECK(signal_parse("SIGRTMIN+3", &n, &err) && n == 37);
	CHECK(signal_parse("RTMAX-1", &n, &err) && n == 63);
	CHECK(signal_parse("SIGWINCH", &n, &err) && n == 28 && signal_parse("SYS", &n, &err) &&
	      n == 31);
	CHECK(!signal_parse("0", &n, &err) && !signal_parse("65", &n, &err) &&
	      !signal_parse("RTMIN+99", &n, &err));
	CHECK(!signal_parse("", &n, &err) && !signal_parse("SIG", &n, &err));
}

TEST(what_is_left_open_is_as_the_daemon_says_and_what_is_said_stays)
{
	arena_reset(&a);
	Pb__Ulimit files = PB__ULIMIT__INIT, *ulimits[] = { &files };
	const char *const log_options[] = { "max-size", "10m", "max-file", "3" };
	struct engine_defaults d = { .ulimits = ulimits,
				     .ulimit_count = 1,
				     .shm_size_bytes = 1 << 20,
				     .ipc_mode = "shareable",
				     .cgroupns_mode = "host",
				     .no_new_privileges = true,
				     .log_options = log_options,
				     .log_option_count = 2 };
	Pb__HostConfig *open_one = PB_NEW(&a, host_config), *said = PB_NEW(&a, host_config);
	Pb__Ulimit *own = PB_NEW(&a, ulimit);

	files.name = own->name = "nofile";
	files.soft = files.hard = 4096;
	own->soft = own->hard = 8;
	PB_APPEND(&a, said, ulimits, own);
	PB_APPEND(&a, said, security_opt, "no-new-privileges:false");
	said->shm_size = 5;
	said->ipc_mode = "host";
	PB_MAP_SET(&a, said->log_config, config, "max-size", "1k");

	host_config_take_defaults(&a, &d, open_one);
	host_config_take_defaults(&a, &d, said);
	CHECK(open_one->n_ulimits == 1 && open_one->ulimits[0]->hard == 4096);
	CHECK_INT(open_one->shm_size, 1 << 20);
	CHECK_STR(open_one->ipc_mode, "shareable");
	CHECK_STR(open_one->cgroupns_mode, "host");
	CHECK_STR(open_one->security_opt[0], "no-new-privileges");
	CHECK_STR(open_one->log_config->type, "json-file");
	CHECK_STR(PB_MAP_GET(open_one->log_config, config, "max-file"), "3");

	CHECK(said->n_ulimits == 1 && said->ulimits[0]->hard == 8);
	CHECK_INT(said->shm_size, 5);
	CHECK_STR(said->ipc_mode, "host");
	CHECK_INT(said->n_security_opt, 1);
	CHECK_STR(PB_MAP_GET(said->log_config, config, "max-size"), "1k");
	CHECK_STR(PB_MAP_GET(said->log_config, config, "max-file"), "3");
}

TEST(log_options_go_with_the_driver_they_are_for)
{
	arena_reset(&a);
	const char *const options[] = { "max-size", "10m" };
	struct engine_defaults d = { .log_options = options, .log_option_count = 1 };
	Pb__HostConfig *h = PB_NEW(&a, host_config);

	h->log_config->type = "none";
	host_config_take_defaults(&a, &d, h);
	CHECK_INT(h->log_config->n_config, 0);
}

TEST_MAIN()
