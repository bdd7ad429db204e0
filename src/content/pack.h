/* Files below the root of this process become a tar stream, names in order.
 *
 * PACK_DIFF: the root is the upper directory of an overlay; its whiteouts are written the way layers
 * carry them (.wh.NAME, .wh..wh..opq). Whether a directory is opaque the worker may not read: it shows
 * it to its job, {event: opaque} + fd, and gets {opaque: 0|1}. PACK_WHOLE: a tree as it is.
 *
 * The tree may be in use, and its owner may change it meanwhile: links are not followed, a file is
 * written with the length it had when it was opened. Hard links within the tree stay links. */
#ifndef SHOAL_CONTENT_PACK_H
#define SHOAL_CONTENT_PACK_H

#include "content/job.h"

struct archive;

enum pack_mode { PACK_DIFF, PACK_WHOLE };

struct pack {
	enum pack_mode mode;
	struct channel *up; /* DIFF */
};

/* What the open directory holds; each name gets `prefix` before it ("" or "a/"). */
bool pack_directory(struct archive *out, const struct pack *how, int dir, const char *prefix,
		    struct err *e) MUST_CHECK;
/* The file `base` of the directory, and what is in it if it is one too, as `name`. */
bool pack_file(struct archive *out, const struct pack *how, int parent, const char *base,
	       const char *name, struct err *e) MUST_CHECK;

/* In the job: an overlay's upper directory as the blob of a layer. */
bool pack_upper(struct job *j, const char *upper_dir, struct layer *made, struct err *e) MUST_CHECK;

#endif
