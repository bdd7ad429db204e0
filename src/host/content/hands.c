#include "host/content/hands.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/content/inside.h"
#include "host/loop.h"
#include "host/program.h"

#define PROGRAM "shoal-content"

/* ---- requests ---- */

static int compare_ticket(const void *key, const struct tree_node *member)
{
	uint64_t a = *(const uint64_t *)key;
	uint64_t b = container_of(member, struct request, by_ticket)->ticket;

	return a < b ? -1 : a > b;
}

struct request *request_new(struct content_hands *hands, uint64_t ticket, enum content_op op)
{
	struct request *r = NEW(struct request);

	r->hands = hands;
	r->ticket = ticket;
	r->op = op;
	list_init(&r->link);
	tree_insert(&hands->requests, &r->ticket, &r->by_ticket);
	return r;
}

struct request *request_find(struct content_hands *hands, uint64_t ticket)
{
	return tree_entry(tree_find(&hands->requests, &ticket), struct request, by_ticket);
}

void request_free(struct request *r, const char *reason)
{
	struct pipe *pipe = STEAL(r->pipe);

	if (pipe)
		pipe_over(pipe, reason);
	tree_remove(&r->hands->requests, &r->by_ticket);
	list_remove(&r->link);
	arena_clear(&r->memory);
	free(r);
}

static void tell_refusals(void *self)
{
	struct content_hands *hands = self;
	struct request *r;

	hands->is_posted = false;
	if (hands->is_over) {
		free(hands);
		return;
	}
	list_each (&hands->refused, struct request, link, r) {
		struct err why = r->err;

		content_tell_failure(r, &why);
	}
}

void request_refuse(struct request *r, const struct err *why)
{
	struct content_hands *hands = r->hands;

	r->err = *why;
	list_push_back(&hands->refused, &r->link);
	if (!hands->is_posted)
		loop_post(hands->loop, hands, tell_refusals);
	hands->is_posted = true;
}

/* ---- what the helper tells ---- */

static void on_sent(void *self, uint64_t ticket)
{
	struct request *r = request_find(self, ticket);

	if (!r)
		return;
	r->is_sent = true;
	if (r->op == OP_LOAD || r->op == OP_IMPORT || r->op == OP_PUT_ARCHIVE)
		content_tell_endpoint(r, NULL);
}

static void on_told(void *self, const struct record *said)
{
	int64_t ticket = record_get_i64(said, "ticket", 0);
	struct request *r = ticket > 0 ? request_find(self, (uint64_t)ticket) : NULL;

	if (r && r->is_sent)
		content_pass_on(r, said);
}

static void on_lost(void *self, const struct err *why)
{
	struct content_hands *hands = self;
	struct request *r;

	tree_each (&hands->requests, struct request, by_ticket, r)
		if (r->is_sent)
			content_tell_failure(r, why);
}

static bool is_needed(void *self)
{
	const struct content_hands *hands = self;

	return hands->requests.count > 0;
}

/* ---- life ---- */

static const char *const *copy_texts(struct arena *a, const char *const *texts, size_t count)
{
	const char **copy = arena_alloc(a, (count + 1) * sizeof(*copy));

	for (size_t i = 0; i < count; i++)
		copy[i] = arena_strdup(a, texts[i]);
	return copy;
}

void content_hands_set_registries(struct content_hands *hands, const struct content_registries *r)
{
	struct arena memory = { 0 };
	struct content_registries copy = *r;

	copy.mirrors = copy_texts(&memory, r->mirrors, r->mirror_count);
	copy.insecure = copy_texts(&memory, r->insecure, r->insecure_count);
	arena_clear(&hands->registries_memory);
	hands->registries_memory = memory;
	hands->registries = copy;
}

struct content_hands *content_hands_new(const struct content_hands_config *config, struct err *e)
{
	AUTO_FREE char *program =
		config->program ? xstrdup(config->program) : program_beside_us(PROGRAM, e);
	struct helper_config helper = { .loop = config->loop,
					.program = program,
					.root = config->data_root,
					.certs_dir = config->certs_dir,
					.idle_ms = config->idle_ms };
	struct content_hands *hands;

	if (!program)
		return NULL;
	hands = NEW(struct content_hands);
	hands->loop = config->loop;
	hands->requests = TREE(compare_ticket);
	list_init(&hands->refused);
	pipes_init(&hands->pipes, config->loop, config->endpoints,
		   config->join_ms ? config->join_ms : CONTENT_JOIN_MS);
	content_hands_set_registries(hands, &config->registries);
	helper.user = (struct helper_user){ hands, on_sent, on_told, on_lost, is_needed };
	hands->helper = helper_new(&helper);
	return hands;
}

void content_hands_free(struct content_hands *hands)
{
	struct request *r;

	if (!hands)
		return;
	pipes_end(&hands->pipes, "the daemon is going down");
	tree_each (&hands->requests, struct request, by_ticket, r) {
		r->pipe = NULL;
		request_free(r, NULL);
	}
	helper_free(hands->helper);
	arena_clear(&hands->registries_memory);
	hands->is_over = true;
	if (!hands->is_posted)
		free(hands);
}

struct content content_hands_seam(struct content_hands *hands)
{
	struct content seam = { .self = hands };

	content_fill_seam(&seam);
	return seam;
}

pid_t content_hands_pid(const struct content_hands *hands)
{
	return helper_pid(hands->helper);
}
