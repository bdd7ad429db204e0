#include "sim/clients.h"

#include <stdio.h>

#include "base/mem.h"
#include "pb/pb.h"

#define READ_SAMPLES 16

static bool has(const struct sim_node *s, const char *name)
{
	return view_by_name(node_view(s->node), OBJECT_CONFIG, name) != NULL;
}

static void write_one(struct clients *c, struct sim_node *s)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__CreateConfigRequest *request = PB_NEW(&a, create_config_request);
	struct client_write *write;

	if (c->write_count == c->write_capacity) {
		c->write_capacity = c->write_capacity ? c->write_capacity * 2 : 256;
		c->writes = xrealloc(c->writes, c->write_capacity * sizeof(*c->writes));
		c->acknowledged =
			xrealloc(c->acknowledged, c->write_capacity * sizeof(*c->acknowledged));
	}
	write = &c->writes[c->write_count++];
	*write = (struct client_write){ .node = (size_t)(s - c->world->nodes),
					.life = s->lives,
					.ticket = node_ticket(s->node) };
	(void)snprintf(write->name, sizeof(write->name), "c%zu", c->write_count);
	request->spec = PB_NEW(&a, config_spec);
	request->spec->annotations->name = write->name;
	request->spec->data.data = (uint8_t *)write->name;
	request->spec->data.len = strlen(write->name);
	node_change(s->node, write->ticket, "/docker.swarmkit.v1.Control/CreateConfig", request);
	world_wake(s);
}

static void read_one(struct clients *c, struct sim_node *s)
{
	if (c->read_count == c->read_capacity) {
		c->read_capacity = c->read_capacity ? c->read_capacity * 2 : 256;
		c->reads = xrealloc(c->reads, c->read_capacity * sizeof(*c->reads));
	}
	c->reads[c->read_count++] = (struct client_read){ .node = (size_t)(s - c->world->nodes),
							  .life = s->lives,
							  .ticket = node_ticket(s->node),
							  .acknowledged = c->acknowledged_count };
	node_read(s->node, c->reads[c->read_count - 1].ticket);
	world_wake(s);
}

static void act(struct world *w, void *arg)
{
	struct clients *c = arg;
	struct sim_node *s = &w->nodes[prng_below(&w->prng, w->node_count)];

	if (w->now_ms >= c->until_ms)
		return;
	if (s->node && s->paused_until_ms <= w->now_ms && node_view(s->node)) {
		if (prng_chance(&w->prng, 2, 3))
			write_one(c, s);
		else
			read_one(c, s);
	}
	world_plan(w, prng_between(&w->prng, 1, 2 * c->every_ms), act, c);
}

void clients_begin(struct clients *c, struct world *w, int64_t until_ms)
{
	*c = (struct clients){ .world = w,
			       .until_ms = until_ms,
			       .every_ms = prng_between(&w->prng, 100, 3000) };
	world_plan(w, 2000, act, c);
}

void clients_clear(struct clients *c)
{
	free(c->writes);
	free(c->acknowledged);
	free(c->reads);
	*c = (struct clients){ 0 };
}

static void check_fresh(struct clients *c, struct sim_node *s, const struct client_read *read)
{
	struct world *w = c->world;

	for (int i = 0; i < READ_SAMPLES && read->acknowledged > 0; i++) {
		/* The last ones first: they are the ones a stale read would miss. */
		size_t back =
			i < READ_SAMPLES / 2 ? (size_t)i : prng_below(&w->prng, read->acknowledged);
		const struct client_write *write;

		if (back >= read->acknowledged)
			continue;
		write = &c->writes[c->acknowledged[read->acknowledged - 1 - back]];
		if (!has(s, write->name))
			world_fail(w, "%s answered a read without %s, acknowledged before it began",
				   s->name, write->name);
	}
}

static void take(struct clients *c, struct sim_node *s, const struct leader_answer *a)
{
	size_t node = (size_t)(s - c->world->nodes);

	for (size_t i = c->write_count; i-- > 0;) {
		struct client_write *write = &c->writes[i];

		if (write->node != node || write->life != s->lives || write->ticket != a->ticket)
			continue;
		if (a->is_ok) {
			write->state = WRITE_ACKNOWLEDGED;
			c->acknowledged[c->acknowledged_count++] = i;
		} else {
			write->state =
				a->err.kind == ERR_UNKNOWN_OUTCOME ? WRITE_UNKNOWN : WRITE_REFUSED;
		}
		return;
	}
	for (size_t i = c->read_count; i-- > 0;) {
		struct client_read *read = &c->reads[i];

		if (read->node != node || read->life != s->lives || read->ticket != a->ticket)
			continue;
		read->is_done = true;
		if (a->is_ok) {
			c->reads_answered++;
			if (node_view(s->node)) /* demoted in the same turn */
				check_fresh(c, s, read);
		}
		return;
	}
}

void clients_after_turn(struct clients *c, struct sim_node *s)
{
	struct leader_answer *a;

	while (s->node && (a = node_take_answer(s->node))) {
		take(c, s, a);
		leader_answer_free(a);
	}
}

static void check_write(struct clients *c, struct sim_node *s, const struct client_write *write)
{
	bool is_there = has(s, write->name);

	if (write->state == WRITE_ACKNOWLEDGED && !is_there)
		world_fail(c->world, "%s lost %s, which was acknowledged", s->name, write->name);
	if (write->state == WRITE_REFUSED && is_there)
		world_fail(c->world, "%s has %s, which was refused", s->name, write->name);
	if (write->state == WRITE_PENDING && write->life == c->world->nodes[write->node].lives)
		world_fail(c->world, "%s never answered for %s", c->world->nodes[write->node].name,
			   write->name);
}

void clients_check_all(struct clients *c)
{
	struct world *w = c->world;

	for (size_t i = 0; i < w->node_count; i++) {
		struct sim_node *s = &w->nodes[i];

		if (!s->node || !node_view(s->node)) {
			if (s->is_manager)
				world_fail(w, "%s is no manager at the end", s->name);
			continue;
		}
		for (size_t k = 0; k < c->write_count; k++)
			check_write(c, s, &c->writes[k]);
	}
	for (size_t k = 0; k < c->read_count; k++)
		if (!c->reads[k].is_done && c->reads[k].life == w->nodes[c->reads[k].node].lives)
			world_fail(w, "%s never answered a read", w->nodes[c->reads[k].node].name);
}
