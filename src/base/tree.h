/* An ordered map whose nodes live in its members: a height-balanced (AVL) tree.
 *
 * Order comes from the key alone, so two trees with the same content iterate alike,
 * whatever their history: replicas depend on it. The comparison of a tree is fixed at
 * its creation. A node is on at most one tree. Look-ups, inserts and removals cost
 * O(log n); a whole walk O(n).
 *
 * Source of the algorithm: Adelson-Velsky and Landis, 1962; Knuth, TAOCP 3, 6.2.3. */
#ifndef SHOAL_BASE_TREE_H
#define SHOAL_BASE_TREE_H

#include <stddef.h>

#include "base/mem.h"

struct tree_node {
	struct tree_node *left, *right, *parent;
	int height; /* 0 while on no tree */
};

/* Order of a key relative to a member: <0, 0, >0. The key's type is the tree's business. */
typedef int tree_compare_key(const void *key, const struct tree_node *member);

struct tree {
	struct tree_node *root;
	tree_compare_key *compare;
	size_t count;
};

#define TREE(compare_key) ((struct tree){ .compare = (compare_key) })

/* Add `node` under `key`. If the key is there already nothing changes and its member is
 * returned, else NULL. */
struct tree_node *tree_insert(struct tree *t, const void *key, struct tree_node *node);
/* Take a member out. It must be on this tree. */
void tree_remove(struct tree *t, struct tree_node *node);

/* The member with this key, or NULL. */
struct tree_node *tree_find(const struct tree *t, const void *key);
/* The first member that is not less than the key, or NULL: prefixes and ranges begin here. */
struct tree_node *tree_at_or_after(const struct tree *t, const void *key);

struct tree_node *tree_first(const struct tree *t);
struct tree_node *tree_last(const struct tree *t);
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_prev(const struct tree_node *node);

#define tree_entry(node, type, member)                                                             \
	({                                                                                         \
		struct tree_node *_n = (struct tree_node *)(node);                                 \
		_n ? container_of(_n, type, member) : NULL;                                        \
	})

/* In order. The body may remove the current member, no other. */
#define tree_each(t, type, member, it)                                                             \
	for (struct tree_node *_at = tree_first(t), *_next = _at ? tree_next(_at) : NULL;          \
	     _at && ((it) = container_of(_at, type, member), 1);                                   \
	     _at = _next, _next = _at ? tree_next(_at) : NULL)

#endif
