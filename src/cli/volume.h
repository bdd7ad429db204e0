/* Volumes: what other nouns show of them. */
#ifndef SHOAL_CLI_VOLUME_H
#define SHOAL_CLI_VOLUME_H

#include "cli/cli.h"

/* A volume as a row of a list. */
json_t *volume_row(const json_t *volume);

#endif
