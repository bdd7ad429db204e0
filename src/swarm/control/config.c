#include <string.h>

#include "swarm/control/inside.h"

#define DATA_MAX 1024000 /* bytes; one less is allowed */

static bool spec_is_valid(const Pb__ConfigSpec *spec, struct err *e)
{
	if (!payload_name_is_valid(spec->annotations, e))
		return false;
	if (spec->data.len == 0 || spec->data.len >= DATA_MAX)
		return fail(e, ERR_INVALID,
			    "config data must be larger than 0 and less than %d bytes", DATA_MAX);
	return true;
}

static bool id_is_given(const char *id, struct err *e)
{
	return id[0] || fail(e, ERR_INVALID, "config ID must be provided");
}

const void *control_create_config(struct control *c, const void *message, struct err *e)
{
	const Pb__CreateConfigRequest *request = message;
	struct arena *a = txn_arena(c->txn);
	Pb__CreateConfigResponse *response = PB_NEW(c->arena, create_config_response);
	Pb__Config *config;

	if (!request->spec)
		return refuse_argument(e);
	if (!spec_is_valid(request->spec, e))
		return NULL;
	if (view_by_name(c->view, OBJECT_CONFIG, request->spec->annotations->name)) {
		fail(e, ERR_CONFLICT, "config %s already exists", request->spec->annotations->name);
		return NULL;
	}
	config = PB_NEW(a, config);
	config->id = fresh_id(c, OBJECT_CONFIG);
	config->spec = pb_dup(a, request->spec);
	if (!txn_create(c->txn, config, e))
		return NULL;
	response->config = pb_dup(c->arena, config);
	return response;
}

const void *control_get_config(struct control *c, const void *message, struct err *e)
{
	const Pb__GetConfigRequest *request = message;
	const Pb__Config *config = view_get(c->view, OBJECT_CONFIG, request->config_id);
	Pb__GetConfigResponse *response = PB_NEW(c->arena, get_config_response);

	if (!id_is_given(request->config_id, e))
		return NULL;
	if (!config)
		return refuse_missing(e, OBJECT_CONFIG, request->config_id);
	response->config = (Pb__Config *)config;
	return response;
}

const void *control_list_configs(struct control *c, const void *message, struct err *e)
{
	const Pb__ListConfigsRequest *request = message;
	struct list_filter filter = LIST_FILTER(request->filters);
	struct objects all = view_all(c->view, OBJECT_CONFIG, c->arena);
	Pb__ListConfigsResponse *response = PB_NEW(c->arena, list_configs_response);
	const Pb__Config *config;

	response->configs = arena_alloc(c->arena, (all.count + 1) * sizeof(*response->configs));
	objects_each (all, Pb__Config, config) {
		const Pb__Annotations *about = config->spec->annotations;

		if (list_keeps(&filter, config->id, about->name, about->labels, about->n_labels))
			response->configs[response->n_configs++] = (Pb__Config *)config;
	}
	return response;
}

/* Nothing but labels may change: tasks have what they were given. */
static bool only_labels_differ(const Pb__ConfigSpec *now, const Pb__ConfigSpec *wanted)
{
	return strcmp(now->annotations->name, wanted->annotations->name) == 0 &&
	       (wanted->data.len == 0 ||
		(wanted->data.len == now->data.len &&
		 memcmp(wanted->data.data, now->data.data, now->data.len) == 0)) &&
	       (!wanted->templating || pb_equal(now->templating, wanted->templating));
}

const void *control_update_config(struct control *c, const void *message, struct err *e)
{
	const Pb__UpdateConfigRequest *request = message;
	Pb__UpdateConfigResponse *response = PB_NEW(c->arena, update_config_response);
	Pb__Config *config;

	if (!request->config_id[0] || !request->config_version || !request->spec)
		return refuse_argument(e);
	config = txn_edit(c->txn, OBJECT_CONFIG, request->config_id);
	if (!config)
		return refuse_missing(e, OBJECT_CONFIG, request->config_id);
	if (!only_labels_differ(config->spec, request->spec)) {
		fail(e, ERR_INVALID, "only updates to Labels are allowed");
		return NULL;
	}
	if (!version_is_current(request->config_version, config, e))
		return NULL;
	config->spec->annotations = pb_dup(txn_arena(c->txn), request->spec->annotations);
	if (!txn_update(c->txn, config, e))
		return NULL;
	response->config = pb_dup(c->arena, config);
	return response;
}

const void *control_remove_config(struct control *c, const void *message, struct err *e)
{
	const Pb__RemoveConfigRequest *request = message;
	const Pb__Config *config = view_get(c->view, OBJECT_CONFIG, request->config_id);
	const char *users;
	size_t count;

	if (!id_is_given(request->config_id, e))
		return NULL;
	if (!config) {
		fail(e, ERR_NOT_FOUND, "could not find config %s", request->config_id);
		return NULL;
	}
	users = users_of_config(c, config->id, &count);
	if (count > 0) {
		fail(e, ERR_INVALID, "config '%s' is in use by the following service%s: %s",
		     config->spec->annotations->name, count > 1 ? "s" : "", users);
		return NULL;
	}
	txn_remove(c->txn, OBJECT_CONFIG, config->id);
	return PB_NEW(c->arena, remove_config_response);
}
