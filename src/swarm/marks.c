#include "swarm/marks.h"

#include <string.h>

struct mark {
	struct tree_node node;
	char id[];
};

static int compare_id(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct mark, node)->id);
}

void marks_init(struct marks *m)
{
	*m = (struct marks){ .ids = TREE(compare_id) };
}

void marks_clear(struct marks *m)
{
	struct mark *mark;

	while ((mark = tree_entry(tree_first(&m->ids), struct mark, node))) {
		tree_remove(&m->ids, &mark->node);
		free(mark);
	}
	free(m->last);
	m->last = NULL;
}

void marks_add(struct marks *m, const char *id)
{
	size_t size = strlen(id) + 1;
	struct mark *mark;

	if (tree_find(&m->ids, id))
		return;
	mark = xcalloc(1, sizeof(*mark) + size);
	memcpy(mark->id, id, size);
	tree_insert(&m->ids, mark->id, &mark->node);
}

void marks_remove(struct marks *m, const char *id)
{
	struct mark *mark = tree_entry(tree_find(&m->ids, id), struct mark, node);

	if (!mark)
		return;
	tree_remove(&m->ids, &mark->node);
	free(mark);
}

bool marks_has(const struct marks *m, const char *id)
{
	return tree_find(&m->ids, id) != NULL;
}

const char *marks_take(struct marks *m, struct arena *a)
{
	struct tree_node *node = m->last ? tree_at_or_after(&m->ids, m->last) : NULL;
	struct mark *mark;

	if (node && strcmp(container_of(node, struct mark, node)->id, m->last) == 0)
		node = tree_next(node);
	mark = tree_entry(node ? node : tree_first(&m->ids), struct mark, node);
	if (!mark)
		return NULL;
	tree_remove(&m->ids, &mark->node);
	free(m->last);
	m->last = xstrdup(mark->id);
	free(mark);
	return arena_strdup(a, m->last);
}

const char **marks_all(const struct marks *m, struct arena *a, size_t *count)
{
	const char **ids = arena_alloc(a, (m->ids.count + 1) * sizeof(*ids));
	struct mark *mark;

	*count = 0;
	tree_each (&m->ids, struct mark, node, mark)
		ids[(*count)++] = arena_strdup(a, mark->id);
	return ids;
}
