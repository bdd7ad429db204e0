/* The swarm's certificates: keys, roots, requests, signing, and what makes a chain good.
 *
 * Everything comes and goes as PEM text, because that is what is stored, sent and hashed. The time
 * is an argument, in seconds since 1970. Private keys that pass through are wiped from our own
 * memory; the buffers they are written to belong to the caller, who wipes them too.
 *
 * Node certificates name the node three times: O is the cluster, OU the role, CN the node id. The
 * DNS names a verifier looks at are the role and the node id, and swarm-ca for managers.
 *
 * Source: RFC 5280, RFC 2986; profile of the swarm's certificates as stock nodes make them. */
#ifndef SHOAL_WIRE_X509_H
#define SHOAL_WIRE_X509_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define X509_PEM_MAX       65536 /* largest bundle, request or key that is looked at */
#define X509_BUNDLE_MAX    16    /* certificates of a bundle or chain */
#define X509_NAME_PART_MAX 64
#define X509_OUS_MAX       8
#define X509_DER_MAX       8192 /* a subject, or a public key */

#define ROOT_LIFETIME_S         INT64_C(630720000)
#define NODE_CERT_EXPIRY_S      INT64_C(7776000)
#define NODE_CERT_EXPIRY_MIN_S  INT64_C(3600) /* what is below means NODE_CERT_EXPIRY_S */
#define FOREIGN_ROOT_LEFT_MIN_S INT64_C(31536000)

/* Who a certificate speaks of. Absent parts are "". */
struct cert_identity {
	char cn[X509_NAME_PART_MAX + 1];
	char org[X509_NAME_PART_MAX + 1]; /* the first O */
	char ou[X509_OUS_MAX][X509_NAME_PART_MAX + 1];
	int ou_count;
};

struct cert_info {
	struct cert_identity identity;
	int64_t not_before_s, not_after_s;
};

bool identity_has_ou(const struct cert_identity *id, const char *ou);

/* ---- keys: P-256 ---- */

/* A new key, PKCS#8 "PRIVATE KEY". */
bool key_new(struct buf *pem, struct err *e);
/* ERR_CONFLICT if the key is not that of the first certificate. */
bool key_matches_cert(struct str key, struct str cert, struct err *e);

/* ---- roots ---- */

/* A new root CA: CN=swarm-ca, twenty years; the key as "EC PRIVATE KEY". */
bool root_new(int64_t now_s, struct buf *cert, struct buf *key, struct err *e);
/* A bundle we may trust: one to X509_BUNDLE_MAX self-signed certificates that are valid now, RSA of
 * 2048 bits or more or P-256, P-384, P-521, signed with SHA-2. ERR_INVALID says what is wrong. */
bool root_check(struct str bundle, int64_t now_s, struct err *e);
/* One certificate (ERR_INVALID: "the desired CA certificate ...") that signs for another year. */
bool root_check_desired(struct str cert, int64_t now_s, struct err *e);

/* ---- requests ---- */

/* A certificate request with this key: no subject, no extensions. */
bool csr_new(struct str key, struct buf *csr, struct err *e);
/* ERR_INVALID unless it is a request signed by its own acceptable key. */
bool csr_check(struct str csr, struct err *e);

/* ---- signing ---- */

struct signer {
	struct str cert, key; /* the CA's certificate and key */
	struct str
		cross_signed; /* during a root rotation: delivered behind each leaf; else empty */
};

/* A node certificate: the request's public key, the identity given, valid from an hour ago until
 * now + expiry_s. Appends the leaf and signer.cross_signed. */
bool node_cert_sign(const struct signer *by, struct str csr, const char *cluster_id,
		    const char *role, const char *node_id, int64_t now_s, int64_t expiry_s,
		    struct buf *chain, struct err *e);
/* The new root's subject and key, signed by the old root as an intermediate CA. */
bool root_cross_sign(struct str old_cert, struct str old_key, struct str new_cert, struct buf *cert,
		     struct err *e);

/* ---- verifying ---- */

enum chain_time { CHAIN_VALID_NOW, CHAIN_MAY_BE_EXPIRED };

/* The first certificate of `chain` leads through the others to one of `roots`, and there is a time
 * when all of them are valid; with CHAIN_VALID_NOW it is now. ERR_UNAUTHENTICATED otherwise. */
bool chain_verify(struct str roots, struct str chain, enum chain_time time, int64_t now_s,
		  struct err *e);
/* What the first certificate says, unverified. */
bool cert_read(struct str chain, struct cert_info *info, struct err *e);
/* The issuer of the first certificate as the node description carries it: the DER of its subject
 * and of its public key. It is looked for in the chain, then in the roots. */
bool cert_issuer(struct str roots, struct str chain, struct buf *subject, struct buf *public_key,
		 struct err *e);
/* The same two of a certificate itself: what a converged node reports of this root. */
bool cert_subject(struct str cert, struct buf *subject, struct buf *public_key, struct err *e);

#endif
