/* Removing what is not used, of each noun and of all together. */
#ifndef SHOAL_CLI_PRUNE_H
#define SHOAL_CLI_PRUNE_H

#include "cli/cli.h"

struct prunable {
	const char *path;        /* "/volumes/prune" */
	const char *title;       /* "Deleted Volumes" */
	const char *deleted;     /* the answer's list */
	const char *warning;     /* asked before, unless --force */
	const char *warning_all; /* the same with --all; NULL: no difference */
	bool counts_space;
};

extern const struct prunable prune_containers, prune_networks, prune_volumes, prune_images;

/* `NOUN prune`: ask, prune, say what went. */
MUST_CHECK bool prune_command(struct cli *c, const struct args *a, const struct prunable *what,
			      struct err *e);
bool system_prune(struct cli *c, const struct args *a, struct err *e);

#endif
