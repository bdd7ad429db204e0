/* Deletes tasks that nobody needs any more: those to be removed that have stopped (or never
 * started), and the history of a slot beyond its limit. */
#ifndef SHOAL_SWARM_ORCHESTRATE_REAPER_H
#define SHOAL_SWARM_ORCHESTRATE_REAPER_H

#include "swarm/controller.h"

struct reaper;

struct reaper *reaper_new(void);
void reaper_free(struct reaper *r);
struct controller reaper_controller(struct reaper *r);

#endif
