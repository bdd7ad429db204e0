#include "daemon/wire.h"

#include <openssl/crypto.h>
#include <signal.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/config.h"
#include "daemon/description.h"
#include "daemon/process.h"
#include "host/data_key.h"
#include "host/file.h"
#include "host/journal.h"
#include "host/keys.h"
#include "host/loop.h"
#include "host/peer/peer.h"
#include "node/node.h"
#include "seam/input.h"

/* A task whose executor is missing is refused, in so many words, and nothing of it is ever found
 * again: this daemon can manage a swarm whose tasks run elsewhere. */
struct refusal {
	struct daemon *daemon;
	uint64_t ticket;
	enum executor_event_kind kind;
	char task_id[64];
};

struct daemon {
	const struct config *config;
	const struct log *log;
	struct arena memory; /* of what outlives the node */
	struct node *node;
	struct loop *loop;

	struct journal_disk *journal_disk;
	struct keys_hands *keys_hands;
	struct peer_hands *peer_hands;
	struct journal journal;
	struct keys keys;
	struct peer peer;
	struct executor executor;

	struct reloader reloader;
};

/* ---- the executor that refuses ---- */

static void answer_refusal(void *self)
{
	AUTO_FREE struct refusal *r = self;
	struct inbox *box = loop_inbox(r->daemon->loop);
	struct input *in = inbox_add(box, INPUT_EXECUTOR, r->ticket);

	in->executor = (struct executor_event){
		.kind = r->kind,
		.task_id = arena_strdup(&box->memory, r->task_id),
		.text = "this node runs no containers",
	};
}

static void answer(struct daemon *d, uint64_t ticket, enum executor_event_kind kind,
		   const char *task_id)
{
	struct refusal *r = NEW(struct refusal);

	r->daemon = d;
	r->ticket = ticket;
	r->kind = kind;
	(void)snprintf(r->task_id, sizeof(r->task_id), "%s", task_id);
	loop_post(d->loop, r, answer_refusal);
}

static void list_none(void *self, uint64_t ticket)
{
	answer(self, ticket, EXECUTOR_LIST_END, "");
}

static void refuse_task(void *self, uint64_t ticket, const Pb__Task *task)
{
	answer(self, ticket, EXECUTOR_FAILED, task->id);
}

static void refuse_id(void *self, uint64_t ticket, const char *task_id)
{
	answer(self, ticket, EXECUTOR_FAILED, task_id);
}

static void remove_nothing(void *self, uint64_t ticket, const char *task_id)
{
	answer(self, ticket, EXECUTOR_DONE, task_id);
}

/* ---- beginning ---- */

static bool make_dirs(const struct config *c, struct err *e)
{
	return folder_make(c->data_root, 0710, e) && folder_make(c->exec_root, 0711, e);
}

static int64_t turn(void *self, struct now now)
{
	struct daemon *d = self;

	return node_turn(d->node, now);
}

static void make_node(struct daemon *d)
{
	Pb__NodeDescription *description = describe_host(&d->memory, d->config);
	struct node_config config = {
		.hostname = description->hostname,
		.log = d->log,
		.description = description,
		.seams = {
			.peer = &d->peer,
			.journal = &d->journal,
			.keys = &d->keys,
			.executor = &d->executor,
		},
	};

	d->node = node_new(&config, process_seed());
	loop_attend(d->loop, node_inbox(d->node), d, turn);
}

static bool open_journal(struct daemon *d, struct err *e)
{
	AUTO_FREE char *dir = xasprintf("%s/journal", d->config->data_root);
	struct journal_disk_config config = { .loop = d->loop, .dir = dir };
	bool ok = folder_make(dir, 0700, e) && data_key_load(dir, config.key, e) &&
		  journal_disk_open(&config, &d->journal_disk, e);

	OPENSSL_cleanse(config.key, sizeof(config.key));
	if (ok)
		journal_disk_seam(d->journal_disk, &d->journal);
	return ok;
}

static void make_swarm_hands(struct daemon *d)
{
	const char *dir = arena_printf(&d->memory, "%s/swarm/certificates", d->config->data_root);

	d->peer_hands = peer_hands_new(d->loop);
	peer_hands_seam(d->peer_hands, &d->peer);
	d->keys_hands = keys_hands_new(d->loop, dir, d->peer_hands);
	keys_hands_seam(d->keys_hands, &d->keys);
	d->executor = (struct executor){ d,         list_none, refuse_task,
					 refuse_id, refuse_id, remove_nothing };
}

static void on_stop(void *self, int signum)
{
	struct daemon *d = self;

	log_info(d->log, "daemon", "%s: ending", strsignal(signum));
	loop_stop(d->loop);
}

static void on_reload(void *self, int signum)
{
	struct daemon *d = self;

	(void)signum;
	d->reloader.reload(d->reloader.self);
}

static void hear_signals(struct daemon *d)
{
	loop_on_signal(d->loop, SIGINT, d, on_stop);
	loop_on_signal(d->loop, SIGTERM, d, on_stop);
	loop_on_signal(d->loop, SIGHUP, d, on_reload);
}

bool daemon_open(const struct config *config, const struct log *log, struct reloader reloader,
		 struct daemon **out, struct err *e)
{
	struct daemon *d = NEW(struct daemon);
	struct loop_config loop = { .log = log };

	d->config = config;
	d->log = log;
	d->reloader = reloader;
	if (!make_dirs(config, e) || !loop_new(&loop, &d->loop, e) || !open_journal(d, e)) {
		daemon_close(d);
		return false;
	}
	hear_signals(d);
	make_swarm_hands(d);
	make_node(d); /* last: it gives its first commands at once */
	*out = d;
	return true;
}

/* ---- running ---- */

void daemon_run(struct daemon *d)
{
	loop_run(d->loop);
}

void daemon_close(struct daemon *d)
{
	if (!d)
		return;
	peer_hands_free(d->peer_hands);
	journal_disk_close(d->journal_disk);
	loop_free(d->loop); /* outcomes that are under way come in still */
	keys_hands_free(d->keys_hands);
	node_free(d->node);
	arena_clear(&d->memory);
	free(d);
}
