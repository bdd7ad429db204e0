#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "wire/x509_inside.h"

bool fail_openssl(struct err *e, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return fail(e, ERR_INTERNAL, "%s: %s", what, reason ? reason : "it failed");
}

/* PEM readers ask a terminal for a passphrase unless somebody answers: nobody knows it. */
static int no_passphrase(char *to, int size, int writing, void *arg)
{
	return -1;
}

static BIO *open_text(struct str pem, const char *what, struct err *e)
{
	if (pem.len == 0 || pem.len > X509_PEM_MAX) {
		(void)fail(e, ERR_INVALID, "%s has %zu bytes", what, pem.len);
		return NULL;
	}
	return BIO_new_mem_buf(pem.ptr, (int)pem.len);
}

EVP_PKEY *key_parse(struct str pem, struct err *e)
{
	AUTO_BIO BIO *bio = open_text(pem, "private key", e);
	EVP_PKEY *key;

	if (!bio)
		return NULL;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	ERR_clear_error();
	if (!key)
		(void)fail(e, ERR_INVALID, "no private key in PEM form");
	return key;
}

X509_REQ *csr_parse(struct str pem, struct err *e)
{
	AUTO_BIO BIO *bio = open_text(pem, "certificate request", e);
	X509_REQ *csr;

	if (!bio)
		return NULL;
	csr = PEM_read_bio_X509_REQ(bio, NULL, no_passphrase, NULL);
	ERR_clear_error();
	if (!csr)
		(void)fail(e, ERR_INVALID, "no certificate request in PEM form");
	return csr;
}

/* The only error that may end a bundle is "no start line". */
static bool bundle_ended_well(void)
{
	unsigned long code = ERR_peek_last_error();
	bool well = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;

	ERR_clear_error();
	return well;
}

STACK_OF(X509) *certs_parse(struct str pem, struct err *e)
{
	AUTO_BIO BIO *bio = open_text(pem, "certificate", e);
	AUTO_CERTS STACK_OF(X509) *certs = sk_X509_new_null();
	STACK_OF(X509) *result;
	X509 *cert;

	if (!bio)
		return NULL;
	ERR_clear_error();
	while ((cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		sk_X509_push(certs, cert);
		if (sk_X509_num(certs) <= X509_BUNDLE_MAX)
			continue;
		(void)fail(e, ERR_INVALID, "more than %d certificates in a bundle",
			   X509_BUNDLE_MAX);
		return NULL;
	}
	if (!bundle_ended_well() || sk_X509_num(certs) == 0) {
		(void)fail(e, ERR_INVALID, "no certificate in PEM form");
		return NULL;
	}
	result = certs;
	certs = NULL;
	return result;
}

bool bio_drain(BIO *bio, struct buf *out, struct err *e)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	bool fits = buf_append(out, data, (size_t)len);

	OPENSSL_cleanse(data, (size_t)len);
	return fits || fail(e, ERR_EXHAUSTED, "PEM text larger than %zu bytes", out->max);
}

bool cert_write(X509 *cert, struct buf *pem, struct err *e)
{
	AUTO_BIO BIO *bio = BIO_new(BIO_s_mem());

	if (!PEM_write_bio_X509(bio, cert))
		return fail_openssl(e, "write a certificate");
	return bio_drain(bio, pem, e);
}

static int curve_of(EVP_PKEY *key)
{
	char name[32];
	size_t len;

	if (!EVP_PKEY_get_group_name(key, name, sizeof(name), &len))
		return NID_undef;
	return OBJ_sn2nid(name);
}

bool key_is_acceptable(EVP_PKEY *key)
{
	int curve;

	if (!key)
		return false;
	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 16384;
	if (!EVP_PKEY_is_a(key, "EC"))
		return false;
	curve = curve_of(key);
	return curve == NID_X9_62_prime256v1 || curve == NID_secp384r1 || curve == NID_secp521r1;
}

const EVP_MD *key_digest(EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);
	bool is_rsa = EVP_PKEY_is_a(key, "RSA");

	if (bits >= (is_rsa ? 4096 : 521))
		return EVP_sha512();
	return bits >= (is_rsa ? 3072 : 384) ? EVP_sha384() : EVP_sha256();
}

bool key_new(struct buf *pem, struct err *e)
{
	AUTO_KEY EVP_PKEY *key = EVP_EC_gen("P-256");
	AUTO_BIO BIO *bio = BIO_new(BIO_s_mem());

	if (!key || !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		return fail_openssl(e, "make a key");
	return bio_drain(bio, pem, e);
}

bool key_matches_cert(struct str key_pem, struct str cert_pem, struct err *e)
{
	AUTO_CERTS STACK_OF(X509) *certs = certs_parse(cert_pem, e);
	AUTO_KEY EVP_PKEY *key = certs ? key_parse(key_pem, e) : NULL;
	bool matches;

	if (!key)
		return false;
	matches = X509_check_private_key(sk_X509_value(certs, 0), key) == 1;
	ERR_clear_error();
	return matches || fail(e, ERR_CONFLICT, "the key does not belong to the certificate");
}
