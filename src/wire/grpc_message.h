/* The five-byte framing of gRPC messages inside a stream: {compressed, length as 32 bits
 * big-endian} and that many bytes. Bytes come in any pieces; a message goes out whole. */
#ifndef SHOAL_WIRE_GRPC_MESSAGE_H
#define SHOAL_WIRE_GRPC_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "wire/grpc.h"

#define GRPC_PREFIX_LEN 5

struct grpc_reader {
	uint8_t prefix[GRPC_PREFIX_LEN];
	uint8_t prefix_len;
	uint32_t length;
	struct buf partial; /* its maximum is the largest message */
};

void grpc_reader_init(struct grpc_reader *r, size_t receive_max);
void grpc_reader_clear(struct grpc_reader *r);

enum grpc_read { GRPC_READ_MORE, GRPC_READ_MESSAGE, GRPC_READ_FAILED };

/* The next whole message, in memory the caller frees. GRPC_READ_MORE: *in is eaten.
 * GRPC_READ_FAILED: *status and *e say why; the reader is of no further use. */
enum grpc_read grpc_read(struct grpc_reader *r, struct str *in, struct str *message_to_free,
			 enum grpc_status *status, struct err *e);

/* True between messages: where a stream may end. */
bool grpc_reader_is_between(const struct grpc_reader *r);

/* Append one framed message. */
void grpc_message_write(struct buf *out, struct str message);

#endif
