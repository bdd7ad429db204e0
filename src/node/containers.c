/* The engine's place in a node: its facts and its turn, and how it serves the agent.
 *
 * As the agent's executor the engine speaks through an inbox of its own: what it says while a turn
 * runs is heard at the beginning of the next. */
#include "node/inside.h"

void containers_begin(struct node *n)
{
	const struct node_config *c = &n->config;
	struct engine_config config;
	struct engine_seams seams = {
		.runtime = c->seams.runtime,
		.net = c->seams.net,
		.content = c->seams.content,
		.journal = c->seams.journal,
	};

	inbox_init(&n->engine_inbox);
	if (!c->engine)
		return;
	config = *c->engine;
	config.log = c->log;
	n->engine_tickets = (uint64_t)TICKET_ENGINE << 56;
	config.tickets = &n->engine_tickets;
	config.inbox = &n->engine_inbox;
	n->engine = engine_new(&config, &seams, prng_next(&n->prng));
	engine_executor(n->engine, &n->engine_executor);
}

static bool find_secret(void *self, const char *task_id, const char *secret_id,
			struct engine_payload *payload)
{
	const struct node *n = self;
	const Pb__Secret *secret = n->agent ? agent_secret(n->agent, secret_id) : NULL;

	(void)task_id;
	if (!secret)
		return false;
	payload->data = str_bytes(secret->spec->data.data, secret->spec->data.len);
	payload->templating = secret->spec->templating ? secret->spec->templating->name : "";
	return true;
}

static bool find_config(void *self, const char *task_id, const char *config_id,
			struct engine_payload *payload)
{
	const struct node *n = self;
	const Pb__Config *config = n->agent ? agent_config_object(n->agent, config_id) : NULL;

	(void)task_id;
	if (!config)
		return false;
	payload->data = str_bytes(config->spec->data.data, config->spec->data.len);
	payload->templating = config->spec->templating ? config->spec->templating->name : "";
	return true;
}

void containers_name_node(struct node *n)
{
	const Pb__NodeDescription *d = n->description;
	const Pb__Platform *p = d ? d->platform : NULL;

	if (n->engine)
		engine_set_node(n->engine,
				&(struct engine_node){ n->id, d ? d->hostname : "",
						       p ? p->architecture : "", p ? p->os : "" });
}

void containers_load(struct node *n, const struct journal_image *image)
{
	if (!n->engine)
		return;
	engine_set_secrets(n->engine, (struct engine_secret_source){ n, find_secret, find_config });
	containers_name_node(n);
	engine_load(n->engine, image, n->now);
}

const struct executor *containers_executor(struct node *n)
{
	return n->engine ? &n->engine_executor : n->config.seams.executor;
}

void containers_tell_agent(struct node *n)
{
	struct arena memory = n->engine_inbox.memory;
	struct list said;
	struct input *in;

	list_init(&said);
	list_splice_back(&said, &n->engine_inbox.queue);
	n->engine_inbox.memory = (struct arena){ 0 };
	if (n->agent)
		list_each (&said, struct input, link, in)
			agent_executor_event(n->agent, in->ticket, &in->executor);
	arena_clear(&memory);
}

int64_t containers_turn(struct node *n)
{
	int64_t next;

	if (!n->engine)
		return NEVER_MS;
	next = engine_turn(n->engine, n->now);
	return list_is_empty(&n->engine_inbox.queue) ? next : n->now.mono_ms;
}

struct engine *node_engine(const struct node *n)
{
	return n->engine;
}
