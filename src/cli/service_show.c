/* A service for people: `service inspect --pretty`. */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "cli/service.h"
#include "console/units.h"

#define SPEC_CONTAINER "TaskTemplate.ContainerSpec"

static void show_labels(const char *title, const json_t *labels)
{
	size_t count;
	AUTO_FREE const char **keys = field_keys(labels, &count);

	if (count == 0)
		return;
	printf("%s:\n", title);
	for (size_t i = 0; i < count; i++) {
		const char *value = field_text(json_object_get(labels, keys[i]), "");

		printf(" %s%s%s\n", keys[i], *value ? "=" : "", value);
	}
}

static void show_mode(const json_t *spec)
{
	const json_t *mode = field_at(spec, "Mode");

	if (field_at(mode, "Global")) {
		printf("Service Mode:\tGlobal\n");
	} else if (field_at(mode, "GlobalJob")) {
		printf("Service Mode:\tGlobalJob\n");
	} else if (field_at(mode, "ReplicatedJob")) {
		printf("Service Mode:\tReplicatedJob\n");
		printf(" Max Concurrent:\t%lld\n",
		       (long long)field_int(mode, "ReplicatedJob.MaxConcurrent"));
		printf(" Total Completions:\t%lld\n",
		       (long long)field_int(mode, "ReplicatedJob.TotalCompletions"));
	} else {
		printf("Service Mode:\tReplicated\n");
		if (field_at(mode, "Replicated.Replicas"))
			printf(" Replicas:\t%lld\n",
			       (long long)field_int(mode, "Replicated.Replicas"));
	}
}

static void show_age(const char *label, const json_t *service, const char *path, int64_t now_ns)
{
	struct units_text text;
	int64_t ns;

	if (time_parse(field_text(service, path), &ns))
		printf(" %s:\t%s ago\n", label, human_duration(now_ns - ns, &text));
}

static void show_update_status(const json_t *service, int64_t now_ns)
{
	if (!*field_text(service, "UpdateStatus.State"))
		return;
	printf("UpdateStatus:\n State:\t\t%s\n", field_text(service, "UpdateStatus.State"));
	show_age("Started", service, "UpdateStatus.StartedAt", now_ns);
	if (strcmp(field_text(service, "UpdateStatus.State"), "completed") == 0)
		show_age("Completed", service, "UpdateStatus.CompletedAt", now_ns);
	printf(" Message:\t%s\n", field_text(service, "UpdateStatus.Message"));
}

static void show_placement(const json_t *spec)
{
	const json_t *constraints = field_at(spec, "TaskTemplate.Placement.Constraints");
	const json_t *preferences = field_at(spec, "TaskTemplate.Placement.Preferences");
	int64_t most = field_int(spec, "TaskTemplate.Placement.MaxReplicas");

	printf("Placement:\n");
	if (json_array_size(constraints)) {
		printf(" Constraints:\t[");
		for (size_t i = 0; i < json_array_size(constraints); i++)
			printf("%s%s", i ? " " : "",
			       field_text(json_array_get(constraints, i), ""));
		printf("]\n");
	}
	if (json_array_size(preferences)) {
		printf(" Preferences:   [");
		for (size_t i = 0; i < json_array_size(preferences); i++)
			printf("%sspread=%s", i ? " " : "",
			       field_text(json_array_get(preferences, i),
					  "Spread.SpreadDescriptor"));
		printf("]\n");
	}
	if (most > 0)
		printf(" Max Replicas Per Node:   %lld\n", (long long)most);
}

static void show_update_config(const json_t *config, const char *title, const char *word)
{
	struct units_text text;

	if (!config)
		return;
	printf("%s:\n Parallelism:\t%lld\n", title, (long long)field_int(config, "Parallelism"));
	if (field_int(config, "Delay"))
		printf(" Delay:\t\t%s\n", exact_duration(field_int(config, "Delay"), &text));
	printf(" On failure:\t%s\n", field_text(config, "FailureAction"));
	if (field_int(config, "Monitor"))
		printf(" Monitoring Period: %s\n",
		       exact_duration(field_int(config, "Monitor"), &text));
	printf(" Max failure ratio: %g\n", field_real(config, "MaxFailureRatio"));
	printf(" %s order:%*s%s\n", word, 12 - (int)strlen(word), "", field_text(config, "Order"));
}

static void show_words(const char *label, const json_t *list)
{
	if (json_array_size(list) == 0)
		return;
	printf("%s", label);
	for (size_t i = 0; i < json_array_size(list); i++)
		printf("%s ", field_text(json_array_get(list, i), ""));
	printf("\n");
}

static void show_text(const char *label, const char *text)
{
	if (*text)
		printf("%s%s\n", label, text);
}

static void show_container(const json_t *spec)
{
	const json_t *o = field_at(spec, SPEC_CONTAINER);
	const json_t *ulimits = field_at(o, "Ulimits");

	printf("ContainerSpec:\n Image:\t\t%s\n", field_text(o, "Image"));
	show_words(" Command:\t", field_at(o, "Command"));
	show_words(" Args:\t\t", field_at(o, "Args"));
	show_words(" Env:\t\t", field_at(o, "Env"));
	show_text(" Dir:\t\t", field_text(o, "Dir"));
	show_words(" Groups:\t", field_at(o, "Groups"));
	if (field_at(o, "Init"))
		printf(" Init:\t\t%s\n", field_bool(o, "Init") ? "true" : "false");
	show_text(" User: ", field_text(o, "User"));
	if (json_array_size(ulimits))
		printf(" Ulimits:\n");
	for (size_t i = 0; i < json_array_size(ulimits); i++) {
		const json_t *u = json_array_get(ulimits, i);

		printf("  %s=%lld:%lld\n", field_text(u, "Name"), (long long)field_int(u, "Soft"),
		       (long long)field_int(u, "Hard"));
	}
	show_words(" Capabilities add:\t", field_at(o, "CapabilityAdd"));
	show_words(" Capabilities drop:\t", field_at(o, "CapabilityDrop"));
}

static void show_mounts(const json_t *mounts)
{
	if (json_array_size(mounts))
		printf("Mounts:\n");
	for (size_t i = 0; i < json_array_size(mounts); i++) {
		const json_t *m = json_array_get(mounts, i);

		printf(" Target:\t%s\n  Source:\t%s\n  ReadOnly:\t%s\n  Type:\t\t%s\n",
		       field_text(m, "Target"), field_text(m, "Source"),
		       field_bool(m, "ReadOnly") ? "true" : "false", field_text(m, "Type"));
	}
}

static void show_files(const char *title, const json_t *files, const char *name)
{
	if (json_array_size(files))
		printf("%s:\n", title);
	for (size_t i = 0; i < json_array_size(files); i++)
		printf(" Target:\t%s\n  Source:\t%s\n",
		       field_text(json_array_get(files, i), "File.Name"),
		       field_text(json_array_get(files, i), name));
}

static void show_log_driver(const json_t *driver)
{
	if (!driver)
		return;
	printf("Log Driver:\n Name:\t\t%s\n", field_text(driver, "Name"));
	show_labels(" LogOpts", field_at(driver, "Options"));
}

static void show_resource(const char *title, const json_t *o)
{
	struct units_text text;
	int64_t cpus = field_int(o, "NanoCPUs"), memory = field_int(o, "MemoryBytes");
	int64_t pids = field_int(o, "Pids");

	if (!cpus && !memory && !pids)
		return;
	printf(" %s:\n", title);
	if (cpus)
		printf("  CPU:\t\t%g\n", (double)cpus / 1e9);
	if (memory)
		printf("  Memory:\t%s\n", human_binary_size((double)memory, &text));
	if (pids)
		printf("  PIDs:\t\t%lld\n", (long long)pids);
}

static bool show_networks(struct cli *c, const json_t *spec, struct err *e)
{
	const json_t *networks = field_at(spec, "TaskTemplate.Networks");

	if (!networks)
		networks = field_at(spec, "Networks");
	if (json_array_size(networks))
		printf("Networks:");
	for (size_t i = 0; i < json_array_size(networks); i++) {
		const char *id = field_text(json_array_get(networks, i), "Target");
		AUTO_FREE char *path = path_of("/networks/%s", id);
		AUTO_JSON json_t *network = NULL;
		AUTO_QUERY struct query q = QUERY;

		query_add(&q, "scope", "swarm");
		network = client_get(c->client, path, &q, e);
		if (!network && e->kind != ERR_NOT_FOUND)
			return false;
		printf(" %s", network ? field_text(network, "Name") : id);
	}
	if (json_array_size(networks))
		printf(" \n");
	return true;
}

static void show_ports(const json_t *ports)
{
	if (json_array_size(ports))
		printf("Ports:\n");
	for (size_t i = 0; i < json_array_size(ports); i++) {
		const json_t *p = json_array_get(ports, i);

		printf(" PublishedPort = %lld\n  Protocol = %s\n  TargetPort = %lld\n  PublishMode = %s%s\n",
		       (long long)field_int(p, "PublishedPort"), field_text(p, "Protocol"),
		       (long long)field_int(p, "TargetPort"), field_text(p, "PublishMode"),
		       i + 1 == json_array_size(ports) ? " " : "");
	}
}

static void show_health(const json_t *health)
{
	const json_t *test = field_at(health, "Test");
	struct units_text text;

	if (!health)
		return;
	printf(" Healthcheck:\n  Interval = %s\n",
	       exact_duration(field_int(health, "Interval"), &text));
	printf("  Retries = %lld\n", (long long)field_int(health, "Retries"));
	printf("  StartPeriod =\t%s\n", exact_duration(field_int(health, "StartPeriod"), &text));
	printf("  Timeout =\t%s\n", exact_duration(field_int(health, "Timeout"), &text));
	if (json_array_size(test))
		printf("  Tests:\n");
	for (size_t i = 0; i < json_array_size(test); i++)
		printf("\t Test = %s%s\n", field_text(json_array_get(test, i), ""),
		       i + 1 == json_array_size(test) ? " " : "");
}

bool service_show(struct cli *c, const json_t *service, struct err *e)
{
	const json_t *spec = field_at(service, "Spec");
	const json_t *resources = field_at(spec, "TaskTemplate.Resources");

	printf("\nID:\t\t%s\nName:\t\t%s\n", field_text(service, "ID"), field_text(spec, "Name"));
	show_labels("Labels", field_at(spec, "Labels"));
	show_mode(spec);
	show_update_status(service, c->now_ns);
	show_placement(spec);
	show_update_config(field_at(spec, "UpdateConfig"), "UpdateConfig", "Update");
	show_update_config(field_at(spec, "RollbackConfig"), "RollbackConfig", "Rollback");
	show_container(spec);
	show_mounts(field_at(spec, SPEC_CONTAINER ".Mounts"));
	show_files("Configs", field_at(spec, SPEC_CONTAINER ".Configs"), "ConfigName");
	show_files("Secrets", field_at(spec, SPEC_CONTAINER ".Secrets"), "SecretName");
	show_log_driver(field_at(spec, "TaskTemplate.LogDriver"));
	if (resources)
		printf("Resources:\n");
	show_resource("Reservations", field_at(resources, "Reservations"));
	show_resource("Limits", field_at(resources, "Limits"));
	if (!show_networks(c, spec, e))
		return false;
	printf("Endpoint Mode:\t%s\n", field_text(spec, "EndpointSpec.Mode"));
	show_ports(field_at(service, "Endpoint.Ports"));
	show_health(field_at(spec, SPEC_CONTAINER ".Healthcheck"));
	printf("\n");
	return true;
}
