#include "node/node.h"

#include "base/mem.h"
#include "node/inside.h"

#define READ_TIMEOUT_MS 10000

struct node *node_new(const struct node_config *config, uint64_t seed)
{
	struct node *n = NEW(struct node);

	n->config = *config;
	n->tickets.room = TICKET_NODE;
	n->api_tickets.room = TICKET_API;
	n->raft_tickets.room = TICKET_RAFT;
	n->ca_tickets.room = TICKET_CA;
	n->dispatch_tickets.room = TICKET_DISPATCH;
	n->log_tickets.room = TICKET_LOGS;
	prng_seed(&n->prng, seed);
	inbox_init(&n->inbox);
	list_init(&n->reads);
	list_init(&n->answers);
	list_init(&n->errands);
	list_init(&n->errands_out);
	list_init(&n->served);
	list_init(&n->retired);
	list_init(&n->logs);
	list_init(&n->log_calls);
	inbox_init(&n->engine_inbox);
	n->membership.is_loading = true;
	return n;
}

void node_free(struct node *n)
{
	struct pending_read *read;
	struct leader_answer *answer;
	struct log_delivery *log;

	if (!n)
		return;
	agent_free(n->agent);
	manager_stop(n);
	manager_forget_retired(n);
	list_each (&n->reads, struct pending_read, link, read)
		free(read);
	list_each (&n->answers, struct leader_answer, link, answer)
		leader_answer_free(answer);
	list_each (&n->logs, struct log_delivery, link, log)
		log_delivery_free(log);
	logs_clear_calls(n);
	engine_free(n->engine);
	inbox_clear(&n->engine_inbox);
	membership_clear(n);
	restore_free(n);
	arena_clear(&n->description_memory);
	inbox_clear(&n->inbox);
	free(n);
}

struct inbox *node_inbox(struct node *n)
{
	return &n->inbox;
}

uint64_t node_ticket(struct node *n)
{
	return ticket_next(&n->api_tickets);
}

static struct leader_answer *answer_new(struct node *n, uint64_t ticket)
{
	struct leader_answer *a = NEW(struct leader_answer);

	a->ticket = ticket;
	list_push_back(&n->answers, &a->link);
	return a;
}

static void refuse_no_manager(struct node *n, uint64_t ticket)
{
	struct leader_answer *a = answer_new(n, ticket);

	fail(&a->err, ERR_UNAVAILABLE,
	     "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" "
	     "to "
	     "connect this node to swarm and try again.");
}

void node_change(struct node *n, uint64_t ticket, const char *method, const void *request)
{
	if (n->leader)
		errands_change(n, ticket, method, request);
	else
		refuse_no_manager(n, ticket);
}

static void read_begin(struct node *n, uint64_t ticket, bool glances)
{
	struct pending_read *read;

	if (!n->group) {
		refuse_no_manager(n, ticket);
		return;
	}
	read = NEW(struct pending_read);
	read->ticket = ticket;
	read->deadline_ms = n->now.mono_ms + READ_TIMEOUT_MS;
	list_push_back(&n->reads, &read->link);
	group_read(n->group, ticket);
	read->wants_glance = glances && !leader_is_leading(n->leader) && errands_glance(n, ticket);
}

void node_read(struct node *n, uint64_t ticket)
{
	read_begin(n, ticket, false);
}

void node_read_managers(struct node *n, uint64_t ticket)
{
	read_begin(n, ticket, true);
}

struct leader_answer *node_take_answer(struct node *n)
{
	struct leader_answer *a;

	if (list_is_empty(&n->answers))
		return NULL;
	a = list_first(&n->answers, struct leader_answer, link);
	list_remove(&a->link);
	return a;
}

const struct view *node_view(const struct node *n)
{
	return n->store ? store_view(n->store) : NULL;
}

const struct store *node_store(const struct node *n)
{
	return n->store;
}

const struct group *node_group(const struct node *n)
{
	return n->group;
}

bool node_is_leading(const struct node *n)
{
	return n->leader && leader_is_leading(n->leader);
}

const struct agent *node_agent(const struct node *n)
{
	return n->agent;
}
