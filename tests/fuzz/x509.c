/* Certificates, requests and keys as a stranger sends them: PEM text that may be anything. */
#include "wire/x509.h"

#include "base/err.h"
#include "fuzz.h"

#define NOW INT64_C(1790000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf subject = BUF_MAX(X509_DER_MAX), key = BUF_MAX(X509_DER_MAX);
	struct str text = str_bytes(data, size);
	struct cert_info info;
	struct err e;

	(void)csr_check(text, &e);
	(void)root_check(text, NOW, &e);
	(void)root_check_desired(text, NOW, &e);
	if (!cert_read(text, &info, &e))
		return 0;
	(void)chain_verify(text, text, CHAIN_VALID_NOW, NOW, &e);
	(void)cert_subject(text, &subject, &key, &e);
	return 0;
}
