/* Making, updating, scaling and rolling back services. */
#include "cli/service.h"

#include <string.h>

#include "base/mem.h"
#include "cli/auth.h"
#include "cli/converge.h"
#include "template/field.h"
#include "cli/service_spec.h"

static void print_warnings(const json_t *answer)
{
	const json_t *list = field_at(answer, "Warnings");

	if (*field_text(answer, "Warning"))
		fprintf(stderr, "%s\n", field_text(answer, "Warning"));
	for (size_t i = 0; i < json_array_size(list); i++)
		fprintf(stderr, "%s\n", field_text(json_array_get(list, i), ""));
}

static char *wanted_auth(struct cli *c, const struct args *a, const json_t *spec)
{
	if (!args_bool(a, "with-registry-auth"))
		return NULL;
	return auth_header_for_image(c, field_text(spec, CONTAINER_SPEC ".Image"));
}

bool service_create(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *spec = service_spec_new(c, a, e), *answer = NULL;
	AUTO_FREE char *auth = NULL;
	struct request r = { .method = "POST", .path = "/services/create" };

	if (!spec || !service_pin_image(c, a, spec, true, e))
		return false;
	r.json = spec;
	r.auth = auth = wanted_auth(c, a, spec);
	if (!client_call(c->client, &r, &answer, e))
		return false;
	print_warnings(answer);
	printf("%s\n", field_text(answer, "ID"));
	return args_bool(a, "detach") ||
	       converge(c, field_text(answer, "ID"), args_bool(a, "quiet"), e);
}

bool service_post_update(struct cli *c, const json_t *service, const struct query *more,
			 const char *auth, struct err *e)
{
	AUTO_FREE char *path = path_of("/services/%s/update", field_text(service, "ID"));
	AUTO_JSON json_t *answer = NULL;
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "POST",
			     .path = path,
			     .query = &q,
			     .auth = auth,
			     .json = field_at(service, "Spec") };

	query_add_int(&q, "version", field_int(service, "Version.Index"));
	if (more && more->text.len)
		buf_printf(&q.text, "&%s", more->text.data);
	if (!client_call(c->client, &r, &answer, e))
		return false;
	print_warnings(answer);
	return true;
}

/* Options that go with --rollback; any other is a contradiction. */
static bool only_rollback(const struct args *a, struct err *e)
{
	static const char *const allowed[] = { "rollback", "detach", "quiet", "with-registry-auth",
					       "no-resolve-image" };

	for (size_t i = 0; i < a->value_count; i++) {
		bool is_allowed = !a->values[i].is_given;

		for (size_t j = 0; j < ARRAY_LEN(allowed); j++)
			is_allowed =
				is_allowed || strcmp(a->values[i].option->name, allowed[j]) == 0;
		if (!is_allowed)
			return fail(e, ERR_INVALID,
				    "other flags may not be combined with --rollback");
	}
	return true;
}

bool service_update(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *service = service_fetch(c, a->words[0], false, e);
	bool is_rollback = args_bool(a, "rollback");
	AUTO_QUERY struct query q = QUERY;
	AUTO_FREE char *auth = NULL;
	json_t *spec;

	if (!service)
		return false;
	spec = field_object(service, "Spec");
	if (is_rollback) {
		if (!only_rollback(a, e))
			return false;
		query_add(&q, "rollback", "previous");
	} else if (!service_spec_change(c, a, spec, e)) {
		return false;
	}
	if (args_has(a, "image") && !service_pin_image(c, a, spec, false, e))
		return false;
	auth = wanted_auth(c, a, spec);
	if (!auth)
		query_add(&q, "registryAuthFrom", "spec");
	if (!service_post_update(c, service, &q, auth, e))
		return false;
	printf("%s\n", a->words[0]);
	return args_bool(a, "detach") || converge(c, a->words[0], args_bool(a, "quiet"), e);
}

bool service_rollback(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *service = service_fetch(c, a->words[0], false, e);
	AUTO_QUERY struct query q = QUERY;

	if (!service)
		return false;
	query_add(&q, "rollback", "previous");
	if (!service_post_update(c, service, &q, NULL, e))
		return false;
	printf("%s\n", a->words[0]);
	return args_bool(a, "detach") || converge(c, a->words[0], args_bool(a, "quiet"), e);
}

static bool scale_one(struct cli *c, const char *name, uint64_t replicas, struct err *e)
{
	AUTO_JSON json_t *service = service_fetch(c, name, false, e);

	if (!service)
		return false;
	if (field_at(service, "Spec.Mode.Replicated"))
		field_put(service, "Spec.Mode.Replicated.Replicas",
			  json_integer((json_int_t)replicas));
	else if (field_at(service, "Spec.Mode.ReplicatedJob"))
		field_put(service, "Spec.Mode.ReplicatedJob.TotalCompletions",
			  json_integer((json_int_t)replicas));
	else
		return fail(e, ERR_INVALID,
			    "scale can only be used with replicated or replicated-job mode");
	return service_post_update(c, service, NULL, NULL, e);
}

/* "web=5": the name and the number. */
static bool read_scale(const struct cli *c, const char *word, char **name, uint64_t *replicas,
		       struct err *e)
{
	struct str head, tail;

	if (!str_cut(str_of(word), '=', &head, &tail))
		return fail(e, ERR_INVALID, "invalid scale specifier '%s'.\nSee 'shoal %s --help'.",
			    word, c->command_name);
	*name = str_dup(head);
	if (!str_to_u64(tail, replicas))
		return fail(e, ERR_INVALID, "%s: invalid replicas value %.*s: give a number", *name,
			    STR_FMT(tail));
	return true;
}

bool service_scale(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE bool *done = xcalloc(a->word_count, sizeof(*done));
	uint64_t replicas;

	/* All words are read before anything is changed. */
	for (size_t i = 0; i < a->word_count; i++) {
		AUTO_FREE char *name = NULL;

		if (!read_scale(c, a->words[i], &name, &replicas, e))
			return false;
	}
	for (size_t i = 0; i < a->word_count; i++) {
		AUTO_FREE char *name = NULL;
		struct err why;

		done[i] = read_scale(c, a->words[i], &name, &replicas, &why) &&
			  scale_one(c, name, replicas, &why);
		if (done[i]) {
			printf("%s scaled to %llu\n", name, (unsigned long long)replicas);
		} else {
			(void)while_doing(&why, "%s", name ? name : a->words[i]);
			cli_complain(c, &why);
		}
	}
	for (size_t i = 0; i < a->word_count && !args_bool(a, "detach"); i++) {
		AUTO_FREE char *name = NULL;
		struct err why;

		if (done[i] && !(read_scale(c, a->words[i], &name, &replicas, &why) &&
				 converge(c, name, false, &why)))
			cli_complain(c, &why);
	}
	return true;
}
