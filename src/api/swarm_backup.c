/* The swarm's state as a file: GET /swarm/backup writes it, POST /swarm/restore takes it back. Both
 * are paths of our own.
 *
 *     shoal-backup 1 {"ClusterID":...,"NodeID":...,"Index":...,"Term":...,"Created":...}\n
 *     the state: an encoded pb.Snapshot
 *     sha256:<64 hex digits>\n          of all before
 *
 * A file is taken in pieces (?at=OFFSET&of=SIZE), in order, for a collected body is small; with the
 * last one it is checked and the node restores it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "api/moment.h"
#include "api/route.h"
#include "base/id.h"
#include "base/mem.h"
#include "node/membership.h"
#include "node/node.h"
#include "wire/digest.h"

#define MAGIC       "shoal-backup "
#define FORMAT      1
#define FILE_MAX    ((size_t)512 << 20)
#define PIECE_BYTES (128 << 10)
#define TRAILER_LEN (DIGEST_SHA256_LEN + 1)
#define HEADER_MAX  1024

/* ---- backup ---- */

struct backup {
	const char *data;
	size_t size, sent;
};

static void send_piece(struct call *c)
{
	struct backup *b = c->state;
	size_t size = b->size - b->sent < PIECE_BYTES ? b->size - b->sent : PIECE_BYTES;

	call_write(c, str_bytes(b->data + b->sent, size));
	b->sent += size;
	if (b->sent == b->size)
		call_end(c);
}

static void write_header(struct call *c, struct buf *file, uint64_t index, uint64_t term)
{
	char created[MOMENT_TEXT_MAX];
	struct json j;

	buf_printf(file, MAGIC "%d ", FORMAT);
	j = json_begin(file);
	json_open_object(&j, NULL);
	json_text(&j, "ClusterID", view_cluster(call_view(c))->id);
	json_text(&j, "NodeID", node_id(c->api->config.node));
	json_uint(&j, "Index", index);
	json_uint(&j, "Term", term);
	moment_print(c->now.wall_ns / 1000000000, 0, created);
	json_text(&j, "Created", created);
	json_close(&j);
	buf_append_c(file, "\n");
}

static void backup(struct call *c, const struct leader_answer *a)
{
	AUTO_BUF struct buf content = BUF_MAX(FILE_MAX), file = BUF_MAX(FILE_MAX);
	struct backup *b = ARENA_NEW(&c->arena, struct backup);
	char digest[DIGEST_SHA256_LEN + 1];
	uint64_t index, term;
	struct err e;

	(void)a;
	if (!node_backup(c->api->config.node, &content, &index, &term, &e)) {
		call_fail(c, &e);
		return;
	}
	write_header(c, &file, index, term);
	buf_append_str(&file, buf_str(&content));
	if (file.overflow) {
		call_refuse(c, ERR_EXHAUSTED, "the swarm's state is larger than a backup may be");
		return;
	}
	digest_sha256(file.data, file.len, digest);
	buf_printf(&file, "%s\n", digest);
	b->size = file.len;
	b->data = arena_copy(&c->arena, file.data, file.len);
	c->state = b;
	c->drained = send_piece;
	call_open(c, 200, "application/octet-stream");
	send_piece(c);
}

void swarm_backup(struct call *c)
{
	call_read(c, backup);
}

/* ---- restore ---- */

/* "<format> {json}\n" behind the magic; what follows is the state. */
static bool read_header(struct str file, struct arena *a, struct swarm_restore *out, struct err *e)
{
	struct str head, format, text;
	json_error_t why;
	json_t *header;
	uint64_t number;

	if (!str_starts_with(file, MAGIC))
		return fail(e, ERR_INVALID, "this is no backup of a swarm");
	if (!str_cut(file, '\n', &head, &out->content) || head.len < sizeof(MAGIC) ||
	    head.len > HEADER_MAX ||
	    !str_cut(str_bytes(head.ptr + sizeof(MAGIC) - 1, head.len - sizeof(MAGIC) + 1), ' ',
		     &format, &text) ||
	    !str_to_u64(format, &number))
		return fail(e, ERR_INVALID, "the backup is damaged: its first line cannot be read");
	if (number != FORMAT)
		return fail(e, ERR_UNSUPPORTED,
			    "the backup has format %llu, and this version of shoal reads format %d",
			    (unsigned long long)number, FORMAT);
	header = json_loadb(text.ptr, text.len, 0, &why);
	out->node_id =
		arena_strdup(a, json_string_value(json_object_get(header, "NodeID"))
					? json_string_value(json_object_get(header, "NodeID"))
					: "");
	out->index = (uint64_t)json_integer_value(json_object_get(header, "Index"));
	out->term = (uint64_t)json_integer_value(json_object_get(header, "Term"));
	json_decref(header);
	if (strlen(out->node_id) != OBJECT_ID_LEN)
		return fail(e, ERR_INVALID, "the backup is damaged: it does not say whose it is");
	return true;
}

static bool read_file(struct str file, struct arena *a, struct swarm_restore *out, struct err *e)
{
	char digest[DIGEST_SHA256_LEN + 1];
	struct str whole = file;

	if (!str_starts_with(file, MAGIC))
		return fail(e, ERR_INVALID, "this is no backup of a swarm");
	if (file.len < TRAILER_LEN)
		return fail(e, ERR_INVALID, "the backup is damaged: its end is missing");
	file.len -= TRAILER_LEN;
	digest_sha256(file.ptr, file.len, digest);
	if (memcmp(file.ptr + file.len, digest, DIGEST_SHA256_LEN) != 0 ||
	    whole.ptr[whole.len - 1] != '\n')
		return fail(
			e, ERR_INVALID,
			"the backup is damaged: its checksum is not that of its content (a part is "
			"missing or was changed); nothing was restored");
	return read_header(file, a, out, e);
}

static void restored(struct call *c, const struct leader_answer *a)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!a->is_ok) {
		call_fail(c, &a->err);
		return;
	}
	json_text(&j, NULL, node_id(c->api->config.node));
	call_reply_json(c, 200, &out);
}

static void restore(struct call *c, struct str file)
{
	const struct api_addresses *addresses = &c->api->config.addresses;
	struct swarm_restore restore = { 0 };
	struct err e;

	if (!read_file(file, &c->arena, &restore, &e) ||
	    !addresses->choose(addresses->self, call_query(c, "listenAddr"),
			       call_query(c, "advertiseAddr"), NULL, &c->arena,
			       &restore.listen_addr, &restore.advertise_addr, &e)) {
		call_fail(c, &e);
		return;
	}
	c->takes_errors = true;
	node_swarm_restore(c->api->config.node, call_node(c, restored), &restore);
}

void api_upload_clear(struct api_upload *u)
{
	free(u->data);
	*u = (struct api_upload){ 0 };
}

void swarm_restore(struct call *c)
{
	struct api_upload *u = &c->api->upload;
	uint64_t at, of;

	if (!str_to_u64(str_of(call_query(c, "at")), &at) ||
	    !str_to_u64(str_of(call_query(c, "of")), &of) || of == 0 || of > FILE_MAX) {
		call_refuse(c, ERR_INVALID, "a backup is between 1 and %zu bytes", FILE_MAX);
		return;
	}
	if (node_swarm_state(c->api->config.node) != SWARM_INACTIVE) {
		call_refuse(c, ERR_UNAVAILABLE,
			    "This node is part of a swarm. Use \"swarm leave\" to leave it, and "
			    "restore then.");
		return;
	}
	if (at == 0) {
		api_upload_clear(u);
		u->data = xmalloc(of);
		u->size = of;
	}
	if (!u->data || u->size != of || u->have != at || c->body.len > of - at) {
		api_upload_clear(u);
		call_refuse(c, ERR_CONFLICT, "the pieces of the backup do not come in order");
		return;
	}
	memcpy(u->data + at, c->body.ptr, c->body.len);
	u->have += c->body.len;
	if (u->have < u->size) {
		call_reply_empty(c, 200);
		return;
	}
	restore(c, str_bytes(u->data, u->size));
	api_upload_clear(u);
}
