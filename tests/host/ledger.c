#include "ledger.h"

#include "base/prng.h"

static struct str content_of(struct arena *a, uint64_t seed, uint64_t x, uint64_t y)
{
	struct prng p;
	size_t size;
	char *bytes;

	prng_seed(&p, seed * 31 + x * 1000003 + y);
	size = prng_chance(&p, 1, 60) ? prng_below(&p, 300000) : prng_below(&p, 2000);
	bytes = arena_alloc(a, size + 1);
	prng_bytes(&p, bytes, size);
	return str_bytes(bytes, size);
}

static bool is_content_of(struct str s, uint64_t seed, uint64_t x, uint64_t y)
{
	AUTO_ARENA struct arena a = { 0 };

	return str_equal(s, content_of(&a, seed, x, y));
}

static void append(struct raft_ledger *l, struct prng *p, struct arena *a,
		   struct journal_raft_write *w, uint64_t first)
{
	struct journal_entry *entries;

	w->entry_count = prng_below(p, 4) + 1;
	w->entries = entries = arena_alloc(a, w->entry_count * sizeof(*entries));
	for (size_t i = 0; i < w->entry_count; i++) {
		l->last = first + i;
		l->terms[l->last] = l->term;
		entries[i] = (struct journal_entry){ .index = l->last,
						     .term = l->term,
						     .type = (int)(l->last % 3) };
		entries[i].data = content_of(a, l->seed, l->last, l->term);
	}
}

static void name_snapshot(struct raft_ledger *l, struct prng *p, struct arena *a,
			  struct journal_raft_write *w, struct str *content)
{
	struct journal_manifest *m = ARENA_NEW(a, struct journal_manifest);

	m->index = (uint64_t)prng_between(p, (int64_t)l->snapshot_index + 1, (int64_t)l->last);
	m->term = l->terms[m->index];
	m->metadata = content_of(a, l->seed, m->index, 77);
	*content = content_of(a, l->seed, m->index, 88);
	m->size_bytes = content->len;
	m->digest = m->index * 3;
	l->snapshot_index = m->index;
	w->snapshot = m;
	w->keep = prng_below(p, 5);
}

void raft_ledger_next(struct raft_ledger *l, struct arena *a, struct journal_raft_write *w,
		      struct str *content)
{
	struct prng p;
	uint64_t what;

	prng_seed(&p, l->seed ^ (++l->count << 20));
	what = prng_below(&p, 100);
	*w = (struct journal_raft_write){ .has_hard_state = true };
	if (l->count == 1)
		l->term = 1;
	if (what < 70) {
		append(l, &p, a, w, l->last + 1);
	} else if (what < 85 && l->last > l->snapshot_index) {
		l->term++;
		append(l, &p, a, w,
		       (uint64_t)prng_between(&p, (int64_t)l->snapshot_index + 1,
					      (int64_t)l->last));
	} else if (what < 92 && l->last > l->snapshot_index + 8) {
		name_snapshot(l, &p, a, w, content);
	}
	w->hard_state = (struct journal_hard_state){ .term = l->term,
						     .vote = l->count % 7,
						     .commit = l->count };
}

static const char *compare_snapshot(const struct raft_ledger *l, const struct journal_image *image)
{
	const struct journal_manifest *m = &image->snapshot;

	if (image->has_snapshot != (l->snapshot_index != 0))
		return "a snapshot too many, or too few";
	if (!image->has_snapshot)
		return NULL;
	if (m->index != l->snapshot_index || m->term != l->terms[m->index] ||
	    m->digest != m->index * 3)
		return "another snapshot";
	if (m->size_bytes != image->snapshot_content.len ||
	    !is_content_of(m->metadata, l->seed, m->index, 77) ||
	    !is_content_of(image->snapshot_content, l->seed, m->index, 88))
		return "a snapshot with other content";
	return NULL;
}

const char *raft_ledger_compare(uint64_t seed, const struct journal_image *image, uint64_t *count)
{
	static struct raft_ledger l;
	const char *difference;

	*count = image->hard_state.commit;
	l = (struct raft_ledger){ .seed = seed };
	while (l.count < *count) {
		AUTO_ARENA struct arena a = { 0 };
		struct journal_raft_write w;
		struct str content;

		raft_ledger_next(&l, &a, &w, &content);
	}
	if (image->has_raft != (*count > 0) || image->hard_state.term != l.term ||
	    image->hard_state.vote != l.count % 7)
		return "another hard state";
	difference = compare_snapshot(&l, image);
	if (difference)
		return difference;
	if (image->entry_count != l.last - l.snapshot_index)
		return "a log of another length";
	for (size_t i = 0; i < image->entry_count; i++) {
		const struct journal_entry *e = &image->entries[i];

		if (e->index != l.snapshot_index + 1 + i || e->term != l.terms[e->index] ||
		    e->type != (int)(e->index % 3) ||
		    !is_content_of(e->data, seed, e->index, e->term))
			return "another entry";
	}
	return NULL;
}

static const char *key_name(struct arena *a, size_t key)
{
	return arena_printf(a, "k%02zu", key);
}

void local_ledger_next(struct local_ledger *l, struct arena *a, struct journal_record **records,
		       size_t *count)
{
	struct prng p;

	prng_seed(&p, l->seed ^ (++l->count << 24));
	*count = prng_below(&p, 4) + 1;
	*records = arena_alloc(a, (*count + 1) * sizeof(**records));
	for (size_t i = 0; i < *count; i++) {
		size_t key = prng_below(&p, LEDGER_KEYS);
		struct journal_record *r = &(*records)[i];

		r->table = key % 2 ? "container" : "image";
		r->key = key_name(a, key);
		l->written_by[key] = prng_chance(&p, 1, 3) ? 0 : l->count;
		if (l->written_by[key])
			r->value = content_of(a, l->seed, key, l->count);
	}
	(*records)[*count] = (struct journal_record){
		.table = "meta",
		.key = "count",
		.value = str_bytes(arena_copy(a, &l->count, sizeof(l->count)), sizeof(l->count)),
	};
	(*count)++;
}

static const struct journal_record *find(const struct journal_image *image, const char *table,
					 const char *key)
{
	for (size_t i = 0; i < image->record_count; i++)
		if (strcmp(image->records[i].table, table) == 0 &&
		    strcmp(image->records[i].key, key) == 0)
			return &image->records[i];
	return NULL;
}

const char *local_ledger_compare(uint64_t seed, const struct journal_image *image, uint64_t *count)
{
	const struct journal_record *meta = find(image, "meta", "count");
	struct local_ledger l = { .seed = seed };
	AUTO_ARENA struct arena a = { 0 };
	size_t present = 0;

	*count = 0;
	if (!meta)
		return image->record_count ? "records without a count" : NULL;
	memcpy(count, meta->value.ptr, sizeof(*count));
	while (l.count < *count) {
		struct journal_record *records;
		size_t n;

		local_ledger_next(&l, &a, &records, &n);
	}
	for (size_t key = 0; key < LEDGER_KEYS; key++) {
		const struct journal_record *r =
			find(image, key % 2 ? "container" : "image", key_name(&a, key));

		if (!r != !l.written_by[key])
			return "a record too many, or too few";
		if (!r)
			continue;
		present++;
		if (!is_content_of(r->value, seed, key, l.written_by[key]))
			return "a record with another value";
	}
	return image->record_count == present + 1 ? NULL : "a record nobody wrote";
}
