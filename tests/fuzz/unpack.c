/* Layers: whatever the archive says, nothing appears outside the directory, and it can be cleared. */
#include "content/unpack.h"

#include <assert.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "file/file.h"
#include "file/folder.h"
#include "fuzz.h"

static char place[] = "/tmp/shoal-fuzz-unpack-XXXXXX";
static int outer = -1;

static void clean_up(void)
{
	struct err e;

	(void)!folder_remove(place, &e);
}

static void set_up(void)
{
	if (outer >= 0)
		return;
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	if (!mkdtemp(place))
		abort();
	outer = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)atexit(clean_up);
}

static void unpack(const uint8_t *data, size_t size, enum unpack_mode mode)
{
	AUTO_CLOSE int in = memfd_create("layer", MFD_CLOEXEC);
	AUTO_CLOSE int root = -1;
	struct unpack how = { .mode = mode, .limits = { 1 << 20, 100, 20 }, .directory = "sub" };
	struct stream_in stream = { 0 };
	struct channel up;
	struct unpacked got;
	struct err e;
	int pair[2];

	if (!file_write_all(in, str_bytes(data, size)) || lseek(in, 0, SEEK_SET) != 0 ||
	    mkdirat(outer, "root", 0700) < 0 || mkdirat(outer, "root/sub", 0700) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	root = openat(outer, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	channel_init(&up, pair[0]);
	how.root = root;
	how.up = &up;
	if (stream_open(&stream, in, STREAM_LAYER_FILTERS, 1 << 20, &e))
		(void)!unpack_tar(&stream, &how, &got, &e);
	stream_clear(&stream);
	channel_clear(&up);
	close(pair[1]);

	/* The one thing in the outer directory is the root, and it goes away whole. */
	assert(folder_remove_at(outer, "root", &e));
	assert(unlinkat(AT_FDCWD, place, AT_REMOVEDIR) == 0 && mkdir(place, 0700) == 0);
	close(outer);
	outer = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	set_up();
	unpack(data, size, UNPACK_LAYER);
	unpack(data, size, UNPACK_COPY);
	return 0;
}
