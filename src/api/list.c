#include "api/list.h"

#include "api/call.h"
#include "node/node.h"
#include "pb/map.h"

struct listed {
	size_t next, count;
	list_write *write;
	struct json json;
};

/* Members until the piece is full. True after the last. */
static bool write_piece(struct call *c, struct buf *piece)
{
	struct listed *l = c->listed;

	l->json.out = piece;
	while (l->next < l->count && piece->len < LIST_PIECE_BYTES)
		l->write(c, &l->json, l->next++);
	if (l->next < l->count)
		return false;
	json_close(&l->json);
	return true;
}

static void go_on(struct call *c)
{
	AUTO_BUF struct buf piece = BUF_MAX(CALL_ANSWER_MAX);
	bool is_last = write_piece(c, &piece);

	if (piece.overflow) {
		call_refuse(c, ERR_EXHAUSTED, "an object is larger than an answer may be");
		return;
	}
	call_write(c, buf_str(&piece));
	if (is_last)
		call_end(c);
}

void list_reply_objects(struct call *c, enum object_kind kind, const void *const *objects,
			size_t count, list_write *write)
{
	struct listed *l = ARENA_NEW(&c->arena, struct listed);
	AUTO_BUF struct buf piece;

	*l = (struct listed){ .count = count, .write = write, .json = call_json(c, &piece) };
	c->listed = l;
	json_open_list(&l->json, NULL);
	if (write_piece(c, &piece) || piece.overflow) {
		call_reply_json(c, 200, &piece);
		return;
	}
	if (objects)
		c->hold = node_hold(c->api->config.node, kind, objects + l->next, count - l->next);
	call_open(c, 200, "application/json");
	call_write(c, buf_str(&piece));
	c->drained = go_on;
}

void list_reply(struct call *c, size_t count, list_write *write)
{
	list_reply_objects(c, OBJECT_KINDS, NULL, count, write);
}

void filter_labels(struct call *c, const struct list_filters *f, const char *name,
		   Pb__MapEntry ***labels, size_t *count)
{
	char **values;
	size_t n = list_filters_values(f, name, &c->arena, &values);

	for (size_t i = 0; i < n; i++) {
		struct str key, value = STR("");

		str_cut(str_of(values[i]), '=', &key, &value);
		pb_map_set(&c->arena, labels, count, arena_str(&c->arena, key),
			   arena_str(&c->arena, value));
	}
}
