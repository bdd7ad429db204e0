#include "content/stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

#include "base/mem.h"

bool stream_open(struct stream_in *s, int fd, enum stream_filters filters, int64_t bytes_max,
		 struct err *e)
{
	struct archive_entry *entry;
	int status;

	s->bytes = 0;
	s->bytes_max = bytes_max;
	s->is_empty = s->is_compressed = false;
	s->err = (struct err){ 0 };
	hash_begin(&s->hash);
	s->raw = archive_read_new();
	if (!s->raw)
		abort();
	archive_read_support_filter_gzip(s->raw);
	archive_read_support_filter_zstd(s->raw);
	if (filters == STREAM_USER_FILTERS) {
		archive_read_support_filter_bzip2(s->raw);
		archive_read_support_filter_xz(s->raw);
	}
	archive_read_support_format_raw(s->raw);
	archive_read_support_format_empty(s->raw);
	if (archive_read_open_fd(s->raw, fd, sizeof(s->piece)) != ARCHIVE_OK)
		return fail(e, ERR_INVALID, "read the archive: %s", archive_error_string(s->raw));
	status = archive_read_next_header(s->raw, &entry);
	if (status != ARCHIVE_OK && status != ARCHIVE_EOF)
		return fail(e, ERR_INVALID, "read the archive: %s", archive_error_string(s->raw));
	s->is_empty = status == ARCHIVE_EOF;
	s->is_compressed = archive_filter_count(s->raw) > 1;
	return true;
}

ssize_t stream_read(struct stream_in *s, void *out, size_t size)
{
	ssize_t n;

	if (s->is_empty)
		return 0;
	n = archive_read_data(s->raw, out, size);
	if (n < 0) {
		(void)fail(&s->err, ERR_INVALID, "decompress: %s", archive_error_string(s->raw));
		return -1;
	}
	s->bytes += n;
	if (s->bytes > s->bytes_max) {
		(void)fail(&s->err, ERR_EXHAUSTED, "the archive holds more than %lld bytes",
			   (long long)s->bytes_max);
		return -1;
	}
	hash_add(&s->hash, out, n);
	return n;
}

bool stream_end(struct stream_in *s, char digest[DIGEST_SHA256_LEN + 1], struct err *e)
{
	ssize_t n;

	while ((n = stream_read(s, s->piece, sizeof(s->piece))) > 0)
		;
	if (n < 0) {
		*e = s->err;
		return false;
	}
	hash_end(&s->hash, digest);
	return true;
}

int64_t stream_position(struct stream_in *s)
{
	return archive_filter_bytes(s->raw, -1);
}

void stream_clear(struct stream_in *s)
{
	if (s->raw)
		archive_read_free(s->raw);
	s->raw = NULL;
	hash_clear(&s->hash);
}

static ssize_t next_piece(struct archive *tar, void *arg, const void **piece)
{
	struct stream_in *s = arg;
	ssize_t n = stream_read(s, s->piece, sizeof(s->piece));

	if (n < 0) {
		archive_set_error(tar, 0, "%s", s->err.text);
		return ARCHIVE_FATAL;
	}
	*piece = s->piece;
	return n;
}

struct archive *stream_tar(struct stream_in *s, struct err *e)
{
	struct archive *tar = archive_read_new();

	if (!tar)
		abort();
	archive_read_support_format_tar(tar);
	archive_read_support_format_empty(tar);
	if (archive_read_open(tar, s, NULL, next_piece, NULL) != ARCHIVE_OK) {
		if (s->err.kind)
			*e = s->err;
		else
			(void)fail(e, ERR_INVALID, "not a tar archive: %s",
				   archive_error_string(tar));
		archive_read_free(tar);
		return NULL;
	}
	return tar;
}
