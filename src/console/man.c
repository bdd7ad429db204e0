#include "console/man.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "console/help.h"

/* Text as roff reads it: no leading dots, no bare backslashes or minus signs. */
static void roff(FILE *to, const char *text)
{
	bool at_start = true;

	for (; *text; text++) {
		if (at_start && (*text == '.' || *text == '\''))
			fputs("\\&", to);
		if (*text == '\\')
			fputs("\\e", to);
		else if (*text == '-')
			fputs("\\-", to);
		else
			fputc(*text, to);
		at_start = *text == '\n';
	}
}

static void write_options(FILE *to, const struct option *options)
{
	size_t count;
	AUTO_FREE const struct option **rows = options_sorted(options, &count);

	for (size_t i = 0; i < count; i++) {
		const struct option *o = rows[i];

		if (o->flags & OPTION_HIDDEN)
			continue;
		fprintf(to, ".TP\n.B ");
		if (o->letter)
			fprintf(to, "\\-%c, ", o->letter);
		fputs("\\-\\-", to);
		roff(to, o->name);
		if (*option_word(o))
			fprintf(to, " \\fI%s\\fR", option_word(o));
		fputc('\n', to);
		roff(to, o->help);
		if (o->fallback && *o->fallback) {
			fputs(" (default ", to);
			roff(to, o->fallback);
			fputc(')', to);
		}
		fputc('\n', to);
	}
}

static void write_examples(FILE *to, const char *examples)
{
	struct str rest = str_of(examples), line;

	fputs(".SH EXAMPLES\n", to);
	while (rest.len) {
		AUTO_FREE char *text = NULL;

		str_cut(rest, '\n', &line, &rest);
		text = str_dup(line);
		if (strncmp(text, "$ ", 2) == 0)
			fputs(".RS\n.nf\n", to);
		roff(to, text);
		fputs(strncmp(text, "$ ", 2) == 0 ? "\n.fi\n.RE\n" : "\n.PP\n", to);
	}
}

static FILE *create(const char *folder, const char *name, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s.1", folder, name);
	FILE *to = fopen(path, "we");

	if (!to)
		fail_sys(e, errno, "create %s", path);
	return to;
}

static bool finish(FILE *to, struct err *e)
{
	return fclose(to) == 0 || fail_sys(e, errno, "write a manual page");
}

/* "service create" as "shoal-service-create"; NULL: the program's own page. */
static char *page_name(const char *command)
{
	char *name = command ? xasprintf("%s-%s", program.name, command) : xstrdup(program.name);

	for (char *at = name; *at; at++)
		if (*at == ' ')
			*at = '-';
	return name;
}

static void write_title(FILE *to, const char *name, const char *summary)
{
	fprintf(to, ".TH \"%s\" 1 \"\" \"shoal %s\" \"shoal\"\n.SH NAME\n", name, program.version);
	roff(to, name);
	fputs(" \\- ", to);
	roff(to, summary);
}

static bool write_command(const char *folder, const struct command *cmd, struct err *e)
{
	AUTO_FREE char *name = page_name(cmd->name), *own = page_name(NULL);
	AUTO_BUF struct buf usage = BUF_MAX(4096);
	FILE *to = create(folder, name, e);

	if (!to)
		return false;
	help_usage(cmd, cmd->name, &usage);
	write_title(to, name, cmd->summary);
	fputs("\n.SH SYNOPSIS\n.B ", to);
	roff(to, usage.data);
	fputc('\n', to);
	if (cmd->also) {
		fputs(".SH ALIASES\n", to);
		roff(to, cmd->also);
		fputc('\n', to);
	}
	if (cmd->options) {
		fputs(".SH OPTIONS\n", to);
		write_options(to, cmd->options);
	}
	if (cmd->examples)
		write_examples(to, cmd->examples);
	fputs(".SH \"SEE ALSO\"\n.BR ", to);
	roff(to, own);
	fputs(" (1)\n", to);
	return finish(to, e);
}

static bool write_program(const char *folder, struct err *e)
{
	AUTO_FREE char *own = page_name(NULL);
	FILE *to = create(folder, own, e);

	if (!to)
		return false;
	write_title(to, own, program.summary);
	fputs("\n.SH SYNOPSIS\n.B ", to);
	roff(to, program.name);
	fputc('\n', to);
	roff(to, program.usage);
	fputs("\n.SH COMMANDS\n", to);
	for (const struct command_group *g = program.groups; g->commands; g++)
		for (const struct command *cmd = g->commands; cmd->name; cmd++) {
			AUTO_FREE char *name = page_name(cmd->name);

			if (cmd->flags & COMMAND_HIDDEN)
				continue;
			fputs(".TP\n.BR ", to);
			roff(to, name);
			fputs(" (1)\n", to);
			roff(to, cmd->summary);
			fputc('\n', to);
		}
	fputs(".SH OPTIONS\n", to);
	write_options(to, program.options);
	fprintf(to, ".SH ENVIRONMENT\n%s.SH \"EXIT STATUS\"\n%s", program.environment,
		program.exit_status);
	return finish(to, e);
}

bool man_write(struct cli *c, const struct args *a, struct err *e)
{
	const char *folder = a->words[0];

	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return fail_sys(e, errno, "create %s", folder);
	for (const struct command_group *g = program.groups; g->commands; g++)
		for (const struct command *cmd = g->commands; cmd->name; cmd++)
			if (!(cmd->flags & (COMMAND_HIDDEN | COMMAND_PROGRAM)) &&
			    !write_command(folder, cmd, e))
				return false;
	return write_program(folder, e);
}
