#include "raft/core/message.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

/* Index, term, kind and the frame around them, generously. */
#define ENTRY_OVERHEAD 32

bool raft_conf_has(const struct raft_conf *c, uint64_t node)
{
	for (unsigned i = 0; i < c->voter_count; i++)
		if (c->voters[i] == node)
			return true;
	for (unsigned i = 0; i < c->learner_count; i++)
		if (c->learners[i] == node)
			return true;
	return false;
}

struct raft_entry *raft_entry_new(uint64_t index, uint64_t term, const void *data, size_t size)
{
	struct raft_entry *e = xmalloc(sizeof(*e) + size);

	*e = (struct raft_entry){ .index = index, .term = term, .holders = 1, .size = size };
	if (size)
		memcpy(e->data, data, size);
	return e;
}

struct raft_entry *raft_entry_new_change(uint64_t index, uint64_t term,
					 const struct raft_change *change, const void *data,
					 size_t size)
{
	struct raft_entry *e = raft_entry_new(index, term, data, size);

	e->kind = RAFT_CONF_CHANGE;
	e->change = *change;
	return e;
}

struct raft_entry *raft_entry_ref(struct raft_entry *e)
{
	e->holders++;
	return e;
}

void raft_entry_drop(struct raft_entry *e)
{
	assert(e->holders > 0);
	if (--e->holders == 0)
		free(e);
}

uint64_t raft_entry_weight(const struct raft_entry *e)
{
	return e->size + ENTRY_OVERHEAD;
}

struct raft_snapshot *raft_snapshot_new(uint64_t index, uint64_t term, const struct raft_conf *conf,
					const void *data, size_t size)
{
	struct raft_snapshot *s = xmalloc(sizeof(*s) + size);

	*s = (struct raft_snapshot){
		.index = index, .term = term, .conf = *conf, .holders = 1, .size = size
	};
	if (size)
		memcpy(s->data, data, size);
	return s;
}

struct raft_snapshot *raft_snapshot_ref(struct raft_snapshot *s)
{
	s->holders++;
	return s;
}

void raft_snapshot_drop(struct raft_snapshot *s)
{
	if (!s)
		return;
	assert(s->holders > 0);
	if (--s->holders == 0)
		free(s);
}

struct raft_message *raft_message_new(enum raft_message_kind kind, uint64_t to)
{
	struct raft_message *m = NEW(struct raft_message);

	m->kind = kind;
	m->to = to;
	return m;
}

struct raft_message *raft_message_dup(const struct raft_message *m)
{
	struct raft_message *copy = xmemdup(m, sizeof(*m));

	if (m->entry_count)
		copy->entries = xmemdup(m->entries, m->entry_count * sizeof(m->entries[0]));
	for (size_t i = 0; i < m->entry_count; i++)
		raft_entry_ref(m->entries[i]);
	if (m->snapshot)
		raft_snapshot_ref(m->snapshot);
	return copy;
}

void raft_message_free(struct raft_message *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->entry_count; i++)
		raft_entry_drop(m->entries[i]);
	free(m->entries);
	raft_snapshot_drop(m->snapshot);
	free(m);
}
