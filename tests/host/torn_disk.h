/* Disk truth: a SQLite VFS in memory that forgets, tears and reorders what was not synced.
 *
 * kill -9 does not lose the page cache, so it cannot show a missing fsync; this does. A write
 * goes to what a reader sees; it is on the platters only once its file was synced. When the
 * disk dies (at its n-th change), every later call fails; torn_revive() then makes each
 * file what a real disk might hold: what was synced, and of the rest any sectors of any writes
 * in any order, or none. A file whose creation was not synced may be gone. */
#ifndef SHOAL_TESTS_HOST_TORN_DISK_H
#define SHOAL_TESTS_HOST_TORN_DISK_H

#include <stdbool.h>
#include <stdint.h>

#define TORN_VFS "torn"

/* Register the VFS, with an empty disk. Once. */
void torn_register(void);
void torn_erase(void);
/* Let the disk die at its n-th write, sync, truncate or delete from now on. 0: never. */
void torn_die_at(uint64_t changes);
bool torn_is_dead(void);
uint64_t torn_change_count(void); /* since torn_die_at() */
/* Power comes back; what lies on the platters is drawn from the seed. */
void torn_revive(uint64_t seed);

/* A lie of the disk, to prove that the test notices: syncs that do nothing. */
void torn_ignore_syncs(bool ignore);

#endif
