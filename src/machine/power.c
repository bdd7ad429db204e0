/* start, stop, restart, kill, rm, connect, disconnect. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/option.h"
#include "machine/cli.h"
#include "machine/crowd.h"
#include "machine/driver.h"
#include "machine/engine.h"
#include "machine/provision.h"

#define ENGINE_WAIT_MS 60000

static bool is_running(struct machine *m)
{
	return machine_look(m) == STATE_RUNNING;
}

static bool wait_for_engine(struct machine *m, struct err *e)
{
	return !machine_provisioner(m) || engine_wait(m, ENGINE_WAIT_MS, e) ||
	       while_doing(e, "the engine of \"%s\" does not answer", m->name);
}

/* A host that comes back under another address needs a certificate for that one. */
static bool bring_up(struct cli *c, struct machine *m, struct err *e)
{
	AUTO_FREE char *before = xstrdup(field_text(m->own, "IPAddress"));

	if (!m->driver->start(c, m, e) || !machine_save(m, e))
		return false;
	if (!m->driver->is_far || !machine_provisioner(m) ||
	    strcmp(before, field_text(m->own, "IPAddress")) == 0)
		return wait_for_engine(m, e);
	say(c, m, "Its address is %s now: it gets a certificate for that.",
	    field_text(m->own, "IPAddress"));
	return machine_bring_engine(c, m, e) && machine_save(m, e);
}

static bool start_one(struct cli *c, struct machine *m, struct err *e)
{
	say(c, NULL, "Starting \"%s\"...", m->name);
	if (!machine_lock(m, e))
		return false;
	if (is_running(m))
		return fail(e, ERR_CONFLICT, "Machine \"%s\" is already running.", m->name);
	if (!bring_up(c, m, e))
		return false;
	say(c, NULL, "Machine \"%s\" was started.", m->name);
	return true;
}

static void advise(struct cli *c, const char *what)
{
	say(c, NULL,
	    "%s machines may have new IP addresses. You may need to re-run the `%s env` command.",
	    what, program.name);
}

bool machine_start(struct cli *c, const struct args *a, struct err *e)
{
	if (!machines_at_once(c, a, start_one, e))
		return false;
	advise(c, "Started");
	return true;
}

static bool stop_one(struct cli *c, struct machine *m, struct err *e)
{
	say(c, NULL, "Stopping \"%s\"...", m->name);
	if (!machine_lock(m, e))
		return false;
	if (!is_running(m))
		return fail(e, ERR_CONFLICT, "Machine \"%s\" is already stopped.", m->name);
	if (!m->driver->stop(c, m, e))
		return false;
	say(c, NULL, "Machine \"%s\" was stopped.", m->name);
	return true;
}

bool machine_stop(struct cli *c, const struct args *a, struct err *e)
{
	return machines_at_once(c, a, stop_one, e);
}

static bool kill_one(struct cli *c, struct machine *m, struct err *e)
{
	say(c, NULL, "Killing \"%s\"...", m->name);
	if (!machine_lock(m, e))
		return false;
	if (!is_running(m))
		return fail(e, ERR_CONFLICT, "Machine \"%s\" is already stopped.", m->name);
	if (!m->driver->kill(c, m, e))
		return false;
	say(c, NULL, "Machine \"%s\" was killed.", m->name);
	return true;
}

bool machine_kill(struct cli *c, const struct args *a, struct err *e)
{
	return machines_at_once(c, a, kill_one, e);
}

static bool restart_one(struct cli *c, struct machine *m, struct err *e)
{
	say(c, NULL, "Restarting \"%s\"...", m->name);
	if (!machine_lock(m, e))
		return false;
	if (is_running(m) && m->driver->restart) {
		if (!m->driver->restart(c, m, e) || !machine_save(m, e) || !wait_for_engine(m, e))
			return false;
	} else if ((m->state == STATE_RUNNING && !m->driver->stop(c, m, e)) || !bring_up(c, m, e)) {
		return false;
	}
	say(c, NULL, "Machine \"%s\" was restarted.", m->name);
	return true;
}

bool machine_restart(struct cli *c, const struct args *a, struct err *e)
{
	if (!machines_at_once(c, a, restart_one, e))
		return false;
	advise(c, "Restarted");
	return true;
}

/* ---- rm ---- */

static bool is_sure(const struct args *a)
{
	char answer[16] = "";

	printf("About to remove ");
	for (size_t i = 0; i < a->word_count; i++)
		printf("%s%s", i ? ", " : "", a->words[i]);
	printf("\nWARNING: This action will delete both local reference and remote instance.\n"
	       "Are you sure? (y/n): ");
	(void)fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static bool remove_loaded(struct cli *c, struct machine *m, bool force, struct err *e)
{
	struct err why;

	if (!machine_lock(m, e))
		return false;
	if (!m->driver->remove(c, m, &why)) {
		*e = why;
		if (!force)
			return false;
		complain(c, &why);
	}
	return machine_forget(m, e);
}

/* What cannot be loaded: a folder without a config.json is what a create left that was killed
 * before its first step; any other goes only by force. */
static bool remove_unread(struct cli *c, const char *name, bool force, struct err *e)
{
	struct machine *m = machine_new(&c->store, name, driver_at(0));
	AUTO_FREE char *path = machine_file(m, "config.json");
	bool ok = store_has(&c->store, name) && (force || access(path, F_OK) < 0) &&
		  machine_forget(m, e);

	machine_free(m);
	return ok;
}

static bool remove_one(struct cli *c, const char *name, bool force, struct err *e)
{
	struct machine *m = machine_load(&c->store, name, e);
	bool ok;

	if (!m)
		return remove_unread(c, name, force, e);
	ok = remove_loaded(c, m, force, e);
	machine_free(m);
	return ok;
}

static bool remove_named(struct cli *c, size_t i, void *arg, struct err *e)
{
	const struct args *a = arg;

	if (!remove_one(c, a->words[i], args_bool(a, "force"), e))
		return while_doing(e, "Error removing host \"%s\"", a->words[i]);
	say(c, NULL, "Successfully removed %s", a->words[i]);
	return true;
}

bool machine_rm(struct cli *c, const struct args *a, struct err *e)
{
	bool force = args_bool(a, "force");

	if (a->word_count == 0)
		return fail(e, ERR_INVALID,
			    "Error: Expected to get one or more machine names as arguments");
	if (!force && !args_bool(a, "yes") && !is_sure(a))
		return true;
	if (!crowd_run(c, a->word_count, remove_named, (void *)a, e))
		return false;
	if (force)
		c->status = 0;
	return true;
}

/* ---- the cable ---- */

static bool plug(struct machine *m, bool is_cut, struct err *e)
{
	if (!m->driver->cut)
		return fail(e, ERR_UNSUPPORTED, "driver %s cannot cut a machine off",
			    m->driver->name);
	if (!is_running(m))
		return fail(e, ERR_UNAVAILABLE, "Host is not running");
	return m->driver->cut(m, is_cut, e);
}

static bool connect_one(struct cli *c, struct machine *m, struct err *e)
{
	if (!plug(m, false, e))
		return false;
	say(c, NULL, "Machine \"%s\" was connected.", m->name);
	return true;
}

static bool disconnect_one(struct cli *c, struct machine *m, struct err *e)
{
	if (!plug(m, true, e))
		return false;
	say(c, NULL, "Machine \"%s\" was disconnected.", m->name);
	return true;
}

bool machine_connect(struct cli *c, const struct args *a, struct err *e)
{
	return machines_each(c, a, connect_one, e);
}

bool machine_disconnect(struct cli *c, const struct args *a, struct err *e)
{
	return machines_each(c, a, disconnect_one, e);
}
