#include "console/dispatch.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "console/help.h"

#define STATUS_FAILURE 1

/* "Run 'shoal ps --help' for more information", below what went wrong. */
static void print_usage(const struct command *cmd, const char *name)
{
	AUTO_BUF struct buf usage = BUF_MAX(4096);

	help_usage(cmd, name, &usage);
	fprintf(stderr, "\nUsage:  %s\n\nRun '%s %s --help' for more information\n", usage.data,
		program.name, name);
}

static int wrong_count(const struct command *cmd, const char *name)
{
	int wanted = cmd->min;
	const char *how = cmd->max < 0 ? "at least " : "";

	if (cmd->max == 0) {
		fprintf(stderr, "%s: '%s %s' accepts no arguments\n", program.name, program.name,
			name);
	} else {
		if (cmd->max > cmd->min)
			how = "at most ", wanted = cmd->max;
		fprintf(stderr, "%s: '%s %s' requires %s%d argument%s\n", program.name,
			program.name, name, how, wanted, wanted == 1 ? "" : "s");
	}
	print_usage(cmd, name);
	return STATUS_FAILURE;
}

static bool count_is_right(const struct command *cmd, size_t count)
{
	return (int)count >= cmd->min && (cmd->max < 0 || (int)count <= cmd->max);
}

static int report(const struct command *cmd, const char *name, const struct err *e)
{
	(void)fflush(stdout);
	if (!(cmd->flags & COMMAND_RUNS)) {
		fprintf(stderr, "%s\n", e->text);
		return STATUS_FAILURE;
	}
	fprintf(stderr, "%s: %s\n\nRun '%s %s --help' for more information\n", program.name,
		e->text, program.name, name);
	return program.usage_status;
}

/* All that follows is the other program's business. */
static int run_program(struct cli *c, const struct command *cmd, const char *name, size_t count,
		       const char *const *words)
{
	struct args a = { .words = (const char **)words, .word_count = count };
	struct err e;
	int status;

	if (!program.run(c, cmd, name, &a, &status, &e))
		return report(cmd, name, &e);
	return status;
}

static int run_command(struct cli *c, const struct command *cmd, const char *name, int argc,
		       char *const *argv)
{
	struct args a;
	struct err e;
	int status;

	if (!args_read(&a, cmd->options, cmd->flags & COMMAND_STOPS, argc, argv, &e)) {
		fprintf(stderr, "%s\n", e.text);
		print_usage(cmd, name);
		status = program.usage_status;
	} else if (a.wants_help) {
		help_command(cmd, name, stdout);
		status = 0;
	} else if (!count_is_right(cmd, a.word_count)) {
		status = wrong_count(cmd, name);
	} else if (!program.run(c, cmd, name, &a, &status, &e)) {
		status = report(cmd, name, &e);
	}
	args_clear(&a);
	return status;
}

/* "image build" or, for whole families, "stack". NULL: nobody has such a command. */
static const char *why_absent(const char *group, const char *word)
{
	AUTO_FREE char *name = xasprintf("%s%s%s", group ? group : "", group ? " " : "", word);

	for (const struct absent_command *a = program.absent; a && a->name; a++)
		if (strcmp(a->name, name) == 0)
			return a->why;
	return NULL;
}

static int unknown_command(const char *group, const char *word)
{
	const char *names[256] = { 0 }, *meant;
	size_t count = 0;
	size_t skip = group ? strlen(group) + 1 : 0;

	for (const struct command_group *g = program.groups; g->commands; g++) {
		if (group && (!g->name || strcmp(g->name, group) != 0))
			continue;
		if (!group && g->name && count < ARRAY_LEN(names))
			names[count++] = g->name;
		for (const struct command *cmd = g->commands; cmd->name; cmd++) {
			const char *last = cmd->also ? strrchr(cmd->also, ' ') : NULL;

			if (count + 2 > ARRAY_LEN(names) || (cmd->flags & COMMAND_HIDDEN))
				continue;
			if (group || !strchr(cmd->name, ' '))
				names[count++] = cmd->name + skip;
			else if (cmd->also && !strchr(last ? last + 1 : cmd->also, ' '))
				names[count++] = last ? last + 1 : cmd->also;
		}
	}
	if (why_absent(group, word)) {
		fprintf(stderr, "%s: '%s %s%s%s' is not available: %s\n", program.name,
			program.name, group ? group : "", group ? " " : "", word,
			why_absent(group, word));
		return STATUS_FAILURE;
	}
	meant = nearest_name(word, names, count);
	fprintf(stderr, "%s: unknown command: %s %s%s%s\n", program.name, program.name,
		group ? group : "", group ? " " : "", word);
	if (meant)
		fprintf(stderr, "Did you mean '%s'?\n", meant);
	fprintf(stderr, "\nRun '%s %s%s--help' for more information\n", program.name,
		group ? group : "", group ? " " : "");
	return STATUS_FAILURE;
}

static bool wants_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* `shoal help [COMMAND...]` */
static int help_for(struct cli *c, const char *const *words, size_t count)
{
	const struct command_group *g;
	const struct command *cmd;
	char name[COMMAND_NAME_MAX];
	size_t used;

	if (count == 0) {
		help_program(stdout);
		return 0;
	}
	g = command_group_find(words[0]);
	if (g && count == 1) {
		help_group(g, stdout);
		return 0;
	}
	cmd = command_find(words, count, &used);
	if (!cmd)
		return unknown_command(g ? g->name : NULL, words[g ? 1 : 0]);
	(void)snprintf(name, sizeof(name), "%s%s%s", words[0], used > 1 ? " " : "",
		       used > 1 ? words[1] : "");
	if (cmd->flags & COMMAND_PROGRAM)
		return run_program(c, cmd, name, 1, (const char *const[]){ "--help", NULL });
	help_command(cmd, name, stdout);
	return 0;
}

int dispatch(struct cli *c, const char *const *words, size_t count)
{
	const struct command_group *g;
	const struct command *cmd;
	char name[COMMAND_NAME_MAX];
	size_t used;

	if (count == 0 || strcmp(words[0], "help") == 0)
		return help_for(c, words + (count > 0), count - (count > 0));
	g = command_group_find(words[0]);
	if (g && (count == 1 || wants_help(words[1]))) {
		help_group(g, stdout);
		return 0;
	}
	cmd = command_find(words, count, &used);
	if (!cmd)
		return unknown_command(g ? g->name : NULL, words[g ? 1 : 0]);
	(void)snprintf(name, sizeof(name), "%s%s%s", words[0], used > 1 ? " " : "",
		       used > 1 ? words[1] : "");
	if (cmd->flags & COMMAND_PROGRAM)
		return run_program(c, cmd, name, count - used, words + used);
	return run_command(c, cmd, name, (int)(count - used), (char *const *)(words + used));
}
