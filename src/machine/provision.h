/* Provisioners: how an engine comes to a host that a driver made. A driver names one; several drivers
 * share those that work over SSH.
 *
 * What is to be installed and with which options is in config.json's HostOptions; the certificates
 * lie in the machine's folder (certs_issue() has made them). Keys are never words of a command line. */
#ifndef SHOAL_MACHINE_PROVISION_H
#define SHOAL_MACHINE_PROVISION_H

#include <stdbool.h>

#include "base/err.h"

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

#endif
