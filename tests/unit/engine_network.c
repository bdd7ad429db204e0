#include "engine_bench.h"
#include "pb/map.h"

static struct bench b;

static void begin(void)
{
	bench_open(&b, 1);
	(void)bench_pull(&b, "busybox");
}

static void end(void)
{
	CHECK_STR(b.machine.violation, "");
	bench_close(&b);
}

static const struct bench_answer *create_network(const char *name, const char *subnet)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__LocalNetwork *n = PB_NEW(&a, local_network);

	n->name = (char *)name;
	n->subnet = (char *)subnet;
	return BENCH_ASK(&b, engine_network_create, n);
}

static const Pb__LocalNetwork *find(const char *ref)
{
	struct err err;

	return engine_network_find(b.engine, ref, &err);
}

static const struct bench_answer *create_on(const char *name, const char *network,
					    const char *address)
{
	Pb__EndpointSettings *s;
	struct bench_order o;

	bench_order(&o, name, "top");
	s = PB_NEW(&o.memory, endpoint_settings);
	s->network = (char *)network;
	s->ipv4_address = (char *)address;
	PB_APPEND(&o.memory, s, aliases, "alias");
	o.host->network_mode = (char *)network;
	o.create.endpoints = &s;
	o.create.endpoint_count = 1;
	return bench_create_order(&b, &o);
}

TEST(three_networks_are_always_there_and_stay_the_same)
{
	char id[80];

	begin();
	snprintf(id, sizeof(id), "%s", find("bridge")->id);
	CHECK(find("host") && find("none"));
	CHECK_STR(find("bridge")->gateway, "172.17.0.1");
	CHECK_STR(BENCH_ASK(&b, engine_network_remove, "bridge")->text,
		  "bridge is a pre-defined network and cannot be removed");
	bench_crash(&b);
	CHECK_STR(find("bridge")->id, id);
	end();
}

TEST(addresses_are_the_lowest_free_and_come_back)
{
	begin();
	for (int i = 0; i < 3; i++) {
		char name[8];

		snprintf(name, sizeof(name), "c%d", i);
		(void)bench_create(&b, name, "top");
		(void)BENCH_ASK(&b, engine_container_start, name);
	}
	CHECK_STR(bench_find(&b, "c2")->endpoints[0]->ip_address, "172.17.0.4");
	(void)BENCH_ASK(&b, engine_container_kill, "c1", "");
	(void)bench_create(&b, "c3", "top");
	(void)BENCH_ASK(&b, engine_container_start, "c3");
	CHECK_STR(bench_find(&b, "c3")->endpoints[0]->ip_address, "172.17.0.3");
	end();
}

TEST(user_networks_get_a_pool_of_their_own_and_names)
{
	begin();
	CHECK_INT(create_network("mine", "")->kind, ENGINE_DONE);
	CHECK_STR(find("mine")->subnet, "172.18.0.0/16");
	CHECK_STR(create_network("mine", "")->text, "network with name mine already exists");
	CHECK_STR(create_network("clash", "172.18.5.0/24")->text,
		  "Pool overlaps with other one on this address space");
	CHECK_STR(create_network("bad", "frob")->text, "invalid subnet frob");
	CHECK_INT(create_network("host", "")->err_kind, ERR_DENIED);
	CHECK(create_on("c1", "mine", "172.18.0.77")->kind == ENGINE_DONE);
	CHECK(BENCH_ASK(&b, engine_container_start, "c1")->kind == ENGINE_DONE);
	CHECK_STR(bench_find(&b, "c1")->endpoints[0]->ip_address, "172.18.0.77");
	CHECK(strstr(b.machine.last_resolv, "nameserver 127.0.0.11"));
	CHECK(strstr(b.machine.last_hosts, "172.18.0.77\t"));
	CHECK(strstr(BENCH_ASK(&b, engine_network_remove, "mine")->text, "has active endpoints"));
	end();
}

TEST(an_address_in_use_is_refused)
{
	begin();
	(void)create_network("mine", "10.9.0.0/24");
	(void)create_on("c1", "mine", "10.9.0.5");
	(void)create_on("c2", "mine", "10.9.0.5");
	(void)create_on("c3", "bridge", "172.17.0.9");
	CHECK(BENCH_ASK(&b, engine_container_start, "c1")->kind == ENGINE_DONE);
	CHECK_STR(BENCH_ASK(&b, engine_container_start, "c2")->text, "Address already in use");
	CHECK_STR(BENCH_ASK(&b, engine_container_start, "c3")->text,
		  "user specified IP address is supported on user defined networks only");
	end();
}

static void create_published(const char *name, const char *host_port)
{
	struct bench_order o;
	Pb__PortBinding *p;

	bench_order(&o, name, "top");
	p = PB_NEW(&o.memory, port_binding);
	p->port = "80/tcp";
	p->host_port = (char *)host_port;
	PB_APPEND(&o.memory, o.host, port_bindings, p);
	(void)bench_create_order(&b, &o);
}

TEST(a_host_port_has_one_owner)
{
	const struct bench_answer *a;

	begin();
	create_published("c1", "8080");
	create_published("c2", "8080");
	create_published("c3", "");
	create_published("c4", "8080-8081");
	CHECK(BENCH_ASK(&b, engine_container_start, "c1")->kind == ENGINE_DONE);
	a = BENCH_ASK(&b, engine_container_start, "c2");
	CHECK(strstr(a->text, "driver failed programming external connectivity on endpoint c2 (") &&
	      strstr(a->text, "): Bind for 0.0.0.0:8080 failed: port is already allocated"));
	CHECK(BENCH_ASK(&b, engine_container_start, "c3")->kind == ENGINE_DONE);
	CHECK_STR(bench_find(&b, "c3")->ports[0]->host_port, "32768");
	CHECK(BENCH_ASK(&b, engine_container_start, "c4")->kind == ENGINE_DONE);
	CHECK_STR(bench_find(&b, "c4")->ports[0]->host_port, "8081");
	(void)BENCH_ASK(&b, engine_container_stop, "c1", "", 5);
	CHECK(BENCH_ASK(&b, engine_container_start, "c2")->kind == ENGINE_DONE);
	end();
}

TEST(host_and_none_have_no_address)
{
	struct bench_order o;

	begin();
	bench_order(&o, "hh", "top");
	o.host->network_mode = "host";
	(void)bench_create_order(&b, &o);
	CHECK_STR(BENCH_ASK(&b, engine_container_start, "hh")->text, "");
	CHECK(!strstr(b.machine.last_config, "{\"type\":\"network\""));
	CHECK_INT(b.machine.sandboxes.count, 0);
	CHECK_STR(bench_find(&b, "hh")->config->hostname, "host");
	bench_order(&o, "nn", "top");
	o.host->network_mode = "none";
	(void)bench_create_order(&b, &o);
	CHECK(BENCH_ASK(&b, engine_container_start, "nn")->kind == ENGINE_DONE);
	CHECK_INT(b.machine.sandboxes.count, 1);
	end();
}

TEST(a_container_may_share_the_network_of_another)
{
	struct bench_order o;

	begin();
	(void)bench_create(&b, "c1", "top");
	bench_order(&o, "c2", "top");
	o.host->network_mode = "container:c1";
	(void)bench_create_order(&b, &o);
	CHECK(strstr(BENCH_ASK(&b, engine_container_start, "c2")->text,
		     "cannot join network of a non running container: "));
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	CHECK(BENCH_ASK(&b, engine_container_start, "c2")->kind == ENGINE_DONE);
	CHECK(strstr(b.machine.last_config, "\"path\":\"/proc/"));
	end();
}

TEST(a_running_container_is_connected_and_disconnected)
{
	begin();
	(void)create_network("mine", "10.9.0.0/24");
	(void)bench_create(&b, "c1", "top");
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	CHECK(BENCH_ASK(&b, engine_network_connect, "mine", "c1", NULL)->kind == ENGINE_DONE);
	CHECK_INT(bench_find(&b, "c1")->n_endpoints, 2);
	CHECK_STR(bench_find(&b, "c1")->endpoints[1]->ip_address, "10.9.0.2");
	CHECK(strstr(BENCH_ASK(&b, engine_network_connect, "mine", "c1", NULL)->text,
		     "already exists in network mine"));
	CHECK(BENCH_ASK(&b, engine_network_disconnect, "mine", "c1", false)->kind == ENGINE_DONE);
	CHECK_INT(bench_find(&b, "c1")->n_endpoints, 1);
	CHECK(BENCH_ASK(&b, engine_network_remove, "mine")->kind == ENGINE_DONE);
	CHECK(!find("mine"));
	CHECK_INT(b.machine.bridges.count, 1);
	end();
}

TEST(prune_takes_networks_without_users)
{
	begin();
	(void)create_network("used", "");
	(void)create_network("idle", "");
	(void)create_on("c1", "used", "");
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	CHECK_STR(BENCH_ASK(&b, engine_networks_prune, ((struct engine_filter){ 0 }))->lines,
		  "idle;");
	CHECK(find("used") && !find("idle"));
	end();
}

/* The daemon goes and comes back with this configuration. */
static void come_back(void (*change)(struct engine_config *))
{
	engine_free(b.engine);
	change(&b.config);
	bench_start(&b);
	(void)bench_settle(&b);
}

static void with_another_bridge(struct engine_config *c)
{
	c->bridge_subnet = "10.77.0.0/24";
	c->bridge_gateway = "10.77.0.1";
	c->bridge_mtu = 1400;
	c->defaults.no_icc = true;
}

TEST(the_default_bridge_follows_the_configuration_once_nothing_runs_on_it)
{
	char id[80];

	begin();
	snprintf(id, sizeof(id), "%s", find("bridge")->id);
	(void)bench_create(&b, "c1", "top");
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	come_back(with_another_bridge);
	CHECK_STR(find("bridge")->gateway, "172.17.0.1");

	(void)BENCH_ASK(&b, engine_container_kill, "c1", "");
	come_back(with_another_bridge);
	CHECK_STR(find("bridge")->gateway, "10.77.0.1");
	CHECK_STR(find("bridge")->id, id);
	CHECK_STR(PB_MAP_GET(find("bridge"), options, "com.docker.network.driver.mtu"), "1400");
	CHECK_STR(PB_MAP_GET(find("bridge"), options, "com.docker.network.bridge.enable_icc"),
		  "false");
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	CHECK_STR(bench_find(&b, "c1")->endpoints[0]->ip_address, "10.77.0.2");
	end();
}

static const struct ipam_pool own_pools[] = { { { 10u << 24 | 200u << 16, 16 }, 24 } };

static void with_own_pools(struct engine_config *c)
{
	c->pools = own_pools;
	c->pool_count = 1;
}

TEST(networks_come_out_of_the_configured_pools)
{
	begin();
	come_back(with_own_pools);
	(void)create_network("one", "");
	(void)create_network("two", "");
	CHECK_STR(find("one")->subnet, "10.200.0.0/24");
	CHECK_STR(find("two")->subnet, "10.200.1.0/24");
	end();
}

static void with_publish_ip(struct engine_config *c)
{
	c->defaults.publish_ip = "127.0.0.1";
}

TEST(ports_are_published_on_the_configured_address)
{
	begin();
	come_back(with_publish_ip);
	create_published("c1", "8080");
	CHECK_INT(BENCH_ASK(&b, engine_container_start, "c1")->kind, ENGINE_DONE);
	CHECK_STR(bench_find(&b, "c1")->ports[0]->host_ip, "127.0.0.1");
	end();
}

TEST_MAIN()
