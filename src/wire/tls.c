#include "wire/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "wire/x509_inside.h"

/* A memory BIO that grew past this is replaced once it is empty: ten thousand idle connections. */
#define BIO_KEEP_BYTES  4096
#define CHAIN_DEPTH_MAX 10

/* What stock servers and clients accept for TLS 1.2. */
#define CIPHERS                                                                                    \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

static const struct {
	const char *name;
	struct str list; /* as the extension carries it */
} protocols[] = {
	[TLS_ALPN_NONE] = { "", { "", 0 } },
	[TLS_ALPN_H2] = { "h2", { "\2h2", 3 } },
	[TLS_ALPN_HTTP1] = { "http/1.1", { "\10http/1.1", 9 } },
};

struct tls_config {
	SSL_CTX *ctx;
	enum tls_role role;
	enum tls_verify verify;
	enum tls_alpn alpn;
	char *server_name;
};

struct tls {
	SSL *ssl;
	BIO *in, *out; /* the SSL owns them */
	enum tls_verify verify;
	char *server_name;
	struct cert_identity peer;
	struct err *refusal; /* why the peer's certificate was refused, or NULL */
	bool has_peer, failed;
};

/* ---- config ---- */

static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
			   const unsigned char *offered, unsigned int offered_len, void *arg)
{
	const struct str *ours = arg;
	unsigned char *selected;

	if (SSL_select_next_proto(&selected, out_len, (const unsigned char *)ours->ptr,
				  (unsigned)ours->len, offered,
				  offered_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = selected;
	return SSL_TLSEXT_ERR_OK;
}

static void set_protocol(struct tls_config *c)
{
	const struct str *list = &protocols[c->alpn].list;

	if (c->alpn == TLS_ALPN_NONE)
		return;
	if (c->role == TLS_SERVER)
		SSL_CTX_set_alpn_select_cb(c->ctx, select_protocol, (void *)(uintptr_t)list);
	else
		SSL_CTX_set_alpn_protos(c->ctx, (const unsigned char *)list->ptr,
					(unsigned)list->len);
}

/* Called for each certificate of the path; the first that is refused says why. */
static int on_verified(int ok, X509_STORE_CTX *ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *t = SSL_get_app_data(ssl);

	if (!ok && !t->refusal) {
		t->refusal = NEW(struct err);
		(void)fail_verify(t->refusal, X509_STORE_CTX_get_error(ctx),
				  X509_STORE_CTX_get_current_cert(ctx), t->server_name);
	}
	return ok;
}

static int verify_peer(X509_STORE_CTX *ctx, void *unused)
{
	AUTO_CERTS STACK_OF(X509) *roots =
		X509_STORE_get1_all_certs(X509_STORE_CTX_get0_store(ctx));

	(void)unused;
	return verify_to(ctx, roots, X509_STORE_CTX_get0_untrusted(ctx));
}

/* Who has a certificate of a new root, with the old one's signature on that, may not have heard yet that
 * the new one is the root; others send certificates of it without that signature by then. */
static bool set_roots(struct tls_config *c, struct str pem, struct str own_chain, struct err *e)
{
	AUTO_CERTS STACK_OF(X509) *roots = NULL;
	AUTO_CERTS STACK_OF(X509) *own = NULL;
	int mode = SSL_VERIFY_PEER;

	if (c->verify == TLS_VERIFY_NONE)
		return true;
	roots = certs_parse(pem, e);
	if (!roots)
		return while_doing(e, "trusted roots");
	if (own_chain.len && !(own = certs_parse(own_chain, e)))
		return while_doing(e, "own certificate");
	if (own)
		add_cross_signed(roots, own);
	SSL_CTX_set_cert_store(c->ctx, store_of(roots));
	if (c->role == TLS_SERVER && c->verify == TLS_VERIFY_PEER)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(c->ctx, mode, on_verified);
	SSL_CTX_set_cert_verify_callback(c->ctx, verify_peer, NULL);
	SSL_CTX_set_verify_depth(c->ctx, CHAIN_DEPTH_MAX);
	return true;
}

static bool set_own_cert(struct tls_config *c, struct str cert_pem, struct str key_pem,
			 struct err *e)
{
	AUTO_CERTS STACK_OF(X509) *chain = NULL;
	AUTO_KEY EVP_PKEY *key = NULL;

	if (cert_pem.len == 0)
		return c->role == TLS_CLIENT ||
		       fail(e, ERR_INVALID, "a TLS server needs a certificate");
	if (!(chain = certs_parse(cert_pem, e)) || !(key = key_parse(key_pem, e)))
		return while_doing(e, "own certificate");
	if (X509_check_private_key(sk_X509_value(chain, 0), key) != 1) {
		ERR_clear_error();
		return fail(e, ERR_CONFLICT, "the key does not belong to the certificate");
	}
	if (SSL_CTX_use_certificate(c->ctx, sk_X509_value(chain, 0)) != 1 ||
	    SSL_CTX_use_PrivateKey(c->ctx, key) != 1)
		return fail_openssl(e, "own certificate");
	for (int i = 1; i < sk_X509_num(chain); i++)
		SSL_CTX_add1_chain_cert(c->ctx, sk_X509_value(chain, i));
	return true;
}

struct tls_config *tls_config_new(const struct tls_options *o, struct err *e)
{
	struct tls_config *c = NEW(struct tls_config);

	assert(o->role == TLS_SERVER || o->verify != TLS_VERIFY_IF_GIVEN);
	c->role = o->role;
	c->verify = o->verify;
	c->alpn = o->alpn;
	c->server_name = xstrdup(o->server_name ? o->server_name : "");
	c->ctx = SSL_CTX_new(o->role == TLS_SERVER ? TLS_server_method() : TLS_client_method());
	if (!c->ctx || !SSL_CTX_set_cipher_list(c->ctx, CIPHERS))
		abort();
	SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(c->ctx,
			    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_num_tickets(c->ctx, 0);
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(c->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					 SSL_MODE_NO_AUTO_CHAIN);
	set_protocol(c);
	if (set_roots(c, o->roots, o->cert, e) && set_own_cert(c, o->cert, o->key, e))
		return c;
	tls_config_free(c);
	return NULL;
}

void tls_config_free(struct tls_config *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ctx);
	free(c->server_name);
	free(c);
}

/* ---- connection ---- */

static BIO *memory_new(void)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (!bio)
		abort();
	BIO_set_mem_eof_return(bio, -1);
	return bio;
}

static bool is_address(const char *name)
{
	ASN1_OCTET_STRING *ip = a2i_IPADDRESS(name);

	ASN1_OCTET_STRING_free(ip);
	ERR_clear_error();
	return ip != NULL;
}

static void expect_name(struct tls *t, const struct tls_config *c)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
	bool is_ip = is_address(c->server_name);

	if (!c->server_name[0])
		return;
	if (!is_ip)
		SSL_set_tlsext_host_name(t->ssl, c->server_name);
	if (c->verify != TLS_VERIFY_PEER)
		return;
	/* The CN is no name for a host: peers of ours read the SANs alone. */
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
						       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_ip)
		X509_VERIFY_PARAM_set1_ip_asc(param, c->server_name);
	else
		X509_VERIFY_PARAM_set1_host(param, c->server_name, 0);
}

struct tls *tls_new(const struct tls_config *c, int64_t now_s)
{
	struct tls *t = NEW(struct tls);

	t->ssl = SSL_new(c->ctx);
	if (!t->ssl)
		abort();
	t->verify = c->verify;
	t->server_name = xstrdup(c->server_name);
	t->in = memory_new();
	t->out = memory_new();
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_app_data(t->ssl, t);
	X509_VERIFY_PARAM_set_time(SSL_get0_param(t->ssl), (time_t)now_s);
	if (c->role == TLS_SERVER) {
		SSL_set_accept_state(t->ssl);
	} else {
		SSL_set_connect_state(t->ssl);
		expect_name(t, c);
	}
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	free(t->server_name);
	free(t->refusal);
	ERR_clear_error();
	free(t);
}

size_t tls_feed(struct tls *t, struct str ciphertext)
{
	size_t waiting = BIO_ctrl_pending(t->in);
	size_t n = waiting < TLS_INPUT_MAX ? TLS_INPUT_MAX - waiting : 0;

	if (n > ciphertext.len)
		n = ciphertext.len;
	if (n > 0 && BIO_write(t->in, ciphertext.ptr, (int)n) != (int)n)
		abort();
	return n;
}

struct str tls_output(const struct tls *t)
{
	char *data = NULL;
	long len = BIO_get_mem_data(t->out, &data);

	return str_bytes(data, len > 0 ? (size_t)len : 0);
}

static bool is_large_and_empty(BIO *bio)
{
	BUF_MEM *memory = NULL;

	BIO_get_mem_ptr(bio, &memory);
	return BIO_ctrl_pending(bio) == 0 && memory && memory->max > BIO_KEEP_BYTES;
}

void tls_output_consume(struct tls *t, size_t n)
{
	char drop[4096];

	while (n > 0) {
		int got = BIO_read(t->out, drop, (int)(n < sizeof(drop) ? n : sizeof(drop)));

		assert(got > 0);
		n -= (size_t)got;
	}
	if (is_large_and_empty(t->out)) {
		t->out = memory_new();
		SSL_set0_wbio(t->ssl, t->out);
	}
}

static void shrink_input(struct tls *t)
{
	if (!is_large_and_empty(t->in))
		return;
	t->in = memory_new();
	SSL_set0_rbio(t->ssl, t->in);
}

/* Alerts the peer sent, in words: what it thinks of us. */
static const char *alert_text(int reason)
{
	switch (reason) {
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
		return "the peer does not know the authority that signed our certificate";
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
		return "the peer does not accept our certificate";
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
		return "the peer says that our certificate has expired";
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
		return "the peer says that our certificate was revoked";
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
		return "the peer requires a client certificate, or nothing in common";
	case SSL_R_HTTP_REQUEST:
		return "the peer speaks plain HTTP";
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		return "the peer does not speak TLS";
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return "the peer presented no certificate, and one is required";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return "no common version of TLS (1.2 is the least)";
	default:
		return NULL;
	}
}

static enum tls_result fail_tls(struct tls *t, struct err *e)
{
	unsigned long code = ERR_get_error();
	int reason = ERR_GET_REASON(code);
	const char *text = alert_text(reason);

	ERR_clear_error();
	t->failed = true;
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && t->refusal) {
		*e = *t->refusal;
	} else if (text) {
		(void)fail(e, ERR_UNAVAILABLE, "%s", text);
	} else {
		text = ERR_reason_error_string(code);
		(void)fail(e, ERR_UNAVAILABLE, "%s", text ? text : "the connection broke");
	}
	(void)while_doing(e, "TLS");
	return TLS_FAILED;
}

static enum tls_result result_of(struct tls *t, int returned, struct err *e)
{
	if (returned > 0)
		return TLS_OK;
	switch (SSL_get_error(t->ssl, returned)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return TLS_MORE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	default:
		return fail_tls(t, e);
	}
}

static void learn_peer(struct tls *t)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);

	if (t->verify == TLS_VERIFY_NONE || !cert || SSL_get_verify_result(t->ssl) != X509_V_OK)
		return;
	cert_identity_of(cert, &t->peer);
	t->has_peer = true;
}

enum tls_result tls_handshake(struct tls *t, struct err *e)
{
	enum tls_result result;

	assert(!t->failed);
	if (SSL_is_init_finished(t->ssl))
		return TLS_OK;
	ERR_clear_error();
	result = result_of(t, SSL_do_handshake(t->ssl), e);
	if (result == TLS_OK)
		learn_peer(t);
	return result;
}

enum tls_result tls_read(struct tls *t, void *to, size_t size, size_t *got, struct err *e)
{
	enum tls_result result = tls_handshake(t, e);

	if (result != TLS_OK)
		return result;
	ERR_clear_error();
	result = result_of(t, SSL_read_ex(t->ssl, to, size, got), e);
	shrink_input(t);
	return result;
}

enum tls_result tls_write(struct tls *t, struct str plaintext, size_t *taken, struct err *e)
{
	size_t waiting = BIO_ctrl_pending(t->out), total = 0, n;
	enum tls_result result = tls_handshake(t, e);

	while (result == TLS_OK && total < plaintext.len && waiting < TLS_OUTPUT_MAX) {
		ERR_clear_error();
		result = result_of(
			t, SSL_write_ex(t->ssl, plaintext.ptr + total, plaintext.len - total, &n),
			e);
		total += result == TLS_OK ? n : 0;
		waiting = BIO_ctrl_pending(t->out);
	}
	*taken = total;
	if (result == TLS_OK && total == 0)
		return TLS_MORE;
	return result == TLS_MORE && total > 0 ? TLS_OK : result;
}

void tls_close(struct tls *t)
{
	if (!t->failed && SSL_is_init_finished(t->ssl))
		(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

bool tls_is_open(const struct tls *t)
{
	return !t->failed && SSL_is_init_finished(t->ssl);
}

const struct cert_identity *tls_peer(const struct tls *t)
{
	return t->has_peer ? &t->peer : NULL;
}

enum tls_alpn tls_selected_alpn(const struct tls *t)
{
	const unsigned char *name;
	unsigned int len;

	SSL_get0_alpn_selected(t->ssl, &name, &len);
	for (size_t i = 1; i < ARRAY_LEN(protocols); i++)
		if (len > 0 && str_equal_c(str_bytes(name, len), protocols[i].name))
			return (enum tls_alpn)i;
	return TLS_ALPN_NONE;
}

const char *tls_asked_name(const struct tls *t)
{
	const char *name = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);

	return name ? name : "";
}

const char *tls_version(const struct tls *t)
{
	return SSL_get_version(t->ssl);
}
