/* The IAM permissions that the driver needs: the same list for --dry-run, the documentation and the
 * tests, which run all commands with exactly these. */
#ifndef SHOAL_MACHINE_EC2_PERMISSIONS_H
#define SHOAL_MACHINE_EC2_PERMISSIONS_H

#include <stdbool.h>

#include "base/str.h"

/* A policy as JSON; spot instances and a role for the host need one action more each. */
void permissions_write(bool has_spot, bool has_role, struct buf *out);

#endif
