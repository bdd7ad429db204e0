/* What the swarm's lists have in common. */
#ifndef SHOAL_API_LIST_H
#define SHOAL_API_LIST_H

#include "docker/filters.h"
#include "pb/pb.h"

struct call;

/* Values "a=b" or "a" of a filter, as labels to be had; one without a value matches any. */
void filter_labels(struct call *c, const struct list_filters *f, const char *name,
		   Pb__MapEntry ***labels, size_t *count);

#endif
