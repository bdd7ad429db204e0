#include "swarm/orchestrate/update_policy.h"

#include "swarm/span.h"

struct update_policy update_policy_of(const Pb__UpdateConfig *config)
{
	struct update_policy p = { .parallelism = 1,
				   .monitor_ms = UPDATE_MONITOR_MS,
				   .action = PB__UPDATE_CONFIG__FAILURE_ACTION__PAUSE };

	if (!config)
		return p;
	p.parallelism = config->parallelism;
	p.delay_ms = span_ms(config->delay, 0);
	p.monitor_ms = span_ms(config->monitor, UPDATE_MONITOR_MS);
	p.action = config->failure_action;
	p.starts_first = config->order == PB__UPDATE_CONFIG__UPDATE_ORDER__START_FIRST;
	/* Rounded to millionths at once, so that nothing is decided by a float. */
	if (config->max_failure_ratio > 0)
		p.ratio_ppm =
			config->max_failure_ratio >= 1
				? 1000000
				: (int64_t)((double)config->max_failure_ratio * 1000000 + 0.5);
	if (p.delay_ms < 0)
		p.delay_ms = 0;
	if (p.delay_ms >= p.monitor_ms)
		p.monitor_ms = p.delay_ms + 1000;
	return p;
}

bool update_has_failed(const struct update_policy *p, uint64_t failures, uint64_t slots)
{
	return failures * 1000000 > (uint64_t)p->ratio_ppm * slots;
}
