#include "api/backup_file.h"

#include <jansson.h>
#include <string.h>

#include "base/id.h"
#include "base/json_write.h"
#include "wire/digest.h"

#define MAGIC       "shoal-backup "
#define MAGIC_LEN   (sizeof(MAGIC) - 1)
#define FORMAT      1
#define HEADER_MAX  1024
#define TRAILER_LEN (DIGEST_SHA256_LEN + 1)

bool backup_file_write(const struct backup_file *b, struct buf *out)
{
	size_t begin = out->len;
	char digest[DIGEST_SHA256_LEN + 1];
	struct json j;

	buf_printf(out, MAGIC "%d ", FORMAT);
	j = json_begin(out);
	json_open_object(&j, NULL);
	json_text(&j, "ClusterID", b->cluster_id);
	json_text(&j, "NodeID", b->node_id);
	json_uint(&j, "Index", b->index);
	json_uint(&j, "Term", b->term);
	json_text(&j, "Created", b->created);
	json_close(&j);
	buf_append_c(out, "\n");
	buf_append_str(out, b->content);
	if (out->overflow)
		return false;
	digest_sha256(out->data + begin, out->len - begin, digest);
	buf_printf(out, "%s\n", digest);
	return !out->overflow;
}

static const char *text_of(const json_t *header, const char *name, struct arena *a)
{
	const char *text = json_string_value(json_object_get(header, name));

	return arena_strdup(a, text ? text : "");
}

static bool read_header(struct str text, struct arena *a, struct backup_file *out, struct err *e)
{
	json_error_t why;
	json_t *header = json_loadb(text.ptr, text.len, 0, &why);

	out->cluster_id = text_of(header, "ClusterID", a);
	out->node_id = text_of(header, "NodeID", a);
	out->created = text_of(header, "Created", a);
	out->index = (uint64_t)json_integer_value(json_object_get(header, "Index"));
	out->term = (uint64_t)json_integer_value(json_object_get(header, "Term"));
	json_decref(header);
	if (strlen(out->node_id) == OBJECT_ID_LEN)
		return true;
	return fail(e, ERR_INVALID, "the backup is damaged: it does not say whose it is");
}

static bool checksum_is_right(struct str file, struct str trailer)
{
	char digest[DIGEST_SHA256_LEN + 1];

	digest_sha256(file.ptr, file.len, digest);
	return memcmp(trailer.ptr, digest, DIGEST_SHA256_LEN) == 0 &&
	       trailer.ptr[DIGEST_SHA256_LEN] == '\n';
}

bool backup_file_read(struct str file, struct arena *a, struct backup_file *out, struct err *e)
{
	struct str head, format, text;
	uint64_t number;

	if (!str_starts_with(file, MAGIC))
		return fail(e, ERR_INVALID, "this is no backup of a swarm");
	if (file.len < MAGIC_LEN + TRAILER_LEN)
		return fail(e, ERR_INVALID, "the backup is damaged: its end is missing");
	file.len -= TRAILER_LEN;
	if (!checksum_is_right(file, str_bytes(file.ptr + file.len, TRAILER_LEN)))
		return fail(
			e, ERR_INVALID,
			"the backup is damaged: its checksum is not that of its content (a part is "
			"missing or was changed); nothing was restored");
	if (!str_cut(file, '\n', &head, &out->content) || head.len > HEADER_MAX ||
	    !str_cut(str_bytes(head.ptr + MAGIC_LEN, head.len - MAGIC_LEN), ' ', &format, &text) ||
	    !str_to_u64(format, &number))
		return fail(e, ERR_INVALID, "the backup is damaged: its first line cannot be read");
	if (number != FORMAT)
		return fail(e, ERR_UNSUPPORTED,
			    "the backup has format %llu, and this version of shoal reads format %d",
			    (unsigned long long)number, FORMAT);
	return read_header(text, a, out, e);
}
