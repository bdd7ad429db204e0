#include "agent/logs.h"

#include <stdio.h>
#include <string.h>

#include "agent/inside.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/percent.h"

#define BROKER "/docker.swarmkit.v1.LogBroker/"

/* A subscription that is served here. */
struct publication {
	struct list link;
	struct arena memory;
	const Pb__SubscriptionMessage *what; /* with its selector and options */
	struct log_wanted wanted;
	uint64_t call;    /* PublishLogs */
	bool is_draining; /* what was sent is not on its way yet */
	struct list sources;
	size_t reading; /* sources that were begun and are not over */
};

/* A task's log in a publication. */
struct log_source {
	struct list link;
	struct tree_node by_ticket;
	struct publication *of;
	uint64_t ticket; /* 0: not begun */
	bool wants_more; /* its batch was sent: ask for the next */
	bool is_over;    /* kept so that it is not read again */
	bool is_told;    /* the reader knows that it waits */
	char *task_id, *service_id;
};

static int compare_source(const void *key, const struct tree_node *node)
{
	uint64_t a = *(const uint64_t *)key,
		 b = tree_entry(node, struct log_source, by_ticket)->ticket;

	return (a > b) - (a < b);
}

void logs_begin(struct agent *a)
{
	list_init(&a->logs.publications);
	a->logs.sources = TREE(compare_source);
}

/* ---- sources ---- */

static void source_over(struct agent *a, struct log_source *s)
{
	if (s->ticket) {
		tree_remove(&a->logs.sources, &s->by_ticket);
		s->of->reading--;
	}
	s->ticket = 0;
	s->is_over = true;
}

static void source_free(struct agent *a, struct log_source *s)
{
	source_over(a, s);
	list_remove(&s->link);
	free(s->task_id);
	free(s->service_id);
	free(s);
}

static struct log_source *source_find(const struct publication *p, const char *task_id)
{
	struct log_source *s;

	list_each (&p->sources, struct log_source, link, s)
		if (strcmp(s->task_id, task_id) == 0)
			return s;
	return NULL;
}

static bool names(char **ids, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(ids[i], id) == 0)
			return true;
	return false;
}

/* Is it meant, and has it a container that may have written something? */
static bool is_wanted(const struct agent *a, const struct publication *p,
		      const struct agent_task *t)
{
	const Pb__LogSelector *selector = p->what->selector;

	if (t->is_gone || t->task->status->state < PB__TASK_STATE__READY)
		return false;
	return names(selector->task_ids, selector->n_task_ids, t->task->id) ||
	       names(selector->service_ids, selector->n_service_ids, t->task->service_id) ||
	       names(selector->node_ids, selector->n_node_ids, a->config.node_id);
}

static void source_add(struct publication *p, const struct agent_task *t)
{
	struct log_source *s = NEW(struct log_source);

	s->of = p;
	s->task_id = xstrdup(t->task->id);
	s->service_id = xstrdup(t->task->service_id);
	list_push_back(&p->sources, &s->link);
}

/* ---- publications ---- */

static void publication_free(struct agent *a, struct publication *p)
{
	struct log_source *s;

	list_each (&p->sources, struct log_source, link, s)
		source_free(a, s);
	list_remove(&p->link);
	arena_clear(&p->memory);
	free(p);
}

/* Nobody wants it any more. */
static void publication_stop(struct agent *a, struct publication *p)
{
	const struct executor *executor = a->config.executor;
	const struct peer *peer = a->config.peer;
	struct log_source *s;

	list_each (&p->sources, struct log_source, link, s)
		if (s->ticket)
			executor->log_stop(executor->self, s->ticket);
	if (p->call)
		peer->cancel(peer->self, p->call);
	publication_free(a, p);
}

static void send(struct agent *a, const struct publication *p, const Pb__PublishLogsMessage *m)
{
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);

	if (pb_encode(m, &bytes))
		a->config.peer->send(a->config.peer->self, p->call, buf_str(&bytes));
}

/* All was read: this node has nothing more. */
static void publication_close(struct agent *a, struct publication *p)
{
	AUTO_ARENA struct arena memory = { 0 };
	const struct peer *peer = a->config.peer;
	Pb__PublishLogsMessage *m = PB_NEW(&memory, publish_logs_message);

	m->subscription_id = p->what->id;
	m->close = true;
	send(a, p, m);
	peer->finish(peer->self, p->call, PEER_OK, NULL);
	publication_free(a, p); /* what the call answers says nothing */
}

static void add_attributes(struct arena *a, Pb__LogMessage *m, const char *attributes)
{
	struct str rest = str_of(attributes), part, key, value;

	while (rest.len) {
		Pb__LogAttr *attr = PB_NEW(a, log_attr);

		str_cut(rest, ',', &part, &rest);
		if (!str_cut(part, '=', &key, &value))
			continue;
		attr->key = percent_decode(a, key);
		attr->value = percent_decode(a, value);
		PB_APPEND(a, m, attrs, attr);
	}
}

static void send_batch(struct agent *a, struct log_source *s, const struct log_batch *batch)
{
	AUTO_ARENA struct arena memory = { 0 };
	Pb__PublishLogsMessage *m = PB_NEW(&memory, publish_logs_message);
	Pb__LogMessage *like = PB_NEW(&memory, log_message);
	Pb__LogContext *context = PB_NEW(&memory, log_context);

	context->node_id = (char *)a->config.node_id;
	context->service_id = s->service_id;
	context->task_id = s->task_id;
	like->context = context;
	add_attributes(&memory, like, batch->attributes ? batch->attributes : "");
	m->subscription_id = s->of->what->id;
	m->messages = arena_alloc(&memory, batch->count * sizeof(*m->messages));
	for (size_t i = 0; i < batch->count; i++) {
		const struct log_record *r = &batch->records[i];
		Pb__LogMessage *line = arena_copy(&memory, like, sizeof(*like));

		line->timestamp = PB_NEW(&memory, timestamp);
		line->timestamp->seconds = r->at_ns / 1000000000;
		line->timestamp->nanos = (int32_t)(r->at_ns % 1000000000);
		line->stream = r->is_stderr ? PB__LOG_STREAM__LOG_STREAM_STDERR
					    : PB__LOG_STREAM__LOG_STREAM_STDOUT;
		line->data.data = (uint8_t *)r->text.ptr;
		line->data.len = r->text.len;
		m->messages[m->n_messages++] = line;
	}
	send(a, s->of, m);
}

/* Who follows may wait for a log for ever, and must not think that nothing is in it. */
static void tell_waiting(struct agent *a, struct log_source *s)
{
	AUTO_ARENA struct arena memory = { 0 };
	struct log_batch batch = { .count = 1 };
	struct log_record line = { .at_ns = a->now.wall_ns,
				   .is_stderr = s->of->wanted.want_stderr };

	if (s->is_told || !s->of->wanted.follow)
		return;
	s->is_told = true;
	line.text = str_of(arena_printf(&memory,
					"(this log waits: %d others of this node are followed, "
					"which is the most)",
					PUBLICATION_READS_MAX));
	batch.records = &line;
	send_batch(a, s, &batch);
}

/* Read on, as far as there is something to read and somebody takes it. May free it. */
static void publication_go_on(struct agent *a, struct publication *p)
{
	const struct executor *executor = a->config.executor;
	struct log_source *s;

	if (p->is_draining)
		return;
	list_each (&p->sources, struct log_source, link, s) {
		if (s->wants_more) {
			s->wants_more = false;
			executor->log_more(executor->self, s->ticket);
		} else if (!s->ticket && !s->is_over && p->reading < PUBLICATION_READS_MAX) {
			s->ticket = ticket_next(&a->tickets);
			tree_insert(&a->logs.sources, &s->ticket, &s->by_ticket);
			p->reading++;
			executor->log_read(executor->self, s->ticket, s->task_id, &p->wanted);
		} else if (!s->ticket && !s->is_over) {
			tell_waiting(a, s);
		}
	}
	if (p->reading == 0 && !p->wanted.follow)
		publication_close(a, p);
}

static struct log_wanted wanted_of(const Pb__LogSubscriptionOptions *o)
{
	struct log_wanted w = { .follow = o->follow, .tail = o->tail < 0 ? -o->tail - 1 : -1 };

	w.want_stdout = w.want_stderr = o->n_streams == 0;
	for (size_t i = 0; i < o->n_streams; i++) {
		w.want_stdout |= o->streams[i] == PB__LOG_STREAM__LOG_STREAM_STDOUT;
		w.want_stderr |= o->streams[i] == PB__LOG_STREAM__LOG_STREAM_STDERR;
	}
	if (o->since)
		w.since_ns = o->since->seconds * 1000000000 + o->since->nanos;
	return w;
}

static struct publication *publication_find(const struct agent *a, const char *id)
{
	struct publication *p;

	list_each (&a->logs.publications, struct publication, link, p)
		if (strcmp(p->what->id, id) == 0)
			return p;
	return NULL;
}

static uint64_t open_call(struct agent *a, const char *method)
{
	const struct peer *peer = a->config.peer;
	struct peer_target target = { .addr = a->manager->addr };
	uint64_t ticket = ticket_next(&a->tickets);

	peer->call(peer->self, ticket, &target, method, 0);
	return ticket;
}

static void publication_open(struct agent *a, const Pb__SubscriptionMessage *m)
{
	struct publication *p;
	struct agent_task *t;
	size_t open = 0;

	list_each (&a->logs.publications, struct publication, link, p)
		open++;
	if (open >= PUBLICATIONS_MAX) {
		log_warn(a->config.log, "agent",
			 "too many read logs: subscription %s is not served", m->id);
		return;
	}
	p = NEW(struct publication);
	p->what = pb_dup(&p->memory, m);
	p->wanted = wanted_of(p->what->options);
	list_init(&p->sources);
	list_push_back(&a->logs.publications, &p->link);
	p->call = open_call(a, BROKER "PublishLogs");
	/* "All but the first n" is a way to read that no log here knows: it is as good as empty. */
	if (m->options->tail <= 0)
		tree_each (&a->tasks, struct agent_task, by_id, t)
			if (is_wanted(a, p, t))
				source_add(p, t);
	publication_go_on(a, p);
}

static void on_subscription(struct agent *a, const Pb__SubscriptionMessage *m)
{
	struct publication *p = publication_find(a, m->id);

	if (m->close && p)
		publication_stop(a, p);
	else if (!m->close && !p && m->selector && m->options)
		publication_open(a, m);
}

void logs_batch(struct agent *a, uint64_t ticket, const struct log_batch *batch)
{
	struct log_source *s =
		tree_entry(tree_find(&a->logs.sources, &ticket), struct log_source, by_ticket);
	const struct peer *peer = a->config.peer;
	struct publication *p;

	if (!s)
		return;
	p = s->of;
	if (batch->trouble)
		log_warn(a->config.log, "agent", "the log of task %s cannot be read: %s",
			 s->task_id, batch->trouble);
	if (batch->count) {
		send_batch(a, s, batch);
		if (!p->is_draining)
			peer->drain(peer->self, p->call);
		p->is_draining = true;
	}
	if (batch->is_last)
		source_over(a, s);
	else
		s->wants_more = true;
	publication_go_on(a, p);
}

/* ---- the session ---- */

void logs_listen(struct agent *a)
{
	AUTO_ARENA struct arena memory = { 0 };
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);
	const struct peer *peer = a->config.peer;

	a->logs.listen_call = open_call(a, BROKER "ListenSubscriptions");
	if (pb_encode(PB_NEW(&memory, listen_subscriptions_request), &bytes))
		peer->send(peer->self, a->logs.listen_call, buf_str(&bytes));
	peer->finish(peer->self, a->logs.listen_call, PEER_OK, NULL);
}

void logs_end(struct agent *a)
{
	const struct peer *peer = a->config.peer;
	struct publication *p;

	if (a->logs.listen_call)
		peer->cancel(peer->self, a->logs.listen_call);
	a->logs.listen_call = 0;
	list_each (&a->logs.publications, struct publication, link, p)
		publication_stop(a, p);
}

void logs_clear(struct agent *a)
{
	struct publication *p;

	list_each (&a->logs.publications, struct publication, link, p)
		publication_free(a, p);
}

static void on_listened(struct agent *a, const struct peer_event *ev)
{
	AUTO_ARENA struct arena memory = { 0 };
	const Pb__SubscriptionMessage *m;
	struct err e;

	if (ev->kind == PEER_MESSAGE) {
		m = pb_decode(&memory, &pb__subscription_message__descriptor, ev->message,
			      MESSAGE_MAX, &e);
		if (m)
			on_subscription(a, m);
		else
			session_close(a, e.text);
	} else if (ev->kind == PEER_ENDED) {
		a->logs.listen_call = 0;
		/* A manager without a log broker is a manager all the same. */
		if (ev->status != PEER_UNIMPLEMENTED)
			session_close(a, ev->text && ev->text[0] ? ev->text
								 : "the log broker is gone");
	}
}

/* When the broker ended it, it knows. A call that failed on its way may never have reached it: then
 * it waits for us, and only the end of the session tells it not to. */
static void on_published(struct agent *a, struct publication *p, const struct peer_event *ev)
{
	p->call = 0;
	publication_stop(a, p);
	if (ev->status == PEER_UNAVAILABLE || ev->status == PEER_UNKNOWN)
		session_close(a, ev->text && ev->text[0] ? ev->text : "a log cannot be published");
}

void logs_peer_event(struct agent *a, uint64_t ticket, const struct peer_event *ev)
{
	struct publication *p;

	if (ticket == a->logs.listen_call) {
		on_listened(a, ev);
		return;
	}
	list_each (&a->logs.publications, struct publication, link, p) {
		if (p->call != ticket)
			continue;
		if (ev->kind == PEER_ENDED) {
			on_published(a, p, ev);
		} else if (ev->kind == PEER_DRAINED) {
			p->is_draining = false;
			publication_go_on(a, p);
		}
		return;
	}
}

void logs_task_changed(struct agent *a, const struct agent_task *t)
{
	struct publication *p;

	list_each (&a->logs.publications, struct publication, link, p) {
		if (!p->wanted.follow || !is_wanted(a, p, t) || source_find(p, t->task->id))
			continue;
		source_add(p, t);
		publication_go_on(a, p);
	}
}

void logs_task_gone(struct agent *a, const char *task_id)
{
	struct publication *p;

	list_each (&a->logs.publications, struct publication, link, p) {
		struct log_source *s = source_find(p, task_id);

		if (s && s->is_over)
			source_free(a, s);
	}
}
