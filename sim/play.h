/* The commands of a scenario: a line says what is done on the stage, and may print.
 *
 *   swarm managers=1 workers=3 [seed=7]      first of all
 *   service create NAME [OPTIONS]            --replicas N, --image X, --constraint EXPR, --mode global,
 *   service update NAME [OPTIONS]            --restart-condition none|on-failure|any, --restart-delay 5s,
 *   service scale NAME=N                     --restart-max-attempts N, --update-parallelism N,
 *   service rm NAME                          --update-delay 2s, --update-monitor 5s, --force,
 *   service status NAME                      --update-order stop-first|start-first,
 *                                            --update-failure-action pause|continue|rollback
 *   node update NAME --availability active|pause|drain
 *   node rm NAME [--force]
 *   settle                                   wait until nothing has changed for ten seconds
 *   after 45s                                wait
 *   tasks NAME [all] [image]                 name, state, host; `all` adds what is wanted and the error
 *   spread NAME                              running tasks a host
 *   logs NAME [last N]                       what a reader gets of each task, in the end
 *   follow NAME, followed NAME               what one who follows got between the two
 *   nodes                                    name, state, availability, leader
 *   containers                               those that exist, a host
 *   crash X, power-off X, start X            a process that dies, a host without power
 *   pause X 1s                               it does nothing for a while
 *   cut A B, heal                            a link that swallows everything, both ways
 *   exit TASK CODE                           its container ends
 *   fail-start HOST [off]                    no container starts there
 *   full-disk HOST [off]                     nothing more can be written there
 *   watch NAME, watched NAME                 fewest and most running containers between the two
 *   expect-mark NAME                         that branch of the code was taken
 *
 * What fails prints "error: " and why. */
#ifndef SHOAL_SIM_PLAY_H
#define SHOAL_SIM_PLAY_H

#include "sim/stage.h"

struct play {
	struct stage stage;
	struct reader *following; /* whom `follow` began */
	uint64_t seed;            /* 0: the file's, or 1 */
	bool is_verbose;
};

/* Carry out a line; what it has to say goes to `out`. */
void play_line(struct play *p, const char *line, struct buf *out);
void play_clear(struct play *p);

#endif
