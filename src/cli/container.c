/* The commands of containers. */
#include "cli/container.h"

#include "cli/list_options.h"

static const struct option list_options[] = {
	{ 'a', "all", OPT_BOOL, "show stopped containers too" },
	OPTION_FILTER,
	OPTION_FORMAT,
	{ 'n', "last", OPT_INT, "show the last so many created, in any state", .fallback = "-1" },
	{ 'l', "latest", OPT_BOOL, "show the last created, in any state" },
	OPTION_NO_TRUNC,
	OPTION_QUIET_IDS,
	{ 's', "size", OPT_BOOL, "show the size of their files" },
	{ 0 },
};

const struct command container_commands[] = {
	{ "container ls", "container list, container ps, ps", NULL, "list containers",
	  "$ shoal ps -a\n"
	  "The names of those that failed\n"
	  "$ shoal ps -a --filter status=exited --format '{{.Names}}'\n"
	  "$ shoal ps --format 'table {{.ID}}\\t{{.Names}}\\t{{.Status}}'",
	  list_options, container_list, 0, 0, COMMAND_COMMON },
	{ 0 },
};
