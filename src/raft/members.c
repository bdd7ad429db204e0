#include "raft/members.h"

#include <string.h>

#include "base/mem.h"

static int compare(const void *key, const struct tree_node *node)
{
	uint64_t a = *(const uint64_t *)key,
		 b = tree_entry(node, struct member, by_raft_id)->raft_id;

	return (a > b) - (a < b);
}

void members_init(struct members *m)
{
	*m = (struct members){ .by_raft_id = TREE(compare) };
}

static void member_free(struct members *m, struct member *it)
{
	tree_remove(&m->by_raft_id, &it->by_raft_id);
	free(it->node_id);
	free(it->addr);
	free(it->found);
	free(it);
}

void members_clear(struct members *m)
{
	struct member *it;

	members_each(m, it) member_free(m, it);
	free(m->removed);
	members_init(m);
}

struct member *members_find(const struct members *m, uint64_t raft_id)
{
	return tree_entry(tree_find(&m->by_raft_id, &raft_id), struct member, by_raft_id);
}

struct member *members_find_node(const struct members *m, const char *node_id)
{
	struct member *it;

	members_each(m, it) if (strcmp(it->node_id, node_id) == 0) return it;
	return NULL;
}

bool members_was_removed(const struct members *m, uint64_t raft_id)
{
	for (size_t i = 0; i < m->removed_count; i++)
		if (m->removed[i] == raft_id)
			return true;
	return false;
}

void members_set(struct members *m, uint64_t raft_id, const char *node_id, const char *addr)
{
	struct member *it = members_find(m, raft_id);

	if (!it) {
		it = NEW(struct member);
		it->raft_id = raft_id;
		tree_insert(&m->by_raft_id, &raft_id, &it->by_raft_id);
	}
	/* News of its address is newer than where it was met before. */
	if (it->found && strcmp(it->addr, addr) != 0) {
		free(it->found);
		it->found = NULL;
	}
	free(it->node_id);
	free(it->addr);
	it->node_id = xstrdup(node_id);
	it->addr = xstrdup(addr);
	m->version++;
}

const char *member_at(const struct member *m)
{
	return m->found ? m->found : m->addr;
}

bool members_met(struct members *m, struct member *it, const char *addr)
{
	if (strcmp(member_at(it), addr) == 0)
		return false;
	free(it->found);
	it->found = strcmp(it->addr, addr) == 0 ? NULL : xstrdup(addr);
	m->version++;
	return true;
}

size_t members_voters(const struct members *m)
{
	struct member *it;
	size_t count = 0;

	members_each(m, it) count += it->is_voter;
	return count;
}

static void remember_removed(struct members *m, uint64_t raft_id)
{
	size_t at = m->removed_count;

	if (members_was_removed(m, raft_id))
		return;
	m->removed = xrealloc(m->removed, (m->removed_count + 1) * sizeof(*m->removed));
	for (; at > 0 && m->removed[at - 1] > raft_id; at--)
		m->removed[at] = m->removed[at - 1];
	m->removed[at] = raft_id;
	m->removed_count++;
}

void members_remove(struct members *m, uint64_t raft_id)
{
	struct member *it = members_find(m, raft_id);

	if (it)
		member_free(m, it);
	remember_removed(m, raft_id);
	m->version++;
}

Pb__ClusterSnapshot *members_to_pb(const struct members *m, struct arena *a)
{
	Pb__ClusterSnapshot *p = PB_NEW(a, cluster_snapshot);
	struct member *it;

	p->members = arena_alloc(a, (m->by_raft_id.count + 1) * sizeof(*p->members));
	members_each(m, it)
	{
		Pb__RaftMember *q = PB_NEW(a, raft_member);

		q->raft_id = it->raft_id;
		q->node_id = arena_strdup(a, it->node_id);
		q->addr = arena_strdup(a, it->addr);
		p->members[p->n_members++] = q;
	}
	p->removed = arena_copy(a, m->removed, m->removed_count * sizeof(*m->removed));
	p->n_removed = m->removed_count;
	return p;
}

void members_from_pb(struct members *m, const Pb__ClusterSnapshot *p)
{
	uint64_t version = m->version;

	members_clear(m);
	m->version = version + 1;
	if (!p)
		return;
	for (size_t i = 0; i < p->n_members; i++)
		members_set(m, p->members[i]->raft_id, p->members[i]->node_id, p->members[i]->addr);
	for (size_t i = 0; i < p->n_removed; i++)
		remember_removed(m, p->removed[i]);
}
