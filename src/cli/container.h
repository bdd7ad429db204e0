/* Containers: what several files of the noun share. */
#ifndef SHOAL_CLI_CONTAINER_H
#define SHOAL_CLI_CONTAINER_H

#include "cli/cli.h"

/* A container of /containers/json as a row of a list; `whole`: nothing is cut. */
json_t *container_row(const json_t *o, bool whole, int64_t now_ns);

/* The commands. */
bool container_list(struct cli *c, const struct args *a, struct err *e);
bool container_run(struct cli *c, const struct args *a, struct err *e);
bool container_create(struct cli *c, const struct args *a, struct err *e);
bool container_start(struct cli *c, const struct args *a, struct err *e);
bool container_attach(struct cli *c, const struct args *a, struct err *e);
bool container_exec(struct cli *c, const struct args *a, struct err *e);
bool container_logs(struct cli *c, const struct args *a, struct err *e);
bool container_stats(struct cli *c, const struct args *a, struct err *e);
bool container_copy(struct cli *c, const struct args *a, struct err *e);

extern const struct option container_create_options[], container_run_options[];
extern const struct option container_update_options[];

#endif
