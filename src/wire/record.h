/* A flat record: names with values, framed for a stream between our own processes.
 *
 * The language of shoald and shoal-content, and of shoal-content and its workers. A worker may
 * have been taken over by what it parses, so a reader trusts nothing: sizes are checked, names are
 * checked, a frame has a maximum. A name may occur more than once; order is kept.
 *
 *     frame = length:u32 field...        length counts what follows it, at most RECORD_MAX
 *     field = name_length:u8 name value_length:u32 value
 *
 * Numbers are big-endian; a name is 1 to 32 of [a-z0-9_]; values are any bytes. */
#ifndef SHOAL_WIRE_RECORD_H
#define SHOAL_WIRE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define RECORD_MAX        (12u << 20)
#define RECORD_FIELDS_MAX 65536
#define RECORD_NAME_MAX   32

/* A record being written: the frame lies in bytes once record_end() was called. */
struct record_writer {
	struct buf bytes;
};

void record_begin(struct record_writer *w);
void record_add(struct record_writer *w, const char *name, struct str value);
void record_add_c(struct record_writer *w, const char *name,
		  const char *text); /* NULL adds nothing */
void record_add_i64(struct record_writer *w, const char *name, int64_t value);
/* Close the frame. Fails with ERR_EXHAUSTED when it is larger than RECORD_MAX. */
bool record_end(struct record_writer *w, struct err *e) MUST_CHECK;
void record_writer_clear(struct record_writer *w);

static inline void record_writer_clear_scope(struct record_writer *w)
{
	record_writer_clear(w);
}
#define AUTO_RECORD __attribute__((cleanup(record_writer_clear_scope)))

/* A record that was read: a view of the frame's fields, valid while its bytes are. */
struct record {
	struct str fields;
};

/* Take one frame from the head of `bytes`. *used is 0 when more bytes are needed, else the length
 * of the frame with its head. Fails with ERR_INVALID when this is no record. */
bool record_parse(struct str bytes, struct record *r, size_t *used, struct err *e) MUST_CHECK;

/* Walk: *at starts at 0. False at the end. */
bool record_next(const struct record *r, size_t *at, struct str *name, struct str *value);
/* The first value of that name; empty (ptr NULL) when there is none. */
struct str record_get(const struct record *r, const char *name);
bool record_has(const struct record *r, const char *name);
/* The next value of that name at or after *at. */
bool record_each(const struct record *r, const char *name, size_t *at, struct str *value);
size_t record_count(const struct record *r, const char *name);
/* The first value as a number; `otherwise` when it is absent or no number. */
int64_t record_get_i64(const struct record *r, const char *name, int64_t otherwise);
/* The first value as a fresh C string, or NULL when it is absent or has a NUL in it. */
char *record_dup(const struct record *r, const char *name);

#endif
