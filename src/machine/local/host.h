/* The record of a local host: /var/lib/shoal-machine/ID/host.json, and where its other things lie.
 *
 *   /var/lib/shoal-machine/ID/   host.json, data (the engine's root), etc, tls, log
 *   /run/shoal-machine/ID/       pid of its first process, root (where its view of files is
 * mounted) smID                         its veth's end in the bridge shoal-machine-ID its cgroup in
 * each hierarchy
 *
 * All of it follows from the id, so whoever knows that can remove what a crash left. Ids are drawn
 * at random: the stores of several users share this computer. An address is taken as long as a
 * record has it. */
#ifndef SHOAL_MACHINE_LOCAL_HOST_H
#define SHOAL_MACHINE_LOCAL_HOST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define HOSTS_FOLDER   "/var/lib/shoal-machine"
#define RUN_FOLDER     "/run/shoal-machine"
#define HOST_ID_LEN    8
#define HOSTS_MAX      1000
#define HOST_BYTES_MAX ((size_t)1 << 20)

struct host {
	char id[HOST_ID_LEN + 1];
	char *name;
	char *store;        /* which store it belongs to, for people who wonder */
	uint32_t address;   /* host order */
	uint32_t network;   /* its /24; .1 is the bridge */
	char **engine;      /* words of the engine's command line behind its name, NULL-ended */
	char **environment; /* NAME=VALUE of the engine, NULL-ended */
};

/* A fresh id. */
void host_id_new(char id[HOST_ID_LEN + 1]);
bool host_id_is_valid(const char *id);

/* Read or write the record; host_clear() is due after a read that went well. */
bool host_read(const char *id, struct host *h, struct err *e) MUST_CHECK;
bool host_parse(const char *id, struct str text, struct host *h, struct err *e) MUST_CHECK;
bool host_write(const struct host *h, struct err *e) MUST_CHECK;
void host_clear(struct host *h);
/* Records that can be read; the array is the caller's, each to be cleared. */
struct host *hosts_read(size_t *count);

/* Paths; the caller frees them. */
char *host_path(const char *id, const char *file);
char *host_run_path(const char *id, const char *file);

/* "192.168.213.2"; `out` has room for 16. */
const char *address_text(uint32_t address, char out[16]);
bool address_parse(const char *text, uint32_t *address);

#endif
