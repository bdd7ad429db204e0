/* A doubly linked list whose links live in its members (as libuv's queue does).
 *
 * A head and a link are the same type. list_init() before use. A link that is not on
 * a list points at itself, so list_remove() may be called twice. */
#ifndef SHOAL_BASE_LIST_H
#define SHOAL_BASE_LIST_H

#include <stdbool.h>

#include "base/mem.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert_after(struct list *at, struct list *link)
{
	link->prev = at;
	link->next = at->next;
	at->next->prev = link;
	at->next = link;
}

static inline void list_push_back(struct list *l, struct list *link)
{
	list_insert_after(l->prev, link);
}

static inline void list_push_front(struct list *l, struct list *link)
{
	list_insert_after(l, link);
}

static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* Move all of `from` to the end of `to`. */
static inline void list_splice_back(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(link, type, member) container_of(link, type, member)
#define list_first(l, type, member)    list_entry((l)->next, type, member)

/* The body may remove the current member, no other. */
#define list_each(l, type, member, it)                                                             \
	for (struct list *_at = (l)->next, *_next = _at->next;                                     \
	     _at != (l) && ((it) = list_entry(_at, type, member), 1);                              \
	     _at = _next, _next = _at->next)

#endif
