/* One seed: a configuration drawn from it, ten minutes of chaos and calm, and a verdict. */
#ifndef SHOAL_SIM_RUN_H
#define SHOAL_SIM_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run_result {
	bool is_good;
	char failure[512];
	uint64_t trace, events, turns;
	size_t acknowledged, unknown, reads;
	size_t logs_complete, logs_incomplete;
};

struct run_options {
	size_t managers, workers; /* 0 managers: one to seven, drawn */
	bool is_verbose;
	bool is_grown; /* managers are made and unmade: sim/growth.h */
};

struct run_result run_seed(uint64_t seed, const struct run_options *o);

#endif
