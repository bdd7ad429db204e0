#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "wire/x509_inside.h"

#define ROOT_BACKDATE_S 300
#define NODE_BACKDATE_S 3600
#define SERIAL_LEN      20

static int64_t to_the_minute(int64_t now_s)
{
	return (now_s + 30) / 60 * 60;
}

/* 159 random bits, and not zero. */
static bool set_serial(X509 *cert)
{
	unsigned char bytes[SERIAL_LEN];
	BIGNUM *n;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] &= 0x7f;
	bytes[SERIAL_LEN - 1] |= 1;
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok;
}

static bool set_times(X509 *cert, int64_t not_before_s, int64_t not_after_s)
{
	return ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)not_before_s) &&
	       ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)not_after_s);
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (!((*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'z') ||
		      (*text >= 'A' && *text <= 'Z') || strchr(" '()+,-./:=?", *text)))
			return false;
	return true;
}

static bool add_name(X509_NAME *name, int nid, const char *text)
{
	int type = is_printable(text) ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING;

	return X509_NAME_add_entry_by_NID(name, nid, type, (const unsigned char *)text, -1, -1,
					  0) == 1;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

/* Version, serial, times and public key of a fresh certificate. */
static X509 *cert_begin(EVP_PKEY *key, int64_t not_before_s, int64_t not_after_s)
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
	    set_times(cert, not_before_s, not_after_s) && X509_set_pubkey(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

static bool add_ca_extensions(X509 *cert, X509 *issuer)
{
	return add_extension(cert, issuer, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	       add_extension(cert, issuer, NID_basic_constraints, "critical,CA:TRUE") &&
	       add_extension(cert, issuer, NID_subject_key_identifier, "hash");
}

bool root_new(int64_t now_s, struct buf *cert_pem, struct buf *key_pem, struct err *e)
{
	int64_t not_before_s = to_the_minute(now_s) - ROOT_BACKDATE_S;
	AUTO_KEY EVP_PKEY *key = EVP_EC_gen("P-256");
	AUTO_CERT X509 *cert =
		key ? cert_begin(key, not_before_s, not_before_s + ROOT_LIFETIME_S) : NULL;
	AUTO_BIO BIO *bio = BIO_new(BIO_s_mem());
	X509_NAME *name;

	if (!cert)
		return fail_openssl(e, "make a root certificate");
	name = X509_get_subject_name(cert);
	if (!add_name(name, NID_commonName, "swarm-ca") || !X509_set_issuer_name(cert, name) ||
	    !add_ca_extensions(cert, cert) || !X509_sign(cert, key, key_digest(key)) ||
	    !PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL))
		return fail_openssl(e, "make a root certificate");
	return bio_drain(bio, key_pem, e) && cert_write(cert, cert_pem, e);
}

/* The CA's first certificate and its key, which must belong together. */
static bool signer_parse(struct str cert_pem, struct str key_pem, STACK_OF(X509) **certs,
			 EVP_PKEY **key, struct err *e)
{
	*certs = certs_parse(cert_pem, e);
	*key = *certs ? key_parse(key_pem, e) : NULL;
	if (!*key)
		return while_doing(e, "certificate authority");
	if (X509_check_private_key(sk_X509_value(*certs, 0), *key) == 1)
		return true;
	ERR_clear_error();
	return fail(e, ERR_INVALID,
		    "certificate authority: the key does not belong to the certificate");
}

static bool add_node_names(X509 *cert, const char *cluster_id, const char *role,
			   const char *node_id)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return add_name(name, NID_organizationName, cluster_id) &&
	       add_name(name, NID_organizationalUnitName, role) &&
	       add_name(name, NID_commonName, node_id);
}

static bool replace_authority_key(X509 *cert, X509 *issuer)
{
	int at = X509_get_ext_by_NID(cert, NID_authority_key_identifier, -1);

	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(cert, at));
	/* A foreign CA need not have a subject key identifier to point at. */
	if (X509_get_ext_by_NID(issuer, NID_subject_key_identifier, -1) < 0)
		return true;
	return add_extension(cert, issuer, NID_authority_key_identifier, "keyid");
}

static bool add_node_extensions(X509 *cert, X509 *issuer, const char *role, const char *node_id)
{
	AUTO_FREE char *names =
		xasprintf("DNS:%s,DNS:%s%s", role, node_id,
			  strcmp(role, "swarm-manager") == 0 ? ",DNS:swarm-ca" : "");

	return add_extension(cert, issuer, NID_key_usage,
			     "critical,digitalSignature,keyEncipherment") &&
	       add_extension(cert, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
	       add_extension(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
	       replace_authority_key(cert, issuer) &&
	       add_extension(cert, issuer, NID_subject_alt_name, names);
}

/* What stands in a certificate's name must not be able to say more than one thing there. */
static bool check_name(const char *what, const char *text, struct err *e)
{
	size_t len = strlen(text);

	if (len == 0 || len > X509_NAME_PART_MAX)
		return fail(e, ERR_INVALID, "the %s has %zu characters", what, len);
	for (; *text; text++)
		if (!((*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'z') ||
		      (*text >= 'A' && *text <= 'Z') || *text == '-' || *text == '.'))
			return fail(e, ERR_INVALID,
				    "the %s holds more than letters, digits, dashes and dots",
				    what);
	return true;
}

bool node_cert_sign(const struct signer *by, struct str csr_pem, const char *cluster_id,
		    const char *role, const char *node_id, int64_t now_s, int64_t expiry_s,
		    struct buf *chain, struct err *e)
{
	int64_t minute_s = to_the_minute(now_s);
	AUTO_CERTS STACK_OF(X509) *ca = NULL;
	AUTO_KEY EVP_PKEY *ca_key = NULL;
	AUTO_CSR X509_REQ *csr = NULL;
	AUTO_CERT X509 *cert = NULL;
	X509 *issuer;

	if (!check_name("cluster id", cluster_id, e) || !check_name("role", role, e) ||
	    !check_name("node id", node_id, e) || !csr_check(csr_pem, e) ||
	    !signer_parse(by->cert, by->key, &ca, &ca_key, e))
		return false;
	if (expiry_s < NODE_CERT_EXPIRY_MIN_S)
		expiry_s = NODE_CERT_EXPIRY_S;
	csr = csr_parse(csr_pem, e);
	issuer = sk_X509_value(ca, 0);
	cert = cert_begin(X509_REQ_get0_pubkey(csr), minute_s - NODE_BACKDATE_S,
			  minute_s + expiry_s);
	if (!cert || !add_node_names(cert, cluster_id, role, node_id) ||
	    !X509_set_issuer_name(cert, X509_get_subject_name(issuer)) ||
	    !add_node_extensions(cert, issuer, role, node_id) ||
	    !X509_sign(cert, ca_key, key_digest(ca_key)))
		return fail_openssl(e, "sign a node certificate");
	if (!cert_write(cert, chain, e))
		return false;
	return buf_append_str(chain, by->cross_signed) ||
	       fail(e, ERR_EXHAUSTED, "certificate chain larger than %zu bytes", chain->max);
}

/* Everything but issuer and signature stays: subject, key, times, and the subject key identifier
 * that the leaves of the new root point at. */
bool root_cross_sign(struct str old_cert, struct str old_key, struct str new_cert,
		     struct buf *cert_pem, struct err *e)
{
	AUTO_CERTS STACK_OF(X509) *ca = NULL;
	AUTO_CERTS STACK_OF(X509) *subject = NULL;
	AUTO_KEY EVP_PKEY *ca_key = NULL;
	AUTO_CERT X509 *cert = NULL;
	X509 *issuer;

	if (!signer_parse(old_cert, old_key, &ca, &ca_key, e) ||
	    !(subject = certs_parse(new_cert, e)))
		return false;
	issuer = sk_X509_value(ca, 0);
	if (X509_check_ca(sk_X509_value(subject, 0)) != 1)
		return fail(e, ERR_INVALID, "the certificate to cross-sign is not that of a CA");
	cert = X509_dup(sk_X509_value(subject, 0));
	if (!cert || !X509_set_issuer_name(cert, X509_get_subject_name(issuer)) ||
	    !replace_authority_key(cert, issuer) || !X509_sign(cert, ca_key, key_digest(ca_key)))
		return fail_openssl(e, "cross-sign a root certificate");
	return cert_write(cert, cert_pem, e);
}
