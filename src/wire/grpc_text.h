/* The texts of gRPC's headers: deadlines, percent-encoded messages, and what HTTP says instead. */
#ifndef SHOAL_WIRE_GRPC_TEXT_H
#define SHOAL_WIRE_GRPC_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "wire/grpc.h"

#define GRPC_TIMEOUT_LEN 10 /* digits, unit and a NUL */

/* "5000m"; more than eight digits are rounded up to seconds, minutes or hours. */
void grpc_timeout_write(int64_t timeout_ms, char out[GRPC_TIMEOUT_LEN]);
/* One to eight digits and one of n u m S M H; less than a millisecond counts as one. */
bool grpc_timeout_parse(struct str text, int64_t *timeout_ms);

/* Printable ASCII but '%' as it is, every other byte as "%XX". */
void grpc_text_encode(struct buf *out, const char *text);
/* The reverse; a broken escape stays as it is. */
void grpc_text_decode(struct buf *out, struct str text);

/* What a response that is no gRPC means. */
enum grpc_status grpc_status_of_http(int status);
/* What a stream that was reset means: an HTTP/2 error code. */
enum grpc_status grpc_status_of_reset(uint32_t error);

/* "application/grpc", "application/grpc+proto", "application/grpc;charset=...". */
bool grpc_is_content_type(struct str value);

#endif
