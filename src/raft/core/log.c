#include "raft/core/log.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

void entry_list_push(struct entry_list *l, struct raft_entry *e)
{
	if (l->count == l->capacity) {
		l->capacity = l->capacity ? 2 * l->capacity : 16;
		l->at = xrealloc(l->at, l->capacity * sizeof(l->at[0]));
	}
	l->at[l->count++] = raft_entry_ref(e);
}

void entry_list_cut(struct entry_list *l, size_t count)
{
	while (l->count > count)
		raft_entry_drop(l->at[--l->count]);
}

void entry_list_clear(struct entry_list *l)
{
	entry_list_cut(l, 0);
	free(l->at);
	*l = (struct entry_list){ 0 };
}

void log_clear(struct raft_log *l)
{
	entry_list_clear(&l->entries);
	raft_snapshot_drop(l->incoming);
	raft_snapshot_drop(l->snapshot);
	*l = (struct raft_log){ 0 };
}

uint64_t log_first(const struct raft_log *l)
{
	return l->base.index + 1;
}

uint64_t log_last(const struct raft_log *l)
{
	return l->base.index + l->entries.count;
}

struct entry_id log_last_id(const struct raft_log *l)
{
	if (l->entries.count == 0)
		return l->base;
	return (struct entry_id){ log_last(l), l->entries.at[l->entries.count - 1]->term };
}

bool log_term(const struct raft_log *l, uint64_t index, uint64_t *term)
{
	if (index == l->base.index) {
		*term = l->base.term;
		return true;
	}
	if (index < l->base.index || index > log_last(l))
		return false;
	*term = log_entry(l, index)->term;
	return true;
}

bool log_has(const struct raft_log *l, struct entry_id id)
{
	uint64_t term;

	return log_term(l, id.index, &term) && term == id.term;
}

struct raft_entry *log_entry(const struct raft_log *l, uint64_t index)
{
	assert(index > l->base.index && index <= log_last(l));
	return l->entries.at[index - l->base.index - 1];
}

size_t log_fit(const struct raft_log *l, uint64_t index, uint64_t last, uint64_t bytes_max)
{
	uint64_t bytes = 0;
	size_t count = 0;

	for (; index <= last; index++, count++) {
		uint64_t weight = raft_entry_weight(log_entry(l, index));

		if (count > 0 && (weight > bytes_max || bytes > bytes_max - weight))
			break;
		bytes += weight;
	}
	return count;
}

struct entry_id log_guess_agreement(const struct raft_log *l, uint64_t index, uint64_t term)
{
	for (; index > 0; index--) {
		uint64_t ours;

		if (!log_term(l, index, &ours))
			return (struct entry_id){ index, 0 };
		if (ours <= term)
			return (struct entry_id){ index, ours };
	}
	return (struct entry_id){ 0, 0 };
}

size_t log_first_new(const struct raft_log *l, struct raft_entry *const *entries, size_t count)
{
	size_t i = 0;

	while (i < count && log_has(l, (struct entry_id){ entries[i]->index, entries[i]->term }))
		i++;
	return i;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void log_append(struct raft_log *l, struct raft_entry *const *entries, size_t count)
{
	uint64_t before;

	if (count == 0)
		return;
	before = entries[0]->index - 1;
	assert(before >= l->committed && before <= log_last(l));

	entry_list_cut(&l->entries, before - l->base.index);
	l->stable = min_u64(l->stable, before);
	l->writing = min_u64(l->writing, before);
	for (size_t i = 0; i < count; i++)
		entry_list_push(&l->entries, entries[i]);
}

void log_commit(struct raft_log *l, uint64_t index)
{
	assert(index <= log_last(l));
	if (l->committed < index)
		l->committed = index;
}

void log_stored(struct raft_log *l)
{
	/* What was replaced while the disk was busy is above `writing` again. */
	l->stable = l->writing;
}

void log_restore(struct raft_log *l, struct raft_snapshot *s)
{
	assert(s->index > l->committed);
	entry_list_cut(&l->entries, 0);
	l->base = (struct entry_id){ s->index, s->term };
	l->stable = l->writing = l->committed = s->index;

	raft_snapshot_ref(s);
	raft_snapshot_drop(l->incoming);
	l->incoming = s;
	l->incoming_taken = false;
}

void log_incoming_stored(struct raft_log *l)
{
	assert(l->incoming);
	raft_snapshot_drop(l->snapshot);
	l->snapshot = l->incoming;
	l->incoming = NULL;
	l->incoming_taken = false;
}

void log_compact(struct raft_log *l, uint64_t index)
{
	size_t gone;

	if (index <= l->base.index)
		return;
	assert(index <= l->applied && index <= l->stable);

	gone = index - l->base.index;
	l->base = (struct entry_id){ index, log_entry(l, index)->term };
	for (size_t i = 0; i < gone; i++)
		raft_entry_drop(l->entries.at[i]);
	l->entries.count -= gone;
	memmove(l->entries.at, l->entries.at + gone, l->entries.count * sizeof(l->entries.at[0]));
}

uint64_t log_applicable(const struct raft_log *l)
{
	/* A snapshot comes first, then what follows it. */
	return l->incoming ? l->applying : l->committed;
}
