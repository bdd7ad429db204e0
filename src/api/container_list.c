/* Containers as they are shown: listed and inspected. */
#include "api/engine_routes.h"
#include "api/list.h"
#include "api/match.h"
#include "api/measure.h"
#include "api/outcome.h"
#include "base/id.h"
#include "docker/tables.h"

/* ---- filters ---- */

static const char *const filter_names[] = { "ancestor", "before",    "exited",  "expose", "health",
					    "id",       "isolation", "is-task", "label",  "label!",
					    "name",     "network",   "publish", "since",  "status",
					    "volume",   NULL };

static bool matches_name(const struct list_filters *f, const Pb__Container *k, struct arena *a)
{
	return match_text(f, "name", k->name) ||
	       match_text(f, "name", arena_printf(a, "/%s", k->name));
}

static bool matches_volume(const struct list_filters *f, const Pb__Container *k)
{
	for (size_t i = 0; i < k->n_mounts; i++) {
		const Pb__MountPoint *m = k->mounts[i];

		if (list_filters_allow(f, "volume", m->name[0] ? m->name : m->source) ||
		    list_filters_allow(f, "volume", m->destination))
			return true;
	}
	return !list_filters_has(f, "volume");
}

static bool matches_network(const struct list_filters *f, const Pb__Container *k)
{
	for (size_t i = 0; i < k->n_endpoints; i++)
		if (list_filters_allow(f, "network", k->endpoints[i]->network) ||
		    list_filters_allow(f, "network", k->endpoints[i]->network_id))
			return true;
	return !list_filters_has(f, "network");
}

/* "80", "80/tcp" or "80-90/udp" of a filter, against "80/tcp". */
static bool is_port(const char *wanted, const char *port)
{
	struct str range, proto, first, last, number, own;
	uint64_t low, high, n;

	if (!str_cut(str_of(wanted), '/', &range, &proto))
		proto = STR("tcp");
	if (!str_cut(range, '-', &first, &last))
		last = first;
	if (!str_cut(str_of(port), '/', &number, &own))
		own = STR("tcp");
	return str_to_u64(first, &low) && str_to_u64(last, &high) && str_to_u64(number, &n) &&
	       str_equal(proto, own) && n >= low && n <= high;
}

static bool has_port(const struct list_filters *f, const char *name, const char *port)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pairs[i].name, name) == 0 && is_port(f->pairs[i].value, port))
			return true;
	return false;
}

static bool matches_ports(const struct list_filters *f, const Pb__Container *k, struct arena *a)
{
	bool is_published = !list_filters_has(f, "publish"),
	     is_exposed = !list_filters_has(f, "expose");

	for (size_t i = 0; i < k->n_ports; i++) {
		const char *slash = strchr(k->ports[i]->port, '/');

		is_published |= has_port(
			f, "publish",
			arena_printf(a, "%s%s", k->ports[i]->host_port, slash ? slash : ""));
	}
	for (size_t i = 0; i < k->config->n_exposed_ports; i++)
		is_exposed |= has_port(f, "expose", k->config->exposed_ports[i]);
	return is_published && is_exposed;
}

static bool matches_exit(const struct list_filters *f, const Pb__Container *k, struct arena *a)
{
	if (!list_filters_has(f, "exited"))
		return true;
	return k->finished_ns > 0 && k->state == PB__CONTAINER__STATE__EXITED &&
	       list_filters_allow(f, "exited", arena_printf(a, "%lld", (long long)k->exit_code));
}

/* The images that "ancestor" names. One that does not exist has no containers. */
static bool matches_ancestor(const struct engine *e, const struct list_filters *f,
			     const Pb__Container *k)
{
	for (size_t i = 0; i < f->count; i++) {
		const Pb__LocalImage *image;
		struct err ignored;

		if (strcmp(f->pairs[i].name, "ancestor") != 0)
			continue;
		image = engine_image_find(e, f->pairs[i].value, &ignored);
		if (image && strcmp(image->id, k->image_id) == 0)
			return true;
	}
	return !list_filters_has(f, "ancestor");
}

struct listing {
	struct list_filters filters;
	bool is_all, is_task_given, is_task;
	int64_t before_ns, since_ns; /* creation of containers that bound the list */
	uint64_t limit;
	struct measured *found; /* records are ours for this turn only, ids as long as we like */
	size_t count;
	bool has_sizes;
};

static bool is_wanted(struct call *c, const struct listing *l, const Pb__Container *k)
{
	const struct list_filters *f = &l->filters;
	struct arena *a = &c->arena;

	if (!l->is_all && k->state != PB__CONTAINER__STATE__RUNNING &&
	    k->state != PB__CONTAINER__STATE__PAUSED &&
	    k->state != PB__CONTAINER__STATE__RESTARTING)
		return false;
	if (k->created_ns >= l->before_ns || k->created_ns <= l->since_ns)
		return false;
	if (l->is_task_given && l->is_task != (k->task_id[0] != '\0'))
		return false;
	return matches_name(f, k, a) && match_text(f, "id", k->id) &&
	       match_labels(f, k->config->labels, k->config->n_labels) &&
	       list_filters_allow(f, "status", engine_container_state(k)) &&
	       list_filters_allow(f, "health", k->health ? k->health->status : "none") &&
	       matches_exit(f, k, a) && matches_volume(f, k) && matches_network(f, k) &&
	       matches_ports(f, k, a) && matches_ancestor(engine_of(c), f, k);
}

static bool check_words(const struct list_filters *f, struct err *e)
{
	static const char *const states[] = { "created",  "dead",       "exited",  "paused",
					      "removing", "restarting", "running", NULL };
	static const char *const healths[] = { "healthy", "none", "starting", "unhealthy", NULL };

	for (size_t i = 0; i < f->count; i++) {
		const struct list_filter *pair = &f->pairs[i];
		const char *const *words = strcmp(pair->name, "status") == 0   ? states
					   : strcmp(pair->name, "health") == 0 ? healths
									       : NULL;

		while (words && *words && strcmp(*words, pair->value) != 0)
			words++;
		if (words && !*words)
			return fail(e, ERR_INVALID, "Invalid filter '%s=%s'", pair->name,
				    pair->value);
	}
	return true;
}

/* "before" and "since" name containers. */
static bool read_bound(const struct engine *e, const struct list_filters *f, const char *name,
		       int64_t *ns, struct err *err)
{
	const char *ref = match_value(f, name);
	const Pb__Container *k = ref ? engine_container_find(e, ref, err) : NULL;

	if (k)
		*ns = k->created_ns;
	return k || !ref;
}

static bool read_listing(struct call *c, struct listing *l, struct err *e)
{
	const struct list_filters *f = &l->filters;

	l->before_ns = INT64_MAX;
	l->since_ns = INT64_MIN;
	l->is_task_given = list_filters_has(f, "is-task");
	if (!check_words(f, e) || !match_flag(f, "is-task", false, &l->is_task, e) ||
	    !read_bound(engine_of(c), f, "before", &l->before_ns, e) ||
	    !read_bound(engine_of(c), f, "since", &l->since_ns, e))
		return false;
	if (!str_to_u64(str_of(call_query(c, "limit")), &l->limit))
		l->limit = 0; /* -1 and nothing: all */
	l->is_all = call_flag(c, "all") || l->limit > 0 || list_filters_has(f, "status") ||
		    list_filters_has(f, "exited") || list_filters_has(f, "before") ||
		    list_filters_has(f, "since");
	return true;
}

/* ---- the list ---- */

void container_write_listed(struct json *j, struct call *c, const Pb__Container *k,
			    const struct measured *size)
{
	AUTO_BUF struct buf status = BUF_MAX(256);

	engine_container_status(k, c->now, &status);
	json_open_object(j, NULL);
	dialect_write_members(j, &dialect_container_listed, k, c->minor);
	json_str(j, "Status", buf_str(&status));
	if (size) {
		if (size->written_bytes)
			json_int(j, "SizeRw", size->written_bytes);
		json_int(j, "SizeRootFs", size->bytes);
	}
	json_close(j);
}

static void write_listed(struct call *c, struct json *j, size_t i)
{
	const struct listing *l = c->state;
	struct err gone;
	const Pb__Container *k = engine_container_find(engine_of(c), l->found[i].name, &gone);

	if (k)
		container_write_listed(j, c, k, l->has_sizes ? &l->found[i] : NULL);
}

static void write_list(struct call *c)
{
	list_reply(c, ((const struct listing *)c->state)->count, write_listed);
}

/* Newest first. The engine gives them oldest first. */
static void collect(struct call *c, struct listing *l)
{
	const struct engine *e = engine_of(c);
	const Pb__Container **wanted;
	size_t total = 0, count = 0;

	for (const Pb__Container *k = engine_container_first(e); k; k = engine_container_next(e, k))
		total++;
	wanted = arena_alloc(&c->arena, (total + 1) * sizeof(*wanted));
	for (const Pb__Container *k = engine_container_first(e); k; k = engine_container_next(e, k))
		if (is_wanted(c, l, k))
			wanted[count++] = k;
	l->count = l->limit > 0 && count > l->limit ? (size_t)l->limit : count;
	l->found = arena_alloc(&c->arena, (l->count + 1) * sizeof(*l->found));
	for (size_t i = 0; i < l->count; i++)
		l->found[i].name = arena_strdup(&c->arena, wanted[count - 1 - i]->id);
}

void containers_list(struct call *c)
{
	struct listing *l = ARENA_NEW(&c->arena, struct listing);
	struct err e;

	c->state = l;
	if (!call_filters(c, filter_names, &l->filters))
		return;
	if (!read_listing(c, l, &e)) {
		call_fail(c, &e);
		return;
	}
	collect(c, l);
	l->has_sizes = call_flag(c, "size");
	if (l->has_sizes)
		measure(c, l->found, l->count, write_list);
	else
		write_list(c);
}

/* ---- inspect ---- */

static void write_paths(struct json *j, struct call *c, const Pb__Container *k)
{
	static const char *const files[][2] = { { "ResolvConfPath", "resolv.conf" },
						{ "HostnamePath", "hostname" },
						{ "HostsPath", "hosts" } };
	const char *root = c->api->config.host->data_root;

	for (size_t i = 0; i < 3; i++)
		json_text(j, files[i][0],
			  k->was_started ? arena_printf(&c->arena, "%s/containers/%s/%s", root,
							k->id, files[i][1])
					 : "");
	json_text(j, "LogPath",
		  k->was_started && strcmp(k->host_config->log_config->type, "json-file") == 0
			  ? arena_printf(&c->arena, "%s/containers/%s/%s-json.log", root, k->id,
					 k->id)
			  : "");
}

static void write_execs(struct json *j, struct call *c, const Pb__Container *k)
{
	size_t count;
	const char **ids = engine_container_execs(engine_of(c), k, &c->arena, &count);

	if (count > 0)
		json_strings(j, "ExecIDs", ids, count);
	else
		json_none(j, "ExecIDs");
}

static void write_graph_driver(struct json *j)
{
	json_open_object(j, "GraphDriver");
	json_none(j, "Data");
	json_text(j, "Name", "overlay2");
	json_close(j);
}

static void add_alias(struct arena *a, Pb__EndpointSettings *s, const char *alias)
{
	for (size_t i = 0; i < s->n_aliases; i++)
		if (strcmp(s->aliases[i], alias) == 0)
			return;
	PB_APPEND(a, s, aliases, arena_strdup(a, alias));
}

/* Before 1.45 the names by which a container is found were shown among its aliases. */
static const Pb__Container *with_old_aliases(struct call *c, const Pb__Container *k)
{
	Pb__Container *shown = pb_dup(&c->arena, k);

	for (size_t i = 0; i < shown->n_endpoints; i++) {
		Pb__EndpointSettings *s = shown->endpoints[i];

		if (strcmp(s->network, "bridge") == 0 || strcmp(s->network, "host") == 0 ||
		    strcmp(s->network, "none") == 0)
			continue;
		add_alias(&c->arena, s, arena_printf(&c->arena, "%.*s", HEX_ID_SHORT_LEN, k->id));
		add_alias(&c->arena, s, k->config->hostname);
	}
	return shown;
}

static void write_inspected(struct call *c)
{
	const struct measured *size = c->state;
	struct err e;
	const Pb__Container *k = engine_container_find(engine_of(c), c->params[0], &e);
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!k) {
		call_fail(c, &e);
		return;
	}
	if (c->minor < 45)
		k = with_old_aliases(c, k);
	json_open_object(&j, NULL);
	dialect_write_members(&j, &dialect_container, k, c->minor);
	write_paths(&j, c, k);
	write_execs(&j, c, k);
	write_graph_driver(&j);
	if (size) {
		json_int(&j, "SizeRw", size->written_bytes);
		json_int(&j, "SizeRootFs", size->bytes);
	}
	json_close(&j);
	call_reply_json(c, 200, &out);
}

void container_inspect(struct call *c)
{
	struct measured *size;

	if (!call_flag(c, "size")) {
		write_inspected(c);
		return;
	}
	size = ARENA_NEW(&c->arena, struct measured);
	size->name = c->params[0];
	c->state = size;
	measure(c, size, 1, write_inspected);
}
