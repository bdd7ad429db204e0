#include "sim/service_words.h"

#include <string.h>

#include "base/mem.h"

struct word {
	const char *text;
	int value;
};

static const struct word conditions[] = {
	{ "none", PB__RESTART_POLICY__RESTART_CONDITION__NONE },
	{ "on-failure", PB__RESTART_POLICY__RESTART_CONDITION__ON_FAILURE },
	{ "any", PB__RESTART_POLICY__RESTART_CONDITION__ANY },
	{ 0 },
};
static const struct word orders[] = {
	{ "stop-first", PB__UPDATE_CONFIG__UPDATE_ORDER__STOP_FIRST },
	{ "start-first", PB__UPDATE_CONFIG__UPDATE_ORDER__START_FIRST },
	{ 0 },
};
static const struct word failure_actions[] = {
	{ "pause", PB__UPDATE_CONFIG__FAILURE_ACTION__PAUSE },
	{ "continue", PB__UPDATE_CONFIG__FAILURE_ACTION__CONTINUE },
	{ "rollback", PB__UPDATE_CONFIG__FAILURE_ACTION__ROLLBACK },
	{ 0 },
};

static bool word_parse(const struct word *words, const char *text, int *value, struct err *e)
{
	for (; words->text; words++) {
		if (strcmp(words->text, text) != 0)
			continue;
		*value = words->value;
		return true;
	}
	return fail(e, ERR_INVALID, "no such choice: %s", text);
}

static bool number_parse(const char *text, uint64_t *value, struct err *e)
{
	return str_to_u64(str_of(text), value) || fail(e, ERR_INVALID, "not a number: %s", text);
}

bool span_parse(const char *text, int64_t *ms, struct err *e)
{
	static const struct word units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { 0 }
	};
	size_t digits = strspn(text, "0123456789");
	uint64_t count;

	for (const struct word *u = units; u->text; u++) {
		if (strcmp(text + digits, u->text) != 0 ||
		    !str_to_u64((struct str){ text, digits }, &count) || count > 1000000)
			continue;
		*ms = (int64_t)count * u->value;
		return true;
	}
	return fail(e, ERR_INVALID, "not a duration: %s", text);
}

static bool duration_parse(struct arena *a, const char *text, Pb__Duration **to, struct err *e)
{
	int64_t ms;

	if (!span_parse(text, &ms, e))
		return false;
	*to = PB_NEW(a, duration);
	(*to)->seconds = ms / 1000;
	(*to)->nanos = (int32_t)(ms % 1000) * 1000000;
	return true;
}

/* With the reference client's defaults. */
static Pb__RestartPolicy *restart_of(struct arena *a, Pb__ServiceSpec *spec)
{
	if (!spec->task->restart) {
		spec->task->restart = PB_NEW(a, restart_policy);
		spec->task->restart->condition = PB__RESTART_POLICY__RESTART_CONDITION__ANY;
	}
	return spec->task->restart;
}

static Pb__UpdateConfig *update_of(struct arena *a, Pb__ServiceSpec *spec)
{
	if (!spec->update) {
		spec->update = PB_NEW(a, update_config);
		spec->update->parallelism = 1;
	}
	return spec->update;
}

typedef bool setter(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e);

static bool set_replicas(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e)
{
	if (spec->mode_case != PB__SERVICE_SPEC__MODE_REPLICATED)
		return fail(e, ERR_INVALID, "it is not replicated");
	return number_parse(value, &spec->replicated->replicas, e);
}

static bool set_image(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e)
{
	spec->task->container->image = value;
	return true;
}

static bool set_constraint(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e)
{
	if (!spec->task->placement)
		spec->task->placement = PB_NEW(a, placement);
	PB_APPEND(a, spec->task->placement, constraints, value);
	return true;
}

static bool set_mode(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e)
{
	if (strcmp(value, "global") != 0)
		return fail(e, ERR_INVALID, "no such mode: %s", value);
	spec->mode_case = PB__SERVICE_SPEC__MODE_GLOBAL;
	spec->global = PB_NEW(a, global_service);
	return true;
}

static bool set_condition(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e)
{
	int condition;

	if (!word_parse(conditions, value, &condition, e))
		return false;
	restart_of(a, spec)->condition = condition;
	return true;
}

static bool set_restart_delay(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e)
{
	return duration_parse(a, value, &restart_of(a, spec)->delay, e);
}

static bool set_attempts(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e)
{
	return number_parse(value, &restart_of(a, spec)->max_attempts, e);
}

static bool set_order(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e)
{
	int order;

	if (!word_parse(orders, value, &order, e))
		return false;
	update_of(a, spec)->order = order;
	return true;
}

static bool set_failure_action(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e)
{
	int action;

	if (!word_parse(failure_actions, value, &action, e))
		return false;
	update_of(a, spec)->failure_action = action;
	return true;
}

static bool set_parallelism(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e)
{
	return number_parse(value, &update_of(a, spec)->parallelism, e);
}

static bool set_update_delay(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e)
{
	return duration_parse(a, value, &update_of(a, spec)->delay, e);
}

static bool set_monitor(struct arena *a, Pb__ServiceSpec *spec, char *value, struct err *e)
{
	return duration_parse(a, value, &update_of(a, spec)->monitor, e);
}

static const struct option_row {
	const char *name;
	setter *set;
} options[] = {
	{ "--replicas", set_replicas },
	{ "--image", set_image },
	{ "--constraint", set_constraint },
	{ "--mode", set_mode },
	{ "--restart-condition", set_condition },
	{ "--restart-delay", set_restart_delay },
	{ "--restart-max-attempts", set_attempts },
	{ "--update-order", set_order },
	{ "--update-failure-action", set_failure_action },
	{ "--update-parallelism", set_parallelism },
	{ "--update-delay", set_update_delay },
	{ "--update-monitor", set_monitor },
};

static setter *find_setter(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return options[i].set;
	return NULL;
}

Pb__ServiceSpec *service_words_spec(struct arena *a, const char *name)
{
	Pb__ServiceSpec *spec = PB_NEW(a, service_spec);

	spec->annotations->name = arena_strdup(a, name);
	spec->task->runtime_case = PB__TASK_SPEC__RUNTIME_CONTAINER;
	spec->task->container = PB_NEW(a, container_spec);
	spec->task->container->image = arena_strdup(a, "nginx");
	spec->mode_case = PB__SERVICE_SPEC__MODE_REPLICATED;
	spec->replicated = PB_NEW(a, replicated_service);
	spec->replicated->replicas = 1;
	return spec;
}

bool service_words_apply(struct arena *a, Pb__ServiceSpec *spec, char **words, size_t count,
			 struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		setter *set = find_setter(words[i]);

		if (strcmp(words[i], "--force") == 0) {
			spec->task->force_update++;
			continue;
		}
		if (!set)
			return fail(e, ERR_INVALID, "no such option: %s", words[i]);
		if (i + 1 == count)
			return fail(e, ERR_INVALID, "%s needs a value", words[i]);
		i++;
		if (!set(a, spec, words[i], e))
			return while_doing(e, "%s", words[i - 1]);
	}
	return true;
}
