/* `exec`: another process in a container that runs. */
#include <string.h>

#include "base/mem.h"
#include "cli/container.h"
#include "template/field.h"
#include "cli/files.h"
#include "cli/pairs.h"
#include "cli/session.h"
#include "cli/values.h"

struct exec {
	struct cli *c;
	const char *id;
};

static const struct value_row values[] = {
	{ "user", "User" },     { "privileged", "Privileged" },
	{ "tty", "Tty" },       { "workdir", "WorkingDir" },
	{ "detach", "Detach" }, { "detach-keys", "DetachKeys" },
};

static void add_pair(void *self, const char *pair)
{
	json_array_append_new(self, json_string(pair));
}

static json_t *exec_body(const struct args *a, struct err *e)
{
	AUTO_JSON json_t *body = json_object();
	bool attaches = !args_bool(a, "detach");
	const char *const *list;
	size_t count;

	values_put(values, ARRAY_LEN(values), a, body);
	field_put(body, "AttachStdin", json_boolean(attaches && args_bool(a, "interactive")));
	field_put(body, "AttachStdout", json_boolean(attaches));
	field_put(body, "AttachStderr", json_boolean(attaches));
	list = args_list(a, "env-file", &count);
	for (size_t i = 0; i < count; i++)
		if (!file_read_pairs(list[i], true, add_pair, field_array(body, "Env"), e))
			return NULL;
	list = args_list(a, "env", &count);
	for (size_t i = 0; i < count; i++) {
		const char *here = strchr(list[i], '=') ? NULL : getenv(list[i]);
		AUTO_FREE char *pair = here ? xasprintf("%s=%s", list[i], here) : NULL;

		add_pair(field_array(body, "Env"), pair ? pair : list[i]);
	}
	field_put(body, "Cmd", text_list(a->words + 1, a->word_count - 1));
	return json_incref(body);
}

static void send_size(void *self, unsigned rows, unsigned columns)
{
	struct exec *x = self;
	AUTO_FREE char *path = path_of("/exec/%s/resize", x->id);
	AUTO_QUERY struct query q = QUERY;
	struct err ignored;

	query_add_int(&q, "h", rows);
	query_add_int(&q, "w", columns);
	(void)!client_post(x->c->client, path, &q, NULL, NULL, &ignored);
}

static bool exec_attached(struct exec *x, const struct args *a, const json_t *start, struct err *e)
{
	AUTO_FREE char *path = path_of("/exec/%s/start", x->id),
		       *json_path = path_of("/exec/%s/json", x->id);
	struct request r = { .method = "POST", .path = path, .json = start, .upgrade = true };
	bool is_tty = args_bool(a, "tty"), detached, ok;
	struct session s = { .is_tty = is_tty,
			     .takes_input = args_bool(a, "interactive"),
			     .detach_keys = args_text(a, "detach-keys"),
			     .self = x,
			     .resize = is_tty ? send_size : NULL };
	AUTO_JSON json_t *end = NULL;

	session_catch_signals(false);
	s.stream = client_open(x->c->client, &r, e);
	if (!s.stream)
		return false;
	session_send_size(&s);
	ok = session_run(&s, &detached, e);
	stream_free(s.stream);
	if (!ok || detached)
		return ok;
	end = client_get(x->c->client, json_path, NULL, e);
	x->c->status = (int)field_int(end, "ExitCode");
	return end != NULL;
}

bool container_exec(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *look = path_of("/containers/%s/json", a->words[0]);
	AUTO_FREE char *path = path_of("/containers/%s/exec", a->words[0]), *start_path = NULL;
	AUTO_JSON json_t *container = NULL, *body = NULL, *answer = NULL, *start = json_object();
	struct exec x = { .c = c };

	if (!args_bool(a, "detach") && args_bool(a, "tty") && args_bool(a, "interactive") &&
	    !c->in_is_tty)
		return fail(e, ERR_INVALID, "the input device is not a TTY");
	body = exec_body(a, e);
	/* The engine's word on a container that is not there is better than its word on an exec in it. */
	container = body ? client_get(c->client, look, NULL, e) : NULL;
	if (!container || !client_post(c->client, path, NULL, body, &answer, e))
		return false;
	x.id = field_text(answer, "Id");
	field_put(start, "Detach", json_boolean(args_bool(a, "detach")));
	field_put(start, "Tty", json_boolean(args_bool(a, "tty")));
	if (!args_bool(a, "detach"))
		return exec_attached(&x, a, start, e);
	start_path = path_of("/exec/%s/start", x.id);
	return client_post(c->client, start_path, NULL, start, NULL, e);
}
