/* The hands behind seam/stream: HTTP/1.1 on unix sockets and TCP, with or without TLS.
 *
 * One connection carries one exchange at a time; what a client sends ahead waits (64 KiB, then
 * it is not read). Every byte a client can make us keep has a maximum: headers 64 KiB, a collected
 * body 4 MiB, an unread answer 256 KiB. Every silence has an end: see struct stream_limits; but
 * between a client and an endpoint there is only flow control, as a person may well pause a log.
 * When all connections are taken, the one that has been idle longest makes room. */
#ifndef SHOAL_HOST_STREAM_H
#define SHOAL_HOST_STREAM_H

#include "base/err.h"
#include "host/listener.h"
#include "seam/stream.h"

struct endpoints;
struct loop;
struct stream_server;
struct tls_config;

struct stream_limits {
	int64_t head_ms;  /* from accept, or a request's first byte, to the end of its headers */
	int64_t idle_ms;  /* between requests */
	int64_t body_ms;  /* no byte of a body that is collected */
	int64_t stall_ms; /* no byte of an answer taken */
	size_t connections_max;
};

#define STREAM_LIMITS_DEFAULT ((struct stream_limits){ 60000, 300000, 60000, 30000, 4096 })

struct stream_server *stream_server_new(struct loop *loop, struct endpoints *endpoints,
					const struct stream_sink *sink,
					const struct stream_limits *limits);
/* Stops listening, removes its unix sockets, and cuts all connections; nothing is heard of them.
 * The loop must run once more to free what is left. NULL is fine. */
void stream_server_close(struct stream_server *s);

void stream_server_seam(struct stream_server *s, struct stream *seam);

/* Listen there. `group` is the one that may use a unix socket. TCP wants `tls`, unless it is NULL
 * because plain TCP was asked for in plain words: that decision is the caller's. `tls` outlives
 * the server. *bound says where ("tcp://127.0.0.1:4243" for port 0); room for LISTEN_TEXT_MAX. */
bool stream_server_listen(struct stream_server *s, const struct listen_address *a, gid_t group,
			  const struct tls_config *tls, char *bound, struct err *e) MUST_CHECK;

/* From now on those who connect wait, until it wakes. */
void stream_server_rest(struct stream_server *s);
void stream_server_wake(struct stream_server *s);
size_t stream_server_connections(const struct stream_server *s);

#endif
