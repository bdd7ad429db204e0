/* The allocator: what the swarm gives out once, and NEW tasks become PENDING when they have it.
 *
 * Networks get their driver's state, services their endpoint (published ports), tasks the endpoint
 * of their service and their networks, whole. Until overlay networks are built, the networks that
 * tasks can have are those that each node sees to alone. */
#ifndef SHOAL_SWARM_ALLOCATE_ALLOCATE_H
#define SHOAL_SWARM_ALLOCATE_ALLOCATE_H

#include "swarm/controller.h"

struct allocate;
struct log;

struct allocate *allocate_new(const struct log *log);
void allocate_free(struct allocate *al);
struct controller allocate_controller(struct allocate *al);

#endif
