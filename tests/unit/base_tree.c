#include "base/tree.h"

#include "base/prng.h"
#include "test.h"

struct item {
	struct tree_node node;
	unsigned key;
};

static int compare(const void *key, const struct tree_node *member)
{
	unsigned a = *(const unsigned *)key, b = tree_entry(member, struct item, node)->key;

	return (a > b) - (a < b);
}

/* Heights and order of a whole subtree; returns its height. */
static int check_shape(const struct tree_node *n)
{
	int l, r;

	if (!n)
		return 0;
	l = check_shape(n->left);
	r = check_shape(n->right);
	CHECK(l - r <= 1 && r - l <= 1);
	CHECK_INT(n->height, (l > r ? l : r) + 1);
	CHECK(!n->left || n->left->parent == n);
	CHECK(!n->right || n->right->parent == n);
	return n->height;
}

TEST(a_tree_iterates_in_key_order_whatever_its_history)
{
	enum { N = 400 };
	static struct item items[N];
	struct tree t = TREE(compare);
	struct prng p;

	prng_seed(&p, 7);
	for (unsigned i = 0; i < N; i++)
		items[i].key = i;
	for (int step = 0; step < 20000; step++) {
		struct item *it = &items[prng_below(&p, N)];

		if (it->node.height)
			tree_remove(&t, &it->node);
		else
			CHECK(!tree_insert(&t, &it->key, &it->node));
		if (step % 97 == 0) {
			struct item *at;
			unsigned count = 0, last = 0;

			check_shape(t.root);
			tree_each (&t, struct item, node, at) {
				CHECK(count == 0 || at->key > last);
				last = at->key;
				count++;
			}
			CHECK_INT(count, t.count);
		}
	}
}

TEST(a_second_member_with_the_same_key_is_refused)
{
	struct tree t = TREE(compare);
	struct item a = { .key = 1 }, b = { .key = 1 };

	CHECK(!tree_insert(&t, &a.key, &a.node));
	CHECK(tree_insert(&t, &b.key, &b.node) == &a.node);
	CHECK_INT(t.count, 1);
}

TEST(a_range_begins_at_the_first_member_not_below_its_key)
{
	struct tree t = TREE(compare);
	struct item items[3] = { { .key = 10 }, { .key = 20 }, { .key = 30 } };
	unsigned key = 15, past = 31;

	for (int i = 0; i < 3; i++)
		tree_insert(&t, &items[i].key, &items[i].node);

	CHECK(tree_at_or_after(&t, &key) == &items[1].node);
	CHECK(tree_at_or_after(&t, &past) == NULL);
	CHECK(tree_prev(tree_last(&t)) == &items[1].node);
}

TEST(the_current_member_may_be_removed_while_walking)
{
	struct tree t = TREE(compare);
	struct item items[10], *it;

	for (unsigned i = 0; i < 10; i++) {
		items[i].key = i;
		tree_insert(&t, &i, &items[i].node);
	}
	tree_each (&t, struct item, node, it)
		if (it->key % 2)
			tree_remove(&t, &it->node);
	CHECK_INT(t.count, 5);
}

TEST_MAIN()
