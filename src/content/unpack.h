/* A tar stream becomes files below a directory.
 *
 * That directory is the root for every path and link: the kernel resolves inside it (path.h), and
 * the workers that do this have it for their root as well, so that there are two walls.
 *
 * UNPACK_LAYER: the root is an empty directory; whiteouts become what overlayfs reads (a character
 * device 0:0, and "opaque" directories, which take a right that the worker lacks: it sends the
 * directory up and its parent marks it). UNPACK_COPY: files are put below `directory` of a tree that may
 * be in use, and that its owner may be changing at the same time.
 *
 * Owners are numbers. Of extended attributes, security.capability and user.* are kept; nothing an
 * archive says can become an attribute that overlayfs or the host believes in. The last entry of a name wins. */
#ifndef SHOAL_CONTENT_UNPACK_H
#define SHOAL_CONTENT_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "content/channel.h"
#include "content/stream.h"

enum unpack_mode { UNPACK_LAYER, UNPACK_COPY };

struct unpack_limits {
	int64_t bytes; /* of the tar stream, and of any one file */
	int64_t entries;
	int64_t depth; /* parts of a path */
};

#define UNPACK_LIMITS_DEFAULT                                                                      \
	((struct unpack_limits){ .bytes = INT64_C(32) << 30, .entries = 2000000, .depth = 256 })

struct unpack {
	enum unpack_mode mode;
	struct unpack_limits limits;
	int root;              /* the tree, an open directory */
	const char *directory; /* COPY: where in it */
	bool keep_types; /* COPY: a directory never replaces another kind, nor the other way */
	bool has_owner;  /* COPY: everything belongs to uid:gid */
	uint32_t uid, gid;
	struct channel *up; /* LAYER: where {event: opaque} goes, and {event: progress, current} */
};

struct unpacked {
	int64_t entries;
	int64_t size_bytes; /* of regular files */
};

/* Changes the umask. Reads the tar to its end mark; what follows is left to stream_end(). */
bool unpack_tar(struct stream_in *in, const struct unpack *how, struct unpacked *got,
		struct err *e) MUST_CHECK;

#endif
