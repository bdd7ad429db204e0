/* The tables of commands, a file a noun. */
#ifndef SHOAL_CLI_PROGRAM_H
#define SHOAL_CLI_PROGRAM_H

#include "console/command.h"

extern const struct command swarm_commands[], node_commands[], service_commands[];
extern const struct command secret_commands[], config_commands[], network_commands[];
extern const struct command context_commands[];
extern const struct command volume_commands[], container_commands[], image_commands[];
extern const struct command system_commands[], short_commands[];

#endif
