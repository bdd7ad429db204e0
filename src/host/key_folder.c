#include "host/key_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "host/dir.h"
#include "pb/pb.h"
#include "wire/x509.h"

#define ROOT      "swarm-root-ca.crt"
#define CERT      "swarm-node.crt"
#define NEXT_CERT ".swarm-node.crt"
#define KEY       "swarm-node.key"

void key_lock_clear(struct key_lock *l)
{
	OPENSSL_cleanse(l, sizeof(*l));
}

void key_folder_init(struct key_folder *f)
{
	*f = (struct key_folder){ .root = BUF_MAX(X509_PEM_MAX),
				  .cert = BUF_MAX(X509_PEM_MAX),
				  .key = BUF_MAX(X509_PEM_MAX) };
}

void key_folder_clear(struct key_folder *f)
{
	if (f->key.data)
		OPENSSL_cleanse(f->key.data, f->key.capacity);
	buf_clear(&f->root);
	buf_clear(&f->cert);
	buf_clear(&f->key);
	key_lock_clear(&f->lock);
}

/* ---- files ---- */

static char *path_of(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static bool write_synced(const char *path, struct str bytes, mode_t mode, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return fail_sys(e, errno, "create %s", path);
	for (size_t at = 0; at < bytes.len;) {
		ssize_t n = write(fd, bytes.ptr + at, bytes.len - at);

		if (n < 0 && errno != EINTR)
			return fail_sys(e, errno, "write %s", path);
		at += n > 0 ? (size_t)n : 0;
	}
	if (fchmod(fd, mode) != 0 || fsync(fd) != 0)
		return fail_sys(e, errno, "write %s", path);
	return true;
}

static bool replace(const char *dir, const char *name, struct str bytes, mode_t mode, struct err *e)
{
	AUTO_FREE char *path = path_of(dir, name), *fresh = xasprintf("%s.new", path);

	if (!write_synced(fresh, bytes, mode, e) ||
	    (rename(fresh, path) != 0 && !fail_sys(e, errno, "replace %s", path))) {
		(void)unlink(fresh);
		return false;
	}
	return dir_sync(dir, e);
}

/* Zeroes over all that an open file holds. Its name may be gone already. */
static void overwrite(int fd)
{
	static const char zeroes[4096];
	struct stat s;

	if (fd < 0 || fstat(fd, &s) != 0)
		return;
	for (off_t at = 0; at < s.st_size; at += (off_t)sizeof(zeroes)) {
		off_t rest = s.st_size - at;

		if (pwrite(fd, zeroes, rest < (off_t)sizeof(zeroes) ? (size_t)rest : sizeof(zeroes),
			   at) < 0)
			return;
	}
	(void)fsync(fd);
}

static int open_for_overwriting(const char *path)
{
	return open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
}

static bool replace_key(const char *dir, struct str bytes, struct err *e)
{
	AUTO_FREE char *path = path_of(dir, KEY);
	AUTO_CLOSE int old = open_for_overwriting(path);

	if (!replace(dir, KEY, bytes, 0600, e))
		return false;
	overwrite(old);
	return true;
}

static bool read_into(const char *dir, const char *name, struct buf *into, struct err *e)
{
	AUTO_FREE char *path = path_of(dir, name);

	buf_reset(into);
	return file_read(path, into, e);
}

/* ---- the journal keys, as records of the key file ---- */

static bool seal_record(const struct key_lock *l, const char *name, const uint8_t key[SEAL_KEY_LEN],
			struct keyfile_record *to, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf sealed = BUF_MAX(KEYFILE_RECORD_MAX),
			    bytes = BUF_MAX(KEYFILE_RECORD_MAX);
	Pb__MaybeEncryptedRecord *record = PB_NEW(&a, maybe_encrypted_record);
	bool ok = true;

	record->algorithm = PB__MAYBE_ENCRYPTED_RECORD__ALGORITHM__NONE;
	record->data = (ProtobufCBinaryData){ SEAL_KEY_LEN, (uint8_t *)(uintptr_t)key };
	if (l->is_locked) {
		ok = seal(l->unlock_key, NULL, str_of(name), str_bytes(key, SEAL_KEY_LEN), &sealed,
			  e);
		record->algorithm = PB__MAYBE_ENCRYPTED_RECORD__ALGORITHM__AES_256_GCM;
		record->data = (ProtobufCBinaryData){ sealed.len, (uint8_t *)sealed.data };
	}
	ok = ok && (pb_encode(record, &bytes) ||
		    fail(e, ERR_INTERNAL, "%s of the key file is too long", name));
	if (ok) {
		memcpy(to->data, bytes.data, bytes.len);
		to->len = bytes.len;
	}
	if (bytes.data)
		OPENSSL_cleanse(bytes.data, bytes.capacity);
	return ok;
}

static bool open_record(const struct keyfile_record *from, const uint8_t *unlock_key,
			const char *name, uint8_t key[SEAL_KEY_LEN], struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf plain = BUF_MAX(SEAL_KEY_LEN);
	const Pb__MaybeEncryptedRecord *record =
		pb_decode(&a, &pb__maybe_encrypted_record__descriptor,
			  str_bytes(from->data, from->len), KEYFILE_RECORD_MAX, e);
	struct str data;

	if (!record)
		return while_doing(e, "%s of the key file", name);
	data = str_bytes(record->data.data, record->data.len);
	if (record->algorithm == PB__MAYBE_ENCRYPTED_RECORD__ALGORITHM__AES_256_GCM) {
		if (!unlock_key || !seal_open(unlock_key, str_of(name), data, &plain, e))
			return fail(e, ERR_DENIED, "node is locked, and needs a valid unlock key");
		data = buf_str(&plain);
	} else if (record->algorithm != PB__MAYBE_ENCRYPTED_RECORD__ALGORITHM__NONE) {
		return fail(e, ERR_UNSUPPORTED,
			    "%s of the key file is sealed in a way we do not know", name);
	}
	if (data.len != SEAL_KEY_LEN)
		return fail(e, ERR_INVALID, "%s of the key file is no key", name);
	memcpy(key, data.ptr, SEAL_KEY_LEN);
	if (plain.data)
		OPENSSL_cleanse(plain.data, plain.capacity);
	OPENSSL_cleanse(record->data.data, record->data.len);
	return true;
}

static bool seal_lock(const struct key_lock *l, struct keyfile *to, struct err *e)
{
	to->kek_version = l->version;
	to->raft_dek_needs_rotation = l->needs_another;
	return (!l->has_journal_key ||
		seal_record(l, "raft-dek", l->journal_key, &to->raft_dek, e)) &&
	       (!l->has_next ||
		seal_record(l, "raft-dek-pending", l->next, &to->raft_dek_pending, e));
}

static bool open_lock(const struct keyfile *from, bool is_locked, const uint8_t *unlock_key,
		      struct key_lock *l, struct err *e)
{
	*l = (struct key_lock){ .is_locked = is_locked,
				.version = from->kek_version,
				.needs_another = from->raft_dek_needs_rotation,
				.has_journal_key = from->raft_dek.len > 0,
				.has_next = from->raft_dek_pending.len > 0 };
	if (is_locked)
		memcpy(l->unlock_key, unlock_key, KEK_LEN);
	return (!l->has_journal_key ||
		open_record(&from->raft_dek, unlock_key, "raft-dek", l->journal_key, e)) &&
	       (!l->has_next ||
		open_record(&from->raft_dek_pending, unlock_key, "raft-dek-pending", l->next, e));
}

/* ---- writing ---- */

bool key_folder_save_key(const char *dir, const struct key_folder *f, struct err *e)
{
	AUTO_BUF struct buf file = BUF_MAX(KEYFILE_MAX);
	struct keyfile headers = { 0 };
	bool ok = seal_lock(&f->lock, &headers, e) &&
		  keyfile_write(&headers, buf_str(&f->key),
				f->lock.is_locked ? f->lock.unlock_key : NULL, &file, e) &&
		  replace_key(dir, buf_str(&file), e);

	keyfile_clear(&headers);
	if (file.data)
		OPENSSL_cleanse(file.data, file.capacity);
	return ok;
}

bool key_folder_save_root(const char *dir, struct str root, struct err *e)
{
	return replace(dir, ROOT, root, 0644, e);
}

bool key_folder_save(const char *dir, const struct key_folder *f, struct err *e)
{
	AUTO_FREE char *next = path_of(dir, NEXT_CERT), *cert = path_of(dir, CERT);

	if (!folder_make_as(dir, 0700, e) || !key_folder_save_root(dir, buf_str(&f->root), e) ||
	    !write_synced(next, buf_str(&f->cert), 0644, e) || !dir_sync(dir, e) ||
	    !key_folder_save_key(dir, f, e))
		return false;
	if (rename(next, cert) != 0)
		return fail_sys(e, errno, "replace %s", cert);
	return dir_sync(dir, e);
}

/* ---- reading ---- */

/* A crash came between the key and its certificate: the one that waits is it, if it fits. */
static bool settle_cert(const char *dir, struct key_folder *f, struct err *e)
{
	AUTO_FREE char *next = path_of(dir, NEXT_CERT), *cert = path_of(dir, CERT);
	AUTO_BUF struct buf waiting = BUF_MAX(X509_PEM_MAX);
	struct err why;

	if (read_into(dir, NEXT_CERT, &waiting, &why) &&
	    key_matches_cert(buf_str(&f->key), buf_str(&waiting), &why)) {
		buf_reset(&f->cert);
		buf_append_str(&f->cert, buf_str(&waiting));
		if (rename(next, cert) != 0)
			return fail_sys(e, errno, "replace %s", cert);
		return dir_sync(dir, e);
	}
	(void)unlink(next);
	return key_matches_cert(buf_str(&f->key), buf_str(&f->cert), e);
}

static bool read_cert(const char *dir, struct buf *cert, struct err *e)
{
	struct err why;

	return read_into(dir, CERT, cert, e) ||
	       (e->kind == ERR_NOT_FOUND && read_into(dir, NEXT_CERT, cert, &why));
}

bool key_folder_load(const char *dir, const uint8_t *unlock_key, struct key_folder *f,
		     struct err *e)
{
	AUTO_BUF struct buf file = BUF_MAX(KEYFILE_MAX);
	struct keyfile headers = { 0 };
	bool is_locked, ok;

	buf_reset(&f->key);
	if (!read_into(dir, ROOT, &f->root, e) || !read_cert(dir, &f->cert, e) ||
	    !read_into(dir, KEY, &file, e))
		return false;
	ok = keyfile_parse(buf_str(&file), &headers, &is_locked, e) &&
	     keyfile_open(buf_str(&file), unlock_key, &f->key, e) &&
	     open_lock(&headers, is_locked, unlock_key, &f->lock, e) && settle_cert(dir, f, e);
	keyfile_clear(&headers);
	OPENSSL_cleanse(file.data, file.capacity);
	return ok;
}

void key_folder_remove(const char *dir)
{
	static const char *const names[] = { KEY, KEY ".new", CERT, NEXT_CERT, ROOT };
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = path_of(dir, names[i]);
		AUTO_CLOSE int fd = i < 2 ? open_for_overwriting(path) : -1;

		overwrite(fd);
		(void)unlink(path);
	}
	if (!dir_sync(dir, &e))
		return; /* there is no folder */
}
