/* A tar stream into a layer's blob: hashed (its diff id), compressed with gzip, and sent up piece by
 * piece as {event: data, bytes}; then {event: done, diff_id, tar_bytes}. In the job, what comes
 * is written and hashed again, as a blob. The same tar gives the same blob. */
#ifndef SHOAL_CONTENT_SQUEEZE_H
#define SHOAL_CONTENT_SQUEEZE_H

#include "content/job.h"

struct archive;

/* In the worker. */
struct squeeze {
	struct channel *up;
	struct archive *gz;
	struct hash hash;
	int64_t bytes;
	struct err err;
};

bool squeeze_open(struct squeeze *s, struct channel *up, struct err *e) MUST_CHECK;
bool squeeze_add(struct squeeze *s, const void *data, size_t size, struct err *e) MUST_CHECK;
/* Close, and say done. */
bool squeeze_end(struct squeeze *s, struct err *e) MUST_CHECK;
/* Write a tar archive into it, with archive_write_* and archive_write_free(). */
struct archive *squeeze_tar(struct squeeze *s);

/* In the job: collect from a worker that squeezes. `fill` gets what is known of the layer: diff id,
 * blob, sizes. A worker may also ask about directories: pack.h. */
bool squeeze_collect(struct job *j, struct worker *w, const char *name, struct layer *fill,
		     struct err *e) MUST_CHECK;

/* In the job: the tar that fd holds (or a pipe gives), plain or compressed in any way we know, becomes a
 * layer of the store. `diff_id` is what it must be; NULL: whatever it is. */
bool squeeze_layer(struct job *j, int fd, const char *name, const char *diff_id, struct layer *l,
		   struct err *e) MUST_CHECK;
/* The second half of it: a blob that is in the store becomes a layer. */
bool layer_from_blob(struct job *j, const char *name, const char *blob, int64_t blob_bytes,
		     const char *diff_id, struct layer *l, struct err *e) MUST_CHECK;

#endif
