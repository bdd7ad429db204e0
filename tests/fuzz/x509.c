/* Certificates and requests as a stranger sends them: PEM text that may be anything. An input that
 * begins with "C" or "R" is the DER inside such a text, so that the base 64 is no obstacle. */
#include "wire/x509.h"

#include <openssl/pem.h>

#include "base/err.h"
#include "fuzz.h"

#define NOW INT64_C(1790000000)

static void read_text(struct str text)
{
	AUTO_BUF struct buf subject = BUF_MAX(X509_DER_MAX), key = BUF_MAX(X509_DER_MAX);
	struct cert_info info;
	struct err e;

	(void)csr_check(text, &e);
	(void)root_check(text, NOW, &e);
	(void)root_check_desired(text, NOW, &e);
	if (!cert_read(text, &info, &e))
		return;
	(void)chain_verify(text, text, CHAIN_VALID_NOW, NOW, &e);
	(void)cert_subject(text, &subject, &key, &e);
}

static void read_der(const char *name, const uint8_t *der, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	PEM_write_bio(bio, name, "", der, (long)size);
	len = BIO_get_mem_data(bio, &text);
	read_text(str_bytes(text, (size_t)len));
	BIO_free(bio);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 'C')
		read_der("CERTIFICATE", data + 1, size - 1);
	else if (size > 0 && data[0] == 'R')
		read_der("CERTIFICATE REQUEST", data + 1, size - 1);
	else
		read_text(str_bytes(data, size));
	return 0;
}
