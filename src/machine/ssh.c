/* ssh: a command or a shell on a machine; the exit code is the command's. */
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
