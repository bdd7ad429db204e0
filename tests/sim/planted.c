/* Planted bugs: the simulator and its checkers must find each of them.
 *
 * The linker puts a function of ours in the place of one of the mind's or of the simulator's
 * (ld --wrap, see meson.build): the product has no line of this. Which bug is planted is a global of
 * this program; without one the wrappers pass on what they are given.
 *
 * Not planted: skipping pre-vote or the leader's lease. Reads do not rest on the lease but on a
 * round of heartbeats, so without either the group is disturbed more often and never wrong. */
#include <inttypes.h>
#include <stdarg.h>

#include "base/mem.h"
#include "node/node.h"
#include "raft/core/quorum.h"
#include "raft/group.h"
#include "seam/input.h"
#include "sim/disk.h"
#include "sim/network.h"
#include "sim/run.h"
#include "sim/world.h"
#include "store/store.h"

#include "test.h"

enum bug {
	NO_BUG,
	DONE_BEFORE_SYNC,
	VOTERS_CRASH, /* no bug: the fault that brings the next one to light */
	VOTE_IS_FORGOTTEN,
	ACKNOWLEDGED_BEFORE_COMMIT,
	COMMITTED_BY_ONE,
	ELECTED_BY_ONE,
	READ_WITHOUT_INDEX,
	APPLIED_AGAIN,
};

static enum bug bug;
static bool is_history_alone; /* the other checkers are silent */

/* ---- the journal ---- */

#define DISKS_MAX 16

static struct lying {
	struct journal seam;
	const struct journal *real;
	struct disk *disk;
	struct sim_node *owner;
	uint64_t vote; /* as it was last told */
} lying[DISKS_MAX];
static size_t lying_count;

struct disk *__real_disk_new(struct sim_node *owner);
struct disk *__wrap_disk_new(struct sim_node *owner);
struct disk *__wrap_disk_new(struct sim_node *owner)
{
	struct disk *d = __real_disk_new(owner);

	lying[lying_count++ % DISKS_MAX] = (struct lying){ .disk = d, .owner = owner };
	return d;
}

/* Who has voted goes down and comes again, and the one it voted for is alone for a while: of all
 * faults the one in which a vote matters. Around a round of messages after the vote, so that it
 * may be counted and its winner not be heard of. */
#define CHAOS_MS 480000

static void cut_off(struct world *w, void *arg)
{
	size_t alone = (size_t)((struct sim_node *)arg - w->nodes);

	for (size_t i = 0; !w->is_ending && i < w->node_count; i++) {
		network_cut(w->network, alone, i, true);
		network_cut(w->network, i, alone, true);
	}
}

static void connect(struct world *w, void *arg)
{
	(void)arg;
	if (!w->is_ending)
		network_heal(w->network);
}

static void stop_voter(struct world *w, void *arg)
{
	if (!w->is_ending)
		world_crash(arg, false);
}

static void start_voter(struct world *w, void *arg)
{
	if (!w->is_ending)
		world_start(arg);
}

static void strike(const struct lying *l, uint64_t vote)
{
	struct world *w = l->owner->world;
	struct sim_node *elected = &w->nodes[vote - 1];

	if (elected == l->owner || w->now_ms > CHAOS_MS - 20000)
		return;
	world_plan(w, prng_between(&w->prng, 2, 8), cut_off, elected);
	world_plan(w, prng_between(&w->prng, 3, 10), stop_voter, l->owner);
	world_plan(w, 50, start_voter, l->owner);
	world_plan(w, prng_between(&w->prng, 2000, 10000), connect, NULL);
}

static void write_raft(void *self, uint64_t ticket, const struct journal_raft_write *write)
{
	struct lying *l = self;
	struct journal_raft_write changed = *write;
	uint64_t vote = write->hard_state.vote;

	if (bug == VOTE_IS_FORGOTTEN)
		changed.hard_state.vote = 0;
	if ((bug == VOTE_IS_FORGOTTEN || bug == VOTERS_CRASH) && vote && vote != l->vote)
		strike(l, vote);
	l->vote = vote;
	if (bug == DONE_BEFORE_SYNC) {
		inbox_add(node_inbox(l->owner->node), INPUT_JOURNAL, ticket)->journal.kind =
			JOURNAL_DONE;
		world_wake(l->owner);
		ticket = 0; /* nobody waits for it any more */
	}
	l->real->write_raft(l->real->self, ticket, &changed);
}

static void load(void *self, uint64_t ticket)
{
	const struct lying *l = self;

	l->real->load(l->real->self, ticket);
}

static void save_snapshot(void *self, uint64_t ticket, const struct journal_manifest *manifest,
			  struct journal_source source)
{
	const struct lying *l = self;

	l->real->save_snapshot(l->real->self, ticket, manifest, source);
}

static void wipe_raft(void *self, uint64_t ticket)
{
	const struct lying *l = self;

	l->real->wipe_raft(l->real->self, ticket);
}

static void write_local(void *self, uint64_t ticket, const struct journal_record *records,
			size_t count)
{
	const struct lying *l = self;

	l->real->write_local(l->real->self, ticket, records, count);
}

const struct journal *__real_disk_journal(struct disk *d);
const struct journal *__wrap_disk_journal(struct disk *d);
const struct journal *__wrap_disk_journal(struct disk *d)
{
	struct lying *l = lying;

	while (l->disk != d)
		l++;
	l->real = __real_disk_journal(d);
	l->seam = (struct journal){ .self = l,
				    .load = load,
				    .write_raft = write_raft,
				    .save_snapshot = save_snapshot,
				    .wipe_raft = wipe_raft,
				    .write_local = write_local };
	return &l->seam;
}

/* ---- agreement ---- */

enum group_outcome __real_group_outcome(const struct group *g, uint64_t index, uint64_t term);
enum group_outcome __wrap_group_outcome(const struct group *g, uint64_t index, uint64_t term);
enum group_outcome __wrap_group_outcome(const struct group *g, uint64_t index, uint64_t term)
{
	enum group_outcome outcome = __real_group_outcome(g, index, term);

	return bug == ACKNOWLEDGED_BEFORE_COMMIT && outcome == GROUP_WAITING ? GROUP_APPLIED
									     : outcome;
}

uint64_t __real_quorum_matched(const struct progress *peers, unsigned count);
uint64_t __wrap_quorum_matched(const struct progress *peers, unsigned count);
uint64_t __wrap_quorum_matched(const struct progress *peers, unsigned count)
{
	uint64_t best = __real_quorum_matched(peers, count);

	for (unsigned i = 0; bug == COMMITTED_BY_ONE && i < count; i++)
		if (peers[i].match > best)
			best = peers[i].match;
	return best;
}

enum outcome __real_quorum_vote(const struct progress *peers, unsigned count);
enum outcome __wrap_quorum_vote(const struct progress *peers, unsigned count);
enum outcome __wrap_quorum_vote(const struct progress *peers, unsigned count)
{
	enum outcome outcome = __real_quorum_vote(peers, count);

	return bug == ELECTED_BY_ONE && outcome == UNDECIDED ? WON : outcome;
}

bool __real_group_read_ready(struct group *g, uint64_t ticket);
bool __wrap_group_read_ready(struct group *g, uint64_t ticket);
bool __wrap_group_read_ready(struct group *g, uint64_t ticket)
{
	if (bug != READ_WITHOUT_INDEX)
		return __real_group_read_ready(g, ticket);
	group_read_forget(g, ticket);
	return true;
}

/* ---- the store: some entries come again after the next, on every replica alike ---- */

#define STORES_MAX 64

static struct remembered {
	const struct store *store;
	char *entry;
	size_t size;
} remembered[STORES_MAX];

static struct remembered *remembered_of(const struct store *s)
{
	struct remembered *free_one = NULL;

	for (size_t i = 0; i < STORES_MAX; i++) {
		if (remembered[i].store == s)
			return &remembered[i];
		if (!remembered[i].store && !free_one)
			free_one = &remembered[i];
	}
	if (free_one)
		free_one->store = s;
	return free_one;
}

static void forget(void)
{
	for (size_t i = 0; i < STORES_MAX; i++)
		free(remembered[i].entry);
	memset(remembered, 0, sizeof(remembered));
	memset(lying, 0, sizeof(lying));
	lying_count = 0;
}

static bool is_chosen(struct str entry)
{
	unsigned sum = 0;

	for (size_t i = 0; i < entry.len; i++)
		sum = sum * 31 + (unsigned char)entry.ptr[i];
	return sum % 8 == 0;
}

bool __real_store_apply(struct store *s, struct str entry, struct err *e);
bool __wrap_store_apply(struct store *s, struct str entry, struct err *e);
bool __wrap_store_apply(struct store *s, struct str entry, struct err *e)
{
	bool ok = __real_store_apply(s, entry, e);
	struct remembered *before;
	struct err ignored;

	if (bug != APPLIED_AGAIN || !(before = remembered_of(s)))
		return ok;
	if (before->entry &&
	    !__real_store_apply(s, str_bytes(before->entry, before->size), &ignored))
		(void)ignored; /* the store refuses it, as it should */
	free(before->entry);
	before->entry = is_chosen(entry) ? xmemdup(entry.ptr, entry.len) : NULL;
	before->size = entry.len;
	return ok;
}

/* ---- the checkers ---- */

void __wrap_world_fail(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void __wrap_world_fail(struct world *w, const char *format, ...)
{
	va_list args;

	if (w->failure[0] || (is_history_alone && strncmp(format, "no order explains", 17) != 0))
		return;
	va_start(args, format);
	(void)vsnprintf(w->failure, sizeof(w->failure), format, args);
	va_end(args);
}

/* The first seed that shows it, or 0; said aloud, because how many it takes is of interest. */
static uint64_t first_seed_that_shows(enum bug planted, uint64_t seeds, bool alone)
{
	struct run_options o = { .managers = 3 };
	struct run_result r = { .is_good = true };
	uint64_t seed = 0;

	bug = planted;
	is_history_alone = alone;
	while (r.is_good && seed < seeds) {
		r = run_seed(++seed, &o);
		forget();
	}
	bug = NO_BUG;
	is_history_alone = false;
	if (r.is_good)
		return 0;
	printf("  seed %" PRIu64 ": %s\n", seed, r.failure);
	return seed;
}

static bool is_shown(enum bug planted, uint64_t seeds)
{
	return first_seed_that_shows(planted, seeds, false) != 0;
}

static bool is_shown_by_history(enum bug planted, uint64_t seeds)
{
	return first_seed_that_shows(planted, seeds, true) != 0;
}

TEST(without_a_bug_nothing_is_found)
{
	CHECK(!is_shown(NO_BUG, 20));
}

TEST(a_journal_that_says_done_before_it_synced_is_found)
{
	CHECK(is_shown(DONE_BEFORE_SYNC, 40));
}

TEST(voters_that_crash_and_remember_are_no_bug)
{
	CHECK(!is_shown(VOTERS_CRASH, 20));
}

TEST(a_vote_that_is_forgotten_in_a_crash_is_found)
{
	CHECK(is_shown(VOTE_IS_FORGOTTEN, 60));
}

TEST(a_change_acknowledged_before_it_is_agreed_on_is_found)
{
	CHECK(is_shown(ACKNOWLEDGED_BEFORE_COMMIT, 20));
}

TEST(a_commit_without_a_majority_is_found)
{
	CHECK(is_shown(COMMITTED_BY_ONE, 20));
}

TEST(a_leader_without_a_majority_is_found)
{
	CHECK(is_shown(ELECTED_BY_ONE, 20));
}

TEST(a_read_without_the_leaders_word_is_found)
{
	CHECK(is_shown(READ_WITHOUT_INDEX, 20));
}

TEST(an_entry_that_is_applied_again_is_found)
{
	CHECK(is_shown(APPLIED_AGAIN, 20));
}

TEST(the_history_alone_shows_an_early_acknowledgement)
{
	CHECK(is_shown_by_history(ACKNOWLEDGED_BEFORE_COMMIT, 40));
}

TEST(the_history_alone_shows_a_stale_read)
{
	CHECK(is_shown_by_history(READ_WITHOUT_INDEX, 20));
}

TEST(the_history_alone_shows_an_entry_applied_again)
{
	CHECK(is_shown_by_history(APPLIED_AGAIN, 20));
}

TEST_MAIN()
