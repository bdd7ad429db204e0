/* What the parts of the machine share: one file for each seam that it stands behind. */
#ifndef SHOAL_SIM_MACHINE_INSIDE_H
#define SHOAL_SIM_MACHINE_INSIDE_H

#include "seam/input.h"
#include "sim/machine.h"

struct pending;
typedef void carry_out_fn(struct machine *m, struct pending *p, struct inbox *out);

/* A command between being given and being carried out. `carry_out` changes the machine and says in
 * `out` what the engine is to hear. */
struct pending {
	struct list link;
	struct arena memory;
	const char *key; /* order is kept among equal keys */
	uint64_t ticket;
	bool must_fail;
	bool is_silent; /* nothing is told of it */
	bool survives;  /* it happens whether the daemon lives or not */
	carry_out_fn *carry_out;
	const char *id, *text;
	const char *exec_id;
	int64_t number;
	const char *const *list;
	size_t count;
	uint64_t generation;
	enum net_object object;
	const struct journal_record *records;
};

/* A law was broken; the first one is kept. */
void machine_violate(struct machine *m, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Every seam call passes here: this is where crashes and failures are planned. */
struct pending *machine_give(struct machine *m, const char *kind, const char *id, uint64_t ticket,
			     carry_out_fn *carry_out);

/* The one of that name; take: made if it is not there. */
struct machine_name *machine_name_find(struct tree *t, const char *id);
struct machine_name *machine_name_take(struct tree *t, const char *id);
void machine_name_drop(struct tree *t, const char *id);

struct runtime machine_runtime(struct machine *m);
struct net machine_net(struct machine *m);
struct content machine_content(struct machine *m);

#endif
