/* Listeners: where the API is heard. A unix socket, a TCP port, or sockets that systemd opened.
 *
 *     unix:///run/shoal.sock   mode 0660, root and a group; a stale socket is replaced, one that
 *                              somebody answers on, or that is no socket, is refused
 *     tcp://HOST:PORT          HOST may be empty (all addresses), a name, or [v6]
 *     fd://                    every socket passed by LISTEN_FDS; fd://NAME those with that name */
#ifndef SHOAL_HOST_LISTENER_H
#define SHOAL_HOST_LISTENER_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

enum listen_kind { LISTEN_UNIX, LISTEN_TCP, LISTEN_FD };

struct listen_address {
	enum listen_kind kind;
	char path[108]; /* unix */
	char host[256]; /* tcp; "" means all addresses */
	char port[8];
	char name[64]; /* fd; "" means all */
};

/* ERR_INVALID with a sentence. Without a scheme, "HOST:PORT" is tcp. */
bool listen_address_parse(struct str text, struct listen_address *a, struct err *e) MUST_CHECK;
/* As it was meant: "unix:///run/x.sock". `out` has room for LISTEN_TEXT_MAX. */
#define LISTEN_TEXT_MAX 300
void listen_address_text(const struct listen_address *a, char *out);

/* A listening socket, close-on-exec. ERR_IN_USE: somebody else has it. */
bool listen_unix(const char *path, gid_t group, int *fd, struct err *e) MUST_CHECK;
bool listen_tcp(const char *host, const char *port, int *fd, struct err *e) MUST_CHECK;

/* The sockets that systemd passed to this process (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES): those
 * with this name, or all for "". At most `max`; each is a listening stream socket. ERR_NOT_FOUND:
 * none. */
bool listen_passed(const char *name, int *fds, size_t max, size_t *count, struct err *e) MUST_CHECK;

/* The group that may use the socket: a name or a number. ERR_NOT_FOUND. */
bool listen_group(const char *group, gid_t *gid, struct err *e) MUST_CHECK;

#endif
