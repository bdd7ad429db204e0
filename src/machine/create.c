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

static bool wait_for_engine(struct cli *c, const struct machine *m, struct err *e)
{
	say(c, m, "Checking connection to Docker...");
	if (engine_wait(m, ENGINE_WAIT_MS, e))
		return true;
	add_log(m, e);
	return while_doing(e, "the engine of \"%s\" does not answer", m->name);
}

static bool provision(struct cli *c, struct machine *m, struct err *e)
{
	say(c, m, "Copying certs to the local machine directory...");
	if (!certs_issue(m, e))
		return false;
	say(c, m, "Copying certs to the remote machine...");
	say(c, m, "Setting Docker configuration on the remote daemon...");
	return m->driver->provision(c, m, e) && wait_for_engine(c, m, e);
}

/* ---- create ---- */

static void put_list(struct machine *m, const struct args *a, const char *option, const char *path)
{
	size_t count;
	const char *const *values = args_list(a, option, &count);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(values[i]));
	field_put(m->config, path, list);
}

static void put_mirrors_of_environment(struct machine *m)
{
	const char *mirrors = getenv("ENGINE_REGISTRY_MIRROR");
	json_t *list = field_at(m->config, "HostOptions.EngineOptions.RegistryMirror");
	struct str rest = str_of(mirrors ? mirrors : ""), one;

	if (json_array_size(list))
		return;
	while (rest.len) {
		AUTO_FREE char *text = NULL;

		str_cut(rest, ' ', &one, &rest);
		text = str_dup(one);
		if (*text)
			json_array_append_new(list, json_string(text));
	}
}

static void put_options(struct machine *m, const struct args *a)
{
	put_list(m, a, "engine-opt", "HostOptions.EngineOptions.ArbitraryFlags");
	put_list(m, a, "engine-env", "HostOptions.EngineOptions.Env");
	put_list(m, a, "engine-insecure-registry", "HostOptions.EngineOptions.InsecureRegistry");
	put_list(m, a, "engine-label", "HostOptions.EngineOptions.Labels");
	put_list(m, a, "engine-registry-mirror", "HostOptions.EngineOptions.RegistryMirror");
	put_list(m, a, "tls-san", "HostOptions.AuthOptions.ServerCertSANs");
	put_mirrors_of_environment(m);
	field_put_text(m->config, "HostOptions.EngineOptions.StorageDriver",
		       args_text(a, "engine-storage-driver"));
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

static bool carry_out(struct cli *c, struct machine *m, struct err *e)
{
	say(c, m, "Creating machine...");
	if (!m->driver->create(c, m, e))
		return while_doing(
			e, "Error creating machine: Error in driver during machine creation");
	if (!machine_save(m, e))
		return false;
	if (!provision(c, m, e))
		return while_doing(e, "Error creating machine: Error running provisioning");
	field_put_text(m->config, "Stage", "created");
	if (!machine_save(m, e))
		return false;
	say(c, m, "Docker is up and running!");
	if (!c->names_hosts)
		tell_how_to_connect(c, m->name);
	return true;
}

static bool create_loaded(struct cli *c, struct machine *m, const struct args *a, struct err *e)
{
	if (!machine_lock(m, e))
		return false;
	put_options(m, a);
	if (!m->driver->configure(m, a, e))
		return while_doing(e, "Error setting machine configuration from flags provided");
	if (!machine_save(m, e))
		return false;
	return carry_out(c, m, e);
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
	say(c, m, "Running pre-create checks...");
	if (!driver->precheck(m, e)) {
		(void)while_doing(e, "Error with pre-create check");
		complain(c, e);
		c->status = STATUS_PRECHECK;
		machine_free(m);
		return true;
	}
	ok = create_loaded(c, m, a, e);
	machine_free(m);
	return ok;
}

/* Several at once, a process each: their lines mix, so each begins with a name. */
static bool create_many(struct cli *c, const char *base, size_t count, const struct driver *driver,
			const struct args *a, struct err *e)
{
	int worst = 0;

	c->names_hosts = true;
	(void)fflush(NULL);
	for (size_t i = 1; i <= count; i++) {
		AUTO_FREE char *name = xasprintf("%s-%02zu", base, i);
		pid_t child = fork();
		struct err why;

		if (child < 0)
			return fail_sys(e, errno, "fork");
		if (child > 0)
			continue;
		if (!create_one(c, name, driver, a, &why)) {
			(void)while_doing(&why, "(%s)", name);
			complain(c, &why);
		}
		(void)fflush(NULL);
		_exit(c->status);
	}
	for (size_t i = 0; i < count; i++) {
		int status = 0;

		while (wait(&status) < 0 && errno == EINTR)
			;
		if (!WIFEXITED(status) || WEXITSTATUS(status) > worst)
			worst = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILURE;
	}
	c->status = worst;
	if (worst == 0) {
		AUTO_FREE char *first = xasprintf("%s-01", base);

		tell_how_to_connect(c, first);
	}
	return true;
}

bool machine_create(struct cli *c, const struct args *a, struct err *e)
{
	const char *wanted = args_text(a, "driver");
	const struct driver *driver;
	int64_t count = args_int(a, "count");

	if (!args_has(a, "driver") && getenv("MACHINE_DRIVER") && *getenv("MACHINE_DRIVER"))
		wanted = getenv("MACHINE_DRIVER");
	if (a->word_count == 0)
		return fail(e, ERR_INVALID, "Error: No machine name specified");
	if (a->word_count > 1)
		return fail(e, ERR_INVALID, "Invalid command line. Found extra arguments [%s]",
			    a->words[1]);
	if (count < 0 || count > COUNT_MAX)
		return fail(e, ERR_INVALID, "-n is 1 to %d", COUNT_MAX);
	driver = driver_find(wanted);
	if (!driver)
		return fail(e, ERR_NOT_FOUND,
			    "Driver \"%s\" not found. Do you have the plugin binary "
			    "\"docker-machine-driver-%s\" accessible in your PATH?",
			    wanted, wanted);
	if (!name_is_valid(a->words[0], e) || !prepare_certs(c, e))
		return false;
	return args_has(a, "count") ? create_many(c, a->words[0], (size_t)count, driver, a, e)
				    : create_one(c, a->words[0], driver, a, e);
}

/* ---- again ---- */

static bool provision_again(struct cli *c, struct machine *m, struct err *e)
{
	if (!machine_lock(m, e) || !provision(c, m, e))
		return false;
	field_put_text(m->config, "Stage", "created");
	return machine_save(m, e);
}

bool machine_provision(struct cli *c, const struct args *a, struct err *e)
{
	c->names_hosts = a->word_count > 1;
	return prepare_certs(c, e) && machines_each(c, a, provision_again, e);
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
	return machines_each(c, a, provision_again, e);
}
