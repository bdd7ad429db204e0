#include "wire/tls.h"

#include <openssl/x509.h>

#include "base/mem.h"
#include "test.h"
#include "wire/x509_inside.h"

#define NOW INT64_C(1790000000)
#define DAY INT64_C(86400)

/* One cluster for all tests: a root, a manager, a worker, and a root that nobody trusts. */
static struct {
	struct buf root, root_key, manager, manager_key, worker, worker_key, other, other_key;
	bool ready;
} pki;

static void issue(const struct buf *root, const struct buf *root_key, const char *role,
		  const char *id, struct buf *chain, struct buf *key)
{
	struct signer by = { buf_str(root), buf_str(root_key), STR("") };
	AUTO_BUF struct buf csr = BUF_MAX(4096);
	struct err e;

	if (!key_new(key, &e) || !csr_new(buf_str(key), &csr, &e) ||
	    !node_cert_sign(&by, buf_str(&csr), "cluster", role, id, NOW, DAY, chain, &e))
		TEST_FAIL("%s", e.text);
}

static void pki_make(void)
{
	struct err e;

	if (pki.ready)
		return;
	for (struct buf *b = &pki.root; b <= &pki.other_key; b++)
		*b = BUF_MAX(X509_PEM_MAX);
	CHECK(root_new(NOW, &pki.root, &pki.root_key, &e) &&
	      root_new(NOW, &pki.other, &pki.other_key, &e));
	issue(&pki.root, &pki.root_key, "swarm-manager", "m1", &pki.manager, &pki.manager_key);
	issue(&pki.root, &pki.root_key, "swarm-worker", "w1", &pki.worker, &pki.worker_key);
	pki.ready = true;
}

static struct tls_options server_options(void)
{
	pki_make();
	return (struct tls_options){ .role = TLS_SERVER,
				     .verify = TLS_VERIFY_IF_GIVEN,
				     .alpn = TLS_ALPN_H2,
				     .roots = buf_str(&pki.root),
				     .cert = buf_str(&pki.manager),
				     .key = buf_str(&pki.manager_key) };
}

static struct tls_options client_options(void)
{
	pki_make();
	return (struct tls_options){ .role = TLS_CLIENT,
				     .verify = TLS_VERIFY_PEER,
				     .alpn = TLS_ALPN_H2,
				     .roots = buf_str(&pki.root),
				     .cert = buf_str(&pki.worker),
				     .key = buf_str(&pki.worker_key),
				     .server_name = "swarm-manager" };
}

/* Two ends and what became of them. */
struct pair {
	struct tls *client, *server;
	enum tls_result client_result, server_result;
	struct err client_err, server_err;
};

static struct tls_config *config(const struct tls_options *o)
{
	struct tls_config *c;
	struct err e;

	c = tls_config_new(o, &e);
	if (!c)
		TEST_FAIL("%s", e.text);
	return c;
}

static struct pair pair_new(const struct tls_options *client, const struct tls_options *server,
			    int64_t now_s)
{
	struct tls_config *c = config(client), *s = config(server);
	struct pair p = { .client = tls_new(c, now_s), .server = tls_new(s, now_s) };

	tls_config_free(c);
	tls_config_free(s);
	return p;
}

static void pair_free(struct pair *p)
{
	tls_free(p->client);
	tls_free(p->server);
}

static bool carry(struct tls *from, struct tls *to)
{
	struct str out = tls_output(from);
	size_t n = tls_feed(to, out);

	tls_output_consume(from, n);
	return n > 0;
}

/* Handshake, and a first read on both ends: only then does a TLS 1.3 client hear of its own
 * certificate. */
static void shake_hands(struct pair *p)
{
	enum tls_result *c = &p->client_result, *s = &p->server_result;
	char byte;
	size_t got;

	for (bool moved = true; moved;) {
		if (*c != TLS_FAILED)
			*c = tls_is_open(p->client)
				     ? tls_read(p->client, &byte, 1, &got, &p->client_err)
				     : tls_handshake(p->client, &p->client_err);
		moved = carry(p->client, p->server);
		if (*s != TLS_FAILED)
			*s = tls_is_open(p->server)
				     ? tls_read(p->server, &byte, 1, &got, &p->server_err)
				     : tls_handshake(p->server, &p->server_err);
		moved |= carry(p->server, p->client);
	}
}

static void check_open(struct pair *p)
{
	shake_hands(p);
	if (p->client_result == TLS_FAILED)
		TEST_FAIL("client: %s", p->client_err.text);
	if (p->server_result == TLS_FAILED)
		TEST_FAIL("server: %s", p->server_err.text);
	CHECK(tls_is_open(p->client) && tls_is_open(p->server));
}

TEST(mutual_tls_tells_each_end_who_the_other_is)
{
	struct tls_options c = client_options(), s = server_options();
	struct pair p = pair_new(&c, &s, NOW);

	check_open(&p);
	CHECK_STR(tls_version(p.client), "TLSv1.3");
	CHECK_STR(tls_peer(p.server)->cn, "w1");
	CHECK_STR(tls_peer(p.server)->org, "cluster");
	CHECK(identity_has_ou(tls_peer(p.server), "swarm-worker"));
	CHECK_STR(tls_peer(p.client)->cn, "m1");
	CHECK_STR(tls_asked_name(p.server), "swarm-manager");
	CHECK(tls_selected_alpn(p.client) == TLS_ALPN_H2 &&
	      tls_selected_alpn(p.server) == TLS_ALPN_H2);
	pair_free(&p);
}

TEST(a_manager_is_the_ca_as_well)
{
	struct tls_options c = client_options(), s = server_options();
	struct pair p;

	c.server_name = "swarm-ca";
	p = pair_new(&c, &s, NOW);
	check_open(&p);
	pair_free(&p);
}

/* The new root's certificate as a stock manager has the old root sign it: it names no key that it
 * is signed with. */
static void cross_sign_as_stock(const struct buf *old_key, const struct buf *new_cert,
				struct buf *out)
{
	struct err e;
	AUTO_CERTS STACK_OF(X509) *new = certs_parse(buf_str(new_cert), &e);
	AUTO_KEY EVP_PKEY *key = key_parse(buf_str(old_key), &e);
	AUTO_CERT X509 *cert = X509_dup(sk_X509_value(new, 0));
	int at = X509_get_ext_by_NID(cert, NID_authority_key_identifier, -1);

	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(cert, at));
	CHECK(X509_sign(cert, key, EVP_sha256()) > 0 && cert_write(cert, out, &e));
}

TEST(during_a_rotation_both_ends_verify_under_the_old_root)
{
	AUTO_BUF struct buf manager = BUF_MAX(X509_PEM_MAX), manager_key = BUF_MAX(X509_PEM_MAX);
	AUTO_BUF struct buf worker = BUF_MAX(X509_PEM_MAX), worker_key = BUF_MAX(X509_PEM_MAX);
	struct tls_options c = client_options(), s = server_options();
	struct pair p;

	issue(&pki.other, &pki.other_key, "swarm-manager", "m1", &manager, &manager_key);
	issue(&pki.other, &pki.other_key, "swarm-worker", "w1", &worker, &worker_key);
	cross_sign_as_stock(&pki.root_key, &pki.other, &manager);
	cross_sign_as_stock(&pki.root_key, &pki.other, &worker);
	c.cert = buf_str(&worker);
	c.key = buf_str(&worker_key);
	s.cert = buf_str(&manager);
	s.key = buf_str(&manager_key);

	p = pair_new(&c, &s, NOW);
	check_open(&p);
	CHECK_STR(tls_peer(p.server)->cn, "w1");
	CHECK_STR(tls_peer(p.client)->cn, "m1");
	pair_free(&p);
}

TEST(what_no_root_has_signed_ends_no_path)
{
	AUTO_BUF struct buf third = BUF_MAX(X509_PEM_MAX), third_key = BUF_MAX(X509_PEM_MAX);
	AUTO_BUF struct buf manager = BUF_MAX(X509_PEM_MAX), manager_key = BUF_MAX(X509_PEM_MAX);
	struct tls_options c = client_options(), s = server_options();
	struct err e;
	struct pair p;

	CHECK(root_new(NOW, &third, &third_key, &e));
	issue(&pki.other, &pki.other_key, "swarm-manager", "m1", &manager, &manager_key);
	cross_sign_as_stock(&third_key, &pki.other, &manager);
	s.cert = buf_str(&manager);
	s.key = buf_str(&manager_key);

	p = pair_new(&c, &s, NOW);
	shake_hands(&p);
	CHECK(p.client_result == TLS_FAILED);
	CHECK_STR(p.client_err.text, "TLS: certificate signed by unknown authority");
	pair_free(&p);
}

TEST(a_client_without_a_certificate_is_let_in_as_nobody)
{
	struct tls_options c = client_options(), s = server_options();
	struct pair p;

	c.cert = c.key = STR("");
	p = pair_new(&c, &s, NOW);
	check_open(&p);
	CHECK(tls_peer(p.server) == NULL && tls_peer(p.client) != NULL);
	pair_free(&p);
}

TEST(a_root_download_verifies_nobody_and_knows_nobody)
{
	struct tls_options c = { .role = TLS_CLIENT,
				 .verify = TLS_VERIFY_NONE,
				 .alpn = TLS_ALPN_H2 };
	struct tls_options s = server_options();
	struct pair p = pair_new(&c, &s, NOW + 400 * DAY);

	check_open(&p);
	CHECK(tls_peer(p.client) == NULL && tls_peer(p.server) == NULL);
	CHECK_STR(tls_asked_name(p.server), "");
	pair_free(&p);
}

TEST(protocols_are_selected_when_offered_and_not_missed_otherwise)
{
	struct tls_options c = client_options(), s = server_options();
	struct pair p;

	c.alpn = TLS_ALPN_NONE;
	p = pair_new(&c, &s, NOW);
	check_open(&p);
	CHECK(tls_selected_alpn(p.server) == TLS_ALPN_NONE);
	pair_free(&p);

	c.alpn = TLS_ALPN_HTTP1;
	p = pair_new(&c, &s, NOW);
	check_open(&p);
	CHECK(tls_selected_alpn(p.client) == TLS_ALPN_NONE);
	pair_free(&p);
}

TEST(a_server_signed_by_another_root_is_refused)
{
	struct tls_options c = client_options(), s = server_options();
	struct pair p;

	c.roots = buf_str(&pki.other);
	p = pair_new(&c, &s, NOW);
	shake_hands(&p);
	CHECK(p.client_result == TLS_FAILED && p.client_err.kind == ERR_UNAUTHENTICATED);
	CHECK_STR(p.client_err.text, "TLS: certificate signed by unknown authority");
	CHECK(p.server_result == TLS_FAILED);
	CHECK_STR(p.server_err.text,
		  "TLS: the peer does not know the authority that signed our certificate");
	pair_free(&p);
}

TEST(a_client_signed_by_another_root_is_refused)
{
	AUTO_BUF struct buf chain = BUF_MAX(X509_PEM_MAX), key = BUF_MAX(X509_PEM_MAX);
	struct tls_options c = client_options(), s = server_options();
	struct pair p;

	issue(&pki.other, &pki.other_key, "swarm-worker", "w1", &chain, &key);
	c.cert = buf_str(&chain);
	c.key = buf_str(&key);
	p = pair_new(&c, &s, NOW);
	shake_hands(&p);
	CHECK(p.server_result == TLS_FAILED && !tls_peer(p.server));
	CHECK_STR(p.server_err.text, "TLS: certificate signed by unknown authority");
	CHECK(p.client_result == TLS_FAILED);
	CHECK_STR(p.client_err.text,
		  "TLS: the peer does not know the authority that signed our certificate");
	pair_free(&p);
}

/* The root was changed, this worker has a certificate of the new one with the old root's signature on
 * that, and has not heard yet that it is the root; the manager has been given one without. */
TEST(who_has_a_certificate_of_the_next_root_believes_others_that_have)
{
	AUTO_BUF struct buf cross = BUF_MAX(X509_PEM_MAX), manager = BUF_MAX(X509_PEM_MAX),
			    manager_key = BUF_MAX(X509_PEM_MAX), worker = BUF_MAX(X509_PEM_MAX),
			    worker_key = BUF_MAX(X509_PEM_MAX);
	struct tls_options c = client_options(), s = server_options();
	struct pair p;
	struct err e;

	issue(&pki.other, &pki.other_key, "swarm-manager", "m1", &manager, &manager_key);
	issue(&pki.other, &pki.other_key, "swarm-worker", "w1", &worker, &worker_key);
	CHECK(root_cross_sign(buf_str(&pki.root), buf_str(&pki.root_key), buf_str(&pki.other),
			      &cross, &e));
	buf_append_str(&worker, buf_str(&cross));
	c.cert = buf_str(&worker);
	c.key = buf_str(&worker_key);
	s.roots = buf_str(&pki.other);
	s.cert = buf_str(&manager);
	s.key = buf_str(&manager_key);
	p = pair_new(&c, &s, NOW);
	check_open(&p);
	pair_free(&p);
}

TEST(a_server_of_another_name_is_refused)
{
	struct tls_options c = client_options(), s = server_options();
	struct pair p;

	s.cert = buf_str(&pki.worker);
	s.key = buf_str(&pki.worker_key);
	p = pair_new(&c, &s, NOW);
	shake_hands(&p);
	CHECK(p.client_result == TLS_FAILED);
	CHECK_STR(p.client_err.text,
		  "TLS: certificate is valid for swarm-worker, w1, not for swarm-manager");
	pair_free(&p);
}

TEST(certificates_are_judged_at_the_time_given)
{
	struct tls_options c = client_options(), s = server_options();
	struct pair p = pair_new(&c, &s, NOW + 2 * DAY);

	shake_hands(&p);
	CHECK(p.client_result == TLS_FAILED);
	CHECK_STR(p.client_err.text,
		  "TLS: certificate of \"m1\" expired at 2026-09-22 14:13:00 UTC");
	CHECK_STR(p.server_err.text, "TLS: the peer says that our certificate has expired");
	pair_free(&p);
}

TEST(a_server_can_require_a_certificate)
{
	struct tls_options c = client_options(), s = server_options();
	struct pair p;

	s.verify = TLS_VERIFY_PEER;
	s.alpn = c.alpn = TLS_ALPN_HTTP1;
	p = pair_new(&c, &s, NOW);
	check_open(&p);
	CHECK(tls_selected_alpn(p.server) == TLS_ALPN_HTTP1);
	pair_free(&p);

	c.cert = c.key = STR("");
	p = pair_new(&c, &s, NOW);
	shake_hands(&p);
	CHECK(p.server_result == TLS_FAILED && p.client_result == TLS_FAILED);
	CHECK_STR(p.server_err.text, "TLS: the peer presented no certificate, and one is required");
	CHECK(strstr(p.client_err.text, "requires a client certificate"));
	pair_free(&p);
}

/* Push `size` bytes through, 16 KiB of plaintext at most at a time; returns their sum. */
static unsigned transfer(struct tls *from, struct tls *to, size_t size)
{
	AUTO_FREE char *data = xmalloc(size), *chunk = xmalloc(16384);
	size_t sent = 0, received = 0, n;
	unsigned sum = 0;
	struct err e;

	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 7);
	while (received < size) {
		enum tls_result r =
			sent < size ? tls_write(from, str_bytes(data + sent, size - sent), &n, &e)
				    : TLS_MORE;

		CHECK(r == TLS_OK || r == TLS_MORE);
		sent += r == TLS_OK ? n : 0;
		CHECK(tls_output(from).len <= TLS_OUTPUT_MAX + 20000);
		carry(from, to);
		while ((r = tls_read(to, chunk, 16384, &n, &e)) == TLS_OK) {
			for (size_t i = 0; i < n; i++)
				sum += (unsigned char)chunk[i] * (unsigned)(received + i + 1);
			received += n;
		}
		CHECK(r == TLS_MORE);
	}
	return sum;
}

TEST(large_bodies_pass_through_bounded_buffers)
{
	struct tls_options c = client_options(), s = server_options();
	struct pair p = pair_new(&c, &s, NOW);
	unsigned want = 0;

	check_open(&p);
	for (size_t i = 0; i < 3000000; i++)
		want += (unsigned char)(i * 7) * (unsigned)(i + 1);
	CHECK(transfer(p.client, p.server, 3000000) == want);
	CHECK(transfer(p.server, p.client, 3000000) == want);
	pair_free(&p);
}

TEST(unread_input_has_a_maximum)
{
	struct tls_options s = server_options();
	struct tls_config *c = config(&s);
	struct tls *t = tls_new(c, NOW);
	char bytes[4096] = { 0 };
	size_t total = 0, n;

	tls_config_free(c);
	while ((n = tls_feed(t, str_bytes(bytes, sizeof(bytes)))) > 0)
		total += n;
	CHECK_INT(total, TLS_INPUT_MAX);
	tls_free(t);
}

TEST(an_end_is_told_from_a_cut)
{
	struct tls_options c = client_options(), s = server_options();
	struct pair p = pair_new(&c, &s, NOW);
	char byte;
	size_t got;
	struct err e;

	check_open(&p);
	tls_close(p.client);
	carry(p.client, p.server);
	CHECK(tls_read(p.server, &byte, 1, &got, &e) == TLS_CLOSED);
	/* The other direction goes on. */
	CHECK(tls_write(p.server, STR("x"), &got, &e) == TLS_OK);
	carry(p.server, p.client);
	CHECK(tls_read(p.client, &byte, 1, &got, &e) == TLS_OK && byte == 'x');
	pair_free(&p);
}

TEST(a_new_config_leaves_live_connections_alone)
{
	struct tls_options c = client_options(), s = server_options();
	struct pair old = pair_new(&c, &s, NOW), new;

	check_open(&old);
	s.cert = buf_str(&pki.other); /* a config that cannot be is refused, and nothing changes */
	CHECK(!tls_config_new(&s, &old.server_err));
	CHECK_STR(old.server_err.text, "the key does not belong to the certificate");
	s = server_options();
	s.roots = buf_str(&pki.other);
	new = pair_new(&c, &s, NOW);
	shake_hands(&new);
	CHECK(new.server_result == TLS_FAILED);
	CHECK(transfer(old.client, old.server, 100000) != 0);
	pair_free(&old);
	pair_free(&new);
}

TEST(bytes_that_are_no_tls_are_named)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n\r\n", "TLS: the peer speaks plain HTTP" },
		{ "SSH-2.0-OpenSSH_9\r\n", "TLS: the peer does not speak TLS" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tls_options s = server_options();
		struct tls_config *c = config(&s);
		struct tls *t = tls_new(c, NOW);
		struct err e;

		tls_config_free(c);
		tls_feed(t, str_of(cases[i].bytes));
		CHECK(tls_handshake(t, &e) == TLS_FAILED);
		CHECK_STR(e.text, cases[i].text);
		tls_free(t);
	}
}

TEST(configs_that_cannot_work_are_refused)
{
	struct tls_options s = server_options();
	struct err e;

	s.cert = STR("");
	CHECK(!tls_config_new(&s, &e));
	CHECK_STR(e.text, "a TLS server needs a certificate");
	s = server_options();
	s.roots = STR("");
	CHECK(!tls_config_new(&s, &e) && strstr(e.text, "trusted roots: "));
}

TEST_MAIN()
