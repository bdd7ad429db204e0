#include "base/heap.h"

#include <assert.h>

static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
	if (a->deadline_ms != b->deadline_ms)
		return a->deadline_ms < b->deadline_ms;
	return a->serial < b->serial;
}

static void place(struct heap *h, size_t slot, struct heap_node *node)
{
	h->nodes[slot - 1] = node;
	node->slot = slot;
}

static void sift_up(struct heap *h, struct heap_node *node)
{
	size_t slot = node->slot;

	while (slot > 1 && is_before(node, h->nodes[slot / 2 - 1])) {
		place(h, slot, h->nodes[slot / 2 - 1]);
		slot /= 2;
	}
	place(h, slot, node);
}

static void sift_down(struct heap *h, struct heap_node *node)
{
	size_t slot = node->slot;

	for (;;) {
		size_t child = slot * 2;

		if (child > h->count)
			break;
		if (child < h->count && is_before(h->nodes[child], h->nodes[child - 1]))
			child++;
		if (is_before(node, h->nodes[child - 1]))
			break;
		place(h, slot, h->nodes[child - 1]);
		slot = child;
	}
	place(h, slot, node);
}

void heap_clear(struct heap *h)
{
	free(h->nodes);
	*h = (struct heap){ .serial = h->serial };
}

void heap_set(struct heap *h, struct heap_node *node, int64_t deadline_ms)
{
	if (heap_has(node))
		heap_remove(h, node);
	if (h->count == h->capacity) {
		h->capacity = h->capacity ? h->capacity * 2 : 16;
		h->nodes = xrealloc(h->nodes, h->capacity * sizeof(*h->nodes));
	}
	node->deadline_ms = deadline_ms;
	node->serial = ++h->serial;
	h->count++;
	place(h, h->count, node);
	sift_up(h, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
	struct heap_node *last;

	if (!heap_has(node))
		return;
	assert(h->nodes[node->slot - 1] == node);
	last = h->nodes[--h->count];
	if (last != node) {
		place(h, node->slot, last);
		sift_up(h, last);
		sift_down(h, last);
	}
	node->slot = 0;
}

struct heap_node *heap_first(const struct heap *h)
{
	return h->count ? h->nodes[0] : NULL;
}

struct heap_node *heap_take_due(struct heap *h, int64_t now_ms)
{
	struct heap_node *first = heap_first(h);

	if (!first || first->deadline_ms > now_ms)
		return NULL;
	heap_remove(h, first);
	return first;
}

int64_t heap_deadline(const struct heap *h)
{
	return h->count ? h->nodes[0]->deadline_ms : INT64_MAX;
}
