/* Where a host goes: its VPC, the subnets that will do, and from where it may be reached. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "base/mem.h"
#include "machine/aws/http.h"
#include "machine/ec2/ec2.h"
#include "template/field.h"

#define SUBNETS_MAX     64
#define ADDRESS_WAIT_MS 10000

static bool choose_vpc(struct ec2 *x, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;
	const char *id;

	form_filter(&f, 1, "isDefault", "true");
	said = ec2_call(x, "DescribeVpcs", &f, e);
	if (!said)
		return false;
	id = field_text(json_array_get(field_at(said, "vpcSet"), 0), "vpcId");
	if (!*id)
		return fail(e, ERR_NOT_FOUND,
			    "amazonec2 driver requires either the --amazonec2-subnet-id or "
			    "--amazonec2-vpc-id option or an AWS Account with a default vpc-id");
	field_put_text(x->own, "VpcId", id);
	return true;
}

/* The zones that offer the instance type; NULL and *e. */
static json_t *zones_of_type(struct ec2 *x, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;
	json_t *zones, *one;
	size_t i;

	form_put(&f, "availability-zone", "LocationType");
	form_filter(&f, 1, "instance-type", field_text(x->own, "InstanceType"));
	said = ec2_call(x, "DescribeInstanceTypeOfferings", &f, e);
	if (!said)
		return NULL;
	zones = json_object();
	json_array_foreach(field_at(said, "instanceTypeOfferingSet"), i, one)
		json_object_set_new(zones, field_text(one, "location"), json_true());
	if (json_object_size(zones))
		return zones;
	json_decref(zones);
	fail(e, ERR_NOT_FOUND, "there are no instances of type %s in %s",
	     field_text(x->own, "InstanceType"), field_text(x->own, "Region"));
	return NULL;
}

/* "a" is a zone of the region, "eu-west-2a" is one already. */
static char *zone_wanted(const json_t *own)
{
	const char *zone = field_text(own, "Zone");

	if (strlen(zone) == 1)
		return xasprintf("%s%s", field_text(own, "Region"), zone);
	return xstrdup(zone);
}

static json_t *describe_subnets(struct ec2 *x, const char *zone, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	int n = 1;

	if (*field_text(x->own, "SubnetId"))
		form_filter(&f, n++, "subnet-id", field_text(x->own, "SubnetId"));
	if (*field_text(x->own, "VpcId"))
		form_filter(&f, n++, "vpc-id", field_text(x->own, "VpcId"));
	if (*zone)
		form_filter(&f, n, "availability-zone", zone);
	return ec2_call(x, "DescribeSubnets", &f, e);
}

static int by_preference(const void *a, const void *b)
{
	const json_t *one = *(const json_t *const *)a, *other = *(const json_t *const *)b;
	bool one_default = strcmp(field_text(one, "defaultForAz"), "true") == 0;
	bool other_default = strcmp(field_text(other, "defaultForAz"), "true") == 0;

	if (one_default != other_default)
		return one_default ? -1 : 1;
	if (strcmp(field_text(one, "availabilityZone"), field_text(other, "availabilityZone")))
		return strcmp(field_text(one, "availabilityZone"),
			      field_text(other, "availabilityZone"));
	return strcmp(field_text(one, "subnetId"), field_text(other, "subnetId"));
}

/* One subnet a zone, default ones first, in zones that have the type. */
static json_t *pick(json_t *found, const json_t *zones)
{
	const json_t *sorted[SUBNETS_MAX];
	size_t count = json_array_size(found) < SUBNETS_MAX ? json_array_size(found) : SUBNETS_MAX;
	json_t *picked = json_array(), *seen = json_object();

	for (size_t i = 0; i < count; i++)
		sorted[i] = json_array_get(found, i);
	qsort(sorted, count, sizeof(sorted[0]), by_preference);
	for (size_t i = 0; i < count; i++) {
		const char *zone = field_text(sorted[i], "availabilityZone");

		if (!json_object_get(zones, zone) || json_object_get(seen, zone))
			continue;
		json_object_set_new(seen, zone, json_true());
		json_array_append_new(picked,
				      json_pack("{s:s, s:s}", "SubnetId",
						field_text(sorted[i], "subnetId"), "Zone", zone));
	}
	json_decref(seen);
	return picked;
}

static bool no_subnet(const struct ec2 *x, const char *zone, size_t found, struct err *e)
{
	const char *vpc = field_text(x->own, "VpcId");

	if (found)
		return fail(e, ERR_NOT_FOUND,
			    "no zone of the subnets in VPC %s has instances of type %s", vpc,
			    field_text(x->own, "InstanceType"));
	if (*field_text(x->own, "SubnetId"))
		return fail(e, ERR_NOT_FOUND, "there is no subnet %s in that VPC and zone",
			    field_text(x->own, "SubnetId"));
	if (*zone)
		return fail(e, ERR_NOT_FOUND,
			    "unable to find a subnet that is both in the zone %s and belonging to "
			    "VPC ID %s",
			    zone, vpc);
	return fail(e, ERR_NOT_FOUND, "VPC %s has no subnet", vpc);
}

bool ec2_choose_network(struct ec2 *x, struct err *e)
{
	AUTO_FREE char *zone = zone_wanted(x->own);
	AUTO_JSON json_t *said = NULL, *zones = NULL;
	json_t *found, *picked;

	if (!*field_text(x->own, "VpcId") && !*field_text(x->own, "SubnetId") && !choose_vpc(x, e))
		return false;
	zones = zones_of_type(x, e);
	said = zones ? describe_subnets(x, zone, e) : NULL;
	if (!said)
		return false;
	found = field_at(said, "subnetSet");
	if (json_array_size(found))
		field_put_text(x->own, "VpcId", field_text(json_array_get(found, 0), "vpcId"));
	picked = pick(found, zones);
	if (!json_array_size(picked)) {
		json_decref(picked);
		return no_subnet(x, zone, json_array_size(found), e);
	}
	field_put(x->own, "Subnets", picked);
	return true;
}

/* ---- from where ---- */

static const char *address_service(void)
{
	const char *other = getenv("SHOAL_CHECKIP_URL");

	return other && *other ? other : "https://checkip.amazonaws.com/";
}

/* What the world sees of us. */
static bool own_address(char address[INET_ADDRSTRLEN], struct err *e)
{
	struct http_request r = { .method = "GET",
				  .url = address_service(),
				  .timeout_ms = ADDRESS_WAIT_MS,
				  .may_be_plain = getenv("SHOAL_CHECKIP_URL") != NULL };
	struct http_answer a;
	struct in_addr parsed;
	bool ok = http_call(&r, &a, e);
	struct str text = str_trim(buf_str(&a.body));

	if (ok && (a.status != 200 || text.len >= INET_ADDRSTRLEN))
		ok = fail(e, ERR_UNAVAILABLE, "%s does not tell our address", r.url);
	if (ok) {
		memcpy(address, text.ptr, text.len);
		address[text.len] = '\0';
		ok = inet_pton(AF_INET, address, &parsed) == 1 ||
		     fail(e, ERR_UNAVAILABLE, "%s does not tell our address", r.url);
	}
	http_answer_clear(&a);
	return ok;
}

/* "192.0.2.7" is one address, "any" all of them. */
static char *network_of(const char *word, struct err *e)
{
	struct in_addr address;
	struct str head, bits;
	AUTO_FREE char *text = NULL;
	uint64_t prefix = 32;

	if (strcmp(word, "any") == 0)
		return xstrdup("0.0.0.0/0");
	if (str_cut(str_of(word), '/', &head, &bits) && !str_to_u64(bits, &prefix))
		prefix = 33;
	text = str_dup(head);
	if (prefix <= 32 && inet_pton(AF_INET, text, &address) == 1)
		return xasprintf("%s/%d", text, (int)prefix);
	fail(e, ERR_INVALID, "--allow %s: neither an address nor a network", word);
	return NULL;
}

bool ec2_choose_allow(struct ec2 *x, struct err *e)
{
	json_t *list = field_at(x->own, "Allow"), *networks;
	char address[INET_ADDRSTRLEN];

	if (field_bool(x->own, "SecurityGroupReadOnly"))
		return true;
	networks = json_array();
	for (size_t i = 0; i < json_array_size(list); i++) {
		AUTO_FREE char *network = network_of(json_string_value(json_array_get(list, i)), e);

		if (!network) {
			json_decref(networks);
			return false;
		}
		json_array_append_new(networks, json_string(network));
	}
	if (!json_array_size(list)) {
		AUTO_FREE char *network = NULL;

		if (!own_address(address, e)) {
			json_decref(networks);
			return while_doing(e,
					   "say with --allow from where the host may be reached");
		}
		network = xasprintf("%s/32", address);
		json_array_append_new(networks, json_string(network));
	}
	field_put(x->own, "Allow", networks);
	return true;
}
