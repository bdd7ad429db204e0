#include "console/help.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TEXT_COLUMNS 80
#define HELP_MAX     65536

void help_usage(const struct command *c, const char *name, struct buf *out)
{
	const char *rest = c->usage ? c->usage : "";

	for (;;) {
		struct str line = str_of(rest);
		const char *next = strchr(rest, '\n');

		if (next)
			line.len = (size_t)(next - rest);
		buf_printf(out, "%s %s", program.name, name);
		if (c->options)
			buf_append_c(out, " [OPTIONS]");
		buf_printf(out, "%s%.*s", line.len ? " " : "", STR_FMT(line));
		if (!next)
			return;
		buf_append_c(out, "\n\tor: ");
		rest = next + 1;
	}
}

/* Words wrapped to the screen; lines after the first begin in `column`. */
static void print_wrapped(const char *text, size_t column, FILE *to)
{
	size_t at = column;

	while (*text) {
		size_t length = strcspn(text, " \n");

		if (at > column && at + length + 1 > TEXT_COLUMNS && column < TEXT_COLUMNS - 20) {
			fprintf(to, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			fputc(' ', to);
			at++;
		}
		fprintf(to, "%.*s", (int)length, text);
		at += length;
		text += length;
		text += strspn(text, " \n");
	}
	fputc('\n', to);
}

static void option_left(const struct option *o, struct buf *out)
{
	const char *word = option_word(o);

	if (o->letter)
		buf_printf(out, "  -%c, --%s", o->letter, o->name);
	else
		buf_printf(out, "      --%s", o->name);
	if (*word)
		buf_printf(out, " %s", word);
}

static void option_right(const struct option *o, struct buf *out)
{
	buf_append_c(out, o->help);
	if (o->choices) {
		buf_append_c(out, " (");
		for (const char *at = o->choices; *at; at++)
			buf_append_c(out, *at == ' ' ? ", " : (char[]){ *at, 0 });
		buf_append_c(out, ")");
	}
	if (o->env)
		buf_printf(out, " [$%s]", o->env);
	if (o->fallback && *o->fallback && strcmp(o->fallback, "0") != 0)
		buf_printf(out, o->kind == OPT_TEXT ? " (default \"%s\")" : " (default %s)",
			   o->fallback);
}

static void print_options(const struct option *options, const char *title, FILE *to)
{
	size_t count, width = 0;
	AUTO_FREE const struct option **rows = options_sorted(options, &count);

	for (size_t i = 0; i < count; i++) {
		AUTO_BUF struct buf left = BUF_MAX(HELP_MAX);

		option_left(rows[i], &left);
		if (!(rows[i]->flags & OPTION_HIDDEN) && left.len > width)
			width = left.len;
	}
	fprintf(to, "\n%s:\n", title);
	for (size_t i = 0; i < count; i++) {
		AUTO_BUF struct buf left = BUF_MAX(HELP_MAX), right = BUF_MAX(HELP_MAX);

		if (rows[i]->flags & OPTION_HIDDEN)
			continue;
		option_left(rows[i], &left);
		option_right(rows[i], &right);
		fprintf(to, "%-*s", (int)width + 3, left.data);
		print_wrapped(right.data, width + 3, to);
	}
}

static void print_names(const struct command *c, FILE *to)
{
	char name[COMMAND_NAME_MAX];

	if (!c->also)
		return;
	fprintf(to, "\nAliases:\n  ");
	for (size_t i = 0; command_name(c, i, name, sizeof(name)); i++)
		fprintf(to, "%s%s %s", i ? ", " : "", program.name, name);
	fputc('\n', to);
}

/* Example lines: "$ " begins a command, anything else says what it is for. */
static void print_examples(const char *examples, FILE *to)
{
	fprintf(to, "\nExamples:\n");
	while (*examples) {
		size_t length = strcspn(examples, "\n");

		if (strncmp(examples, "$ ", 2) == 0)
			fprintf(to, "  %.*s\n", (int)length, examples);
		else
			fprintf(to, "  # %.*s\n", (int)length, examples);
		examples += length + (examples[length] == '\n');
	}
}

void help_command(const struct command *c, const char *name, FILE *to)
{
	AUTO_BUF struct buf usage = BUF_MAX(HELP_MAX);

	help_usage(c, name, &usage);
	fprintf(to, "Usage:  %s\n\n%c%s\n", usage.data, c->summary[0] & ~0x20, c->summary + 1);
	print_names(c, to);
	if (c->options)
		print_options(c->options, "Options", to);
	if (c->examples)
		print_examples(c->examples, to);
}

struct line {
	const char *name, *summary;
};

static int by_line_name(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->name, ((const struct line *)b)->name);
}

static void print_lines(struct line *lines, size_t count, const char *title, FILE *to)
{
	if (count == 0)
		return;
	qsort(lines, count, sizeof(*lines), by_line_name);
	fprintf(to, "\n%s:\n", title);
	for (size_t i = 0; i < count; i++) {
		fprintf(to, "  %-11s ", lines[i].name);
		print_wrapped(lines[i].summary, 14, to);
	}
}

static size_t count_commands(const struct command *commands)
{
	size_t count = 0;

	while (commands[count].name)
		count++;
	return count;
}

void help_group(const struct command_group *g, FILE *to)
{
	AUTO_FREE struct line *lines = xcalloc(count_commands(g->commands), sizeof(*lines));
	size_t count = 0;

	for (const struct command *c = g->commands; c->name; c++)
		if (!(c->flags & COMMAND_HIDDEN))
			lines[count++] = (struct line){ c->name + strlen(g->name) + 1, c->summary };
	fprintf(to, "Usage:  %s %s COMMAND\n\n%c%s\n", program.name, g->name, g->summary[0] & ~0x20,
		g->summary + 1);
	print_lines(lines, count, "Commands", to);
	fprintf(to, "\nRun '%s %s COMMAND --help' for more information on a command.\n",
		program.name, g->name);
}

/* The one-word name of a command; NULL if it has none. */
static const char *short_name(const struct command *c)
{
	const char *last;

	if (!strchr(c->name, ' '))
		return c->name;
	if (!c->also)
		return NULL;
	last = strrchr(c->also, ',');
	last = last ? last + 2 : c->also;
	return strchr(last, ' ') ? NULL : last;
}

static void print_short_commands(bool common, const char *title, FILE *to)
{
	struct line lines[256];
	size_t count = 0;

	for (const struct command_group *g = program.groups; g->commands; g++)
		for (const struct command *c = g->commands; c->name && count < ARRAY_LEN(lines);
		     c++) {
			const char *name = short_name(c);

			if (name && !(c->flags & COMMAND_HIDDEN) &&
			    !!(c->flags & COMMAND_COMMON) == common)
				lines[count++] = (struct line){ name, c->summary };
		}
	print_lines(lines, count, title, to);
}

static void print_groups(bool is_swarm, const char *title, FILE *to)
{
	struct line lines[64];
	size_t count = 0;

	for (const struct command_group *g = program.groups;
	     g->commands && count < ARRAY_LEN(lines); g++)
		if (g->name && g->is_swarm == is_swarm)
			lines[count++] = (struct line){ g->name, g->summary };
	print_lines(lines, count, title, to);
}

void help_program(FILE *to)
{
	fprintf(to, "Usage:  %s %s\n\n%c%s\n", program.name, program.usage,
		program.summary[0] & ~0x20, program.summary + 1);
	print_short_commands(true, "Common Commands", to);
	print_groups(true, "Swarm Commands", to);
	print_groups(false, "Management Commands", to);
	print_short_commands(false, "Commands", to);
	print_options(program.options, "Global Options", to);
	fprintf(to, "\nRun '%s COMMAND --help' for more information on a command.\n", program.name);
}
