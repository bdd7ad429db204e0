/* create, provision and regenerate-certs: what leads to a host whose engine answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/option.h"
#include "machine/certs.h"
#include "machine/cli.h"
#include "machine/driver.h"
#include "machine/engine.h"
#include "machine/provision.h"
#include "machine/crowd.h"

#define ENGINE_WAIT_MS 60000
#define COUNT_MAX      250

static bool prepare_certs(struct cli *c, struct err *e)
{
	bool made_ca, made_client;

	if (!certs_prepare(&c->store, &made_ca, &made_client, e))
		return false;
	if (made_ca)
		say(c, NULL, "Creating CA: %s", c->store.ca);
	if (made_client)
		say(c, NULL, "Creating client certificate: %s", c->store.cert);
	return true;
}

/* What the engine said last helps more than "it does not answer". */
static void add_log(const struct machine *m, struct err *e)
{
	AUTO_FREE char *tail = m->driver->log_tail ? m->driver->log_tail(m) : NULL;
	struct err with_log = { .kind = e->kind };

	if (!tail)
		return;
	(void)snprintf(with_log.text, sizeof(with_log.text), "%.300s\nThe end of its log:\n%.600s",
		       e->text, strlen(tail) > 600 ? tail + strlen(tail) - 600 : tail);
	*e = with_log;
}

static bool wait_for_engine(struct cli *c, struct machine *m, struct err *e)
{
	say(c, m, "Checking connection to Docker...");
	if (engine_wait(m, ENGINE_WAIT_MS, e))
		return true;
	add_log(m, e);
	return while_doing(e, "the engine of \"%s\" does not answer", m->name);
}

bool machine_bring_engine(struct cli *c, struct machine *m, struct err *e)
{
	const struct provisioner *p = machine_provisioner(m);

	if (m->driver->provisioner && !p)
		return fail(e, ERR_UNSUPPORTED, "no engine of ours is on machine \"%s\"", m->name);
	if (!p)
		return fail(e, ERR_UNSUPPORTED,
			    "no engine is installed on hosts of the driver %s: machine \"%s\" is "
			    "a host without one",
			    m->driver->name, m->name);
	say(c, m, "Copying certs to the local machine directory...");
	if (!certs_issue(m, e))
		return false;
	say(c, m, "Copying certs to the remote machine...");
	say(c, m, "Setting Docker configuration on the remote daemon...");
	return p->provision(c, m, e) && wait_for_engine(c, m, e);
}

/* ---- create ---- */

static void put_list(struct machine *m, const struct args *a, const char *option, const char *path)
{
	size_t count;
	const char *const *values = args_list(a, option, &count);
	json_t *list;

	if (field_at(m->config, path) && !args_has(a, option))
		return;
	list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(values[i]));
	field_put(m->config, path, list);
}

static void put_options(struct machine *m, const struct args *a)
{
	put_list(m, a, "engine-opt", "HostOptions.EngineOptions.ArbitraryFlags");
	put_list(m, a, "engine-env", "HostOptions.EngineOptions.Env");
	put_list(m, a, "engine-insecure-registry", "HostOptions.EngineOptions.InsecureRegistry");
	put_list(m, a, "engine-label", "HostOptions.EngineOptions.Labels");
	put_list(m, a, "engine-registry-mirror", "HostOptions.EngineOptions.RegistryMirror");
	put_list(m, a, "tls-san", "HostOptions.AuthOptions.ServerCertSANs");
	field_put_text(m->config, "HostOptions.EngineOptions.StorageDriver",
		       args_text(a, "engine-storage-driver"));
	if (args_has(a, "engine") || !field_at(m->config, "HostOptions.EngineOptions.Engine"))
		field_put_text(m->config, "HostOptions.EngineOptions.Engine",
			       args_text(a, "engine"));
	if (args_has(a, "engine-tree"))
		field_put_text(m->config, "HostOptions.EngineOptions.Tree",
			       args_text(a, "engine-tree"));
	field_put(m->config, "HostOptions.EngineOptions.TlsVerify", json_true());
}

static bool name_is_valid(const char *name, struct err *e)
{
	return machine_name_is_valid(name) || fail(e, ERR_INVALID,
						   "Error creating machine: Invalid hostname "
						   "specified. Allowed hostname chars are: "
						   "0-9a-zA-Z . -");
}

/* A fresh machine, or the one whose creation did not come to its end. */
static struct machine *begin(struct cli *c, const char *name, const struct driver *driver,
			     struct err *e)
{
	struct machine *m;

	if (!name_is_valid(name, e))
		return NULL;
	if (!store_has(&c->store, name))
		return machine_new(&c->store, name, driver);
	m = machine_load(&c->store, name, e);
	if (!m && e->kind == ERR_NOT_FOUND)
		return machine_new(&c->store, name, driver);
	if (m && strcmp(field_text(m->config, "Stage"), "creating") != 0)
		fail(e, ERR_CONFLICT, "Docker machine \"%s\" already exists", name);
	else if (m && m->driver != driver)
		fail(e, ERR_CONFLICT,
		     "Docker machine \"%s\" was begun with driver %s: remove it first", name,
		     m->driver->name);
	else if (m)
		return m;
	machine_free(m);
	return NULL;
}

static void tell_how_to_connect(struct cli *c, const char *name)
{
	say(c, NULL,
	    "To see how to connect your Docker Client to the Docker Engine running on this virtual "
	    "machine, "
	    "run: %s env %s",
	    program.name, name);
}

/* What failed is told; what was made for it goes, unless that fails as well. */
static bool undo(struct cli *c, struct machine *m, struct err *e)
{
	struct err why;

	(void)while_doing(e, "Error creating machine: Error in driver during machine creation");
	if (m->driver->remove(c, m, &why) && machine_forget(m, &why))
		return false;
	say(c, m, "What was made for it could not be removed (%s): `%s rm %s` tries again.",
	    why.text, program.name, m->name);
	return false;
}

static bool carry_out(struct cli *c, struct machine *m, struct err *e)
{
	say(c, m, "Creating machine...");
	if (!m->driver->create(c, m, e))
		return undo(c, m, e);
	if (!machine_save(m, e))
		return false;
	if (machine_provisioner(m) && !machine_bring_engine(c, m, e))
		return while_doing(e, "Error creating machine: Error running provisioning");
	field_put_text(m->config, "Stage", "created");
	if (!machine_save(m, e))
		return false;
	if (m->driver->ssh && !machine_provisioner(m))
		say(c, m, "The host is running at %s; no engine was installed on it: `%s ssh %s`",
		    field_text(m->own, "IPAddress"), program.name, m->name);
	if (!machine_provisioner(m))
		return certs_copy(m, e);
	say(c, m, "Docker is up and running!");
	if (!c->names_hosts)
		tell_how_to_connect(c, m->name);
	return true;
}

static bool plan(struct cli *c, struct machine *m, struct err *e)
{
	if (m->driver->plan)
		return m->driver->plan(c, m, e);
	say(c, m, "It would be made here, and costs nothing.");
	return true;
}

static bool create_loaded(struct cli *c, struct machine *m, struct err *e)
{
	say(c, m, "Running pre-create checks...");
	if (!m->driver->precheck(c, m, e)) {
		(void)while_doing(e, "Error with pre-create check");
		complain(c, e);
		c->status = STATUS_PRECHECK;
		return true;
	}
	if (m->is_plan)
		return plan(c, m, e);
	return machine_lock(m, e) && machine_save(m, e) && carry_out(c, m, e);
}

static bool engine_is_known(const struct args *a, struct err *e)
{
	const char *engine = args_text(a, "engine");

	return strcmp(engine, "shoal") == 0 || strcmp(engine, "none") == 0 ||
	       fail(e, ERR_INVALID, "--engine is shoal or none, not \"%s\"", engine);
}

static bool create_one(struct cli *c, const char *name, const struct driver *driver,
		       const struct args *a, struct err *e)
{
	bool resumes = store_has(&c->store, name), ok;
	struct machine *m = begin(c, name, driver, e);

	if (!m)
		return false;
	if (resumes)
		say(c, m, "Going on with the creation of \"%s\"...", name);
	m->is_plan = args_bool(a, "dry-run");
	if (!engine_is_known(a, e)) {
		machine_free(m);
		return false;
	}
	put_options(m, a);
	ok = m->driver->configure(m, a, e)
		     ? create_loaded(c, m, e)
		     : while_doing(e, "Error setting machine configuration from flags provided");
	machine_free(m);
	return ok;
}

/* Several at once: their lines mix, so each begins with a name. */
struct batch {
	const char *base;
	const struct driver *driver;
	const struct args *args;
};

static bool create_nth(struct cli *c, size_t i, void *arg, struct err *e)
{
	const struct batch *b = arg;
	AUTO_FREE char *name = xasprintf("%s-%02zu", b->base, i + 1);

	return create_one(c, name, b->driver, b->args, e) || while_doing(e, "(%s)", name);
}

static bool create_many(struct cli *c, size_t count, struct batch *b, struct err *e)
{
	c->names_hosts = true;
	if (!crowd_run(c, count, create_nth, b, e))
		return false;
	if (c->status == 0 && b->driver->provisioner &&
	    (!b->driver->is_far || strcmp(args_text(b->args, "engine"), "none") != 0)) {
		AUTO_FREE char *first = xasprintf("%s-01", b->base);

		tell_how_to_connect(c, first);
	}
	return true;
}

bool machine_create(struct cli *c, const struct args *a, struct err *e)
{
	const char *wanted = args_text(a, "driver");
	struct batch b = { .args = a };
	int64_t count = args_int(a, "count");

	if (a->word_count == 0)
		return fail(e, ERR_INVALID, "Error: No machine name specified");
	if (a->word_count > 1)
		return fail(e, ERR_INVALID, "Invalid command line. Found extra arguments [%s]",
			    a->words[1]);
	if (count < 0 || count > COUNT_MAX)
		return fail(e, ERR_INVALID, "-n is 1 to %d", COUNT_MAX);
	b.base = a->words[0];
	b.driver = driver_find(wanted);
	if (!b.driver)
		return fail(e, ERR_NOT_FOUND,
			    "Driver \"%s\" not found. Do you have the plugin binary "
			    "\"docker-machine-driver-%s\" accessible in your PATH?",
			    wanted, wanted);
	if (!name_is_valid(a->words[0], e) || (!args_bool(a, "dry-run") && !prepare_certs(c, e)))
		return false;
	return args_has(a, "count") ? create_many(c, (size_t)count, &b, e)
				    : create_one(c, a->words[0], b.driver, a, e);
}

/* ---- again ---- */

static bool provision_again(struct cli *c, struct machine *m, struct err *e)
{
	if (!machine_lock(m, e) || !machine_bring_engine(c, m, e))
		return false;
	field_put_text(m->config, "Stage", "created");
	return machine_save(m, e);
}

bool machine_provision(struct cli *c, const struct args *a, struct err *e)
{
	c->names_hosts = a->word_count > 1;
	return prepare_certs(c, e) && machines_at_once(c, a, provision_again, e);
}

static bool is_sure(void)
{
	char answer[16] = "";

	printf("Regenerate TLS machine certs?  Warning: this is irreversible. (y/n): ");
	(void)fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

bool machine_regenerate_certs(struct cli *c, const struct args *a, struct err *e)
{
	if (!args_bool(a, "force") && !is_sure())
		return true;
	say(c, NULL, "Regenerating TLS certificates");
	if (args_bool(a, "client-certs") && !prepare_certs(c, e))
		return false;
	c->names_hosts = a->word_count > 1;
	return machines_at_once(c, a, provision_again, e);
}
