/* JSON text, written from the outside in: objects and lists open and close, commas come by themselves.
 *
 * For rooms that only write JSON (OCI configurations); whoever must read it uses a parser. Strings
 * are escaped as RFC 8259 asks; bytes that are not UTF-8 become U+FFFD, as Go writes them.
 * Nesting is at most JSON_DEPTH_MAX. A key belongs to a member of an object and is NULL in
 * a list. The text is complete when json_is_complete(); an overflow shows in the buffer. */
#ifndef SHOAL_BASE_JSON_WRITE_H
#define SHOAL_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define JSON_DEPTH_MAX 16

struct json {
	struct buf *out;
	int depth;
	bool has_members[JSON_DEPTH_MAX + 1];
	char closing[JSON_DEPTH_MAX + 1];
};

struct json json_begin(struct buf *out);
bool json_is_complete(const struct json *j);

void json_open_object(struct json *j, const char *key);
void json_open_list(struct json *j, const char *key);
void json_close(struct json *j); /* whichever is open */

void json_text(struct json *j, const char *key, const char *value);
void json_str(struct json *j, const char *key, struct str value);
void json_int(struct json *j, const char *key, int64_t value);
void json_uint(struct json *j, const char *key, uint64_t value);
/* As short as it can be and still be the same float; no JSON has an infinity: 0. */
void json_float(struct json *j, const char *key, float value);
void json_bool(struct json *j, const char *key, bool value);
void json_none(struct json *j, const char *key);
/* A list of strings. */
void json_strings(struct json *j, const char *key, const char *const *values, size_t count);

#endif
