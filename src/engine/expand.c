#include "engine/expand.h"

#include <jansson.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "template/field.h"
#include "template/template.h"
#include "engine/task.h"

#define EXPANDED_MAX (1 << 20)

/* Text that is no UTF-8 is left out: asking for it is an error. */
static void put(json_t *object, const char *key, struct str text)
{
	(void)json_object_set_new(object, key, json_stringn(text.ptr, text.len));
}

static json_t *object_in(json_t *object, const char *key)
{
	json_t *made = json_object();

	(void)json_object_set_new(object, key, made);
	return made;
}

/* What templates may ask for. */
static json_t *world_of(struct arena *a, const Pb__Task *t, const struct engine_node *node)
{
	json_t *root = json_object(), *service = object_in(root, "Service");
	json_t *labels = object_in(service, "Labels"), *task = object_in(root, "Task");
	json_t *host = object_in(root, "Node"), *platform = object_in(host, "Platform");
	const Pb__Annotations *said = t->service_annotations;

	put(service, "ID", str_of(t->service_id));
	put(service, "Name", str_of(said->name));
	for (size_t i = 0; i < said->n_labels; i++)
		put(labels, said->labels[i]->key, str_of(said->labels[i]->value));
	put(task, "ID", str_of(t->id));
	put(task, "Name", str_of(task_container_name(a, t)));
	put(task, "Slot",
	    str_of(t->slot ? arena_printf(a, "%llu", (unsigned long long)t->slot) : t->node_id));
	put(host, "ID", str_of(node->id));
	put(host, "Hostname", str_of(node->hostname));
	put(platform, "Architecture", str_of(node->architecture));
	put(platform, "OS", str_of(node->os));
	return root;
}

static bool expand(struct arena *a, const json_t *world, const char *text, struct str *out,
		   struct err *e)
{
	AUTO_BUF struct buf b = BUF_MAX(EXPANDED_MAX);
	struct template *t = template_parse(text, e);
	bool ok = t && template_run(t, world, true, &b, e);

	template_free(t);
	if (ok)
		*out = str_bytes(arena_str(a, buf_str(&b)), b.len);
	return ok;
}

static bool is_template(const char *text)
{
	return strstr(text, "{{") != NULL;
}

/* From `at` on; what is before it stays. */
static bool expand_field(struct arena *a, const json_t *world, char **field, size_t at,
			 const char *what, struct err *e)
{
	struct str out;

	if (!is_template(*field + at))
		return true;
	if (!expand(a, world, *field + at, &out, e))
		return while_doing(e, "expanding %s failed", what);
	*field = arena_printf(a, "%.*s%.*s", (int)at, *field, STR_FMT(out));
	return true;
}

static size_t value_at(const char *entry)
{
	const char *equals = strchr(entry, '=');

	return equals ? (size_t)(equals - entry) + 1 : 0;
}

static bool expand_volume(struct arena *a, const json_t *world, Pb__Mount *m, struct err *e)
{
	Pb__Mount__VolumeOptions *v = m->volume_options;
	bool ok = true;

	for (size_t i = 0; v && ok && i < v->n_labels; i++)
		ok = expand_field(a, world, &v->labels[i]->value, 0, "mount", e);
	for (size_t i = 0; v && v->driver_config && ok && i < v->driver_config->n_options; i++)
		ok = expand_field(a, world, &v->driver_config->options[i]->value, 0, "mount", e);
	return ok;
}

static bool expand_spec(struct arena *a, const json_t *world, Pb__ContainerSpec *spec,
			struct err *e)
{
	bool ok = expand_field(a, world, &spec->hostname, 0, "hostname", e);

	for (size_t i = 0; ok && i < spec->n_env; i++)
		ok = expand_field(a, world, &spec->env[i], value_at(spec->env[i]), "env", e);
	for (size_t i = 0; ok && i < spec->n_mounts; i++)
		ok = expand_field(a, world, &spec->mounts[i]->source, 0, "mount", e) &&
		     expand_field(a, world, &spec->mounts[i]->target, 0, "mount", e) &&
		     expand_volume(a, world, spec->mounts[i], e);
	return ok;
}

bool expand_task(struct arena *a, const Pb__Task *t, const struct engine_node *node,
		 const Pb__Task **expanded, struct err *e)
{
	AUTO_JSON json_t *world = NULL;
	Pb__Task *mine;

	*expanded = t;
	if (t->spec->runtime_case != PB__TASK_SPEC__RUNTIME_CONTAINER || !t->spec->container)
		return true;
	mine = pb_dup(a, t);
	world = world_of(a, t, node);
	*expanded = mine;
	return expand_spec(a, world, mine->spec->container, e);
}

/* secret "target", config "target", env "NAME". */
static void add_functions(json_t *world, const Pb__Task *t, struct engine_secret_source source)
{
	json_t *functions = object_in(world, TEMPLATE_FUNCTIONS);
	json_t *secrets = object_in(functions, "secret"), *configs = object_in(functions, "config");
	json_t *env = object_in(functions, "env");
	const Pb__ContainerSpec *spec = t->spec->container;
	struct engine_payload p;

	for (size_t i = 0; i < spec->n_secrets; i++)
		if (spec->secrets[i]->target_case == PB__SECRET_REFERENCE__TARGET_FILE &&
		    source.secret(source.self, t->id, spec->secrets[i]->secret_id, &p))
			put(secrets, spec->secrets[i]->file->name, p.data);
	for (size_t i = 0; i < spec->n_configs; i++)
		if (spec->configs[i]->target_case == PB__CONFIG_REFERENCE__TARGET_FILE &&
		    source.config(source.self, t->id, spec->configs[i]->config_id, &p))
			put(configs, spec->configs[i]->file->name, p.data);
	for (size_t i = 0; i < spec->n_env; i++) {
		struct str name, value;

		if (str_cut(str_of(spec->env[i]), '=', &name, &value)) {
			AUTO_FREE char *key = str_dup(name);

			put(env, key, value);
		}
	}
}

bool expand_payload(struct arena *a, const Pb__Task *t, const struct engine_node *node,
		    struct engine_secret_source source, const struct engine_payload *payload,
		    struct str *out, struct err *e)
{
	AUTO_JSON json_t *world = NULL;

	*out = payload->data;
	if (!payload->templating[0])
		return true;
	if (strcmp(payload->templating, "golang") != 0)
		return fail(e, ERR_INVALID, "unrecognized template type");
	if (payload->data.len > TEMPLATE_TEXT_MAX ||
	    memchr(payload->data.ptr, 0, payload->data.len))
		return fail(e, ERR_INVALID, "a template is text of at most %d bytes",
			    TEMPLATE_TEXT_MAX);
	world = world_of(a, t, node);
	add_functions(world, t, source);
	return expand(a, world, arena_str(a, payload->data), out, e);
}
