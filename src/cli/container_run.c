/* Running containers: create, run, start, attach. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/container.h"
#include "cli/container_body.h"
#include "template/field.h"
#include "cli/image.h"
#include "cli/session.h"
#include "wire/ref.h"

#define STATUS_DAEMON    125
#define STATUS_NO_EXEC   126
#define STATUS_NOT_FOUND 127

/* A container that somebody is attached to. */
struct attached {
	struct cli *c;
	char *id;
	struct stream *wait, *stream;
};

static void attached_clear(struct attached *at)
{
	stream_free(at->wait);
	stream_free(at->stream);
	free(at->id);
}

static void send_size(void *self, unsigned rows, unsigned columns)
{
	struct attached *at = self;
	AUTO_FREE char *path = path_of("/containers/%s/resize", at->id);
	AUTO_QUERY struct query q = QUERY;
	struct err ignored;

	query_add_int(&q, "h", rows);
	query_add_int(&q, "w", columns);
	(void)!client_post(at->c->client, path, &q, NULL, NULL, &ignored);
}

static void send_signal(void *self, const char *name)
{
	struct attached *at = self;
	AUTO_FREE char *path = path_of("/containers/%s/kill", at->id);
	AUTO_QUERY struct query q = QUERY;
	struct err ignored;

	query_add(&q, "signal", name);
	(void)!client_post(at->c->client, path, &q, NULL, NULL, &ignored);
}

/* Ask for the exit code before the container can end; the answer comes when it does. */
static bool open_wait(struct attached *at, const char *condition, struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s/wait", at->id);
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "POST", .path = path, .query = &q };

	if (condition)
		query_add(&q, "condition", condition);
	at->wait = client_open(at->c->client, &r, e);
	return at->wait != NULL;
}

static bool open_attach(struct attached *at, bool in, bool out, bool err, const char *detach_keys,
			struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s/attach", at->id);
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "POST", .path = path, .query = &q, .upgrade = true };

	if (*detach_keys)
		query_add(&q, "detachKeys", detach_keys);
	query_add_flag(&q, "stderr", err);
	query_add_flag(&q, "stdin", in);
	query_add_flag(&q, "stdout", out);
	query_add_flag(&q, "stream", true);
	at->stream = client_open(at->c->client, &r, e);
	return at->stream != NULL;
}

/* The exit code becomes ours. */
static bool read_exit(struct attached *at, struct err *e)
{
	AUTO_JSON json_t *answer = NULL;
	struct str line;
	bool ended;

	if (!stream_line(at->wait, &line, &ended, e))
		return ended ? fail(e, ERR_UNAVAILABLE,
				    "the daemon did not say how the container ended")
			     : false;
	answer = json_loadb(line.ptr, line.len, 0, NULL);
	if (*field_text(answer, "Error.Message"))
		return fail(e, ERR_INTERNAL, "%s", field_text(answer, "Error.Message"));
	at->c->status = (int)field_int(answer, "StatusCode");
	return true;
}

/* The shells' codes for what cannot be run. */
static void set_start_status(struct cli *c, const struct err *e)
{
	if (strstr(e->text, "executable file not found") ||
	    strstr(e->text, "no such file or directory"))
		c->status = STATUS_NOT_FOUND;
	else if (strstr(e->text, "permission denied") || strstr(e->text, "is a directory"))
		c->status = STATUS_NO_EXEC;
	else
		c->status = STATUS_DAEMON;
}

static bool start(struct cli *c, const char *id, struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s/start", id);

	return client_post(c->client, path, NULL, NULL, NULL, e);
}

/* Talk until the container ends or the user detaches. */
static bool talk(struct attached *at, bool is_tty, bool takes_input, bool passes_signals,
		 const char *detach_keys, struct err *e)
{
	struct session s = {
		.stream = at->stream,
		.is_tty = is_tty,
		.takes_input = takes_input,
		.passes_signals = passes_signals && !is_tty,
		.detach_keys = detach_keys,
		.self = at,
		.resize = is_tty ? send_size : NULL,
		.signal = send_signal,
	};
	bool detached;

	if (is_tty)
		session_send_size(&s);
	if (!session_run(&s, &detached, e))
		return false;
	return detached || read_exit(at, e);
}

static bool write_id_file(const char *path, const char *id, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool ok;

	if (fd < 0)
		return errno == EEXIST
			       ? fail(e, ERR_CONFLICT,
				      "container ID file found, make sure the other container isn't "
				      "running or delete %s",
				      path)
			       : fail_sys(e, errno, "create %s", path);
	ok = write(fd, id, strlen(id)) == (ssize_t)strlen(id);
	close(fd);
	return ok || fail(e, ERR_INTERNAL, "failed to write the container ID to %s", path);
}

static bool pull_for_run(struct cli *c, const struct args *a, struct err *e)
{
	return image_fetch(c, a->words[0], args_text(a, "platform"), args_bool(a, "quiet"), true,
			   e);
}

static void say_not_here(const char *image)
{
	char text[REF_TEXT_MAX + 1];
	struct err ignored;
	struct ref ref;

	if (!ref_parse(str_of(image), &ref, &ignored))
		return;
	ref_default_tag(&ref);
	ref_familiar(&ref, text);
	fprintf(stderr, "Unable to find image '%s' locally\n", text);
}

/* Create the container, pulling the image if need be; its id, which the caller frees. */
static char *create(struct cli *c, const struct args *a, const json_t *body, struct err *e)
{
	const char *when = args_text(a, "pull"), *cidfile = args_text(a, "cidfile");
	AUTO_JSON json_t *answer = NULL;
	AUTO_QUERY struct query q = QUERY;
	bool ok;

	if (strcmp(when, "always") != 0 && strcmp(when, "missing") != 0 &&
	    strcmp(when, "never") != 0)
		return fail(e, ERR_INVALID,
			    "invalid pull option: '%s': must be one of \"always\", "
			    "\"missing\" or \"never\"",
			    when),
		       NULL;
	if (*cidfile && access(cidfile, F_OK) == 0)
		return fail(e, ERR_CONFLICT,
			    "container ID file found, make sure the other container isn't "
			    "running or delete %s",
			    cidfile),
		       NULL;
	if (strcmp(when, "always") == 0 && !pull_for_run(c, a, e))
		return NULL;
	if (args_has(a, "name"))
		query_add(&q, "name", args_text(a, "name"));
	if (args_has(a, "platform"))
		query_add(&q, "platform", args_text(a, "platform"));
	ok = client_post(c->client, "/containers/create", &q, body, &answer, e);
	if (!ok && e->kind == ERR_NOT_FOUND && strstr(e->text, "No such image") &&
	    strcmp(when, "missing") == 0) {
		if (!args_bool(a, "quiet"))
			say_not_here(a->words[0]);
		ok = pull_for_run(c, a, e) &&
		     client_post(c->client, "/containers/create", &q, body, &answer, e);
	}
	if (!ok)
		return NULL;
	for (size_t i = 0; i < field_count(answer, "Warnings"); i++)
		fprintf(stderr, "WARNING: %s\n",
			field_text(json_array_get(field_at(answer, "Warnings"), i), ""));
	if (*cidfile && !write_id_file(cidfile, field_text(answer, "Id"), e))
		return NULL;
	return xstrdup(field_text(answer, "Id"));
}

bool container_create(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *body = container_body(c, a, false, e);
	AUTO_FREE char *id = body ? create(c, a, body, e) : NULL;

	if (id)
		printf("%s\n", id);
	return id != NULL;
}

/* A failed start has a code of its own, and the sentence of any failure. */
static bool start_or_explain(struct attached *at, const struct args *a, struct err *e)
{
	struct cli *c = at->c;

	if (start(c, at->id, e))
		return true;
	set_start_status(c, e);
	fprintf(stderr, "shoal: %s\n\nRun 'shoal %s --help' for more information\n", e->text,
		c->command_name);
	return false;
}

bool container_run(struct cli *c, const struct args *a, struct err *e)
{
	bool detaches = args_bool(a, "detach"), is_tty = args_bool(a, "tty");
	bool passes = args_bool(a, "sig-proxy");
	AUTO_JSON json_t *body = container_body(c, a, detaches, e);
	struct attached at = { .c = c };
	bool in, out, err, ok;

	if (!body)
		return false;
	in = field_bool(body, "AttachStdin");
	out = field_bool(body, "AttachStdout");
	err = field_bool(body, "AttachStderr");
	if (is_tty && in && !c->in_is_tty)
		return fail(e, ERR_INVALID, "the input device is not a TTY");
	at.id = create(c, a, body, e);
	if (!at.id)
		return false;
	if (detaches) {
		ok = start_or_explain(&at, a, e);
		if (ok)
			printf("%s\n", at.id);
		attached_clear(&at);
		return true;
	}
	session_catch_signals(passes && !is_tty);
	ok = open_wait(&at, args_bool(a, "rm") ? "removed" : "next-exit", e) &&
	     open_attach(&at, in, out, err, args_text(a, "detach-keys"), e);
	if (ok && start_or_explain(&at, a, e))
		ok = talk(&at, is_tty, in, passes, args_text(a, "detach-keys"), e);
	attached_clear(&at);
	return ok;
}

static json_t *inspect(struct cli *c, const char *name, struct err *e)
{
	AUTO_FREE char *path = path_of("/containers/%s/json", name);

	return client_get(c->client, path, NULL, e);
}

/* start -a: one container, and we see what it says. */
static bool start_attached(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *o = inspect(c, a->words[0], e);
	struct attached at = { .c = c };
	bool is_tty = field_bool(o, "Config.Tty"), in, ok;
	bool passes = args_bool(a, "attach");

	if (!o)
		return false;
	in = args_bool(a, "interactive") && field_bool(o, "Config.OpenStdin");
	at.id = xstrdup(field_text(o, "Id"));
	session_catch_signals(passes && !is_tty);
	ok = open_wait(&at, field_bool(o, "HostConfig.AutoRemove") ? "removed" : "next-exit", e) &&
	     open_attach(&at, in, true, true, args_text(a, "detach-keys"), e) &&
	     start(c, at.id, e) && talk(&at, is_tty, in, passes, args_text(a, "detach-keys"), e);
	attached_clear(&at);
	return ok;
}

bool container_start(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_BUF struct buf failed = BUF_MAX(65536);

	if (args_bool(a, "attach") || args_bool(a, "interactive")) {
		if (a->word_count > 1)
			return fail(e, ERR_INVALID,
				    "you cannot start and attach multiple containers at once");
		return start_attached(c, a, e);
	}
	for (size_t i = 0; i < a->word_count; i++) {
		struct err why;

		if (start(c, a->words[i], &why)) {
			printf("%s\n", a->words[i]);
			continue;
		}
		cli_complain(c, &why);
		buf_printf(&failed, "%s%s", failed.len ? ", " : "", a->words[i]);
	}
	if (failed.len)
		return fail(e, ERR_UNAVAILABLE, "Error: failed to start containers: %s",
			    failed.data);
	return true;
}

bool container_attach(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *o = inspect(c, a->words[0], e);
	struct attached at = { .c = c };
	bool is_tty = field_bool(o, "Config.Tty"), in, ok, passes = args_bool(a, "sig-proxy");

	if (!o)
		return false;
	if (!field_bool(o, "State.Running"))
		return fail(e, ERR_CONFLICT,
			    "cannot attach to a stopped container, start it first");
	if (field_bool(o, "State.Paused"))
		return fail(e, ERR_CONFLICT,
			    "cannot attach to a paused container, unpause it first");
	if (field_bool(o, "State.Restarting"))
		return fail(e, ERR_CONFLICT,
			    "cannot attach to a restarting container, wait until it is running");
	in = !args_bool(a, "no-stdin") && field_bool(o, "Config.OpenStdin");
	if (in && is_tty && !c->in_is_tty)
		return fail(e, ERR_INVALID, "the input device is not a TTY");
	at.id = xstrdup(field_text(o, "Id"));
	session_catch_signals(passes && !is_tty);
	ok = open_wait(&at, NULL, e) &&
	     open_attach(&at, in, true, true, args_text(a, "detach-keys"), e) &&
	     talk(&at, is_tty, in, passes, args_text(a, "detach-keys"), e);
	attached_clear(&at);
	return ok;
}
