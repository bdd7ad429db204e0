#include "sim/clients.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "pb/map.h"
#include "pb/pb.h"

#define READ_SAMPLES 16
#define CREATE       "/docker.swarmkit.v1.Control/CreateConfig"
#define UPDATE       "/docker.swarmkit.v1.Control/UpdateConfig"
#define LABEL        "value"
#define NO_OPERATION SIZE_MAX

static bool has(const struct sim_node *s, const char *name)
{
	return view_by_name(node_view(s->node), OBJECT_CONFIG, name) != NULL;
}

static struct client_write *write_new(struct clients *c, struct sim_node *s)
{
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
	return write;
}

static Pb__ConfigSpec *spec_new(struct arena *a, const char *name)
{
	Pb__ConfigSpec *spec = PB_NEW(a, config_spec);

	spec->annotations->name = arena_strdup(a, name);
	spec->data.data = (uint8_t *)spec->annotations->name;
	spec->data.len = strlen(name);
	return spec;
}

static void write_one(struct clients *c, struct sim_node *s)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__CreateConfigRequest *request = PB_NEW(&a, create_config_request);
	struct client_write *write = write_new(c, s);

	(void)snprintf(write->name, sizeof(write->name), "c%zu", c->write_count);
	request->spec = spec_new(&a, write->name);
	node_change(s->node, write->ticket, CREATE, request);
	world_wake(s);
}

/* ---- registers ---- */

static const Pb__Config *register_at(const struct sim_node *s, unsigned reg)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "register%u", reg);
	return view_by_name(node_view(s->node), OBJECT_CONFIG, name);
}

/* 0: nobody made it yet. */
static uint64_t value_of(const Pb__Config *config)
{
	const Pb__Annotations *about = config ? config->spec->annotations : NULL;
	const char *label = about ? PB_MAP_GET(about, labels, LABEL) : NULL;
	uint64_t value = 0;

	return label && str_to_u64(str_of(label), &value) ? value : 0;
}

static size_t ask(struct clients *c, enum linear_kind kind, unsigned reg, uint64_t expected,
		  uint64_t value)
{
	if (c->operation_counts[reg] >= LINEAR_OPERATIONS_MAX)
		return NO_OPERATION;
	c->operation_counts[reg]++;
	return linear_ask(&c->history, kind, reg, expected, value);
}

static void make_register(struct sim_node *s, const struct client_write *write, unsigned reg,
			  const char *value)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__CreateConfigRequest *request = PB_NEW(&a, create_config_request);

	request->spec = spec_new(&a, arena_printf(&a, "register%u", reg));
	PB_MAP_SET(&a, request->spec->annotations, labels, LABEL, value);
	node_change(s->node, write->ticket, CREATE, request);
}

static void change_register(struct sim_node *s, const struct client_write *write,
			    const Pb__Config *config, const char *value)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__UpdateConfigRequest *request = PB_NEW(&a, update_config_request);

	request->config_id = arena_strdup(&a, config->id);
	request->config_version = pb_dup(&a, config->meta->version);
	request->spec = pb_dup(&a, config->spec);
	PB_MAP_SET(&a, request->spec->annotations, labels, LABEL, value);
	node_change(s->node, write->ticket, UPDATE, request);
}

/* From what this manager shows: a leader that has moved on refuses it. */
static void write_register(struct clients *c, struct sim_node *s)
{
	unsigned reg = (unsigned)prng_below(&c->world->prng, REGISTERS);
	const Pb__Config *config = register_at(s, reg);
	size_t operation = ask(c, LINEAR_SWAP, reg, value_of(config), c->last_value + 1);
	struct client_write *write;
	char value[32];

	if (operation == NO_OPERATION)
		return;
	write = write_new(c, s);
	write->is_of_register = true;
	write->operation = operation;
	(void)snprintf(value, sizeof(value), "%llu", (unsigned long long)++c->last_value);
	if (config)
		change_register(s, write, config, value);
	else
		make_register(s, write, reg, value);
	world_wake(s);
}

static void read_one(struct clients *c, struct sim_node *s)
{
	struct client_read *read;

	if (c->read_count == c->read_capacity) {
		c->read_capacity = c->read_capacity ? c->read_capacity * 2 : 256;
		c->reads = xrealloc(c->reads, c->read_capacity * sizeof(*c->reads));
	}
	read = &c->reads[c->read_count++];
	*read = (struct client_read){ .node = (size_t)(s - c->world->nodes),
				      .life = s->lives,
				      .ticket = node_ticket(s->node),
				      .acknowledged = c->acknowledged_count };
	for (unsigned reg = 0; reg < REGISTERS; reg++)
		read->operations[reg] = ask(c, LINEAR_READ, reg, 0, 0);
	node_read(s->node, read->ticket);
	world_wake(s);
}

static void act(struct world *w, void *arg)
{
	struct clients *c = arg;
	struct sim_node *s = &w->nodes[prng_below(&w->prng, w->node_count)];

	if (w->now_ms >= c->until_ms)
		return;
	if (s->node && s->paused_until_ms <= w->now_ms && node_view(s->node)) {
		switch (prng_below(&w->prng, 3)) {
		case 0:
			write_one(c, s);
			break;
		case 1:
			write_register(c, s);
			break;
		default:
			read_one(c, s);
			break;
		}
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
	linear_clear(&c->history);
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

static enum linear_outcome outcome_of(const struct client_write *write)
{
	switch (write->state) {
	case WRITE_ACKNOWLEDGED:
		return LINEAR_OK;
	case WRITE_REFUSED:
		return LINEAR_FAILED;
	default:
		return LINEAR_UNKNOWN;
	}
}

static void written(struct clients *c, struct client_write *write, const struct leader_answer *a)
{
	write->state = a->is_ok                             ? WRITE_ACKNOWLEDGED
		       : a->err.kind == ERR_UNKNOWN_OUTCOME ? WRITE_UNKNOWN
							    : WRITE_REFUSED;
	if (write->is_of_register)
		linear_answer(&c->history, write->operation, outcome_of(write));
	else if (a->is_ok)
		c->acknowledged[c->acknowledged_count++] = (size_t)(write - c->writes);
}

static void answered(struct clients *c, struct sim_node *s, struct client_read *read)
{
	c->reads_answered++;
	check_fresh(c, s, read);
	for (unsigned reg = 0; reg < REGISTERS; reg++)
		if (read->operations[reg] != NO_OPERATION)
			linear_answer_read(&c->history, read->operations[reg],
					   value_of(register_at(s, reg)));
}

static void take(struct clients *c, struct sim_node *s, const struct leader_answer *a)
{
	size_t node = (size_t)(s - c->world->nodes);

	for (size_t i = c->write_count; i-- > 0;) {
		struct client_write *write = &c->writes[i];

		if (write->node != node || write->life != s->lives || write->ticket != a->ticket)
			continue;
		written(c, write, a);
		return;
	}
	for (size_t i = c->read_count; i-- > 0;) {
		struct client_read *read = &c->reads[i];

		if (read->node != node || read->life != s->lives || read->ticket != a->ticket)
			continue;
		read->is_done = true;
		if (a->is_ok && node_view(s->node)) /* or demoted in the same turn */
			answered(c, s, read);
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
	bool is_there = !write->is_of_register && has(s, write->name);

	if (write->state == WRITE_ACKNOWLEDGED && !is_there && !write->is_of_register)
		world_fail(c->world, "%s lost %s, which was acknowledged", s->name, write->name);
	if (write->state == WRITE_REFUSED && is_there)
		world_fail(c->world, "%s has %s, which was refused", s->name, write->name);
	if (write->state == WRITE_PENDING && write->life == c->world->nodes[write->node].lives)
		world_fail(c->world, "%s never answered for %s", c->world->nodes[write->node].name,
			   write->is_of_register ? "a register" : write->name);
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

void clients_check_history(struct clients *c)
{
	char text[256];

	for (unsigned reg = 0; reg < REGISTERS; reg++) {
		switch (linear_judge(&c->history, reg, text, sizeof(text))) {
		case LINEAR_GOOD:
			break;
		case LINEAR_BROKEN:
			world_fail(c->world, "no order explains register %u: %s", reg, text);
			return;
		case LINEAR_TOO_HARD:
			world_fail(c->world, "register %u cannot be judged: %s", reg, text);
			return;
		}
	}
}
