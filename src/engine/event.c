/* Events: what happened, for whoever listens; the last 256 are kept for those who come late. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/inside.h"

struct pair {
	const char *key, *value;
};

static int compare_pair(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static void answer_event(struct engine *e, uint64_t asker, const struct event *event)
{
	struct engine_answer *a = answer_new(e, asker, ENGINE_EVENT, false);
	struct engine_event *copy = ARENA_NEW(&e->answer_memory, struct engine_event);
	const char **pairs =
		arena_alloc(&e->answer_memory, 2 * event->event.attribute_count * sizeof(*pairs));

	*copy = event->event;
	copy->action = arena_strdup(&e->answer_memory, copy->action);
	copy->type = arena_strdup(&e->answer_memory, copy->type);
	copy->id = arena_strdup(&e->answer_memory, copy->id);
	for (size_t i = 0; i < 2 * copy->attribute_count; i++)
		pairs[i] = arena_strdup(&e->answer_memory, copy->attributes[i]);
	copy->attributes = pairs;
	a->event = copy;
}

static void drop_oldest(struct engine *e)
{
	struct event *oldest = list_first(&e->events, struct event, link);

	list_remove(&oldest->link);
	arena_clear(&oldest->memory);
	free(oldest);
	e->event_count--;
}

static void happen(struct engine *e, const char *type, const char *action, const char *id,
		   struct pair *pairs, size_t count, bool is_of_swarm)
{
	struct event *event = NEW(struct event);
	const char **flat = arena_alloc(&event->memory, 2 * count * sizeof(*flat));
	struct subscriber *s;

	qsort(pairs, count, sizeof(*pairs), compare_pair);
	for (size_t i = 0; i < count; i++) {
		flat[2 * i] = arena_strdup(&event->memory, pairs[i].key);
		flat[2 * i + 1] = arena_strdup(&event->memory, pairs[i].value);
	}
	event->event = (struct engine_event){
		.serial = ++e->event_serial,
		.type = arena_strdup(&event->memory, type),
		.action = arena_strdup(&event->memory, action),
		.id = arena_strdup(&event->memory, id),
		.attributes = flat,
		.attribute_count = count,
		.wall_ns = e->now.wall_ns,
		.is_of_swarm = is_of_swarm,
	};
	list_push_back(&e->events, &event->link);
	if (++e->event_count > EVENTS_KEPT)
		drop_oldest(e);
	list_each (&e->subscribers, struct subscriber, link, s)
		answer_event(e, s->asker, event);
}

#define PAIRS_MAX 16

static size_t collect_pairs(struct pair *pairs, va_list args)
{
	size_t count = 0;
	const char *key;

	while (count < PAIRS_MAX && (key = va_arg(args, const char *)) != NULL)
		pairs[count++] = (struct pair){ key, va_arg(args, const char *) };
	return count;
}

static void happen_to(struct engine *e, const struct container *c, const char *action,
		      struct pair *own, size_t own_count)
{
	const Pb__ContainerConfig *config = c->record->config;
	AUTO_FREE struct pair *pairs = xcalloc(own_count + config->n_labels + 2, sizeof(*pairs));
	size_t count = 0;

	for (size_t i = 0; i < config->n_labels; i++)
		if (strcmp(config->labels[i]->key, "image") != 0 &&
		    strcmp(config->labels[i]->key, "name") != 0)
			pairs[count++] =
				(struct pair){ config->labels[i]->key, config->labels[i]->value };
	pairs[count++] = (struct pair){ "image", config->image };
	pairs[count++] = (struct pair){ "name", c->record->name };
	for (size_t i = 0; i < own_count; i++)
		pairs[count++] = own[i];
	happen(e, "container", action, c->record->id, pairs, count, false);
}

void event_container(struct engine *e, const struct container *c, const char *format, ...)
{
	char action[512];
	va_list args;

	va_start(args, format);
	vsnprintf(action, sizeof(action), format, args);
	va_end(args);
	happen_to(e, c, action, NULL, 0);
}

void event_container_with(struct engine *e, const struct container *c, const char *action, ...)
{
	struct pair pairs[PAIRS_MAX];
	size_t count;
	va_list args;

	va_start(args, action);
	count = collect_pairs(pairs, args);
	va_end(args);
	happen_to(e, c, action, pairs, count);
}

void event_tell(struct engine *e, const char *type, const char *action, const char *id, ...)
{
	struct pair pairs[PAIRS_MAX];
	size_t count;
	va_list args;

	va_start(args, id);
	count = collect_pairs(pairs, args);
	va_end(args);
	happen(e, type, action, id, pairs, count, false);
}

static void tell(struct engine *e, const char *type, const char *action, const char *id,
		 const char *const *attributes, size_t attribute_count, bool is_of_swarm,
		 struct now now)
{
	AUTO_FREE struct pair *pairs = xcalloc(attribute_count + 1, sizeof(*pairs));

	e->now = now;
	for (size_t i = 0; i < attribute_count; i++)
		pairs[i] = (struct pair){ attributes[2 * i], attributes[2 * i + 1] };
	happen(e, type, action, id, pairs, attribute_count, is_of_swarm);
}

void engine_tell(struct engine *e, const char *type, const char *action, const char *id,
		 const char *const *attributes, size_t attribute_count, struct now now)
{
	tell(e, type, action, id, attributes, attribute_count, false, now);
}

void engine_tell_of_swarm(struct engine *e, const char *type, const char *action, const char *id,
			  const char *const *attributes, size_t attribute_count, struct now now)
{
	tell(e, type, action, id, attributes, attribute_count, true, now);
}

static void subscriber_free(struct engine *e, struct subscriber *s)
{
	timer_stop(e, &s->timer);
	list_remove(&s->link);
	free(s);
}

static void on_until(struct engine *e, struct timer *t)
{
	struct subscriber *s = container_of(t, struct subscriber, timer);

	answer_done(e, s->asker);
	subscriber_free(e, s);
}

void engine_events(struct engine *e, uint64_t ticket, int64_t since_ns, int64_t until_ns,
		   struct now now)
{
	struct subscriber *s;
	struct event *event;

	e->now = now;
	list_each (&e->events, struct event, link, event)
		if (since_ns > 0 && event->event.wall_ns >= since_ns &&
		    (until_ns == 0 || event->event.wall_ns <= until_ns))
			answer_event(e, ticket, event);
	if (until_ns > 0 && until_ns <= now.wall_ns) {
		answer_done(e, ticket);
		return;
	}
	s = NEW(struct subscriber);
	s->asker = ticket;
	s->until_ns = until_ns;
	list_push_back(&e->subscribers, &s->link);
	if (until_ns > 0)
		timer_set(e, &s->timer, on_until, (until_ns - now.wall_ns + 999999) / 1000000);
}

void subscribers_forget(struct engine *e, uint64_t asker)
{
	struct subscriber *s;

	list_each (&e->subscribers, struct subscriber, link, s)
		if (s->asker == asker)
			subscriber_free(e, s);
}

void events_clear(struct engine *e)
{
	struct subscriber *s;

	list_each (&e->subscribers, struct subscriber, link, s)
		subscriber_free(e, s);
	while (e->event_count > 0)
		drop_oldest(e);
}
