/* `version` and `info`: what runs here and there. */
#include "cli/system.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "console/units.h"

static const char *our_arch(void)
{
#if defined(__x86_64__)
	return "amd64";
#elif defined(__aarch64__)
	return "arm64";
#else
	return "unknown";
#endif
}

static json_t *client_record(struct cli *c)
{
	json_t *o = json_object();
	const char *version = client_version(c->client);

	field_put_text(o, "Version", SHOAL_VERSION);
	field_put_text(o, "ApiVersion", version);
	field_put(o, "DefaultAPIVersion", json_sprintf("1.%d", CLIENT_MINOR_MAX));
	field_put_text(o, "Os", "linux");
	field_put_text(o, "Arch", our_arch());
	field_put_text(o, "Context", "default");
	return o;
}

static void print_client(struct cli *c)
{
	const char *version = client_version(c->client);

	printf("Client:\n Version:           %s\n", SHOAL_VERSION);
	if (!*version)
		printf(" API version:       1.%d\n", CLIENT_MINOR_MAX);
	else if (client_speaks(c->client, CLIENT_MINOR_MAX))
		printf(" API version:       %s\n", version);
	else
		printf(" API version:       %s (downgraded from 1.%d)\n", version,
		       CLIENT_MINOR_MAX);
	printf(" OS/Arch:           linux/%s\n Context:           default\n", our_arch());
}

/* "2026-05-07T21:09:36.000000000+00:00" as "Thu May  7 21:09:36 2026"; what is no time as it is. */
static void print_built(const char *text)
{
	char day[40];
	struct tm tm;
	time_t seconds;
	int64_t ns;

	if (!time_parse(text, &ns)) {
		printf("  Built:            %s\n", text);
		return;
	}
	seconds = (time_t)(ns / NS_PER_SECOND);
	gmtime_r(&seconds, &tm);
	(void)strftime(day, sizeof(day), "%a %b %e %H:%M:%S %Y", &tm);
	printf("  Built:            %s\n", day);
}

static void print_engine(const json_t *details, const char *name, const char *version)
{
	printf(" %s:\n  Version:          %s\n", name, version);
	printf("  API version:      %s (minimum version %s)\n", field_text(details, "ApiVersion"),
	       field_text(details, "MinAPIVersion"));
	if (*field_text(details, "GoVersion"))
		printf("  Go version:       %s\n", field_text(details, "GoVersion"));
	printf("  Git commit:       %s\n", field_text(details, "GitCommit"));
	print_built(field_text(details, "BuildTime"));
	printf("  OS/Arch:          %s/%s\n", field_text(details, "Os"),
	       field_text(details, "Arch"));
	printf("  Experimental:     %s\n",
	       strcmp(field_text(details, "Experimental"), "true") == 0 ? "true" : "false");
}

static void print_component(const json_t *component)
{
	const json_t *details = field_at(component, "Details");
	const char *name = field_text(component, "Name");
	AUTO_FREE const char **keys = NULL;
	size_t count;

	if (field_at(details, "ApiVersion")) {
		print_engine(details, name, field_text(component, "Version"));
		return;
	}
	printf(" %s:\n  Version:          %s\n", name, field_text(component, "Version"));
	keys = field_keys(details, &count);
	for (size_t i = 0; i < count; i++)
		printf("  %s:%*s%s\n", keys[i], 17 - (int)strlen(keys[i]), "",
		       field_text(json_object_get(details, keys[i]), ""));
}

static void print_server(const json_t *server)
{
	const json_t *components = field_at(server, "Components");
	const char *platform = field_text(server, "Platform.Name");

	printf("\nServer:%s%s\n", *platform ? " " : "", platform);
	for (size_t i = 0; i < json_array_size(components); i++)
		print_component(json_array_get(components, i));
	if (json_array_size(components) == 0)
		print_engine(server, "Engine", field_text(server, "Version"));
}

bool system_version(struct cli *c, const struct args *a, struct err *e)
{
	const char *format = args_text(a, "format");
	AUTO_JSON json_t *both = json_object(),
			 *server = client_get(c->client, "/version", NULL, e);
	bool ok = true;

	if (*format) {
		struct err why;

		field_put(both, "Client", client_record(c));
		field_put(both, "Server", server ? json_incref(server) : json_null());
		ok = object_print(format, both, server ? e : &why);
		return ok && server;
	}
	print_client(c);
	if (server)
		print_server(server);
	return server != NULL;
}

static void print_text(const json_t *info, const char *label, const char *path)
{
	const char *text = field_text(info, path);

	if (*text)
		printf(" %s: %s\n", label, text);
}

/* A list of text, on one line. */
static void print_words(const json_t *list, const char *label)
{
	if (json_array_size(list) == 0)
		return;
	printf("%s:", label);
	for (size_t i = 0; i < json_array_size(list); i++)
		printf(" %s", field_text(json_array_get(list, i), ""));
	printf("\n");
}

static void print_lines(const json_t *list, const char *label)
{
	if (json_array_size(list) == 0)
		return;
	printf(" %s:\n", label);
	for (size_t i = 0; i < json_array_size(list); i++)
		printf("  %s\n", field_text(json_array_get(list, i), ""));
}

static void print_number(const json_t *o, const char *label, const char *path)
{
	printf("%s: %lld\n", label, (long long)field_int(o, path));
}

static void print_switch(const json_t *o, const char *label, const char *path)
{
	printf("%s: %s\n", label, field_bool(o, path) ? "true" : "false");
}

static int by_address(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_managers(const json_t *managers)
{
	size_t count = json_array_size(managers);
	AUTO_FREE const char **addresses = xcalloc(count, sizeof(*addresses));

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		addresses[i] = field_text(json_array_get(managers, i), "Addr");
	qsort(addresses, count, sizeof(*addresses), by_address);
	printf("  Manager Addresses:\n");
	for (size_t i = 0; i < count; i++)
		printf("   %s\n", addresses[i]);
}

static void print_cluster(const json_t *swarm)
{
	const json_t *cluster = field_at(swarm, "Cluster"), *spec = field_at(cluster, "Spec");
	const json_t *pools = field_at(cluster, "DefaultAddrPool");
	const json_t *external = field_at(spec, "CAConfig.ExternalCAs");
	struct units_text text;

	printf("  ClusterID: %s\n", field_text(cluster, "ID"));
	print_number(swarm, "  Managers", "Managers");
	print_number(swarm, "  Nodes", "Nodes");
	if (json_array_size(pools))
		printf("  Default Address Pool: ");
	for (size_t i = 0; i < json_array_size(pools); i++)
		printf("%s  %s", field_text(json_array_get(pools, i), ""),
		       i + 1 == json_array_size(pools) ? "\n" : "");
	if (json_array_size(pools))
		print_number(cluster, "  SubnetSize", "SubnetSize");
	if (field_int(cluster, "DataPathPort"))
		print_number(cluster, "  Data Path Port", "DataPathPort");
	printf("  Orchestration:\n");
	print_number(spec, "   Task History Retention Limit",
		     "Orchestration.TaskHistoryRetentionLimit");
	printf("  Raft:\n");
	print_number(spec, "   Snapshot Interval", "Raft.SnapshotInterval");
	print_number(spec, "   Number of Old Snapshots to Retain", "Raft.KeepOldSnapshots");
	print_number(spec, "   Heartbeat Tick", "Raft.HeartbeatTick");
	print_number(spec, "   Election Tick", "Raft.ElectionTick");
	printf("  Dispatcher:\n   Heartbeat Period: %s\n",
	       human_duration(field_int(spec, "Dispatcher.HeartbeatPeriod"), &text));
	printf("  CA Configuration:\n   Expiry Duration: %s\n",
	       human_duration(field_int(spec, "CAConfig.NodeCertExpiry"), &text));
	print_number(spec, "   Force Rotate", "CAConfig.ForceRotate");
	if (json_array_size(external))
		printf("   External CAs:\n");
	for (size_t i = 0; i < json_array_size(external); i++)
		printf("     %s: %s\n", field_text(json_array_get(external, i), "Protocol"),
		       field_text(json_array_get(external, i), "URL"));
	print_switch(spec, "  Autolock Managers", "EncryptionConfig.AutoLockManagers");
	print_switch(cluster, "  Root Rotation In Progress", "RootRotationInProgress");
}

static void print_swarm(const json_t *swarm)
{
	const char *state = field_text(swarm, "LocalNodeState");

	printf(" Swarm: %s\n", state);
	if (strcmp(state, "inactive") == 0 || strcmp(state, "locked") == 0 || !*state)
		return;
	printf("  NodeID: %s\n", field_text(swarm, "NodeID"));
	if (*field_text(swarm, "Error"))
		printf("  Error: %s\n", field_text(swarm, "Error"));
	print_switch(swarm, "  Is Manager", "ControlAvailable");
	if (field_at(swarm, "Cluster") && field_bool(swarm, "ControlAvailable") &&
	    !*field_text(swarm, "Error") && strcmp(state, "error") != 0)
		print_cluster(swarm);
	printf("  Node Address: %s\n", field_text(swarm, "NodeAddr"));
	print_managers(field_at(swarm, "RemoteManagers"));
}

/* "name=seccomp,profile=default" as a name with settings below it. */
static void print_security(const json_t *options)
{
	if (json_array_size(options) == 0)
		return;
	printf(" Security Options:\n");
	for (size_t i = 0; i < json_array_size(options); i++) {
		struct str rest = str_of(field_text(json_array_get(options, i), "")), part, key,
			   value;

		while (rest.len) {
			str_cut(rest, ',', &part, &rest);
			if (!str_cut(part, '=', &key, &value))
				printf("  %.*s\n", STR_FMT(part));
			else if (str_equal_c(key, "name"))
				printf("  %.*s\n", STR_FMT(value));
			else
				printf("   %c%.*s: %.*s\n", key.ptr[0] & ~0x20, (int)key.len - 1,
				       key.ptr + 1, STR_FMT(value));
		}
	}
}

static void print_driver(const json_t *info)
{
	const json_t *status = field_at(info, "DriverStatus");

	printf(" Storage Driver: %s\n", field_text(info, "Driver"));
	for (size_t i = 0; i < json_array_size(status); i++)
		printf("  %s: %s\n", field_text(json_array_get(json_array_get(status, i), 0), ""),
		       field_text(json_array_get(json_array_get(status, i), 1), ""));
}

static void print_runtimes(const json_t *info)
{
	size_t count;
	AUTO_FREE const char **names = field_keys(field_at(info, "Runtimes"), &count);

	if (count == 0)
		return;
	printf(" Runtimes:");
	for (size_t i = 0; i < count; i++)
		printf(" %s", names[i]);
	printf("\n Default Runtime: %s\n", field_text(info, "DefaultRuntime"));
}

static void print_host(const json_t *info)
{
	struct units_text text;

	print_text(info, "Kernel Version", "KernelVersion");
	print_text(info, "Operating System", "OperatingSystem");
	print_text(info, "OSType", "OSType");
	print_text(info, "Architecture", "Architecture");
	print_number(info, " CPUs", "NCPU");
	printf(" Total Memory: %s\n",
	       human_binary_size((double)field_int(info, "MemTotal"), &text));
	print_text(info, "Name", "Name");
	print_text(info, "ID", "ID");
	print_text(info, "Docker Root Dir", "DockerRootDir");
	print_switch(info, " Debug Mode", "Debug");
	if (field_bool(info, "Debug")) {
		print_number(info, "  File Descriptors", "NFd");
		print_number(info, "  Goroutines", "NGoroutines");
		printf("  System Time: %s\n", field_text(info, "SystemTime"));
		print_number(info, "  EventsListeners", "NEventsListener");
	}
	print_text(info, "HTTP Proxy", "HttpProxy");
	print_text(info, "HTTPS Proxy", "HttpsProxy");
	print_text(info, "No Proxy", "NoProxy");
	print_lines(field_at(info, "Labels"), "Labels");
	print_switch(info, " Experimental", "ExperimentalBuild");
}

static void print_info(const json_t *info)
{
	const json_t *warnings = field_at(info, "Warnings");

	print_number(info, " Containers", "Containers");
	print_number(info, "  Running", "ContainersRunning");
	print_number(info, "  Paused", "ContainersPaused");
	print_number(info, "  Stopped", "ContainersStopped");
	print_number(info, " Images", "Images");
	print_text(info, "Server Version", "ServerVersion");
	print_driver(info);
	print_text(info, "Logging Driver", "LoggingDriver");
	print_text(info, "Cgroup Driver", "CgroupDriver");
	print_text(info, "Cgroup Version", "CgroupVersion");
	printf(" Plugins:\n");
	print_words(field_at(info, "Plugins.Volume"), "  Volume");
	print_words(field_at(info, "Plugins.Network"), "  Network");
	print_words(field_at(info, "Plugins.Authorization"), "  Authorization");
	print_words(field_at(info, "Plugins.Log"), "  Log");
	print_swarm(field_at(info, "Swarm"));
	print_runtimes(info);
	printf(" Init Binary: %s\n", field_text(info, "InitBinary"));
	printf(" containerd version: %s\n", field_text(info, "ContainerdCommit.ID"));
	printf(" runc version: %s\n", field_text(info, "RuncCommit.ID"));
	printf(" init version: %s\n", field_text(info, "InitCommit.ID"));
	print_security(field_at(info, "SecurityOptions"));
	print_host(info);
	print_lines(field_at(info, "RegistryConfig.InsecureRegistryCIDRs"), "Insecure Registries");
	print_lines(field_at(info, "RegistryConfig.Mirrors"), "Registry Mirrors");
	print_switch(info, " Live Restore Enabled", "LiveRestoreEnabled");
	print_text(info, "Product License", "ProductLicense");
	printf("\n");
	for (size_t i = 0; i < json_array_size(warnings); i++)
		fprintf(stderr, "%s\n", field_text(json_array_get(warnings, i), ""));
}

bool system_info(struct cli *c, const struct args *a, struct err *e)
{
	const char *format = args_text(a, "format");
	AUTO_JSON json_t *info = client_get(c->client, "/info", NULL, e);

	if (*format)
		return info && object_print(format, info, e);
	printf("Client:\n Version:    %s\n Context:    default\n Debug Mode: false\n\nServer:\n",
	       SHOAL_VERSION);
	if (info)
		print_info(info);
	return info != NULL;
}
