/* Commands as rows: a whole program is this table. Parsing, argument checks, help, completion
 * and man pages follow from it.
 *
 * Each program that links this room defines one `program`, and its own `struct cli`: what a run of
 * it knows (this room only passes the pointer on). */
#ifndef SHOAL_CONSOLE_COMMAND_H
#define SHOAL_CONSOLE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "console/option.h"

struct cli;

/* What the words of a command name: completion asks the engine for these. */
enum names {
	NAMES_NONE,
	NAMES_FILES,
	NAMES_CONTAINERS,
	NAMES_IMAGES,
	NAMES_NETWORKS,
	NAMES_VOLUMES,
	NAMES_SERVICES,
	NAMES_NODES,
	NAMES_SECRETS,
	NAMES_CONFIGS,
	NAMES_COMMANDS,
	NAMES_MACHINES,
	NAMES_KINDS,
};

enum command_flag {
	COMMAND_STOPS = 1, /* options end at the first word: the rest belongs to a container */
	COMMAND_RUNS = 2,  /* failures exit 125, as the exit code is otherwise the container's */
	COMMAND_HIDDEN = 4,
	COMMAND_COMMON = 8, /* listed first in the program's help, under its short name */
	COMMAND_PROGRAM =
		16, /* a program of its own, with its own options, help and manual pages */
};

struct command {
	const char *name;  /* "container ls" */
	const char *also;  /* other names: "container list, container ps, ps" */
	const char *usage; /* what follows the options: "IMAGE [COMMAND] [ARG...]" */
	const char *summary;
	const char *examples; /* lines; what begins with "$ " is a command, else text */
	const struct option *options;
	bool (*run)(struct cli *c, const struct args *a, struct err *e);
	int min, max; /* words; max -1: any number */
	unsigned flags;
	enum names names; /* of the words */
};

struct command_group {
	const char *name; /* "service"; NULL for commands of one word */
	const char *summary;
	bool is_swarm;                  /* help lists these apart */
	const struct command *commands; /* ends with an all-zero row */
};

/* What docker has and we do not; also of a whole family ("stack"). */
struct absent_command {
	const char *name, *why;
};

struct program {
	const char *name; /* as people type it: "shoal", "shoal machine" */
	const char *summary;
	const char *usage; /* what follows the name: "[OPTIONS] COMMAND" */
	const char *version;
	const char *environment, *exit_status; /* of the manual page, in roff */
	int usage_status;                      /* exit code when options make no sense */
	const struct command_group *groups;    /* ends with a row without commands */
	const struct absent_command *absent;   /* ends with a zero row; may be NULL */
	const struct option *options;          /* before the command */
	/* Run a command that was read; *status is the exit code of a run that did not fail. */
	bool (*run)(struct cli *c, const struct command *cmd, const char *name,
		    const struct args *a, int *status, struct err *e);
	/* Append names of a kind that begin like `begun`, a line each. May be NULL. */
	void (*add_names)(struct cli *c, enum names names, const char *begun, struct buf *out);
	/* Append what can follow the words of a COMMAND_PROGRAM. NULL where there is none. */
	void (*add_words)(struct cli *c, const struct command *cmd, const char *const *words,
			  size_t count, struct buf *out);
};

/* Only its name may change, and only before anything else runs: a program behaves by the name it was
 * called by. */
extern struct program program;

const struct command_group *command_group_find(const char *name);
/* The command that words[0..count) begin with and how many words name it, or NULL. */
const struct command *command_find(const char *const *words, size_t count, size_t *used);
/* Is `name` one of the command's names? */
bool command_has_name(const struct command *c, const char *name);

/* The i-th name of a command, the first being its own; false when there is none. */
bool command_name(const struct command *c, size_t i, char *out, size_t size);
#define COMMAND_NAME_MAX 64

#endif
