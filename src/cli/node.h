/* Nodes: what other nouns ask about them. */
#ifndef SHOAL_CLI_NODE_H
#define SHOAL_CLI_NODE_H

#include "cli/cli.h"

/* The id of this node if the reference is "self", else the reference; the caller frees it. */
char *node_resolve(struct cli *c, const char *reference, struct err *e);

#endif
