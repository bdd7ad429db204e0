/* A layer on its way from a blob to a directory of the store, in a worker.
 *
 *   started -> step() ... -> done: the layer is in the store, or it failed */
#ifndef SHOAL_CONTENT_LAYER_H
#define SHOAL_CONTENT_LAYER_H

#include "content/job.h"

struct unpacking {
	struct worker worker;
	char *dir;           /* of the layer, under the job's */
	const char *diff_id; /* what it must be; NULL: whatever it is */
	struct layer layer;  /* what it is, once done */
	int64_t current;     /* bytes of the blob that were read */
};

/* `blob` is the layer's blob: digest and size; the descriptor is read from its start. */
bool unpacking_start(struct unpacking *u, struct job *j, const char *name, int fd, const char *blob,
		     int64_t blob_bytes, const char *diff_id, struct err *e) MUST_CHECK;
/* After poll() said that its channel has something. */
bool unpacking_step(struct unpacking *u, struct job *j, bool *is_done, struct err *e) MUST_CHECK;
/* All of it at once. */
bool unpacking_wait(struct unpacking *u, struct job *j, struct err *e) MUST_CHECK;
void unpacking_end(struct unpacking *u);

#endif
