#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "host/net/net.h"
#include "netlink/netns.h"
#include "test.h"
#include "wire/dns.h"

static struct bench b;
static struct net_hands *hands;
static struct net net;
static uint64_t generation;

static bool has_answer(struct bench *bench)
{
	struct fact *f;

	list_each (&bench->facts, struct fact, link, f) {
		if (f->kind != INPUT_NET || f->net.generation != generation)
			continue;
		bench->found = f;
		return true;
	}
	return false;
}

static const struct net_event *must_apply(void)
{
	CHECK(bench_until(&b, has_answer));
	if (b.found->net.kind != NET_APPLIED)
		TEST_FAIL("not applied: %s", b.found->net.text);
	return &b.found->net;
}

static const char *add_sandbox(const char *id, const char *network, const char *address,
			       const char *gateway, const char *upstream)
{
	struct net_interface eth0 = {
		.network = network, .name = "eth0", .address = address, .mac = "02:42:0a:4d:00:02"
	};
	struct net_sandbox what = { .id = id,
				    .interfaces = &eth0,
				    .interface_count = 1,
				    .gateway = gateway,
				    .has_resolver = true,
				    .upstreams = &upstream,
				    .upstream_count = upstream ? 1 : 0 };

	net.want_sandbox(net.self, ++generation, &what);
	return must_apply()->netns;
}

static const struct net_name names[] = {
	{ "web", "10.77.0.10" },
	{ "Web", "10.77.0.11" },
	{ "db", "10.77.0.12" },
};

/* Upstream servers are asked through the bridge: its own address plays one. */
static void begin(bool internal)
{
	struct net_hands_config config = { .data_root = NULL };
	struct net_bridge bridge = { .id = "n1",
				     .link = "",
				     .subnet = "10.77.0.0/24",
				     .gateway = "10.77.0.1",
				     .icc = true,
				     .internal = internal };
	struct err e;

	bench_open(&b);
	config.loop = b.loop;
	config.data_root = b.data_root;
	config.exec_root = b.exec_root;
	CHECK(net_hands_new(&config, &hands, &e));
	net = net_hands_seam(hands);
	net.want_bridge(net.self, ++generation, &bridge);
	must_apply();
	net.want_names(net.self, ++generation, "n1", names, 3);
	must_apply();
}

static void end(void)
{
	net.drop(net.self, ++generation, NET_SANDBOX, "c1");
	must_apply();
	net.drop(net.self, ++generation, NET_BRIDGE, "n1");
	must_apply();
	net_hands_free(hands);
	bench_close(&b);
}

struct make_socket {
	int type, fd;
};

static bool make_socket(void *self, struct err *e)
{
	struct make_socket *m = self;

	(void)e;
	m->fd = socket(AF_INET, m->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return m->fd >= 0;
}

static int socket_in(const char *netns, int type)
{
	struct make_socket m = { .type = type };
	int ns = netns_open(netns);
	struct err e;

	CHECK(ns >= 0 && netns_visit(ns, &m, make_socket, &e));
	close(ns);
	return m.fd;
}

static struct sockaddr_in name_of(const char *ip, uint16_t port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port) };

	CHECK(inet_pton(AF_INET, ip, &name.sin_addr) == 1);
	return name;
}

static int watched;

static bool is_readable(struct bench *bench)
{
	struct pollfd ready = { .fd = watched, .events = POLLIN };

	(void)bench;
	return poll(&ready, 1, 0) == 1;
}

static char answer[DNS_MESSAGE_MAX];
static size_t answer_len;

/* "web" with a type, as a message. */
static size_t write_query(char *out, const char *name, int type)
{
	static const char head[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00";
	size_t len = 12;

	memcpy(out, head, 12);
	for (const char *label = name; label;) {
		const char *dot = strchr(label, '.');
		size_t n = dot ? (size_t)(dot - label) : strlen(label);

		out[len++] = (char)n;
		memcpy(out + len, label, n);
		len += n;
		label = dot ? dot + 1 : NULL;
	}
	memcpy(out + len, "\0\0\0\0\1", 5);
	out[len + 2] = (char)type;
	return len + 5;
}

static void ask(int fd, const char *name, int type)
{
	struct sockaddr_in to = name_of("127.0.0.11", 53);
	char query[300];
	size_t len = write_query(query, name, type);

	CHECK(sendto(fd, query, len, 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)len);
}

static void receive(int fd)
{
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof(from);
	ssize_t n;

	watched = fd;
	CHECK(bench_until(&b, is_readable));
	n = recvfrom(fd, answer, sizeof(answer), 0, (struct sockaddr *)&from, &len);
	CHECK(n >= 12);
	answer_len = (size_t)n;
	CHECK_INT(ntohs(from.sin_port), 53);
	CHECK_INT(ntohl(from.sin_addr.s_addr), 0x7f00000b);
	CHECK_INT(dns_id(str_bytes(answer, answer_len)), 0x1234);
}

static int count_answers(void)
{
	return (uint8_t)answer[7];
}

TEST(names_of_the_network_are_answered_with_all_addresses_in_turn)
{
	char first[4];
	const char *c1;
	int fd;

	begin(false);
	c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", NULL);
	fd = socket_in(c1, SOCK_DGRAM);
	ask(fd, "WEB", DNS_A);
	receive(fd);
	CHECK_INT(count_answers(), 2);
	memcpy(first, answer + answer_len - 4, 4);
	ask(fd, "web", DNS_A);
	receive(fd);
	CHECK(memcmp(first, answer + answer_len - 4, 4) != 0);

	ask(fd, "web", DNS_AAAA); /* known, but has none: no reason to ask others */
	receive(fd);
	CHECK_INT(dns_rcode(str_bytes(answer, answer_len)), DNS_NO_ERROR);
	CHECK_INT(count_answers(), 0);
	ask(fd, "12.0.77.10.in-addr.arpa", DNS_PTR);
	receive(fd);
	CHECK_INT(count_answers(), 1);
	CHECK(memcmp(answer + answer_len - 4,
		     "\x02"
		     "db",
		     4) == 0);

	net.want_names(net.self, ++generation, "n1", names, 1);
	must_apply();
	ask(fd, "web", DNS_A);
	receive(fd);
	CHECK_INT(count_answers(), 1);
	close(fd);
	end();
}

TEST(other_names_are_asked_of_the_upstream_server)
{
	struct sockaddr_in name = name_of("10.77.0.1", 53), from = { 0 };
	int upstream = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), fd;
	socklen_t len = sizeof(from);
	AUTO_BUF struct buf out = BUF_MAX(512);
	static const uint32_t address = 0x01020304;
	const char *c1;
	char query[300];
	ssize_t n;

	begin(false);
	CHECK(bind(upstream, (struct sockaddr *)&name, sizeof(name)) == 0);
	c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", "10.77.0.1");
	fd = socket_in(c1, SOCK_DGRAM);
	ask(fd, "example.org", DNS_A);
	watched = upstream;
	CHECK(bench_until(&b, is_readable));
	n = recvfrom(upstream, query, sizeof(query), 0, (struct sockaddr *)&from, &len);
	CHECK(n > 12);
	CHECK_INT(ntohl(from.sin_addr.s_addr), 0x0a4d0002); /* from inside of the sandbox */
	CHECK(dns_answer_addresses(str_bytes(query, (size_t)n), &address, 1, 5, 512, &out));
	CHECK(sendto(upstream, out.data, out.len, 0, (struct sockaddr *)&from, len) ==
	      (ssize_t)out.len);
	receive(fd);
	CHECK_INT(count_answers(), 1);
	CHECK(memcmp(answer + answer_len - 4, "\x01\x02\x03\x04", 4) == 0);
	close(fd);
	close(upstream);
	end();
}

TEST(an_upstream_that_is_silent_is_a_failure_in_the_end)
{
	const char *c1;
	int fd;

	begin(false);
	c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", "10.77.0.99");
	fd = socket_in(c1, SOCK_DGRAM);
	ask(fd, "example.org", DNS_A);
	receive(fd);
	CHECK_INT(dns_rcode(str_bytes(answer, answer_len)), DNS_SERVER_FAILURE);
	close(fd);
	end();
}

TEST(an_internal_network_asks_nobody)
{
	struct sockaddr_in name = name_of("10.77.0.1", 53);
	int upstream = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), fd;
	const char *c1;

	begin(true);
	CHECK(bind(upstream, (struct sockaddr *)&name, sizeof(name)) == 0);
	c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "", "10.77.0.1");
	fd = socket_in(c1, SOCK_DGRAM);
	ask(fd, "example.org", DNS_A);
	receive(fd);
	CHECK_INT(dns_rcode(str_bytes(answer, answer_len)), DNS_SERVER_FAILURE);
	watched = upstream;
	CHECK(!is_readable(&b));
	ask(fd, "db", DNS_A);
	receive(fd);
	CHECK_INT(count_answers(), 1);
	close(fd);
	close(upstream);
	end();
}

TEST(it_answers_over_tcp_and_leaves_port_53_to_the_container)
{
	struct sockaddr_in to = name_of("127.0.0.11", 53), any = name_of("0.0.0.0", 53);
	char query[302], reply[512];
	const char *c1;
	size_t len;
	int fd, own;

	begin(false);
	c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", NULL);
	own = socket_in(c1, SOCK_DGRAM);
	CHECK(bind(own, (struct sockaddr *)&any, sizeof(any)) == 0);
	fd = socket_in(c1, SOCK_STREAM);
	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS);
	len = write_query(query + 2, "db", DNS_A);
	query[0] = 0;
	query[1] = (char)len;
	bench_run_ms(&b, 20);
	CHECK(send(fd, query, len + 2, 0) == (ssize_t)len + 2);
	watched = fd;
	CHECK(bench_until(&b, is_readable));
	CHECK(recv(fd, reply, sizeof(reply), 0) == (ssize_t)len + 2 + 16);
	CHECK(memcmp(reply + len + 2 + 12, "\x0a\x4d\x00\x0c", 4) == 0);
	close(fd);
	close(own);
	end();
}

int main(int argc, char **argv)
{
	if (!bench_can_run())
		return 0;
	if (access("/usr/sbin/nft", X_OK) < 0) {
		printf("skipped: needs nft\n");
		return 0;
	}
	bench_enter();
	return test_run_all(argc, argv);
}
