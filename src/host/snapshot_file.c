#include "host/snapshot_file.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"
#include "host/dir.h"
#include "host/sealer.h"

/* Looked at when old ones are dropped. */
#define FILES_MAX 1024

static const char magic[12] = "shoal snap 1";

static char *path_of(const char *dir, uint64_t index, uint64_t term, const char *end)
{
	return xasprintf("%s/%016" PRIx64 "-%016" PRIx64 "%s", dir, index, term, end);
}

struct place {
	uint64_t index, term, chunk;
	bool is_last;
};

static void write_context(struct buf *out, const struct place *at)
{
	buf_reset(out);
	buf_printf(out, "snapshot %" PRIu64 " %" PRIu64 " %" PRIu64 "%s", at->index, at->term,
		   at->chunk, at->is_last ? " last" : "");
}

/* A chunk on disk: its sealed length (32 bits, little-endian), then the sealed bytes. */
static bool write_chunk(int fd, struct sealer *sealer, const struct place *at, struct str plain,
			struct buf *sealed, struct buf *context)
{
	uint32_t length = htole32((uint32_t)(plain.len + SEALER_OVERHEAD));

	write_context(context, at);
	buf_reset(sealed);
	buf_append(sealed, &length, sizeof(length));
	sealer_close(sealer, buf_str(context), plain, sealed);
	return file_write_all(fd, buf_str(sealed));
}

struct saving {
	const char *dir;
	struct sealer *sealer;
	struct journal_source source;
	bool (*gives_up)(void *self);
	void *self;
};

static bool write_content(int fd, const struct saving *s, struct place at, struct err *e)
{
	AUTO_BUF struct buf chunk = BUF_MAX(SNAPSHOT_CHUNK_BYTES);
	AUTO_BUF struct buf sealed = BUF_MAX(SNAPSHOT_CHUNK_BYTES + SEALER_OVERHEAD + 4);
	AUTO_BUF struct buf context = BUF_MAX(128);
	bool done = false;

	if (!file_write_all(fd, str_bytes(magic, sizeof(magic))))
		return fail_sys(e, errno, "write");
	while (!done) {
		if (s->gives_up(s->self))
			return fail(e, ERR_UNAVAILABLE, "the node is ending");
		buf_reset(&chunk);
		if (!s->source.next(s->source.self, &chunk, &done, e) && !done)
			return false;
		if (chunk.overflow)
			return fail(e, ERR_EXHAUSTED, "a chunk of more than 8 MiB");
		if (chunk.len &&
		    !write_chunk(fd, s->sealer, &at, buf_str(&chunk), &sealed, &context))
			return fail_sys(e, errno, "write");
		at.chunk += chunk.len != 0;
	}
	at.is_last = true;
	if (!write_chunk(fd, s->sealer, &at, (struct str){ 0 }, &sealed, &context))
		return fail_sys(e, errno, "write");
	return true;
}

static bool save(const struct saving *s, const char *fresh, const char *path, struct place at,
		 struct err *e)
{
	AUTO_CLOSE int fd =
		open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fail_sys(e, errno, "create");
	if (!write_content(fd, s, at, e))
		return false;
	if (fsync(fd) != 0 || rename(fresh, path) != 0)
		return fail_sys(e, errno, "sync");
	return dir_sync(s->dir, e);
}

bool snapshot_file_save(const char *dir, struct sealer *sealer, uint64_t index, uint64_t term,
			struct journal_source source, bool (*gives_up)(void *self), void *self,
			struct err *e)
{
	AUTO_FREE char *fresh = path_of(dir, index, term, ".new");
	AUTO_FREE char *path = path_of(dir, index, term, "");
	struct saving s = { dir, sealer, source, gives_up, self };

	if (save(&s, fresh, path, (struct place){ .index = index, .term = term }, e))
		return true;
	(void)unlink(fresh);
	return while_doing(e, "snapshot %s", path);
}

bool snapshot_file_exists(const char *dir, uint64_t index, uint64_t term)
{
	AUTO_FREE char *path = path_of(dir, index, term, "");

	return access(path, F_OK) == 0;
}

static bool read_all(int fd, void *data, size_t size, struct err *e)
{
	char *at = data;

	while (size) {
		ssize_t n = read(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_sys(e, errno, "read");
		if (n == 0)
			return fail(e, ERR_INVALID, "it is cut short");
		at += n;
		size -= (size_t)n;
	}
	return true;
}

static bool read_sealed(int fd, struct buf *sealed, struct err *e)
{
	uint32_t length;

	if (!read_all(fd, &length, sizeof(length), e))
		return false;
	length = le32toh(length);
	if (length < SEALER_OVERHEAD || length > SNAPSHOT_CHUNK_BYTES + SEALER_OVERHEAD)
		return fail(e, ERR_INVALID, "a chunk of %u bytes", length);
	buf_reset(sealed);
	return read_all(fd, buf_extend(sealed, length), length, e);
}

static bool read_magic(int fd, struct err *e)
{
	char head[sizeof(magic)];

	if (!read_all(fd, head, sizeof(head), e))
		return false;
	return memcmp(head, magic, sizeof(magic)) == 0 ||
	       fail(e, ERR_UNSUPPORTED, "not a snapshot, or of a newer shoald");
}

/* The next chunk's plain bytes; *ended is set by the last one, which has none. */
static bool read_chunk(int fd, struct sealer *sealer, struct place *at, struct buf *sealed,
		       struct buf *plain, bool *ended, struct err *e)
{
	AUTO_BUF struct buf context = BUF_MAX(128);

	buf_reset(plain);
	if (!read_sealed(fd, sealed, e))
		return false;
	at->is_last = sealed->len == SEALER_OVERHEAD;
	*ended = at->is_last;
	write_context(&context, at);
	at->chunk++;
	return sealer_open(sealer, buf_str(&context), buf_str(sealed), plain, e);
}

/* `content` has room for the file's size, and the plain text is shorter. */
static bool read_content(int fd, struct sealer *sealer, struct place at, char *content,
			 size_t *length, struct err *e)
{
	AUTO_BUF struct buf sealed = BUF_MAX(SNAPSHOT_CHUNK_BYTES + SEALER_OVERHEAD);
	AUTO_BUF struct buf plain = BUF_MAX(SNAPSHOT_CHUNK_BYTES);
	bool ended = false;

	if (!read_magic(fd, e))
		return false;
	while (!ended) {
		if (!read_chunk(fd, sealer, &at, &sealed, &plain, &ended, e))
			return false;
		if (plain.len)
			memcpy(content + *length, plain.data, plain.len);
		*length += plain.len;
	}
	return true;
}

bool snapshot_file_read(const char *dir, struct sealer *sealer, uint64_t index, uint64_t term,
			struct arena *a, struct str *content, struct err *e)
{
	AUTO_FREE char *path = path_of(dir, index, term, "");
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct place at = { .index = index, .term = term };
	size_t length = 0;
	struct stat s;
	char *bytes;

	if (fd < 0 || fstat(fd, &s) != 0)
		return fail_sys(e, errno, "snapshot %s", path);
	bytes = arena_alloc(a, (size_t)s.st_size);
	if (!read_content(fd, sealer, at, bytes, &length, e))
		return while_doing(e, "snapshot %s", path);
	*content = str_bytes(bytes, length);
	return true;
}

/* The first chunk tells: a file is sealed under one key. */
static bool is_own(const char *path, struct sealer *sealer, struct place at, bool *is,
		   struct err *e)
{
	AUTO_BUF struct buf sealed = BUF_MAX(SNAPSHOT_CHUNK_BYTES + SEALER_OVERHEAD);
	AUTO_BUF struct buf context = BUF_MAX(128);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return fail_sys(e, errno, "open");
	if (!read_magic(fd, e) || !read_sealed(fd, &sealed, e))
		return false;
	at.is_last = sealed.len == SEALER_OVERHEAD;
	write_context(&context, &at);
	*is = sealer_is_own(sealer, buf_str(&context), buf_str(&sealed));
	return true;
}

/* Content that is in memory, in chunks. */
static bool next_of_text(void *self, struct buf *chunk, bool *done, struct err *e)
{
	struct str *rest = self;
	size_t size = rest->len < SNAPSHOT_CHUNK_BYTES ? rest->len : SNAPSHOT_CHUNK_BYTES;

	(void)e;
	buf_append(chunk, rest->ptr, size);
	*rest = str_bytes(rest->ptr + size, rest->len - size);
	*done = rest->len == 0;
	return true;
}

static bool never(void *self)
{
	(void)self;
	return false;
}

static bool seal_anew(const char *dir, struct sealer *sealer, struct place at, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_FREE char *path = path_of(dir, at.index, at.term, "");
	AUTO_FREE char *fresh = path_of(dir, at.index, at.term, ".anew");
	struct str content = { 0 };
	struct saving s = { dir, sealer, { &content, next_of_text }, never, NULL };
	bool is;

	if (!is_own(path, sealer, at, &is, e))
		return false;
	if (is)
		return true;
	if (!snapshot_file_read(dir, sealer, at.index, at.term, &a, &content, e))
		return false;
	if (save(&s, fresh, path, at, e))
		return true;
	(void)unlink(fresh);
	return false;
}

static bool parse_name(const char *name, uint64_t *index, uint64_t *term)
{
	int end = 0;

	return sscanf(name, "%16" SCNx64 "-%16" SCNx64 "%n", index, term, &end) == 2 && end == 33 &&
	       name[end] == '\0';
}

bool snapshot_files_seal_anew(const char *dir, struct sealer *sealer, struct err *e)
{
	DIR *d = opendir(dir);
	bool ok = d || fail_sys(e, errno, "open %s", dir);
	struct place at = { 0 };

	for (struct dirent *entry; ok && (entry = readdir(d));)
		if (parse_name(entry->d_name, &at.index, &at.term))
			ok = seal_anew(dir, sealer, at, e) ||
			     while_doing(e, "sealing snapshot %s anew", entry->d_name);
	if (d)
		closedir(d);
	return ok;
}

/* How many of those before `below` come after this one. */
static uint64_t younger(const struct place *places, size_t count, struct place it, uint64_t below)
{
	uint64_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += places[i].index < below && places[i].index > it.index;
	return n;
}

void snapshot_files_drop_before(const char *dir, uint64_t index, uint64_t term, uint64_t old)
{
	struct place places[FILES_MAX];
	DIR *d = opendir(dir);
	size_t count = 0;

	if (!d)
		return;
	for (struct dirent *entry; count < FILES_MAX && (entry = readdir(d));)
		count += parse_name(entry->d_name, &places[count].index, &places[count].term);
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *path = path_of(dir, places[i].index, places[i].term, "");
		struct place it = places[i];

		if (it.index > index || (it.index == index && it.term == term) ||
		    (it.index < index && younger(places, count, it, index) < old))
			continue;
		(void)unlink(path);
	}
	closedir(d);
}

void snapshot_files_keep_only(const char *dir, uint64_t index, uint64_t term)
{
	DIR *d = opendir(dir);
	uint64_t i, t;

	if (!d)
		return;
	for (struct dirent *entry; (entry = readdir(d));) {
		if (entry->d_name[0] == '.')
			continue;
		if (!parse_name(entry->d_name, &i, &t) || index == 0 || i > index ||
		    (i == index && t != term))
			(void)unlinkat(dirfd(d), entry->d_name, 0);
	}
	closedir(d);
}
