/* Contexts: named engines, in the folder where docker keeps its own, in its form.
 *
 *     DIR/config.json                          "currentContext": the one in use
 *     DIR/contexts/meta/ID/meta.json           {"Name", "Metadata": {"Description"},
 *                                               "Endpoints": {"docker": {"Host", "SkipTLSVerify"}}}
 *     DIR/contexts/tls/ID/docker/{ca,cert,key}.pem
 *
 * ID is the SHA-256 of the name. "default" is no file: it is what the environment says. */
#ifndef SHOAL_CLI_CONTEXT_STORE_H
#define SHOAL_CLI_CONTEXT_STORE_H

#include <jansson.h>

#include "base/err.h"

#define CONTEXT_DEFAULT "default"

/* ERR_INVALID unless [a-zA-Z0-9][a-zA-Z0-9_.+-]+ and not "default". */
MUST_CHECK bool context_name_check(const char *name, struct err *e);

/* meta.json; NULL and ERR_NOT_FOUND when there is none of that name. */
json_t *context_load(const char *dir, const char *name, struct err *e);
MUST_CHECK bool context_save(const char *dir, const char *name, const json_t *meta, struct err *e);
/* With its keys. ERR_NOT_FOUND. */
MUST_CHECK bool context_delete(const char *dir, const char *name, struct err *e);
/* Names, sorted, as a JSON array; not "default". */
json_t *context_names(const char *dir);

/* "DIR/contexts/meta/ID", and "DIR/contexts/tls/ID": the caller's. */
char *context_meta_folder(const char *dir, const char *name);
char *context_tls_folder(const char *dir, const char *name);

/* The context in use: DOCKER_CONTEXT, else "currentContext", else "default"; the caller's. */
char *context_in_use(const char *dir);

#endif
