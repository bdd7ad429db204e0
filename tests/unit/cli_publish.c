#include "cli/publish.h"

#include "base/str.h"
#include "template/field.h"
#include "template/jsontext.h"
#include "cli/ports.h"
#include "test.h"

static struct err e;

static const char *parsed(const char *text, bool (*parse)(const char *, json_t *, struct err *))
{
	static struct buf out = BUF_MAX(65536);
	AUTO_JSON json_t *list = json_array();

	buf_reset(&out);
	if (!parse(text, list, &e))
		return e.text;
	jsontext_write(list, false, false, &out);
	return buf_str(&out).ptr;
}

static const char *short_form(const char *text)
{
	return parsed(text, publish_parse_short);
}

static const char *service(const char *text)
{
	return parsed(text, publish_parse_service);
}

TEST(a_port_has_an_address_a_host_port_and_a_protocol)
{
	CHECK_STR(short_form("80"),
		  "[{\"Ip\":\"\",\"Outer\":\"\",\"Inner\":80,\"Protocol\":\"tcp\"}]");
	CHECK_STR(short_form("8080:80"),
		  "[{\"Ip\":\"\",\"Outer\":\"8080\",\"Inner\":80,\"Protocol\":\"tcp\"}]");
	CHECK_STR(short_form("127.0.0.1:53:5353/udp"),
		  "[{\"Ip\":\"127.0.0.1\",\"Outer\":\"53\",\"Inner\":5353,\"Protocol\":\"udp\"}]");
	CHECK_STR(short_form("127.0.0.1::80"),
		  "[{\"Ip\":\"127.0.0.1\",\"Outer\":\"\",\"Inner\":80,\"Protocol\":\"tcp\"}]");
	CHECK_STR(short_form("[::1]:90:80"),
		  "[{\"Ip\":\"::1\",\"Outer\":\"90\",\"Inner\":80,\"Protocol\":\"tcp\"}]");
}

TEST(ranges_pair_up_and_one_port_may_choose)
{
	CHECK_STR(short_form("90-91:80-81"),
		  "[{\"Ip\":\"\",\"Outer\":\"90\",\"Inner\":80,\"Protocol\":\"tcp\"},"
		  "{\"Ip\":\"\",\"Outer\":\"91\",\"Inner\":81,\"Protocol\":\"tcp\"}]");
	CHECK_STR(short_form("90-95:80"),
		  "[{\"Ip\":\"\",\"Outer\":\"90-95\",\"Inner\":80,\"Protocol\":\"tcp\"}]");
	CHECK_STR(short_form("90-92:80-81"),
		  "invalid ranges specified for container and host Ports: 80-81 and 90-92");
}

TEST(what_is_no_port_is_refused)
{
	CHECK_STR(short_form("x"), "invalid containerPort: x");
	CHECK_STR(short_form("0"), "invalid containerPort: 0");
	CHECK_STR(short_form("70000"), "invalid containerPort: 70000");
	CHECK_STR(short_form("x:80"), "invalid hostPort: x");
	CHECK_STR(short_form("80/icmp"), "invalid proto: icmp");
	CHECK_STR(short_form(""), "invalid containerPort: ");
	CHECK_STR(short_form("9-8"), "invalid containerPort: 9-8");
}

TEST(a_service_publishes_in_the_mesh_or_on_hosts)
{
	CHECK_STR(service("8080:80"),
		  "[{\"Protocol\":\"tcp\",\"TargetPort\":80,\"PublishedPort\":8080,"
		  "\"PublishMode\":\"ingress\"}]");
	CHECK_STR(
		service("published=53,target=5353,protocol=udp,mode=host"),
		"[{\"Protocol\":\"udp\",\"TargetPort\":5353,\"PublishedPort\":53,\"PublishMode\":\"host\"}]");
	CHECK_STR(service("target=80"),
		  "[{\"Protocol\":\"tcp\",\"TargetPort\":80,\"PublishMode\":\"ingress\"}]");
	CHECK_STR(service("1.2.3.4:80:80"), "hostip is not supported");
	CHECK_STR(service("published=80"), "missing mandatory field \"target\"");
	CHECK_STR(service("target=80,mode=other"),
		  "invalid publish mode value (other): must be either ingress or host");
	CHECK_STR(service("target=80,colour=red"), "invalid field key or value: colour=red");
}

static const char *shown(const char *json)
{
	static struct buf out = BUF_MAX(65536);
	AUTO_JSON json_t *ports = json_loads(json, 0, NULL);

	buf_reset(&out);
	ports_write(ports, &out);
	return buf_str(&out).ptr;
}

TEST(ports_in_a_row_are_shown_as_a_range)
{
	CHECK_STR(shown("[]"), "");
	CHECK_STR(
		shown("[{\"PrivatePort\":81,\"Type\":\"tcp\"},{\"PrivatePort\":80,\"Type\":\"tcp\"},"
		      "{\"PrivatePort\":83,\"Type\":\"tcp\"}]"),
		"80-81/tcp, 83/tcp");
	CHECK_STR(
		shown("[{\"IP\":\"0.0.0.0\",\"PrivatePort\":80,\"PublicPort\":80,\"Type\":\"tcp\"},"
		      "{\"IP\":\"0.0.0.0\",\"PrivatePort\":81,\"PublicPort\":81,\"Type\":\"tcp\"},"
		      "{\"IP\":\"::\",\"PrivatePort\":80,\"PublicPort\":8080,\"Type\":\"tcp\"}]"),
		"0.0.0.0:80-81->80-81/tcp, [::]:8080->80/tcp");
}

TEST_MAIN()
