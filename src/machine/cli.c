#include "machine/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "console/dispatch.h"
#include "console/help.h"
#include "machine/driver.h"

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

bool machines_each(struct cli *c, const struct args *a,
		   bool (*each)(struct cli *c, struct machine *m, struct err *e), struct err *e)
{
	struct machine **machines = xcalloc(a->word_count + 1, sizeof(struct machine *));
	size_t count;
	bool ok = load_all(c, a, machines, &count, e);

	for (size_t i = 0; ok && i < count; i++) {
		struct err why;

		if (!each(c, machines[i], &why))
			complain(c, &why);
	}
	for (size_t i = 0; i < count; i++)
		machine_free(machines[i]);
	free(machines);
	return ok;
}

static char *store_folder(const struct args *globals)
{
	const char *given = args_text(globals, "storage-path"), *home = getenv("HOME");

	if (!*given && getenv("MACHINE_STORAGE_PATH"))
		given = getenv("MACHINE_STORAGE_PATH");
	if (!*given)
		return xasprintf("%s/.shoal/machine", home && *home ? home : "/root");
	return given[0] == '/' ? xstrdup(given)
			       : xasprintf("%s/%s", getcwd((char[4096]){ 0 }, 4096), given);
}

int machine_main(int argc, char **argv)
{
	struct cli c = { .argc = argc, .argv = argv, .to = stdout };
	AUTO_FREE char *folder = NULL;
	struct args globals;
	struct err e;
	int status = 0;

	if (!args_read(&globals, program.options, true, argc - 1, argv + 1, &e)) {
		fprintf(stderr, "%s\n\nUsage:  %s %s\n", e.text, program.name, program.usage);
		status = STATUS_USAGE;
	} else if (globals.wants_help) {
		help_program(stdout);
	} else if (args_bool(&globals, "version")) {
		printf("shoal-machine version %s\n", SHOAL_VERSION);
	} else {
		folder = store_folder(&globals);
		store_init(&c.store, folder);
		c.debug = args_bool(&globals, "debug");
		status = dispatch(&c, globals.words, globals.word_count);
		store_clear(&c.store);
	}
	args_clear(&globals);
	if (fflush(stdout) != 0 && status == 0)
		status = STATUS_FAILURE;
	return status;
}
