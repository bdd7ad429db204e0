/* A node for people. */
#ifndef SHOAL_CLI_NODE_SHOW_H
#define SHOAL_CLI_NODE_SHOW_H

#include <jansson.h>

void node_show(const json_t *node);

#endif
