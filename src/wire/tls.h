/* One end of a TLS connection on memory: ciphertext in, ciphertext out, plaintext between.
 *
 * The caller owns the socket: it feeds what it received, calls tls_read() or tls_write(), and
 * sends what tls_output() holds, until nothing moves. TLS 1.2 and 1.3, no renegotiation, no
 * resumption (a resumed session would skip the look at the peer's certificate).
 *
 * A config is made once and shared; each connection keeps what it needs of it, so the owner may
 * free or replace a config at any time (a renewed certificate, a rotated root): live connections
 * go on with the old one. Configs and connections may be used on any thread, one at a time. */
#ifndef SHOAL_WIRE_TLS_H
#define SHOAL_WIRE_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "wire/x509.h"

#define TLS_INPUT_MAX  131072 /* ciphertext that is taken in before it is read */
#define TLS_OUTPUT_MAX 262144 /* ciphertext that may wait to be sent before writes stop */

enum tls_role { TLS_SERVER, TLS_CLIENT };

enum tls_verify {
	TLS_VERIFY_NONE,     /* client: anybody (root download); server: asks for no certificate */
	TLS_VERIFY_IF_GIVEN, /* server: a certificate, if presented, leads to the roots */
	TLS_VERIFY_PEER, /* server: a certificate is required; client: roots and server_name hold */
};

enum tls_alpn { TLS_ALPN_NONE, TLS_ALPN_H2, TLS_ALPN_HTTP1 };

struct tls_options {
	enum tls_role role;
	enum tls_verify verify;
	enum tls_alpn alpn;   /* client: offered; server: selected when offered, else not missed */
	struct str roots;     /* PEM bundle; unless TLS_VERIFY_NONE */
	struct str cert, key; /* PEM chain and key; servers need them, clients may have them */
	const char *server_name; /* client: SNI, and with TLS_VERIFY_PEER the DNS name or IP address
				  * that the certificate must hold; "" sends and checks none */
};

struct tls_config;

struct tls_config *tls_config_new(const struct tls_options *o, struct err *e);
void tls_config_free(struct tls_config *c);

struct tls;

/* Certificates are judged at the time given, in seconds since 1970. */
struct tls *tls_new(const struct tls_config *c, int64_t now_s);
void tls_free(struct tls *t);

enum tls_result {
	TLS_OK,
	TLS_MORE,   /* not now: feed more, or send the output first */
	TLS_CLOSED, /* the peer has ended its direction properly */
	TLS_FAILED, /* *e says why; send the output (an alert), then close */
};

/* Take ciphertext in: how many bytes were taken, less than all while unread input is at its
 * maximum. */
size_t tls_feed(struct tls *t, struct str ciphertext);

/* Ciphertext to be sent. The view holds until the next call; consume what was sent. */
struct str tls_output(const struct tls *t);
void tls_output_consume(struct tls *t, size_t n);

/* Go on with the handshake: TLS_OK once it is complete. Reading and writing do it as well. */
enum tls_result tls_handshake(struct tls *t, struct err *e);
/* Plaintext: TLS_OK with *got > 0. */
enum tls_result tls_read(struct tls *t, void *to, size_t size, size_t *got, struct err *e);
/* TLS_OK with *taken > 0, perhaps less than all. */
enum tls_result tls_write(struct tls *t, struct str plaintext, size_t *taken, struct err *e);
/* End our direction: puts a close_notify into the output. */
void tls_close(struct tls *t);

/* After the handshake. */
bool tls_is_open(const struct tls *t);
/* Who the peer is, if it presented a certificate and that was verified; NULL otherwise. */
const struct cert_identity *tls_peer(const struct tls *t);
enum tls_alpn tls_selected_alpn(const struct tls *t);
/* Server: the name the client asked for (SNI), or "". */
const char *tls_asked_name(const struct tls *t);
const char *tls_version(const struct tls *t); /* "TLSv1.3" */

#endif
