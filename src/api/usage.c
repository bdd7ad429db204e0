/* system df: what images, containers and volumes take on disk. */
#include "api/engine_routes.h"
#include "api/outcome.h"
#include "docker/tables.h"

struct usage {
	struct measured *sizes; /* of containers, then of volumes */
	size_t container_count, volume_count;
	bool has_images, has_containers, has_volumes, has_cache; /* asked for */
};

static void write_images(struct json *j, struct call *c)
{
	const struct engine *e = engine_of(c);

	json_open_list(j, "Images");
	for (const Pb__LocalImage *i = engine_image_first(e); i; i = engine_image_next(e, i))
		image_write_listed(j, c, i, (int64_t)engine_image_users(e, i));
	json_close(j);
}

static int compare_layers(const void *a, const void *b)
{
	return strcmp((*(Pb__ImageLayer *const *)a)->diff_id,
		      (*(Pb__ImageLayer *const *)b)->diff_id);
}

/* Layers that images share count once. */
static int64_t layers_size(struct call *c)
{
	const struct engine *e = engine_of(c);
	size_t count = 0, room = 1;
	Pb__ImageLayer **all;
	int64_t sum = 0;

	for (const Pb__LocalImage *i = engine_image_first(e); i; i = engine_image_next(e, i))
		room += i->n_layers;
	all = arena_alloc(&c->arena, room * sizeof(*all));
	for (const Pb__LocalImage *i = engine_image_first(e); i; i = engine_image_next(e, i))
		for (size_t k = 0; k < i->n_layers; k++)
			all[count++] = i->layers[k];
	qsort(all, count, sizeof(*all), compare_layers);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(all[i]->diff_id, all[i - 1]->diff_id) != 0)
			sum += all[i]->size_bytes;
	return sum;
}

static void write_containers(struct json *j, struct call *c, const struct usage *u)
{
	json_open_list(j, "Containers");
	for (size_t i = 0; i < u->container_count; i++) {
		struct err gone;
		const Pb__Container *k =
			engine_container_find(engine_of(c), u->sizes[i].name, &gone);

		if (k)
			container_write_listed(j, c, k, &u->sizes[i]);
	}
	json_close(j);
}

static void write_volumes(struct json *j, struct call *c, const struct usage *u)
{
	json_open_list(j, "Volumes");
	for (size_t i = 0; i < u->volume_count; i++) {
		const struct measured *size = &u->sizes[u->container_count + i];
		struct err gone;
		const Pb__LocalVolume *v = engine_volume_find(engine_of(c), size->name, &gone);

		if (v)
			volume_write(j, c, v, size);
	}
	json_close(j);
}

static void write_usage(struct call *c)
{
	const struct usage *u = c->state;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	json_open_object(&j, NULL);
	if (u->has_images) {
		json_int(&j, "LayersSize", layers_size(c));
		write_images(&j, c);
	}
	if (u->has_containers)
		write_containers(&j, c, u);
	if (u->has_volumes)
		write_volumes(&j, c, u);
	if (u->has_cache) {
		json_open_list(&j, "BuildCache");
		json_close(&j);
	}
	if (c->minor < 42)
		json_int(&j, "BuilderSize", 0);
	json_close(&j);
	call_reply_json(c, 200, &out);
}

/* type= may come several times since 1.42; none means all. */
static bool is_asked(const struct call *c, const char *type)
{
	bool is_any = false;

	for (size_t i = 0; c->minor >= 42 && i < c->query.count; i++) {
		if (strcmp(c->query.pairs[i].name, "type") != 0)
			continue;
		is_any = true;
		if (strcmp(c->query.pairs[i].value, type) == 0)
			return true;
	}
	return !is_any;
}

void system_df(struct call *c)
{
	const struct engine *e = engine_of(c);
	struct usage *u = ARENA_NEW(&c->arena, struct usage);
	size_t count = 0;

	u->has_images = is_asked(c, "image");
	u->has_containers = is_asked(c, "container");
	u->has_volumes = is_asked(c, "volume");
	u->has_cache = is_asked(c, "build-cache");
	for (const Pb__Container *k = engine_container_first(e); k; k = engine_container_next(e, k))
		count++;
	for (const Pb__LocalVolume *v = engine_volume_first(e); v; v = engine_volume_next(e, v))
		count++;
	u->sizes = arena_alloc(&c->arena, (count + 1) * sizeof(*u->sizes));
	count = 0;
	for (const Pb__Container *k = engine_container_first(e); u->has_containers && k;
	     k = engine_container_next(e, k))
		u->sizes[count++].name = arena_strdup(&c->arena, k->id);
	u->container_count = count;
	for (const Pb__LocalVolume *v = engine_volume_first(e); u->has_volumes && v;
	     v = engine_volume_next(e, v))
		u->sizes[count++] = (struct measured){ .name = arena_strdup(&c->arena, v->name),
						       .is_volume = true };
	u->volume_count = count - u->container_count;
	c->state = u;
	measure(c, u->sizes, count, write_usage);
}
