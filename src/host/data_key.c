#include "host/data_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "host/dir.h"

static bool has_journal(const char *dir)
{
	AUTO_FREE char *path = xasprintf("%s/raft.db", dir);

	return access(path, F_OK) == 0;
}

static bool write_key(const char *path, const uint8_t key[SEAL_KEY_LEN], struct err *e)
{
	AUTO_FREE char *fresh = xasprintf("%s.new", path);
	AUTO_CLOSE int fd =
		open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || write(fd, key, SEAL_KEY_LEN) != SEAL_KEY_LEN || fsync(fd) != 0 ||
	    rename(fresh, path) != 0)
		return fail_sys(e, errno, "write %s", path);
	return true;
}

static bool make_key(const char *dir, const char *path, uint8_t key[SEAL_KEY_LEN], struct err *e)
{
	if (has_journal(dir))
		return fail(e, ERR_NOT_FOUND,
			    "%s is missing: the journal beside it cannot be opened", path);
	if (RAND_priv_bytes(key, SEAL_KEY_LEN) != 1)
		return fail(e, ERR_INTERNAL, "no random bytes for a data key");
	return write_key(path, key, e) && dir_sync(dir, e);
}

bool data_key_load(const char *dir, uint8_t key[SEAL_KEY_LEN], struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/key", dir);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat s;

	if (fd < 0 && errno == ENOENT)
		return make_key(dir, path, key, e);
	if (fd < 0 || fstat(fd, &s) != 0)
		return fail_sys(e, errno, "open %s", path);
	if (s.st_mode & 077)
		return fail(e, ERR_DENIED, "%s: others may read it (mode %o)", path,
			    s.st_mode & 07777);
	if (s.st_size != SEAL_KEY_LEN || read(fd, key, SEAL_KEY_LEN) != SEAL_KEY_LEN)
		return fail(e, ERR_INVALID, "%s is not a data key", path);
	return true;
}
