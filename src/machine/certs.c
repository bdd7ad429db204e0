#include "machine/certs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "template/field.h"

#define DAYS          1080
#define DAY_S         86400L
#define BACKDATED_S   300L /* clocks differ */
#define PEM_BYTES_MAX 65536
#define ORG_BYTES_MAX 64

struct pair {
	X509 *cert;
	EVP_PKEY *key;
};

static void pair_clear(struct pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
}
#define AUTO_PAIR __attribute__((cleanup(pair_clear)))

static void bio_drop(BIO **b)
{
	BIO_free(*b);
}
#define AUTO_BIO __attribute__((cleanup(bio_drop)))

static const char *user_name(void)
{
	const struct passwd *p = getpwuid(getuid());

	return p && p->pw_name ? p->pw_name : "unknown";
}

static X509 *read_cert(const char *path, struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(PEM_BYTES_MAX);
	AUTO_BIO BIO *bio = NULL;
	X509 *cert;

	if (!file_read(path, &text, e))
		return NULL;
	bio = BIO_new_mem_buf(text.data, (int)text.len);
	cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	if (!cert)
		fail(e, ERR_INVALID, "%s is no certificate", path);
	return cert;
}

static EVP_PKEY *read_key(const char *path, struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(PEM_BYTES_MAX);
	AUTO_BIO BIO *bio = NULL;
	EVP_PKEY *key;

	if (!file_read(path, &text, e))
		return NULL;
	bio = BIO_new_mem_buf(text.data, (int)text.len);
	key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	if (text.data)
		OPENSSL_cleanse(text.data, text.len);
	if (!key)
		fail(e, ERR_INVALID, "%s is no private key", path);
	return key;
}

static bool write_bio(BIO *bio, const char *path, mode_t mode, struct err *e)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);

	return file_replace_synced(path, str_bytes(data, size > 0 ? (size_t)size : 0), mode, e);
}

/* The key first: a certificate whose key is missing is made anew, a key alone is overwritten. */
static bool write_pair(const struct pair *p, const char *cert_path, const char *key_path,
		       struct err *e)
{
	AUTO_BIO BIO *key = BIO_new(BIO_s_secmem()), *cert = BIO_new(BIO_s_mem());

	if (!key || !cert || !PEM_write_bio_PrivateKey(key, p->key, NULL, NULL, 0, NULL, NULL) ||
	    !PEM_write_bio_X509(cert, p->cert))
		return fail(e, ERR_INTERNAL, "cannot write a certificate as text");
	return write_bio(key, key_path, 0600, e) && write_bio(cert, cert_path, 0644, e);
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool ok;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	ok = extension && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool set_serial(X509 *cert)
{
	unsigned char bytes[16];
	BIGNUM *number;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] &= 0x7f;
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	return ok;
}

struct profile {
	const char *org;
	const char *usage, *extended_usage, *names; /* NULL: none */
	bool is_ca;
};

static bool fill(X509 *cert, EVP_PKEY *key, X509 *issuer, const struct profile *p)
{
	X509_NAME *name = X509_get_subject_name(cert);
	const unsigned char *org = (const unsigned char *)p->org;

	return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
	       X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, org, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATED_S) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), DAYS * DAY_S) &&
	       X509_set_pubkey(cert, key) == 1 &&
	       add_extension(cert, issuer, NID_key_usage, p->usage) &&
	       add_extension(cert, issuer, NID_basic_constraints,
			     p->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
	       add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
	       (p->is_ca || add_extension(cert, issuer, NID_authority_key_identifier, "keyid")) &&
	       (!p->extended_usage ||
		add_extension(cert, issuer, NID_ext_key_usage, p->extended_usage)) &&
	       (!p->names || add_extension(cert, issuer, NID_subject_alt_name, p->names));
}

/* Signed by `by`, or by itself. */
static bool make_pair(const struct profile *profile, const struct pair *by, struct pair *out,
		      struct err *e)
{
	out->key = EVP_EC_gen("P-256");
	out->cert = X509_new();
	if (out->key && out->cert &&
	    fill(out->cert, out->key, by ? by->cert : out->cert, profile) &&
	    X509_sign(out->cert, by ? by->key : out->key, EVP_sha256()) > 0)
		return true;
	return fail(e, ERR_INTERNAL, "cannot make a certificate for %s", profile->org);
}

static bool read_ca(const struct store *s, struct pair *ca, struct err *e)
{
	ca->cert = read_cert(s->ca, e);
	ca->key = ca->cert ? read_key(s->ca_key, e) : NULL;
	if (!ca->key)
		return false;
	return X509_check_private_key(ca->cert, ca->key) == 1 ||
	       fail(e, ERR_INVALID, "%s is not the key of %s", s->ca_key, s->ca);
}

static bool has_ended(const X509 *cert)
{
	return X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0;
}

static bool prepare_ca(const struct store *s, bool *made, struct err *e)
{
	AUTO_PAIR struct pair old = { 0 }, fresh = { 0 };
	struct profile profile = { .org = user_name(),
				   .usage =
					   "critical,digitalSignature,keyEncipherment,keyAgreement,"
					   "keyCertSign",
				   .is_ca = true };

	*made = false;
	if (access(s->ca, F_OK) == 0 && access(s->ca_key, F_OK) == 0) {
		if (!read_ca(s, &old, e))
			return false;
		if (!has_ended(old.cert))
			return true;
	}
	*made = true;
	return make_pair(&profile, NULL, &fresh, e) && write_pair(&fresh, s->ca, s->ca_key, e);
}

static bool client_is_good(const struct store *s, const struct pair *ca)
{
	AUTO_PAIR struct pair client = { 0 };
	AUTO_PAIR struct pair key = { 0 };
	struct err e;

	client.cert = read_cert(s->cert, &e);
	key.key = client.cert ? read_key(s->key, &e) : NULL;
	return key.key && X509_check_private_key(client.cert, key.key) == 1 &&
	       !has_ended(client.cert) && X509_verify(client.cert, X509_get0_pubkey(ca->cert)) == 1;
}

static bool prepare_client(const struct store *s, bool *made, struct err *e)
{
	AUTO_PAIR struct pair ca = { 0 }, client = { 0 };
	AUTO_FREE char *org = xasprintf("%.40s.<bootstrap>", user_name());
	struct profile profile = { .org = org,
				   .usage = "critical,digitalSignature",
				   .extended_usage = "clientAuth" };

	*made = false;
	if (!read_ca(s, &ca, e))
		return false;
	if (client_is_good(s, &ca))
		return true;
	*made = true;
	return make_pair(&profile, &ca, &client, e) && write_pair(&client, s->cert, s->key, e);
}

bool certs_prepare(const struct store *s, bool *made_ca, bool *made_client, struct err *e)
{
	AUTO_FREE char *folder = xasprintf("%s/certs", s->root);
	AUTO_CLOSE int lock = -1;

	*made_ca = *made_client = false;
	if (!folder_make(folder, 0700, e))
		return false;
	/* Two commands that begin a store must not make a CA each. */
	lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return fail_sys(e, errno, "lock %s", folder);
	return prepare_ca(s, made_ca, e) && prepare_client(s, made_client, e);
}

static void add_name(struct buf *names, const char *name)
{
	struct in6_addr address;
	bool is_address =
		inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;

	if (*name && !strpbrk(name, ",:\n") | is_address)
		buf_printf(names, "%s%s:%s", names->len ? "," : "", is_address ? "IP" : "DNS",
			   name);
}

static void collect_names(const struct machine *m, struct buf *names)
{
	const json_t *more = field_at(m->config, "HostOptions.AuthOptions.ServerCertSANs");

	for (size_t i = 0; i < json_array_size(more); i++) {
		const char *name = json_string_value(json_array_get(more, i));

		add_name(names, name ? name : "");
	}
	add_name(names, "localhost");
	add_name(names, "127.0.0.1");
	add_name(names, m->name);
	add_name(names, field_text(m->own, "IPAddress"));
	add_name(names, field_text(m->own, "PrivateIPAddress"));
}

bool certs_copy(const struct machine *m, struct err *e)
{
	AUTO_FREE char *ca = machine_file(m, "ca.pem"), *cert = machine_file(m, "cert.pem"),
		       *key = machine_file(m, "key.pem");

	return file_copy(m->store->ca, ca, 0644, e) && file_copy(m->store->cert, cert, 0644, e) &&
	       file_copy(m->store->key, key, 0600, e);
}

bool certs_issue(const struct machine *m, struct err *e)
{
	AUTO_PAIR struct pair ca = { 0 }, server = { 0 };
	AUTO_FREE char *org = xasprintf("%.*s.%.24s", ORG_BYTES_MAX - 25, user_name(), m->name);
	AUTO_FREE char *cert = machine_file(m, "server.pem"),
		       *key = machine_file(m, "server-key.pem");
	AUTO_BUF struct buf names = BUF_MAX(PEM_BYTES_MAX);
	struct profile profile = { .org = org,
				   .usage = "critical,digitalSignature",
				   .extended_usage = "serverAuth" };

	collect_names(m, &names);
	profile.names = names.data;
	return folder_make(m->folder, 0700, e) && read_ca(m->store, &ca, e) &&
	       make_pair(&profile, &ca, &server, e) && write_pair(&server, cert, key, e) &&
	       certs_copy(m, e);
}

bool cert_days_left(const char *path, int *days, struct err *e)
{
	AUTO_PAIR struct pair p = { .cert = read_cert(path, e) };
	int seconds;

	if (!p.cert)
		return false;
	return ASN1_TIME_diff(days, &seconds, NULL, X509_get0_notAfter(p.cert)) == 1 ||
	       fail(e, ERR_INVALID, "%s has no end", path);
}
