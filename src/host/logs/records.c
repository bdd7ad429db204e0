#include "host/logs/records.h"

#include "base/mem.h"
#include "host/logs/reader.h"
#include "host/loop.h"
#include "host/run/hands.h"
#include "seam/input.h"

#define TEXT_MAX (4 * LOG_BATCH_MAX)

/* A record whose text is in a buffer that may still move. */
struct kept {
	int64_t at_ns;
	bool is_stderr;
	size_t from, len;
};

/* The parts of a line so far. */
struct unfinished {
	int64_t at_ns;
	struct buf text;
};

struct log_records {
	struct tree_node by_ticket;
	struct runtime_hands *hands;
	uint64_t ticket;
	struct log_reader *reader;
	struct unfinished line[2]; /* of stdout, stderr */
	struct buf text;
	struct kept *kept;
	size_t count, capacity;
	bool is_asked; /* somebody waits for a batch */
	bool has_ended;
	char *trouble;
	bool is_posted; /* go_on() will be called */
	bool is_gone;   /* freed there */
};

static int compare_records(const void *key, const struct tree_node *node)
{
	uint64_t a = *(const uint64_t *)key,
		 b = tree_entry(node, struct log_records, by_ticket)->ticket;

	return (a > b) - (a < b);
}

struct tree log_records_tree(void)
{
	return TREE(compare_records);
}

static void really_free(struct log_records *l)
{
	log_reader_free(l->reader);
	for (int i = 0; i < 2; i++)
		buf_clear(&l->line[i].text);
	buf_clear(&l->text);
	free(l->kept);
	free(l->trouble);
	free(l);
}

static void keep(struct log_records *l, bool is_stderr, int64_t at_ns, struct str text)
{
	if (l->count == l->capacity) {
		l->capacity = l->capacity ? 2 * l->capacity : 64;
		l->kept = xrealloc(l->kept, l->capacity * sizeof(*l->kept));
	}
	l->kept[l->count++] = (struct kept){ at_ns, is_stderr, l->text.len, text.len };
	buf_append_str(&l->text, text);
}

static void keep_unfinished(struct log_records *l, bool is_stderr)
{
	struct unfinished *u = &l->line[is_stderr];

	if (u->text.len)
		keep(l, is_stderr, u->at_ns, buf_str(&u->text));
	buf_reset(&u->text);
}

static void tell(struct log_records *l)
{
	struct inbox *box = loop_inbox(l->hands->loop);
	struct input *in = inbox_add(box, INPUT_RUNTIME, l->ticket);
	struct log_record *records = arena_alloc(&box->memory, l->count * sizeof(*records));
	const char *text = arena_copy(&box->memory, l->text.data, l->text.len);

	for (size_t i = 0; i < l->count; i++)
		records[i] = (struct log_record){
			.at_ns = l->kept[i].at_ns,
			.is_stderr = l->kept[i].is_stderr,
			.text = str_bytes(text + l->kept[i].from, l->kept[i].len),
		};
	in->runtime.kind = RUNTIME_LOG;
	in->runtime.id = "";
	in->runtime.log = (struct log_batch){
		.records = records,
		.count = l->count,
		.attributes = arena_strdup(&box->memory, log_reader_attributes(l->reader)),
		.is_last = l->has_ended,
		.trouble = l->trouble ? arena_strdup(&box->memory, l->trouble) : NULL,
	};
	loop_wake(l->hands->loop);
	l->count = 0;
	buf_reset(&l->text);
	l->is_asked = false;
}

static void forget(struct log_records *l)
{
	tree_remove(&l->hands->log_records, &l->by_ticket);
	l->is_gone = true;
}

static void go_on(void *self)
{
	struct log_records *l = self;

	l->is_posted = false;
	if (!l->is_gone && l->is_asked && (l->count || l->has_ended)) {
		tell(l);
		if (l->has_ended)
			forget(l);
	}
	if (l->is_gone)
		really_free(l);
	else
		log_reader_flow(l->reader, l->is_asked && !l->has_ended);
}

static void go_on_soon(struct log_records *l)
{
	if (!l->is_posted)
		loop_post(l->hands->loop, l, go_on);
	l->is_posted = true;
}

static void on_line(void *self, int64_t at_ns, enum endpoint_stream stream, struct str text)
{
	struct log_records *l = self;
	bool is_stderr = stream == ENDPOINT_STDERR;
	struct unfinished *u = &l->line[is_stderr];

	if (u->text.len + text.len > LOG_LINE_MAX)
		keep_unfinished(l, is_stderr);
	if (u->text.len == 0)
		u->at_ns = at_ns;
	buf_append_str(&u->text, text);
	if (str_ends_with(text, "\n"))
		keep_unfinished(l, is_stderr);
	if (l->text.len + l->count * LOG_RECORD_COST >= LOG_BATCH_MAX - LOG_LINE_MAX)
		log_reader_flow(l->reader, false);
	go_on_soon(l);
}

static void on_ended(void *self, const char *reason)
{
	struct log_records *l = self;

	keep_unfinished(l, false);
	keep_unfinished(l, true);
	l->has_ended = true;
	l->trouble = reason ? xstrdup(reason) : NULL;
	go_on_soon(l);
}

void runtime_log_read(void *self, uint64_t ticket, const char *id, const struct log_wanted *wanted)
{
	struct runtime_hands *hands = self;
	struct log_records *l = NEW(struct log_records);
	struct runtime_logs how = {
		.want_stdout = wanted->want_stdout,
		.want_stderr = wanted->want_stderr,
		.follow = wanted->follow,
		.details = true,
		.since_ns = wanted->since_ns,
		.tail = wanted->tail,
	};

	l->hands = hands;
	l->ticket = ticket;
	l->text = BUF_MAX(TEXT_MAX);
	for (int i = 0; i < 2; i++)
		l->line[i].text = BUF_MAX(2 << 20); /* of one part: the reader's own limit */
	tree_insert(&hands->log_records, &l->ticket, &l->by_ticket);
	l->reader = log_reader_new(
		hands, id, &how,
		(struct log_consumer){ .self = l, .line = on_line, .ended = on_ended });
	l->is_asked = true;
	go_on_soon(l);
}

static struct log_records *records_of(struct runtime_hands *hands, uint64_t ticket)
{
	return tree_entry(tree_find(&hands->log_records, &ticket), struct log_records, by_ticket);
}

void runtime_log_more(void *self, uint64_t ticket)
{
	struct log_records *l = records_of(self, ticket);

	if (!l)
		return;
	l->is_asked = true;
	go_on_soon(l);
}

void runtime_log_stop(void *self, uint64_t ticket)
{
	struct log_records *l = records_of(self, ticket);

	if (!l)
		return;
	forget(l);
	go_on_soon(l);
}

void log_records_free(struct runtime_hands *hands)
{
	struct log_records *l;

	tree_each (&hands->log_records, struct log_records, by_ticket, l) {
		forget(l);
		go_on_soon(l);
	}
}
