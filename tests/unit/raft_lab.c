#include "raft_lab.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "raft/core/describe.h"

/* --- disk ------------------------------------------------------------------------------------- */

static void write_free(struct disk_write *w)
{
	raft_snapshot_drop(w->snapshot);
	entry_list_clear(&w->entries);
	free(w);
}

void disk_clear(struct disk *d)
{
	disk_crash(d, 0);
	raft_snapshot_drop(d->snapshot);
	entry_list_clear(&d->entries);
	*d = (struct disk){ 0 };
}

void disk_write(struct disk *d, const struct raft_ready *rd)
{
	struct disk_write *w, **end = &d->waiting;

	if (!rd->hard_changed && !rd->snapshot && rd->entry_count == 0)
		return;
	w = NEW(struct disk_write);
	w->hard = rd->hard;
	w->snapshot = rd->snapshot ? raft_snapshot_ref(rd->snapshot) : NULL;
	for (size_t i = 0; i < rd->entry_count; i++)
		entry_list_push(&w->entries, rd->entries[i]);
	while (*end)
		end = &(*end)->next;
	*end = w;
}

static uint64_t disk_base(const struct disk *d)
{
	return d->snapshot ? d->snapshot->index : 0;
}

static void settle_write(struct disk *d, const struct disk_write *w)
{
	d->hard = w->hard;
	if (w->snapshot) {
		raft_snapshot_drop(d->snapshot);
		d->snapshot = raft_snapshot_ref(w->snapshot);
		entry_list_cut(&d->entries, 0);
	}
	if (w->entries.count > 0) {
		uint64_t first = w->entries.at[0]->index;

		assert(first > disk_base(d) && first <= disk_base(d) + d->entries.count + 1);
		entry_list_cut(&d->entries, first - disk_base(d) - 1);
		for (size_t i = 0; i < w->entries.count; i++)
			entry_list_push(&d->entries, w->entries.at[i]);
	}
}

unsigned disk_waiting(const struct disk *d)
{
	unsigned count = 0;

	for (const struct disk_write *w = d->waiting; w; w = w->next)
		count++;
	return count;
}

void disk_crash(struct disk *d, unsigned kept)
{
	while (d->waiting) {
		struct disk_write *w = d->waiting;

		if (kept > 0) {
			settle_write(d, w);
			kept--;
		}
		d->waiting = w->next;
		write_free(w);
	}
}

void disk_sync(struct disk *d)
{
	disk_crash(d, ~0u);
}

void disk_set_snapshot(struct disk *d, struct raft_snapshot *s)
{
	struct entry_list rest = { 0 };

	disk_sync(d);
	for (size_t i = 0; i < d->entries.count; i++)
		if (d->entries.at[i]->index > s->index)
			entry_list_push(&rest, d->entries.at[i]);
	entry_list_clear(&d->entries);
	d->entries = rest;
	raft_snapshot_ref(s);
	raft_snapshot_drop(d->snapshot);
	d->snapshot = s;
}

struct raft *disk_open(const struct disk *d, const struct raft_config *c, struct err *e)
{
	struct raft_stored stored = {
		.hard = d->hard,
		.snapshot = d->snapshot,
		.entries = d->entries.at,
		.entry_count = d->entries.count,
	};

	return raft_new(c, &stored, e);
}

/* --- lab -------------------------------------------------------------------------------------- */

struct raft_config lab_plain(uint64_t id)
{
	return (struct raft_config){
		.id = id, .seed = id, .heartbeat_ticks = 1, .election_ticks = 10
	};
}

static void open_node(struct lab_node *n)
{
	struct err e;

	n->applied[0] = '\0';
	if (n->disk.snapshot && n->disk.snapshot->size)
		memcpy(n->applied, n->disk.snapshot->data, n->disk.snapshot->size);
	n->raft = disk_open(&n->disk, &n->config, &e);
	assert(n->raft);
}

void lab_init(struct lab *l, unsigned count, struct raft_config (*config)(uint64_t id))
{
	struct raft_conf conf = { .voter_count = count };

	*l = (struct lab){ .count = count };
	for (unsigned i = 0; i < count; i++)
		conf.voters[i] = i + 1;
	for (unsigned id = 1; id <= count; id++) {
		struct lab_node *n = &l->nodes[id];

		n->config = config(id);
		n->disk.snapshot = raft_snapshot_new(1, 1, &conf, "", 1);
		n->disk.hard = (struct raft_hard_state){ .term = 1, .commit = 1 };
		open_node(n);
	}
}

struct raft *lab_add(struct lab *l, struct raft_config (*config)(uint64_t id))
{
	struct lab_node *n = &l->nodes[++l->count];

	assert(l->count <= LAB_MAX);
	n->config = config(l->count);
	open_node(n);
	return n->raft;
}

void lab_clear(struct lab *l)
{
	for (unsigned id = 1; id <= l->count; id++) {
		raft_free(l->nodes[id].raft);
		disk_clear(&l->nodes[id].disk);
	}
	message_list_clear(&l->network);
	free(l->network.at);
}

struct raft *lab_raft(struct lab *l, uint64_t id)
{
	return l->nodes[id].raft;
}

static void apply(struct lab_node *n, const struct raft_ready *rd)
{
	if (rd->snapshot)
		memcpy(n->applied, rd->snapshot->data, rd->snapshot->size);
	for (size_t i = 0; i < rd->committed_count; i++) {
		const struct raft_entry *e = rd->committed[i];
		size_t used = strlen(n->applied);

		if (e->kind == RAFT_CONF_CHANGE)
			raft_apply_conf_change(n->raft, &e->change);
		else if (e->size > 0)
			snprintf(n->applied + used, sizeof(n->applied) - used, "%.*s ",
				 (int)e->size, e->data);
	}
	for (size_t i = 0; i < rd->read_count && n->read_count < ARRAY_LEN(n->reads); i++)
		n->reads[n->read_count++] = rd->reads[i];
}

static const struct raft_ready *store_and_apply(struct lab_node *n)
{
	const struct raft_ready *rd = raft_ready(n->raft);

	disk_write(&n->disk, rd);
	if (rd->must_sync)
		disk_sync(&n->disk);
	apply(n, rd);
	return rd;
}

bool lab_work(struct lab *l, uint64_t id)
{
	struct lab_node *n = &l->nodes[id];
	const struct raft_ready *rd;

	if (!n->raft || !raft_has_ready(n->raft))
		return false;
	rd = store_and_apply(n);
	for (size_t i = 0; i < rd->message_count; i++)
		message_list_push(&l->network, raft_message_dup(rd->messages[i]));
	raft_advance(n->raft);
	return true;
}

static bool arrives(const struct lab *l, const struct raft_message *m)
{
	return m->to <= l->count && l->nodes[m->to].raft && !l->loses[m->kind] &&
	       (m->from > LAB_MAX || !l->cut[m->from][m->to]);
}

void lab_deliver(struct lab *l)
{
	struct message_list now = l->network;

	l->network = (struct message_list){ 0 };
	for (size_t i = 0; i < now.count; i++) {
		struct raft_message *m = now.at[i];
		struct err e;

		if (arrives(l, m)) {
			bool ok = raft_step(lab_raft(l, m->to), m, &e);

			assert(ok);
		}
		/* The transport's report on a snapshot. */
		if (m->kind == RAFT_SNAPSHOT && lab_raft(l, m->from))
			raft_report_snapshot(lab_raft(l, m->from), m->to, arrives(l, m));
	}
	message_list_clear(&now);
	free(now.at);
}

void lab_settle(struct lab *l)
{
	for (int round = 0; round < 10000; round++) {
		bool worked = false;

		for (unsigned id = 1; id <= l->count; id++)
			worked |= lab_work(l, id);
		if (!worked && l->network.count == 0)
			return;
		lab_deliver(l);
	}
	assert(!"the members talk for ever");
}

void lab_tick(struct lab *l, uint64_t id, int ticks)
{
	for (int i = 0; i < ticks; i++)
		raft_tick(lab_raft(l, id));
}

void lab_lead(struct lab *l, uint64_t id)
{
	raft_campaign(lab_raft(l, id));
	lab_settle(l);
}

uint64_t lab_propose(struct lab *l, uint64_t id, const char *data)
{
	uint64_t index;
	struct err e;

	return raft_propose(lab_raft(l, id), data, strlen(data), &index, &e) ? index : 0;
}

bool lab_change(struct lab *l, uint64_t id, enum raft_change_kind kind, uint64_t node)
{
	uint64_t index;
	struct err e;

	return raft_propose_conf_change(lab_raft(l, id),
					&(struct raft_change){ .kind = kind, .node = node }, NULL,
					0, &index, &e);
}

void lab_isolate(struct lab *l, uint64_t id)
{
	for (unsigned i = 0; i <= LAB_MAX; i++)
		l->cut[id][i] = l->cut[i][id] = i != id;
}

void lab_heal(struct lab *l)
{
	memset(l->cut, 0, sizeof(l->cut));
	memset(l->loses, 0, sizeof(l->loses));
}

void lab_crash(struct lab *l, uint64_t id)
{
	struct lab_node *n = &l->nodes[id];

	raft_free(n->raft);
	n->raft = NULL;
	disk_crash(&n->disk, 0);
}

void lab_restart(struct lab *l, uint64_t id)
{
	if (lab_raft(l, id))
		lab_crash(l, id);
	open_node(&l->nodes[id]);
}

void lab_snapshot(struct lab *l, uint64_t id)
{
	struct lab_node *n = &l->nodes[id];
	struct raft_status st = raft_status(n->raft);
	struct raft_snapshot *s;
	struct raft_conf conf;
	uint64_t term = 0;

	log_term(&n->raft->log, st.applied, &term);
	raft_conf(n->raft, &conf);
	s = raft_snapshot_new(st.applied, term, &conf, n->applied, strlen(n->applied) + 1);
	disk_set_snapshot(&n->disk, s);
	raft_set_snapshot(n->raft, s);
	raft_compact(n->raft, st.applied);
	raft_snapshot_drop(s);
}

const char *lab_log(struct lab *l, uint64_t id)
{
	static char text[4096];
	struct raft_status st = raft_status(lab_raft(l, id));
	size_t used = 0;

	text[0] = '\0';
	for (uint64_t i = st.first; i <= st.last; i++)
		used += snprintf(text + used, sizeof(text) - used, "%s%llu/%llu", used ? " " : "",
				 (unsigned long long)raft_entry_at(lab_raft(l, id), i)->term,
				 (unsigned long long)i);
	return text;
}

const char *lab_conf(struct lab *l, uint64_t id)
{
	static char text[1024];
	struct raft_conf conf;
	size_t used = 0;

	text[0] = '\0';
	raft_conf(lab_raft(l, id), &conf);
	for (unsigned i = 0; i < conf.voter_count; i++)
		used += snprintf(text + used, sizeof(text) - used, "%s%llu", used ? " " : "",
				 (unsigned long long)conf.voters[i]);
	for (unsigned i = 0; i < conf.learner_count; i++)
		used += snprintf(text + used, sizeof(text) - used, "%s+%llu", used ? " " : "",
				 (unsigned long long)conf.learners[i]);
	return text;
}

struct raft_message *lab_message(enum raft_message_kind kind, uint64_t from, uint64_t to,
				 uint64_t term)
{
	struct raft_message *m = raft_message_new(kind, to);

	m->from = from;
	m->term = term;
	return m;
}

void lab_attach(struct raft_message *m, const uint64_t *terms)
{
	size_t count = 0;

	while (terms[count])
		count++;
	m->entries = xcalloc(count, sizeof(m->entries[0]));
	m->entry_count = count;
	for (size_t i = 0; i < count; i++)
		m->entries[i] = raft_entry_new(m->index + 1 + i, terms[i], "x", 1);
}

void lab_step(struct raft *r, struct raft_message *m)
{
	struct err e;
	bool ok = raft_step(r, m, &e);

	assert(ok);
	raft_message_free(m);
}

const char *lab_says(struct lab *l, uint64_t id)
{
	static char text[8192];
	struct lab_node *n = &l->nodes[id];
	AUTO_BUF struct buf out = BUF_MAX(sizeof(text) - 1);

	while (raft_has_ready(n->raft)) {
		const struct raft_ready *rd = store_and_apply(n);

		for (size_t i = 0; i < rd->message_count; i++) {
			if (out.len)
				buf_append_char(&out, '\n');
			raft_describe_message(&out, rd->messages[i]);
		}
		raft_advance(n->raft);
	}
	snprintf(text, sizeof(text), "%s", out.data ? out.data : "");
	return text;
}
