/* One call of a driver's program. */
#ifndef SHOAL_MACHINE_EXTERNAL_TALK_H
#define SHOAL_MACHINE_EXTERNAL_TALK_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

struct cli;
struct machine;

struct talk {
	const char *program;
	struct cli *cli;    /* who hears what the driver says; NULL: nobody */
	struct machine *m;  /* whose members it may save; NULL: it may not */
	int64_t timeout_ms; /* for the whole call */
};

/* Send `request` (taken over), hear the lines, answer "done" as a new reference. NULL and *e: its own
 * sentence, or what it did against the contract. A program that takes too long is killed. */
json_t *talk_call(const struct talk *t, json_t *request, struct err *e);

#endif
