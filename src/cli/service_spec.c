#include "cli/service_spec.h"

#include <string.h>

#include "base/mem.h"
#include "cli/csv.h"
#include "template/field.h"
#include "cli/pairs.h"
#include "cli/values.h"

#define RESOURCES "TaskTemplate.Resources"
#define HEALTH    CONTAINER_SPEC ".Healthcheck"

/* One value, one place. */
static const struct value_row values[] = {
	{ "hostname", CONTAINER_SPEC ".Hostname" },
	{ "workdir", CONTAINER_SPEC ".Dir" },
	{ "user", CONTAINER_SPEC ".User" },
	{ "tty", CONTAINER_SPEC ".TTY" },
	{ "read-only", CONTAINER_SPEC ".ReadOnly" },
	{ "init", CONTAINER_SPEC ".Init" },
	{ "isolation", CONTAINER_SPEC ".Isolation" },
	{ "stop-signal", CONTAINER_SPEC ".StopSignal" },
	{ "stop-grace-period", CONTAINER_SPEC ".StopGracePeriod" },
	{ "oom-score-adj", CONTAINER_SPEC ".OomScoreAdj" },
	{ "health-interval", HEALTH ".Interval" },
	{ "health-timeout", HEALTH ".Timeout" },
	{ "health-start-period", HEALTH ".StartPeriod" },
	{ "health-start-interval", HEALTH ".StartInterval" },
	{ "health-retries", HEALTH ".Retries" },
	{ "limit-cpu", RESOURCES ".Limits.NanoCPUs" },
	{ "limit-memory", RESOURCES ".Limits.MemoryBytes" },
	{ "limit-pids", RESOURCES ".Limits.Pids" },
	{ "reserve-cpu", RESOURCES ".Reservations.NanoCPUs" },
	{ "reserve-memory", RESOURCES ".Reservations.MemoryBytes" },
	{ "restart-condition", "TaskTemplate.RestartPolicy.Condition" },
	{ "restart-delay", "TaskTemplate.RestartPolicy.Delay" },
	{ "restart-max-attempts", "TaskTemplate.RestartPolicy.MaxAttempts" },
	{ "restart-window", "TaskTemplate.RestartPolicy.Window" },
	{ "replicas-max-per-node", "TaskTemplate.Placement.MaxReplicas" },
	{ "update-parallelism", "UpdateConfig.Parallelism" },
	{ "update-delay", "UpdateConfig.Delay" },
	{ "update-failure-action", "UpdateConfig.FailureAction" },
	{ "update-monitor", "UpdateConfig.Monitor" },
	{ "update-max-failure-ratio", "UpdateConfig.MaxFailureRatio" },
	{ "update-order", "UpdateConfig.Order" },
	{ "rollback-parallelism", "RollbackConfig.Parallelism" },
	{ "rollback-delay", "RollbackConfig.Delay" },
	{ "rollback-failure-action", "RollbackConfig.FailureAction" },
	{ "rollback-monitor", "RollbackConfig.Monitor" },
	{ "rollback-max-failure-ratio", "RollbackConfig.MaxFailureRatio" },
	{ "rollback-order", "RollbackConfig.Order" },
	{ "endpoint-mode", "EndpointSpec.Mode" },
};

/* A section of which anything is set is sent whole. */
static const struct {
	const char *section, *text;
} defaults[] = {
	{ "TaskTemplate.RestartPolicy",
	  "{\"Condition\":\"any\",\"Delay\":5000000000,\"MaxAttempts\":0}" },
	{ "UpdateConfig", "{\"Parallelism\":1,\"FailureAction\":\"pause\",\"Monitor\":5000000000,"
			  "\"MaxFailureRatio\":0,\"Order\":\"stop-first\"}" },
	{ "RollbackConfig", "{\"Parallelism\":1,\"FailureAction\":\"pause\",\"Monitor\":5000000000,"
			    "\"MaxFailureRatio\":0,\"Order\":\"stop-first\"}" },
};

/* Fill in the sections that a given value belongs to and that are not there. */
static void put_defaults(const struct args *a, json_t *spec)
{
	for (size_t d = 0; d < ARRAY_LEN(defaults); d++) {
		size_t n = strlen(defaults[d].section);

		if (field_at(spec, defaults[d].section))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(values); i++) {
			if (!args_has(a, values[i].option) || strlen(values[i].path) <= n ||
			    values[i].path[n] != '.' ||
			    strncmp(values[i].path, defaults[d].section, n) != 0)
				continue;
			field_put(spec, defaults[d].section, json_loads(defaults[d].text, 0, NULL));
			break;
		}
	}
}

static void put_values(const struct args *a, json_t *spec)
{
	put_defaults(a, spec);
	values_put(values, ARRAY_LEN(values), a, spec);
}

static bool put_health(const struct args *a, json_t *spec, struct err *e)
{
	static const char *const parts[] = {
		"health-cmd",          "health-interval",       "health-timeout",
		"health-start-period", "health-start-interval", "health-retries"
	};

	if (args_has(a, "no-healthcheck") && args_bool(a, "no-healthcheck")) {
		for (size_t i = 0; i < ARRAY_LEN(parts); i++)
			if (args_has(a, parts[i]))
				return fail(e, ERR_INVALID,
					    "--no-healthcheck conflicts with --health-* options");
		field_put(spec, HEALTH, json_pack("{s:[s]}", "Test", "NONE"));
		return true;
	}
	if (args_has(a, "health-cmd")) {
		const char *command = args_text(a, "health-cmd");

		field_put(spec, HEALTH ".Test",
			  *command ? json_pack("[ss]", "CMD-SHELL", command) : json_array());
	}
	return true;
}

/* Command lines given as one text. */
static bool put_words(const struct args *a, const char *option, json_t *spec, const char *path,
		      struct err *e)
{
	json_t *words;

	if (!args_has(a, option))
		return true;
	words = shell_words(args_text(a, option), e);
	if (!words)
		return while_doing(e, "--%s", option);
	field_put(spec, path, words);
	return true;
}

static void put_log_driver(const struct args *a, json_t *spec)
{
	size_t count;
	const char *const *options = args_list(a, "log-opt", &count);

	if (!args_has(a, "log-driver"))
		return;
	field_put_text(spec, "TaskTemplate.LogDriver.Name", args_text(a, "log-driver"));
	if (count)
		field_put(spec, "TaskTemplate.LogDriver.Options", pairs_object(options, count));
}

static bool put_mode(const struct args *a, json_t *spec, struct err *e)
{
	const char *mode = args_text(a, "mode");
	bool is_job = strcmp(mode, "replicated-job") == 0;
	int64_t replicas = args_has(a, "replicas") ? args_int(a, "replicas") : 1;

	if (args_has(a, "max-concurrent") && !is_job)
		return fail(e, ERR_INVALID,
			    "max-concurrent can only be used with replicated-job mode");
	if (strcmp(mode, "global") == 0 || strcmp(mode, "global-job") == 0) {
		if (args_has(a, "replicas"))
			return fail(
				e, ERR_INVALID,
				"replicas can only be used with replicated or replicated-job mode");
		if (args_has(a, "replicas-max-per-node"))
			return fail(e, ERR_INVALID,
				    "replicas-max-per-node can only be used with replicated "
				    "or replicated-job mode");
		field_put(spec, strcmp(mode, "global") == 0 ? "Mode.Global" : "Mode.GlobalJob",
			  json_object());
	} else if (is_job) {
		field_put(spec, "Mode.ReplicatedJob.TotalCompletions", json_integer(replicas));
		field_put(spec, "Mode.ReplicatedJob.MaxConcurrent",
			  json_integer(args_has(a, "max-concurrent") ? args_int(a, "max-concurrent")
								     : replicas));
	} else if (strcmp(mode, "replicated") == 0) {
		field_put(spec, "Mode.Replicated", json_object());
		if (args_has(a, "replicas"))
			field_put(spec, "Mode.Replicated.Replicas", json_integer(replicas));
	} else {
		return fail(e, ERR_INVALID,
			    "Unknown mode: %s, only replicated and global supported", mode);
	}
	return true;
}

static bool change_mode(const struct args *a, json_t *spec, struct err *e)
{
	json_t *job = field_at(spec, "Mode.ReplicatedJob");

	if (args_has(a, "replicas")) {
		if (field_at(spec, "Mode.Replicated"))
			field_put(spec, "Mode.Replicated.Replicas", value_json(a, "replicas"));
		else if (job)
			field_put(job, "TotalCompletions", value_json(a, "replicas"));
		else
			return fail(
				e, ERR_INVALID,
				"replicas can only be used with replicated or replicated-job mode");
	}
	if (args_has(a, "max-concurrent")) {
		if (!job)
			return fail(e, ERR_INVALID,
				    "max-concurrent can only be used with replicated-job mode");
		field_put(job, "MaxConcurrent", value_json(a, "max-concurrent"));
	}
	return true;
}

struct list_names list_names(const char *stem, bool is_update)
{
	struct list_names names = { 0 };

	(void)snprintf(names.add, sizeof(names.add), "%s%s", stem, is_update ? "-add" : "");
	if (is_update)
		(void)snprintf(names.remove, sizeof(names.remove), "%s-rm", stem);
	return names;
}

bool list_is_given(const struct args *a, const char *stem, bool is_update)
{
	struct list_names names = list_names(stem, is_update);

	return args_has(a, names.add) || (is_update && args_has(a, names.remove));
}

json_t *service_spec_new(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *spec = json_object();

	field_put_text(spec, "Name", args_text(a, "name"));
	field_put(spec, "Labels", json_object());
	field_put_text(spec, CONTAINER_SPEC ".Image", a->words[0]);
	if (a->word_count > 1)
		field_put(spec, CONTAINER_SPEC ".Args", text_list(a->words + 1, a->word_count - 1));
	field_put(spec, CONTAINER_SPEC ".Init", json_false());
	field_put(spec, CONTAINER_SPEC ".DNSConfig", json_object());
	field_put(spec, RESOURCES ".Limits", json_object());
	field_put(spec, RESOURCES ".Reservations", json_object());
	field_put(spec, "TaskTemplate.Placement", json_object());
	field_put(spec, "TaskTemplate.ForceUpdate", json_integer(0));
	field_put_text(spec, "EndpointSpec.Mode", args_text(a, "endpoint-mode"));
	put_values(a, spec);
	put_log_driver(a, spec);
	if (!put_words(a, "entrypoint", spec, CONTAINER_SPEC ".Command", e) ||
	    !put_health(a, spec, e) || !put_mode(a, spec, e) ||
	    !service_put_lists(a, spec, false, e) || !service_put_refs(c, a, spec, false, e))
		return NULL;
	return json_incref(spec);
}

bool service_spec_change(struct cli *c, const struct args *a, json_t *spec, struct err *e)
{
	if (args_has(a, "image"))
		field_put_text(spec, CONTAINER_SPEC ".Image", args_text(a, "image"));
	if (args_bool(a, "force"))
		field_put(spec, "TaskTemplate.ForceUpdate",
			  json_integer(field_int(spec, "TaskTemplate.ForceUpdate") + 1));
	put_values(a, spec);
	put_log_driver(a, spec);
	return put_words(a, "entrypoint", spec, CONTAINER_SPEC ".Command", e) &&
	       put_words(a, "args", spec, CONTAINER_SPEC ".Args", e) && put_health(a, spec, e) &&
	       change_mode(a, spec, e) && service_put_lists(a, spec, true, e) &&
	       service_put_refs(c, a, spec, true, e);
}
