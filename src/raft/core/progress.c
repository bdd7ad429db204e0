#include "raft/core/progress.h"

#include <assert.h>

#include "base/mem.h"

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void window_reset(struct window *w)
{
	w->start = w->count = 0;
	w->bytes = 0;
}

bool window_is_full(const struct window *w)
{
	return w->count >= w->count_max || w->bytes >= w->bytes_max;
}

/* Grows with use: most peers never have more than a few in flight. */
static void window_grow(struct window *w)
{
	size_t capacity = w->capacity ? 2 * w->capacity : 8;
	struct in_flight *ring = xcalloc(capacity, sizeof(ring[0]));

	for (size_t i = 0; i < w->count; i++)
		ring[i] = w->ring[(w->start + i) % w->capacity];
	free(w->ring);
	w->ring = ring;
	w->capacity = capacity;
	w->start = 0;
}

void window_add(struct window *w, uint64_t index, uint64_t bytes)
{
	assert(!window_is_full(w));
	if (w->count == w->capacity)
		window_grow(w);
	w->ring[(w->start + w->count) % w->capacity] = (struct in_flight){ index, bytes };
	w->count++;
	w->bytes += bytes;
}

void window_free_up_to(struct window *w, uint64_t index)
{
	while (w->count > 0 && w->ring[w->start].index <= index) {
		w->bytes -= w->ring[w->start].bytes;
		w->start = (w->start + 1) % w->capacity;
		w->count--;
	}
}

void progress_reset(struct progress *p, uint64_t next)
{
	p->state = RAFT_PROBE;
	p->match = p->sent_commit = p->pending_snapshot = 0;
	p->next = next;
	p->is_active = p->is_paused = false;
	p->confirmed_round = 0;
	window_reset(&p->window);
}

void progress_clear(struct progress *p)
{
	free(p->window.ring);
	*p = (struct progress){ 0 };
}

static void enter(struct progress *p, enum raft_peer_state state)
{
	p->state = state;
	p->is_paused = false;
	p->pending_snapshot = 0;
	window_reset(&p->window);
}

void progress_probe(struct progress *p)
{
	uint64_t pending = p->state == RAFT_SENDING_SNAPSHOT ? p->pending_snapshot : 0;

	enter(p, RAFT_PROBE);
	p->next = max_u64(p->match, pending) + 1;
	p->sent_commit = min_u64(p->sent_commit, p->next - 1);
}

void progress_replicate(struct progress *p)
{
	enter(p, RAFT_REPLICATE);
	p->next = p->match + 1;
}

void progress_send_snapshot(struct progress *p, uint64_t index)
{
	enter(p, RAFT_SENDING_SNAPSHOT);
	p->pending_snapshot = p->sent_commit = index;
	p->next = index + 1;
}

bool progress_waits(const struct progress *p)
{
	return p->state == RAFT_SENDING_SNAPSHOT || p->is_paused;
}

void progress_sent(struct progress *p, size_t entries, uint64_t bytes)
{
	if (p->state == RAFT_PROBE) {
		if (entries > 0)
			p->is_paused = true;
		return;
	}
	assert(p->state == RAFT_REPLICATE);
	if (entries > 0) {
		p->next += entries;
		window_add(&p->window, p->next - 1, bytes);
	}
	/* With a full window the empty append just sent is the probe that finds out whether
	 * everything in it was lost. */
	p->is_paused = window_is_full(&p->window);
}

bool progress_wants_commit(const struct progress *p, uint64_t commit)
{
	return commit > p->sent_commit && p->sent_commit < p->next - 1;
}

bool progress_accept(struct progress *p, uint64_t index)
{
	if (index <= p->match)
		return false;
	p->match = index;
	p->next = max_u64(p->next, index + 1);
	p->is_paused = false;
	return true;
}

bool progress_reject(struct progress *p, uint64_t index, uint64_t guess)
{
	if (p->state == RAFT_REPLICATE) {
		/* It has acknowledged more since. */
		if (index <= p->match)
			return false;
		p->next = p->match + 1;
		p->sent_commit = min_u64(p->sent_commit, p->next - 1);
		return true;
	}

	/* A probe is always anchored at next - 1; anything else answers an older one. */
	if (p->next - 1 != index)
		return false;
	p->next = max_u64(min_u64(index, guess + 1), p->match + 1);
	p->sent_commit = min_u64(p->sent_commit, p->next - 1);
	p->is_paused = false;
	return true;
}
