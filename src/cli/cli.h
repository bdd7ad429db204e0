/* One run of the program: where the engine is, what time it is, what the exit code will be. */
#ifndef SHOAL_CLI_CLI_H
#define SHOAL_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "cli/client.h"
#include "console/command.h"

struct cli {
	struct client *client;
	const char *command_name; /* as it was called: "service create", "ps" */
	const struct command *command;
	int status; /* exit code of a run that did not fail */
	int64_t now_ns;
	bool in_is_tty, out_is_tty, err_is_tty;
	const char *config_dir;  /* ~/.docker or --config */
	const char *context;     /* in use: "default" unless something else was said */
	const char *default_url; /* of the context "default" */
};

/* Read the command line, run it, return the exit code. */
int cli_main(int argc, char **argv);

/* Print one failure of several and remember that the run failed. */
void cli_complain(struct cli *c, const struct err *e);
/* For each word of a command: do it, print the word when it went well and `prints`. */
void cli_each(struct cli *c, const struct args *a, bool prints,
	      bool (*each)(struct cli *c, const struct args *a, const char *word, struct err *e));
/* "Are you sure you want to continue? [y/N]" */
bool cli_confirm(const char *warning);

/* Wall clock, for what is measured while the program runs. */
int64_t clock_wall_ns(void);
int64_t clock_mono_ms(void);
void clock_sleep_ms(int ms); /* a signal ends it early */

#endif
