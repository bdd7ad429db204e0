#include <openssl/err.h>
#include <openssl/pem.h>

#include "wire/x509_inside.h"

bool csr_new(struct str key_pem, struct buf *pem, struct err *e)
{
	AUTO_KEY EVP_PKEY *key = key_parse(key_pem, e);
	AUTO_CSR X509_REQ *csr = key ? X509_REQ_new() : NULL;
	AUTO_BIO BIO *bio = BIO_new(BIO_s_mem());

	if (!csr)
		return false;
	if (!X509_REQ_set_version(csr, X509_REQ_VERSION_1) || !X509_REQ_set_pubkey(csr, key) ||
	    !X509_REQ_sign(csr, key, key_digest(key)) || !PEM_write_bio_X509_REQ(bio, csr))
		return fail_openssl(e, "make a certificate request");
	return bio_drain(bio, pem, e);
}

bool csr_check(struct str pem, struct err *e)
{
	AUTO_CSR X509_REQ *csr = csr_parse(pem, e);
	EVP_PKEY *key;
	bool is_signed;

	if (!csr)
		return false;
	key = X509_REQ_get0_pubkey(csr);
	is_signed = key_is_acceptable(key) && X509_REQ_verify(csr, key) == 1;
	ERR_clear_error();
	if (!key_is_acceptable(key))
		return fail(e, ERR_INVALID,
			    "the certificate request's key is not RSA of 2048 bits, P-256, P-384 "
			    "or P-521");
	return is_signed ||
	       fail(e, ERR_INVALID, "the certificate request is not signed by its own key");
}
