/* Lanes of operations, their answers, and the records of containers. */
#include "host/run/hands.h"

#include <assert.h>

#include "base/mem.h"
#include "host/loop.h"
#include "host/run/attach.h"
#include "seam/input.h"

static int compare_id(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct container, by_id)->id);
}

struct tree containers_tree(void)
{
	return TREE(compare_id);
}

struct container *container_find(struct runtime_hands *hands, const char *id)
{
	return tree_entry(tree_find(&hands->containers, id), struct container, by_id);
}

struct container *container_get(struct runtime_hands *hands, const char *id)
{
	struct container *c = container_find(hands, id);

	if (c)
		return c;
	c = NEW(struct container);
	c->hands = hands;
	(void)snprintf(c->id, sizeof(c->id), "%s", id);
	list_init(&c->lane);
	list_init(&c->log_readers);
	tree_insert(&hands->containers, c->id, &c->by_id);
	return c;
}

void container_release(struct container *c)
{
	if (c->is_running || c->is_busy || !list_is_empty(&c->lane) ||
	    !list_is_empty(&c->log_readers) || (c->hub && !hub_is_idle(c->hub)))
		return;
	hub_free(c->hub);
	run_note_clear(&c->note);
	tree_remove(&c->hands->containers, &c->by_id);
	free(c);
}

bool container_must_run(struct container *c, const char *id, struct err *e)
{
	if (c && c->is_running)
		return true;
	return fail(e, ERR_CONFLICT, "Container %s is not running", id);
}

static void free_op(void *self)
{
	struct op *op = self;

	arena_clear(&op->memory);
	free(op);
}

static void emit(void *self)
{
	struct op *op = self;
	struct input *in = inbox_add(loop_inbox(op->hands->loop), INPUT_RUNTIME, op->ticket);

	if (!op->ok) {
		op->event = (struct runtime_event){ .kind = RUNTIME_FAILED,
						    .err_kind = op->err.kind,
						    .exit_code = op->event.exit_code };
		op->event.text = arena_strdup(&op->memory, op->err.text);
	}
	in->runtime = op->event;
	if (!in->runtime.id)
		in->runtime.id = op->id;
	loop_after_turn(op->hands->loop, op, free_op);
}

void op_answer(struct op *op)
{
	if (op->ticket == 0)
		free_op(op);
	else if (loop_is_in_turn(op->hands->loop))
		loop_post(op->hands->loop, op, emit);
	else
		emit(op);
}

void report(struct runtime_hands *hands, const struct runtime_event *event)
{
	struct inbox *box = loop_inbox(hands->loop);
	struct input *in = inbox_add(box, INPUT_RUNTIME, 0);

	assert(!loop_is_in_turn(hands->loop));
	in->runtime = *event;
	if (event->id)
		in->runtime.id = arena_strdup(&box->memory, event->id);
	if (event->exec_id)
		in->runtime.exec_id = arena_strdup(&box->memory, event->exec_id);
	if (event->text)
		in->runtime.text = arena_strdup(&box->memory, event->text);
	if (event->output.len)
		in->runtime.output.ptr =
			arena_copy(&box->memory, event->output.ptr, event->output.len);
}

static void work_on(void *self)
{
	struct op *op = self;

	if (op->work)
		op->work(op);
}

static void run_next(struct container *c);

static void on_done(void *self)
{
	struct op *op = self;
	struct container *c = op->container;

	if (op->done)
		op->done(op);
	list_remove(&op->link);
	op_answer(op);
	if (!c)
		return;
	c->is_busy = false;
	c->lane_length--;
	run_next(c);
}

static void begin(struct op *op)
{
	op->job = (struct crew_job){ .self = op, .work = work_on, .done = on_done };
	crew_add(op->hands->crew, op->urgency, &op->job);
}

static void run_next(struct container *c)
{
	if (c->is_busy || c->hands->is_ending)
		return;
	if (list_is_empty(&c->lane)) {
		container_release(c);
		return;
	}
	c->is_busy = true;
	begin(list_first(&c->lane, struct op, link));
}

struct op *op_new_loose(struct runtime_hands *hands, uint64_t ticket, enum crew_urgency urgency,
			void (*work)(struct op *))
{
	struct op *op = NEW(struct op);

	op->hands = hands;
	op->ticket = ticket;
	op->urgency = urgency;
	op->work = work;
	list_init(&op->link);
	return op;
}

struct op *op_new(struct runtime_hands *hands, uint64_t ticket, const char *id,
		  enum crew_urgency urgency, void (*work)(struct op *))
{
	struct op *op = op_new_loose(hands, ticket, urgency, work);

	op->container = container_get(hands, id);
	op->id = arena_strdup(&op->memory, id);
	return op;
}

static void submit(struct op *op, bool is_first)
{
	struct container *c = op->container;

	if (op->hands->is_ending) {
		free_op(op);
		return;
	}
	if (!op->hands->is_adopted) {
		list_push_back(&op->hands->early, &op->link);
		if (c)
			c->lane_length++;
		return;
	}
	if (!c) {
		list_push_back(&op->hands->loose, &op->link);
		begin(op);
		return;
	}
	if (!is_first && c->lane_length >= LANE_MAX) {
		fail(&op->err, ERR_EXHAUSTED, "too many requests wait for container %s", op->id);
		op_answer(op);
		return;
	}
	c->lane_length++;
	if (is_first && c->is_busy)
		list_insert_after(c->lane.next, &op->link);
	else if (is_first)
		list_push_front(&c->lane, &op->link);
	else
		list_push_back(&c->lane, &op->link);
	run_next(c);
}

void op_submit(struct op *op)
{
	submit(op, false);
}

void op_submit_first(struct op *op)
{
	submit(op, true);
}

void ops_release_early(struct runtime_hands *hands)
{
	struct list early;
	struct op *op;

	list_init(&early);
	list_splice_back(&early, &hands->early);
	hands->is_adopted = true;
	list_each (&early, struct op, link, op) {
		list_remove(&op->link);
		if (op->container)
			op->container->lane_length--;
		op_submit(op);
	}
}

/* What was never begun. */
void ops_forget(struct list *ops)
{
	struct op *op;

	list_each (ops, struct op, link, op) {
		list_remove(&op->link);
		free_op(op);
	}
}
