#include "host/net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "file/file.h"
#include "netlink/netns.h"
#include "netlink/rtnl.h"
#include "test.h"

#define REACH_MS     900 /* a packet that was lost is sent again after a second */
#define BUSY_THREADS 16

static struct bench b;
static struct net_hands *hands;
static struct net net;
static uint64_t generation;

static void open_net(void)
{
	struct net_hands_config config = { .loop = b.loop,
					   .data_root = b.data_root,
					   .exec_root = b.exec_root };
	struct err e;

	if (!net_hands_new(&config, &hands, &e))
		TEST_FAIL("%s", e.text);
	net = net_hands_seam(hands);
}

static void begin(void)
{
	bench_open(&b);
	open_net();
}

static void restart(void)
{
	net_hands_free(hands);
	bench_reopen(&b);
	open_net();
}

static uint64_t wanted;

static bool has_answer(struct bench *bench)
{
	struct fact *f;

	list_each (&bench->facts, struct fact, link, f) {
		if (f->kind != INPUT_NET || f->net.generation != wanted)
			continue;
		bench->found = f;
		return true;
	}
	return false;
}

static const struct net_event *answer(void)
{
	wanted = generation;
	CHECK(bench_until(&b, has_answer));
	return &b.found->net;
}

static const struct net_event *must_apply(void)
{
	const struct net_event *n = answer();

	if (n->kind != NET_APPLIED)
		TEST_FAIL("not applied: %s", n->text);
	return n;
}

static const struct net_bridge plain = { .id = "n1",
					 .link = "",
					 .subnet = "10.77.0.0/24",
					 .gateway = "10.77.0.1",
					 .icc = true,
					 .masquerade = true };

static const char *add_bridge(const struct net_bridge *what)
{
	net.want_bridge(net.self, ++generation, what);
	return must_apply()->link;
}

static const struct net_event *add_sandbox(const char *id, const char *network, const char *address,
					   const char *gateway, const struct net_port *ports,
					   size_t count)
{
	struct net_interface eth0 = { .network = network, .name = "eth0", .address = address };
	struct net_sandbox what = { .id = id,
				    .interfaces = &eth0,
				    .interface_count = network ? 1 : 0,
				    .gateway = gateway,
				    .ports = ports,
				    .port_count = count };
	char mac[32];

	(void)snprintf(mac, sizeof(mac), "02:42:0a:4d:00:%02x",
		       (unsigned)atoi(strrchr(address ? address : ".2", '.') + 1));
	eth0.mac = mac;
	net.want_sandbox(net.self, ++generation, &what);
	return answer();
}

static void drop(enum net_object object, const char *id)
{
	net.drop(net.self, ++generation, object, id);
	must_apply();
}

static void see_own(void *self, const struct link *l)
{
	if (strncmp(l->name, "sb", 2) == 0 || strncmp(l->name, "sv", 2) == 0)
		++*(int *)self;
}

static int count_links(void)
{
	struct rtnl *rtnl;
	struct err e;
	int count = 0;

	CHECK(rtnl_open(-1, &rtnl, &e));
	CHECK(link_each(rtnl, &count, see_own, &e));
	rtnl_close(rtnl);
	return count;
}

/* The kernel takes links apart after their namespace. */
static bool no_links(struct bench *bench)
{
	(void)bench;
	return count_links() == 0;
}

static bool only_the_bridge(struct bench *bench)
{
	(void)bench;
	return count_links() == 1;
}

static void end(void)
{
	CHECK(bench_until(&b, no_links));
	CHECK_INT(count_mounts(b.root), 0);
	CHECK_INT(system("test -z \"$(nft list ruleset)\""), 0);
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

/* A socket of a namespace; NULL: of the host. */
static int socket_in(const char *netns, int type)
{
	struct make_socket m = { .type = type };
	int ns = netns ? netns_open(netns) : -1;
	struct err e;

	CHECK(netns ? ns >= 0 && netns_visit(ns, &m, make_socket, &e) : make_socket(&m, &e));
	if (ns >= 0)
		close(ns);
	return m.fd;
}

static struct sockaddr_in name_of(const char *ip, uint16_t port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port) };

	CHECK(inet_pton(AF_INET, ip, &name.sin_addr) == 1);
	return name;
}

static int listen_in(const char *netns, uint16_t port)
{
	struct sockaddr_in name = name_of("0.0.0.0", port);
	int fd = socket_in(netns, SOCK_STREAM), on = 1;

	CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	CHECK(bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(fd, 16) == 0);
	return fd;
}

/* Does a connection from there to ip:port come out at this listener? `seen` is whom the listener
 * sees. */
static bool reaches(const char *from, const char *ip, uint16_t port, int listener, char *seen)
{
	struct sockaddr_in name = name_of(ip, port), peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = socket_in(from, SOCK_STREAM), accepted;
	struct pollfd ready = { .fd = listener, .events = POLLIN };

	(void)connect(fd, (struct sockaddr *)&name, sizeof(name));
	(void)poll(&ready, 1, REACH_MS);
	accepted = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
	close(fd);
	if (accepted < 0)
		return false;
	close(accepted);
	if (seen)
		inet_ntop(AF_INET, &peer.sin_addr, seen, INET_ADDRSTRLEN);
	return true;
}

/* A host next door: a namespace with 10.88.0.2, linked to 10.88.0.1 here, and a route to the
 * networks. */
static char outside[200];

static void make_outside(void)
{
	struct veth v = {
		.name = "w0", .peer_name = "w1", .peer_mac = { 2, 0, 0, 0, 0, 9 }, .mtu = 1500
	};
	struct rtnl *here, *there;
	struct link l;
	struct err e;

	(void)snprintf(outside, sizeof(outside), "%s/outside", b.root);
	CHECK(netns_make(outside, &e));
	v.peer_netns = netns_open(outside);
	CHECK(rtnl_open(-1, &here, &e) && rtnl_open(v.peer_netns, &there, &e));
	CHECK(link_add_veth(here, &v, &e));
	CHECK(link_find(here, "w0", &l, &e));
	CHECK(link_change(here, &(struct link_change){ .index = l.index, .up = true }, &e));
	CHECK(address_add(here, l.index, 0x0a580001, 24, &e));
	CHECK(link_find(there, "w1", &l, &e) && address_add(there, l.index, 0x0a580002, 24, &e));
	CHECK(link_change(there, &(struct link_change){ .index = l.index, .up = true }, &e));
	CHECK(route_default(there, 0x0a580001, &e));
	close(v.peer_netns);
	rtnl_close(here);
	rtnl_close(there);
}

static void remove_outside(void)
{
	struct rtnl *here;
	struct err e;

	CHECK(rtnl_open(-1, &here, &e) && link_delete(here, "w0", &e));
	rtnl_close(here);
	CHECK(netns_remove(outside, &e));
}

TEST(a_sandbox_has_its_link_address_and_route_and_no_ipv6)
{
	const struct net_event *n;
	char command[512];

	begin();
	CHECK(strncmp(add_bridge(&plain), "sb", 2) == 0);
	n = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", NULL, 0);
	if (n->kind != NET_APPLIED)
		TEST_FAIL("%s", n->text);
	(void)snprintf(
		command, sizeof(command),
		"nsenter --net=%s sh -c 'ip -4 addr show dev eth0 | grep -q \"inet 10.77.0.2/24 "
		"brd 10.77.0.255\" && "
		"ip route | grep -q \"default via 10.77.0.1 dev eth0\" && "
		"ip link show eth0 | grep -q 02:42:0a:4d:00:02 && test -z \"$(ip -6 addr)\" && "
		"ip link show lo | grep -q LOWER_UP'",
		n->netns);
	CHECK_INT(system(command), 0);
	drop(NET_SANDBOX, "c1");
	drop(NET_BRIDGE, "n1");
	end();
}

TEST(containers_of_a_network_reach_each_other_and_the_world_by_the_hosts_address)
{
	const char *c1, *c2;
	char seen[INET_ADDRSTRLEN];
	int in_c1, out;

	begin();
	make_outside();
	add_bridge(&plain);
	c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", NULL, 0)->netns;
	c2 = add_sandbox("c2", "n1", "10.77.0.3/24", "10.77.0.1", NULL, 0)->netns;
	in_c1 = listen_in(c1, 80);
	out = listen_in(outside, 80);

	CHECK(reaches(c2, "10.77.0.2", 80, in_c1, seen));
	CHECK_STR(seen, "10.77.0.3");
	CHECK(reaches(c2, "10.88.0.2", 80, out, seen));
	CHECK_STR(seen, "10.88.0.1");
	CHECK(!reaches(outside, "10.77.0.2", 80, in_c1, seen)); /* nothing is published */
	close(in_c1);
	close(out);
	drop(NET_SANDBOX, "c1");
	drop(NET_SANDBOX, "c2");
	drop(NET_BRIDGE, "n1");
	remove_outside();
	end();
}

TEST(a_published_port_answers_outside_on_the_host_on_localhost_and_to_containers)
{
	const struct net_port ports[] = {
		{ .proto = NET_TCP, .host_ip = "", .host_port = 8080, .target = 80 },
		{ .proto = NET_TCP, .host_ip = "127.0.0.1", .host_port = 8081, .target = 80 },
		{ .proto = NET_TCP, .host_ip = "", .host_port = 0, .target = 80 },
	};
	const struct net_event *n;
	const char *c1, *c2;
	char seen[INET_ADDRSTRLEN];
	int in_c1;

	begin();
	make_outside();
	CHECK_INT(system("ip link set lo up"), 0);
	add_bridge(&plain);
	n = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", ports, 3);
	if (n->kind != NET_APPLIED)
		TEST_FAIL("%s", n->text);
	CHECK_INT(n->port_count, 3);
	CHECK(n->ports[2].host_port >= 1024);
	c1 = n->netns;
	c2 = add_sandbox("c2", "n1", "10.77.0.3/24", "10.77.0.1", NULL, 0)->netns;
	in_c1 = listen_in(c1, 80);

	CHECK(reaches(outside, "10.88.0.1", 8080, in_c1, seen));
	CHECK_STR(seen, "10.88.0.2");
	CHECK(reaches(outside, "10.88.0.1", n->ports[2].host_port, in_c1, seen));
	CHECK(reaches(NULL, "127.0.0.1", 8080, in_c1, seen));
	CHECK(reaches(NULL, "10.88.0.1", 8080, in_c1, seen));
	CHECK(reaches(NULL, "127.0.0.1", 8081, in_c1, seen));
	CHECK(reaches(c2, "10.77.0.1", 8080, in_c1, seen));
	CHECK(reaches(c1, "10.77.0.1", 8080, in_c1, seen));       /* itself, through the host */
	CHECK(!reaches(outside, "10.88.0.1", 8081, in_c1, seen)); /* that one is for localhost */
	CHECK(!reaches(outside, "10.77.0.2", 80, in_c1, seen));   /* nor is there a way around */
	close(in_c1);
	drop(NET_SANDBOX, "c1");
	drop(NET_SANDBOX, "c2");
	drop(NET_BRIDGE, "n1");
	remove_outside();
	end();
}

static atomic_bool is_over;

static void *keep_busy(void *unused)
{
	while (!is_over)
		;
	return unused;
}

/* The kernel lets a port forward some time after its other end came up, later the more it has to
 * do: the first packet of a container must not be lost to that, and come a second later. */
TEST(a_sandbox_that_is_there_can_be_reached_at_once_also_on_a_busy_machine)
{
	pthread_t others[BUSY_THREADS];
	int listener, late = 0;
	const char *c1;

	begin();
	add_bridge(&plain);
	is_over = false;
	for (int i = 0; i < BUSY_THREADS; i++)
		CHECK(pthread_create(&others[i], NULL, keep_busy, NULL) == 0);
	for (int i = 0; i < 40; i++) {
		c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", NULL, 0)->netns;
		listener = listen_in(c1, 80);
		late += !reaches(NULL, "10.77.0.2", 80, listener, NULL);
		close(listener);
		drop(NET_SANDBOX, "c1");
		CHECK(bench_until(&b, only_the_bridge));
	}
	is_over = true;
	for (int i = 0; i < BUSY_THREADS; i++)
		CHECK(pthread_join(others[i], NULL) == 0);
	CHECK_INT(late, 0);
	drop(NET_BRIDGE, "n1");
	end();
}

TEST(a_published_udp_port_answers)
{
	const struct net_port port = {
		.proto = NET_UDP, .host_ip = "", .host_port = 5353, .target = 53
	};
	struct sockaddr_in name = name_of("0.0.0.0", 53), to = name_of("10.88.0.1", 5353),
			   from = { 0 };
	socklen_t len = sizeof(from);
	struct pollfd ready = { .events = POLLIN };
	const char *c1;
	char text[8] = "";
	int server, client;

	begin();
	make_outside();
	add_bridge(&plain);
	c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", &port, 1)->netns;
	server = socket_in(c1, SOCK_DGRAM);
	client = socket_in(outside, SOCK_DGRAM);
	CHECK(bind(server, (struct sockaddr *)&name, sizeof(name)) == 0);
	CHECK(sendto(client, "ping", 4, 0, (struct sockaddr *)&to, sizeof(to)) == 4);
	ready.fd = server;
	CHECK(poll(&ready, 1, REACH_MS) == 1);
	CHECK(recvfrom(server, text, sizeof(text), 0, (struct sockaddr *)&from, &len) == 4);
	CHECK(sendto(server, "pong", 4, 0, (struct sockaddr *)&from, len) == 4);
	ready.fd = client;
	CHECK(poll(&ready, 1, REACH_MS) == 1);
	CHECK(recvfrom(client, text, sizeof(text), 0, (struct sockaddr *)&from, &len) == 4);
	CHECK_INT(ntohs(from.sin_port), 5353);
	CHECK_STR(text, "pong");
	close(server);
	close(client);
	drop(NET_SANDBOX, "c1");
	drop(NET_BRIDGE, "n1");
	remove_outside();
	end();
}

TEST(networks_are_apart_and_an_internal_one_has_no_way_out)
{
	static const struct net_bridge other = { .id = "n2",
						 .link = "",
						 .subnet = "10.78.0.0/24",
						 .gateway = "10.78.0.1",
						 .icc = true,
						 .masquerade = true };
	static const struct net_bridge inner = { .id = "n3",
						 .link = "",
						 .subnet = "10.79.0.0/24",
						 .gateway = "10.79.0.1",
						 .icc = true,
						 .internal = true };
	const char *c1, *c2, *c3;
	int in_c1, in_c3, out;

	begin();
	make_outside();
	add_bridge(&plain);
	add_bridge(&other);
	add_bridge(&inner);
	c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", NULL, 0)->netns;
	c2 = add_sandbox("c2", "n2", "10.78.0.2/24", "10.78.0.1", NULL, 0)->netns;
	c3 = add_sandbox("c3", "n3", "10.79.0.2/24", "10.79.0.1", NULL, 0)->netns;
	in_c1 = listen_in(c1, 80);
	in_c3 = listen_in(c3, 80);
	out = listen_in(outside, 80);

	CHECK(!reaches(c2, "10.77.0.2", 80, in_c1, NULL));
	CHECK(!reaches(c3, "10.77.0.2", 80, in_c1, NULL));
	CHECK(!reaches(c1, "10.79.0.2", 80, in_c3, NULL));
	CHECK(!reaches(c3, "10.88.0.2", 80, out, NULL));
	CHECK(reaches(c2, "10.88.0.2", 80, out, NULL));
	close(in_c1);
	close(in_c3);
	close(out);
	drop(NET_SANDBOX, "c1");
	drop(NET_SANDBOX, "c2");
	drop(NET_SANDBOX, "c3");
	drop(NET_BRIDGE, "n1");
	drop(NET_BRIDGE, "n2");
	drop(NET_BRIDGE, "n3");
	remove_outside();
	end();
}

TEST(without_icc_containers_of_a_network_do_not_reach_each_other)
{
	struct net_bridge apart = plain;
	const char *c1, *c2;
	int in_c1;

	begin();
	apart.icc = false;
	add_bridge(&apart);
	c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", NULL, 0)->netns;
	c2 = add_sandbox("c2", "n1", "10.77.0.3/24", "10.77.0.1", NULL, 0)->netns;
	in_c1 = listen_in(c1, 80);
	CHECK(!reaches(c2, "10.77.0.2", 80, in_c1, NULL));
	CHECK(reaches(NULL, "10.77.0.2", 80, in_c1, NULL));
	close(in_c1);
	drop(NET_SANDBOX, "c1");
	drop(NET_SANDBOX, "c2");
	drop(NET_BRIDGE, "n1");
	end();
}

TEST(a_port_that_is_taken_fails_the_sandbox_and_leaves_nothing)
{
	const struct net_port ports[] = {
		{ .proto = NET_TCP, .host_ip = "", .host_port = 8082, .target = 80 },
		{ .proto = NET_TCP, .host_ip = "", .host_port = 8080, .target = 80 },
	};
	const struct net_event *n;
	char path[300];
	int squatter;

	begin();
	squatter = listen_in(NULL, 8080);
	add_bridge(&plain);
	n = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", ports, 2);
	CHECK_INT(n->kind, NET_FAILED);
	CHECK_INT(n->err_kind, ERR_CONFLICT);
	CHECK_STR(n->text, "Bind for 0.0.0.0:8080 failed: port is already allocated");
	(void)snprintf(path, sizeof(path), "%s/netns/c1", b.exec_root);
	CHECK(!file_exists(path));
	close(squatter);

	CHECK_INT(add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", ports, 2)->kind,
		  NET_APPLIED);
	n = add_sandbox("c2", "n1", "10.77.0.3/24", "10.77.0.1", ports, 1);
	CHECK_INT(n->err_kind, ERR_CONFLICT);
	CHECK_INT(add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", ports, 1)->kind,
		  NET_APPLIED);
	squatter = listen_in(NULL, 8080); /* given back */
	close(squatter);
	drop(NET_SANDBOX, "c1");
	drop(NET_BRIDGE, "n1");
	end();
}

static int healed_listener;

static bool is_healed(struct bench *bench)
{
	(void)bench;
	return reaches(outside, "10.88.0.1", 8080, healed_listener, NULL);
}

TEST(what_others_flush_or_delete_is_put_back)
{
	const struct net_port port = {
		.proto = NET_TCP, .host_ip = "", .host_port = 8080, .target = 80
	};
	const char *c1, *bridge;
	char command[128];

	begin();
	make_outside();
	bridge = add_bridge(&plain);
	c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", &port, 1)->netns;
	healed_listener = listen_in(c1, 80);
	CHECK(reaches(outside, "10.88.0.1", 8080, healed_listener, NULL));

	CHECK_INT(system("nft flush ruleset"), 0);
	CHECK(bench_until(&b, is_healed));
	(void)snprintf(command, sizeof(command),
		       "nft flush chain ip $(nft list tables | cut -d' ' -f3) published");
	CHECK_INT(system(command), 0);
	CHECK(bench_until(&b, is_healed));
	(void)snprintf(command, sizeof(command), "ip link del %s", bridge);
	CHECK_INT(system(command), 0);
	CHECK(bench_until(&b, is_healed));
	close(healed_listener);
	drop(NET_SANDBOX, "c1");
	drop(NET_BRIDGE, "n1");
	remove_outside();
	end();
}

static int listed(enum net_object object, const char *id)
{
	struct fact *f;
	int count = 0;

	list_each (&b.facts, struct fact, link, f)
		count += f->kind == INPUT_NET && f->net.kind == NET_LISTED &&
			 f->net.object == object && strcmp(f->net.id, id) == 0;
	return count;
}

static bool has_list(struct bench *bench)
{
	struct fact *f;

	list_each (&bench->facts, struct fact, link, f)
		if (f->kind == INPUT_NET && f->net.kind == NET_LIST_END)
			return true;
	return false;
}

TEST(a_new_life_finds_what_there_is_and_takes_it_over_without_a_gap)
{
	const struct net_port port = {
		.proto = NET_TCP, .host_ip = "", .host_port = 8080, .target = 80
	};
	const char *c1;
	int in_c1;

	begin();
	make_outside();
	add_bridge(&plain);
	c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", &port, 1)->netns;
	add_sandbox("c2", "n1", "10.77.0.3/24", "10.77.0.1", NULL, 0);
	in_c1 = listen_in(c1, 80);
	restart();
	CHECK(reaches(outside, "10.88.0.1", 8080, in_c1,
		      NULL)); /* nobody has wanted anything yet */
	net.list(net.self, 7);
	CHECK(bench_until(&b, has_list));
	CHECK_INT(listed(NET_BRIDGE, "n1"), 1);
	CHECK_INT(listed(NET_SANDBOX, "c1"), 1);
	CHECK_INT(listed(NET_SANDBOX, "c2"), 1);

	add_bridge(&plain);
	CHECK_INT(add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", &port, 1)->kind,
		  NET_APPLIED);
	CHECK(reaches(outside, "10.88.0.1", 8080, in_c1, NULL));
	close(in_c1);
	drop(NET_SANDBOX, "c1");
	drop(NET_SANDBOX, "c2"); /* which this life never wanted */
	drop(NET_BRIDGE, "n1");
	remove_outside();
	end();
}

TEST(a_container_that_leaves_a_network_and_joins_another_has_the_links_it_should)
{
	static const struct net_bridge other = { .id = "n2",
						 .link = "",
						 .subnet = "10.78.0.0/24",
						 .gateway = "10.78.0.1",
						 .icc = true,
						 .masquerade = true };
	struct net_interface two[] = {
		{ .network = "n1",
		  .name = "eth0",
		  .address = "10.77.0.2/24",
		  .mac = "02:42:0a:4d:00:02" },
		{ .network = "n2",
		  .name = "eth1",
		  .address = "10.78.0.2/24",
		  .mac = "02:42:0a:4e:00:02" },
	};
	struct net_sandbox what = {
		.id = "c1", .interfaces = two, .interface_count = 2, .gateway = "10.77.0.1"
	};
	char command[512];
	const char *netns;

	begin();
	add_bridge(&plain);
	add_bridge(&other);
	net.want_sandbox(net.self, ++generation, &what);
	netns = must_apply()->netns;
	CHECK_INT(count_links(), 4);
	what.interfaces = two + 1;
	what.interface_count = 1;
	what.gateway = "10.78.0.1";
	net.want_sandbox(net.self, ++generation, &what);
	must_apply();
	(void)snprintf(command, sizeof(command),
		       "nsenter --net=%s sh -c '! ip link show eth0 2>/dev/null && "
		       "ip route | grep -q \"default via 10.78.0.1 dev eth1\"'",
		       netns);
	CHECK_INT(system(command), 0);
	drop(NET_SANDBOX, "c1");
	drop(NET_BRIDGE, "n1");
	drop(NET_BRIDGE, "n2");
	end();
}

TEST(of_several_wants_for_one_object_the_newest_is_answered)
{
	struct net_bridge moved = plain;

	begin();
	moved.gateway = "10.77.0.254";
	net.want_bridge(net.self, ++generation, &plain);
	net.want_bridge(net.self, ++generation, &moved);
	must_apply();
	wanted = generation - 1;
	CHECK(!has_answer(&b));
	CHECK_INT(system("ip -4 addr | grep -q 10.77.0.254/24 && ! ip -4 addr | grep -q "
			 "10.77.0.1/24"),
		  0);
	drop(NET_BRIDGE, "n1");
	end();
}

TEST(two_daemons_side_by_side_do_not_collide)
{
	const struct net_port port = {
		.proto = NET_TCP, .host_ip = "", .host_port = 8080, .target = 80
	};
	struct net_bridge other = plain;
	struct net_hands *first, *second;
	struct net first_net;
	char root[200];
	struct net_hands_config config = { .data_root = root, .exec_root = root };
	const char *c1;
	struct err e;
	int in_c1;

	begin();
	make_outside();
	(void)snprintf(root, sizeof(root), "%s/second", b.root);
	add_bridge(&plain);
	c1 = add_sandbox("c1", "n1", "10.77.0.2/24", "10.77.0.1", &port, 1)->netns;
	in_c1 = listen_in(c1, 80);
	first = hands;
	first_net = net;
	config.loop = b.loop;
	CHECK(net_hands_new(&config, &second, &e));
	net = net_hands_seam(second);
	other.subnet = "10.80.0.0/24";
	other.gateway = "10.80.0.1";
	add_bridge(&other); /* the same id */
	CHECK_INT(add_sandbox("c1", "n1", "10.80.0.2/24", "10.80.0.1", NULL, 0)->kind, NET_APPLIED);
	CHECK_INT(add_sandbox("c2", "n1", "10.80.0.3/24", "10.80.0.1", &port, 1)->err_kind,
		  ERR_CONFLICT);
	drop(NET_SANDBOX, "c1");
	drop(NET_BRIDGE, "n1");
	net_hands_free(second);

	hands = first;
	net = first_net;
	CHECK(reaches(outside, "10.88.0.1", 8080, in_c1, NULL));
	close(in_c1);
	drop(NET_SANDBOX, "c1");
	drop(NET_BRIDGE, "n1");
	remove_outside();
	end();
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

TEST(many_sandboxes_come_and_go_and_leave_nothing)
{
	enum { COUNT = 40 };
	const struct net_port port = {
		.proto = NET_TCP, .host_ip = "", .host_port = 0, .target = 80
	};
	int descriptors;
	int64_t began_us;

	begin();
	add_bridge(&plain);
	add_sandbox("warm", "n1", "10.77.0.200/24", "10.77.0.1", &port, 1);
	drop(NET_SANDBOX, "warm");
	descriptors = count_descriptors();
	began_us = now_us();
	for (int i = 0; i < COUNT; i++) {
		char id[16], address[32];

		(void)snprintf(id, sizeof(id), "c%d", i);
		(void)snprintf(address, sizeof(address), "10.77.0.%d/24", i + 2);
		CHECK_INT(add_sandbox(id, "n1", address, "10.77.0.1", &port, 1)->kind, NET_APPLIED);
	}
	printf("  a sandbox with a port: %.1f ms each, one by one\n",
	       (double)(now_us() - began_us) / 1000 / COUNT);
	for (int i = 0; i < COUNT; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "c%d", i);
		drop(NET_SANDBOX, id);
	}
	CHECK_INT(count_descriptors(), descriptors);
	drop(NET_BRIDGE, "n1");
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
