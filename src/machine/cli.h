/* One run of shoal-machine: which store, and where its words go. */
#ifndef SHOAL_MACHINE_CLI_H
#define SHOAL_MACHINE_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "console/command.h"
#include "machine/store.h"

struct machine;

struct cli {
	struct store store;
	int argc;
	char **argv;
	int status;
	FILE *to;         /* progress: standard output, or standard error when output is for eval */
	bool names_hosts; /* several hosts are worked on: lines begin with "(name) " */
	bool debug;
};

#define STATUS_FAILURE  1
#define STATUS_USAGE    2
#define STATUS_PRECHECK 3

int machine_main(int argc, char **argv);

/* A line of progress; `m` may be NULL. */
void say(struct cli *c, const struct machine *m, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A line of the host's driver: "(node-01) ..." always. */
void say_host(struct cli *c, const struct machine *m, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Print one failure of several and remember that the run failed. */
void complain(struct cli *c, const struct err *e);

/* The one machine of a command: the word, or "default" if there is one; NULL and *e otherwise. */
struct machine *machine_wanted(struct cli *c, const struct args *a, struct err *e);
/* For each machine named, or "default". Nothing is done unless all can be loaded; then all are
 * done, and what fails is told. */
bool machines_each(struct cli *c, const struct args *a,
		   bool (*each)(struct cli *c, struct machine *m, struct err *e), struct err *e);
/* The same after one look at all of them. */
bool machines_seen(struct cli *c, const struct args *a,
		   bool (*each)(struct cli *c, struct machine *m, struct err *e), struct err *e);
/* The same with all of them at once, a process each. */
bool machines_at_once(struct cli *c, const struct args *a,
		      bool (*each)(struct cli *c, struct machine *m, struct err *e), struct err *e);

/* Are we called docker-machine? Then we speak as it does: its name, its store. */
bool is_docker_machine(void);
void say_version(void);

extern const struct command machine_commands[];

bool machine_create(struct cli *c, const struct args *a, struct err *e);
bool machine_ls(struct cli *c, const struct args *a, struct err *e);
bool machine_env(struct cli *c, const struct args *a, struct err *e);
bool machine_config(struct cli *c, const struct args *a, struct err *e);
bool machine_active(struct cli *c, const struct args *a, struct err *e);
bool machine_ip(struct cli *c, const struct args *a, struct err *e);
bool machine_url_command(struct cli *c, const struct args *a, struct err *e);
bool machine_status(struct cli *c, const struct args *a, struct err *e);
bool machine_inspect(struct cli *c, const struct args *a, struct err *e);
bool machine_version(struct cli *c, const struct args *a, struct err *e);
bool machine_start(struct cli *c, const struct args *a, struct err *e);
bool machine_stop(struct cli *c, const struct args *a, struct err *e);
bool machine_restart(struct cli *c, const struct args *a, struct err *e);
bool machine_kill(struct cli *c, const struct args *a, struct err *e);
bool machine_rm(struct cli *c, const struct args *a, struct err *e);
bool machine_provision(struct cli *c, const struct args *a, struct err *e);
bool machine_regenerate_certs(struct cli *c, const struct args *a, struct err *e);
bool machine_connect(struct cli *c, const struct args *a, struct err *e);
bool machine_disconnect(struct cli *c, const struct args *a, struct err *e);
bool machine_ssh(struct cli *c, const struct args *a, struct err *e);
bool machine_scp(struct cli *c, const struct args *a, struct err *e);
bool machine_mount(struct cli *c, const struct args *a, struct err *e);
bool machine_upgrade(struct cli *c, const struct args *a, struct err *e);
bool machine_gc(struct cli *c, const struct args *a, struct err *e);
bool machine_import(struct cli *c, const struct args *a, struct err *e);

#endif
