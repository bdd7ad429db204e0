/* The options of `service create` and `service update` in scenarios, in Docker's words. */
#ifndef SHOAL_SIM_SERVICE_WORDS_H
#define SHOAL_SIM_SERVICE_WORDS_H

#include "pb/pb.h"

/* "45s", "200ms", "2m" or "1h". Fails with ERR_INVALID. */
bool span_parse(const char *text, int64_t *ms, struct err *e) MUST_CHECK;

/* A service of one replica. */
Pb__ServiceSpec *service_words_spec(struct arena *a, const char *name);
/* Put what the words say into the spec. Fails with ERR_INVALID. */
bool service_words_apply(struct arena *a, Pb__ServiceSpec *spec, char **words, size_t count,
			 struct err *e) MUST_CHECK;

#endif
