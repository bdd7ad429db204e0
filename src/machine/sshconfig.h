/* SSH to hosts by the programs ssh(1), scp(1), rsync(1) and sshfs(1): each machine is a "Host" of a
 * configuration file of ours, under its own name, so that those programs' command lines stay short and
 * no configuration of the user's has a say.
 *
 * Host keys are pinned in machines/NAME/known_hosts under the machine's name: an address may change,
 * a key may not. A host that was never seen is taken at its word. */
#ifndef SHOAL_MACHINE_SSHCONFIG_H
#define SHOAL_MACHINE_SSHCONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "machine/store.h"

#define SSH_PORT 22

struct ssh_address {
	char host[256];
	char user[64];
	char key[4096]; /* path of the private key; "" to let ssh find one */
	int port;
};

/* Where its SSH listens; refuses a machine that does not run or has no SSH, or a key that others may
 * read. Looks at the host. */
bool ssh_address_of(struct machine *m, struct ssh_address *to, struct err *e) MUST_CHECK;
/* Append the machine's section. */
bool ssh_config_write(struct machine *m, struct buf *out, struct err *e) MUST_CHECK;
/* Write the sections of machines to a fresh file; the caller unlinks and frees the path. */
char *ssh_config_file(const struct store *s, struct machine *const *machines, size_t count,
		      struct err *e);

/* Run a program with `words` (argv, NULL-ended) in the foreground; *status is its exit code, 128 and
 * the signal if one ended it. ERR_NOT_FOUND when there is no such program. */
bool program_run(const char *const *words, int *status, struct err *e) MUST_CHECK;

#endif
