/* ssh, scp, mount, upgrade. What a host's shell or a copying program exits with, we exit with. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "console/option.h"
#include "machine/cli.h"
#include "machine/driver.h"
#include "machine/provision.h"
#include "machine/sshconfig.h"

#define WORDS_MAX 1024

/* ---- ssh ---- */

static bool shell_over_ssh(struct cli *c, struct machine *m, const char *const *words, size_t count,
			   struct err *e)
{
	AUTO_FREE char *config = ssh_config_file(&c->store, &m, 1, e);
	const char *line[WORDS_MAX + 8] = { "ssh", "-F", config, m->name };
	bool ok;

	if (!config)
		return false;
	if (count > WORDS_MAX) {
		(void)unlink(config);
		return fail(e, ERR_INVALID, "more than %d words", WORDS_MAX);
	}
	for (size_t i = 0; i < count; i++)
		line[4 + i] = words[i];
	ok = program_run(line, &c->status, e);
	(void)unlink(config);
	return ok;
}

static bool shell(struct cli *c, struct machine *m, const char *const *words, size_t count,
		  struct err *e)
{
	if (!m->driver->shell)
		return shell_over_ssh(c, m, words, count, e);
	if (machine_look(m) != STATE_RUNNING)
		return fail(e, ERR_UNAVAILABLE,
			    "Error: Cannot run SSH command: Host \"%s\" is not running", m->name);
	return m->driver->shell(m, words, count, &c->status, e);
}

bool machine_ssh(struct cli *c, const struct args *a, struct err *e)
{
	struct machine *m = machine_wanted(c, a, e);
	const char *const *words = (const char *const *)a->words + (a->word_count > 0);
	size_t count = a->word_count - (a->word_count > 0);
	bool ok;

	if (!m)
		return false;
	if (count && strcmp(words[0], "--") == 0) {
		words++;
		count--;
	}
	ok = shell(c, m, words, count, e);
	machine_free(m);
	return ok;
}

/* ---- scp and mount ---- */

/* "[USER@]NAME:PATH": the machine, and what the copying program is told. "localhost:PATH" and a bare
 * path are files here: *m is then NULL. */
static bool place(struct cli *c, const char *command, const char *word, struct machine **m,
		  char **told, struct err *e)
{
	struct str name, path, user, host;
	AUTO_FREE char *text = NULL;

	*m = NULL;
	if (!str_cut(str_of(word), ':', &name, &path) || str_find(name, '/') >= 0) {
		*told = xstrdup(word);
		return true;
	}
	if (str_equal_c(name, "localhost")) {
		*told = str_dup(path);
		return true;
	}
	text = str_dup(str_cut(name, '@', &user, &host) ? host : name);
	*told = xstrdup(word);
	*m = machine_load(&c->store, text, e);
	if (*m && (*m)->driver->no_copy)
		return fail(e, ERR_UNSUPPORTED, "machine \"%s\" needs no %s: %s", text, command,
			    (*m)->driver->no_copy);
	return *m != NULL;
}

static bool copy(struct cli *c, const struct args *a, struct machine *const *machines,
		 char *const *told, struct err *e)
{
	struct machine *far[2];
	size_t count = 0;
	AUTO_FREE char *config = NULL, *remote = NULL;
	const char *words[16];
	size_t at = 0;
	bool ok;

	for (size_t i = 0; i < 2; i++)
		if (machines[i])
			far[count++] = machines[i];
	if (count == 0)
		return fail(e, ERR_INVALID, "no word names a machine: write NAME:PATH");
	config = ssh_config_file(&c->store, far, count, e);
	if (!config)
		return false;
	remote = xasprintf("ssh -F '%s'", config);
	if (args_bool(a, "delta")) {
		words[at++] = "rsync";
		words[at++] = "-e";
		words[at++] = remote;
		if (!args_bool(a, "quiet"))
			words[at++] = "--progress";
	} else {
		words[at++] = "scp";
		words[at++] = "-3";
		words[at++] = "-F";
		words[at++] = config;
		if (args_bool(a, "quiet"))
			words[at++] = "-q";
	}
	if (args_bool(a, "recursive"))
		words[at++] = "-r";
	words[at++] = "--";
	words[at++] = told[0];
	words[at++] = told[1];
	words[at] = NULL;
	ok = program_run(words, &c->status, e);
	(void)unlink(config);
	return ok;
}

bool machine_scp(struct cli *c, const struct args *a, struct err *e)
{
	struct machine *machines[2] = { NULL, NULL };
	char *told[2] = { NULL, NULL };
	bool ok;

	if (a->word_count != 2)
		return fail(e, ERR_INVALID, "Improper number of arguments");
	ok = place(c, "scp", a->words[0], &machines[0], &told[0], e) &&
	     place(c, "scp", a->words[1], &machines[1], &told[1], e) &&
	     copy(c, a, machines, told, e);
	for (size_t i = 0; i < 2; i++) {
		machine_free(machines[i]);
		free(told[i]);
	}
	return ok;
}

static bool mount_over_ssh(struct cli *c, struct machine *m, const char *what, const char *where,
			   struct err *e)
{
	AUTO_FREE char *config = ssh_config_file(&c->store, &m, 1, e);
	const char *words[] = { "sshfs", "-F", config, what, where, NULL };
	bool ok;

	if (!config)
		return false;
	ok = program_run(words, &c->status, e);
	(void)unlink(config);
	return ok || e->kind != ERR_NOT_FOUND ||
	       fail(e, ERR_NOT_FOUND,
		    "You must have a copy of the sshfs binary locally to use the mount feature");
}

bool machine_mount(struct cli *c, const struct args *a, struct err *e)
{
	bool has_name = strchr(a->words[0], ':') != NULL;
	AUTO_FREE char *word =
		has_name ? xstrdup(a->words[0]) : xasprintf("default:%s", a->words[0]);
	const char *where = a->word_count > 1 ? a->words[1] : strchr(word, ':') + 1;
	const char *unmount[] = { "fusermount", "-u", where, NULL };
	struct machine *m = NULL;
	char *told = NULL;
	bool ok;

	if (args_bool(a, "unmount"))
		return program_run(unmount, &c->status, e);
	ok = place(c, "mount", word, &m, &told, e);
	if (ok && !m)
		ok = fail(e, ERR_INVALID, "no word names a machine: write NAME:PATH");
	ok = ok && mount_over_ssh(c, m, told, where, e);
	machine_free(m);
	free(told);
	return ok;
}

/* ---- upgrade ---- */

static bool upgrade_one(struct cli *c, struct machine *m, struct err *e)
{
	const struct provisioner *p = machine_provisioner(m);

	if (!p || !p->upgrade)
		return fail(e, ERR_UNSUPPORTED, "machine \"%s\" needs no upgrade: %s", m->name,
			    m->driver->no_upgrade ? m->driver->no_upgrade
						  : "nothing was installed on it");
	return machine_lock(m, e) && p->upgrade(c, m, e) && machine_save(m, e);
}

bool machine_upgrade(struct cli *c, const struct args *a, struct err *e)
{
	return machines_at_once(c, a, upgrade_one, e);
}
