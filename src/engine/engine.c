/* The engine as a whole: its life, its inputs and its turn. */
#include "engine/engine.h"

#include <stdio.h>

#include "engine/inside.h"

static int compare_call(const void *key, const struct tree_node *member)
{
	uint64_t a = *(const uint64_t *)key, b = container_of(member, struct call, node)->ticket;

	return (a > b) - (a < b);
}

static int compare_container_id(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct container, by_id)->record->id);
}

static int compare_container_name(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct container, by_name)->record->name);
}

static int compare_container_age(const void *key, const struct tree_node *member)
{
	uint64_t a = *(const uint64_t *)key,
		 b = container_of(member, struct container, by_age)->serial;

	return (a > b) - (a < b);
}

static int compare_container_task(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct container, by_task)->record->task_id);
}

static int compare_image(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct image, by_id)->record->id);
}

static int compare_network_id(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct network, by_id)->record->id);
}

static int compare_network_name(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct network, by_name)->record->name);
}

static int compare_volume(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct volume, by_name)->record->name);
}

static int compare_exec(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct exec, node)->record->id);
}

struct engine *engine_new(const struct engine_config *config, const struct engine_seams *seams,
			  uint64_t seed)
{
	struct engine *e = NEW(struct engine);

	e->config = *config;
	e->seams = *seams;
	prng_seed(&e->prng, seed);
	e->containers = TREE(compare_container_id);
	e->container_names = TREE(compare_container_name);
	e->container_ages = TREE(compare_container_age);
	e->container_tasks = TREE(compare_container_task);
	e->images = TREE(compare_image);
	e->networks = TREE(compare_network_id);
	e->network_names = TREE(compare_network_name);
	e->volumes = TREE(compare_volume);
	e->execs = TREE(compare_exec);
	e->calls = TREE(compare_call);
	list_init(&e->saving);
	list_init(&e->dirty);
	list_init(&e->writes);
	list_init(&e->answers);
	list_init(&e->events);
	list_init(&e->subscribers);
	list_init(&e->found);
	list_init(&e->image_removals);
	e->batch = 1;
	executor_init(e);
	return e;
}

void engine_set_runtimes(struct engine *e, const char *const *names, size_t count,
			 const char *fallback)
{
	e->config.runtimes = names;
	e->config.runtime_count = count;
	e->config.default_runtime = fallback;
}

void engine_free(struct engine *e)
{
	struct container *c;

	if (!e)
		return;
	executor_clear(e);
	tree_each (&e->containers, struct container, by_id, c)
		container_free(e, c);
	images_clear(e);
	networks_clear(e);
	volumes_clear(e);
	calls_clear(e);
	events_clear(e);
	heap_clear(&e->timers);
	arena_clear(&e->write_memory);
	arena_clear(&e->answer_memory);
	arena_clear(&e->found_memory);
	free(e);
}

bool engine_is_ready(const struct engine *e)
{
	return e->is_ready;
}

void engine_set_secrets(struct engine *e, struct engine_secret_source source)
{
	e->secrets = source;
}

void engine_set_node(struct engine *e, const struct engine_node *node)
{
	snprintf(e->node_id, sizeof(e->node_id), "%s", node->id);
	snprintf(e->node_hostname, sizeof(e->node_hostname), "%s", node->hostname);
	snprintf(e->node_architecture, sizeof(e->node_architecture), "%s", node->architecture);
	snprintf(e->node_os, sizeof(e->node_os), "%s", node->os);
}

/* What the hands say by themselves, without having been asked. */
static void handle_news(struct engine *e, const struct runtime_event *event)
{
	struct container *c = container_by_id(e, event->id);

	if (event->kind == RUNTIME_EXEC_EXITED) {
		exec_exited(e, event);
		return;
	}
	if (!c && event->kind == RUNTIME_EXITED && e->is_ready)
		e->seams.runtime->remove(e->seams.runtime->self, call_unheard(e, event->id),
					 event->id);
	if (!c)
		return;
	if (event->kind == RUNTIME_EXITED && container_has_process(c))
		container_exited(e, c, event->exit_code, event->oom, event->at_ns);
	else if (event->kind == RUNTIME_OOM)
		event_container(e, c, "oom");
	else if (event->kind == RUNTIME_DETACHED && event->exec_id)
		event_container_with(e, c, "exec_detach", "execID", event->exec_id, NULL);
	else if (event->kind == RUNTIME_DETACHED)
		event_container(e, c, "detach");
}

static bool is_news(const struct runtime_event *event)
{
	return event->kind == RUNTIME_EXITED || event->kind == RUNTIME_EXEC_EXITED ||
	       event->kind == RUNTIME_OOM || event->kind == RUNTIME_DETACHED;
}

void engine_input(struct engine *e, const struct input *in, struct now now)
{
	e->now = now;
	if (in->kind == INPUT_RUNTIME && is_news(&in->runtime))
		handle_news(e, &in->runtime);
	else if (in->kind == INPUT_NET && in->net.kind != NET_LISTED &&
		 in->net.kind != NET_LIST_END)
		network_input(e, &in->net);
	else if (in->kind == INPUT_RUNTIME || in->kind == INPUT_NET || in->kind == INPUT_CONTENT ||
		 in->kind == INPUT_JOURNAL)
		call_input(e, in);
}

static void fire_due(struct engine *e)
{
	struct heap_node *node;

	while ((node = heap_take_due(&e->timers, e->now.mono_ms)) != NULL) {
		struct timer *t = container_of(node, struct timer, node);

		t->fire(e, t);
	}
}

int64_t engine_turn(struct engine *e, struct now now)
{
	e->now = now;
	fire_due(e);
	executor_settle(e);
	records_flush(e);
	if (e->config.inbox && !list_is_empty(&e->config.inbox->queue))
		return now.mono_ms;
	return heap_deadline(&e->timers);
}

void timer_set(struct engine *e, struct timer *t, timer_fire *fire, int64_t delay_ms)
{
	t->fire = fire;
	heap_set(&e->timers, &t->node, e->now.mono_ms + (delay_ms > 0 ? delay_ms : 0));
}

void timer_stop(struct engine *e, struct timer *t)
{
	heap_remove(&e->timers, &t->node);
}
