/* The store of machines: a folder a machine, and the certificates they share.
 *
 *   certs/ca.pem ca-key.pem cert.pem key.pem     whom engines trust, and who we are
 *   machines/NAME/config.json                    all that is known of it
 *   machines/NAME/ca.pem cert.pem key.pem        copies, so that the folder is a DOCKER_CERT_PATH
 *   machines/NAME/server.pem server-key.pem      what its engine shows
 *
 * Folders are 0700, files 0600 but for certificates. config.json has Docker Machine's members
 * (version 3), so that what reads those can read ours, and members we do not know are kept; ours in
 * addition: "Stage", which is "creating" from before the first step of create until its last is
 * done, and "Resources", the journal of what was made elsewhere (journal.h). It is saved before each
 * step that makes something outside of the store: whoever finds it after a crash knows what to look
 * for. Secrets of a cloud are never in it.
 *
 * A folder machines/NAME, even an empty one, is a machine. */
#ifndef SHOAL_MACHINE_STORE_H
#define SHOAL_MACHINE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct driver;

#define CONFIG_VERSION   3
#define CONFIG_BYTES_MAX ((size_t)1 << 20)
#define MACHINES_MAX     10000
#define ID_TEXT          13

enum machine_state {
	STATE_NONE, /* cannot be told */
	STATE_RUNNING,
	STATE_PAUSED,
	STATE_SAVED,
	STATE_STOPPED,
	STATE_STOPPING,
	STATE_STARTING,
	STATE_ERROR,
	STATE_TIMEOUT,
};

struct store {
	char *root;
	char *ca, *ca_key, *cert, *key; /* paths */
};

struct machine {
	const struct store *store;
	char *name;
	char *folder;
	json_t *config;
	json_t *own; /* config's "Driver": the driver's members; borrowed */
	const struct driver *driver;
	enum machine_state state; /* as of the last look at the host, STATE_NONE before it */
	struct err why;           /* of STATE_ERROR and STATE_TIMEOUT */
	int lock;
	bool is_plan; /* nothing of it is saved */
};

void store_init(struct store *s, const char *root);
void store_clear(struct store *s);

/* 0-9 a-z A-Z . - and it begins with a letter or digit; at most 63 characters, as it becomes a host
 * name. */
bool machine_name_is_valid(const char *name);
bool store_has(const struct store *s, const char *name);
/* In the order people count; the array and the names are the caller's. */
char **store_names(const struct store *s, size_t *count);
void names_free(char **names, size_t count);

/* A machine that is not on disk yet. */
struct machine *machine_new(const struct store *s, const char *name, const struct driver *driver);
/* ERR_NOT_FOUND when there is none; ERR_INVALID when its config.json is not one of ours. */
struct machine *machine_load(const struct store *s, const char *name, struct err *e);
void machine_free(struct machine *m);

/* Make config of a config.json's text; NULL and *e if it is none. */
json_t *config_parse(struct str text, struct err *e);

/* One command at a time changes a machine: held until machine_free(). ERR_CONFLICT when another has
 * it. Makes the machine's folder. */
bool machine_lock(struct machine *m, struct err *e) MUST_CHECK;
bool machine_save(struct machine *m, struct err *e) MUST_CHECK;
/* Twelve hex digits that tell this store's things from those of others, in STORE/id. */
bool store_id(const struct store *s, char id[ID_TEXT], struct err *e) MUST_CHECK;
/* Twelve random hex digits. */
void id_new(char id[ID_TEXT]);

/* Remove its folder. */
bool machine_forget(struct machine *m, struct err *e) MUST_CHECK;

/* A path below its folder; the caller frees it. */
char *machine_file(const struct machine *m, const char *file);

#endif
