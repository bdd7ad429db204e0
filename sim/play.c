#include "sim/play.h"

#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "sim/disk.h"
#include "sim/hands.h"
#include "sim/network.h"
#include "sim/service_words.h"
#include "sim/show.h"

#define WORDS_MAX 40

/* A line as words; what a command reads and writes. */
struct doing {
	struct play *play;
	struct stage *stage;
	char **words; /* after the command's own */
	size_t count;
	struct arena *arena;
	struct buf *out;
};

typedef bool doer(struct doing *d, struct err *e);

/* ---- the swarm ---- */

static bool do_swarm(struct doing *d, struct err *e)
{
	struct world_config c = { .managers = 1,
				  .seed = 1,
				  .is_verbose = d->play->is_verbose,
				  .snapshot_entries = 1000,
				  .snapshot_bytes = 1 << 20,
				  .keep_entries = 100 };

	if (d->stage->is_set)
		return fail(e, ERR_CONFLICT, "there is a swarm already");
	for (size_t i = 0; i < d->count; i++) {
		struct str key, value;
		uint64_t number;

		if (!str_cut(str_of(d->words[i]), '=', &key, &value) ||
		    !str_to_u64(value, &number) || number > 100)
			return fail(e, ERR_INVALID, "not KEY=NUMBER: %s", d->words[i]);
		if (str_equal_c(key, "managers") && number > 0)
			c.managers = number;
		else if (str_equal_c(key, "workers"))
			c.workers = number;
		else if (str_equal_c(key, "seed"))
			c.seed = number;
		else
			return fail(e, ERR_INVALID, "no such word: %s", d->words[i]);
	}
	if (d->play->seed)
		c.seed = d->play->seed;
	return stage_begin(d->stage, &c, e);
}

static bool do_settle(struct doing *d, struct err *e)
{
	return stage_settle(d->stage, e);
}

static bool do_after(struct doing *d, struct err *e)
{
	int64_t ms;

	if (!span_parse(d->words[0], &ms, e))
		return false;
	stage_wait(d->stage, ms);
	return true;
}

/* ---- services ---- */

static bool do_service_create(struct doing *d, struct err *e)
{
	Pb__CreateServiceRequest *request = PB_NEW(d->arena, create_service_request);

	request->spec = service_words_spec(d->arena, d->words[0]);
	return service_words_apply(d->arena, request->spec, d->words + 1, d->count - 1, e) &&
	       stage_change(d->stage, "CreateService", request, e);
}

/* The request that changes nothing yet. */
static Pb__UpdateServiceRequest *update_of(struct doing *d, const char *name, struct err *e)
{
	const Pb__Service *service = stage_service(d->stage, name, e);
	Pb__UpdateServiceRequest *request;

	if (!service)
		return NULL;
	request = PB_NEW(d->arena, update_service_request);
	request->service_id = arena_strdup(d->arena, service->id);
	request->service_version = pb_dup(d->arena, service->meta->version);
	request->spec = pb_dup(d->arena, service->spec);
	return request;
}

static bool do_service_update(struct doing *d, struct err *e)
{
	Pb__UpdateServiceRequest *request = update_of(d, d->words[0], e);

	return request &&
	       service_words_apply(d->arena, request->spec, d->words + 1, d->count - 1, e) &&
	       stage_change(d->stage, "UpdateService", request, e);
}

static bool do_service_scale(struct doing *d, struct err *e)
{
	char *equals = strchr(d->words[0], '=');
	Pb__UpdateServiceRequest *request;

	if (!equals)
		return fail(e, ERR_INVALID, "not NAME=N: %s", d->words[0]);
	*equals = '\0';
	request = update_of(d, d->words[0], e);
	return request &&
	       service_words_apply(d->arena, request->spec,
				   (char *[]){ (char[]){ "--replicas" }, equals + 1 }, 2, e) &&
	       stage_change(d->stage, "UpdateService", request, e);
}

static bool do_service_rm(struct doing *d, struct err *e)
{
	const Pb__Service *service = stage_service(d->stage, d->words[0], e);
	Pb__RemoveServiceRequest *request = PB_NEW(d->arena, remove_service_request);

	if (!service)
		return false;
	request->service_id = arena_strdup(d->arena, service->id);
	return stage_change(d->stage, "RemoveService", request, e);
}

static bool do_service_status(struct doing *d, struct err *e)
{
	return show_service(d->stage, d->words[0], d->out, e);
}

/* ---- nodes ---- */

static bool do_node_update(struct doing *d, struct err *e)
{
	static const struct {
		const char *word;
		Pb__NodeSpec__Availability value;
	} rows[] = { { "active", PB__NODE_SPEC__AVAILABILITY__ACTIVE },
		     { "pause", PB__NODE_SPEC__AVAILABILITY__PAUSE },
		     { "drain", PB__NODE_SPEC__AVAILABILITY__DRAIN } };
	Pb__UpdateNodeRequest *request = PB_NEW(d->arena, update_node_request);
	const Pb__Node *node = stage_node(d->stage, d->words[0], e);

	if (!node)
		return false;
	request->node_id = arena_strdup(d->arena, node->id);
	request->node_version = pb_dup(d->arena, node->meta->version);
	request->spec = pb_dup(d->arena, node->spec);
	if (strcmp(d->words[1], "--role") == 0) {
		request->spec->desired_role = strcmp(d->words[2], "manager") == 0
						      ? PB__NODE_ROLE__MANAGER
						      : PB__NODE_ROLE__WORKER;
		return stage_change(d->stage, "UpdateNode", request, e);
	}
	for (size_t i = 0; strcmp(d->words[1], "--availability") == 0 && i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].word, d->words[2]) != 0)
			continue;
		request->spec->availability = rows[i].value;
		return stage_change(d->stage, "UpdateNode", request, e);
	}
	return fail(e, ERR_INVALID, "not --availability active, pause or drain, nor --role");
}

static bool do_node_rm(struct doing *d, struct err *e)
{
	Pb__RemoveNodeRequest *request = PB_NEW(d->arena, remove_node_request);
	const Pb__Node *node = stage_node(d->stage, d->words[0], e);

	if (!node)
		return false;
	request->node_id = arena_strdup(d->arena, node->id);
	request->force = d->count > 1 && strcmp(d->words[1], "--force") == 0;
	return stage_change(d->stage, "RemoveNode", request, e);
}

static bool do_force_new_cluster(struct doing *d, struct err *e)
{
	struct sim_node *host = stage_host(d->stage, d->words[0], e);

	return host && stage_go_alone(d->stage, host, e);
}

/* ---- looking ---- */

static bool do_tasks(struct doing *d, struct err *e)
{
	struct show_tasks how = { 0 };

	for (size_t i = 1; i < d->count; i++) {
		if (strcmp(d->words[i], "all") == 0)
			how.all = true;
		else if (strcmp(d->words[i], "image") == 0)
			how.image = true;
		else
			return fail(e, ERR_INVALID, "no such word: %s", d->words[i]);
	}
	return show_tasks(d->stage, d->words[0], how, d->out, e);
}

static bool do_spread(struct doing *d, struct err *e)
{
	return show_spread(d->stage, d->words[0], d->out, e);
}

static bool do_nodes(struct doing *d, struct err *e)
{
	return show_nodes(d->stage, d->out, e);
}

/* ---- logs ---- */

#define LOGS_PATIENCE_MS 60000

static bool do_logs(struct doing *d, struct err *e)
{
	uint64_t last;
	bool is_part = d->count == 3 && strcmp(d->words[1], "last") == 0;
	struct reader *r;

	if (d->count > 1 && (!is_part || !str_to_u64(str_of(d->words[2]), &last)))
		return fail(e, ERR_INVALID, "not NAME last N");
	r = stage_read(d->stage, d->words[0], false, is_part ? (int64_t)last : -1, e);
	for (int64_t waited = 0; r && !r->is_over && waited < LOGS_PATIENCE_MS; waited += 10)
		stage_wait(d->stage, 10);
	return r && show_logs(d->stage, d->words[0], r, d->out, e);
}

static bool do_follow(struct doing *d, struct err *e)
{
	d->play->following = stage_read(d->stage, d->words[0], true, -1, e);
	return d->play->following;
}

static bool do_followed(struct doing *d, struct err *e)
{
	struct reader *r = d->play->following;

	if (!r)
		return fail(e, ERR_NOT_FOUND, "nobody follows");
	if (!show_logs(d->stage, d->words[0], r, d->out, e))
		return false;
	reader_stop(r);
	d->play->following = NULL;
	return true;
}

static bool do_containers(struct doing *d, struct err *e)
{
	show_containers(d->stage, d->out);
	return true;
}

static bool do_watch(struct doing *d, struct err *e)
{
	stage_watch(d->stage, d->words[0]);
	return true;
}

static bool do_watched(struct doing *d, struct err *e)
{
	size_t fewest, most;

	if (!stage_watched(d->stage, d->words[0], &fewest, &most))
		return fail(e, ERR_NOT_FOUND, "%s is not watched", d->words[0]);
	buf_printf(d->out, "%s ran in %zu to %zu containers\n", d->words[0], fewest, most);
	return true;
}

static bool do_expect_mark(struct doing *d, struct err *e)
{
	return stage_has_mark(d->stage, d->words[0]) ||
	       fail(e, ERR_NOT_FOUND, "%s was not reached", d->words[0]);
}

/* ---- faults ---- */

static bool do_crash(struct doing *d, struct err *e)
{
	struct sim_node *host = stage_host(d->stage, d->words[0], e);

	if (host)
		world_crash(host, false);
	return host;
}

static bool do_power_off(struct doing *d, struct err *e)
{
	struct sim_node *host = stage_host(d->stage, d->words[0], e);

	if (host)
		world_crash(host, true);
	return host;
}

static bool do_start(struct doing *d, struct err *e)
{
	struct sim_node *host = stage_host(d->stage, d->words[0], e);

	if (host)
		world_start(host);
	return host;
}

static bool do_pause(struct doing *d, struct err *e)
{
	struct sim_node *host = stage_host(d->stage, d->words[0], e);
	int64_t ms;

	if (!host || !span_parse(d->words[1], &ms, e))
		return false;
	world_pause(host, ms);
	return true;
}

static bool do_cut(struct doing *d, struct err *e)
{
	struct world *w = &d->stage->world;
	struct sim_node *a = stage_host(d->stage, d->words[0], e);
	struct sim_node *b = a ? stage_host(d->stage, d->words[1], e) : NULL;

	if (!b)
		return false;
	network_cut(w->network, (size_t)(a - w->nodes), (size_t)(b - w->nodes), true);
	network_cut(w->network, (size_t)(b - w->nodes), (size_t)(a - w->nodes), true);
	return true;
}

static bool do_heal(struct doing *d, struct err *e)
{
	network_heal(d->stage->world.network);
	return true;
}

static bool do_exit(struct doing *d, struct err *e)
{
	const Pb__Task *task = stage_task(d->stage, d->words[0], e);
	const struct view *v = task ? stage_view(d->stage, e) : NULL;
	struct sim_node *host =
		v ? stage_host(d->stage, stage_host_name(v, task->node_id), e) : NULL;
	uint64_t code;

	if (!host)
		return false;
	if (!str_to_u64(str_of(d->words[1]), &code) || code > 255)
		return fail(e, ERR_INVALID, "not an exit code: %s", d->words[1]);
	hands_end(host->hands, task->id, (int)code);
	return true;
}

static bool do_fail_start(struct doing *d, struct err *e)
{
	struct sim_node *host = stage_host(d->stage, d->words[0], e);
	bool is_off = d->count > 1 && strcmp(d->words[1], "off") == 0;

	if (host)
		hands_set_faults(host->hands,
				 &(struct hands_faults){ .start_fails = is_off ? 0 : 1000,
							 .prepare_ms_max = 20,
							 .start_ms_max = 20,
							 .stop_ms_max = 20 });
	return host;
}

static bool do_full_disk(struct doing *d, struct err *e)
{
	struct sim_node *host = stage_host(d->stage, d->words[0], e);

	if (host)
		disk_set_full(host->disk, !(d->count > 1 && strcmp(d->words[1], "off") == 0));
	return host;
}

/* ---- lines ---- */

static const struct command {
	const char *first, *second;
	size_t least, most; /* words that follow */
	doer *run;
} commands[] = {
	{ "swarm", NULL, 0, 3, do_swarm },
	{ "settle", NULL, 0, 0, do_settle },
	{ "after", NULL, 1, 1, do_after },
	{ "service", "create", 1, WORDS_MAX, do_service_create },
	{ "service", "update", 1, WORDS_MAX, do_service_update },
	{ "service", "scale", 1, 1, do_service_scale },
	{ "service", "rm", 1, 1, do_service_rm },
	{ "service", "status", 1, 1, do_service_status },
	{ "node", "update", 3, 3, do_node_update },
	{ "node", "rm", 1, 2, do_node_rm },
	{ "force-new-cluster", NULL, 1, 1, do_force_new_cluster },
	{ "tasks", NULL, 1, 3, do_tasks },
	{ "spread", NULL, 1, 1, do_spread },
	{ "logs", NULL, 1, 3, do_logs },
	{ "follow", NULL, 1, 1, do_follow },
	{ "followed", NULL, 1, 1, do_followed },
	{ "nodes", NULL, 0, 0, do_nodes },
	{ "containers", NULL, 0, 0, do_containers },
	{ "watch", NULL, 1, 1, do_watch },
	{ "watched", NULL, 1, 1, do_watched },
	{ "expect-mark", NULL, 1, 1, do_expect_mark },
	{ "crash", NULL, 1, 1, do_crash },
	{ "power-off", NULL, 1, 1, do_power_off },
	{ "start", NULL, 1, 1, do_start },
	{ "pause", NULL, 2, 2, do_pause },
	{ "cut", NULL, 2, 2, do_cut },
	{ "heal", NULL, 0, 0, do_heal },
	{ "exit", NULL, 2, 2, do_exit },
	{ "fail-start", NULL, 1, 2, do_fail_start },
	{ "full-disk", NULL, 1, 2, do_full_disk },
};

static bool is_for(const struct command *c, char **words, size_t count)
{
	return count > 0 && strcmp(c->first, words[0]) == 0 &&
	       (!c->second || (count > 1 && strcmp(c->second, words[1]) == 0));
}

static bool run(struct doing *d, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		const struct command *c = &commands[i];

		if (!is_for(c, d->words, d->count))
			continue;
		d->words += c->second ? 2 : 1;
		d->count -= c->second ? 2 : 1;
		if (d->count < c->least || d->count > c->most)
			return fail(e, ERR_INVALID, "too few words, or too many");
		if (!d->stage->is_set && c->run != do_swarm)
			return fail(e, ERR_CONFLICT, "a scenario begins with a swarm");
		return c->run(d, e);
	}
	return fail(e, ERR_INVALID, "no such command: %s", d->words[0]);
}

void play_line(struct play *p, const char *line, struct buf *out)
{
	AUTO_ARENA struct arena a = { 0 };
	char *words[WORDS_MAX], *rest, *text = arena_strdup(&a, line);
	struct doing d = { p, &p->stage, words, 0, &a, out };
	struct err e;

	for (char *word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (d.count == WORDS_MAX) {
			buf_append_c(out, "error: too many words\n");
			return;
		}
		words[d.count++] = word;
	}
	if (d.count > 0 && !run(&d, &e))
		buf_printf(out, "error: %s\n", e.text);
	if (p->stage.is_set && p->stage.world.failure[0]) {
		buf_printf(out, "error: %s\n", p->stage.world.failure);
		p->stage.world.failure[0] = '\0';
	}
}

void play_clear(struct play *p)
{
	stage_clear(&p->stage);
}
