#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

/* A first block and its head are what the allocator has short lists for: most arenas live for one
 * message and need no more. */
#define BLOCK_BYTES 960

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *block_new(size_t size)
{
	struct arena_block *block = xmalloc(sizeof(*block) + size);

	block->next = NULL;
	block->used = 0;
	block->size = size;
	return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t aligned = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	struct arena_block *block = a->blocks;
	void *p;

	if (aligned < size)
		abort();
	if (!block || block->size - block->used < aligned) {
		/* Blocks double, so that a large decode costs few of them. */
		size_t grow = block && block->size < (1 << 20) ? block->size * 2 : BLOCK_BYTES;

		block = block_new(aligned > grow ? aligned : grow);
		block->next = a->blocks;
		a->blocks = block;
	}
	p = block->bytes + block->used;
	block->used += aligned;
	a->used_bytes += aligned;
	return memset(p, 0, aligned);
}

void *arena_copy(struct arena *a, const void *data, size_t size)
{
	void *copy = arena_alloc(a, size);

	if (size)
		memcpy(copy, data, size);
	return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return arena_copy(a, text, strlen(text) + 1);
}

char *arena_str(struct arena *a, struct str s)
{
	char *copy = arena_alloc(a, s.len + 1);

	if (s.len)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		abort();
	text = arena_alloc(a, (size_t)n + 1);
	va_start(args, format);
	(void)vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return text;
}

static void free_blocks(struct arena_block *block)
{
	while (block) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
}

void arena_reset(struct arena *a)
{
	a->used_bytes = 0;
	if (!a->blocks)
		return;
	free_blocks(a->blocks->next);
	a->blocks->next = NULL;
	a->blocks->used = 0;
	/* One huge turn must not hold its memory for ever. */
	if (a->blocks->size > (1 << 20)) {
		free(a->blocks);
		a->blocks = NULL;
	}
}

void arena_clear(struct arena *a)
{
	free_blocks(a->blocks);
	*a = (struct arena){ 0 };
}
