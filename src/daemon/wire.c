#include "daemon/wire.h"

#include <openssl/crypto.h>
#include <signal.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/config.h"
#include "daemon/containers.h"
#include "daemon/description.h"
#include "daemon/engine_settings.h"
#include "daemon/process.h"
#include "daemon/reload.h"
#include "daemon/serve.h"
#include "file/folder.h"
#include "host/data_key.h"
#include "host/journal.h"
#include "host/keys.h"
#include "host/loop.h"
#include "host/peer/peer.h"
#include "node/node.h"
#include "seam/input.h"
#include "wire/ref.h"

struct daemon {
	const struct config *config;
	const struct log *log;
	struct arena memory;   /* of what outlives the node */
	struct arena reloaded; /* the same, since the last reload */
	struct node *node;
	struct loop *loop;

	struct journal_disk *journal_disk;
	struct keys_hands *keys_hands;
	struct peer_hands *peer_hands;
	struct journal journal;
	struct keys keys;
	struct peer peer;
	struct endpoints endpoints;
	struct container_hands *container_hands;
	struct engine_config engine;
	struct serving *serving;

	struct reloader reloader;
	bool is_ready; /* and the service manager knows */
};

/* ---- beginning ---- */

static bool make_dirs(const struct config *c, struct err *e)
{
	return folder_make_as(c->data_root, 0710, e) && folder_make_as(c->exec_root, 0711, e);
}

static int64_t turn(void *self, struct now now)
{
	struct daemon *d = self;
	int64_t next = node_turn(d->node, now);
	int64_t api_next;

	if (!d->is_ready && engine_is_ready(node_engine(d->node))) {
		d->is_ready = true;
		notify_service_manager("READY=1");
	}
	api_next = d->serving ? serving_after_turn(d->serving, now) : NEVER_MS;

	return api_next < next ? api_next : next;
}

static bool image_is_valid(const char *reference)
{
	struct ref ref;
	struct err e;

	return ref_parse(str_of(reference), &ref, &e);
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
			.runtime = container_hands_runtime(d->container_hands),
			.net = container_hands_net(d->container_hands),
			.content = container_hands_content(d->container_hands),
		},
		.engine = &d->engine,
		.image_is_valid = image_is_valid,
	};

	d->node = node_new(&config, process_seed());
	loop_attend(d->loop, node_inbox(d->node), d, turn);
	node_begin(d->node);
}

static bool open_journal(struct daemon *d, struct err *e)
{
	AUTO_FREE char *dir = xasprintf("%s/journal", d->config->data_root);
	struct journal_disk_config config = { .loop = d->loop, .dir = dir };
	bool ok = folder_make_as(dir, 0700, e) && data_key_load(dir, config.key, e) &&
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
	d->keys_hands = keys_hands_new(d->loop, dir, d->peer_hands, d->journal_disk);
	keys_hands_seam(d->keys_hands, &d->keys);
}

static void on_stop(void *self, int signum)
{
	struct daemon *d = self;

	log_info(d->log, "daemon", "%s: ending", strsignal(signum));
	loop_stop(d->loop);
}

/* What a reload may have changed goes to whoever needs it, and the event is told. */
static void take_over(struct daemon *d)
{
	struct arena fresh = { 0 };
	size_t count;
	const char *const *names = setting_runtimes(d->config, &fresh, &count);

	engine_set_runtimes(node_engine(d->node), names, count, setting_default_runtime(d->config));
	node_describe(d->node, describe_host(&fresh, d->config));
	container_hands_reconfigure(d->container_hands, d->config);
	serving_reconfigure(d->serving, d->config);
	tell_reload(d->config, node_engine(d->node), serving_engine_id(d->serving),
		    loop_now(d->loop));
	loop_wake(d->loop);
	arena_clear(&d->reloaded);
	d->reloaded = fresh;
}

static void on_reload(void *self, int signum)
{
	struct daemon *d = self;

	(void)signum;
	if (d->reloader.reload(d->reloader.self))
		take_over(d);
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
	endpoints_init(&d->endpoints);
	engine_settings(config, &d->memory, &d->engine);
	if (!container_hands_open(config, d->loop, &d->endpoints, &d->container_hands, e)) {
		daemon_close(d);
		return false;
	}
	make_node(d);
	if (!serving_open(config, d->loop, &d->endpoints, d->node, log, &d->serving, e)) {
		daemon_close(d);
		return false;
	}
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
	serving_close(d->serving);
	container_hands_close(d->container_hands);
	peer_hands_end(d->peer_hands);
	journal_disk_close(d->journal_disk);
	loop_free(d->loop); /* outcomes that are under way come in still */
	keys_hands_free(d->keys_hands);
	node_free(d->node);
	peer_hands_free(d->peer_hands);
	arena_clear(&d->reloaded);
	arena_clear(&d->memory);
	free(d);
}
