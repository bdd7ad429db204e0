#include "torn_disk.h"

#include <assert.h>
#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

#include "base/mem.h"
#include "base/prng.h"

#define SECTOR      512
#define FILES_MAX   32
#define CHANGES_MAX 100000

/* A write (data) or a truncation to `at` (no data) that is not on the platters yet. */
struct change {
	size_t at, size;
	char *data;
};

struct bytes {
	char *data;
	size_t size;
};

struct platter {
	char name[256];
	bool exists;         /* as a reader sees it */
	bool is_durable;     /* its name is on the platters */
	struct bytes seen;   /* what a reader sees */
	struct bytes synced; /* what is certain */
	struct change *changes;
	size_t change_count;
};

struct torn_file {
	sqlite3_file base;
	struct platter *platter;
};

static struct {
	pthread_mutex_t lock;
	struct platter files[FILES_MAX];
	size_t file_count;
	uint64_t changes, die_at;
	bool is_dead, ignores_syncs;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void resize(struct bytes *b, size_t size)
{
	if (size > b->size) {
		b->data = xrealloc(b->data, size);
		memset(b->data + b->size, 0, size - b->size);
	}
	b->size = size;
}

static void put(struct bytes *b, size_t at, const char *data, size_t size)
{
	if (at + size > b->size)
		resize(b, at + size);
	if (size)
		memcpy(b->data + at, data, size);
}

static void forget_changes(struct platter *p)
{
	for (size_t i = 0; i < p->change_count; i++)
		free(p->changes[i].data);
	p->change_count = 0;
}

static void note_change(struct platter *p, size_t at, const void *data, size_t size)
{
	assert(p->change_count < CHANGES_MAX);
	p->changes = xrealloc(p->changes, (p->change_count + 1) * sizeof(*p->changes));
	p->changes[p->change_count++] = (struct change){
		.at = at, .size = size, .data = data ? xmemdup(data, size) : NULL
	};
}

static void copy(struct bytes *to, const struct bytes *from)
{
	to->size = 0;
	put(to, 0, from->data ? from->data : "", from->size);
	to->size = from->size;
}

/* With the lock held. True: the disk has died, at or before this change. */
static bool dies(void)
{
	disk.changes++;
	if (disk.die_at && disk.changes >= disk.die_at)
		disk.is_dead = true;
	return disk.is_dead;
}

static int do_read(sqlite3_file *file, void *to, int size, sqlite3_int64 at)
{
	struct platter *p = ((struct torn_file *)file)->platter;
	size_t n = 0;

	pthread_mutex_lock(&disk.lock);
	if ((size_t)at < p->seen.size)
		n = p->seen.size - (size_t)at < (size_t)size ? p->seen.size - (size_t)at
							     : (size_t)size;
	if (n)
		memcpy(to, p->seen.data + at, n);
	memset((char *)to + n, 0, (size_t)size - n);
	pthread_mutex_unlock(&disk.lock);
	if (disk.is_dead)
		return SQLITE_IOERR_READ;
	return n == (size_t)size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int do_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 at)
{
	struct platter *p = ((struct torn_file *)file)->platter;
	bool was_dead, is_dead;

	pthread_mutex_lock(&disk.lock);
	was_dead = disk.is_dead;
	is_dead = dies();
	if (!was_dead) {
		note_change(p, (size_t)at, from, (size_t)size);
		put(&p->seen, (size_t)at, from, (size_t)size);
	}
	pthread_mutex_unlock(&disk.lock);
	return is_dead ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

static int do_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct platter *p = ((struct torn_file *)file)->platter;
	bool was_dead, is_dead;

	pthread_mutex_lock(&disk.lock);
	was_dead = disk.is_dead;
	is_dead = dies();
	if (!was_dead) {
		note_change(p, (size_t)size, NULL, 0);
		resize(&p->seen, (size_t)size);
	}
	pthread_mutex_unlock(&disk.lock);
	return is_dead ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

static int do_sync(sqlite3_file *file, int flags)
{
	struct platter *p = ((struct torn_file *)file)->platter;
	bool is_dead;

	(void)flags;
	pthread_mutex_lock(&disk.lock);
	is_dead = dies();
	if (!is_dead && !disk.ignores_syncs) {
		copy(&p->synced, &p->seen);
		forget_changes(p);
		p->is_durable = true;
	}
	pthread_mutex_unlock(&disk.lock);
	return is_dead ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int do_size(sqlite3_file *file, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)((struct torn_file *)file)->platter->seen.size;
	return SQLITE_OK;
}

static int do_close(sqlite3_file *file)
{
	(void)file;
	return SQLITE_OK;
}

static int do_lock(sqlite3_file *file, int level)
{
	(void)file;
	(void)level;
	return SQLITE_OK;
}

static int do_check_lock(sqlite3_file *file, int *is_reserved)
{
	(void)file;
	*is_reserved = 0;
	return SQLITE_OK;
}

static int do_control(sqlite3_file *file, int op, void *arg)
{
	(void)file;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int do_sector_size(sqlite3_file *file)
{
	(void)file;
	return 4096;
}

/* What the system's own VFS says of an ordinary disk. */
static int do_characteristics(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = do_close,
	.xRead = do_read,
	.xWrite = do_write,
	.xTruncate = do_truncate,
	.xSync = do_sync,
	.xFileSize = do_size,
	.xLock = do_lock,
	.xUnlock = do_lock,
	.xCheckReservedLock = do_check_lock,
	.xFileControl = do_control,
	.xSectorSize = do_sector_size,
	.xDeviceCharacteristics = do_characteristics,
};

static struct platter *find(const char *name)
{
	for (size_t i = 0; i < disk.file_count; i++)
		if (strcmp(disk.files[i].name, name) == 0)
			return &disk.files[i];
	return NULL;
}

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		   int *out_flags)
{
	struct torn_file *f = (struct torn_file *)file;

	(void)vfs;
	f->base.pMethods = NULL;
	if (!name || disk.is_dead)
		return SQLITE_CANTOPEN;
	pthread_mutex_lock(&disk.lock);
	f->platter = find(name);
	if (!f->platter) {
		assert(disk.file_count < FILES_MAX && strlen(name) < sizeof(disk.files[0].name));
		f->platter = &disk.files[disk.file_count++];
		strcpy(f->platter->name, name);
	}
	if (!f->platter->exists && (flags & SQLITE_OPEN_CREATE))
		f->platter->exists = true;
	pthread_mutex_unlock(&disk.lock);
	if (!f->platter->exists)
		return SQLITE_CANTOPEN;
	if (out_flags)
		*out_flags = flags;
	f->base.pMethods = &methods;
	return SQLITE_OK;
}

static int do_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
	struct platter *p;
	bool is_dead;

	(void)vfs;
	(void)sync_dir;
	pthread_mutex_lock(&disk.lock);
	p = find(name);
	is_dead = dies();
	if (p && !is_dead) {
		p->exists = p->is_durable = false;
		resize(&p->seen, 0);
		resize(&p->synced, 0);
		forget_changes(p);
	}
	pthread_mutex_unlock(&disk.lock);
	return is_dead ? SQLITE_IOERR_DELETE : p ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
}

static int do_access(sqlite3_vfs *vfs, const char *name, int flags, int *yes)
{
	struct platter *p;

	(void)vfs;
	(void)flags;
	pthread_mutex_lock(&disk.lock);
	p = find(name);
	*yes = p && p->exists;
	pthread_mutex_unlock(&disk.lock);
	return SQLITE_OK;
}

static int do_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	(void)vfs;
	if (strlen(name) >= (size_t)size)
		return SQLITE_CANTOPEN;
	strcpy(out, name);
	return SQLITE_OK;
}

void torn_register(void)
{
	static sqlite3_vfs vfs;

	vfs = *sqlite3_vfs_find(NULL); /* its clock and chance will do */
	vfs.iVersion = 1;
	vfs.szOsFile = sizeof(struct torn_file);
	vfs.zName = TORN_VFS;
	vfs.pNext = NULL;
	vfs.xOpen = do_open;
	vfs.xDelete = do_delete;
	vfs.xAccess = do_access;
	vfs.xFullPathname = do_full_path;
	sqlite3_vfs_register(&vfs, 0);
}

void torn_erase(void)
{
	for (size_t i = 0; i < disk.file_count; i++) {
		struct platter *p = &disk.files[i];

		forget_changes(p);
		free(p->changes);
		free(p->seen.data);
		free(p->synced.data);
		*p = (struct platter){ 0 };
	}
	disk.file_count = 0;
	disk.is_dead = false;
	torn_die_at(0);
}

void torn_die_at(uint64_t changes)
{
	disk.changes = 0;
	disk.die_at = changes;
}

bool torn_is_dead(void)
{
	return disk.is_dead;
}

uint64_t torn_change_count(void)
{
	return disk.changes;
}

void torn_ignore_syncs(bool ignore)
{
	disk.ignores_syncs = ignore;
}

/* Any sectors of this change reach the platters, or none. */
static void apply_torn(struct bytes *b, const struct change *c, struct prng *chance)
{
	size_t done = 0;

	if (prng_chance(chance, 1, 3))
		return;
	if (!c->data) {
		resize(b, c->at);
		return;
	}
	while (done < c->size) {
		size_t n = SECTOR - (c->at + done) % SECTOR;

		if (n > c->size - done)
			n = c->size - done;
		if (prng_chance(chance, 4, 5))
			put(b, c->at + done, c->data + done, n);
		done += n;
	}
}

static void revive(struct platter *p, struct prng *chance)
{
	/* Now and then all of it made it in order, as after a kill. */
	bool is_kind = prng_chance(chance, 1, 8);

	if (!p->is_durable && !is_kind && prng_chance(chance, 1, 2)) {
		p->exists = false;
		forget_changes(p);
	}
	if (is_kind) {
		copy(&p->synced, &p->seen);
		forget_changes(p);
	}
	while (p->change_count) {
		size_t i = prng_below(chance, p->change_count);

		apply_torn(&p->synced, &p->changes[i], chance);
		free(p->changes[i].data);
		p->changes[i] = p->changes[--p->change_count];
	}
	copy(&p->seen, &p->synced);
	p->is_durable = p->exists;
	if (!p->exists) {
		resize(&p->seen, 0);
		resize(&p->synced, 0);
	}
}

void torn_revive(uint64_t seed)
{
	struct prng chance;

	prng_seed(&chance, seed);
	for (size_t i = 0; i < disk.file_count; i++)
		revive(&disk.files[i], &chance);
	disk.is_dead = false;
	torn_die_at(0);
}
