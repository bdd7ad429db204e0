/* Certificates of a store: one CA, one client (us), one server a machine. P-256, SHA-256, 1080
 * days.
 *
 * Keys are written 0600 and never leave this computer but in files of their own. Nothing here has a
 * revocation: who holds the client's key is trusted by every engine of the store. */
#ifndef SHOAL_MACHINE_CERTS_H
#define SHOAL_MACHINE_CERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/store.h"

/* Make CA and client certificate if they are missing or have expired; *made_ca and *made_client say
 * which. A client certificate that the CA did not sign is made anew. */
bool certs_prepare(const struct store *s, bool *made_ca, bool *made_client,
		   struct err *e) MUST_CHECK;

/* A new server certificate for a machine: its addresses, its name, localhost and its extra
 * names.
 * Puts copies of what clients need beside it. */
bool certs_issue(const struct machine *m, struct err *e) MUST_CHECK;

/* Only those copies: for a host whose engine is not ours to set up. */
bool certs_copy(const struct machine *m, struct err *e) MUST_CHECK;

/* Days until the certificate of a file ends, negative when it has. */
bool cert_days_left(const char *path, int *days, struct err *e) MUST_CHECK;

#endif
