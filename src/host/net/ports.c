#include "host/net/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	const char *name;
	int type, protocol;
} protos[] = {
	[NET_TCP] = { "tcp", SOCK_STREAM, IPPROTO_TCP },
	[NET_UDP] = { "udp", SOCK_DGRAM, IPPROTO_UDP },
	[NET_SCTP] = { "sctp", SOCK_STREAM, IPPROTO_SCTP },
};

const char *net_proto_name(enum net_proto proto)
{
	return protos[proto].name;
}

static bool refuse(const struct held_port *p, int errnum, struct err *e)
{
	struct in_addr ip = { htonl(p->host_ip) };
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &ip, text, sizeof(text));
	if (errnum == EADDRINUSE)
		return fail(e, ERR_CONFLICT, "Bind for %s:%u failed: port is already allocated",
			    text, p->host_port);
	return fail_sys(e, errnum, "listen %s %s:%u", protos[p->proto].name, text, p->host_port);
}

bool port_hold(struct held_port *p, struct err *e)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
				    .sin_port = htons(p->host_port),
				    .sin_addr = { htonl(p->host_ip) } };
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, protos[p->proto].type | SOCK_CLOEXEC, protos[p->proto].protocol);

	/* A kernel without SCTP has nobody to take such a port away. */
	if (fd < 0 && p->proto == NET_SCTP && p->host_port != 0) {
		p->socket = -1;
		return true;
	}
	if (fd < 0)
		return refuse(p, errno, e);
	if (bind(fd, (struct sockaddr *)&name, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&name, &len) < 0) {
		refuse(p, errno, e);
		(void)close(fd);
		return false;
	}
	p->host_port = ntohs(name.sin_port);
	p->socket = fd;
	return true;
}

void port_release(struct held_port *p)
{
	if (p->socket >= 0)
		(void)close(p->socket);
	p->socket = -1;
}
