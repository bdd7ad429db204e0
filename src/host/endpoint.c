#include "host/endpoint.h"

#include <assert.h>

static int compare_number(const void *key, const struct tree_node *member)
{
	uint64_t a = *(const uint64_t *)key;
	uint64_t b = container_of(member, struct endpoint, by_number)->number;

	return a < b ? -1 : a > b;
}

void endpoints_init(struct endpoints *all)
{
	*all = (struct endpoints){ .all = TREE(compare_number) };
}

static void forget(struct endpoint *ep)
{
	tree_remove(&ep->registry->all, &ep->by_number);
	ep->registry = NULL;
}

uint64_t endpoint_add(struct endpoints *all, struct endpoint *ep, const struct endpoint_kind *kind)
{
	*ep = (struct endpoint){ .kind = kind, .registry = all, .number = ++all->last };
	tree_insert(&all->all, &ep->number, &ep->by_number);
	return ep->number;
}

void endpoint_output(struct endpoint *ep, enum endpoint_stream stream, struct str bytes)
{
	assert(ep->is_joined);
	if (ep->registry && bytes.len > 0)
		ep->user.output(ep->user.self, stream, bytes);
}

void endpoint_drained(struct endpoint *ep)
{
	if (ep->registry && ep->is_joined)
		ep->user.drained(ep->user.self);
}

void endpoint_end(struct endpoint *ep, const char *reason)
{
	if (!ep->registry)
		return;
	forget(ep);
	if (ep->is_joined)
		ep->user.ended(ep->user.self, reason);
}

struct endpoint *endpoint_join(struct endpoints *all, uint64_t number, struct endpoint_user user)
{
	struct endpoint *ep = tree_entry(tree_find(&all->all, &number), struct endpoint, by_number);

	if (!ep || ep->is_joined)
		return NULL;
	ep->user = user;
	ep->is_joined = true;
	ep->kind->joined(ep);
	return ep;
}

void endpoint_flow(struct endpoint *ep, bool may_flow)
{
	if (ep->registry)
		ep->kind->flow(ep, may_flow);
}

bool endpoint_input(struct endpoint *ep, struct str bytes)
{
	return !ep->registry || ep->kind->input(ep, bytes);
}

void endpoint_end_input(struct endpoint *ep)
{
	if (ep->registry)
		ep->kind->end_input(ep);
}

void endpoint_leave(struct endpoint *ep)
{
	if (!ep->registry)
		return;
	forget(ep);
	ep->kind->left(ep);
}

void endpoint_drop(struct endpoints *all, uint64_t number)
{
	struct endpoint *ep = tree_entry(tree_find(&all->all, &number), struct endpoint, by_number);

	if (ep && !ep->is_joined)
		endpoint_leave(ep);
}
