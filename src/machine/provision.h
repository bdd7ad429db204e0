/* Provisioners: how an engine comes to a host that a driver made. A driver names one; several drivers
 * share those that work over SSH.
 *
 * What is to be installed and with which options is in config.json's HostOptions; the certificates
 * lie in the machine's folder (certs_issue() has made them). Keys are never words of a command line. */
#ifndef SHOAL_MACHINE_PROVISION_H
#define SHOAL_MACHINE_PROVISION_H

#include <stdbool.h>

#include "base/str.h"

struct cli;
struct machine;

struct provisioner {
	const char *name;
	/* Bring engine, certificates and options to the host and (re)start the engine. May be called
	 * any number of times, and goes on where it was broken off; it need not wait until the engine
	 * answers. */
	bool (*provision)(struct cli *c, struct machine *m, struct err *e);
	/* Bring the newest engine. NULL: the driver's no_upgrade says why not. */
	bool (*upgrade)(struct cli *c, struct machine *m, struct err *e);
};

/* The one of its driver; NULL when it was created without an engine, or with another one by Docker
 * Machine. */
const struct provisioner *machine_provisioner(const struct machine *m);
/* Certificates, then the engine by the machine's provisioner; returns when it answers. */
bool machine_bring_engine(struct cli *c, struct machine *m, struct err *e) MUST_CHECK;

/* Over the SSH of its driver, from a tree of programs that is pushed over the connection (sshprovision.c). */
extern const struct provisioner ssh_provisioner;
/* The end of the log of an engine that it brought; NULL when it cannot be had. */
char *ssh_log_tail(const struct machine *m);

/* The port its engine is to listen on: EnginePort of its driver's members, or the usual one. */
int machine_engine_port(const struct machine *m);
/* What a shell of that user is told so that root does `script`; asks for no password. The caller frees
 * it. */
char *as_root(const char *user, const char *script);
/* What the host is given as /etc/shoal/start: environment and options of the engine; its own words are
 * further options. */
bool engine_start_script(const struct machine *m, struct buf *out, struct err *e) MUST_CHECK;

#endif
