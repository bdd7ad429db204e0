#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/call.h"
#include "api/logs.h"
#include "api/route.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "node/logs.h"
#include "node/membership.h"
#include "node/node.h"
#include "store/store.h"

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_exchange(const void *key, const struct tree_node *at)
{
	return compare_numbers(*(const uint64_t *)key,
			       tree_entry(at, struct call, by_exchange)->exchange);
}

static int compare_ticket(const void *key, const struct tree_node *at)
{
	return compare_numbers(*(const uint64_t *)key,
			       tree_entry(at, struct call, by_ticket)->ticket);
}

struct api *api_new(const struct api_config *config)
{
	struct api *api = NEW(struct api);

	api->config = *config;
	api->calls = TREE(compare_exchange);
	api->waiting = TREE(compare_ticket);
	list_init(&api->early);
	return api;
}

static void forget_ticket(struct call *c)
{
	if (!c->ticket)
		return;
	if (c->engine_next && c->api->config.engine)
		engine_forget(c->api->config.engine, c->ticket);
	if (c->reads_logs)
		logs_abandon(c);
	tree_remove(&c->api->waiting, &c->by_ticket);
	c->ticket = 0;
}

static void call_free(struct call *c)
{
	forget_ticket(c);
	if (c->is_early)
		list_remove(&c->early);
	heap_remove(&c->api->sleepers, &c->sleeper);
	tree_remove(&c->api->calls, &c->by_exchange);
	store_hold_release(c->hold);
	arena_clear(&c->arena);
	free(c);
}

void api_free(struct api *api)
{
	struct call *c;

	if (!api)
		return;
	tree_each (&api->calls, struct call, by_exchange, c)
		call_free(c);
	api_upload_clear(&api->upload);
	heap_clear(&api->sleepers);
	free(api);
}

size_t api_calls(const struct api *api)
{
	return api->calls.count;
}

/* ---- a request arrives ---- */

/* "/v1.41/info" is "/info" and 1.41. A path without a version is ours. */
static const char *split_version(const char *path, unsigned *major, unsigned *minor)
{
	int len = 0;

	*major = 1;
	*minor = API_MINOR;
	if (sscanf(path, "/v%4u.%4u%n", major, minor, &len) == 2 && len > 0 && path[len] == '/')
		return path + len;
	*major = 1;
	*minor = API_MINOR;
	return path;
}

static void refuse_later(struct call *c, int status, const char *text)
{
	c->route = NULL;
	c->refusal_status = status;
	snprintf(c->refusal.text, sizeof(c->refusal.text), "%s", text);
}

static const struct route *find_route(struct call *c, const char *path)
{
	for (const struct route *r = routes; r->method; r++)
		if (strcmp(r->method, c->method) == 0 && c->minor >= r->since &&
		    route_matches(c, r, path))
			return r;
	return NULL;
}

static void choose_route(struct call *c, const char *path)
{
	unsigned major, minor;
	const char *rest = split_version(path, &major, &minor);
	bool is_too_old = major < 1 || (major == 1 && minor < API_MIN_MINOR);
	bool is_too_new = major > 1 || (major == 1 && minor > API_MINOR);

	c->path = rest;
	c->minor = is_too_old || is_too_new ? API_MINOR : (int)minor;
	c->route = find_route(c, rest);
	if (!c->route) {
		refuse_later(c, 404, "page not found");
	} else if (is_too_old) {
		refuse_later(
			c, 400,
			arena_printf(
				&c->arena,
				"client version %u.%u is too old. Minimum supported API version is "
				"1.%d, please upgrade your client to a newer version",
				major, minor, API_MIN_MINOR));
		c->is_plain_refusal = true;
	} else if (is_too_new) {
		refuse_later(
			c, 400,
			arena_printf(
				&c->arena,
				"client version %u.%u is too new. Maximum supported API version is "
				"1.%d",
				major, minor, API_MINOR));
	}
}

static void read_target(struct call *c, const char *target)
{
	struct str path, query;
	const char *decoded;
	struct err e;

	if (!target_split(str_of(target), &path, &query, &e) ||
	    !path_decode(&c->arena, path, &decoded, &e) ||
	    !query_parse(&c->arena, query, &c->query, &e))
		refuse_later(c, 400, e.text);
	else
		choose_route(c, decoded);
}

static bool is_json(const char *content_type)
{
	struct str type, rest;

	str_cut(str_of(content_type), ';', &type, &rest);
	type = str_trim(type);
	return type.len == strlen("application/json") &&
	       strncasecmp(type.ptr, "application/json", type.len) == 0;
}

/* Why a node is no manager, in the reference's words; NULL if it is one. */
static const char *not_a_manager(const struct node *n)
{
	switch (node_swarm_state(n)) {
	case SWARM_LOCKED:
		return "Swarm is encrypted and needs to be unlocked before it can be used. Please "
		       "use "
		       "\"docker swarm unlock\" to unlock it.";
	case SWARM_INACTIVE:
		return "This node is not a swarm manager. Use \"docker swarm init\" or \"docker "
		       "swarm join\" "
		       "to connect this node to swarm and try again.";
	case SWARM_PENDING:
	case SWARM_ERROR:
	case SWARM_ACTIVE:
		break;
	}
	if (node_is_manager(n))
		return node_view(n) ? NULL
				    : "This node is not a swarm manager. Manager is being prepared "
				      "or has "
				      "trouble connecting to the cluster.";
	if (node_swarm_state(n) != SWARM_ACTIVE)
		return "This node is not a swarm manager. Use \"docker swarm init\" or \"docker "
		       "swarm join\" "
		       "to connect this node to swarm and try again.";
	return "This node is not a swarm manager. Worker nodes can't be used to view or modify "
	       "cluster state. "
	       "Please run this command on a manager node or promote the current node to a "
	       "manager.";
}

static bool is_early(const struct call *c)
{
	const struct engine *e = c->api->config.engine;

	return e && !engine_is_ready(e) && c->route && c->route->handle != ping;
}

static void run(struct call *c);

static bool run_early(struct api *api)
{
	bool went_on = false;

	if (!api->config.engine || !engine_is_ready(api->config.engine))
		return false;
	while (!list_is_empty(&api->early)) {
		struct call *c = list_first(&api->early, struct call, early);

		list_remove(&c->early);
		c->is_early = false;
		run(c);
		went_on = true;
	}
	return went_on;
}

static void run(struct call *c)
{
	const struct route *r = c->route;
	const char *type = call_header(c, "Content-Type");
	const char *why;

	if (is_early(c)) {
		c->is_early = true;
		list_push_back(&c->api->early, &c->early);
		return;
	}
	if (!r && c->is_plain_refusal)
		call_reply_text(c, c->refusal_status, c->refusal.text);
	else if (!r)
		call_fail_status(c, c->refusal_status, c->refusal.text);
	else if (r->absent)
		call_refuse(c, ERR_UNSUPPORTED, "%s", r->absent);
	else if ((r->flags & JSON_BODY) && c->body.len > 0 && !is_json(type ? type : ""))
		call_refuse(c, ERR_INVALID,
			    "Content-Type specified (%s) must be 'application/json'",
			    type ? type : "");
	else if ((r->flags & NEEDS_MANAGER) && (why = not_a_manager(c->api->config.node)))
		call_refuse(c, ERR_UNAVAILABLE, "%s", why);
	else if ((r->flags & NEEDS_ENGINE) && !c->api->config.engine)
		call_refuse(c, ERR_UNSUPPORTED, "this node runs no containers");
	else
		r->handle(c);
	if (c->is_done)
		call_free(c);
}

static void announced(struct api *api, const struct stream_event *ev, struct now now)
{
	const struct stream *s = api->config.stream;
	struct call *c = NEW(struct call);
	bool collects;

	c->api = api;
	c->exchange = ev->exchange;
	c->now = now;
	c->method = ev->method;
	c->headers = ev->headers;
	c->header_count = ev->header_count;
	tree_insert(&api->calls, &c->exchange, &c->by_exchange);
	read_target(c, ev->target);
	collects = !c->route || !(c->route->flags & STREAM_BODY);
	s->begin(s->self, c->exchange, collects);
	if (!collects)
		run(c);
}

static struct call *call_of(struct api *api, uint64_t exchange)
{
	return tree_entry(tree_find(&api->calls, &exchange), struct call, by_exchange);
}

void api_stream_event(struct api *api, const struct stream_event *ev, struct now now)
{
	struct call *c;

	if (ev->kind == STREAM_ANNOUNCED) {
		announced(api, ev, now);
		return;
	}
	c = call_of(api, ev->exchange);
	if (!c)
		return;
	c->now = now;
	if (ev->kind == STREAM_GONE) {
		call_free(c);
	} else if (ev->kind == STREAM_REQUEST) {
		c->body =
			str_bytes(arena_copy(&c->arena, ev->body.ptr, ev->body.len), ev->body.len);
		run(c);
	} else if (ev->kind == STREAM_DRAINED && c->drained) {
		c->drained(c);
		if (c->is_done)
			call_free(c);
	} else if (ev->kind == STREAM_JOINED_END && c->joined) {
		c->joined(c, ev);
		if (c->is_done)
			call_free(c);
	}
}

/* ---- tickets that ended ---- */

static struct call *waiting_for(struct api *api, uint64_t ticket)
{
	return tree_entry(tree_find(&api->waiting, &ticket), struct call, by_ticket);
}

static void go_on(struct call *c, const struct leader_answer *a)
{
	call_next *next = c->next;

	forget_ticket(c);
	if (a->is_ok || c->takes_errors)
		next(c, a);
	else
		call_fail_control(c, &a->err);
	if (c->is_done)
		call_free(c);
}

static void engine_answered(struct api *api, const struct engine_answer *a, struct now now)
{
	struct call *c = waiting_for(api, a->ticket);

	if (!c || !c->engine_next)
		return;
	c->now = now;
	c->engine_next(c, a);
	if (c->is_done)
		call_free(c);
}

static bool deliver_logs(struct api *api, struct now now)
{
	struct log_delivery *d;
	bool any = false;

	for (; (d = node_take_log(api->config.node)); any = true) {
		struct call *c = waiting_for(api, d->ticket);

		if (!c || !c->reads_logs) {
			log_delivery_free(d);
			continue;
		}
		c->now = now;
		logs_delivered(c, d);
		if (c->is_done)
			call_free(c);
	}
	return any;
}

static bool wake_sleepers(struct api *api, struct now now)
{
	struct heap_node *due;
	bool went_on = false;

	while ((due = heap_take_due(&api->sleepers, now.mono_ms))) {
		struct call *c = heap_entry(due, struct call, sleeper);

		c->now = now;
		c->wake(c);
		if (c->is_done)
			call_free(c);
		went_on = true;
	}
	return went_on;
}

int64_t api_after_turn(struct api *api, struct now now)
{
	struct engine_answer from_engine;
	struct leader_answer *a;
	bool went_on = run_early(api);

	while ((a = node_take_answer(api->config.node))) {
		struct call *c = waiting_for(api, a->ticket);

		if (c && !c->engine_next) {
			c->now = now;
			go_on(c, a);
		}
		leader_answer_free(a);
		went_on = true;
	}
	while (api->config.engine && engine_next_answer(api->config.engine, &from_engine)) {
		engine_answered(api, &from_engine, now);
		went_on = true;
	}
	went_on |= deliver_logs(api, now);
	if (wake_sleepers(api, now) || went_on)
		return now.mono_ms;
	return heap_deadline(&api->sleepers);
}
