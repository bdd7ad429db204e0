/* A service's spec from options: whole for create, changed in place for update.
 *
 * Both walk the same tables. Create knows an option as "env"; update as "env-add" and "env-rm". */
#ifndef SHOAL_CLI_SERVICE_SPEC_H
#define SHOAL_CLI_SERVICE_SPEC_H

#include "cli/cli.h"

#define CONTAINER_SPEC "TaskTemplate.ContainerSpec"

/* The spec of `service create IMAGE [ARG...]`, image as given; NULL and *e. */
json_t *service_spec_new(struct cli *c, const struct args *a, struct err *e);
/* Apply the options of `service update` to a spec. */
MUST_CHECK bool service_spec_change(struct cli *c, const struct args *a, json_t *spec,
				    struct err *e);

/* service_lists.c: lists and maps of text and objects. */
MUST_CHECK bool service_put_lists(const struct args *a, json_t *spec, bool is_update,
				  struct err *e);

/* service_refs.c: networks, secrets and configs, whose names the engine turns into ids. */
MUST_CHECK bool service_put_refs(struct cli *c, const struct args *a, json_t *spec, bool is_update,
				 struct err *e);
/* Pin the image to the digest the registry knows; what cannot be found out is a warning on
 * standard error. */
MUST_CHECK bool service_pin_image(struct cli *c, const struct args *a, json_t *spec,
				  bool sets_platforms, struct err *e);

/* The names of a list option for create and for update. */
struct list_names {
	char add[64], remove[64]; /* remove is "" for create */
};
struct list_names list_names(const char *stem, bool is_update);
bool list_is_given(const struct args *a, const char *stem, bool is_update);

#endif
