#include "host/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define BACKLOG         1024
#define FIRST_PASSED_FD 3

static bool take_text(char *to, size_t size, struct str from)
{
	if (from.len >= size || memchr(from.ptr, '\0', from.len))
		return false;
	memcpy(to, from.ptr, from.len);
	to[from.len] = '\0';
	return true;
}

static bool parse_tcp(struct str rest, struct listen_address *a)
{
	struct str host = rest, port;
	uint64_t number;
	size_t colon = rest.len;

	while (colon > 0 && rest.ptr[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return false;
	host.len = colon - 1;
	port = str_bytes(rest.ptr + colon, rest.len - colon);
	if (str_starts_with(host, "[") && str_ends_with(host, "]"))
		host = str_bytes(host.ptr + 1, host.len - 2);
	else if (str_find(host, ':') >= 0)
		return false;
	if (!str_to_u64(port, &number) || number > 65535)
		return false;
	return take_text(a->host, sizeof(a->host), host) &&
	       take_text(a->port, sizeof(a->port), port);
}

static struct str after(struct str text, const char *prefix)
{
	return str_bytes(text.ptr + strlen(prefix), text.len - strlen(prefix));
}

bool listen_address_parse(struct str text, struct listen_address *a, struct err *e)
{
	struct str rest;

	*a = (struct listen_address){ 0 };
	if (str_starts_with(text, "unix://")) {
		a->kind = LISTEN_UNIX;
		rest = after(text, "unix://");
		if (rest.len && rest.ptr[0] == '/' && take_text(a->path, sizeof(a->path), rest))
			return true;
		return fail(e, ERR_INVALID,
			    "%.*s: not unix:// and an absolute path of at most %zu bytes",
			    STR_FMT(text), sizeof(a->path) - 1);
	}
	if (str_starts_with(text, "fd://")) {
		a->kind = LISTEN_FD;
		rest = after(text, "fd://");
		if (str_equal_c(rest, "*"))
			return true;
		if (take_text(a->name, sizeof(a->name), rest))
			return true;
		return fail(e, ERR_INVALID, "%.*s: the name is too long", STR_FMT(text));
	}
	a->kind = LISTEN_TCP;
	rest = str_starts_with(text, "tcp://") ? after(text, "tcp://") : text;
	if (!memmem(rest.ptr, rest.len, "://", 3) && parse_tcp(rest, a))
		return true;
	return fail(e, ERR_INVALID, "%.*s: not unix:///PATH, tcp://HOST:PORT or fd://",
		    STR_FMT(text));
}

void listen_address_text(const struct listen_address *a, char *out)
{
	bool is_v6 = strchr(a->host, ':') != NULL;

	switch (a->kind) {
	case LISTEN_UNIX:
		(void)snprintf(out, LISTEN_TEXT_MAX, "unix://%s", a->path);
		break;
	case LISTEN_TCP:
		(void)snprintf(out, LISTEN_TEXT_MAX, is_v6 ? "tcp://[%s]:%s" : "tcp://%s:%s",
			       a->host, a->port);
		break;
	case LISTEN_FD:
		(void)snprintf(out, LISTEN_TEXT_MAX, "fd://%s", a->name);
		break;
	}
}

static bool fail_close(int fd, struct err *e, const char *doing, const char *what)
{
	int errnum = errno;

	close(fd);
	return fail_sys(e, errnum, "%s %s", doing, what);
}

/* A socket file that nobody answers on was left by a daemon that died. */
static bool remove_stale(const struct sockaddr_un *addr, struct err *e)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat s;

	if (lstat(addr->sun_path, &s) != 0)
		return errno == ENOENT ? true : fail_sys(e, errno, "look at %s", addr->sun_path);
	if (!S_ISSOCK(s.st_mode))
		return fail(e, ERR_CONFLICT, "%s is there and is no socket", addr->sun_path);
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN)
		return fail(e, ERR_IN_USE, "%s: another daemon answers there", addr->sun_path);
	if (errno != ECONNREFUSED)
		return fail_sys(e, errno, "connect to %s", addr->sun_path);
	if (unlink(addr->sun_path) != 0)
		return fail_sys(e, errno, "remove stale %s", addr->sun_path);
	return true;
}

bool listen_unix(const char *path, gid_t group, int *out, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, bound;

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (!remove_stale(&addr, e))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail_sys(e, errno, "socket");
	/* Nobody else may connect between bind and chmod. */
	mask = umask(0177);
	bound = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	(void)umask(mask);
	if (bound != 0)
		return fail_close(fd, e, "bind", path);
	if (lchown(path, (uid_t)-1, group) != 0 || chmod(path, 0660) != 0 ||
	    listen(fd, BACKLOG) != 0)
		return fail_close(fd, e, "prepare", path);
	*out = fd;
	return true;
}

static bool listen_at(const struct addrinfo *at, int *out, const char *text, struct err *e)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, off = 0;

	if (fd < 0)
		return fail_sys(e, errno, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		if (errno == EADDRINUSE) {
			close(fd);
			return fail(e, ERR_IN_USE, "%s: the port is in use", text);
		}
		return fail_close(fd, e, "listen on", text);
	}
	*out = fd;
	return true;
}

bool listen_tcp(const char *host, const char *port, int *out, struct err *e)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE };
	AUTO_FREE char *text = xasprintf("tcp://%s:%s", host, port);
	struct addrinfo *found = NULL;
	int status;
	bool ok = false;

	/* "All addresses" is a v6 socket that hears v4 as well, where the kernel has v6. */
	if (!host[0])
		host = access("/proc/net/if_inet6", F_OK) == 0 ? "::" : "0.0.0.0";
	status = getaddrinfo(host, port, &hints, &found);
	if (status != 0)
		return fail(e, ERR_INVALID, "%s: %s", text, gai_strerror(status));
	for (struct addrinfo *at = found; at && !ok; at = at->ai_next)
		ok = listen_at(at, out, text, e);
	freeaddrinfo(found);
	return ok;
}

static bool is_listening(int fd)
{
	int is = 0;
	socklen_t size = sizeof(is);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &size) == 0 && is;
}

/* The n-th of "a:b:c", or "unknown" as systemd says. */
static struct str name_of(size_t n)
{
	struct str rest = str_of(getenv("LISTEN_FDNAMES")), head = { 0 };

	for (size_t i = 0; i <= n; i++) {
		if (!rest.ptr)
			return STR("unknown");
		if (!str_cut(rest, ':', &head, &rest))
			rest = (struct str){ 0 };
	}
	return head;
}

bool listen_passed(const char *name, int *fds, size_t max, size_t *count, struct err *e)
{
	uint64_t pid, n;

	*count = 0;
	if (!str_to_u64(str_of(getenv("LISTEN_PID")), &pid) || pid != (uint64_t)getpid() ||
	    !str_to_u64(str_of(getenv("LISTEN_FDS")), &n) || n > 1024)
		return fail(e, ERR_NOT_FOUND, "fd://: no sockets were passed to this process");
	for (size_t i = 0; i < n && *count < max; i++) {
		int fd = FIRST_PASSED_FD + (int)i;

		if (name[0] && !str_equal_c(name_of(i), name))
			continue;
		if (!is_listening(fd))
			return fail(e, ERR_INVALID, "fd://: descriptor %d is no listening socket",
				    fd);
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		fds[(*count)++] = fd;
	}
	if (*count == 0)
		return fail(e, ERR_NOT_FOUND, "fd://%s: no socket of this name was passed", name);
	return true;
}

bool listen_group(const char *group, gid_t *gid, struct err *e)
{
	struct group *found = getgrnam(group);
	uint64_t number;

	if (found) {
		*gid = found->gr_gid;
		return true;
	}
	if (str_to_u64(str_of(group), &number) && number < UINT32_MAX) {
		*gid = (gid_t)number;
		return true;
	}
	return fail(e, ERR_NOT_FOUND, "there is no group %s", group);
}
