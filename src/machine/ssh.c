/* ssh: a command or a shell on a machine; the exit code is the command's. And scp, mount and
 * upgrade, as far as drivers have use for them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/option.h"
#include "machine/cli.h"
#include "machine/driver.h"

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
	if (m->driver->state(m) != STATE_RUNNING)
		ok = fail(e, ERR_UNAVAILABLE,
			  "Error: Cannot run SSH command: Host \"%s\" is not running", m->name);
	else
		ok = m->driver->shell(m, words, count, &c->status, e);
	machine_free(m);
	return ok;
}

static bool refuse(const struct machine *m, const char *command, const char *why, struct err *e)
{
	return fail(e, ERR_UNSUPPORTED, "machine \"%s\" needs no %s: %s", m->name, command, why);
}

/* The machine of the first word that names one: "NAME:PATH", "USER@NAME:PATH". */
static struct machine *machine_of_paths(struct cli *c, const struct args *a, struct err *e)
{
	for (size_t i = 0; i < a->word_count; i++) {
		struct str name, path, user, host;

		if (!str_cut(str_of(a->words[i]), ':', &name, &path) ||
		    str_equal_c(name, "localhost"))
			continue;
		if (str_cut(name, '@', &user, &host))
			name = host;
		AUTO_FREE char *text = str_dup(name);

		return machine_load(&c->store, text, e);
	}
	fail(e, ERR_INVALID, "no word names a machine: write NAME:PATH");
	return NULL;
}

static bool copy(struct cli *c, const struct args *a, const char *command, struct err *e)
{
	struct machine *m = machine_of_paths(c, a, e);

	if (m)
		(void)refuse(m, command, m->driver->no_copy, e);
	machine_free(m);
	return false;
}

bool machine_scp(struct cli *c, const struct args *a, struct err *e)
{
	if (a->word_count != 2)
		return fail(e, ERR_INVALID, "Improper number of arguments");
	return copy(c, a, "scp", e);
}

bool machine_mount(struct cli *c, const struct args *a, struct err *e)
{
	return copy(c, a, "mount", e);
}

static bool upgrade_one(struct cli *c, struct machine *m, struct err *e)
{
	return refuse(m, "upgrade", m->driver->no_upgrade, e);
}

bool machine_upgrade(struct cli *c, const struct args *a, struct err *e)
{
	return machines_each(c, a, upgrade_one, e);
}
