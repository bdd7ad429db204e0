#include "cli/conn.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define TCP_PORT "2375"
#define TLS_PORT "2376"

static const char *first_set(const char *a, const char *b)
{
	return a && *a ? a : b && *b ? b : NULL;
}

/* "host:port", "[::1]:port", "host". */
static void split_host(struct endpoint *ep, struct str s)
{
	const char *port = ep->tls ? TLS_PORT : TCP_PORT;
	struct str host = s, rest = STR("");

	if (s.len && s.ptr[0] == '[') {
		str_cut(str_bytes(s.ptr + 1, s.len - 1), ']', &host, &rest);
		if (rest.len && rest.ptr[0] == ':')
			rest = str_bytes(rest.ptr + 1, rest.len - 1);
	} else {
		str_cut(s, ':', &host, &rest);
	}
	ep->host = host.len ? str_dup(host) : xstrdup("localhost");
	ep->port = rest.len ? str_dup(rest) : xstrdup(port);
}

bool endpoint_read(struct endpoint *ep, const char *url, struct err *e)
{
	struct str rest;

	if (!url)
		url = first_set(getenv("SHOAL_HOST"), getenv("DOCKER_HOST"));
	if (!url)
		url = access(ENDPOINT_OWN_SOCKET, F_OK) == 0 ? "unix://" ENDPOINT_OWN_SOCKET
							     : "unix://" ENDPOINT_DEFAULT_SOCKET;
	ep->url = xstrdup(url);
	if (strncmp(url, "unix://", 7) == 0) {
		ep->socket_path = xstrdup(url + 7);
		return true;
	}
	if (url[0] == '/') {
		ep->socket_path = xstrdup(url);
		return true;
	}
	rest = str_of(url);
	if (strncmp(url, "tcp://", 6) == 0)
		rest = str_of(url + 6);
	else if (strncmp(url, "https://", 8) == 0)
		rest = str_of(url + 8), ep->tls = true;
	else if (strncmp(url, "http://", 7) == 0)
		rest = str_of(url + 7);
	else if (strstr(url, "://"))
		return fail(e, ERR_UNSUPPORTED,
			    "unable to parse docker host `%s`: give unix://PATH or tcp://HOST:PORT",
			    url);
	str_cut(rest, '/', &rest, &(struct str){ 0 });
	split_host(ep, rest);
	return true;
}

void endpoint_clear(struct endpoint *ep)
{
	free(ep->url);
	free(ep->socket_path);
	free(ep->host);
	free(ep->port);
	free(ep->ca);
	free(ep->cert);
	free(ep->key);
	*ep = (struct endpoint){ 0 };
}

static bool cannot_connect(const struct endpoint *ep, int errnum, struct err *e)
{
	if (errnum == EACCES)
		return fail(e, ERR_DENIED,
			    "permission denied while trying to connect to the shoal daemon at %s: "
			    "become root or join the group that owns the socket",
			    ep->url);
	if (errnum == ENOENT || errnum == ECONNREFUSED)
		return fail(
			e, ERR_UNAVAILABLE,
			"Cannot connect to the shoal daemon at %s. Is the shoal daemon running?",
			ep->url);
	return fail(e, ERR_UNAVAILABLE, "Cannot connect to the shoal daemon at %s: %s", ep->url,
		    strerror(errnum));
}

static bool open_unix(struct conn *c, const struct endpoint *ep, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(ep->socket_path) >= sizeof(address.sun_path))
		return fail(e, ERR_INVALID, "the socket's path is too long: %s", ep->socket_path);
	strcpy(address.sun_path, ep->socket_path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return fail_sys(e, errno, "socket");
	if (connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return cannot_connect(ep, errno, e);
	return true;
}

static bool open_tcp(struct conn *c, const struct endpoint *ep, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	int bad = getaddrinfo(ep->host, ep->port, &hints, &found), errnum = ECONNREFUSED;

	if (bad)
		return fail(e, ERR_UNAVAILABLE, "Cannot connect to the shoal daemon at %s: %s",
			    ep->url, gai_strerror(bad));
	for (struct addrinfo *a = found; a; a = a->ai_next) {
		c->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (c->fd >= 0 && connect(c->fd, a->ai_addr, a->ai_addrlen) == 0)
			break;
		errnum = errno;
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
	}
	freeaddrinfo(found);
	return c->fd >= 0 || cannot_connect(ep, errnum, e);
}

static bool tls_failed(const struct endpoint *ep, const char *what, struct err *e)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;

	return fail(e, ERR_UNAVAILABLE, "TLS with %s: %s: %s", ep->url, what,
		    why ? why : "connection closed");
}

static bool set_files(struct conn *c, const struct endpoint *ep, struct err *e)
{
	if (ep->cert && access(ep->cert, R_OK) == 0 &&
	    (SSL_CTX_use_certificate_chain_file(c->ssl_ctx, ep->cert) != 1 ||
	     SSL_CTX_use_PrivateKey_file(c->ssl_ctx, ep->key, SSL_FILETYPE_PEM) != 1))
		return tls_failed(ep, "reading the client certificate", e);
	if (!ep->verify)
		return true;
	SSL_CTX_set_verify(c->ssl_ctx, SSL_VERIFY_PEER, NULL);
	if (ep->ca && access(ep->ca, R_OK) == 0) {
		if (SSL_CTX_load_verify_locations(c->ssl_ctx, ep->ca, NULL) != 1)
			return tls_failed(ep, "reading the CA certificate", e);
	} else if (SSL_CTX_set_default_verify_paths(c->ssl_ctx) != 1) {
		return tls_failed(ep, "reading the system's CA certificates", e);
	}
	return true;
}

static bool start_tls(struct conn *c, const struct endpoint *ep, struct err *e)
{
	X509_VERIFY_PARAM *param;

	c->ssl_ctx = SSL_CTX_new(TLS_client_method());
	if (!c->ssl_ctx)
		return tls_failed(ep, "setting up", e);
	SSL_CTX_set_min_proto_version(c->ssl_ctx, TLS1_2_VERSION);
	if (!set_files(c, ep, e))
		return false;
	c->ssl = SSL_new(c->ssl_ctx);
	if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
		return tls_failed(ep, "setting up", e);
	param = SSL_get0_param(c->ssl);
	if (X509_VERIFY_PARAM_set1_ip_asc(param, ep->host) != 1) {
		SSL_set_tlsext_host_name(c->ssl, ep->host);
		if (X509_VERIFY_PARAM_set1_host(param, ep->host, 0) != 1)
			return tls_failed(ep, "setting up", e);
	}
	if (SSL_connect(c->ssl) != 1)
		return tls_failed(ep, "handshake", e);
	return true;
}

bool conn_open(struct conn *c, const struct endpoint *ep, struct err *e)
{
	bool ok;

	*c = (struct conn){ .fd = -1 };
	ok = ep->socket_path ? open_unix(c, ep, e) : open_tcp(c, ep, e);
	if (ok && ep->tls)
		ok = start_tls(c, ep, e);
	if (!ok)
		conn_close(c);
	return ok;
}

void conn_close(struct conn *c)
{
	if (c->ssl)
		(void)SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	SSL_CTX_free(c->ssl_ctx);
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct conn){ .fd = -1 };
}

ssize_t conn_read(struct conn *c, void *into, size_t size, struct err *e)
{
	ssize_t n;

	if (c->ssl) {
		size_t got;

		if (SSL_read_ex(c->ssl, into, size, &got) == 1)
			return (ssize_t)got;
		if (SSL_get_error(c->ssl, 0) == SSL_ERROR_ZERO_RETURN)
			return 0;
		return fail(e, ERR_UNAVAILABLE,
			    "reading from the daemon: the TLS connection broke"),
		       -1;
	}
	do
		n = read(c->fd, into, size);
	while (n < 0 && errno == EINTR);
	/* A daemon that closes with input of ours unread resets the connection: that is an end too. */
	if (n < 0 && errno == ECONNRESET)
		return 0;
	if (n < 0)
		fail_sys(e, errno, "reading from the daemon");
	return n;
}

bool conn_write(struct conn *c, const void *data, size_t size, struct err *e)
{
	const char *at = data;

	while (size) {
		size_t done = 0;
		ssize_t n;

		if (c->ssl) {
			if (SSL_write_ex(c->ssl, at, size, &done) != 1)
				return fail(e, ERR_UNAVAILABLE,
					    "writing to the daemon: the TLS connection broke");
		} else {
			n = send(c->fd, at, size, MSG_NOSIGNAL);
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return fail_sys(e, errno, "writing to the daemon");
			done = (size_t)n;
		}
		at += done;
		size -= done;
	}
	return true;
}

void conn_end_writing(struct conn *c)
{
	if (c->ssl)
		(void)SSL_shutdown(c->ssl);
	else
		(void)shutdown(c->fd, SHUT_WR);
}

bool conn_has_pending(const struct conn *c)
{
	return c->ssl && SSL_pending(c->ssl) > 0;
}
