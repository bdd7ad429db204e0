/* The commands of the engine as a whole, and those that are of no noun. */
#include "cli/system.h"

#include "cli/list_options.h"

static const struct option format_options[] = {
	OPTION_INSPECT_FORMAT,
	{ 0 },
};

const struct command system_commands[] = {
	{ "system info", "info", NULL, "show what the engine is and has",
	  "$ shoal info\n$ shoal info --format '{{.Swarm.NodeID}}'", format_options, system_info, 0, 0,
	  COMMAND_COMMON },
	{ 0 },
};

const struct command short_commands[] = {
	{ "version", NULL, NULL, "show the versions of client and daemon",
	  "$ shoal version --format '{{.Server.Version}}'", format_options, system_version, 0, 0,
	  COMMAND_COMMON },
	{ 0 },
};
