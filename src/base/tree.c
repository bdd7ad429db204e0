#include "base/tree.h"

#include <assert.h>

static int height(const struct tree_node *n)
{
	return n ? n->height : 0;
}

static void update_height(struct tree_node *n)
{
	int l = height(n->left), r = height(n->right);

	n->height = (l > r ? l : r) + 1;
}

static void replace_child(struct tree *t, struct tree_node *parent, struct tree_node *old,
			  struct tree_node *new)
{
	if (!parent)
		t->root = new;
	else if (parent->left == old)
		parent->left = new;
	else
		parent->right = new;
	if (new)
		new->parent = parent;
}

/* The right child comes up, n becomes its left child. */
static struct tree_node *rotate_left(struct tree *t, struct tree_node *n)
{
	struct tree_node *up = n->right;

	replace_child(t, n->parent, n, up);
	n->right = up->left;
	if (n->right)
		n->right->parent = n;
	up->left = n;
	n->parent = up;
	update_height(n);
	update_height(up);
	return up;
}

static struct tree_node *rotate_right(struct tree *t, struct tree_node *n)
{
	struct tree_node *up = n->left;

	replace_child(t, n->parent, n, up);
	n->left = up->right;
	if (n->left)
		n->left->parent = n;
	up->right = n;
	n->parent = up;
	update_height(n);
	update_height(up);
	return up;
}

static struct tree_node *balance(struct tree *t, struct tree_node *n)
{
	int lean = height(n->left) - height(n->right);

	if (lean > 1) {
		if (height(n->left->left) < height(n->left->right))
			rotate_left(t, n->left);
		return rotate_right(t, n);
	}
	if (lean < -1) {
		if (height(n->right->right) < height(n->right->left))
			rotate_right(t, n->right);
		return rotate_left(t, n);
	}
	update_height(n);
	return n;
}

/* Above a subtree that is as high as before nothing changes. */
static void balance_upwards(struct tree *t, struct tree_node *n)
{
	while (n) {
		int before = n->height;

		n = balance(t, n);
		if (n->height == before)
			return;
		n = n->parent;
	}
}

struct tree_node *tree_insert(struct tree *t, const void *key, struct tree_node *node)
{
	struct tree_node *parent = NULL, **slot = &t->root;

	while (*slot) {
		int order = t->compare(key, *slot);

		if (order == 0)
			return *slot;
		parent = *slot;
		slot = order < 0 ? &parent->left : &parent->right;
	}
	*node = (struct tree_node){ .parent = parent, .height = 1 };
	*slot = node;
	t->count++;
	balance_upwards(t, parent);
	return NULL;
}

void tree_remove(struct tree *t, struct tree_node *node)
{
	struct tree_node *from;

	assert(node->height > 0 && t->count > 0);
	if (node->left && node->right) {
		struct tree_node *heir = node->right;

		while (heir->left)
			heir = heir->left;
		from = heir->parent == node ? heir : heir->parent;
		replace_child(t, heir->parent, heir, heir->right);
		replace_child(t, node->parent, node, heir);
		heir->left = node->left;
		heir->left->parent = heir;
		heir->right = node->right;
		if (heir->right)
			heir->right->parent = heir;
		heir->height = node->height;
	} else {
		from = node->parent;
		replace_child(t, node->parent, node, node->left ? node->left : node->right);
	}
	*node = (struct tree_node){ 0 };
	t->count--;
	balance_upwards(t, from);
}

struct tree_node *tree_find(const struct tree *t, const void *key)
{
	struct tree_node *n = t->root;

	while (n) {
		int order = t->compare(key, n);

		if (order == 0)
			return n;
		n = order < 0 ? n->left : n->right;
	}
	return NULL;
}

struct tree_node *tree_at_or_after(const struct tree *t, const void *key)
{
	struct tree_node *n = t->root, *best = NULL;

	while (n) {
		if (t->compare(key, n) <= 0) {
			best = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

struct tree_node *tree_first(const struct tree *t)
{
	struct tree_node *n = t->root;

	while (n && n->left)
		n = n->left;
	return n;
}

struct tree_node *tree_last(const struct tree *t)
{
	struct tree_node *n = t->root;

	while (n && n->right)
		n = n->right;
	return n;
}

struct tree_node *tree_next(const struct tree_node *node)
{
	struct tree_node *n;

	if (node->right) {
		n = node->right;
		while (n->left)
			n = n->left;
		return n;
	}
	while (node->parent && node->parent->right == node)
		node = node->parent;
	return node->parent;
}

struct tree_node *tree_prev(const struct tree_node *node)
{
	struct tree_node *n;

	if (node->left) {
		n = node->left;
		while (n->right)
			n = n->right;
		return n;
	}
	while (node->parent && node->parent->left == node)
		node = node->parent;
	return node->parent;
}
