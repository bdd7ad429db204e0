/* What this node counts, as text for Prometheus (exposition format 0.0.4), under dockerd's names
 * where it has one. */
#ifndef SHOAL_API_METRICS_H
#define SHOAL_API_METRICS_H

#include "api/api.h"

#define METRICS_MAX (256 << 10)

/* `# HELP` and `# TYPE` of a family, whose samples follow. */
void metrics_family(struct buf *out, const char *name, const char *type, const char *help);

void metrics_write(struct buf *out, const struct api *api);

#endif
