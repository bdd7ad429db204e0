#include "machine/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "console/dispatch.h"
#include "console/help.h"
#include "machine/crowd.h"
#include "machine/driver.h"
#include "machine/external/external.h"

#define LOOK_MS 30000

static void put_line(struct cli *c, const char *name, const char *format, va_list more)
{
	if (name)
		fprintf(c->to, "(%s) ", name);
	vfprintf(c->to, format, more);
	fputc('\n', c->to);
	(void)fflush(c->to);
}

void say(struct cli *c, const struct machine *m, const char *format, ...)
{
	va_list more;

	va_start(more, format);
	put_line(c, m && c->names_hosts ? m->name : NULL, format, more);
	va_end(more);
}

void say_host(struct cli *c, const struct machine *m, const char *format, ...)
{
	va_list more;

	va_start(more, format);
	put_line(c, m->name, format, more);
	va_end(more);
}

void complain(struct cli *c, const struct err *e)
{
	(void)fflush(stdout);
	fprintf(stderr, "%s\n", e->text);
	c->status = STATUS_FAILURE;
}

static const char *name_wanted(struct cli *c, const struct args *a, struct err *e)
{
	if (a->word_count)
		return a->words[0];
	if (store_has(&c->store, "default"))
		return "default";
	fail(e, ERR_INVALID,
	     "Error: No machine name(s) specified and no \"default\" machine exists");
	return NULL;
}

struct machine *machine_wanted(struct cli *c, const struct args *a, struct err *e)
{
	const char *name = name_wanted(c, a, e);

	return name ? machine_load(&c->store, name, e) : NULL;
}

static bool load_all(struct cli *c, const struct args *a, struct machine **machines, size_t *count,
		     struct err *e)
{
	*count = 0;
	if (a->word_count == 0)
		return (machines[0] = machine_wanted(c, a, e)) && (*count = 1);
	for (size_t i = 0; i < a->word_count; i++) {
		machines[i] = machine_load(&c->store, a->words[i], e);
		if (!machines[i])
			return false;
		*count = i + 1;
	}
	return true;
}

struct each {
	struct machine **machines;
	size_t count;
	bool (*each)(struct cli *c, struct machine *m, struct err *e);
};

static bool each_begin(struct cli *c, const struct args *a, struct each *all, struct err *e)
{
	all->machines = xcalloc(a->word_count + 1, sizeof(struct machine *));
	return load_all(c, a, all->machines, &all->count, e);
}

static void each_end(struct each *all)
{
	for (size_t i = 0; i < all->count; i++)
		machine_free(all->machines[i]);
	free(all->machines);
}

static bool do_one(struct cli *c, size_t i, void *arg, struct err *e)
{
	struct each *all = arg;

	return all->each(c, all->machines[i], e);
}

static void do_each(struct cli *c, struct each *all)
{
	struct err why;

	for (size_t i = 0; i < all->count; i++)
		if (!do_one(c, i, all, &why))
			complain(c, &why);
}

bool machines_each(struct cli *c, const struct args *a,
		   bool (*each)(struct cli *c, struct machine *m, struct err *e), struct err *e)
{
	struct each all = { .each = each };
	bool ok = each_begin(c, a, &all, e);

	if (ok)
		do_each(c, &all);
	each_end(&all);
	return ok;
}

bool machines_seen(struct cli *c, const struct args *a,
		   bool (*each)(struct cli *c, struct machine *m, struct err *e), struct err *e)
{
	struct each all = { .each = each };
	bool ok = each_begin(c, a, &all, e);

	if (ok) {
		machines_look(all.machines, all.count, LOOK_MS);
		do_each(c, &all);
	}
	each_end(&all);
	return ok;
}

bool machines_at_once(struct cli *c, const struct args *a,
		      bool (*each)(struct cli *c, struct machine *m, struct err *e), struct err *e)
{
	struct each all = { .each = each };
	bool ok = each_begin(c, a, &all, e) && crowd_run(c, all.count, do_one, &all, e);

	each_end(&all);
	return ok;
}

bool is_docker_machine(void)
{
	return strcmp(program.name, "docker-machine") == 0;
}

void say_version(void)
{
	if (is_docker_machine())
		printf("docker-machine version %s, build shoal\n", program.version);
	else
		printf("shoal-machine version %s\n", program.version);
}

/* Installed as docker-machine, we are docker-machine. */
static void take_name(const char *called)
{
	const char *slash = called ? strrchr(called, '/') : NULL;

	if (called && strcmp(slash ? slash + 1 : called, "docker-machine") == 0)
		program.name = "docker-machine";
}

/* docker-machine's own sentence for a word that is no command. */
static bool is_unknown_there(const struct args *globals, const char *called)
{
	size_t used;

	if (!is_docker_machine() || globals->word_count == 0 ||
	    strcmp(globals->words[0], "help") == 0 ||
	    command_find(globals->words, globals->word_count, &used))
		return false;
	fprintf(stderr, "docker-machine: '%s' is not a docker-machine command. See '%s --help'.\n",
		globals->words[0], called);
	return true;
}

static char *store_folder(const struct args *globals)
{
	const char *given = args_text(globals, "storage-path"), *home = getenv("HOME");

	if (!*given)
		return xasprintf("%s/%s/machine", home && *home ? home : "/root",
				 is_docker_machine() ? ".docker" : ".shoal");
	return given[0] == '/' ? xstrdup(given)
			       : xasprintf("%s/%s", getcwd((char[4096]){ 0 }, 4096), given);
}

/* Paths that the command line has for certificates. */
static void take_paths(struct store *s, const struct args *globals)
{
	const struct {
		const char *option;
		char **path;
	} paths[] = { { "tls-ca-cert", &s->ca },
		      { "tls-ca-key", &s->ca_key },
		      { "tls-client-cert", &s->cert },
		      { "tls-client-key", &s->key } };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		if (!args_has(globals, paths[i].option))
			continue;
		free(*paths[i].path);
		*paths[i].path = xstrdup(args_text(globals, paths[i].option));
	}
}

int machine_main(int argc, char **argv)
{
	struct cli c = { .argc = argc, .argv = argv, .to = stdout };
	AUTO_FREE char *folder = NULL;
	struct args globals;
	struct err e;
	int status = 0;

	take_name(argv[0]);
	if (!args_read(&globals, program.options, true, argc - 1, argv + 1, &e)) {
		fprintf(stderr, "%s\n\nUsage:  %s %s\n", e.text, program.name, program.usage);
		status = STATUS_USAGE;
	} else if (globals.wants_help) {
		help_program(stdout);
	} else if (args_bool(&globals, "version")) {
		say_version();
	} else if (!external_load_options(argc, argv, &e)) {
		fprintf(stderr, "%s\n", e.text);
		status = STATUS_FAILURE;
	} else if (is_unknown_there(&globals, argv[0])) {
		status = STATUS_FAILURE;
	} else {
		folder = store_folder(&globals);
		store_init(&c.store, folder);
		take_paths(&c.store, &globals);
		c.debug = args_bool(&globals, "debug");
		status = dispatch(&c, globals.words, globals.word_count);
		store_clear(&c.store);
	}
	args_clear(&globals);
	if (fflush(stdout) != 0 && status == 0)
		status = STATUS_FAILURE;
	return status;
}
