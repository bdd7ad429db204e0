/* The swarm's state as a file (backup_file.h): GET /swarm/backup writes it, POST /swarm/restore takes
 * it back. Both are paths of our own.
 *
 * A file is taken in pieces (?at=OFFSET&of=SIZE), in order, for a collected body is small; with the
 * last one it is checked and the node restores it. */
#include <stdlib.h>
#include <string.h>

#include "api/backup_file.h"
#include "api/call.h"
#include "api/moment.h"
#include "api/route.h"
#include "base/mem.h"
#include "node/membership.h"
#include "node/node.h"

#define PIECE_BYTES (128 << 10)

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

static void backup(struct call *c, const struct leader_answer *a)
{
	AUTO_BUF struct buf content = BUF_MAX(BACKUP_FILE_MAX), file = BUF_MAX(BACKUP_FILE_MAX);
	struct backup *b = ARENA_NEW(&c->arena, struct backup);
	struct backup_file about = { .node_id = node_id(c->api->config.node) };
	char created[MOMENT_TEXT_MAX];
	struct err e;

	(void)a;
	if (!node_backup(c->api->config.node, &content, &about.index, &about.term, &e)) {
		call_fail(c, &e);
		return;
	}
	moment_print(c->now.wall_ns / 1000000000, 0, created);
	about.created = created;
	about.cluster_id = view_cluster(call_view(c))->id;
	about.content = buf_str(&content);
	if (!backup_file_write(&about, &file)) {
		call_refuse(c, ERR_EXHAUSTED, "the swarm's state is larger than a backup may be");
		return;
	}
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
	struct backup_file about;
	struct err e;

	if (!backup_file_read(file, &c->arena, &about, &e) ||
	    !addresses->choose(addresses->self, call_query(c, "listenAddr"),
			       call_query(c, "advertiseAddr"), NULL, &c->arena,
			       &restore.listen_addr, &restore.advertise_addr, &e)) {
		call_fail(c, &e);
		return;
	}
	restore.node_id = about.node_id;
	restore.index = about.index;
	restore.term = about.term;
	restore.content = about.content;
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
	    !str_to_u64(str_of(call_query(c, "of")), &of) || of == 0 || of > BACKUP_FILE_MAX) {
		call_refuse(c, ERR_INVALID, "a backup is between 1 and %zu bytes", BACKUP_FILE_MAX);
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
