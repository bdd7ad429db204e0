#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/help.h"

#define STATUS_USAGE   125
#define STATUS_FAILURE 1

int64_t clock_wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_mono_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void clock_sleep_ms(int ms)
{
	struct timespec pause = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&pause, NULL);
}

void cli_complain(struct cli *c, const struct err *e)
{
	(void)fflush(stdout);
	fprintf(stderr, "%s\n", e->text);
	c->status = STATUS_FAILURE;
}

void cli_each(struct cli *c, const struct args *a, bool prints,
	      bool (*each)(struct cli *c, const struct args *a, const char *word, struct err *e))
{
	for (size_t i = 0; i < a->word_count; i++) {
		struct err e;

		if (!each(c, a, a->words[i], &e))
			cli_complain(c, &e);
		else if (prints)
			printf("%s\n", a->words[i]);
	}
}

bool cli_confirm(const char *warning)
{
	char answer[16] = "";

	printf("%s\nAre you sure you want to continue? [y/N] ", warning);
	(void)fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin))
		return false;
	return strcasecmp(answer, "y\n") == 0 || strcasecmp(answer, "yes\n") == 0;
}

/* "Run 'shoal ps --help' for more information", below what went wrong. */
static void print_usage(const struct command *cmd, const char *name)
{
	AUTO_BUF struct buf usage = BUF_MAX(4096);

	help_usage(cmd, name, &usage);
	fprintf(stderr, "\nUsage:  %s\n\nRun 'shoal %s --help' for more information\n", usage.data, name);
}

static int wrong_count(const struct command *cmd, const char *name)
{
	int wanted = cmd->min;
	const char *how = cmd->max < 0 ? "at least " : "";

	if (cmd->max == 0) {
		fprintf(stderr, "shoal: 'shoal %s' accepts no arguments\n", name);
	} else {
		if (cmd->max > cmd->min)
			how = "at most ", wanted = cmd->max;
		fprintf(stderr, "shoal: 'shoal %s' requires %s%d argument%s\n", name, how, wanted,
			wanted == 1 ? "" : "s");
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
	fprintf(stderr, "shoal: %s\n\nRun 'shoal %s --help' for more information\n", e->text, name);
	return STATUS_USAGE;
}

static int run_command(struct cli *c, const struct command *cmd, const char *name, int argc,
		       char *const *argv)
{
	struct args a;
	struct err e;
	int status;

	c->command = cmd;
	c->command_name = name;
	if (!args_read(&a, cmd->options, cmd->flags & COMMAND_STOPS, argc, argv, &e)) {
		fprintf(stderr, "%s\n", e.text);
		print_usage(cmd, name);
		status = STATUS_USAGE;
	} else if (a.wants_help) {
		help_command(cmd, name, stdout);
		status = 0;
	} else if (!count_is_right(cmd, a.word_count)) {
		status = wrong_count(cmd, name);
	} else if (!cmd->run(c, &a, &e)) {
		status = report(cmd, name, &e);
	} else {
		status = c->status;
	}
	args_clear(&a);
	return status;
}

static int unknown_command(const char *group, const char *word)
{
	const char *names[256] = { 0 }, *meant;
	size_t count = 0;
	size_t skip = group ? strlen(group) + 1 : 0;

	for (const struct command_group *g = command_groups; g->commands; g++) {
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
	meant = nearest_name(word, names, count);
	fprintf(stderr, "shoal: unknown command: shoal %s%s%s\n", group ? group : "", group ? " " : "", word);
	if (meant)
		fprintf(stderr, "Did you mean '%s'?\n", meant);
	fprintf(stderr, "\nRun 'shoal %s%s--help' for more information\n", group ? group : "",
		group ? " " : "");
	return STATUS_FAILURE;
}

static bool wants_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* `shoal help [COMMAND...]` */
static int help_for(const char *const *words, size_t count)
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
	help_command(cmd, name, stdout);
	return 0;
}

static int dispatch(struct cli *c, const char *const *words, size_t count)
{
	const struct command_group *g;
	const struct command *cmd;
	char name[COMMAND_NAME_MAX];
	size_t used;

	if (count == 0 || strcmp(words[0], "help") == 0)
		return help_for(words + (count > 0), count - (count > 0));
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
	return run_command(c, cmd, name, (int)(count - used), (char *const *)(words + used));
}

static char *config_dir(const struct args *globals)
{
	const char *given = args_text(globals, "config"), *home = getenv("HOME");

	if (!*given && getenv("DOCKER_CONFIG"))
		given = getenv("DOCKER_CONFIG");
	return *given ? xstrdup(given) : xasprintf("%s/.docker", home ? home : "");
}

static char *tls_file(const struct args *globals, const char *option, const char *folder,
		      const char *file)
{
	const char *given = args_text(globals, option);

	return *given ? xstrdup(given) : xasprintf("%s/%s", folder, file);
}

static bool read_endpoint(struct endpoint *where, const struct args *globals, const char *config,
			  struct err *e)
{
	const char *verify = getenv("DOCKER_TLS_VERIFY"), *folder = getenv("DOCKER_CERT_PATH");
	const char *host = args_text(globals, "host");

	if (!folder || !*folder)
		folder = config;
	where->verify = args_has(globals, "tlsverify") ? args_bool(globals, "tlsverify")
						       : verify && *verify;
	where->tls = where->verify || args_bool(globals, "tls");
	if (where->tls) {
		where->ca = tls_file(globals, "tlscacert", folder, "ca.pem");
		where->cert = tls_file(globals, "tlscert", folder, "cert.pem");
		where->key = tls_file(globals, "tlskey", folder, "key.pem");
	}
	return endpoint_read(where, *host ? host : NULL, e);
}

int cli_main(int argc, char **argv)
{
	struct cli c = { .now_ns = clock_wall_ns(), .in_is_tty = isatty(0), .out_is_tty = isatty(1),
			 .err_is_tty = isatty(2) };
	struct endpoint where = { 0 };
	AUTO_FREE char *config = NULL;
	struct args globals;
	struct err e;
	int status;

	if (!args_read(&globals, global_options, true, argc - 1, argv + 1, &e)) {
		fprintf(stderr, "%s\n\nUsage:  shoal [OPTIONS] COMMAND [ARG...]\n\n"
				"Run 'shoal --help' for more information\n", e.text);
		status = STATUS_USAGE;
	} else if (globals.wants_help) {
		help_program(stdout);
		status = 0;
	} else if (args_bool(&globals, "version")) {
		printf("shoal version %s\n", SHOAL_VERSION);
		status = 0;
	} else {
		c.config_dir = config = config_dir(&globals);
		if (read_endpoint(&where, &globals, config, &e)) {
			c.client = client_new(&where);
			status = dispatch(&c, globals.words, globals.word_count);
			client_free(c.client);
		} else {
			fprintf(stderr, "%s\n", e.text);
			status = STATUS_FAILURE;
		}
	}
	endpoint_clear(&where);
	args_clear(&globals);
	if (fflush(stdout) != 0 && status == 0)
		status = STATUS_FAILURE;
	return status;
}
