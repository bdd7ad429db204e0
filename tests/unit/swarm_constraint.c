#include "swarm/schedule/constraint.h"

#include "pb/map.h"
#include "test.h"

static Pb__Node *node_in(struct arena *a)
{
	Pb__Node *node = PB_NEW(a, node);

	node->id = "n1";
	node->role = PB__NODE_ROLE__MANAGER;
	node->status->addr = "10.1.2.3";
	node->description = PB_NEW(a, node_description);
	node->description->hostname = "Alpha";
	node->description->platform = PB_NEW(a, platform);
	node->description->platform->os = "linux";
	node->description->platform->architecture = "x86_64";
	node->description->engine = PB_NEW(a, engine_description);
	PB_MAP_SET(a, node->description->engine, labels, "disk", "ssd");
	PB_MAP_SET(a, node->spec->annotations, labels, "Rack", "r 1");
	return node;
}

/* 1: matches, 0: does not, -1: cannot be parsed. */
static int match(const char *text)
{
	AUTO_ARENA struct arena a = { 0 };
	struct constraints c;
	struct err e;
	char *texts[] = { (char *)text };

	if (!constraints_parse(&c, texts, 1, &a, &e))
		return -1;
	return constraints_match(&c, node_in(&a));
}

static const char *refusal(const char *text)
{
	static struct err e;
	AUTO_ARENA struct arena a = { 0 };
	struct constraints c;
	char *texts[] = { (char *)text };

	return constraints_parse(&c, texts, 1, &a, &e) ? "none" : e.text;
}

TEST(every_attribute_of_a_node_can_be_asked_for)
{
	CHECK_INT(match("node.id == n1"), 1);
	CHECK_INT(match("node.hostname==alpha"), 1);
	CHECK_INT(match("node.role == manager"), 1);
	CHECK_INT(match("node.role == worker"), 0);
	CHECK_INT(match("node.platform.os == linux"), 1);
	CHECK_INT(match("node.platform.arch != arm64"), 1);
	CHECK_INT(match("engine.labels.disk == SSD"), 1);
	CHECK_INT(match("node.labels.Rack == r 1"), 1);
}

TEST(keys_ignore_case_and_label_names_do_not)
{
	CHECK_INT(match("NODE.ROLE == Manager"), 1);
	CHECK_INT(match("Node.Labels.Rack == R 1"), 1);
	CHECK_INT(match("node.labels.rack == r 1"), 0);
}

TEST(what_is_not_there_is_empty)
{
	CHECK_INT(match("node.labels.none == x"), 0);
	CHECK_INT(match("node.labels.none != x"), 1);
	CHECK_INT(match("node.unknown != x"), 0);
}

TEST(addresses_match_exactly_or_by_network)
{
	CHECK_INT(match("node.ip == 10.1.2.3"), 1);
	CHECK_INT(match("node.ip == 10.1.0.0/16"), 1);
	CHECK_INT(match("node.ip == 10.2.0.0/16"), 0);
	CHECK_INT(match("node.ip != 10.2.0.0/16"), 1);
	CHECK_INT(match("node.ip == fd00::/8"), 0);
	CHECK_INT(match("node.ip != 10.2.0.0/99"), 0);
	CHECK(address_is_in(STR("fd00::12"), STR("fd00::/112")));
	CHECK(!address_is_in(STR("fd00::1:12"), STR("fd00::/112")));
}

TEST(nothing_is_globbed)
{
	CHECK_INT(match("node.hostname == alph*"), 0);
	CHECK_INT(match("node.hostname != alph*"), 1);
}

TEST(refusals_say_what_is_wrong)
{
	CHECK_STR(refusal("node.role"), "constraint expected one operator from ==, !=");
	CHECK_STR(refusal("node.role = manager"), "constraint expected one operator from ==, !=");
	CHECK_STR(refusal("1node == x"), "key '1node' is invalid");
	CHECK_STR(refusal("n == x"), "key 'n' is invalid");
	CHECK_STR(refusal("node.role == "), "value '' is invalid");
	CHECK_STR(refusal("node.role == a&b"), "value 'a&b' is invalid");
	CHECK_STR(refusal("node.role == a==b"), "value 'a==b' is invalid");
}

TEST_MAIN()
