/* stdcopy: the frames in which a container's outputs share one connection.
 *
 * A frame is {stream, 0, 0, 0, length as 32 bits big-endian} and that many bytes. Used by attach,
 * exec and logs when there is no terminal. Input (client to engine) is never framed. */
#ifndef SHOAL_WIRE_STDCOPY_H
#define SHOAL_WIRE_STDCOPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define STDCOPY_HEADER_LEN 8

enum stdcopy_stream {
	STDCOPY_STDIN = 0, /* some engines write it; readers treat it as output */
	STDCOPY_STDOUT = 1,
	STDCOPY_STDERR = 2,
	STDCOPY_ERROR = 3, /* text of an error of the engine */
};

void stdcopy_header(uint8_t out[STDCOPY_HEADER_LEN], enum stdcopy_stream stream, uint32_t length);

/* Append one frame; nothing at all if it does not fit (the buffer's overflow flag says so). */
void stdcopy_write(struct buf *out, enum stdcopy_stream stream, struct str bytes);

/* Reads frames from bytes that come in any pieces. All zeroes is the beginning. */
struct stdcopy_reader {
	uint8_t header[STDCOPY_HEADER_LEN];
	uint8_t header_len;
	uint32_t left; /* payload bytes of this frame still to come */
};

enum stdcopy_event { STDCOPY_MORE, STDCOPY_DATA, STDCOPY_FAILED };

/* The next piece of payload: eats it from *in and points *payload at it, so that a frame of any
 * length needs no memory. STDCOPY_MORE: *in is eaten. Fails with ERR_INVALID on a header that is
 * none; the reader is then of no further use. */
enum stdcopy_event stdcopy_next(struct stdcopy_reader *r, struct str *in,
				enum stdcopy_stream *stream, struct str *payload, struct err *e);

/* True between frames: where a stream may end. */
static inline bool stdcopy_is_between(const struct stdcopy_reader *r)
{
	return r->header_len == 0;
}

#endif
