/* Where the engine is and a byte pipe to it: unix socket, TCP, or TLS over TCP. */
#ifndef SHOAL_CLI_CONN_H
#define SHOAL_CLI_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define ENDPOINT_DEFAULT_SOCKET "/var/run/docker.sock"
#define ENDPOINT_OWN_SOCKET     "/run/shoal.sock"

struct endpoint {
	char *url;         /* as people write it: "unix:///run/shoal.sock", "tcp://host:2376" */
	char *socket_path; /* of a unix socket, else NULL */
	char *host, *port;
	bool tls, verify;
	char *ca, *cert, *key; /* files */
};

/* `url` NULL: SHOAL_HOST, DOCKER_HOST, then the socket that is there. */
MUST_CHECK bool endpoint_read(struct endpoint *ep, const char *url, struct err *e);
void endpoint_clear(struct endpoint *ep);

struct conn {
	int fd;
	struct ssl_st *ssl; /* NULL without TLS */
	struct ssl_ctx_st *ssl_ctx;
};

MUST_CHECK bool conn_open(struct conn *c, const struct endpoint *ep, struct err *e);
void conn_close(struct conn *c);
/* Bytes read, 0 at the end, -1 and *e. */
ssize_t conn_read(struct conn *c, void *into, size_t size, struct err *e);
MUST_CHECK bool conn_write(struct conn *c, const void *data, size_t size, struct err *e);
/* No more bytes will be sent; reading goes on. */
void conn_end_writing(struct conn *c);
/* Bytes that are decrypted and wait here, invisible to poll(). */
bool conn_has_pending(const struct conn *c);

#endif
