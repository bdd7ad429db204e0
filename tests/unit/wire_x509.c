#include "wire/x509.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "test.h"
#include "wire/digest.h"

#define NOW     INT64_C(1790000000) /* 2026-09-21 14:13:20 */
#define CLUSTER "ib5rvaxcohh36wi2b7gtjkx05"
#define NODE    "zz5rvaxcohh36wi2b7gtjkx0a"
#define DAY     INT64_C(86400)

struct ca {
	struct buf cert, key;
};

static struct ca ca_new(int64_t now_s)
{
	struct ca ca = { BUF_MAX(X509_PEM_MAX), BUF_MAX(X509_PEM_MAX) };
	struct err e;

	if (!root_new(now_s, &ca.cert, &ca.key, &e))
		TEST_FAIL("%s", e.text);
	return ca;
}

static void ca_clear(struct ca *ca)
{
	buf_clear(&ca->cert);
	buf_clear(&ca->key);
}

static struct signer signer_of(const struct ca *ca)
{
	return (struct signer){ buf_str(&ca->cert), buf_str(&ca->key), STR("") };
}

/* A node's key and chain. */
struct issued {
	struct buf key, csr, chain;
};

static struct issued issue(const struct signer *by, const char *role, int64_t now_s,
			   int64_t expiry_s)
{
	struct issued n = { BUF_MAX(X509_PEM_MAX), BUF_MAX(X509_PEM_MAX), BUF_MAX(X509_PEM_MAX) };
	struct err e;

	if (!key_new(&n.key, &e) || !csr_new(buf_str(&n.key), &n.csr, &e) ||
	    !node_cert_sign(by, buf_str(&n.csr), CLUSTER, role, NODE, now_s, expiry_s, &n.chain,
			    &e))
		TEST_FAIL("%s", e.text);
	return n;
}

static void issued_clear(struct issued *n)
{
	buf_clear(&n->key);
	buf_clear(&n->csr);
	buf_clear(&n->chain);
}

static bool have_openssl(void)
{
	static int have = -1;

	if (have < 0)
		have = system("openssl version >/dev/null 2>&1") == 0;
	if (!have)
		printf("skipped: the openssl program is not installed\n");
	return have == 1;
}

/* Output of `openssl <args> FILE` with the text as FILE. */
static void openssl(const char *args, const struct buf *text, struct buf *out)
{
	char path[] = "/tmp/shoal-test-XXXXXX", line[512];
	AUTO_FREE char *command = NULL;
	int fd = mkstemp(path);
	FILE *pipe;

	if (fd < 0 || write(fd, text->data, text->len) != (ssize_t)text->len)
		TEST_FAIL("no temporary file");
	close(fd);
	command = xasprintf("openssl %s %s 2>&1", args, path);
	pipe = popen(command, "r");
	while (pipe && fgets(line, sizeof(line), pipe))
		buf_append_c(out, line);
	if (pipe)
		pclose(pipe);
	unlink(path);
}

static void check_says(const struct buf *out, const char *text)
{
	if (!out->data || !strstr(out->data, text))
		TEST_FAIL("\"%s\" is not in:\n%s", text, out->data ? out->data : "");
}

TEST(a_root_has_the_fields_stock_nodes_expect)
{
	AUTO_BUF struct buf out = BUF_MAX(100000);
	struct ca ca = ca_new(NOW);

	CHECK(str_starts_with(buf_str(&ca.key), "-----BEGIN EC PRIVATE KEY-----\n"));
	CHECK(str_ends_with(buf_str(&ca.cert), "-----END CERTIFICATE-----\n"));
	if (have_openssl()) {
		openssl("x509 -noout -text -nameopt RFC2253 -in", &ca.cert, &out);
		check_says(&out, "Issuer: CN=swarm-ca\n");
		check_says(&out, "Subject: CN=swarm-ca\n");
		check_says(&out, "Not Before: Sep 21 14:08:00 2026 GMT");
		check_says(&out, "Not After : Sep 16 14:08:00 2046 GMT");
		check_says(
			&out,
			"X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n");
		check_says(&out, "X509v3 Basic Constraints: critical\n                CA:TRUE\n");
		check_says(&out, "X509v3 Subject Key Identifier");
		check_says(&out, "Signature Algorithm: ecdsa-with-SHA256");
		check_says(&out, "NIST CURVE: P-256");
		CHECK(!strstr(out.data, "Authority Key") && !strstr(out.data, "Alternative"));
	}
	ca_clear(&ca);
}

TEST(a_managers_certificate_has_the_fields_stock_nodes_expect)
{
	AUTO_BUF struct buf out = BUF_MAX(100000);
	struct ca ca = ca_new(NOW);
	struct signer by = signer_of(&ca);
	struct issued n = issue(&by, "swarm-manager", NOW, 0);

	CHECK(str_starts_with(buf_str(&n.key), "-----BEGIN PRIVATE KEY-----\n"));
	if (have_openssl()) {
		openssl("x509 -noout -text -nameopt RFC2253 -in", &n.chain, &out);
		check_says(&out, "Issuer: CN=swarm-ca\n");
		check_says(&out, "Subject: CN=" NODE ",OU=swarm-manager,O=" CLUSTER "\n");
		check_says(&out, "Not Before: Sep 21 13:13:00 2026 GMT");
		check_says(&out, "Not After : Dec 20 14:13:00 2026 GMT");
		check_says(&out, "X509v3 Key Usage: critical\n                Digital Signature, "
				 "Key Encipherment\n");
		check_says(&out, "TLS Web Server Authentication, TLS Web Client Authentication\n");
		check_says(&out, "X509v3 Basic Constraints: critical\n                CA:FALSE\n");
		check_says(&out, "DNS:swarm-manager, DNS:" NODE ", DNS:swarm-ca\n");
		check_says(&out, "Authority Key Identifier");
		buf_reset(&out);
		openssl("asn1parse -in", &n.chain, &out);
		check_says(&out, "PRINTABLESTRING   :" CLUSTER);
	}
	issued_clear(&n);
	ca_clear(&ca);
}

TEST(a_worker_is_no_ca_by_name)
{
	AUTO_BUF struct buf out = BUF_MAX(100000);
	struct ca ca = ca_new(NOW);
	struct signer by = signer_of(&ca);
	struct issued n = issue(&by, "swarm-worker", NOW, 2 * DAY);

	if (have_openssl()) {
		openssl("x509 -noout -text -in", &n.chain, &out);
		check_says(&out, "DNS:swarm-worker, DNS:" NODE "\n");
		check_says(&out, "Not After : Sep 23 14:13:00 2026 GMT");
	}
	issued_clear(&n);
	ca_clear(&ca);
}

TEST(a_request_has_no_subject_and_no_extensions)
{
	AUTO_BUF struct buf out = BUF_MAX(100000), key = BUF_MAX(4096), csr = BUF_MAX(4096);
	struct err e;

	CHECK(key_new(&key, &e) && csr_new(buf_str(&key), &csr, &e) &&
	      csr_check(buf_str(&csr), &e));
	CHECK(str_starts_with(buf_str(&csr), "-----BEGIN CERTIFICATE REQUEST-----\n"));
	if (!have_openssl())
		return;
	openssl("req -noout -text -verify -in", &csr, &out);
	check_says(&out, "Subject: \n");
	check_says(&out, "verify OK");
	check_says(&out, "Requested Extensions:\n    Signature Algorithm: ecdsa-with-SHA256\n");
}

TEST(openssl_verifies_what_we_sign)
{
	AUTO_BUF struct buf out = BUF_MAX(100000), both = BUF_MAX(100000);
	struct ca ca = ca_new(NOW);
	struct signer by = signer_of(&ca);
	struct issued n = issue(&by, "swarm-manager", NOW, 0);
	char root[] = "/tmp/shoal-test-XXXXXX";
	int fd = mkstemp(root);

	CHECK(fd >= 0 && write(fd, ca.cert.data, ca.cert.len) == (ssize_t)ca.cert.len);
	close(fd);
	if (have_openssl()) {
		AUTO_FREE char *args =
			xasprintf("verify -x509_strict -attime 1790000000 -verify_hostname "
				  "swarm-ca -CAfile %s",
				  root);

		openssl(args, &n.chain, &out);
		check_says(&out, ": OK\n");
	}
	unlink(root);
	issued_clear(&n);
	ca_clear(&ca);
}

TEST(what_a_certificate_says_can_be_read)
{
	struct ca ca = ca_new(NOW);
	struct signer by = signer_of(&ca);
	struct issued n = issue(&by, "swarm-worker", NOW, DAY);
	struct cert_info info;
	struct err e;

	CHECK(cert_read(buf_str(&n.chain), &info, &e));
	CHECK_STR(info.identity.cn, NODE);
	CHECK_STR(info.identity.org, CLUSTER);
	CHECK(identity_has_ou(&info.identity, "swarm-worker") &&
	      !identity_has_ou(&info.identity, "swarm-manager"));
	CHECK_INT(info.not_before_s, NOW - 20 - 3600);
	CHECK_INT(info.not_after_s, NOW - 20 + DAY);
	CHECK(key_matches_cert(buf_str(&n.key), buf_str(&n.chain), &e));
	CHECK(!key_matches_cert(buf_str(&ca.key), buf_str(&n.chain), &e) && e.kind == ERR_CONFLICT);
	issued_clear(&n);
	ca_clear(&ca);
}

TEST(a_chain_is_judged_by_its_root_and_the_time)
{
	struct ca ca = ca_new(NOW), other = ca_new(NOW);
	struct signer by = signer_of(&ca);
	struct issued n = issue(&by, "swarm-worker", NOW, DAY);
	struct str roots = buf_str(&ca.cert), chain = buf_str(&n.chain);
	struct err e;

	CHECK(chain_verify(roots, chain, CHAIN_VALID_NOW, NOW, &e));
	CHECK(!chain_verify(buf_str(&other.cert), chain, CHAIN_VALID_NOW, NOW, &e));
	CHECK_STR(e.text, "certificate signed by unknown authority");
	CHECK(!chain_verify(roots, chain, CHAIN_VALID_NOW, NOW + 2 * DAY, &e));
	CHECK_STR(e.text, "certificate of \"" NODE "\" expired at 2026-09-22 14:13:00 UTC");
	CHECK_INT(e.kind, ERR_UNAUTHENTICATED);
	CHECK(chain_verify(roots, chain, CHAIN_MAY_BE_EXPIRED, NOW + 2 * DAY, &e));
	CHECK(!chain_verify(roots, chain, CHAIN_VALID_NOW, NOW - DAY, &e));
	CHECK(strstr(e.text, "is not valid before") || strstr(e.text, "not yet"));
	CHECK(!chain_verify(roots, STR("garbage"), CHAIN_VALID_NOW, NOW, &e));
	issued_clear(&n);
	ca_clear(&ca);
	ca_clear(&other);
}

TEST(certificates_that_were_never_valid_together_make_no_chain)
{
	/* The root's twenty years end before the leaf begins. */
	struct ca ca = ca_new(NOW);
	struct signer by = signer_of(&ca);
	struct issued n = issue(&by, "swarm-worker", NOW + ROOT_LIFETIME_S + DAY, DAY);
	struct err e;

	CHECK(!chain_verify(buf_str(&ca.cert), buf_str(&n.chain), CHAIN_MAY_BE_EXPIRED, NOW, &e));
	CHECK_STR(e.text, "there is no time span for which all of the certificates, including a "
			  "root, are valid");
	issued_clear(&n);
	ca_clear(&ca);
}

TEST(during_a_rotation_a_leaf_verifies_under_either_root)
{
	AUTO_BUF struct buf cross = BUF_MAX(X509_PEM_MAX), issuer = BUF_MAX(X509_DER_MAX);
	AUTO_BUF struct buf issuer_key = BUF_MAX(X509_DER_MAX), root = BUF_MAX(X509_DER_MAX);
	AUTO_BUF struct buf root_key = BUF_MAX(X509_DER_MAX);
	struct ca old = ca_new(NOW - 400 * DAY), new = ca_new(NOW);
	struct signer by;
	struct issued n;
	struct err e;

	CHECK(root_cross_sign(buf_str(&old.cert), buf_str(&old.key), buf_str(&new.cert), &cross,
			      &e));
	by = signer_of(&new);
	by.cross_signed = buf_str(&cross);
	n = issue(&by, "swarm-worker", NOW, DAY);
	CHECK(chain_verify(buf_str(&old.cert), buf_str(&n.chain), CHAIN_VALID_NOW, NOW, &e));
	CHECK(chain_verify(buf_str(&new.cert), buf_str(&n.chain), CHAIN_VALID_NOW, NOW, &e));

	/* A node that trusts the old root reports the new root as its issuer: it has converged. */
	CHECK(cert_issuer(buf_str(&old.cert), buf_str(&n.chain), &issuer, &issuer_key, &e));
	CHECK(cert_subject(buf_str(&new.cert), &root, &root_key, &e));
	CHECK(str_equal(buf_str(&issuer), buf_str(&root)) &&
	      str_equal(buf_str(&issuer_key), buf_str(&root_key)));
	CHECK(issuer_key.len == 91 &&
	      memcmp(issuer.data, "\x30\x13\x31\x11\x30\x0f\x06\x03\x55\x04\x03", 11) == 0);
	buf_reset(&root_key);
	CHECK(cert_subject(buf_str(&old.cert), &root, &root_key, &e));
	CHECK(!str_equal(buf_str(&issuer_key), buf_str(&root_key)));
	issued_clear(&n);
	ca_clear(&old);
	ca_clear(&new);
}

/* Of a stock swarm (20.10.24) in the middle of a rotation: the root that is trusted, a worker's new
 * leaf, and the new root as the old one signed it, which names no key that it is signed with. */
#define STOCK_ROOT                                                                                 \
	"-----BEGIN CERTIFICATE-----\n"                                                            \
	"MIIBazCCARCgAwIBAgIUGp9VqG6ktvBVZTWpgmhgBXpfEy8wCgYIKoZIzj0EAwIw\n"                       \
	"EzERMA8GA1UEAxMIc3dhcm0tY2EwHhcNMjYxMTIyMjAwMDAwWhcNNDYxMTE3MjAw\n"                       \
	"MDAwWjATMREwDwYDVQQDEwhzd2FybS1jYTBZMBMGByqGSM49AgEGCCqGSM49AwEH\n"                       \
	"A0IABEy+vzdVdC/qYuACJYNy7bzsMyTvwpK5aoJcU20tr0vqyjNt3J+noFwWLSXR\n"                       \
	"0TC/WWBiqqBPwObrFYEbtMbKLSSjQjBAMA4GA1UdDwEB/wQEAwIBBjAPBgNVHRMB\n"                       \
	"Af8EBTADAQH/MB0GA1UdDgQWBBSytoCWdi6wV9Z4scOBqWQg9KaamzAKBggqhkjO\n"                       \
	"PQQDAgNJADBGAiEAtgJIuQat9o7HM1J0SSajXrCHep+UFuL6oh4ykjJx+3YCIQDn\n"                       \
	"qvMMmwJVXlMsJtE5uECySMGBMpay91kvO95p73vUxA==\n"                                           \
	"-----END CERTIFICATE-----\n"
#define STOCK_LEAF                                                                                 \
	"-----BEGIN CERTIFICATE-----\n"                                                            \
	"MIICKjCCAc+gAwIBAgIUFcz6mlG0fD4E7rA6RWs0cFoPNbowCgYIKoZIzj0EAwIw\n"                       \
	"EzERMA8GA1UEAxMIc3dhcm0tY2EwHhcNMjYxMTIyMTkwNjAwWhcNMjcwMjIwMjAw\n"                       \
	"NjAwWjBfMSIwIAYDVQQKExlrcnJnY21yOXJtMjVtMTZqd2R5M214OGd5MRUwEwYD\n"                       \
	"VQQLEwxzd2FybS13b3JrZXIxIjAgBgNVBAMTGXFtcG5sM3g3cHh6cHZrMTNxcWcy\n"                       \
	"djZlZjAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATfeii9wpVn4wGmEzsgNi6R\n"                       \
	"J93x4i2JAizFXK/n2Zpfzi9qa0fahc7ShBEPp61OMAD3E4eWvhwnBDh0QytSZZCC\n"                       \
	"o4G0MIGxMA4GA1UdDwEB/wQEAwIFoDAdBgNVHSUEFjAUBggrBgEFBQcDAQYIKwYB\n"                       \
	"BQUHAwIwDAYDVR0TAQH/BAIwADAdBgNVHQ4EFgQU9eF2eLUto5ZVFo+lofnWuMYo\n"                       \
	"5L4wHwYDVR0jBBgwFoAUbG8OSSP9I+JqXo0Me8IeZ8fbbWgwMgYDVR0RBCswKYIM\n"                       \
	"c3dhcm0td29ya2VyghlxbXBubDN4N3B4enB2azEzcXFnMnY2ZWYwMAoGCCqGSM49\n"                       \
	"BAMCA0kAMEYCIQCWenpK8lvulLkG/kvS7mf3uRaB2/7Z9hgUTSyxlcyWWgIhAIyH\n"                       \
	"8VTRiVU7UwLIBZFO2lIIY0ej/7v8qTdRBONXchk+\n"                                               \
	"-----END CERTIFICATE-----\n"
#define STOCK_CROSS_SIGNED                                                                         \
	"-----BEGIN CERTIFICATE-----\n"                                                            \
	"MIIBajCCARCgAwIBAgIUW5lKkWkxy9l5SrV05mzSlE8yEkcwCgYIKoZIzj0EAwIw\n"                       \
	"EzERMA8GA1UEAxMIc3dhcm0tY2EwHhcNMjYxMTIyMjAwMTAwWhcNNDYxMTE3MjAw\n"                       \
	"MTAwWjATMREwDwYDVQQDEwhzd2FybS1jYTBZMBMGByqGSM49AgEGCCqGSM49AwEH\n"                       \
	"A0IABC7x8fO5JwYXOkDOUv4UxNRq7+S9zz11itGHOiXaGl0kOkrcOUVP8CRXXE55\n"                       \
	"6xmd+ETmMEx4royRMS7ZxasrsbCjQjBAMA4GA1UdDwEB/wQEAwIBBjAPBgNVHRMB\n"                       \
	"Af8EBTADAQH/MB0GA1UdDgQWBBRsbw5JI/0j4mpejQx7wh5nx9ttaDAKBggqhkjO\n"                       \
	"PQQDAgNIADBFAiEA59i2YTRp50r7OFa4kIOboL4sYYDJhel+LTpvy95vpM4CIAoK\n"                       \
	"lr4UJVwT9GNDZQvezXu89x0BzJ4OkGIFHAQARiNk\n"                                               \
	"-----END CERTIFICATE-----\n"

TEST(a_stock_chain_verifies_during_a_rotation)
{
	AUTO_BUF struct buf subject = BUF_MAX(X509_DER_MAX), key = BUF_MAX(X509_DER_MAX);
	AUTO_BUF struct buf new_subject = BUF_MAX(X509_DER_MAX), new_key = BUF_MAX(X509_DER_MAX);
	int64_t then = INT64_C(1795378000); /* 2026-11-22 */
	struct ca other = ca_new(then);
	struct err e;

	CHECK(chain_verify(STR(STOCK_ROOT), STR(STOCK_LEAF STOCK_CROSS_SIGNED), CHAIN_VALID_NOW,
			   then, &e));

	CHECK(cert_issuer(STR(STOCK_ROOT), STR(STOCK_LEAF STOCK_CROSS_SIGNED), &subject, &key, &e));
	CHECK(cert_subject(STR(STOCK_CROSS_SIGNED), &new_subject, &new_key, &e));
	CHECK(str_equal(buf_str(&subject), buf_str(&new_subject)));
	CHECK(str_equal(buf_str(&key), buf_str(&new_key)));

	CHECK(!chain_verify(STR(STOCK_ROOT), STR(STOCK_LEAF), CHAIN_MAY_BE_EXPIRED, then, &e));
	CHECK(!chain_verify(buf_str(&other.cert), STR(STOCK_LEAF STOCK_CROSS_SIGNED),
			    CHAIN_MAY_BE_EXPIRED, then, &e));
	CHECK_STR(e.text, "certificate signed by unknown authority");
	/* The root's own life counts too. */
	CHECK(!chain_verify(STR(STOCK_ROOT), STR(STOCK_LEAF STOCK_CROSS_SIGNED), CHAIN_VALID_NOW,
			    then - 2 * DAY, &e));
	ca_clear(&other);
}

TEST(only_a_ca_can_be_cross_signed)
{
	AUTO_BUF struct buf cross = BUF_MAX(X509_PEM_MAX);
	struct ca ca = ca_new(NOW);
	struct signer by = signer_of(&ca);
	struct issued n = issue(&by, "swarm-worker", NOW, DAY);
	struct err e;

	CHECK(!root_cross_sign(buf_str(&ca.cert), buf_str(&ca.key), buf_str(&n.chain), &cross, &e));
	CHECK_INT(e.kind, ERR_INVALID);
	issued_clear(&n);
	ca_clear(&ca);
}

TEST(a_bundle_of_roots_is_accepted_whole_or_not_at_all)
{
	AUTO_BUF struct buf bundle = BUF_MAX(X509_PEM_MAX);
	struct ca a = ca_new(NOW), b = ca_new(NOW), late = ca_new(NOW + DAY);
	struct signer by = signer_of(&a);
	struct issued n = issue(&by, "swarm-worker", NOW, DAY);
	struct err e;

	buf_append_str(&bundle, buf_str(&a.cert));
	buf_append_str(&bundle, buf_str(&b.cert));
	if (!root_check(buf_str(&bundle), NOW, &e))
		TEST_FAIL("%s", e.text);
	buf_append_str(&bundle, buf_str(&late.cert));
	CHECK(!root_check(buf_str(&bundle), NOW, &e) && e.kind == ERR_INVALID);
	CHECK(strstr(
		e.text,
		"CA certificate \"swarm-ca\": certificate of \"swarm-ca\" is not valid before"));
	CHECK(root_check(buf_str(&bundle), NOW + DAY, &e));
	CHECK(!root_check(buf_str(&n.chain), NOW, &e));
	CHECK(!root_check(STR(""), NOW, &e) && !root_check(STR("no PEM"), NOW, &e));
	issued_clear(&n);
	ca_clear(&a);
	ca_clear(&b);
	ca_clear(&late);
}

TEST(a_desired_root_is_one_certificate_that_lasts_a_year)
{
	AUTO_BUF struct buf bundle = BUF_MAX(X509_PEM_MAX);
	struct ca ca = ca_new(NOW);
	struct err e;

	CHECK(root_check_desired(buf_str(&ca.cert), NOW, &e));
	CHECK(!root_check_desired(buf_str(&ca.cert), NOW + ROOT_LIFETIME_S - 300 * DAY, &e));
	CHECK_STR(e.text, "CA certificate expires too soon");
	buf_append_str(&bundle, buf_str(&ca.cert));
	buf_append_str(&bundle, buf_str(&ca.cert));
	CHECK(!root_check_desired(buf_str(&bundle), NOW, &e));
	CHECK_STR(e.text, "the desired CA certificate cannot contain multiple certificates");
	CHECK(!root_check_desired(STR("x"), NOW, &e));
	CHECK_STR(e.text, "could not parse the desired CA certificate");
	ca_clear(&ca);
}

TEST(a_request_signed_by_another_key_is_refused)
{
	AUTO_BUF struct buf key = BUF_MAX(4096), csr = BUF_MAX(4096), out = BUF_MAX(4096);
	struct ca ca = ca_new(NOW);
	struct signer by = signer_of(&ca);
	struct err e;
	char *at;

	CHECK(key_new(&key, &e) && csr_new(buf_str(&key), &csr, &e));
	/* Another base 64 digit in the middle of the public key. */
	at = csr.data + strlen("-----BEGIN CERTIFICATE REQUEST-----\n") + 70;
	*at = *at == 'A' ? 'B' : 'A';
	CHECK(!csr_check(buf_str(&csr), &e) && e.kind == ERR_INVALID);
	CHECK(!node_cert_sign(&by, buf_str(&csr), CLUSTER, "swarm-worker", NODE, NOW, 0, &out, &e));
	CHECK_INT(out.len, 0);
	ca_clear(&ca);
}

TEST(names_that_could_say_more_than_one_thing_are_refused)
{
	AUTO_BUF struct buf key = BUF_MAX(4096), csr = BUF_MAX(4096), out = BUF_MAX(4096);
	static const char *const bad[] = { "", "a,DNS:swarm-ca", "a b", "a*", "ü" };
	struct ca ca = ca_new(NOW);
	struct signer by = signer_of(&ca);
	struct err e;

	CHECK(key_new(&key, &e) && csr_new(buf_str(&key), &csr, &e));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!node_cert_sign(&by, buf_str(&csr), CLUSTER, "swarm-worker", bad[i], NOW, 0,
				      &out, &e));
	ca_clear(&ca);
}

TEST(a_signers_key_belongs_to_its_certificate)
{
	struct ca a = ca_new(NOW), b = ca_new(NOW);
	AUTO_BUF struct buf key = BUF_MAX(4096), csr = BUF_MAX(4096), out = BUF_MAX(4096);
	struct signer by = { buf_str(&a.cert), buf_str(&b.key), STR("") };
	struct err e;

	CHECK(key_new(&key, &e) && csr_new(buf_str(&key), &csr, &e));
	CHECK(!node_cert_sign(&by, buf_str(&csr), CLUSTER, "swarm-worker", NODE, NOW, 0, &out, &e));
	CHECK_STR(e.text, "certificate authority: the key does not belong to the certificate");
	ca_clear(&a);
	ca_clear(&b);
}

TEST(encrypted_keys_are_not_asked_a_passphrase_for)
{
	struct err e;

	CHECK(!csr_new(STR("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
			   "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n"
			   "-----END RSA PRIVATE KEY-----\n"),
		       &BUF_MAX(100), &e));
	CHECK_STR(e.text, "no private key in PEM form");
}

TEST_MAIN()
