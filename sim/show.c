#include "sim/show.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sim/hands.h"

#define COLUMNS_MAX 6

/* Rows of texts, printed as wide as they need to be. */
struct columns {
	const char *(*rows)[COLUMNS_MAX];
	size_t count;
};

static void columns_init(struct columns *c, struct arena *a, size_t rows_max)
{
	c->rows = arena_alloc(a, (rows_max + 1) * sizeof(*c->rows));
	c->count = 0;
}

static void columns_print(const struct columns *c, struct buf *out)
{
	size_t width[COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < c->count; i++)
		for (size_t k = 0; k < COLUMNS_MAX && c->rows[i][k]; k++)
			if (strlen(c->rows[i][k]) > width[k])
				width[k] = strlen(c->rows[i][k]);
	for (size_t i = 0; i < c->count; i++) {
		for (size_t k = 0; k < COLUMNS_MAX && c->rows[i][k]; k++)
			buf_printf(out, "%s%-*s", k ? "  " : "", (int)width[k], c->rows[i][k]);
		while (out->len && out->data[out->len - 1] == ' ')
			out->len--;
		buf_append_char(out, '\n');
	}
}

/* An enum's word in small letters. */
static const char *word_of(struct arena *a, const ProtobufCEnumDescriptor *type, int value)
{
	char *word = arena_strdup(a, pb_enum_name(type, value));

	for (char *c = word; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return word;
}

/* By slot, then host, then the newest first. */
struct shown {
	const Pb__Task *task;
	const char *host;
};

static int compare_shown(const void *left, const void *right)
{
	const struct shown *a = left, *b = right;
	int hosts = strcmp(a->host, b->host);

	if (a->task->slot != b->task->slot)
		return a->task->slot < b->task->slot ? -1 : 1;
	if (a->task->slot == 0 && hosts != 0)
		return hosts;
	if (a->task->meta->version->index != b->task->meta->version->index)
		return a->task->meta->version->index > b->task->meta->version->index ? -1 : 1;
	return strcmp(a->task->id, b->task->id);
}

static void add_task(struct columns *c, const struct view *v, const struct shown *s,
		     struct show_tasks how, struct arena *a)
{
	const char **row = c->rows[c->count++];
	const Pb__Task *t = s->task;

	*row++ = stage_task_name(v, t, a);
	*row++ = word_of(a, &pb__task_state__descriptor, t->status->state);
	if (how.all)
		*row++ = word_of(a, &pb__task_state__descriptor, t->desired_state);
	*row++ = s->host;
	if (how.image)
		*row++ = t->spec->container->image;
	if (how.all && t->status->err[0])
		*row++ = t->status->err;
}

bool show_tasks(struct stage *g, const char *name, struct show_tasks how, struct buf *out,
		struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__Service *service = stage_service(g, name, e);
	const struct view *v = service ? stage_view(g, e) : NULL;
	struct objects tasks;
	struct columns c;
	struct shown *shown;
	const Pb__Task *t;
	size_t count = 0;

	if (!v)
		return false;
	tasks = view_tasks_of_service(v, service->id, &a);
	shown = arena_alloc(&a, (tasks.count + 1) * sizeof(*shown));
	objects_each (tasks, Pb__Task, t)
		if (how.all || t->desired_state <= PB__TASK_STATE__RUNNING)
			shown[count++] = (struct shown){ t, stage_host_name(v, t->node_id) };
	qsort(shown, count, sizeof(*shown), compare_shown);
	columns_init(&c, &a, count);
	for (size_t i = 0; i < count; i++)
		add_task(&c, v, &shown[i], how, &a);
	columns_print(&c, out);
	return true;
}

static bool runs(const Pb__Task *t)
{
	return t->desired_state == PB__TASK_STATE__RUNNING &&
	       t->status->state == PB__TASK_STATE__RUNNING;
}

bool show_spread(struct stage *g, const char *name, struct buf *out, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__Service *service = stage_service(g, name, e);
	const struct view *v = service ? stage_view(g, e) : NULL;
	struct objects tasks;
	struct columns c;

	if (!v)
		return false;
	tasks = view_tasks_of_service(v, service->id, &a);
	columns_init(&c, &a, g->world.node_count);
	for (size_t i = 0; i < g->world.node_count; i++) {
		const struct sim_node *host = &g->world.nodes[i];
		const Pb__Task *t;
		int running = 0;

		objects_each (tasks, Pb__Task, t)
			running += runs(t) && strcmp(t->node_id, host->node_id) == 0;
		c.rows[c.count][0] = host->name;
		c.rows[c.count++][1] = arena_printf(&a, "%d", running);
	}
	columns_print(&c, out);
	return true;
}

bool show_nodes(struct stage *g, struct buf *out, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const struct view *v = stage_view(g, e);
	struct columns c;

	if (!v)
		return false;
	columns_init(&c, &a, g->world.node_count);
	for (size_t i = 0; i < g->world.node_count; i++) {
		const struct sim_node *host = &g->world.nodes[i];
		const Pb__Node *node = host->node_id[0] ? view_node(v, host->node_id) : NULL;
		const char **row;

		if (!node)
			continue;
		row = c.rows[c.count++];
		row[0] = host->name;
		row[1] = word_of(&a, &pb__node_status__state__descriptor, node->status->state);
		row[2] = word_of(&a, &pb__node_spec__availability__descriptor,
				 node->spec->availability);
		if (host->node && node_is_leading(host->node))
			row[3] = "leader";
		else if (!host->is_manager && node->role == PB__NODE_ROLE__MANAGER)
			row[3] = host->node && node_is_manager(host->node) ? "manager"
									   : "to be manager";
		else if (!host->is_manager && host->node && node_is_manager(host->node))
			row[3] = "still manager";
	}
	columns_print(&c, out);
	return true;
}

void show_containers(struct stage *g, struct buf *out)
{
	AUTO_ARENA struct arena a = { 0 };
	struct columns c;

	columns_init(&c, &a, g->world.node_count);
	for (size_t i = 0; i < g->world.node_count; i++) {
		c.rows[i][0] = g->world.nodes[i].name;
		c.rows[i][1] = arena_printf(&a, "%zu", hands_count(g->world.nodes[i].hands));
		c.count++;
	}
	columns_print(&c, out);
}

bool show_service(struct stage *g, const char *name, struct buf *out, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__Service *service = stage_service(g, name, e);
	const struct view *v = service ? stage_view(g, e) : NULL;
	struct objects tasks;
	const Pb__Task *t;
	int running = 0, wanted = 0;

	if (!v)
		return false;
	tasks = view_tasks_of_service(v, service->id, &a);
	objects_each (tasks, Pb__Task, t) {
		running += runs(t);
		wanted += t->desired_state <= PB__TASK_STATE__RUNNING;
	}
	if (service->spec->mode_case == PB__SERVICE_SPEC__MODE_REPLICATED)
		wanted = (int)service->spec->replicated->replicas;
	buf_printf(out, "%s  %d/%d  %s", name, running, wanted,
		   service->spec->task->container->image);
	if (service->update_status)
		buf_printf(out, "  update %s",
			   word_of(&a, &pb__update_status__update_state__descriptor,
				   service->update_status->state));
	buf_append_char(out, '\n');
	return true;
}

/* Ids of nodes are by chance: people read names. */
static void print_with_names(struct stage *g, const char *text, struct buf *out)
{
	while (*text) {
		const struct sim_node *named = NULL;

		for (size_t i = 0; i < g->world.node_count && !named; i++) {
			const char *id = g->world.nodes[i].node_id;

			if (id[0] && strncmp(text, id, strlen(id)) == 0)
				named = &g->world.nodes[i];
		}
		buf_append_str(out, named ? str_of(named->name) : str_bytes(text, 1));
		text += named ? strlen(named->node_id) : 1;
	}
}

static const char *extent(const struct reader_source *s, struct arena *a)
{
	if (s->waits && !s->is_begun)
		return "waits";
	if (s->first == 0 && s->next >= s->at_first)
		return "all lines";
	return arena_printf(a, "%llu lines", (unsigned long long)(s->next - s->first));
}

bool show_logs(struct stage *g, const char *name, const struct reader *r, struct buf *out,
	       struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__Service *service = stage_service(g, name, e);
	const struct view *v = service ? stage_view(g, e) : NULL;
	struct objects tasks;
	struct columns c;
	struct shown *shown;
	const Pb__Task *t;
	size_t count = 0;

	if (!v)
		return false;
	tasks = view_tasks_of_service(v, service->id, &a);
	shown = arena_alloc(&a, (tasks.count + 1) * sizeof(*shown));
	objects_each (tasks, Pb__Task, t) {
		const struct reader_source *s = reader_source(r, t->id);

		if (s && (s->is_begun || s->waits))
			shown[count++] = (struct shown){ t, stage_host_name(v, t->node_id) };
	}
	qsort(shown, count, sizeof(*shown), compare_shown);
	columns_init(&c, &a, count);
	for (size_t i = 0; i < count; i++) {
		const char **row = c.rows[c.count++];

		row[0] = stage_task_name(v, shown[i].task, &a);
		row[1] = shown[i].host;
		row[2] = extent(reader_source(r, shown[i].task->id), &a);
	}
	columns_print(&c, out);
	if (!r->is_over)
		buf_append_c(out, "it goes on\n");
	else if (!r->is_good) {
		print_with_names(g, r->text, out);
		buf_append_char(out, '\n');
	}
	return true;
}
