/* How to reach the registry that a request speaks of: its endpoints, trust and credentials.
 *
 * Request fields: `reference`, `auth` (X-Registry-Auth), `mirror` (URL, any number; for docker.io),
 * `insecure` (host, host:port or an address range; any number). HTTPS everywhere, except that a
 * loopback address and an insecure registry may also speak plain HTTP or show any certificate. Certificates
 * of <certs_dir>/HOST: *.crt are trusted besides the system's, NAME.cert and NAME.key are ours. */
#ifndef SHOAL_CONTENT_REMOTE_H
#define SHOAL_CONTENT_REMOTE_H

#include "content/job.h"
#include "content/registry.h"
#include "wire/ref.h"

struct remote {
	struct ref ref;
	char familiar[REF_TEXT_MAX + 1]; /* what people call it */
	struct registry_setup setup;
	struct arena texts;
};

bool remote_open(struct remote *r, struct job *j, const char *actions, struct err *e) MUST_CHECK;
void remote_clear(struct remote *r);

/* The tag or digest of the reference: what to ask the registry for. */
const char *remote_target(const struct remote *r);

/* Does `host` (of "host:port") match one of the ranges and names of the record? */
bool is_insecure_host(const char *domain, const struct record *request);
bool is_loopback_host(const char *domain);

#endif
