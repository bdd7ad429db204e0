/* Keys of hosts, pinned: machines/NAME/known_hosts, in the form of ssh(1), under the machine's name.
 * An address may change, a key may not. A key that is in the file came from the host's first word or,
 * better, from where a driver read it (a console); whoever has neither is warned. */
#ifndef SHOAL_MACHINE_HOSTKEY_H
#define SHOAL_MACHINE_HOSTKEY_H

#include <libssh/libssh.h>
#include <stdbool.h>

#include "machine/store.h"

#define KNOWN_HOSTS_MAX ((size_t)64 << 10)

/* Pin a key as the host's own files and consoles print it: "ssh-ed25519 AAAA... comment". Fine when
 * it is there already. ERR_INVALID when it is none. */
bool hostkey_pin(const struct machine *m, struct str line, struct err *e) MUST_CHECK;
/* Pin a key that the host showed. */
bool hostkey_pin_shown(const struct machine *m, ssh_key key, struct err *e) MUST_CHECK;

enum hostkey_verdict { HOSTKEY_KNOWN, HOSTKEY_FIRST, HOSTKEY_OTHER };

/* Is it the one? HOSTKEY_FIRST: none is pinned. */
bool hostkey_check(const struct machine *m, ssh_key shown, enum hostkey_verdict *verdict,
		   struct err *e) MUST_CHECK;
/* The kinds of key that SSH is to ask for, those that are pinned first; "" when none is. */
bool hostkey_kinds(const struct machine *m, struct buf *kinds, struct err *e) MUST_CHECK;

#endif
