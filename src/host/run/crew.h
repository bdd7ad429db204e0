/* The crew: threads that run programs and mounts for containers, the urgent ones first.
 *
 * A runtime process takes some 10 ms of a core, and may hang on a file system that does: such work
 * has threads of its own, so that it delays neither the loop nor the loop's jobs, and so that
 * at most CREW_MAX of them run however many containers want to start. The next job is the
 * oldest of the most urgent kind: ending things comes before starting things, which comes before
 * looking at them; then a machine that is overloaded can always be relieved. */
#ifndef SHOAL_HOST_RUN_CREW_H
#define SHOAL_HOST_RUN_CREW_H

#include <stdbool.h>

#include "base/err.h"
#include "base/list.h"

struct crew;
struct loop;

#define CREW_MAX 16 /* threads; 2 for each processor is what it begins with */

enum crew_urgency { CREW_END, CREW_START, CREW_LOOK, CREW_URGENCIES };

/* Embedded by its owner, who keeps it until done() was called. */
struct crew_job {
	struct list link;
	void *self;
	void (*work)(void *self); /* in a thread: touches nothing but what it was given */
	void (*done)(void *self); /* on the loop */
};

bool crew_new(struct loop *loop, struct crew **crew, struct err *e) MUST_CHECK;
/* Carries out what was added, then ends. done() is called for each from in here. */
void crew_free(struct crew *crew);

void crew_add(struct crew *crew, enum crew_urgency urgency, struct crew_job *job);

#endif
