/* What a machine's engine says over TLS at the machine's URL. The questions are put to where the last
 * look at the host saw it. */
#ifndef SHOAL_MACHINE_ENGINE_H
#define SHOAL_MACHINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/store.h"

#define ENGINE_PORT 2376

struct engine_answer {
	const struct machine *machine; /* whom to ask; NULL is skipped */
	char version[64];              /* "" when it did not answer */
	bool is_late;                  /* the time was over */
	struct err why;                /* why there is no version */
};

/* Ask many at once; returns when all have answered or failed or the time is over. */
void engines_ask(struct engine_answer *answers, size_t count, int64_t timeout_ms);
/* Ask one until it answers. Gives up at once when its certificate is refused or it has ended. */
bool engine_wait(struct machine *m, int64_t timeout_ms, struct err *e) MUST_CHECK;
/* Ask one, now. */
bool engine_version(const struct machine *m, int64_t timeout_ms, char version[64],
		    struct err *e) MUST_CHECK;

#endif
