#include "wire/keyfile.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "wire/x509_inside.h"

#define PBE_ROUNDS   2048
#define PBE_SALT_LEN 8
#define LOCKED_TEXT  "node is locked, and needs a valid unlock key"

/* One PEM block as OpenSSL cuts it. */
struct block {
	char *name, *header;
	unsigned char *data;
	long len;
};

static void block_scope(struct block *b)
{
	OPENSSL_free(b->name);
	OPENSSL_free(b->header);
	OPENSSL_clear_free(b->data, (size_t)b->len);
}
#define AUTO_BLOCK __attribute__((cleanup(block_scope)))

static inline void pkcs8_scope(PKCS8_PRIV_KEY_INFO **p)
{
	PKCS8_PRIV_KEY_INFO_free(*p);
}
static inline void sealed_scope(X509_SIG **p)
{
	X509_SIG_free(*p);
}
#define AUTO_PKCS8  __attribute__((cleanup(pkcs8_scope)))
#define AUTO_SEALED __attribute__((cleanup(sealed_scope)))

static bool block_read(struct str pem, struct block *b, struct err *e)
{
	AUTO_BIO BIO *bio = NULL;
	int ok;

	if (pem.len == 0 || pem.len > KEYFILE_MAX)
		return fail(e, ERR_INVALID, "key file of %zu bytes", pem.len);
	bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	ok = PEM_read_bio(bio, &b->name, &b->header, &b->data, &b->len);
	ERR_clear_error();
	return ok || fail(e, ERR_INVALID, "no key in PEM form");
}

/* ---- headers ---- */

static bool record_parse(struct str text, struct keyfile_record *r)
{
	unsigned char bytes[KEYFILE_RECORD_MAX + 3], again[sizeof(bytes) / 3 * 4 + 1];
	int len;

	if (text.len == 0 || text.len % 4 != 0 || text.len > sizeof(bytes) / 3 * 4)
		return false;
	len = EVP_DecodeBlock(bytes, (const unsigned char *)text.ptr, (int)text.len);
	/* Padding decodes to zeroes that are not there. */
	for (size_t i = text.len; len > 0 && i > text.len - 2 && text.ptr[i - 1] == '='; i--)
		len--;
	/* The decoder skips blanks and reads padding anywhere: only what it would write counts. */
	if (len > 0 && len <= KEYFILE_RECORD_MAX &&
	    EVP_EncodeBlock(again, bytes, len) == (int)text.len &&
	    memcmp(again, text.ptr, text.len) == 0) {
		memcpy(r->data, bytes, (size_t)len);
		r->len = (size_t)len;
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(again, sizeof(again));
	return r->len > 0;
}

static bool header_parse(struct str name, struct str value, struct keyfile *k, struct err *e)
{
	if (str_equal_c(name, "kek-version"))
		return str_to_u64(value, &k->kek_version) ||
		       fail(e, ERR_INVALID, "kek-version of the key file is no number");
	if (str_equal_c(name, "raft-dek"))
		return record_parse(value, &k->raft_dek) ||
		       fail(e, ERR_INVALID, "raft-dek of the key file is malformed");
	if (str_equal_c(name, "raft-dek-pending"))
		return record_parse(value, &k->raft_dek_pending) ||
		       fail(e, ERR_INVALID, "raft-dek-pending of the key file is malformed");
	if (str_equal_c(name, "raft-dek-needs-rotation"))
		k->raft_dek_needs_rotation = str_equal_c(value, "true");
	return true;
}

static bool headers_parse(struct str text, struct keyfile *k, struct err *e)
{
	struct str line, name, value;
	bool more = true;

	while (more) {
		more = str_cut(text, '\n', &line, &text);
		if (str_cut(line, ':', &name, &value) &&
		    !header_parse(str_trim(name), str_trim(value), k, e))
			return false;
	}
	return true;
}

static bool is_rfc1423(const struct block *b)
{
	return strstr(b->header, "ENCRYPTED") != NULL &&
	       str_starts_with(str_of(b->header), "Proc-Type:");
}

bool keyfile_parse(struct str pem, struct keyfile *k, bool *is_locked, struct err *e)
{
	AUTO_BLOCK struct block b = { 0 };

	*k = (struct keyfile){ 0 };
	if (!block_read(pem, &b, e) || !headers_parse(str_of(b.header), k, e))
		return false;
	if (!str_ends_with(str_of(b.name), "PRIVATE KEY"))
		return fail(e, ERR_INVALID, "the key file holds a %s", b.name);
	*is_locked = strcmp(b.name, "ENCRYPTED PRIVATE KEY") == 0 || is_rfc1423(&b);
	return true;
}

/* ---- the key ---- */

static EVP_PKEY *open_pbes2(const struct block *b, const uint8_t *kek)
{
	const unsigned char *at = b->data;
	AUTO_SEALED X509_SIG *sealed = d2i_X509_SIG(NULL, &at, b->len);
	AUTO_PKCS8 PKCS8_PRIV_KEY_INFO *plain = NULL;

	if (sealed)
		plain = PKCS8_decrypt(sealed, (const char *)kek, KEK_LEN);
	return plain ? EVP_PKCS82PKEY(plain) : NULL;
}

static int give_kek(char *to, int size, int writing, void *kek)
{
	if (size < KEK_LEN)
		return -1;
	memcpy(to, kek, KEK_LEN);
	return KEK_LEN;
}

static EVP_PKEY *open_rfc1423(struct block *b, const uint8_t *kek)
{
	EVP_CIPHER_INFO cipher;
	const unsigned char *at;
	long len = b->len;

	if (!PEM_get_EVP_CIPHER_INFO(b->header, &cipher) ||
	    !PEM_do_header(&cipher, b->data, &len, give_kek, (void *)(uintptr_t)kek))
		return NULL;
	at = b->data;
	return d2i_AutoPrivateKey(NULL, &at, len);
}

bool keyfile_open(struct str pem, const uint8_t *kek, struct buf *key_pem, struct err *e)
{
	AUTO_BIO BIO *bio = BIO_new(BIO_s_mem());
	AUTO_BLOCK struct block b = { 0 };
	AUTO_KEY EVP_PKEY *key = NULL;
	const unsigned char *at;
	bool is_pbes2, is_locked;

	if (!block_read(pem, &b, e))
		return false;
	at = b.data;
	is_pbes2 = strcmp(b.name, "ENCRYPTED PRIVATE KEY") == 0;
	is_locked = is_pbes2 || is_rfc1423(&b);
	if (is_locked && !kek)
		return fail(e, ERR_DENIED, LOCKED_TEXT);
	if (is_locked)
		key = is_pbes2 ? open_pbes2(&b, kek) : open_rfc1423(&b, kek);
	else if (str_ends_with(str_of(b.name), "PRIVATE KEY"))
		key = d2i_AutoPrivateKey(NULL, &at, b.len);
	ERR_clear_error();
	if (!key && is_locked)
		return fail(e, ERR_DENIED, LOCKED_TEXT);
	if (!key)
		return fail(e, ERR_INVALID, "the key file holds no usable key");
	if (!PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		return fail_openssl(e, "write a key");
	return bio_drain(bio, key_pem, e);
}

/* ---- writing ---- */

static void put_record(struct buf *out, const char *name, const struct keyfile_record *r)
{
	unsigned char text[(KEYFILE_RECORD_MAX + 2) / 3 * 4 + 1];

	if (r->len == 0)
		return;
	EVP_EncodeBlock(text, r->data, (int)r->len);
	buf_printf(out, "%s: %s\n", name, (char *)text);
	OPENSSL_cleanse(text, sizeof(text));
}

/* In the order of their names, as stock nodes write them. */
static void put_headers(struct buf *out, const struct keyfile *k)
{
	if (k->kek_version)
		buf_printf(out, "kek-version: %" PRIu64 "\n", k->kek_version);
	put_record(out, "raft-dek", &k->raft_dek);
	if (k->raft_dek_needs_rotation)
		buf_append_c(out, "raft-dek-needs-rotation: true\n");
	put_record(out, "raft-dek-pending", &k->raft_dek_pending);
}

static X509_SIG *seal_pbes2(PKCS8_PRIV_KEY_INFO *plain, const uint8_t *kek)
{
	X509_ALGOR *pbe = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), PBE_ROUNDS, NULL, PBE_SALT_LEN, NULL,
					    NID_hmacWithSHA1);
	X509_SIG *sealed = pbe ? PKCS8_set0_pbe((const char *)kek, KEK_LEN, plain, pbe) : NULL;

	if (!sealed)
		X509_ALGOR_free(pbe);
	return sealed;
}

bool keyfile_write(const struct keyfile *k, struct str key_pem, const uint8_t *kek, struct buf *pem,
		   struct err *e)
{
	AUTO_BUF struct buf headers = BUF_MAX(KEYFILE_MAX);
	AUTO_KEY EVP_PKEY *key = key_parse(key_pem, e);
	AUTO_PKCS8 PKCS8_PRIV_KEY_INFO *plain = key ? EVP_PKEY2PKCS8(key) : NULL;
	AUTO_SEALED X509_SIG *sealed = plain && kek ? seal_pbes2(plain, kek) : NULL;
	AUTO_BIO BIO *bio = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	int len, written;

	if (!key)
		return false;
	len = sealed          ? i2d_X509_SIG(sealed, &der)
	      : plain && !kek ? i2d_PKCS8_PRIV_KEY_INFO(plain, &der)
			      : -1;
	if (len <= 0)
		return fail_openssl(e, "lock a key");
	put_headers(&headers, k);
	written = PEM_write_bio(bio, kek ? "ENCRYPTED PRIVATE KEY" : "PRIVATE KEY",
				headers.len ? headers.data : "", der, len);
	OPENSSL_clear_free(der, (size_t)len);
	OPENSSL_cleanse(headers.data, headers.len);
	if (!written)
		return fail_openssl(e, "write a key file");
	return bio_drain(bio, pem, e);
}

void keyfile_clear(struct keyfile *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}
