/* What one client reads: from which nodes, how far they are, and what it has to be told. */
#include <string.h>

#include "base/mem.h"
#include "swarm/logs/inside.h"

static int compare_part(const void *key, const struct tree_node *node)
{
	return strcmp(key, tree_entry(node, struct part, by_node)->node_id);
}

static struct part *part_of(const struct subscription *s, const char *node_id)
{
	return tree_entry(tree_find(&s->parts, node_id), struct part, by_node);
}

static bool follows(const struct subscription *s)
{
	return s->request && s->request->options->follow;
}

/* ---- life ---- */

void subscription_open(struct broker *b, uint64_t ticket)
{
	const struct peer *peer = b->config.peer;
	struct subscription *s;

	if (b->subscriptions.count >= BROKER_SUBSCRIPTIONS_MAX) {
		peer->finish(peer->self, ticket, PEER_RESOURCE_EXHAUSTED,
			     "too many clients read logs");
		return;
	}
	s = NEW(struct subscription);
	s->ticket = ticket;
	s->parts = TREE(compare_part);
	tree_insert(&b->subscriptions, &ticket, &s->by_ticket);
}

static void texts_free(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

static void subscription_free(struct broker *b, struct subscription *s)
{
	struct part *p;

	tree_each (&s->parts, struct part, by_node, p) {
		tree_remove(&s->parts, &p->by_node);
		heard_clear(&p->heard);
		free(p);
	}
	tree_remove(&b->subscriptions, &s->by_ticket);
	texts_free(s->reasons, s->reason_count);
	texts_free(s->unplaced, s->unplaced_count);
	arena_clear(&s->memory);
	free(s);
}

static void tell_node(struct broker *b, struct subscription *s, const char *node_id,
		      const Pb__LogSubscriptionOptions *options, bool close)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__SubscriptionMessage *m = PB_NEW(&a, subscription_message);
	struct listener *l = listener_of(b, node_id);

	if (!l)
		return;
	m->id = s->id;
	m->selector = s->request->selector;
	m->options = (Pb__LogSubscriptionOptions *)options;
	m->close = close;
	broker_send(b, l->ticket, m);
}

void subscription_drop(struct broker *b, struct subscription *s)
{
	struct part *p;

	publishers_end(b, s);
	tree_each (&s->parts, struct part, by_node, p)
		if (!p->is_done)
			tell_node(b, s, p->node_id, s->request->options, true);
	subscription_free(b, s);
}

void subscription_end(struct broker *b, struct subscription *s, enum peer_status status,
		      const char *text)
{
	const struct peer *peer = b->config.peer;

	peer->finish(peer->self, s->ticket, status, text);
	subscription_drop(b, s);
}

/* ---- what is missing ---- */

static void add_text(char ***texts, size_t *count, const char *text)
{
	if (*count == REASONS_MAX)
		return;
	for (size_t i = 0; i < *count; i++)
		if (strcmp((*texts)[i], text) == 0)
			return;
	*texts = xrealloc(*texts, (*count + 1) * sizeof(**texts));
	(*texts)[(*count)++] = xstrdup(text);
}

static void add_reason(struct subscription *s, const char *text)
{
	add_text(&s->reasons, &s->reason_count, text);
}

static void end_complete(struct broker *b, struct subscription *s)
{
	AUTO_BUF struct buf text = BUF_MAX(WARNING_MAX);

	for (size_t i = 0; i < s->unplaced_count; i++) {
		AUTO_FREE char *why = xasprintf("task %s has not been scheduled", s->unplaced[i]);

		add_reason(s, why);
	}
	if (s->reason_count == 0) {
		subscription_end(b, s, PEER_OK, NULL);
		return;
	}
	buf_append_c(&text, "warning: incomplete log stream. some logs could not be retrieved for "
			    "the following reasons: ");
	for (size_t i = 0; i < s->reason_count; i++)
		if (text.len + strlen(s->reasons[i]) + 2 < WARNING_MAX)
			buf_printf(&text, "%s%s", i ? ", " : "", s->reasons[i]);
	subscription_end(b, s, PEER_UNKNOWN, text.data);
}

/* Who does not follow has everything when every node is done. */
static void end_if_complete(struct broker *b, struct subscription *s)
{
	if (s->id[0] && !follows(s) && s->open_parts == 0)
		end_complete(b, s);
}

static void part_done(struct subscription *s, struct part *p, const char *why)
{
	if (p->is_done)
		return;
	p->is_done = true;
	s->open_parts--;
	if (why)
		add_reason(s, why);
}

void subscription_node_done(struct broker *b, struct subscription *s, const char *node_id,
			    const char *why)
{
	struct part *p = part_of(s, node_id);

	if (!p || p->is_done)
		return;
	part_done(s, p, why);
	end_if_complete(b, s);
}

/* ---- which nodes ---- */

static void add_node(struct broker *b, struct subscription *s, const char *node_id)
{
	struct part *p = part_of(s, node_id);

	if (p)
		return;
	p = xcalloc(1, sizeof(*p) + strlen(node_id) + 1);
	strcpy(p->node_id, node_id);
	heard_init(&p->heard);
	tree_insert(&s->parts, node_id, &p->by_node);
	s->open_parts++;
	if (listener_of(b, node_id)) {
		tell_node(b, s, node_id, s->request->options, false);
	} else {
		AUTO_FREE char *why = xasprintf("node %s is not available", node_id);

		part_done(s, p, why);
	}
}

static void forget_unplaced(struct subscription *s, const char *task_id)
{
	for (size_t i = 0; i < s->unplaced_count; i++) {
		if (strcmp(s->unplaced[i], task_id) != 0)
			continue;
		free(s->unplaced[i]);
		s->unplaced[i] = s->unplaced[--s->unplaced_count];
		return;
	}
}

static void add_task(struct broker *b, struct subscription *s, const Pb__Task *task)
{
	if (!task->node_id[0]) {
		add_text(&s->unplaced, &s->unplaced_count, task->id);
		return;
	}
	forget_unplaced(s, task->id);
	add_node(b, s, task->node_id);
}

static bool is_named(char **ids, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(ids[i], id) == 0)
			return true;
	return false;
}

static bool is_selected(const struct subscription *s, const Pb__Task *task)
{
	const Pb__LogSelector *selector = s->request->selector;

	return is_named(selector->service_ids, selector->n_service_ids, task->service_id) ||
	       is_named(selector->task_ids, selector->n_task_ids, task->id);
}

void subscription_task_changed(struct broker *b, struct subscription *s, const Pb__Task *task)
{
	if (s->id[0] && follows(s) && is_selected(s, task))
		add_task(b, s, task);
}

void subscription_task_removed(struct subscription *s, const Pb__Task *task)
{
	forget_unplaced(s, task->id);
}

/* From where on a node has to read again: from the earliest of what was last heard of its tasks, or
 * from the beginning if there is a task of which nothing was heard. Those that have ended count, as
 * they may have had more to say. */
static const Pb__LogSubscriptionOptions *options_to_go_on(struct broker *b, struct subscription *s,
							  struct part *p, struct arena *a)
{
	struct objects tasks = view_tasks_of_node(store_view(b->config.store), p->node_id, a);
	Pb__LogSubscriptionOptions *o = pb_dup(a, s->request->options);
	int64_t since_ns = INT64_MAX;
	const Pb__Task *task;

	if (p->heard.by_task.count == 0)
		return o;
	o->tail = 0;
	objects_each (tasks, Pb__Task, task) {
		int64_t last_ns;

		if (!is_selected(s, task) && s->request->selector->n_node_ids == 0)
			continue;
		if (!heard_last(&p->heard, task->id, &last_ns))
			return o;
		since_ns = last_ns < since_ns ? last_ns : since_ns;
	}
	if (since_ns == INT64_MAX)
		return o;
	o->since = PB_NEW(a, timestamp);
	o->since->seconds = since_ns / 1000000000;
	o->since->nanos = (int32_t)(since_ns % 1000000000);
	return o;
}

static bool has_task(const void *self, const char *task_id)
{
	return view_task(self, task_id);
}

void subscription_node_listens(struct broker *b, struct subscription *s, const char *node_id)
{
	AUTO_ARENA struct arena a = { 0 };
	struct part *p = part_of(s, node_id);

	if (!p || !follows(s))
		return;
	s->open_parts += p->is_done;
	p->is_done = false;
	heard_begin_anew(&p->heard, has_task, store_view(b->config.store));
	tell_node(b, s, node_id, options_to_go_on(b, s, p, &a), false);
}

static void find_nodes(struct broker *b, struct subscription *s)
{
	AUTO_ARENA struct arena a = { 0 };
	const struct view *v = store_view(b->config.store);
	const Pb__LogSelector *selector = s->request->selector;
	const Pb__Task *task;

	for (size_t i = 0; i < selector->n_node_ids; i++)
		add_node(b, s, selector->node_ids[i]);
	for (size_t i = 0; i < selector->n_task_ids; i++) {
		task = view_task(v, selector->task_ids[i]);
		if (task)
			add_task(b, s, task);
	}
	for (size_t i = 0; i < selector->n_service_ids; i++) {
		struct objects tasks = view_tasks_of_service(v, selector->service_ids[i], &a);

		objects_each (tasks, Pb__Task, task)
			/* What has not run yet has written nothing. */
			if (follows(s) || task->status->state >= PB__TASK_STATE__RUNNING)
				add_task(b, s, task);
	}
}

void subscription_begin(struct broker *b, struct subscription *s, const uint8_t *random)
{
	s->random_ticket = 0;
	object_id_from_bytes(random, s->id);
	find_nodes(b, s);
	end_if_complete(b, s);
}

/* ---- the request ---- */

void subscription_message(struct broker *b, struct subscription *s, struct str message)
{
	Pb__SubscribeLogsRequest *request;
	const Pb__LogSelector *selector;
	struct err e;

	if (s->request)
		return; /* there is one */
	request = pb_decode(&s->memory, &pb__subscribe_logs_request__descriptor, message, 1 << 20,
			    &e);
	if (!request) {
		subscription_end(b, s, PEER_INVALID_ARGUMENT, e.text);
		return;
	}
	selector = request->selector;
	if (!selector) {
		subscription_end(b, s, PEER_INVALID_ARGUMENT, "log selector must be provided");
		return;
	}
	if (selector->n_service_ids + selector->n_task_ids + selector->n_node_ids == 0) {
		subscription_end(b, s, PEER_INVALID_ARGUMENT, "log selector must not be empty");
		return;
	}
	if (!request->options)
		request->options = PB_NEW(&s->memory, log_subscription_options);
	s->request = request;
	s->random_ticket = ticket_next(b->config.tickets);
	b->config.keys->random(b->config.keys->self, s->random_ticket, 17);
}

/* ---- lines ---- */

/* Who follows is spared what comes again from a node that has come back. */
static void drop_heard(struct subscription *s, const struct publisher *by,
		       Pb__PublishLogsMessage *m)
{
	struct part *p = part_of(s, by->node_id);
	size_t kept = 0;

	for (size_t i = 0; i < m->n_messages; i++)
		if (heard_is_new(&p->heard, m->messages[i], by->ticket))
			m->messages[kept++] = m->messages[i];
	m->n_messages = kept;
}

/* When so much has been sent that the client may be slower than its nodes, they wait until it has
 * taken it. What they had credit for still comes: the hands keep it. */
void subscription_forward(struct broker *b, struct subscription *s, const struct publisher *by,
			  Pb__PublishLogsMessage *m, size_t bytes)
{
	AUTO_ARENA struct arena a = { 0 };
	const struct peer *peer = b->config.peer;
	Pb__SubscribeLogsMessage *out = PB_NEW(&a, subscribe_logs_message);

	if (follows(s))
		drop_heard(s, by, m);
	if (m->n_messages == 0)
		return;
	out->messages = m->messages;
	out->n_messages = m->n_messages;
	broker_send(b, s->ticket, out);
	s->untaken += bytes;
	if (s->is_held || s->untaken < UNTAKEN_MAX)
		return;
	s->is_held = true;
	peer->drain(peer->self, s->ticket);
	publishers_hold(b, s, true);
}

void subscription_drained(struct broker *b, struct subscription *s)
{
	s->untaken = 0;
	s->is_held = false;
	publishers_hold(b, s, false);
}
