/* Commands as rows: the whole program is this table. Parsing, argument checks, help, completion
 * and man pages follow from it. */
#ifndef SHOAL_CLI_COMMAND_H
#define SHOAL_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/option.h"

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
	NAMES_KINDS,
};

enum command_flag {
	COMMAND_STOPS = 1,     /* options end at the first word: the rest belongs to a container */
	COMMAND_RUNS = 2,      /* failures exit 125, as the exit code is otherwise the container's */
	COMMAND_HIDDEN = 4,
	COMMAND_COMMON = 8,    /* listed first in the program's help, under its short name */
};

struct command {
	const char *name;     /* "container ls" */
	const char *also;     /* other names: "container list, container ps, ps" */
	const char *usage;    /* what follows the options: "IMAGE [COMMAND] [ARG...]" */
	const char *summary;
	const char *examples; /* lines; what begins with "$ " is a command, else text */
	const struct option *options;
	bool (*run)(struct cli *c, const struct args *a, struct err *e);
	int min, max;         /* words; max -1: any number */
	unsigned flags;
	enum names names;     /* of the words */
};

struct command_group {
	const char *name;    /* "service"; NULL for commands of one word */
	const char *summary;
	bool is_swarm;       /* help lists these apart */
	const struct command *commands; /* ends with an all-zero row */
};

extern const struct command_group command_groups[]; /* ends with a row without commands */

const struct command_group *command_group_find(const char *name);
/* The command that words[0..count) begin with and how many words name it, or NULL. */
const struct command *command_find(const char *const *words, size_t count, size_t *used);
/* Is `name` one of the command's names? */
bool command_has_name(const struct command *c, const char *name);

/* The i-th name of a command, the first being its own; false when there is none. */
bool command_name(const struct command *c, size_t i, char *out, size_t size);
#define COMMAND_NAME_MAX 64

/* The tables, a file a noun. */
extern const struct command swarm_commands[], node_commands[], service_commands[];
extern const struct command secret_commands[], config_commands[], network_commands[];
extern const struct command volume_commands[], container_commands[], image_commands[];
extern const struct command system_commands[], short_commands[];

#endif
