#include "swarm/control/control.h"

#include <ctype.h>
#include <string.h>

#include "base/id.h"
#include "base/mem.h"
#include "pb/map.h"
#include "swarm/control/inside.h"

#define P                  "/docker.swarmkit.v1.Control/"
#define READ               true, false
#define CHANGE             false, false
#define CHANGE_WITH_CHANCE false, true

/* Ordered by path. */
const struct control_method control_methods[] = {
	{ P "CreateConfig", CHANGE, control_create_config },
	{ P "CreateNetwork", CHANGE, control_create_network },
	{ P "CreateSecret", CHANGE, control_create_secret },
	{ P "CreateService", CHANGE, control_create_service },
	{ P "GetCluster", READ, control_get_cluster },
	{ P "GetConfig", READ, control_get_config },
	{ P "GetNetwork", READ, control_get_network },
	{ P "GetNode", READ, control_get_node },
	{ P "GetSecret", READ, control_get_secret },
	{ P "GetService", READ, control_get_service },
	{ P "GetTask", READ, control_get_task },
	{ P "ListClusters", READ, control_list_clusters },
	{ P "ListConfigs", READ, control_list_configs },
	{ P "ListNetworks", READ, control_list_networks },
	{ P "ListNodes", READ, control_list_nodes },
	{ P "ListSecrets", READ, control_list_secrets },
	{ P "ListServiceStatuses", READ, control_list_service_statuses },
	{ P "ListServices", READ, control_list_services },
	{ P "ListTasks", READ, control_list_tasks },
	{ P "RemoveConfig", CHANGE, control_remove_config },
	{ P "RemoveNetwork", CHANGE, control_remove_network },
	{ P "RemoveNode", CHANGE, control_remove_node },
	{ P "RemoveSecret", CHANGE, control_remove_secret },
	{ P "RemoveService", CHANGE, control_remove_service },
	{ P "RemoveTask", CHANGE, control_remove_task },
	{ P "UpdateCluster", CHANGE_WITH_CHANCE, control_update_cluster },
	{ P "UpdateConfig", CHANGE, control_update_config },
	{ P "UpdateNode", CHANGE, control_update_node },
	{ P "UpdateSecret", CHANGE, control_update_secret },
	{ P "UpdateService", CHANGE, control_update_service },
};

const size_t control_methods_count = ARRAY_LEN(control_methods);

const struct control_method *control_find(struct str path)
{
	for (size_t i = 0; i < control_methods_count; i++)
		if (str_equal_c(path, control_methods[i].path))
			return &control_methods[i];
	return NULL;
}

/* ---- refusals ---- */

const void *refuse_argument(struct err *e)
{
	fail(e, ERR_INVALID, "invalid argument");
	return NULL;
}

const void *refuse_missing(struct err *e, enum object_kind kind, const char *id)
{
	fail(e, ERR_NOT_FOUND, "%s %s not found", object_kind_name(kind), id);
	return NULL;
}

bool version_is_current(const Pb__Version *asked, const void *object, struct err *e)
{
	if (asked->index == object_version(object))
		return true;
	return fail(e, ERR_OUT_OF_SEQUENCE, "update out of sequence");
}

static bool is_alnum(char c)
{
	return isalnum((unsigned char)c) && (unsigned char)c < 128;
}

/* Letters and digits, with `between` only inside. */
static bool is_word(const char *s, const char *between)
{
	size_t len = strlen(s);

	if (len == 0 || !is_alnum(s[0]) || !is_alnum(s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(s[i]) && !strchr(between, s[i]))
			return false;
	return true;
}

bool object_name_is_valid(const Pb__Annotations *annotations, struct err *e)
{
	if (!annotations->name[0])
		return fail(e, ERR_INVALID, "meta: name must be provided");
	if (!is_word(annotations->name, "-_"))
		return fail(e, ERR_INVALID, "name must be valid as a DNS name component");
	if (strlen(annotations->name) > 63)
		return fail(e, ERR_INVALID, "name must be 63 characters or fewer");
	return true;
}

bool payload_name_is_valid(const Pb__Annotations *annotations, struct err *e)
{
	if (!annotations->name[0])
		return fail(e, ERR_INVALID, "name must be provided");
	if (!is_word(annotations->name, "-_.") || strlen(annotations->name) > 64)
		return fail(e, ERR_INVALID,
			    "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the "
			    "start and "
			    "end character must be [a-zA-Z0-9]");
	return true;
}

char *fresh_id(struct control *c, enum object_kind kind)
{
	char id[OBJECT_ID_LEN + 1];

	do {
		object_id_new(c->prng, id);
	} while (view_get(c->view, kind, id));
	return arena_strdup(txn_arena(c->txn), id);
}

/* ---- lists ---- */

bool is_one_of(char *const *texts, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(texts[i], text) == 0)
			return true;
	return count == 0;
}

static bool begins_with_one_of(char *const *prefixes, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return count == 0;
}

bool has_labels(Pb__MapEntry *const *wanted, size_t wanted_count, Pb__MapEntry *const *labels,
		size_t count)
{
	for (size_t i = 0; i < wanted_count; i++) {
		const char *value = pb_map_get(labels, count, wanted[i]->key);

		if (!value || (wanted[i]->value[0] && strcmp(value, wanted[i]->value) != 0))
			return false;
	}
	return true;
}

bool list_keeps(const struct list_filter *f, const char *id, const char *name,
		Pb__MapEntry *const *labels, size_t label_count)
{
	return is_one_of(f->names, f->n_names, name) &&
	       begins_with_one_of(f->id_prefixes, f->n_id_prefixes, id) &&
	       begins_with_one_of(f->name_prefixes, f->n_name_prefixes, name) &&
	       has_labels(f->labels, f->n_labels, labels, label_count);
}
