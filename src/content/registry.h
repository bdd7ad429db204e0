/* One registry, spoken to by one NET worker (registry API v2 over libcurl).
 *
 * Endpoints are tried in order: mirrors, then the registry itself. Over HTTPS, unless the one who
 * gave the endpoint said otherwise; nothing here turns HTTPS into HTTP. Credentials go to the
 * endpoint they are for and to nobody else: not to mirrors, not along a redirect to another origin, and to a
 * token server only if challenge_may_trust(). Servers that fail or stall are tried again, with pauses
 * that double; a blob goes on where it stopped. */
#ifndef SHOAL_CONTENT_REGISTRY_H
#define SHOAL_CONTENT_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define ENDPOINTS_MAX 16

struct endpoint {
	const char *base; /* "https://registry-1.docker.io" */
	bool takes_credentials;
	bool is_unverified; /* certificates are not checked: an insecure registry */
	bool is_plain_sibling; /* the same host as the one before, over HTTP: tried when TLS could not be spoken */
};

/* Everything a worker must know before it is shut in; texts live as long as it does. */
struct registry_setup {
	struct endpoint endpoints[ENDPOINTS_MAX];
	size_t endpoint_count;
	const char *repository; /* "library/busybox" */
	const char *actions;    /* "pull" or "pull,push"; "": a token for nothing in particular */
	const char *username, *password;        /* NULL: none */
	const char *identity_token;             /* an OAuth2 refresh token, in place of the two */
	const char *registry_token;             /* a bearer token, used as it is */
	struct str ca, client_cert, client_key; /* PEM */
	int64_t pause_ms;                       /* before the first try again; doubles */
	int64_t stall_s;                        /* a transfer without a byte for so long is over */
};

struct registry;

struct registry *registry_new(const struct registry_setup *setup);
void registry_free(struct registry *r);

/* Which endpoint answered last; begin with another. */
size_t registry_endpoint(const struct registry *r);
void registry_use(struct registry *r, size_t endpoint);

/* Does it take our credentials? ERR_UNAUTHENTICATED if not. */
bool registry_login(struct registry *r, struct err *e);

/* A manifest by tag or digest. `type` gets its Content-Type, `digest` what the registry says it is (or "");
 * each has room for 256. */
bool registry_manifest(struct registry *r, const char *reference, struct buf *body, char *type,
		       char *digest, struct err *e);

/* Bytes of a blob, in order, each once. False stops the transfer. */
typedef bool registry_sink(void *self, const void *data, size_t size);
bool registry_blob(struct registry *r, const char *digest, int64_t size, registry_sink *sink,
		   void *self, struct err *e);

bool registry_has_blob(struct registry *r, const char *digest, bool *has, struct err *e);
/* Bytes given so far of the upload; may start over. */
typedef void registry_told(void *self, int64_t current);
bool registry_put_blob(struct registry *r, const char *digest, int fd, int64_t size,
		       registry_told *told, void *self, struct err *e);
bool registry_put_manifest(struct registry *r, const char *reference, const char *type,
			   struct str body, struct err *e);

#endif
