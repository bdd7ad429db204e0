/* A client of one engine: HTTP/1.1 over a unix socket or TCP, with or without TLS, blocking.
 *
 * The API version is agreed on before the first call (HEAD /_ping). A connection that has
 * answered in full is kept for the next call; streams and hijacked connections have their own.
 * An answer of 400 or more is a failure with the engine's sentence, "Error response from daemon:
 * ..."; its err_kind follows the status. */
#ifndef SHOAL_CLI_CLIENT_H
#define SHOAL_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "cli/conn.h"

#define CLIENT_MINOR_MAX 47 /* of the API versions 1.x that we speak */
#define CLIENT_MINOR_MIN 24 /* what a daemon speaks that does not say */
#define CLIENT_BODY_MAX  ((size_t)512 << 20)

struct client;
struct stream;

struct client *client_new(const struct endpoint *where);
void client_free(struct client *c);
/* Agree on a version now; calls do it by themselves. */
MUST_CHECK bool client_connect(struct client *c, struct err *e);
/* The agreed version, "" before. */
const char *client_version(const struct client *c);
bool client_speaks(const struct client *c, int minor); /* at least 1.minor */
/* Of the last answer, 0 if there was none. */
int client_status(const struct client *c);

/* "/containers/%s/json": every %s is a path segment and is escaped, except '/' and ':'. */
char *path_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "a=b&c=d", values escaped. All zeroes is empty after query_init(). */
struct query {
	struct buf text;
};
#define QUERY                                                                                      \
	{                                                                                          \
		BUF_MAX(65536)                                                                     \
	}
void query_add(struct query *q, const char *name, const char *value);
void query_add_int(struct query *q, const char *name, int64_t value);
void query_add_flag(struct query *q, const char *name, bool value); /* name=1, nothing if false */
/* filters={"label":{"a=b":true}} from name=value pairs; nothing if there are none. */
void query_add_filters(struct query *q, const char *const *pairs, size_t count);
static inline void query_clear_scope(struct query *q)
{
	buf_clear(&q->text);
}
#define AUTO_QUERY __attribute__((cleanup(query_clear_scope)))

struct request {
	const char *method;
	const char *path; /* without the version */
	const struct query *query;
	const json_t *json;       /* the body, or */
	int body_fd;              /* > 0: read from there and sent in chunks */
	const char *content_type; /* of body_fd */
	const char *auth;         /* X-Registry-Auth, NULL: none */
	bool upgrade;             /* ask to take over the connection */
};

/* Calls with a small answer. NULL or false when it failed. `answer` may be NULL. */
json_t *client_get(struct client *c, const char *path, const struct query *q, struct err *e);
MUST_CHECK bool client_get_text(struct client *c, const char *path, const struct query *q,
				struct buf *text, struct err *e);
MUST_CHECK bool client_post(struct client *c, const char *path, const struct query *q,
			    const json_t *body, json_t **answer, struct err *e);
MUST_CHECK bool client_delete(struct client *c, const char *path, const struct query *q,
			      json_t **answer, struct err *e);
MUST_CHECK bool client_call(struct client *c, const struct request *r, json_t **answer,
			    struct err *e);

/* A call whose answer is read as it comes: the head has arrived when this returns. */
struct stream *client_open(struct client *c, const struct request *r, struct err *e);
/* The next bytes of the body; 0 at its end, -1 and *e on failure. */
ssize_t stream_read(struct stream *s, void *into, size_t size, struct err *e);
/* One line without its end, or false: at the end *e is untouched and `ended` is true. */
MUST_CHECK bool stream_line(struct stream *s, struct str *line, bool *ended, struct err *e);
struct str stream_header(const struct stream *s, const char *name); /* empty if absent */
int stream_status(const struct stream *s);
/* After a 101, or an answer without length: the connection, and bytes that came with the head. */
struct conn *stream_conn(struct stream *s);
struct str stream_early_bytes(struct stream *s);
int stream_fd(const struct stream *s);
void stream_free(struct stream *s);

#endif
