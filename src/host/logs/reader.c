#include "host/logs/reader.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/list.h"
#include "base/mem.h"
#include "file/file.h"
#include "host/logs/files.h"
#include "host/logs/line.h"
#include "host/loop.h"
#include "host/run/hands.h"

#define READ_BYTES     (128 << 10)
#define LINE_MAX_BYTES (1 << 20) /* conmon's are far shorter; what is longer is skipped */
#define OUT_MAX        (4 * READ_BYTES)
#define ATTRIBUTES_MAX (4 << 10)

struct piece {
	enum endpoint_stream stream;
	int64_t at_ns;
	size_t from, len; /* in `out` */
};

struct log_reader {
	struct list link; /* in the container's log_readers, while it follows */
	struct runtime_hands *hands;
	struct log_consumer consumer;
	struct runtime_logs how;
	char *path, *folder;
	struct container *container;

	/* The job's while it is under way. */
	struct log_place place;
	bool is_placed;
	struct buf raw;    /* read and not yet whole lines */
	bool is_inside[2]; /* of a line of stdout, stderr: its first part is out already */
	struct buf attributes;
	struct buf out;
	struct piece *pieces;
	size_t piece_count, piece_capacity;
	bool at_end; /* of what is written so far */
	bool is_past_until;
	bool source_had_ended; /* when the job began */

	size_t next_piece;
	bool is_busy;
	bool may_flow;
	bool has_changed; /* since the last job began */
	bool source_ended;
	bool is_over;  /* ended() was called */
	bool is_freed; /* while busy */
	uv_fs_event_t *changes;
};

static void add_piece(struct log_reader *r, enum endpoint_stream stream, int64_t at_ns, size_t from)
{
	if (r->piece_count == r->piece_capacity) {
		r->piece_capacity = r->piece_capacity ? 2 * r->piece_capacity : 64;
		r->pieces = xrealloc(r->pieces, r->piece_capacity * sizeof(*r->pieces));
	}
	r->pieces[r->piece_count++] = (struct piece){ stream, at_ns, from, r->out.len - from };
}

static void add_prefix(struct log_reader *r, int64_t at_ns)
{
	char time[LOG_TIME_MAX];

	if (r->how.timestamps) {
		log_time_print(at_ns, time);
		buf_printf(&r->out, "%s ", time);
	}
	if (r->how.details)
		buf_printf(&r->out, "%s ", r->attributes.data ? r->attributes.data : "");
}

static void on_line(struct log_reader *r, struct str text)
{
	struct log_line line;
	size_t from = r->out.len;

	if (!log_line_parse(text, &line) || r->is_past_until)
		return;
	if (r->how.until_ns && line.at_ns > r->how.until_ns) {
		r->is_past_until = true;
		return;
	}
	if (!(line.is_stderr ? r->how.want_stderr : r->how.want_stdout) ||
	    line.at_ns < r->how.since_ns)
		return;
	if (!r->is_inside[line.is_stderr] && !r->consumer.line)
		add_prefix(r, line.at_ns);
	r->is_inside[line.is_stderr] = line.is_partial;
	buf_append_str(&r->out, line.text);
	if (!line.is_partial)
		buf_append_char(&r->out, '\n');
	add_piece(r, line.is_stderr ? ENDPOINT_STDERR : ENDPOINT_STDOUT, line.at_ns, from);
}

static void split_lines(struct log_reader *r)
{
	struct str rest = buf_str(&r->raw), line;

	while (rest.len > 0 && memchr(rest.ptr, '\n', rest.len)) {
		str_cut(rest, '\n', &line, &rest);
		on_line(r, line);
	}
	buf_consume(&r->raw, r->raw.len - rest.len);
	if (r->raw.len >= LINE_MAX_BYTES)
		buf_reset(&r->raw);
}

/* False at the end of the open file. */
static bool read_more(struct log_reader *r)
{
	void *into = buf_extend(&r->raw, READ_BYTES);
	ssize_t n = r->place.fd < 0 ? 0 : pread(r->place.fd, into, READ_BYTES, r->place.at);

	r->raw.len -= READ_BYTES - (n > 0 ? (size_t)n : 0);
	if (n <= 0)
		return false;
	r->place.at += n;
	split_lines(r);
	return true;
}

static void begin_reading(struct log_reader *r)
{
	AUTO_FREE char *attributes = xasprintf("%s/log-attributes", r->folder);
	struct err e;

	if (r->how.details && !file_read(attributes, &r->attributes, &e))
		buf_reset(&r->attributes);
	log_find_tail(r->path, r->how.tail, r->how.want_stdout, r->how.want_stderr, &r->place);
	r->is_placed = r->place.fd >= 0;
	if (!r->is_placed)
		r->how.tail = -1; /* what is written from now on is wanted */
}

static void work(void *self)
{
	struct log_reader *r = self;

	if (!r->is_placed)
		begin_reading(r);
	/* A newer file exists only after conmon has written its last to this one: what that was is
	 * read before going on. */
	while (r->out.len < READ_BYTES && !r->is_past_until) {
		if (read_more(r))
			continue;
		if (r->place.fd < 0 || log_file_number(r->path, r->place.fd) == 0 ||
		    (!read_more(r) && !log_next_file(r->path, &r->place))) {
			r->at_end = true;
			return;
		}
	}
}

static void go_on(struct log_reader *r);

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void stop_following(struct log_reader *r)
{
	struct container *container = STEAL(r->container);

	list_remove(&r->link);
	if (r->changes)
		uv_close((uv_handle_t *)r->changes, free_handle);
	r->changes = NULL;
	if (container)
		container_release(container);
}

static void really_free(struct log_reader *r)
{
	if (r->place.fd >= 0)
		(void)close(r->place.fd);
	buf_clear(&r->raw);
	buf_clear(&r->out);
	buf_clear(&r->attributes);
	free(r->pieces);
	free(r->path);
	free(r->folder);
	free(r);
}

static void done(void *self)
{
	struct log_reader *r = self;

	r->is_busy = false;
	if (r->is_freed)
		really_free(r);
	else
		go_on(r);
}

static void deliver_piece(const struct log_reader *r, const struct piece *p, struct str bytes)
{
	if (r->consumer.line)
		r->consumer.line(r->consumer.self, p->at_ns, p->stream, bytes);
	else
		r->consumer.output(r->consumer.self, p->stream, bytes);
}

static void deliver(struct log_reader *r)
{
	while (r->may_flow && r->next_piece < r->piece_count) {
		const struct piece *p = &r->pieces[r->next_piece++];

		deliver_piece(r, p, str_bytes(r->out.data + p->from, p->len));
	}
	if (r->next_piece == r->piece_count) {
		r->next_piece = r->piece_count = 0;
		buf_reset(&r->out);
	}
}

static void end(struct log_reader *r, const char *reason)
{
	r->is_over = true;
	stop_following(r);
	r->consumer.ended(r->consumer.self, reason);
}

static void read_on(struct log_reader *r)
{
	r->is_busy = true;
	r->at_end = r->has_changed = false;
	r->source_had_ended = r->source_ended;
	loop_job(r->hands->loop, r, work, done);
}

static void go_on(struct log_reader *r)
{
	if (r->is_busy || r->is_over || !r->may_flow)
		return;
	deliver(r);
	if (!r->may_flow || r->piece_count > 0)
		return;
	if (r->is_past_until || (r->at_end && (!r->how.follow || r->source_had_ended)))
		end(r, NULL);
	else if (!r->at_end || r->has_changed || r->source_ended)
		read_on(r);
}

static void on_change(uv_fs_event_t *handle, const char *name, int events, int status)
{
	struct log_reader *r = handle->data;

	r->has_changed = true;
	go_on(r);
}

static void follow(struct log_reader *r)
{
	struct exit_note note;

	list_push_back(&r->container->log_readers, &r->link);
	r->source_ended =
		!r->container->is_running && exit_note_read(r->hands, r->container->id, &note);
	r->changes = NEW(uv_fs_event_t);
	uv_fs_event_init(loop_uv(r->hands->loop), r->changes);
	r->changes->data = r;
	if (uv_fs_event_start(r->changes, on_change, r->folder, 0) != 0)
		r->source_ended = true; /* no folder, no log: there is nothing to wait for */
}

struct log_reader *log_reader_new(struct runtime_hands *hands, const char *id,
				  const struct runtime_logs *how, struct log_consumer consumer)
{
	struct log_reader *r = NEW(struct log_reader);

	r->hands = hands;
	r->consumer = consumer;
	r->how = *how;
	r->path = log_path(hands, id);
	r->folder = folder_path(hands, id);
	r->place.fd = -1;
	r->raw = BUF_MAX(LINE_MAX_BYTES + READ_BYTES);
	r->out = BUF_MAX(OUT_MAX + 64 * READ_BYTES);
	r->attributes = BUF_MAX(ATTRIBUTES_MAX);
	list_init(&r->link);
	if (how->follow) {
		r->container = container_get(hands, id);
		follow(r);
	}
	return r;
}

void log_reader_flow(struct log_reader *r, bool may_flow)
{
	if (!r)
		return;
	r->may_flow = may_flow;
	if (may_flow)
		go_on(r);
}

const char *log_reader_attributes(const struct log_reader *r)
{
	return r->attributes.data ? r->attributes.data : "";
}

void log_reader_free(struct log_reader *r)
{
	if (!r)
		return;
	stop_following(r);
	if (r->is_busy)
		r->is_freed = true;
	else
		really_free(r);
}

void log_readers_source_ended(struct list *readers)
{
	struct log_reader *r;

	list_each (readers, struct log_reader, link, r) {
		r->source_ended = true;
		go_on(r);
	}
}
