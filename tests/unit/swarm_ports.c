#include "swarm/allocate/ports.h"

#include "test.h"

#define TCP PB__PORT_CONFIG__PROTOCOL__TCP
#define UDP PB__PORT_CONFIG__PROTOCOL__UDP

static Pb__PortConfig *port(struct arena *a, uint32_t target, uint32_t published)
{
	Pb__PortConfig *p = PB_NEW(a, port_config);

	p->target_port = target;
	p->published_port = published;
	return p;
}

TEST(any_is_the_lowest_free_port)
{
	static struct ports p;
	uint32_t a, b, c;
	struct err e;

	CHECK(ports_take(&p, TCP, PORT_ANY, &a, &e) && a == 30000);
	CHECK(ports_take(&p, TCP, PORT_ANY, &b, &e) && b == 30001);
	ports_release(&p, TCP, a);
	CHECK(ports_take(&p, TCP, PORT_ANY, &c, &e) && c == 30000);
}

TEST(a_port_is_published_once_a_protocol)
{
	static struct ports p;
	uint32_t got;
	struct err e;

	CHECK(ports_take(&p, TCP, 80, &got, &e) && got == 80);
	CHECK(ports_take(&p, UDP, 80, &got, &e));
	CHECK(!ports_take(&p, TCP, 80, &got, &e) && e.kind == ERR_CONFLICT);
	CHECK_STR(e.text, "port 80/tcp is already published by another service");
}

TEST(when_none_is_left_it_says_so)
{
	static struct ports p;
	uint32_t got;
	struct err e;

	for (int i = PORT_ANY_FIRST; i <= PORT_ANY_LAST; i++)
		CHECK(ports_take(&p, TCP, PORT_ANY, &got, &e));
	CHECK(!ports_take(&p, TCP, PORT_ANY, &got, &e) && e.kind == ERR_EXHAUSTED);
	CHECK_STR(e.text, "no free tcp port between 30000 and 32767");
}

TEST(numbers_that_are_no_ports_are_refused)
{
	static struct ports p;
	uint32_t got;
	struct err e;

	CHECK(!ports_take(&p, TCP, 65536, &got, &e) && e.kind == ERR_INVALID);
	CHECK(!ports_take(&p, (Pb__PortConfig__Protocol)7, 80, &got, &e) && e.kind == ERR_INVALID);
	ports_release(&p, (Pb__PortConfig__Protocol)7, 99999);
}

TEST(an_endpoint_keeps_the_port_that_was_chosen_for_it)
{
	AUTO_ARENA struct arena a = { 0 };
	static struct ports p;
	Pb__EndpointSpec *spec = PB_NEW(&a, endpoint_spec);
	Pb__Endpoint *first = PB_NEW(&a, endpoint), *second = PB_NEW(&a, endpoint);
	uint32_t got;
	struct err e;

	CHECK(ports_take(&p, TCP, PORT_ANY, &got, &e));
	PB_APPEND(&a, spec, ports, port(&a, 80, PORT_ANY));
	CHECK(ports_of_endpoint(&p, NULL, spec, first, &a, &e));
	CHECK_INT(first->ports[0]->published_port, 30001);
	ports_release(&p, TCP, got);

	PB_APPEND(&a, spec, ports, port(&a, 81, PORT_ANY));
	CHECK(ports_of_endpoint(&p, first, spec, second, &a, &e));
	CHECK_INT(second->ports[0]->published_port, 30001);
	CHECK_INT(second->ports[1]->published_port, 30000);
}

TEST(any_does_not_sit_on_a_number_that_is_asked_for)
{
	AUTO_ARENA struct arena a = { 0 };
	static struct ports p;
	Pb__EndpointSpec *spec = PB_NEW(&a, endpoint_spec);
	Pb__Endpoint *endpoint = PB_NEW(&a, endpoint);
	struct err e;

	PB_APPEND(&a, spec, ports, port(&a, 80, PORT_ANY));
	PB_APPEND(&a, spec, ports, port(&a, 81, 30000));
	CHECK(ports_of_endpoint(&p, NULL, spec, endpoint, &a, &e));
	CHECK_INT(endpoint->ports[0]->published_port, 30001);
	CHECK_INT(endpoint->ports[1]->published_port, 30000);
}

TEST(an_endpoint_that_cannot_have_its_ports_changes_nothing)
{
	AUTO_ARENA struct arena a = { 0 };
	static struct ports p, before;
	Pb__EndpointSpec *spec = PB_NEW(&a, endpoint_spec);
	Pb__Endpoint *old = PB_NEW(&a, endpoint), *new = PB_NEW(&a, endpoint);
	uint32_t got;
	struct err e;

	CHECK(ports_take(&p, TCP, 443, &got, &e));
	PB_APPEND(&a, spec, ports, port(&a, 80, 8080));
	CHECK(ports_of_endpoint(&p, NULL, spec, old, &a, &e));
	before = p;
	PB_APPEND(&a, spec, ports, port(&a, 443, 443));
	CHECK(!ports_of_endpoint(&p, old, spec, new, &a, &e));
	CHECK(memcmp(&p, &before, sizeof(p)) == 0);
}

TEST(host_mode_ports_are_each_nodes_own)
{
	AUTO_ARENA struct arena a = { 0 };
	static struct ports p;
	Pb__EndpointSpec *spec = PB_NEW(&a, endpoint_spec);
	Pb__Endpoint *endpoint = PB_NEW(&a, endpoint);
	uint32_t got;
	struct err e;

	PB_APPEND(&a, spec, ports, port(&a, 80, 80));
	PB_APPEND(&a, spec, ports, port(&a, 81, PORT_ANY));
	spec->ports[0]->publish_mode = PB__PORT_CONFIG__PUBLISH_MODE__HOST;
	spec->ports[1]->publish_mode = PB__PORT_CONFIG__PUBLISH_MODE__HOST;
	CHECK(ports_of_endpoint(&p, NULL, spec, endpoint, &a, &e));
	CHECK_INT(endpoint->n_ports, 2);
	CHECK_INT(endpoint->ports[1]->published_port, 0);
	CHECK(ports_take(&p, TCP, 80, &got, &e));
}

TEST_MAIN()
