#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/context_store.h"
#include "cli/program.h"
#include "console/dispatch.h"
#include "template/field.h"
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

static const char *host_in_environment(void)
{
	const char *own = getenv("SHOAL_HOST"), *theirs = getenv("DOCKER_HOST");

	return own && *own ? own : theirs && *theirs ? theirs : NULL;
}

/* What was said last wins: --host or --context, then the environment, then what is in use. */
static char *choose_context(const struct args *globals, const char *config, struct err *e)
{
	bool has_host = *args_text(globals, "host") != '\0';
	const char *given = args_text(globals, "context");

	if (has_host && *given) {
		(void)fail(e, ERR_INVALID,
			   "conflicting options: cannot specify both --host and --context");
		return NULL;
	}
	if (*given)
		return xstrdup(given);
	return has_host || host_in_environment() ? xstrdup(CONTEXT_DEFAULT)
						 : context_in_use(config);
}

static void read_tls_options(struct endpoint *where, const struct args *globals, const char *config)
{
	const char *verify = getenv("DOCKER_TLS_VERIFY"), *folder = getenv("DOCKER_CERT_PATH");

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
}

static bool read_context(struct endpoint *where, const char *config, const char *name,
			 struct err *e)
{
	AUTO_JSON json_t *meta = context_load(config, name, e);
	AUTO_FREE char *folder = context_tls_folder(config, name);

	if (!meta)
		return false;
	where->ca = xasprintf("%s/docker/ca.pem", folder);
	where->cert = xasprintf("%s/docker/cert.pem", folder);
	where->key = xasprintf("%s/docker/key.pem", folder);
	where->verify = !field_bool(meta, "Endpoints.docker.SkipTLSVerify");
	where->tls =
		!where->verify || access(where->ca, F_OK) == 0 || access(where->cert, F_OK) == 0;
	return endpoint_read(where, field_text(meta, "Endpoints.docker.Host"), e);
}

/* A context that is gone must not stand in the way of choosing another. */
static bool works_without_engine(const struct args *globals)
{
	return globals->word_count > 0 && (strcmp(globals->words[0], "context") == 0 ||
					   strcmp(globals->words[0], "completion") == 0 ||
					   strcmp(globals->words[0], "man") == 0);
}

static bool read_endpoint(struct cli *c, struct endpoint *where, const struct args *globals,
			  struct err *e)
{
	const char *host = args_text(globals, "host");
	bool is_default = strcmp(c->context, CONTEXT_DEFAULT) == 0;

	if (!is_default && read_context(where, c->config_dir, c->context, e))
		return true;
	if (!is_default && !works_without_engine(globals))
		return while_doing(e, "Failed to initialize: unable to resolve docker endpoint");
	endpoint_clear(where);
	read_tls_options(where, globals, c->config_dir);
	return endpoint_read(where, *host ? host : NULL, e);
}

static int run_commands(struct cli *c, const struct args *globals)
{
	AUTO_FREE char *config = config_dir(globals), *context = NULL;
	struct endpoint where = { 0 }, fallback = { 0 };
	int status = STATUS_FAILURE;
	struct err e;

	c->config_dir = config;
	c->context = context = choose_context(globals, config, &e);
	if (context && endpoint_read(&fallback, NULL, &e) &&
	    read_endpoint(c, &where, globals, &e)) {
		c->default_url = fallback.url;
		c->client = client_new(&where);
		status = dispatch(c, globals->words, globals->word_count);
		client_free(c->client);
	} else {
		fprintf(stderr, "%s\n", e.text);
	}
	endpoint_clear(&where);
	endpoint_clear(&fallback);
	return status;
}

int cli_main(int argc, char **argv)
{
	struct cli c = { .now_ns = clock_wall_ns(),
			 .in_is_tty = isatty(0),
			 .out_is_tty = isatty(1),
			 .err_is_tty = isatty(2) };
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
		status = run_commands(&c, &globals);
	}
	args_clear(&globals);
	if (fflush(stdout) != 0 && status == 0)
		status = STATUS_FAILURE;
	return status;
}
