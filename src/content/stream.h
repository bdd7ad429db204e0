/* Bytes out of a descriptor, decompressed and hashed on their way (libarchive's filters).
 *
 * What is hashed is what comes out, to the last byte: for a layer that is its diff id. */
#ifndef SHOAL_CONTENT_STREAM_H
#define SHOAL_CONTENT_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "content/hash.h"

struct archive;

enum stream_filters {
	STREAM_LAYER_FILTERS, /* none, gzip, zstd: what a registry may send as a layer */
	STREAM_USER_FILTERS,  /* and bzip2, xz: what people load, import and copy */
};

struct stream_in {
	struct archive *raw;
	struct hash hash;
	int64_t bytes;     /* came out so far */
	int64_t bytes_max; /* more is an error: a bomb, or a limit that is too low */
	bool is_empty;
	bool is_compressed;
	struct err err;
	char piece[64 << 10];
};

/* Reads from the descriptor's place on. */
bool stream_open(struct stream_in *s, int fd, enum stream_filters filters, int64_t bytes_max,
		 struct err *e) MUST_CHECK;
/* At most `size` bytes; 0 at the end, -1 and s->err on errors. */
ssize_t stream_read(struct stream_in *s, void *out, size_t size);
/* Read what is left; `digest` gets the hash of all. */
bool stream_end(struct stream_in *s, char digest[DIGEST_SHA256_LEN + 1], struct err *e) MUST_CHECK;
/* Compressed bytes taken from the descriptor so far. */
int64_t stream_position(struct stream_in *s);
void stream_clear(struct stream_in *s);

/* Open the stream as a tar archive. NULL and *e on failure; archive_read_free() it. */
struct archive *stream_tar(struct stream_in *s, struct err *e);

#endif
