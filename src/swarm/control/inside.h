/* What the files of this room share. */
#ifndef SHOAL_SWARM_CONTROL_INSIDE_H
#define SHOAL_SWARM_CONTROL_INSIDE_H

#include "swarm/control/control.h"

/* ---- refusals: fill *e, return NULL or false ---- */

const void *refuse_argument(struct err *e); /* "invalid argument" */
const void *refuse_missing(struct err *e, enum object_kind kind, const char *id);
/* The version that a request was made from against that of the object in the transaction. */
bool version_is_current(const Pb__Version *asked, const void *object, struct err *e);

/* The name of an object that containers find by it. */
bool object_name_is_valid(const Pb__Annotations *annotations, struct err *e);
/* The name of a secret or config. */
bool payload_name_is_valid(const Pb__Annotations *annotations, struct err *e);

/* ---- making ---- */

char *fresh_id(struct control *c, enum object_kind kind);

/* ---- lists ---- */

/* What most lists can be filtered by. An object must pass each kind of filter that is there, and
 * within a kind one of them (labels: all). */
struct list_filter {
	char **names;
	size_t n_names;
	char **id_prefixes;
	size_t n_id_prefixes;
	Pb__MapEntry **labels;
	size_t n_labels;
	char **name_prefixes;
	size_t n_name_prefixes;
};

#define LIST_FILTER(f)                                                                             \
	((f) ? (struct list_filter){ (f)->names, (f)->n_names, (f)->id_prefixes,                   \
				     (f)->n_id_prefixes, (f)->labels, (f)->n_labels,               \
				     (f)->name_prefixes, (f)->n_name_prefixes }                    \
	     : (struct list_filter){ 0 })

bool list_keeps(const struct list_filter *f, const char *id, const char *name,
		Pb__MapEntry *const *labels, size_t label_count);
/* Is the text one of them, or is there none? */
bool is_one_of(char *const *texts, size_t count, const char *text);
/* Are all wanted labels there? A wanted one without a value matches any. */
bool has_labels(Pb__MapEntry *const *wanted, size_t wanted_count, Pb__MapEntry *const *labels,
		size_t count);

/* ---- services ---- */

/* All that can be said about a spec by itself and against the objects it names. `service_id` is ""
 * for a new service. */
bool service_spec_is_valid(const struct control *c, const Pb__ServiceSpec *spec,
			   const char *service_id, struct err *e);
bool task_spec_is_valid(const struct control *c, const Pb__TaskSpec *spec, struct err *e);

/* Names of the services that use a secret or config, with commas; "" for none. */
const char *users_of_secret(const struct control *c, const char *secret_id, size_t *count);
const char *users_of_config(const struct control *c, const char *config_id, size_t *count);

/* ---- the cluster ---- */

/* The root certificate follows what the spec wants: it stays, a rotation begins, or one is given up.
 * Clears what the spec must not keep. */
bool root_follow_spec(struct control *c, Pb__Cluster *cluster, Pb__CAConfig *wanted, struct err *e);

/* ---- methods ---- */

#define METHOD(name) const void *name(struct control *c, const void *request, struct err *e)

METHOD(control_create_service);
METHOD(control_get_service);
METHOD(control_update_service);
METHOD(control_remove_service);
METHOD(control_list_services);
METHOD(control_list_service_statuses);
METHOD(control_get_node);
METHOD(control_list_nodes);
METHOD(control_update_node);
METHOD(control_remove_node);
METHOD(control_get_task);
METHOD(control_list_tasks);
METHOD(control_remove_task);
METHOD(control_get_cluster);
METHOD(control_list_clusters);
METHOD(control_update_cluster);
METHOD(control_create_network);
METHOD(control_get_network);
METHOD(control_remove_network);
METHOD(control_list_networks);
METHOD(control_create_secret);
METHOD(control_get_secret);
METHOD(control_update_secret);
METHOD(control_remove_secret);
METHOD(control_list_secrets);
METHOD(control_create_config);
METHOD(control_get_config);
METHOD(control_update_config);
METHOD(control_remove_config);
METHOD(control_list_configs);

#endif
