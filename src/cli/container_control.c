/* What is done to containers by one call each, and what is asked about one. */
#include "cli/container_control.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/container_body.h"
#include "template/field.h"
#include "console/format.h"
#include "cli/inspect.h"
#include "cli/output.h"
#include "cli/prune.h"
#include "console/table.h"
#include "wire/ref.h"

static bool post(struct cli *c, const char *name, const char *verb, const struct query *q,
		 struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s/%s", name, verb);

	return client_post(c->client, path, q, NULL, NULL, e);
}

static bool stop_one(struct cli *c, const struct args *a, const char *name, struct err *e)
{
	AUTO_QUERY struct query q = QUERY;

	if (args_has(a, "signal"))
		query_add(&q, "signal", args_text(a, "signal"));
	if (args_has(a, "timeout") || args_has(a, "time"))
		query_add_int(&q, "t", args_int(a, args_has(a, "timeout") ? "timeout" : "time"));
	return post(c, name, strstr(c->command->name, "restart") ? "restart" : "stop", &q, e);
}

static bool kill_one(struct cli *c, const struct args *a, const char *name, struct err *e)
{
	AUTO_QUERY struct query q = QUERY;

	if (args_has(a, "signal"))
		query_add(&q, "signal", args_text(a, "signal"));
	return post(c, name, "kill", &q, e);
}

static bool pause_one(struct cli *c, const struct args *a, const char *name, struct err *e)
{
	return post(c, name, strstr(c->command->name, "unpause") ? "unpause" : "pause", NULL, e);
}

static bool remove_one(struct cli *c, const struct args *a, const char *name, struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s", name + (*name == '/'));
	AUTO_QUERY struct query q = QUERY;

	query_add_flag(&q, "force", args_bool(a, "force"));
	query_add_flag(&q, "link", args_bool(a, "link"));
	query_add_flag(&q, "v", args_bool(a, "volumes"));
	return client_delete(c->client, path, &q, NULL, e);
}

/* With --force what is not there is as good as removed: it is said, and no failure. */
static bool remove_or_say(struct cli *c, const struct args *a, const char *name, struct err *e)
{
	if (remove_one(c, a, name, e)) {
		printf("%s\n", name);
		return true;
	}
	if (!args_bool(a, "force") || e->kind != ERR_NOT_FOUND)
		return false;
	fprintf(stderr, "%s\n", e->text);
	return true;
}

static bool wait_one(struct cli *c, const struct args *a, const char *name, struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s/wait", name);
	AUTO_JSON json_t *answer = NULL;

	if (!client_post(c->client, path, NULL, NULL, &answer, e))
		return false;
	if (*field_text(answer, "Error.Message"))
		return fail(e, ERR_INTERNAL, "%s", field_text(answer, "Error.Message"));
	printf("%lld\n", (long long)field_int(answer, "StatusCode"));
	return true;
}

bool container_stop(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, true, stop_one);
	return true;
}

bool container_kill(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, true, kill_one);
	return true;
}

bool container_pause(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, true, pause_one);
	return true;
}

bool container_remove(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, false, remove_or_say);
	return true;
}

bool container_wait(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, false, wait_one);
	return true;
}

bool container_rename(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_QUERY struct query q = QUERY;

	query_add(&q, "name", a->words[1]);
	return post(c, a->words[0], "rename", &q, e) ||
	       while_doing(e, "failed to rename container named %s", a->words[0]);
}

bool container_update(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *body = container_update_body(a, e);

	if (!body)
		return false;
	if (json_object_size(body) == 0)
		return fail(e, ERR_INVALID,
			    "you must provide one or more flags when using this command");
	for (size_t i = 0; i < a->word_count; i++) {
		AUTO_FREE char *path = path_of("/containers/%s/update", a->words[i]);
		AUTO_JSON json_t *answer = NULL;
		struct err why;

		if (!client_post(c->client, path, NULL, body, &answer, &why)) {
			cli_complain(c, &why);
			continue;
		}
		printf("%s\n", a->words[i]);
		for (size_t j = 0; j < field_count(answer, "Warnings"); j++)
			fprintf(stderr, "%s\n",
				field_text(json_array_get(field_at(answer, "Warnings"), j), ""));
	}
	return true;
}

static bool fetch(struct cli *c, const struct args *a, const char *word, struct buf *text,
		  struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s/json", word);
	AUTO_QUERY struct query q = QUERY;

	query_add_flag(&q, "size", args_bool(a, "size"));
	return client_get_text(c->client, path, &q, text, e);
}

bool container_inspect(struct cli *c, const struct args *a, struct err *e)
{
	return inspect_print(c, a, fetch, e);
}

bool container_prune(struct cli *c, const struct args *a, struct err *e)
{
	return prune_command(c, a, &prune_containers, e);
}

bool container_diff(struct cli *c, const struct args *a, struct err *e)
{
	static const char kinds[] = "CAD";
	AUTO_FREE char *path = path_of("/containers/%s/changes", a->words[0]);
	AUTO_JSON json_t *changes = client_get(c->client, path, NULL, e);

	if (!changes)
		return false;
	for (size_t i = 0; i < json_array_size(changes); i++) {
		const json_t *change = json_array_get(changes, i);
		int64_t kind = field_int(change, "Kind");

		printf("%c %s\n", kind >= 0 && kind < 3 ? kinds[kind] : '?',
		       field_text(change, "Path"));
	}
	return true;
}

bool container_export(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s/export", a->words[0]);
	struct request r = { .method = "GET", .path = path };

	return output_save(c, &r, args_text(a, "output"), "export", e);
}

bool container_commit(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_QUERY struct query q = QUERY;
	AUTO_JSON json_t *answer = NULL;
	AUTO_FREE char *name = NULL;
	const char *const *changes;
	struct ref ref = { 0 };
	size_t count;

	if (a->word_count > 1) {
		if (!ref_parse(str_of(a->words[1]), &ref, e))
			return false;
		ref_default_tag(&ref);
		name = xasprintf("%s/%s", ref.domain, ref.path);
	}
	query_add(&q, "author", args_text(a, "author"));
	changes = args_list(a, "change", &count);
	for (size_t i = 0; i < count; i++)
		query_add(&q, "changes", changes[i]);
	query_add(&q, "comment", args_text(a, "message"));
	query_add(&q, "container", a->words[0]);
	if (!args_bool(a, "pause"))
		query_add(&q, "pause", "0");
	if (name) {
		query_add(&q, "repo", name);
		query_add(&q, "tag", ref.tag);
	}
	if (!client_post(c->client, "/commit", &q, NULL, &answer, e))
		return false;
	printf("%s\n", field_text(answer, "Id"));
	return true;
}

bool container_top(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s/top", a->words[0]);
	AUTO_BUF struct buf options = BUF_MAX(65536), lines = BUF_MAX(16 << 20),
			    out = BUF_MAX(32 << 20);
	AUTO_JSON json_t *answer = NULL;
	AUTO_QUERY struct query q = QUERY;

	for (size_t i = 1; i < a->word_count; i++)
		buf_printf(&options, "%s%s", i > 1 ? " " : "", a->words[i]);
	if (options.len)
		query_add(&q, "ps_args", options.data);
	answer = client_get(c->client, path, &q, e);
	if (!answer)
		return false;
	for (size_t row = 0; row <= field_count(answer, "Processes"); row++) {
		const json_t *cells = row ? json_array_get(field_at(answer, "Processes"), row - 1)
					  : field_at(answer, "Titles");

		for (size_t i = 0; i < json_array_size(cells); i++)
			buf_printf(&lines, "%s%s", i ? "\t" : "",
				   field_text(json_array_get(cells, i), ""));
		buf_append_char(&lines, '\n');
	}
	table_layout_wide(buf_str(&lines), 20, &out);
	printf("%s", buf_str(&out).ptr);
	return true;
}

static void print_address(const json_t *binding)
{
	const char *ip = field_text(binding, "HostIp");

	bool is_ipv6 = strchr(ip, ':') != NULL;

	printf("%s%s%s:%s\n", is_ipv6 ? "[" : "", ip, is_ipv6 ? "]" : "",
	       field_text(binding, "HostPort"));
}

static int by_port(const void *pa, const void *pb)
{
	const char *a = *(const char *const *)pa, *b = *(const char *const *)pb;
	long x = atol(a), y = atol(b);

	return x != y ? (x < y ? -1 : 1) : strcmp(a, b);
}

bool container_port(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s/json", a->words[0]), *wanted = NULL;
	AUTO_JSON json_t *o = client_get(c->client, path, NULL, e);
	const json_t *ports = field_at(o, "NetworkSettings.Ports");
	AUTO_FREE const char **keys = NULL;
	size_t count;
	bool any = false;

	if (!o)
		return false;
	if (a->word_count > 1)
		wanted = xasprintf("%s%s", a->words[1], strchr(a->words[1], '/') ? "" : "/tcp");
	keys = field_keys(ports, &count);
	qsort(keys, count, sizeof(*keys), by_port);
	for (size_t i = 0; i < count; i++) {
		const json_t *bindings = json_object_get(ports, keys[i]);

		if (wanted && strcmp(wanted, keys[i]) != 0)
			continue;
		for (size_t j = 0; j < json_array_size(bindings); j++) {
			if (!wanted)
				printf("%s -> ", keys[i]);
			print_address(json_array_get(bindings, j));
			any = true;
		}
	}
	if (wanted && !any)
		return fail(e, ERR_NOT_FOUND, "Error: No public port '%s' published for %s",
			    a->words[1], a->words[0]);
	return true;
}
