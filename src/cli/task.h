/* Tasks: what a service or a node is to run, and how it went. */
#ifndef SHOAL_CLI_TASK_H
#define SHOAL_CLI_TASK_H

#include "cli/cli.h"

extern const struct option task_list_options[];

/* The tasks of a service, node or stack, by the command's --filter too; NULL when it failed. */
json_t *task_fetch(struct cli *c, const struct args *a, const char *filter, const char *value,
		   struct err *e);
/* Print tasks as `service ps` does: slots in order, newest first, older ones below them. */
MUST_CHECK bool task_print(struct cli *c, const struct args *a, json_t *tasks, struct err *e);

/* Names of services and nodes by id, asked for once each. A name that cannot be had is the id. */
struct names_known {
	json_t *services, *nodes;
	bool resolves;
};
void names_known_clear(struct names_known *n);
MUST_CHECK bool name_of_service(struct cli *c, struct names_known *n, const char *id,
				const char **name, struct err *e);
MUST_CHECK bool name_of_node(struct cli *c, struct names_known *n, const char *id,
			     const char **name, struct err *e);

#endif
