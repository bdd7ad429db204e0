#include "swarm/schedule/ranking.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "pb/map.h"

struct candidate {
	const Pb__Node *node;
	const struct node_info *info;
	uint64_t failures; /* 0 while there are few */
	uint64_t of_service, active;
};

struct branch {
	struct tree_node node;
	struct branch *parent;
	const char *value;
	struct tree children;
	uint64_t tasks;          /* of the service, below */
	size_t open;             /* candidates below */
	struct candidate **heap; /* in a leaf */
	size_t heap_count, heap_capacity;
};

static int compare_value(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct branch, node)->value);
}

static struct branch *branch_new(struct ranking *r, struct branch *parent, const char *value)
{
	struct branch *b = ARENA_NEW(r->arena, struct branch);

	b->parent = parent;
	b->value = value;
	b->children = TREE(compare_value);
	return b;
}

static struct branch *child_of(struct ranking *r, struct branch *parent, const char *value)
{
	struct branch *b = tree_entry(tree_find(&parent->children, value), struct branch, node);

	if (!b) {
		b = branch_new(r, parent, value);
		tree_insert(&parent->children, value, &b->node);
	}
	return b;
}

/* ---- a heap of candidates ---- */

static bool is_before(const struct candidate *a, const struct candidate *b)
{
	if (a->failures != b->failures)
		return a->failures < b->failures;
	if (a->of_service != b->of_service)
		return a->of_service < b->of_service;
	if (a->active != b->active)
		return a->active < b->active;
	return strcmp(a->node->id, b->node->id) < 0;
}

static void sift_down(struct branch *b, size_t at)
{
	for (;;) {
		size_t first = at, left = 2 * at + 1, right = left + 1;
		struct candidate *c;

		if (left < b->heap_count && is_before(b->heap[left], b->heap[first]))
			first = left;
		if (right < b->heap_count && is_before(b->heap[right], b->heap[first]))
			first = right;
		if (first == at)
			return;
		c = b->heap[at];
		b->heap[at] = b->heap[first];
		b->heap[first] = c;
		at = first;
	}
}

static void leaf_add(struct ranking *r, struct branch *b, struct candidate *c)
{
	if (b->heap_count == b->heap_capacity) {
		struct candidate **grown;

		b->heap_capacity = b->heap_capacity ? b->heap_capacity * 2 : 8;
		grown = arena_alloc(r->arena, b->heap_capacity * sizeof(*grown));
		if (b->heap_count)
			memcpy(grown, b->heap, b->heap_count * sizeof(*grown));
		b->heap = grown;
	}
	b->heap[b->heap_count++] = c;
}

static void leaf_order(struct branch *b)
{
	struct branch *child;

	for (size_t i = b->heap_count / 2; i-- > 0;)
		sift_down(b, i);
	tree_each (&b->children, struct branch, node, child)
		leaf_order(child);
}

/* ---- build ---- */

/* What the node has of a spread descriptor; NULL: not one that is known. */
static const char *spread_value(const Pb__Node *node, const char *descriptor)
{
	static const char of_node[] = "node.labels.", of_engine[] = "engine.labels.";
	const Pb__Annotations *annotations = node->spec->annotations;
	const Pb__EngineDescription *engine = node->description ? node->description->engine : NULL;
	const char *value;

	if (strncasecmp(descriptor, of_node, strlen(of_node)) == 0)
		value = PB_MAP_GET(annotations, labels, descriptor + strlen(of_node));
	else if (strncasecmp(descriptor, of_engine, strlen(of_engine)) == 0)
		value = engine ? PB_MAP_GET(engine, labels, descriptor + strlen(of_engine)) : NULL;
	else
		return NULL;
	return value ? value : "";
}

/* The leaf a node belongs to; its tasks are counted on the way, whether it can take more or not. */
static struct branch *leaf_of(struct ranking *r, const Pb__Node *node, uint64_t tasks)
{
	const Pb__Placement *placement = r->demand->task->spec->placement;
	struct branch *b = r->root;

	b->tasks += tasks;
	for (size_t i = 0; placement && i < placement->n_preferences; i++) {
		const Pb__PlacementPreference *p = placement->preferences[i];
		const char *value = NULL;

		if (p->preference_case == PB__PLACEMENT_PREFERENCE__PREFERENCE_SPREAD)
			value = spread_value(node, p->spread->spread_descriptor);
		if (!value)
			continue;
		b = child_of(r, b, value);
		b->tasks += tasks;
	}
	return b;
}

void ranking_build(struct ranking *r, const struct demand *d, struct nodes *nodes,
		   const struct view *v, int64_t now_ms, struct arena *a)
{
	const char *service_id = d->task->service_id;
	uint64_t version = d->task->spec_version ? d->task->spec_version->index : 0;
	struct objects all = view_all(v, OBJECT_NODE, a);
	const Pb__Node *node;

	*r = (struct ranking){ d, nodes, v, a, now_ms, NULL, { 0 } };
	r->root = branch_new(r, NULL, "");
	objects_each (all, Pb__Node, node) {
		struct node_info *info = nodes_get(nodes, node->id);
		uint64_t of_service = node_tasks_of(info, service_id);
		struct branch *leaf = leaf_of(r, node, of_service);
		enum filter f = filters_check(d, info, node, v, a);
		struct candidate *c;

		if (f != FILTER_PASSED) {
			r->turned_away[f]++;
			continue;
		}
		c = ARENA_NEW(a, struct candidate);
		*c = (struct candidate){ node, info, 0, of_service, info->active };
		c->failures = node_failures_of(info, service_id, version, now_ms);
		if (c->failures < FAILURES_MANY)
			c->failures = 0;
		leaf_add(r, leaf, c);
		for (struct branch *b = leaf; b; b = b->parent)
			b->open++;
	}
	leaf_order(r->root);
}

/* ---- choose ---- */

static struct branch *first_leaf(const struct ranking *r)
{
	struct branch *b = r->root;

	while (b->children.count > 0) {
		struct branch *child, *first = NULL;

		tree_each (&b->children, struct branch, node, child)
			if (child->open > 0 && (!first || child->tasks < first->tasks))
				first = child;
		b = first;
	}
	return b;
}

const Pb__Node *ranking_first(const struct ranking *r)
{
	return r->root->open > 0 ? first_leaf(r)->heap[0]->node : NULL;
}

void ranking_placed(struct ranking *r)
{
	struct branch *leaf = first_leaf(r);
	struct candidate *c = leaf->heap[0];
	enum filter f = filters_check(r->demand, c->info, c->node, r->view, r->arena);

	c->of_service++;
	c->active = c->info->active;
	for (struct branch *b = leaf; b; b = b->parent)
		b->tasks++;
	if (f != FILTER_PASSED) {
		r->turned_away[f]++;
		leaf->heap[0] = leaf->heap[--leaf->heap_count];
		for (struct branch *b = leaf; b; b = b->parent)
			b->open--;
	}
	sift_down(leaf, 0);
}
