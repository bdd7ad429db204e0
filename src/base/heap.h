/* Deadlines: a binary heap whose nodes live in its members.
 *
 * Equal deadlines come out in the order they went in (deadline, then serial), so what
 * happens at one instant happens in a defined order, on every replica and in every run. */
#ifndef SHOAL_BASE_HEAP_H
#define SHOAL_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct heap_node {
	int64_t deadline_ms;
	uint64_t serial;
	size_t slot; /* 1-based place in the heap; 0 while on none */
};

struct heap {
	struct heap_node **nodes;
	size_t count, capacity;
	uint64_t serial;
};

void heap_clear(struct heap *h); /* frees the heap's own memory, not its members */
/* Add, or move to another deadline if it is on the heap already. */
void heap_set(struct heap *h, struct heap_node *node, int64_t deadline_ms);
/* Take out; does nothing if it is not on the heap. */
void heap_remove(struct heap *h, struct heap_node *node);
struct heap_node *heap_first(const struct heap *h);
/* Take out and return the first member whose deadline is at or before now, or NULL. */
struct heap_node *heap_take_due(struct heap *h, int64_t now_ms);
/* The first deadline, or INT64_MAX when there is none. */
int64_t heap_deadline(const struct heap *h);

static inline bool heap_has(const struct heap_node *node)
{
	return node->slot != 0;
}

#define heap_entry(node, type, member) container_of(node, type, member)

#endif
