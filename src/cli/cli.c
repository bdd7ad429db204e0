#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/program.h"
#include "console/dispatch.h"
#include "console/help.h"

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
	struct cli c = { .now_ns = clock_wall_ns(),
			 .in_is_tty = isatty(0),
			 .out_is_tty = isatty(1),
			 .err_is_tty = isatty(2) };
	struct endpoint where = { 0 };
	AUTO_FREE char *config = NULL;
	struct args globals;
	struct err e;
	int status;

	if (!args_read(&globals, program.options, true, argc - 1, argv + 1, &e)) {
		fprintf(stderr,
			"%s\n\nUsage:  shoal [OPTIONS] COMMAND [ARG...]\n\n"
			"Run 'shoal --help' for more information\n",
			e.text);
		status = program.usage_status;
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
