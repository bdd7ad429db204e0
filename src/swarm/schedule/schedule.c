#include "swarm/schedule/schedule.h"

#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "swarm/marks.h"
#include "swarm/schedule/nodes.h"
#include "swarm/schedule/ranking.h"
#include "swarm/schedule/resource.h"
#include "swarm/task.h"

/* So many nodes are looked at in one go; the other groups wait for the next one. */
#define LOOKS_MAX 100000
/* A few tasks find a node among the least loaded ones without a ranking of all. */
#define QUICK_TASKS 4
#define QUICK_LOOKS 64

/* A task that waits in a group. */
struct waiting {
	struct tree_node node;
	uint64_t told; /* which text of the group it has */
	char id[];
};

/* PENDING tasks of one spec. */
struct group {
	struct tree_node node;
	struct list link; /* in `ready`, unless it waits for a change */
	char *service_id;
	uint64_t version;
	struct tree tasks;
	bool waits_for_tasks; /* nodes turn it away for what tasks take */
	char *text;           /* what its tasks are told */
	uint64_t text_number;
};

struct group_key {
	const char *service_id;
	uint64_t version;
};

/* A task that came with its node. */
struct preset {
	struct tree_node node;
	char *node_id, *task_id;
};

struct preset_key {
	const char *node_id, *task_id;
};

/* A change that is in the open transaction alone: taken back when it is committed (the feed then
 * tells it for good) or lost. Everything in the arena. */
struct tentative {
	struct claim before, after;
};

struct schedule {
	const struct log *log;
	struct nodes nodes;
	struct tree groups;
	struct list ready;
	struct tree presets;
	struct marks preset_nodes; /* whose preset tasks are to be looked at */
	struct marks outdated;     /* PENDING tasks that nobody wants any more */
	struct arena arena;        /* of the tentative changes */
	struct tentative *tentative;
	size_t tentative_count, tentative_capacity;
	uint64_t looks;
};

static int compare_group(const void *key, const struct tree_node *member)
{
	const struct group_key *a = key;
	const struct group *b = container_of(member, struct group, node);
	int order = strcmp(a->service_id, b->service_id);

	return order ? order : (a->version > b->version) - (a->version < b->version);
}

static int compare_waiting(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct waiting, node)->id);
}

static int compare_preset(const void *key, const struct tree_node *member)
{
	const struct preset_key *a = key;
	const struct preset *b = container_of(member, struct preset, node);
	int order = strcmp(a->node_id, b->node_id);

	return order ? order : strcmp(a->task_id, b->task_id);
}

struct schedule *schedule_new(const struct log *log)
{
	struct schedule *s = NEW(struct schedule);

	s->log = log;
	nodes_init(&s->nodes);
	s->groups = TREE(compare_group);
	s->presets = TREE(compare_preset);
	list_init(&s->ready);
	marks_init(&s->preset_nodes);
	marks_init(&s->outdated);
	return s;
}

uint64_t schedule_looks(const struct schedule *s)
{
	return s->looks;
}

/* ---- what waits ---- */

static struct group *group_find(struct schedule *s, const Pb__Task *task)
{
	struct group_key key = { task->service_id, version_index(task->spec_version) };

	return tree_entry(tree_find(&s->groups, &key), struct group, node);
}

static void group_wake(struct schedule *s, struct group *g)
{
	if (list_is_empty(&g->link))
		list_push_back(&s->ready, &g->link);
}

static struct group *group_new(struct schedule *s, const Pb__Task *task)
{
	struct group *g = NEW(struct group);
	struct group_key key;

	g->service_id = xstrdup(task->service_id);
	g->version = version_index(task->spec_version);
	g->tasks = TREE(compare_waiting);
	list_init(&g->link);
	key = (struct group_key){ g->service_id, g->version };
	tree_insert(&s->groups, &key, &g->node);
	return g;
}

static void waiting_drop(struct group *g, struct waiting *w)
{
	tree_remove(&g->tasks, &w->node);
	free(w);
}

static void group_free(struct schedule *s, struct group *g)
{
	struct tree_node *n;

	while ((n = tree_first(&g->tasks)))
		waiting_drop(g, container_of(n, struct waiting, node));
	tree_remove(&s->groups, &g->node);
	list_remove(&g->link);
	free(g->service_id);
	free(g->text);
	free(g);
}

static void wait_in_group(struct schedule *s, const Pb__Task *task)
{
	struct group *g = group_find(s, task);
	size_t size = strlen(task->id) + 1;
	struct waiting *w;

	if (!g)
		g = group_new(s, task);
	if (tree_find(&g->tasks, task->id))
		return;
	w = xcalloc(1, sizeof(*w) + size);
	memcpy(w->id, task->id, size);
	tree_insert(&g->tasks, w->id, &w->node);
	group_wake(s, g);
}

static void leave_group(struct schedule *s, const Pb__Task *task)
{
	struct group *g = group_find(s, task);
	struct waiting *w =
		g ? tree_entry(tree_find(&g->tasks, task->id), struct waiting, node) : NULL;

	if (!w)
		return;
	waiting_drop(g, w);
	if (g->tasks.count == 0)
		group_free(s, g);
}

static void wait_for_node(struct schedule *s, const Pb__Task *task)
{
	struct preset_key key = { task->node_id, task->id };
	struct preset *p;

	if (tree_find(&s->presets, &key))
		return;
	p = NEW(struct preset);
	p->node_id = xstrdup(task->node_id);
	p->task_id = xstrdup(task->id);
	tree_insert(&s->presets, &key, &p->node);
	marks_add(&s->preset_nodes, task->node_id);
}

static void preset_free(struct schedule *s, struct preset *p)
{
	tree_remove(&s->presets, &p->node);
	free(p->node_id);
	free(p->task_id);
	free(p);
}

static bool is_pending(const Pb__Task *task)
{
	return task_state(task) == PB__TASK_STATE__PENDING && task_is_wanted(task);
}

static void mark(struct schedule *s, const Pb__Task *task)
{
	if (is_pending(task)) {
		if (task->node_id[0])
			wait_for_node(s, task);
		else
			wait_in_group(s, task);
		return;
	}
	leave_group(s, task);
	if (task_state(task) == PB__TASK_STATE__PENDING &&
	    task->desired_state < PB__TASK_STATE__REMOVE)
		marks_add(&s->outdated, task->id);
}

/* ---- what nodes bear ---- */

static void tentatively(struct schedule *s, const Pb__Task *before, const Pb__Task *after)
{
	struct tentative *now;

	if (s->tentative_count == s->tentative_capacity) {
		s->tentative_capacity = s->tentative_capacity ? s->tentative_capacity * 2 : 64;
		s->tentative =
			xrealloc(s->tentative, s->tentative_capacity * sizeof(*s->tentative));
	}
	now = &s->tentative[s->tentative_count++];
	*now = (struct tentative){ { .node_id = "" }, { .node_id = "" } };
	if (before)
		now->before = claim_of(before, &s->arena);
	if (after)
		now->after = claim_of(after, &s->arena);
	now->before.node_id = arena_strdup(&s->arena, now->before.node_id);
	now->after.node_id = arena_strdup(&s->arena, now->after.node_id);
	now->before.service_id = arena_strdup(&s->arena, before ? before->service_id : "");
	now->after.service_id = arena_strdup(&s->arena, after ? after->service_id : "");
	nodes_take_back(&s->nodes, &now->before);
	nodes_add(&s->nodes, &now->after);
}

static void take_tentative_back(struct schedule *s)
{
	while (s->tentative_count > 0) {
		struct tentative *last = &s->tentative[--s->tentative_count];

		nodes_take_back(&s->nodes, &last->after);
		nodes_add(&s->nodes, &last->before);
	}
	arena_reset(&s->arena);
}

/* Something that a group lacks may be there now. */
static void wake_those_who_wait_for_tasks(struct schedule *s)
{
	struct group *g;

	tree_each (&s->groups, struct group, node, g)
		if (g->waits_for_tasks)
			group_wake(s, g);
}

static void wake_all(struct schedule *s)
{
	struct group *g;

	tree_each (&s->groups, struct group, node, g)
		group_wake(s, g);
}

static bool gives_back(const struct claim *old, const struct claim *new)
{
	return old->node_id[0] && (!new->node_id[0] || (old->is_active && !new->is_active));
}

static void notice_task(struct schedule *s, const struct change *c, struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__Task *old = c->old, *new = c->new;
	struct claim before = { .node_id = "" }, after = { .node_id = "" };

	if (old)
		before = claim_of(old, &a);
	if (new)
		after = claim_of(new, &a);
	nodes_take_back(&s->nodes, &before);
	nodes_add(&s->nodes, &after);
	if (gives_back(&before, &after)) {
		wake_those_who_wait_for_tasks(s);
		if (s->presets.count > 0)
			marks_add(&s->preset_nodes, before.node_id);
	}
	if (!new) {
		leave_group(s, old);
		return;
	}
	mark(s, new);
	/* Where nobody had a choice, nothing is learned for the next one. */
	if (old && new->slot != 0 && task_state(old) != task_state(new) && new->node_id[0] &&
	    (task_state(new) == PB__TASK_STATE__FAILED ||
	     task_state(new) == PB__TASK_STATE__REJECTED))
		node_note_failure(nodes_get(&s->nodes, new->node_id), new->service_id,
				  version_index(new->spec_version), now.mono_ms);
}

/* What filters look at. */
static bool node_matters(const Pb__Node *old, const Pb__Node *new)
{
	return !old || old->role != new->role || old->status->state != new->status->state ||
	       strcmp(old->status->addr, new->status->addr) != 0 ||
	       !pb_equal(old->spec, new->spec) || !pb_equal(old->description, new->description);
}

static void notice_node(struct schedule *s, const struct change *c)
{
	if (!c->new) {
		struct node_info *info = nodes_find(&s->nodes, object_id(c->old));

		/* Tasks that still name it keep what it bears; without any it can be forgotten. */
		if (info && info->active == 0 && info->port_count == 0 &&
		    info->reserved_cpus == 0 && info->reserved_memory == 0)
			nodes_remove(&s->nodes, object_id(c->old));
		return;
	}
	nodes_get(&s->nodes, object_id(c->new));
	if (!node_matters(c->old, c->new))
		return;
	wake_all(s);
	marks_add(&s->preset_nodes, object_id(c->new));
}

static void notice(void *self, const struct change *c, struct now now)
{
	struct schedule *s = self;

	take_tentative_back(s);
	if (c->kind == OBJECT_TASK)
		notice_task(s, c, now);
	else if (c->kind == OBJECT_NODE)
		notice_node(s, c);
}

static void lead(void *self, const struct view *v, struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	struct objects nodes = view_all(v, OBJECT_NODE, &a), tasks = view_all(v, OBJECT_TASK, &a);

	for (size_t i = 0; i < nodes.count; i++)
		notice(self, &(struct change){ CHANGE_CREATED, OBJECT_NODE, NULL, nodes.items[i] },
		       now);
	for (size_t i = 0; i < tasks.count; i++)
		notice(self, &(struct change){ CHANGE_CREATED, OBJECT_TASK, NULL, tasks.items[i] },
		       now);
}

/* ---- place ---- */

static void assign(struct schedule *s, struct txn *t, const Pb__Task *pending, const Pb__Node *node,
		   const char *message)
{
	struct arena *a = txn_arena(t);
	const Pb__Resources *wanted = reservations_of(pending);
	Pb__Task *task = txn_edit_task(t, pending->id);

	task->node_id = node->id;
	task->status = task_status(t, task, PB__TASK_STATE__ASSIGNED, message, "");
	if (wanted && wanted->n_generic > 0) {
		struct free_resources free = free_resources_of(node, a);
		struct objects others = view_tasks_of_node(txn_view(t), node->id, a);
		const Pb__Task *other;

		objects_each (others, Pb__Task, other)
			if (task_is_on_node(other))
				free_resources_take_anyway(&free, other);
		free_resources_claim(&free, task, a);
	}
	txn_put(t, task);
	tentatively(s, pending, task);
}

static void tell(struct txn *t, const Pb__Task *pending, const char *text)
{
	Pb__Task *task;

	if (strcmp(pending->status->err, text) == 0)
		return;
	task = txn_edit_task(t, pending->id);
	task->status = task_status(t, task, task_state(task), pending->status->message, text);
	txn_put(t, task);
}

/* One of the least loaded nodes, where the service neither runs nor fails: if there is one among
 * the first, a ranking would begin with it. */
static const Pb__Node *quick_pick(struct schedule *s, struct txn *t, const struct demand *d)
{
	uint64_t version = version_index(d->task->spec_version);
	struct tree_node *n = tree_first(&s->nodes.by_load);

	for (int i = 0; n && i < QUICK_LOOKS; i++, n = tree_next(n)) {
		const struct node_info *info = container_of(n, struct node_info, by_load);
		const Pb__Node *node = view_node(txn_view(t), info->id);

		s->looks++;
		if (node && node_tasks_of(info, d->task->service_id) == 0 &&
		    node_failures_of(info, d->task->service_id, version, txn_now(t).mono_ms) <
			    FAILURES_MANY &&
		    filters_check(d, info, node, txn_view(t), txn_arena(t)) == FILTER_PASSED)
			return node;
	}
	return NULL;
}

static const char *assigned_message = "scheduler assigned task to node";

/* A walk through the tasks of a group. */
struct walk {
	struct tree_node *next;
	bool has_skipped; /* some, for which the transaction has no room */
};

static struct walk walk_of(const struct group *g)
{
	return (struct walk){ tree_first(&g->tasks), false };
}

/* The next task that is still to be placed and for which there is room; what is not pending any
 * more is dropped. */
static const Pb__Task *next_pending(struct schedule *s, struct group *g, struct walk *walk,
				    struct txn *t)
{
	while (walk->next) {
		struct waiting *w = container_of(walk->next, struct waiting, node);
		const Pb__Task *task = view_task(txn_view(t), w->id);

		walk->next = tree_next(walk->next);
		if (!task || !is_pending(task) || task->node_id[0]) {
			waiting_drop(g, w);
			continue;
		}
		if (txn_has_room_for(t, OBJECT_TASK, task->id))
			return task;
		walk->has_skipped = true;
		s->looks++;
	}
	return NULL;
}

/* Tell all of the group. False if the transaction has no room for some. */
static bool tell_group(struct group *g, struct txn *t, const char *text)
{
	struct waiting *w;
	bool all = true;

	if (!g->text || strcmp(g->text, text) != 0) {
		free(g->text);
		g->text = xstrdup(text);
		g->text_number++;
	}
	tree_each (&g->tasks, struct waiting, node, w) {
		const Pb__Task *task;

		if (w->told == g->text_number)
			continue;
		if (!txn_has_room_for(t, OBJECT_TASK, w->id)) {
			all = false;
			continue;
		}
		task = view_task(txn_view(t), w->id);
		if (task && is_pending(task))
			tell(t, task, text);
		w->told = g->text_number;
	}
	return all;
}

static bool turned_away_by_tasks(const struct ranking *r)
{
	for (int f = 0; f < FILTERS; f++)
		if (r->turned_away[f] > 0 && filter_depends_on_tasks((enum filter)f))
			return true;
	return false;
}

/* False if the transaction has no room for some of the group. */
static bool place_by_rank(struct schedule *s, struct group *g, struct walk *walk, struct txn *t,
			  const struct demand *d)
{
	struct arena *a = txn_arena(t);
	struct ranking r;
	const Pb__Task *task;
	const Pb__Node *node;
	const char *why;

	*walk = walk_of(g);
	ranking_build(&r, d, &s->nodes, txn_view(t), txn_now(t).mono_ms, a);
	s->looks += s->nodes.by_id.count;
	while ((task = next_pending(s, g, walk, t)) && (node = ranking_first(&r))) {
		assign(s, t, task, node, assigned_message);
		ranking_placed(&r);
	}
	if (!task)
		return !walk->has_skipped;

	log_mark(s->log, "schedule.no_suitable_node");
	g->waits_for_tasks = turned_away_by_tasks(&r);
	why = filters_explain(r.turned_away, a);
	return tell_group(
		g, t, why[0] ? arena_printf(a, "no suitable node (%s)", why) : "no suitable node");
}

static bool place_group(struct schedule *s, struct group *g, struct txn *t)
{
	struct walk walk = walk_of(g);
	const Pb__Task *task = next_pending(s, g, &walk, t);
	bool has_preferences =
		task && task->spec->placement && task->spec->placement->n_preferences > 0;
	struct demand d;

	if (!task)
		return !walk.has_skipped;
	d = demand_of(task, txn_arena(t));
	g->waits_for_tasks = false;
	if (g->tasks.count <= QUICK_TASKS && s->nodes.by_id.count > QUICK_LOOKS &&
	    !has_preferences) {
		const Pb__Node *node;

		while (task && (node = quick_pick(s, t, &d))) {
			assign(s, t, task, node, assigned_message);
			task = next_pending(s, g, &walk, t);
		}
		if (!task)
			return !walk.has_skipped;
	}
	return place_by_rank(s, g, &walk, t, &d);
}

/* ---- tasks that came with their node ---- */

/* True if it needs to be looked at no more. */
static bool confirm(struct schedule *s, struct txn *t, const char *task_id)
{
	struct arena *a = txn_arena(t);
	const Pb__Task *task = view_task(txn_view(t), task_id);
	const Pb__Node *node;
	uint64_t counts[FILTERS] = { 0 };
	struct demand d;
	enum filter f;

	if (!task || !is_pending(task))
		return true;
	node = view_node(txn_view(t), task->node_id);
	if (!node)
		return false;
	d = demand_of(task, a);
	s->looks++;
	f = filters_check(&d, nodes_get(&s->nodes, node->id), node, txn_view(t), a);
	if (f == FILTER_PASSED) {
		assign(s, t, task, node, "scheduler confirmed task can run on preassigned node");
		return true;
	}
	counts[f] = 1;
	tell(t, task, filters_explain(counts, a));
	return false;
}

/* False if the transaction has no room for some. */
static bool confirm_node(struct schedule *s, struct txn *t, const char *node_id)
{
	struct preset_key key = { node_id, "" };
	struct tree_node *n = tree_at_or_after(&s->presets, &key);
	bool all = true;

	while (n) {
		struct preset *p = container_of(n, struct preset, node);

		if (strcmp(p->node_id, node_id) != 0)
			break;
		n = tree_next(n);
		if (!txn_has_room_for(t, OBJECT_TASK, p->task_id)) {
			all = false;
			s->looks++;
		} else if (confirm(s, t, p->task_id)) {
			preset_free(s, p);
		}
	}
	return all;
}

/* A task that was replaced before it found a node has nobody who would shut it down. */
static void end_outdated(struct txn *t, const char *task_id)
{
	const Pb__Task *task = view_task(txn_view(t), task_id);
	const Pb__Service *service = task ? view_service(txn_view(t), task->service_id) : NULL;
	Pb__Task *edit;

	if (!service || task_state(task) != PB__TASK_STATE__PENDING || task_is_wanted(task) ||
	    version_index(task->spec_version) >= version_index(service->spec_version))
		return;
	edit = txn_edit_task(t, task_id);
	edit->status = task_status(t, edit, PB__TASK_STATE__SHUTDOWN, task->status->message, "");
	txn_put(t, edit);
}

/* ---- controller ---- */

/* Returns whether there are pending tasks in it. */
static bool look_at_transaction(struct schedule *s, struct txn *t)
{
	size_t count;
	const struct change *changes = txn_changes(t, &count);
	bool has_pending = false;

	take_tentative_back(s);
	for (size_t i = 0; i < count; i++) {
		const struct change *c = &changes[i];

		if (c->kind == OBJECT_NODE && c->new &&node_matters(c->old, c->new)) {
			wake_all(s);
			marks_add(&s->preset_nodes, object_id(c->new));
		}
		if (c->kind != OBJECT_TASK)
			continue;
		tentatively(s, c->old, c->new);
		if (c->new) {
			mark(s, c->new);
			has_pending |= is_pending(c->new);
		}
	}
	return has_pending;
}

static void confirm_all(struct schedule *s, struct txn *t, uint64_t until)
{
	struct arena *a = txn_arena(t);
	size_t count = 0, most = s->preset_nodes.ids.count;
	const char **later = arena_alloc(a, (most + 1) * sizeof(*later)), *id;

	while (s->looks < until && (id = marks_take(&s->preset_nodes, a)))
		if (!confirm_node(s, t, id))
			later[count++] = id;
	while (count > 0)
		marks_add(&s->preset_nodes, later[--count]);
}

static void place_all(struct schedule *s, struct txn *t, uint64_t until)
{
	struct list later;

	list_init(&later);
	while (s->looks < until && !list_is_empty(&s->ready)) {
		struct group *g = list_first(&s->ready, struct group, link);

		list_remove(&g->link);
		if (!place_group(s, g, t))
			list_push_back(&later, &g->link);
		else if (g->tasks.count == 0)
			group_free(s, g);
	}
	list_splice_back(&s->ready, &later);
}

static void decide(void *self, struct txn *t)
{
	struct schedule *s = self;
	uint64_t until = s->looks + LOOKS_MAX;
	const char *id;

	if (!look_at_transaction(s, t) && txn_is_full(t))
		return;
	while (!txn_is_full(t) && (id = marks_take(&s->outdated, txn_arena(t))))
		end_outdated(t, id);
	confirm_all(s, t, until);
	place_all(s, t, until);
}

static int64_t deadline(const void *self)
{
	const struct schedule *s = self;

	return list_is_empty(&s->ready) && marks_are_empty(&s->preset_nodes) &&
			       marks_are_empty(&s->outdated)
		       ? NEVER_MS
		       : 0;
}

static void resign(void *self)
{
	struct schedule *s = self;
	struct tree_node *n;

	while ((n = tree_first(&s->groups)))
		group_free(s, container_of(n, struct group, node));
	while ((n = tree_first(&s->presets)))
		preset_free(s, container_of(n, struct preset, node));
	marks_clear(&s->preset_nodes);
	marks_clear(&s->outdated);
	s->tentative_count = 0;
	arena_clear(&s->arena);
	nodes_clear(&s->nodes);
}

struct controller schedule_controller(struct schedule *s)
{
	return (struct controller){ "schedule", s, lead, notice, decide, deadline, resign };
}

void schedule_free(struct schedule *s)
{
	if (!s)
		return;
	resign(s);
	free(s->tentative);
	free(s);
}
