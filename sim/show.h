/* What a scenario can look at, as columns of text. */
#ifndef SHOAL_SIM_SHOW_H
#define SHOAL_SIM_SHOW_H

#include "sim/stage.h"

struct show_tasks {
	bool all;   /* those that are not wanted any more, too */
	bool image; /* a column more */
};

bool show_tasks(struct stage *g, const char *service, struct show_tasks how, struct buf *out,
		struct err *e) MUST_CHECK;
/* Tasks that run and are wanted, a host. */
bool show_spread(struct stage *g, const char *service, struct buf *out, struct err *e) MUST_CHECK;
bool show_nodes(struct stage *g, struct buf *out, struct err *e) MUST_CHECK;
void show_containers(struct stage *g, struct buf *out);
/* Replicas that run and should, the image, and how its update stands. */
bool show_service(struct stage *g, const char *service, struct buf *out, struct err *e) MUST_CHECK;

/* What a reader got: each task of the service that wrote something, and how it ended. */
bool show_logs(struct stage *g, const char *name, const struct reader *r, struct buf *out,
	       struct err *e);

#endif
