/* The configuration of shoald: dockerd's flags and the keys of daemon.json, from one table.
 *
 * A setting comes from the command line or from the file, never from both. An option falls into
 * one of three kinds: it is used; it has no meaning here and is accepted with a line in the
 * log; or it asks for something that is not built, and then it is refused unless it asks for
 * what is so anyway: nobody should believe in a protection that is not there. An unknown flag or
 * key refuses the start. */
#ifndef SHOAL_DAEMON_CONFIG_H
#define SHOAL_DAEMON_CONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

#define CONFIG_FILE_MAX (1 << 20)
#define CONFIG_LIST_MAX 1024 /* values of one option */

struct config_list {
	const char **items;
	size_t count;
};

enum config_action { CONFIG_RUN, CONFIG_HELP, CONFIG_MANUAL, CONFIG_VERSION, CONFIG_VALIDATE };

enum config_source { FROM_DEFAULT = 0, FROM_FLAG, FROM_FILE };

#define CONFIG_OPTIONS_MAX 128

struct config {
	struct arena memory; /* of all texts */
	enum config_action action;
	enum config_source source[CONFIG_OPTIONS_MAX]; /* by place in the table */

	struct config_list hosts;
	const char *data_root, *exec_root, *pidfile, *group, *config_file;
	bool debug;
	const char *log_level, *log_format;

	bool tls, tlsverify;
	const char *tlscacert, *tlscert, *tlskey;

	struct config_list labels, node_generic_resources;
	const char *default_advertise_addr;
	struct config_list insecure_registries, registry_mirrors;
	int64_t max_concurrent_downloads;

	struct config_list runtimes; /* "name=path" */
	const char *default_runtime, *init_path, *cgroup_parent, *storage_driver;
	const char *log_driver;
	struct config_list log_opts; /* "key=value" */

	const char *default_ipc_mode, *default_cgroupns_mode, *default_shm_size;
	struct config_list default_ulimits; /* "name=soft:hard" */
	bool init, no_new_privileges;
	int64_t oom_score_adjust;
	struct config_list exec_opts, storage_opts;

	const char *bip, *ip, *host_gateway_ip;
	bool icc;
	int64_t mtu;
	struct config_list dns, dns_search, dns_opts;
	struct config_list default_address_pools; /* "base=...,size=..." */
	const char *metrics_addr;

	struct config_list hollow; /* options that were given and mean nothing here, as written */
};

/* Flags, then the file, then what follows from both. ERR_INVALID, ERR_UNSUPPORTED or the file's
 * own trouble; the text is for the person who wrote it. config_clear() in either case. */
bool config_load(struct config *c, int argc, char **argv, struct err *e) MUST_CHECK;
void config_clear(struct config *c);

/* Again from the same command line and the file as it is now; on failure *c stays as it was. Only
 * what may change while running is taken over (the names of what did are added to *changed). */
bool config_reload(struct config *c, int argc, char **argv, struct buf *changed,
		   struct err *e) MUST_CHECK;

/* What --help prints, and the manual page that --manual prints. */
void config_write_help(struct buf *out);
void config_write_manual(struct buf *out);

/* May plain TCP be served, because that was asked for in plain words? */
bool config_allows_plain_tcp(const struct config *c);
bool config_uses_tls(const struct config *c);
/* Was the socket's group asked for, or is it the usual one? */
bool config_names_group(const struct config *c);
bool config_verifies_clients(const struct config *c);

enum log_level config_log_level(const struct config *c);

#endif
