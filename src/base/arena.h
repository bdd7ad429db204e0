/* Many small allocations with one end: the turn's scratch, an API call, a decoded message.
 *
 * Memory comes zeroed and aligned for any type, is never freed one by one, and all goes
 * at arena_reset() or arena_clear(). An arena that is all zeroes is empty and ready. */
#ifndef SHOAL_BASE_ARENA_H
#define SHOAL_BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used_bytes;          /* handed out since the last reset */
};

void *arena_alloc(struct arena *a, size_t size);
void *arena_copy(struct arena *a, const void *data, size_t size);
char *arena_strdup(struct arena *a, const char *text);
char *arena_str(struct arena *a, struct str s); /* NUL-terminated copy */
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Forget everything; one block is kept for the next use. */
void arena_reset(struct arena *a);
/* Forget everything and give the memory back. */
void arena_clear(struct arena *a);

static inline void arena_clear_scope(struct arena *a)
{
	arena_clear(a);
}
#define AUTO_ARENA __attribute__((cleanup(arena_clear_scope)))

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

#endif
