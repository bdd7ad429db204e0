/* Readers of services' logs: they ask any manager, some follow, some are slow, and all check what
 * they get.
 *
 * Of each task the lines come in order, each once, each in its stream: always. A reader that does
 * not follow comes to an end; when that is a good one it has had every line that the service's
 * containers had written when it began. */
#ifndef SHOAL_SIM_READERS_H
#define SHOAL_SIM_READERS_H

#include "sim/world.h"

/* What one reader got of one task. */
struct reader_source {
	char task_id[26], host_id[26];
	bool is_begun;     /* a line has come */
	bool waits; /* it was told that others are read first */
	uint64_t first;    /* of the lines that came */
	uint64_t next;     /* expected */
	uint64_t at_first; /* lines that were there when the reader began */
};

struct reader {
	struct reader *following; /* in the list of all */
	struct world *world;
	size_t node; /* whom it asked */
	uint64_t life, ticket;
	bool follows, is_over, is_good;
	bool is_held;
	uint64_t lines;
	struct reader_source *sources;
	size_t source_count;
	char text[1024]; /* how it ended, if not well */
	int64_t began_ms, stop_ms;
};

struct readers {
	struct world *world;
	int64_t until_ms;
	struct reader *all;
	size_t complete, incomplete; /* ended well; with a warning or an error */
};

/* Begin to read a service's logs through this node. `tail` below 0: all. */
struct reader *reader_begin(struct readers *r, struct sim_node *via, const Pb__Service *service,
			    bool follows, int64_t tail);
void reader_stop(struct reader *r);
const struct reader_source *reader_source(const struct reader *r, const char *task_id);

/* Take what has come to a node after its turn. */
void readers_after_turn(struct readers *r, struct sim_node *s);
/* Readers come and go until then. */
void readers_begin(struct readers *r, struct world *w, int64_t until_ms);
/* Nobody who does not follow still waits. */
void readers_check_calm(struct readers *r);
void readers_clear(struct readers *r);

#endif
