/* What a container wrote, line by line, for whoever passes it on as records.
 *
 * A log is read in batches, and each is asked for: reading answers with one batch, and so does each
 * request for more, until the one that is the last. So whoever reads decides the pace, and nothing
 * piles up in between. A batch costs at most LOG_BATCH_MAX, counting LOG_RECORD_COST for a record
 * beside its text. */
#ifndef SHOAL_SEAM_LOG_RECORD_H
#define SHOAL_SEAM_LOG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define LOG_BATCH_MAX   (64 << 10)
#define LOG_RECORD_COST 128

struct log_wanted {
	bool want_stdout, want_stderr;
	bool follow;      /* go on until the container ends */
	int64_t since_ns; /* wall time; 0: from the beginning */
	int64_t tail;     /* the last so many lines; -1: all */
};

/* A line, or part of one that is longer than the log keeps in one piece. */
struct log_record {
	int64_t at_ns; /* wall time */
	bool is_stderr;
	struct str text; /* with its newline, unless it goes on in the next record of its stream */
};

struct log_batch {
	const struct log_record *records; /* in the order in which they were written */
	size_t count;
	const char *attributes; /* of the log: "key=value,key=value", each percent-encoded; or "" */
	bool is_last;
	const char *trouble; /* why it ended early, in the last; NULL: it did not */
};

#endif
