/* OpenSSL's objects behind x509.h: for the files of wire/ that hold certificates. */
#ifndef SHOAL_WIRE_X509_INSIDE_H
#define SHOAL_WIRE_X509_INSIDE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "base/str.h"
#include "wire/x509.h"

static inline void key_scope(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}
static inline void cert_scope(X509 **cert)
{
	X509_free(*cert);
}
static inline void csr_scope(X509_REQ **csr)
{
	X509_REQ_free(*csr);
}
static inline void bio_scope(BIO **bio)
{
	BIO_free_all(*bio);
}
static inline void certs_scope(STACK_OF(X509) **certs)
{
	sk_X509_pop_free(*certs, X509_free);
}
static inline void store_scope(X509_STORE **store)
{
	X509_STORE_free(*store);
}
#define AUTO_KEY   __attribute__((cleanup(key_scope)))
#define AUTO_CERT  __attribute__((cleanup(cert_scope)))
#define AUTO_CSR   __attribute__((cleanup(csr_scope)))
#define AUTO_BIO   __attribute__((cleanup(bio_scope)))
#define AUTO_CERTS __attribute__((cleanup(certs_scope)))
#define AUTO_STORE __attribute__((cleanup(store_scope)))

/* ERR_INTERNAL "<what>: <OpenSSL's reason>"; empties OpenSSL's error queue. */
bool fail_openssl(struct err *e, const char *what);

/* Each returns NULL and fills *e when the text is none or too large. Never asks a terminal. */
EVP_PKEY *key_parse(struct str pem, struct err *e);
X509_REQ *csr_parse(struct str pem, struct err *e);
/* At least one certificate; text between them is passed over. */
STACK_OF(X509) *certs_parse(struct str pem, struct err *e);

/* Append what a memory BIO holds, and wipe it there. */
bool bio_drain(BIO *bio, struct buf *out, struct err *e);
bool cert_write(X509 *cert, struct buf *pem, struct err *e);

/* RSA of 2048 bits or more, P-256, P-384, P-521. */
bool key_is_acceptable(EVP_PKEY *key);
/* The digest a CA signs with, by the kind and size of its key. */
const EVP_MD *key_digest(EVP_PKEY *key);

/* A store that trusts these roots. Takes a reference on each. */
X509_STORE *store_of(STACK_OF(X509) *roots);

/* X509_verify_cert() with all that a chain may lead to. During a rotation of the root a leaf is
 * followed by the new root's certificate, signed by the old one. Stock managers sign it without
 * the identifier of the key they sign with, and both roots have the same name, so that OpenSSL
 * takes it for self-signed and looks no further: one whose signature is a root's is made the end
 * of the path. */
bool verify_to(X509_STORE_CTX *ctx, STACK_OF(X509) *roots, STACK_OF(X509) *chain);

/* Add what the roots signed of this chain: new roots, in a rotation. Takes a reference on each. */
void add_cross_signed(STACK_OF(X509) *roots, STACK_OF(X509) *chain);

void cert_identity_of(X509 *cert, struct cert_identity *id);
int64_t time_of(const ASN1_TIME *t);
/* One sentence for a failed verification: X509_V_ERR_..., the certificate it is about (or NULL),
 * and the name that was expected (or NULL). */
bool fail_verify(struct err *e, int reason, X509 *cert, const char *name);

#endif
