/* The plain commands of containers. */
#ifndef SHOAL_CLI_CONTAINER_CONTROL_H
#define SHOAL_CLI_CONTAINER_CONTROL_H

#include "cli/cli.h"

bool container_stop(struct cli *c, const struct args *a, struct err *e); /* and restart */
bool container_kill(struct cli *c, const struct args *a, struct err *e);
bool container_pause(struct cli *c, const struct args *a, struct err *e); /* and unpause */
bool container_remove(struct cli *c, const struct args *a, struct err *e);
bool container_wait(struct cli *c, const struct args *a, struct err *e);
bool container_rename(struct cli *c, const struct args *a, struct err *e);
bool container_update(struct cli *c, const struct args *a, struct err *e);
bool container_inspect(struct cli *c, const struct args *a, struct err *e);
bool container_prune(struct cli *c, const struct args *a, struct err *e);
bool container_diff(struct cli *c, const struct args *a, struct err *e);
bool container_export(struct cli *c, const struct args *a, struct err *e);
bool container_commit(struct cli *c, const struct args *a, struct err *e);
bool container_top(struct cli *c, const struct args *a, struct err *e);
bool container_port(struct cli *c, const struct args *a, struct err *e);

#endif
