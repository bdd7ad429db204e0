/* env, config, active: how a client reaches a machine, and which one it reaches now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/option.h"
#include "machine/cli.h"
#include "machine/driver.h"
#include "machine/engine.h"

#define CHECK_WAIT_MS 20000

/* How a shell is told: what precedes a name, parts it from its value, and ends the line. */
struct dialect {
	const char *name;
	const char *set, *between, *after;
	const char *unset, *unset_after;
	const char *hint, *hint_after; /* around the command line that brought the user here */
};

static const struct dialect dialects[] = {
	{ "bash", "export ", "=\"", "\"", "unset ", "", "# eval $(", ")" },
	{ "fish", "set -gx ", " \"", "\";", "set -e ", ";", "# eval (", ")" },
	{ "powershell", "$Env:", " = \"", "\"", "Remove-Item Env:\\\\", "", "# & ",
	  " | Invoke-Expression" },
	{ "cmd", "SET ", "=", "", "SET ", "=", "REM \t@FOR /f \"tokens=*\" %i IN ('", "') DO @%i" },
	{ "tcsh", "setenv ", " \"", "\";", "unsetenv ", ";", ": eval `", "`" },
	{ "emacs", "(setenv \"", "\" \"", "\")", "(setenv \"", "\" nil)",
	  ";; (with-temp-buffer (shell-command \"", "\" (current-buffer)) (eval-buffer))" },
};

static const struct dialect *dialect_of(const struct args *a, struct err *e)
{
	const char *name = args_text(a, "shell"), *slash;

	if (!*name)
		name = getenv("SHELL");
	if (!name || !*name) {
		printf("The default lines below are for a sh/bash shell, you can specify the shell "
		       "you're "
		       "using, with the --shell flag.\n\n");
		fail(e, ERR_INVALID, "Error: Unknown shell");
		return NULL;
	}
	slash = strrchr(name, '/');
	name = slash ? slash + 1 : name;
	for (size_t i = 1; i < ARRAY_LEN(dialects); i++)
		if (strcmp(dialects[i].name, name) == 0)
			return &dialects[i];
	return &dialects[0];
}

static void print_set(const struct dialect *d, const char *name, const char *value)
{
	printf("%s%s%s%s%s\n", d->set, name, d->between, value, d->after);
}

static void print_hint(const struct cli *c, const struct dialect *d)
{
	const char *mark = strncmp(d->hint, "# ", 2) == 0    ? "# "
			   : strncmp(d->hint, "REM", 3) == 0 ? "REM "
			   : strncmp(d->hint, ";;", 2) == 0  ? ";; "
							     : ": ";

	printf("%sRun this command to configure your shell: \n%s%s", mark, d->hint, program.name);
	for (int i = 1; i < c->argc; i++)
		printf(" %s", c->argv[i]);
	printf("%s\n", d->hint_after);
}

static const char *no_proxy_name(void)
{
	return getenv("no_proxy") ? "no_proxy" : "NO_PROXY";
}

/* The list with the address in it, once. */
static void print_no_proxy(const struct dialect *d, const char *address)
{
	const char *name = no_proxy_name(), *old = getenv(name);
	AUTO_BUF struct buf list = BUF_MAX(1 << 20);
	struct str rest = str_of(old ? old : ""), one;
	bool has = false;

	while (rest.len) {
		str_cut(rest, ',', &one, &rest);
		has = has || str_equal_c(one, address);
	}
	buf_append_c(&list, old ? old : "");
	if (!has)
		buf_printf(&list, "%s%s", list.len ? "," : "", address);
	print_set(d, name, list.data);
}

static bool check_connection(const struct machine *m, const char *url, struct err *e)
{
	char version[64];

	if (engine_version(m, CHECK_WAIT_MS, version, e))
		return true;
	(void)while_doing(e,
			  "Error checking TLS connection: Error checking and/or regenerating the "
			  "certs: There "
			  "was an error validating certificates for host \"%s\"",
			  url + strlen("tcp://"));
	if (e->kind == ERR_DENIED)
		(void)snprintf(
			e->text + strlen(e->text), sizeof(e->text) - strlen(e->text),
			"\nYou can attempt to regenerate them using '%s regenerate-certs "
			"[name]'.\nBe advised that this will trigger a Docker daemon restart which "
			"might stop running containers.",
			program.name);
	return false;
}

/* The machine and where its engine listens, when that answers. */
static struct machine *reach(struct cli *c, const struct args *a, char **url, struct err *e)
{
	struct machine *m = machine_wanted(c, a, e);

	*url = NULL;
	if (!m)
		return NULL;
	*url = machine_url(m, e);
	if (*url && check_connection(m, *url, e))
		return m;
	if (!*url)
		(void)while_doing(e, "Error checking TLS connection");
	machine_free(m);
	return NULL;
}

static bool unset(struct cli *c, const struct args *a, const struct dialect *d, struct err *e)
{
	static const char *const names[] = { "DOCKER_TLS_VERIFY", "DOCKER_HOST", "DOCKER_CERT_PATH",
					     "DOCKER_MACHINE_NAME" };

	if (a->word_count)
		return fail(e, ERR_INVALID,
			    "Error: Expected no machine name when the -u flag is present");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		printf("%s%s%s\n", d->unset, names[i], d->unset_after);
	if (args_bool(a, "no-proxy"))
		printf("%s%s%s\n", d->unset, no_proxy_name(), d->unset_after);
	print_hint(c, d);
	return true;
}

bool machine_env(struct cli *c, const struct args *a, struct err *e)
{
	const struct dialect *d = dialect_of(a, e);
	AUTO_FREE char *url = NULL;
	struct machine *m;

	c->to = stderr;
	if (!d)
		return false;
	if (args_bool(a, "unset"))
		return unset(c, a, d, e);
	m = reach(c, a, &url, e);
	if (!m)
		return false;
	print_set(d, "DOCKER_TLS_VERIFY", "1");
	print_set(d, "DOCKER_HOST", url);
	print_set(d, "DOCKER_CERT_PATH", m->folder);
	print_set(d, "DOCKER_MACHINE_NAME", m->name);
	if (args_bool(a, "no-proxy"))
		print_no_proxy(d, field_text(m->own, "IPAddress"));
	print_hint(c, d);
	machine_free(m);
	return true;
}

bool machine_config(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *url = NULL;
	struct machine *m;

	c->to = stderr;
	m = reach(c, a, &url, e);
	if (!m)
		return false;
	printf("--tlsverify\n--tlscacert=\"%s/ca.pem\"\n--tlscert=\"%s/cert.pem\"\n--tlskey=\"%s/"
	       "key.pem\"\n"
	       "-H=%s\n",
	       m->folder, m->folder, m->folder, url);
	machine_free(m);
	return true;
}

bool machine_active(struct cli *c, const struct args *a, struct err *e)
{
	const char *host = getenv("DOCKER_HOST");
	size_t count;
	char **names = store_names(&c->store, &count);
	bool found = false;

	for (size_t i = 0; i < count && !found && host; i++) {
		struct err ignored;
		struct machine *m = machine_load(&c->store, names[i], &ignored);
		AUTO_FREE char *url = m ? machine_url(m, &ignored) : NULL;

		found = url && strcmp(url, host) == 0;
		if (found)
			printf("%s\n", names[i]);
		machine_free(m);
	}
	names_free(names, count);
	return found || fail(e, ERR_NOT_FOUND, "No active host found");
}
