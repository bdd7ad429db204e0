/* Roles: what a node is to be, made so.
 *
 * A node that is to be a manager has its role changed at once; it then renews its certificate and
 * joins the group. One that is to be a worker is removed from the group first, when that leaves a
 * quorum, and has its role changed when it is gone. A leader that is to be a worker hands over: the
 * next one finishes. What cannot be done yet is tried again. */
#ifndef SHOAL_SWARM_ROLES_H
#define SHOAL_SWARM_ROLES_H

#include "raft/group.h"
#include "swarm/controller.h"

struct roles;

struct roles *roles_new(struct group *g, const char *node_id, const struct log *log);
void roles_free(struct roles *r);
struct controller roles_controller(struct roles *r);

#endif
