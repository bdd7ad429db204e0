#include "machine/external/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "file/file.h"
#include "machine/cli.h"
#include "machine/external/external.h"
#include "template/field.h"

extern char **environ;

struct child {
	pid_t pid;
	int in, out; /* its standard input and output */
	struct buf heard;
	int64_t end_ms;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool start(const char *file, struct child *c, struct err *e)
{
	posix_spawn_file_actions_t actions;
	char *const words[] = { (char *)file, NULL };
	int to[2], from[2], failed;

	if (pipe2(to, O_CLOEXEC) < 0)
		return fail_sys(e, errno, "pipe");
	if (pipe2(from, O_CLOEXEC) < 0) {
		(void)close(to[0]);
		(void)close(to[1]);
		return fail_sys(e, errno, "pipe");
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
	(void)fflush(NULL);
	failed = posix_spawn(&c->pid, file, &actions, NULL, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	(void)close(to[0]);
	(void)close(from[1]);
	c->in = to[1];
	c->out = from[0];
	return !failed || (c->pid = 0, fail_sys(e, failed, "run %s", file));
}

/* Its answer was its last word. */
static void end(struct child *c)
{
	(void)close(c->in);
	(void)close(c->out);
	if (c->pid)
		(void)kill(c->pid, SIGKILL);
	while (c->pid && waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	buf_clear(&c->heard);
}

static bool send_line(struct child *c, const json_t *value, struct err *e)
{
	AUTO_FREE char *text = json_dumps(value, JSON_COMPACT);
	AUTO_FREE char *line = xasprintf("%s\n", text);
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	bool ok;

	sigaction(SIGPIPE, &ignore, &old);
	ok = file_write_all(c->in, str_of(line));
	sigaction(SIGPIPE, &old, NULL);
	return ok || fail_sys(e, errno, "the driver does not listen");
}

/* More of what it says; false at the end or when the time is over. */
static bool hear(struct child *c, struct err *e)
{
	struct pollfd p = { .fd = c->out, .events = POLLIN };
	int64_t left_ms = c->end_ms - now_ms();
	char piece[4096];
	ssize_t n;

	if (left_ms <= 0 || poll(&p, 1, (int)left_ms) == 0)
		return fail(e, ERR_UNKNOWN_OUTCOME, "the driver did not answer in time");
	n = read(c->out, piece, sizeof(piece));
	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return fail(e, ERR_UNKNOWN_OUTCOME, "the driver ended without an answer");
	return buf_append(&c->heard, piece, (size_t)n) ||
	       fail(e, ERR_EXHAUSTED, "the driver says too much in a line");
}

static bool next_line(struct child *c, char **line, struct err *e)
{
	struct str head, rest;

	while (!str_cut(buf_str(&c->heard), '\n', &head, &rest))
		if (!hear(c, e))
			return false;
	*line = str_dup(head);
	buf_consume(&c->heard, head.len + 1);
	return true;
}

static bool save(const struct talk *t, struct child *c, const json_t *members, struct err *e)
{
	AUTO_JSON json_t *saved = json_pack("{s:b}", "saved", 1);

	if (!t->m || !json_is_object(members))
		return fail(e, ERR_INVALID, "the driver saves where there is nothing to save");
	json_object_update(t->m->own, (json_t *)members);
	return machine_save(t->m, e) && send_line(c, saved, e);
}

static json_t *converse(const struct talk *t, struct child *c, struct err *e)
{
	for (;;) {
		AUTO_FREE char *text = NULL;
		AUTO_JSON json_t *line = NULL;
		const json_t *value = NULL;
		enum line_kind kind = LINE_ERROR;

		if (!next_line(c, &text, e))
			return NULL;
		line = external_line(str_of(text), &kind, &value, e);
		if (!line)
			return NULL;
		if (kind == LINE_DONE)
			return json_incref((json_t *)value);
		if (kind == LINE_ERROR) {
			fail(e, ERR_UNAVAILABLE, "%s", json_string_value(value));
			return NULL;
		}
		if (kind == LINE_SAY && t->cli && t->m)
			say_host(t->cli, t->m, "%s", json_string_value(value));
		if (kind == LINE_SAVE && !save(t, c, value, e))
			return NULL;
	}
}

json_t *talk_call(const struct talk *t, json_t *request, struct err *e)
{
	struct child c = { .in = -1,
			   .out = -1,
			   .heard = BUF_MAX(EXTERNAL_LINE_MAX),
			   .end_ms = now_ms() + t->timeout_ms };
	json_t *answer = NULL;

	json_object_set_new(request, "version", json_integer(EXTERNAL_VERSION));
	if (start(t->program, &c, e) && send_line(&c, request, e))
		answer = converse(t, &c, e);
	end(&c);
	json_decref(request);
	if (!answer)
		(void)while_doing(e, "%s", t->program);
	return answer;
}
