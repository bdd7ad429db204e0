/* The hands that hold secrets and make certificates (OpenSSL), and true randomness.
 *
 * A node's private key never enters the mind: the hands make it, keep it under
 * <data-root>/swarm/certificates, and use it for every connection from the moment install()
 * is done. Nor does the key that a manager's raft journal is sealed with: it lies beside the private
 * key, and both are locked with the swarm's unlock key, if there is one. What the mind passes around are certificates, requests and the cluster's CA key
 * (which is replicated among managers). Calls are answered by one event each. */
#ifndef SHOAL_SEAM_KEYS_H
#define SHOAL_SEAM_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define UNLOCK_KEY_BYTES 32

struct keys_signing {
	struct str ca_cert, ca_key; /* PEM */
	struct str cross_signed; /* PEM: delivered behind the certificate; "" outside a rotation */
	struct str csr;          /* PEM */
	const char *cn, *ou, *org;
	int64_t lifetime_s; /* under an hour: the default of 90 days is taken */
	int64_t wall_ns;    /* the time it is signed at */
};

/* A new root, and the old one's signature on it, so that whoever believes in the old one only believes
 * certificates of the new one, too. */
struct keys_rotation {
	struct str old_cert, old_key; /* PEM */
	struct str new_cert, new_key; /* PEM; both empty: they are made */
	int64_t wall_ns;
};

struct keys {
	void *self;
	/* What nobody may guess; at most 4 KiB. Event: a = the bytes. */
	void (*random)(void *self, uint64_t ticket, size_t count);
	/* A root CA (swarm-ca, 20 years). Event: a = certificate, b = key (PEM), c = "sha256:<hex>" of a. */
	void (*new_root)(void *self, uint64_t ticket, int64_t wall_ns);
	/* A root to change to. Event: a = certificate, b = key ("" if only a certificate was given), c = the
	 * certificate cross-signed by the old root. FAILED with ERR_INVALID when what was given cannot be
	 * a root. */
	void (*new_rotation)(void *self, uint64_t ticket, const struct keys_rotation *what);
	/* What a root is known by. Event: c = "sha256:<hex>" of the bytes, by which a token pins it;
	 * a = subject and b = public key of its first certificate (DER; "" if it has none). */
	void (*digest)(void *self, uint64_t ticket, struct str root);
	/* A new key for this node, kept aside, and a request for a certificate. Event: a = CSR. */
	void (*new_csr)(void *self, uint64_t ticket);
	/* Event: a = certificate chain, leaf first. */
	void (*sign)(void *self, uint64_t ticket, const struct keys_signing *what);
	/* Believe in this root and be this certificate, whose key is the one kept aside, from now on:
	 * written to disk, and used for every new connection. A manager's first certificate is not
	 * written before lock() has said how to; a worker's key is never locked, and the key to the
	 * raft journal goes when a manager becomes one. Event: identity. */
	void (*install)(void *self, uint64_t ticket, struct str root, struct str cert);
	/* Believe in this root for verifying others; the certificate stays, and must lead to it: FAILED
	 * otherwise. With a certificate it is written to disk. Event: identity. */
	void (*trust)(void *self, uint64_t ticket, struct str root);
	/* A manager's keys are locked with these 32 bytes from now on, or (empty) not any more; the version
	 * is that of the cluster object which says so, 0 before there is one. What is older than what the
	 * hands know is ignored. Once keys that lay open are locked, the raft journal is sealed anew: the
	 * event comes when that is done, and before the first write to the journal of a new manager. */
	void (*lock)(void *self, uint64_t ticket, struct str unlock_key, uint64_t version);
	/* What is on disk from an earlier life, opened with the unlock key if one is given. Event:
	 * identity; or FAILED with ERR_NOT_FOUND; or with ERR_DENIED when it is locked and this is not
	 * the key, and identity then says what the certificate shows. */
	void (*load)(void *self, uint64_t ticket, struct str unlock_key);
	/* Forget the identity and remove its files, with all keys in them overwritten. */
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
