/* The engine as a whole. */
#ifndef SHOAL_CLI_SYSTEM_H
#define SHOAL_CLI_SYSTEM_H

#include "cli/cli.h"

bool system_version(struct cli *c, const struct args *a, struct err *e);
bool system_info(struct cli *c, const struct args *a, struct err *e);
bool system_usage(struct cli *c, const struct args *a, struct err *e);
bool system_events(struct cli *c, const struct args *a, struct err *e);
bool inspect_any(struct cli *c, const struct args *a, struct err *e);

#endif
