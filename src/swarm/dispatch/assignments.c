/* Assignments: the tasks of a node, all of them once and then what changes, in order, without gaps.
 *
 * With the first task that needs a secret or a config goes that; when the last task that needs it
 * is gone or has ended, so does it. Secrets and configs come before the tasks that need them.
 *
 * What is larger than PART_BYTES is told in parts. A COMPLETE set ends every task that it does not
 * name, so its first part names all that the node may have, with what those need that do not run
 * yet; what it cannot have heard of, and what running tasks have already been given, follows. */
#include <string.h>

#include "pb/pool.h"

#include "swarm/dispatch/inside.h"

void assignments_clear(struct session *s)
{
	struct told *t;
	struct changed_task *c;

	tree_each (&s->told, struct told, by_id, t) {
		tree_remove(&s->told, &t->by_id);
		free(t);
	}
	list_each (&s->changed, struct changed_task, link, c)
		free(c);
	list_init(&s->changed);
}

static struct told *told_find(const struct session *s, const char *id)
{
	return tree_entry(tree_find(&s->told, id), struct told, by_id);
}

static void told_add(struct session *s, const char *id)
{
	struct told *t = xcalloc(1, sizeof(*t) + strlen(id) + 1);

	strcpy(t->id, id);
	if (tree_insert(&s->told, id, &t->by_id))
		free(t);
}

/* A dependency is told under a key that no task id has. */
static const char *dependency_key(struct arena *a, const char *kind, const char *id)
{
	return arena_printf(a, "%s/%s", kind, id);
}

static Pb__AssignmentChange *change_new(struct arena *a, Pb__AssignmentsMessage *m, bool is_removal)
{
	Pb__AssignmentChange *change = PB_NEW(a, assignment_change);

	change->action = is_removal ? PB__ASSIGNMENT_CHANGE__ASSIGNMENT_ACTION__REMOVE
				    : PB__ASSIGNMENT_CHANGE__ASSIGNMENT_ACTION__UPDATE;
	change->assignment = PB_NEW(a, assignment);
	PB_APPEND(a, m, changes, change);
	return change;
}

static void tell_task(struct arena *a, Pb__AssignmentsMessage *m, const Pb__Task *task)
{
	Pb__Assignment *item = change_new(a, m, false)->assignment;

	item->item_case = PB__ASSIGNMENT__ITEM_TASK;
	item->task = (Pb__Task *)task;
}

static void tell_removal(struct arena *a, Pb__AssignmentsMessage *m, const char *id)
{
	Pb__Assignment *item = change_new(a, m, true)->assignment;

	item->item_case = PB__ASSIGNMENT__ITEM_TASK;
	item->task = PB_NEW(a, task);
	item->task->id = (char *)id;
}

static void tell_secret(struct dispatch *d, struct session *s, struct arena *a,
			Pb__AssignmentsMessage *m, const char *id)
{
	const char *key = dependency_key(a, "secret", id);
	const void *secret = view_get(store_view(d->config.store), OBJECT_SECRET, id);
	Pb__Assignment *item;

	if (!secret || told_find(s, key))
		return;
	told_add(s, key);
	item = change_new(a, m, false)->assignment;
	item->item_case = PB__ASSIGNMENT__ITEM_SECRET;
	item->secret = (Pb__Secret *)secret;
}

static void tell_config(struct dispatch *d, struct session *s, struct arena *a,
			Pb__AssignmentsMessage *m, const char *id)
{
	const char *key = dependency_key(a, "config", id);
	const void *config = view_get(store_view(d->config.store), OBJECT_CONFIG, id);
	Pb__Assignment *item;

	if (!config || told_find(s, key))
		return;
	told_add(s, key);
	item = change_new(a, m, false)->assignment;
	item->item_case = PB__ASSIGNMENT__ITEM_CONFIG;
	item->config = (Pb__Config *)config;
}

static const Pb__ContainerSpec *container_of_task(const Pb__Task *t)
{
	return t->spec->runtime_case == PB__TASK_SPEC__RUNTIME_CONTAINER ? t->spec->container
									 : NULL;
}

static void tell_dependencies(struct dispatch *d, struct session *s, struct arena *a,
			      Pb__AssignmentsMessage *m, const Pb__Task *task)
{
	const Pb__ContainerSpec *c = container_of_task(task);

	if (!c || task->status->state > PB__TASK_STATE__RUNNING)
		return;
	for (size_t i = 0; i < c->n_secrets; i++)
		tell_secret(d, s, a, m, c->secrets[i]->secret_id);
	for (size_t i = 0; i < c->n_configs; i++)
		tell_config(d, s, a, m, c->configs[i]->config_id);
}

static bool is_assigned(const Pb__Task *t)
{
	return t->status->state >= PB__TASK_STATE__ASSIGNED;
}

/* Does any task of the node that has not ended need this dependency? */
static bool is_needed(struct dispatch *d, struct session *s, struct arena *a, const char *key)
{
	struct objects tasks = view_tasks_of_node(store_view(d->config.store), s->node_id, a);
	const Pb__Task *t;

	objects_each (tasks, Pb__Task, t) {
		const Pb__ContainerSpec *c = container_of_task(t);

		if (!c || !is_assigned(t) || t->status->state > PB__TASK_STATE__RUNNING)
			continue;
		for (size_t i = 0; i < c->n_secrets; i++)
			if (strcmp(key, dependency_key(a, "secret", c->secrets[i]->secret_id)) == 0)
				return true;
		for (size_t i = 0; i < c->n_configs; i++)
			if (strcmp(key, dependency_key(a, "config", c->configs[i]->config_id)) == 0)
				return true;
	}
	return false;
}

static void tell_release(struct dispatch *d, struct session *s, struct arena *a,
			 Pb__AssignmentsMessage *m)
{
	struct told *t;

	tree_each (&s->told, struct told, by_id, t) {
		Pb__Assignment *item;
		bool is_secret = strncmp(t->id, "secret/", 7) == 0;

		if (!strchr(t->id, '/') || is_needed(d, s, a, t->id))
			continue;
		item = change_new(a, m, true)->assignment;
		if (is_secret) {
			item->item_case = PB__ASSIGNMENT__ITEM_SECRET;
			item->secret = PB_NEW(a, secret);
			item->secret->id = arena_strdup(a, t->id + 7);
		} else {
			item->item_case = PB__ASSIGNMENT__ITEM_CONFIG;
			item->config = PB_NEW(a, config);
			item->config->id = arena_strdup(a, t->id + 7);
		}
		tree_remove(&s->told, &t->by_id);
		free(t);
	}
}

static void send_message(struct dispatch *d, struct session *s, struct arena *a,
			 Pb__AssignmentsMessage *m)
{
	if (s->sequence > 0)
		m->applies_to = arena_printf(a, "%llu", (unsigned long long)s->sequence);
	m->results_in = arena_printf(a, "%llu", (unsigned long long)++s->sequence);
	if (s->assignments && !dispatch_send(d, s->assignments, m))
		session_end_call(d, &s->assignments, PEER_RESOURCE_EXHAUSTED, DISPATCH_TOO_LARGE);
}

/* ---- parts ---- */

/* One incremental message after the other, each of about PART_BYTES and an object more. */
static void send_in_parts(struct dispatch *d, struct session *s, struct arena *a,
			  Pb__AssignmentChange **changes, size_t count)
{
	for (size_t next = 0; next < count;) {
		Pb__AssignmentsMessage *part = PB_NEW(a, assignments_message);
		size_t bytes = 0;

		part->type = PB__ASSIGNMENTS_MESSAGE__TYPE__INCREMENTAL;
		part->changes = changes + next;
		while (next < count && (bytes == 0 || bytes < PART_BYTES)) {
			bytes += pb_encoded_size(changes[next++]);
			part->n_changes++;
		}
		send_message(d, s, a, part);
	}
}

/* Was the node told of it, as far as its status says? */
static bool may_be_there(const Pb__Task *t)
{
	return t->status->state > PB__TASK_STATE__ASSIGNED;
}

static bool names(const Pb__ContainerSpec *c, const Pb__Assignment *item)
{
	for (size_t i = 0; item->item_case == PB__ASSIGNMENT__ITEM_SECRET && i < c->n_secrets; i++)
		if (strcmp(c->secrets[i]->secret_id, item->secret->id) == 0)
			return true;
	for (size_t i = 0; item->item_case == PB__ASSIGNMENT__ITEM_CONFIG && i < c->n_configs; i++)
		if (strcmp(c->configs[i]->config_id, item->config->id) == 0)
			return true;
	return false;
}

/* Must it be in the first part of the complete set? */
static bool is_urgent(const Pb__AssignmentsMessage *m, const Pb__Assignment *item)
{
	if (item->item_case == PB__ASSIGNMENT__ITEM_TASK)
		return may_be_there(item->task);
	for (size_t i = 0; i < m->n_changes; i++) {
		const Pb__Assignment *other = m->changes[i]->assignment;
		const Pb__ContainerSpec *c = other->item_case == PB__ASSIGNMENT__ITEM_TASK
						     ? container_of_task(other->task)
						     : NULL;

		if (c && may_be_there(other->task) &&
		    other->task->status->state < PB__TASK_STATE__RUNNING && names(c, item))
			return true;
	}
	return false;
}

static void send_complete(struct dispatch *d, struct session *s, struct arena *a,
			  Pb__AssignmentsMessage *m)
{
	Pb__AssignmentsMessage *first = PB_NEW(a, assignments_message);
	Pb__AssignmentChange **rest;
	size_t rest_count = 0;

	if (pb_encoded_size(m) <= PART_BYTES) {
		send_message(d, s, a, m);
		return;
	}
	first->type = m->type;
	first->changes = arena_alloc(a, (m->n_changes + 1) * sizeof(*first->changes));
	rest = arena_alloc(a, (m->n_changes + 1) * sizeof(*rest));
	for (size_t i = 0; i < m->n_changes; i++)
		if (is_urgent(m, m->changes[i]->assignment))
			first->changes[first->n_changes++] = m->changes[i];
		else
			rest[rest_count++] = m->changes[i];
	send_message(d, s, a, first);
	send_in_parts(d, s, a, rest, rest_count);
}

/* ---- sending ---- */

void assignments_open(struct dispatch *d, struct session *s, uint64_t ticket)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__AssignmentsMessage *m = PB_NEW(&a, assignments_message);
	struct objects tasks = view_tasks_of_node(store_view(d->config.store), s->node_id, &a);
	const Pb__Task *t;

	assignments_clear(s);
	s->assignments = ticket;
	s->sequence = 0;
	m->type = PB__ASSIGNMENTS_MESSAGE__TYPE__COMPLETE;
	objects_each (tasks, Pb__Task, t)
		if (is_assigned(t))
			tell_dependencies(d, s, &a, m, t);
	objects_each (tasks, Pb__Task, t) {
		if (!is_assigned(t))
			continue;
		told_add(s, t->id);
		tell_task(&a, m, t);
	}
	send_complete(d, s, &a, m);
}

/* Is there anything in the change that the node does not know by itself? Status is its own business
 * once it has the task. */
static bool is_news(const Pb__Task *old, const Pb__Task *new)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Task *as_before;

	if (!old || !is_assigned(old) || new->status->state <= PB__TASK_STATE__ASSIGNED)
		return true;
	as_before = pb_borrow(&a, new);
	as_before->status = old->status;
	as_before->meta = old->meta;
	return !pb_equal(old, as_before);
}

static void mark_task(struct dispatch *d, const char *node_id, const char *task_id)
{
	struct session *s = node_id[0] ? session_find(d, node_id) : NULL;
	struct changed_task *c;

	if (!s || !s->assignments)
		return;
	c = xcalloc(1, sizeof(*c) + strlen(task_id) + 1);
	strcpy(c->id, task_id);
	list_push_back(&s->changed, &c->link);
	session_mark(d, s);
}

void assignments_task_changed(struct dispatch *d, const struct change *c)
{
	const Pb__Task *old = c->old, *new = c->new;

	if (!new)
		mark_task(d, old->node_id, old->id);
	else if (is_news(old, new) || new->status->state > PB__TASK_STATE__RUNNING)
		mark_task(d, new->node_id, new->id);
}

void assignments_send(struct dispatch *d, struct session *s)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__AssignmentsMessage *m = PB_NEW(&a, assignments_message);
	const struct view *v = store_view(d->config.store);
	struct changed_task *c;

	m->type = PB__ASSIGNMENTS_MESSAGE__TYPE__INCREMENTAL;
	list_each (&s->changed, struct changed_task, link, c) {
		const Pb__Task *t = view_task(v, c->id);

		if (t && is_assigned(t) && strcmp(t->node_id, s->node_id) == 0)
			tell_dependencies(d, s, &a, m, t);
	}
	list_each (&s->changed, struct changed_task, link, c) {
		const Pb__Task *t = view_task(v, c->id);
		struct told *told = told_find(s, c->id);

		if (t && is_assigned(t) && strcmp(t->node_id, s->node_id) == 0) {
			if (!told)
				told_add(s, t->id);
			tell_task(&a, m, t);
		} else if (told) {
			tell_removal(&a, m, arena_strdup(&a, told->id));
			tree_remove(&s->told, &told->by_id);
			free(told);
		}
	}
	tell_release(d, s, &a, m);
	list_each (&s->changed, struct changed_task, link, c)
		free(c);
	list_init(&s->changed);
	send_in_parts(d, s, &a, m->changes, m->n_changes);
}
