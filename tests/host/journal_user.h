/* A journal and somebody who writes to it: the loop, an inbox, and what was reported. */
#ifndef SHOAL_TESTS_HOST_JOURNAL_USER_H
#define SHOAL_TESTS_HOST_JOURNAL_USER_H

#include "base/log.h"
#include "host/journal.h"
#include "host/loop.h"
#include "ledger.h"
#include "seam/input.h"

#define USER_IN_FLIGHT_MAX 8

struct journal_user {
	struct inbox box;
	struct log log;
	struct loop *loop;
	struct journal_disk *disk;
	struct journal seam;

	/* Raft writes have tickets 1, 2, ..; local writes LOCAL + 1, LOCAL + 2, ...; others OTHER.
	 */
	uint64_t raft_done, local_done; /* the last reported, in order */
	bool out_of_order;
	bool raft_failed,
		local_failed; /* a write was reported failed; done after it is a mistake */
	bool has_failed;      /* one of them */
	bool done_after_failure;
	char failure[1024];

	bool other_ended, other_ok;
	const char *(*on_image)(struct journal_user *u, const struct journal_image *image);
	void *on_image_self;
	const char *image_difference;
	void (*on_done)(struct journal_user *u, uint64_t ticket); /* may be NULL */
	void *on_done_self;

	/* The histories, if it writes those. */
	struct raft_ledger raft;
	struct local_ledger local;
	struct str snapshot_left; /* of the source being saved */
};

#define LOCAL (UINT64_C(1) << 40)
#define OTHER (UINT64_C(1) << 50)

extern const uint8_t user_key[SEAL_KEY_LEN];

bool user_open(struct journal_user *u, const char *dir, const char *vfs, size_t checkpoint_bytes,
	       struct err *e);
void user_close(struct journal_user *u);

/* Run the loop until the last OTHER call has ended, or the histories were written up to these
 * counts, or something failed. */
void user_wait_other(struct journal_user *u);
void user_wait_done(struct journal_user *u, uint64_t raft, uint64_t local);

/* Load, give the image to `check`, return what it says. */
const char *user_load(struct journal_user *u,
		      const char *(*check)(struct journal_user *u,
					   const struct journal_image *image),
		      void *self);
bool user_save_snapshot(struct journal_user *u, const struct journal_manifest *m,
			struct str content);

/* Write on with both histories until so many more writes were given, keeping several in flight.
 * Stops at the first failure. */
void user_write_history(struct journal_user *u, uint64_t more);
/* Load and compare with the histories; they continue from what was found. NULL: all well, that
 * is: at least what was acknowledged is there, and whole. */
const char *user_check_history(struct journal_user *u, uint64_t seed, uint64_t raft_acked,
			       uint64_t local_acked);

#endif
