/* Containers: started, ended, changed and removed. */
#include "api/engine_routes.h"
#include "api/match.h"
#include "api/moment.h"
#include "api/measure.h"
#include "api/outcome.h"
#include "docker/tables.h"

/* ---- numbers in the query ---- */

/* Absent is `otherwise`. Refuses the call if it is no number. */
static bool query_number(struct call *c, const char *name, int64_t otherwise, int64_t *value)
{
	const char *text = call_query(c, name);
	bool is_negative = text[0] == '-';
	uint64_t number;

	*value = otherwise;
	if (!text[0])
		return true;
	if (!str_to_u64(str_of(text + is_negative), &number) || number > INT32_MAX) {
		call_refuse(c, ERR_INVALID, "strconv.Atoi: parsing \"%s\": invalid syntax", text);
		return false;
	}
	*value = is_negative ? -(int64_t)number : (int64_t)number;
	return true;
}

/* ---- its life ---- */

void container_start(struct call *c)
{
	engine_container_start(engine_of(c), call_engine(c, outcome_204), c->params[0], c->now);
}

void container_stop(struct call *c)
{
	const char *signal = c->minor >= 42 ? call_query(c, "signal") : "";
	int64_t timeout_s;

	if (query_number(c, "t", ENGINE_TIMEOUT_DEFAULT, &timeout_s))
		engine_container_stop(engine_of(c), call_engine(c, outcome_204), c->params[0],
				      signal, timeout_s, c->now);
}

void container_restart(struct call *c)
{
	const char *signal = c->minor >= 42 ? call_query(c, "signal") : "";
	int64_t timeout_s;

	if (query_number(c, "t", ENGINE_TIMEOUT_DEFAULT, &timeout_s))
		engine_container_restart(engine_of(c), call_engine(c, outcome_204), c->params[0],
					 signal, timeout_s, c->now);
}

void container_send_signal(struct call *c)
{
	engine_container_kill(engine_of(c), call_engine(c, outcome_204), c->params[0],
			      call_query(c, "signal"), c->now);
}

void container_pause(struct call *c)
{
	engine_container_pause(engine_of(c), call_engine(c, outcome_204), c->params[0], c->now);
}

void container_unpause(struct call *c)
{
	engine_container_unpause(engine_of(c), call_engine(c, outcome_204), c->params[0], c->now);
}

void container_rename(struct call *c)
{
	engine_container_rename(engine_of(c), call_engine(c, outcome_204), c->params[0],
				call_query(c, "name"), c->now);
}

void container_remove(struct call *c)
{
	struct engine_remove how = { call_flag(c, "force"), call_flag(c, "v"),
				     call_flag(c, "link") };

	engine_container_remove(engine_of(c), call_engine(c, outcome_204), c->params[0], how,
				c->now);
}

void container_resize(struct call *c)
{
	int64_t height, width;

	if (query_number(c, "h", 0, &height) && query_number(c, "w", 0, &width))
		engine_container_resize(engine_of(c), call_engine(c, outcome_200), c->params[0],
					(int32_t)height, (int32_t)width, c->now);
}

void exec_resize(struct call *c)
{
	int64_t height, width;

	if (query_number(c, "h", 0, &height) && query_number(c, "w", 0, &width))
		engine_exec_resize(engine_of(c), call_engine(c, outcome_200), c->params[0],
				   (int32_t)height, (int32_t)width, c->now);
}

/* ---- wait ---- */

static void exited(struct call *c, const struct engine_answer *a)
{
	const char *error = a->kind == ENGINE_FAILED ? a->text : a->wait_error;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	json_open_object(&j, NULL);
	if (error) {
		json_open_object(&j, "Error");
		json_text(&j, "Message", error);
		json_close(&j);
	} else {
		json_none(&j, "Error");
	}
	json_int(&j, "StatusCode", a->kind == ENGINE_FAILED ? -1 : a->exit_code);
	json_close(&j);
	buf_append_char(&out, '\n');
	call_write(c, buf_str(&out));
	call_end(c);
}

static bool is_condition(const char *text)
{
	return !text[0] || strcmp(text, "not-running") == 0 || strcmp(text, "next-exit") == 0 ||
	       strcmp(text, "removed") == 0;
}

/* A client starts the container only after it has seen these headers: what can be refused is refused
 * before them. */
void container_wait(struct call *c)
{
	const char *condition = c->minor >= 30 ? call_query(c, "condition") : "";
	struct err e;

	if (!is_condition(condition)) {
		call_refuse(c, ERR_INVALID, "invalid condition: \"%s\"", condition);
		return;
	}
	if (!engine_container_find(engine_of(c), c->params[0], &e)) {
		call_fail(c, &e);
		return;
	}
	call_open(c, 200, "application/json");
	engine_container_wait(engine_of(c), call_engine(c, exited), c->params[0], condition,
			      c->now);
}

/* ---- update ---- */

static void updated(struct call *c, const struct engine_answer *a)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (outcome_is_failure(c, a) || !a->is_last)
		return;
	json_open_object(&j, NULL);
	if (a->warning_count > 0)
		json_strings(&j, "Warnings", a->warnings, a->warning_count);
	else
		json_none(&j, "Warnings");
	json_close(&j);
	call_reply_json(c, 200, &out);
}

void container_update(struct call *c)
{
	Pb__HostConfig *limits = call_body(c, &dialect_host_config);

	if (!limits)
		return;
	if (c->minor < 40)
		limits->pids_limit = NULL;
	engine_container_update(engine_of(c), call_engine(c, updated), c->params[0], limits,
				c->now);
}

/* ---- top ---- */

static void topped(struct call *c, const struct engine_answer *a)
{
	const struct runtime_top *top = a->top;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (outcome_is_failure(c, a))
		return;
	json_open_object(&j, NULL);
	json_strings(&j, "Titles", top ? top->titles : NULL, top ? top->title_count : 0);
	json_open_list(&j, "Processes");
	for (size_t i = 0; top && i < top->row_count; i++)
		json_strings(&j, NULL, top->cells + i * top->title_count, top->title_count);
	json_close(&j);
	json_close(&j);
	call_reply_json(c, 200, &out);
}

void container_top(struct call *c)
{
	engine_container_top(engine_of(c), call_engine(c, topped), c->params[0],
			     call_query(c, "ps_args"), c->now);
}

/* ---- changes ---- */

static int change_kind(char letter)
{
	return letter == 'A' ? 1 : letter == 'D' ? 2 : 0;
}

static void changes_came(struct call *c, const struct engine_answer *a)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (outcome_is_failure(c, a))
		return;
	json_open_list(&j, NULL);
	for (size_t i = 0; i < a->line_count; i++) {
		json_open_object(&j, NULL);
		json_text(&j, "Path", a->lines[i] + 2);
		json_int(&j, "Kind", change_kind(a->lines[i][0]));
		json_close(&j);
	}
	json_close(&j);
	call_reply_json(c, 200, &out);
}

void container_changes(struct call *c)
{
	engine_container_changes(engine_of(c), call_engine(c, changes_came), c->params[0], c->now);
}

/* ---- prune ---- */

struct container_prune {
	struct list_filters filters;
	int64_t until_ns;
	struct measured *found; /* first those there are, then those that are gone */
	size_t count, at, gone;
	int64_t reclaimed_bytes;
};

static bool is_prunable(const struct container_prune *p, const Pb__Container *k)
{
	return (k->state == PB__CONTAINER__STATE__CREATED ||
		k->state == PB__CONTAINER__STATE__EXITED ||
		k->state == PB__CONTAINER__STATE__DEAD) &&
	       k->created_ns < p->until_ns &&
	       match_labels(&p->filters, k->config->labels, k->config->n_labels);
}

static void collect_prunable(struct call *c, struct container_prune *p)
{
	const struct engine *e = engine_of(c);
	size_t total = 0;

	for (const Pb__Container *k = engine_container_first(e); k; k = engine_container_next(e, k))
		total++;
	p->found = arena_alloc(&c->arena, (total + 1) * sizeof(*p->found));
	for (const Pb__Container *k = engine_container_first(e); k; k = engine_container_next(e, k))
		if (is_prunable(p, k))
			p->found[p->count++] =
				(struct measured){ .name = arena_strdup(&c->arena, k->id) };
}

static void reply_pruned(struct call *c, const struct container_prune *p)
{
	const char **ids = arena_alloc(&c->arena, (p->gone + 1) * sizeof(*ids));

	for (size_t i = 0; i < p->gone; i++)
		ids[i] = p->found[i].name;
	outcome_reply_pruned(c, "ContainersDeleted", ids, p->gone, p->reclaimed_bytes);
}

static void remove_next(struct call *c, struct container_prune *p);

/* One that is in use by now is left. */
static void removed_one(struct call *c, const struct engine_answer *a)
{
	struct container_prune *p = c->state;

	if (a->kind == ENGINE_DONE) {
		p->found[p->gone++] = p->found[p->at];
		p->reclaimed_bytes += p->found[p->at].written_bytes;
	}
	p->at++;
	remove_next(c, p);
}

static void remove_next(struct call *c, struct container_prune *p)
{
	if (p->at == p->count)
		reply_pruned(c, p);
	else
		engine_container_remove(engine_of(c), call_engine(c, removed_one),
					p->found[p->at].name, (struct engine_remove){ 0 }, c->now);
}

static void remove_all(struct call *c)
{
	remove_next(c, c->state);
}

void containers_prune(struct call *c)
{
	static const char *const names[] = { "label", "label!", "until", NULL };
	struct container_prune *p = ARENA_NEW(&c->arena, struct container_prune);
	struct err e;

	c->state = p;
	if (!call_filters(c, names, &p->filters))
		return;
	if (!match_until(&p->filters, c->now.wall_ns, &p->until_ns, &e)) {
		call_fail(c, &e);
		return;
	}
	collect_prunable(c, p);
	measure(c, p->found, p->count, remove_all);
}
