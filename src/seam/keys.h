/* The hands that hold secrets and make certificates (OpenSSL), and true randomness.
 *
 * A node's private key never enters the mind: the hands make it, keep it under
 * <data-root>/swarm/certificates, and use it for every connection from the moment install()
 * is done. What the mind passes around are certificates, requests and the cluster's CA key
 * (which is replicated among managers). Calls are answered by one event each. */
#ifndef SHOAL_SEAM_KEYS_H
#define SHOAL_SEAM_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct keys_signing {
	struct str ca_cert, ca_key; /* PEM */
	struct str csr;             /* PEM */
	const char *cn, *ou, *org;
	int64_t lifetime_s; /* under an hour: the default of 90 days is taken */
	int64_t wall_ns;    /* the time it is signed at */
};

struct keys {
	void *self;
	/* What nobody may guess; at most 4 KiB. Event: a = the bytes. */
	void (*random)(void *self, uint64_t ticket, size_t count);
	/* A root CA (swarm-ca, 20 years). Event: a = certificate, b = key (PEM), c = "sha256:<hex>" of a. */
	void (*new_root)(void *self, uint64_t ticket, int64_t wall_ns);
	/* The digest by which a token pins a root. Event: c = "sha256:<hex>" of the bytes. */
	void (*digest)(void *self, uint64_t ticket, struct str root);
	/* A new key for this node, kept aside, and a request for a certificate. Event: a = CSR. */
	void (*new_csr)(void *self, uint64_t ticket);
	/* Event: a = certificate chain, leaf first. */
	void (*sign)(void *self, uint64_t ticket, const struct keys_signing *what);
	/* Believe in this root and be this certificate, whose key is the one kept aside, from now on:
	 * written to disk, and used for every new connection. Event: identity. */
	void (*install)(void *self, uint64_t ticket, struct str root, struct str cert);
	/* Believe in this root for verifying others; the certificate stays, and must lead to it: FAILED
	 * otherwise. With a certificate it is written to disk. Event: identity. */
	void (*trust)(void *self, uint64_t ticket, struct str root);
	/* What is on disk from an earlier life. Event: identity, or FAILED with ERR_NOT_FOUND. */
	void (*load)(void *self, uint64_t ticket);
	/* Forget the identity and remove its files. */
	void (*wipe)(void *self, uint64_t ticket);
};

/* What this node is, by its certificate. */
struct keys_identity {
	const char *node_id, *role, *org;
	int64_t not_before_s, not_after_s; /* since 1970 */
	struct str root;                   /* PEM */
	struct str issuer_subject;         /* DER, for NodeTLSInfo */
	struct str issuer_public_key;      /* DER */
};

enum keys_event_kind { KEYS_DONE, KEYS_FAILED };

struct keys_event {
	enum keys_event_kind kind;
	struct str a, b, c;
	struct keys_identity identity;
	int err_kind; /* enum err_kind, FAILED */
	const char *text;
};

#endif
