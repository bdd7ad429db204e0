/* Containers on networks of this host: connect, disconnect; and networks that nobody uses. */
#include "api/engine_routes.h"
#include "api/match.h"
#include "api/outcome.h"
#include "docker/tables.h"

void network_connect(struct call *c)
{
	const Pb__NetworkConnectRequest *r = call_body(c, &dialect_network_connect);

	if (r)
		engine_network_connect(
			engine_of(c), call_engine(c, outcome_200), c->params[0], r->container,
			r->endpoint ? r->endpoint : PB_NEW(&c->arena, endpoint_settings), c->now);
}

void network_disconnect(struct call *c)
{
	const Pb__NetworkConnectRequest *r = call_body(c, &dialect_network_connect);

	if (r)
		engine_network_disconnect(engine_of(c), call_engine(c, outcome_200), c->params[0],
					  r->container, r->force, c->now);
}

struct network_prune {
	struct list_filters filters;
	int64_t until_ns;
};

static bool is_prunable(void *self, const void *record)
{
	const struct network_prune *p = self;
	const Pb__LocalNetwork *n = record;

	return n->created_ns < p->until_ns && match_labels(&p->filters, n->labels, n->n_labels);
}

static void pruned(struct call *c, const struct engine_answer *a)
{
	if (!outcome_is_failure(c, a) && a->is_last)
		outcome_reply_pruned(c, "NetworksDeleted", a->lines, a->line_count, -1);
}

void networks_prune(struct call *c)
{
	static const char *const names[] = { "label", "label!", "until", NULL };
	struct network_prune *p = ARENA_NEW(&c->arena, struct network_prune);
	struct err e;

	if (!call_filters(c, names, &p->filters))
		return;
	if (!match_until(&p->filters, c->now.wall_ns, &p->until_ns, &e)) {
		call_fail(c, &e);
		return;
	}
	engine_networks_prune(engine_of(c), call_engine(c, pruned),
			      (struct engine_filter){ p, is_prunable }, c->now);
}
