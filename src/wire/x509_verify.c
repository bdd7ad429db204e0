#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/mem.h"
#include "wire/x509_inside.h"

int64_t time_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

/* "2026-11-22 16:00:00 UTC" */
static void put_time(char out[32], int64_t at_s)
{
	time_t at = (time_t)at_s;
	struct tm tm = { 0 };

	gmtime_r(&at, &tm);
	strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

static void copy_name_part(char out[X509_NAME_PART_MAX + 1], X509_NAME *name, int at)
{
	ASN1_STRING *text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	unsigned char *utf8 = NULL;
	int len = ASN1_STRING_to_UTF8(&utf8, text);

	/* A part that is too long or holds a NUL names nobody. */
	out[0] = '\0';
	if (len > 0 && len <= X509_NAME_PART_MAX && !memchr(utf8, '\0', (size_t)len)) {
		memcpy(out, utf8, (size_t)len);
		out[len] = '\0';
	}
	OPENSSL_free(utf8);
	ERR_clear_error();
}

void cert_identity_of(X509 *cert, struct cert_identity *id)
{
	X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);

	*id = (struct cert_identity){ 0 };
	if (at >= 0)
		copy_name_part(id->org, name, at);
	/* Go reads the last CN, and the first O and all OUs in their order. */
	for (at = -1; (at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0;)
		copy_name_part(id->cn, name, at);
	for (at = -1; (at = X509_NAME_get_index_by_NID(name, NID_organizationalUnitName, at)) >= 0;)
		if (id->ou_count < X509_OUS_MAX)
			copy_name_part(id->ou[id->ou_count++], name, at);
}

bool identity_has_ou(const struct cert_identity *id, const char *ou)
{
	for (int i = 0; i < id->ou_count; i++)
		if (strcmp(id->ou[i], ou) == 0)
			return true;
	return false;
}

/* "swarm-manager, ib5rv, swarm-ca" */
static void put_dns_names(struct buf *out, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			buf_printf(out, "%s%.*s", out->len ? ", " : "",
				   ASN1_STRING_length(name->d.dNSName),
				   (const char *)ASN1_STRING_get0_data(name->d.dNSName));
	}
	GENERAL_NAMES_free(names);
}

static bool fail_wrong_name(struct err *e, X509 *cert, const char *name)
{
	AUTO_BUF struct buf names = BUF_MAX(400);

	if (cert)
		put_dns_names(&names, cert);
	return fail(e, ERR_UNAUTHENTICATED, "certificate is valid for %s, not for %s",
		    names.len ? names.data : "no name", name ? name : "this peer");
}

static bool fail_time(struct err *e, X509 *cert, bool expired)
{
	struct cert_identity id;
	char when[32];

	if (!cert)
		return fail(e, ERR_UNAUTHENTICATED, "certificate %s",
			    expired ? "has expired" : "is not yet valid");
	cert_identity_of(cert, &id);
	put_time(when, time_of(expired ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert)));
	if (expired)
		return fail(e, ERR_UNAUTHENTICATED, "certificate of \"%s\" expired at %s", id.cn,
			    when);
	return fail(e, ERR_UNAUTHENTICATED, "certificate of \"%s\" is not valid before %s", id.cn,
		    when);
}

bool fail_verify(struct err *e, int reason, X509 *cert, const char *name)
{
	switch (reason) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return fail_time(e, cert, reason == X509_V_ERR_CERT_HAS_EXPIRED);
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return fail(e, ERR_UNAUTHENTICATED, "certificate signed by unknown authority");
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return fail_wrong_name(e, cert, name);
	case X509_V_ERR_INVALID_PURPOSE:
		return fail(e, ERR_UNAUTHENTICATED, "certificate is not meant for this use");
	default:
		return fail(e, ERR_UNAUTHENTICATED, "certificate does not verify: %s",
			    X509_verify_cert_error_string(reason));
	}
}

X509_STORE *store_of(STACK_OF(X509) *roots)
{
	X509_STORE *store = X509_STORE_new();

	if (!store)
		abort();
	for (int i = 0; i < sk_X509_num(roots); i++)
		X509_STORE_add_cert(store, sk_X509_value(roots, i));
	return store;
}

/* The root that signed this CA's certificate, or NULL. */
static X509 *root_above(STACK_OF(X509) *roots, X509 *cert)
{
	X509 *found = NULL;

	for (int i = 0; !found && i < sk_X509_num(roots); i++) {
		X509 *root = sk_X509_value(roots, i);

		if (X509_check_ca(cert) == 1 && X509_cmp(root, cert) != 0 &&
		    X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(root)) == 0 &&
		    X509_verify(cert, X509_get0_pubkey(root)) == 1)
			found = root;
	}
	ERR_clear_error();
	return found;
}

/* The roots and those of the chain that a root cross-signed; NULL when there are none of these. */
static STACK_OF(X509) *cross_signed_of(STACK_OF(X509) *roots, STACK_OF(X509) *chain)
{
	STACK_OF(X509) *anchors = NULL;

	for (int i = 1; i < sk_X509_num(chain) && i < X509_BUNDLE_MAX; i++) {
		if (!root_above(roots, sk_X509_value(chain, i)))
			continue;
		if (!anchors && !(anchors = sk_X509_dup(roots)))
			abort();
		sk_X509_push(anchors, sk_X509_value(chain, i));
	}
	return anchors;
}

void add_cross_signed(STACK_OF(X509) *roots, STACK_OF(X509) *chain)
{
	STACK_OF(X509) *all = cross_signed_of(roots, chain);

	for (int i = sk_X509_num(roots); all && i < sk_X509_num(all); i++)
		if (!X509_up_ref(sk_X509_value(all, i)) ||
		    !sk_X509_push(roots, sk_X509_value(all, i)))
			abort();
	sk_X509_free(all);
}

bool verify_to(X509_STORE_CTX *ctx, STACK_OF(X509) *roots, STACK_OF(X509) *chain)
{
	STACK_OF(X509) *anchors = cross_signed_of(roots, chain);
	bool ok;

	if (anchors) {
		X509_STORE_CTX_set0_trusted_stack(ctx, anchors);
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
	}
	ok = X509_verify_cert(ctx) == 1;
	sk_X509_free(anchors);
	return ok;
}

/* The path from the first certificate of `chain` to a root, times not looked at; the caller frees
 * it. */
static STACK_OF(X509) *build_path(STACK_OF(X509) *roots, STACK_OF(X509) *chain, struct err *e)
{
	AUTO_STORE X509_STORE *store = store_of(roots);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *path = NULL;
	X509 *root;

	if (!ctx || !X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain))
		abort();
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_NO_CHECK_TIME);
	if (verify_to(ctx, roots, chain)) {
		path = X509_STORE_CTX_get1_chain(ctx);
		root = root_above(roots, sk_X509_value(path, sk_X509_num(path) - 1));
		if (root && X509_up_ref(root))
			sk_X509_push(path, root);
	} else {
		(void)fail_verify(e, X509_STORE_CTX_get_error(ctx),
				  X509_STORE_CTX_get_current_cert(ctx), NULL);
	}
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return path;
}

static bool check_span(STACK_OF(X509) *path, struct err *e)
{
	int64_t from_s = INT64_MIN, to_s = INT64_MAX;

	for (int i = 0; i < sk_X509_num(path); i++) {
		int64_t not_before_s = time_of(X509_get0_notBefore(sk_X509_value(path, i)));
		int64_t not_after_s = time_of(X509_get0_notAfter(sk_X509_value(path, i)));

		from_s = not_before_s > from_s ? not_before_s : from_s;
		to_s = not_after_s < to_s ? not_after_s : to_s;
	}
	if (from_s > to_s)
		return fail(e, ERR_UNAUTHENTICATED,
			    "there is no time span for which all of the certificates, including a "
			    "root, are valid");
	return true;
}

static bool check_valid_at(X509 *cert, int64_t now_s, struct err *e)
{
	if (now_s < time_of(X509_get0_notBefore(cert)))
		return fail_time(e, cert, false);
	if (now_s > time_of(X509_get0_notAfter(cert)))
		return fail_time(e, cert, true);
	return true;
}

static bool check_valid_now(STACK_OF(X509) *path, int64_t now_s, struct err *e)
{
	for (int i = 0; i < sk_X509_num(path); i++)
		if (!check_valid_at(sk_X509_value(path, i), now_s, e))
			return false;
	return true;
}

bool chain_verify(struct str roots_pem, struct str chain_pem, enum chain_time time, int64_t now_s,
		  struct err *e)
{
	AUTO_CERTS STACK_OF(X509) *roots = certs_parse(roots_pem, e);
	AUTO_CERTS STACK_OF(X509) *chain = roots ? certs_parse(chain_pem, e) : NULL;
	AUTO_CERTS STACK_OF(X509) *path = chain ? build_path(roots, chain, e) : NULL;

	if (!path || !check_span(path, e))
		return false;
	return time == CHAIN_MAY_BE_EXPIRED || check_valid_now(path, now_s, e);
}

bool cert_read(struct str chain, struct cert_info *info, struct err *e)
{
	AUTO_CERTS STACK_OF(X509) *certs = certs_parse(chain, e);
	X509 *cert;

	if (!certs)
		return false;
	cert = sk_X509_value(certs, 0);
	cert_identity_of(cert, &info->identity);
	info->not_before_s = time_of(X509_get0_notBefore(cert));
	info->not_after_s = time_of(X509_get0_notAfter(cert));
	return true;
}

static bool put_subject(X509 *cert, struct buf *subject, struct buf *public_key, struct err *e)
{
	unsigned char *der = NULL, *spki = NULL;
	int der_len = i2d_X509_NAME(X509_get_subject_name(cert), &der);
	int spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
	bool ok = der_len > 0 && spki_len > 0 && buf_append(subject, der, (size_t)der_len) &&
		  buf_append(public_key, spki, (size_t)spki_len);

	OPENSSL_free(der);
	OPENSSL_free(spki);
	return ok || fail(e, ERR_INVALID, "certificate with an unusable subject or key");
}

bool cert_issuer(struct str roots_pem, struct str chain_pem, struct buf *subject,
		 struct buf *public_key, struct err *e)
{
	AUTO_CERTS STACK_OF(X509) *roots = certs_parse(roots_pem, e);
	AUTO_CERTS STACK_OF(X509) *chain = roots ? certs_parse(chain_pem, e) : NULL;
	AUTO_CERTS STACK_OF(X509) *path = chain ? build_path(roots, chain, e) : NULL;

	if (!path)
		return false;
	return put_subject(sk_X509_value(path, sk_X509_num(path) > 1 ? 1 : 0), subject, public_key,
			   e);
}

bool cert_subject(struct str cert, struct buf *subject, struct buf *public_key, struct err *e)
{
	AUTO_CERTS STACK_OF(X509) *certs = certs_parse(cert, e);

	return certs && put_subject(sk_X509_value(certs, 0), subject, public_key, e);
}

static bool signature_is_acceptable(X509 *cert)
{
	switch (X509_get_signature_nid(cert)) {
	case NID_sha256WithRSAEncryption:
	case NID_sha384WithRSAEncryption:
	case NID_sha512WithRSAEncryption:
	case NID_ecdsa_with_SHA256:
	case NID_ecdsa_with_SHA384:
	case NID_ecdsa_with_SHA512:
		return true;
	default:
		return false;
	}
}

/* Roots of one swarm all have the same subject, and nothing in a self-signed certificate tells
 * OpenSSL which of them is its issuer: its own key decides. */
static bool leads_into(STACK_OF(X509) *bundle, X509 *cert, struct err *e)
{
	STACK_OF(X509) *alone, *path;
	int self_signed = X509_self_signed(cert, 1);

	ERR_clear_error();
	if (self_signed == 1)
		return true;
	alone = sk_X509_new_null();
	sk_X509_push(alone, cert);
	path = build_path(bundle, alone, e);
	sk_X509_free(alone);
	sk_X509_pop_free(path, X509_free);
	return path != NULL;
}

static bool check_root(STACK_OF(X509) *bundle, X509 *cert, int64_t now_s, struct err *e)
{
	if (!signature_is_acceptable(cert))
		return fail(e, ERR_INVALID,
			    "its signature is not SHA-256, SHA-384 or SHA-512 with RSA or ECDSA");
	if (!key_is_acceptable(X509_get0_pubkey(cert)))
		return fail(e, ERR_INVALID,
			    "its key is not RSA of 2048 bits, P-256, P-384 or P-521");
	if (X509_check_ca(cert) == 0)
		return fail(e, ERR_INVALID, "it is not the certificate of a CA");
	return leads_into(bundle, cert, e) && check_valid_at(cert, now_s, e);
}

bool root_check(struct str bundle_pem, int64_t now_s, struct err *e)
{
	AUTO_CERTS STACK_OF(X509) *bundle = certs_parse(bundle_pem, e);

	for (int i = 0; bundle && i < sk_X509_num(bundle); i++) {
		X509 *cert = sk_X509_value(bundle, i);
		struct cert_identity id;

		if (check_root(bundle, cert, now_s, e))
			continue;
		e->kind = ERR_INVALID;
		cert_identity_of(cert, &id);
		return while_doing(e, "CA certificate \"%s\"", id.cn);
	}
	return bundle != NULL;
}

bool root_check_desired(struct str pem, int64_t now_s, struct err *e)
{
	AUTO_CERTS STACK_OF(X509) *certs = certs_parse(pem, e);

	if (!certs)
		return fail(e, ERR_INVALID, "could not parse the desired CA certificate");
	if (sk_X509_num(certs) > 1)
		return fail(e, ERR_INVALID,
			    "the desired CA certificate cannot contain multiple certificates");
	if (time_of(X509_get0_notAfter(sk_X509_value(certs, 0))) < now_s + FOREIGN_ROOT_LEFT_MIN_S)
		return fail(e, ERR_INVALID, "CA certificate expires too soon");
	return root_check(pem, now_s, e);
}
