/* What an UpdateConfig says, with its defaults, in whole numbers. */
#ifndef SHOAL_SWARM_ORCHESTRATE_UPDATE_POLICY_H
#define SHOAL_SWARM_ORCHESTRATE_UPDATE_POLICY_H

#include "pb/pb.h"

#define UPDATE_MONITOR_MS 5000

struct update_policy {
	uint64_t parallelism; /* 0: all at once */
	int64_t delay_ms;     /* after each slot */
	int64_t monitor_ms;   /* a task that ends so soon after it ran has failed */
	int64_t ratio_ppm;    /* of the slots may fail, in millionths */
	Pb__UpdateConfig__FailureAction action;
	bool starts_first;
};

/* Of a NULL config: the defaults. */
struct update_policy update_policy_of(const Pb__UpdateConfig *config);

/* Is this too much? */
bool update_has_failed(const struct update_policy *p, uint64_t failures, uint64_t slots);

#endif
