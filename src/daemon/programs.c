#include "daemon/programs.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "host/loop.h"
#include "host/program.h"

#define SAID_MAX    4096
#define PATIENCE_MS 5000

enum { SHIM, RUNTIME, INIT, ROLES };

struct asked {
	const char *path; /* "": there is none */
	char name[PROGRAM_WORD_MAX], version[PROGRAM_WORD_MAX], commit[PROGRAM_WORD_MAX];
};

struct programs {
	struct asked all[ROLES];
	struct api_host *host;
	char *runtime, *init;
	bool is_closed, is_answered;
};

static void copy_word(const char *from, char *to)
{
	size_t len = strcspn(from, " \t\r\n");

	(void)snprintf(to, PROGRAM_WORD_MAX, "%.*s", (int)len, from);
}

void program_read_version(const char *said, char *version, char *commit)
{
	const char *at = strstr(said, "version ");

	version[0] = commit[0] = '\0';
	if (at)
		copy_word(at + strlen("version "), version);
	if ((at = strstr(said, "commit: ")))
		copy_word(at + strlen("commit: "), commit);
	else if ((at = strstr(said, "git.")))
		copy_word(at + strlen("git."), commit);
	if (strcmp(commit, "unknown") == 0)
		commit[0] = '\0';
}

static void ask_one(struct asked *p)
{
	AUTO_BUF struct buf said = BUF_MAX(SAID_MAX);
	struct program program = { .timeout_ms = PATIENCE_MS };
	const char *slash = strrchr(p->path, '/');
	struct err ignored;

	if (!p->path[0])
		return;
	program_arg(&program, p->path);
	program_arg(&program, "--version");
	if (!program_must(&program, &said, &ignored))
		return;
	buf_append_char(&said, '\0');
	(void)snprintf(p->name, sizeof(p->name), "%s", slash ? slash + 1 : p->path);
	if (said.data)
		program_read_version(said.data, p->version, p->commit);
}

static void ask_all(void *self)
{
	struct programs *p = self;

	for (int i = 0; i < ROLES; i++)
		ask_one(&p->all[i]);
}

static void programs_free(struct programs *p)
{
	free(p->runtime);
	free(p->init);
	free(p);
}

static void show(const struct asked *from, struct api_program *to)
{
	*to = (struct api_program){ from->name, from->version, from->commit };
}

static void answered(void *self)
{
	struct programs *p = self;

	p->is_answered = true;
	if (p->is_closed) {
		programs_free(p);
		return;
	}
	show(&p->all[SHIM], &p->host->shim);
	show(&p->all[RUNTIME], &p->host->runtime);
	show(&p->all[INIT], &p->host->init);
}

struct programs *programs_ask(struct loop *loop, const char *runtime, const char *init,
			      struct api_host *host)
{
	struct programs *p = NEW(struct programs);

	p->host = host;
	p->runtime = xstrdup(runtime);
	p->init = xstrdup(init);
	p->all[SHIM].path = "conmon";
	p->all[RUNTIME].path = p->runtime;
	p->all[INIT].path = p->init;
	loop_job(loop, p, ask_all, answered);
	return p;
}

void programs_close(struct programs *p)
{
	if (!p)
		return;
	p->is_closed = true;
	if (p->is_answered)
		programs_free(p);
}
