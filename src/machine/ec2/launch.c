/* The call that makes the instance. Its token makes it safe to send twice, and is in the journal before
 * it is sent: after a crash the instance is found by its tag, or the same call is sent again. When a zone
 * has no room, the next one is tried, with a token of its own. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "machine/ec2/ec2.h"
#include "file/file.h"
#include "machine/journal.h"
#include "template/field.h"

#define USERDATA_MAX ((size_t)16 << 10)
#define LAUNCH_TRIES 8

static void put_number(struct form *f, int64_t value, const char *name)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	form_put(f, text, "%s", name);
}

static void put_text(struct ec2 *x, struct form *f, const char *member, const char *name)
{
	if (*field_text(x->own, member))
		form_put(f, field_text(x->own, member), "%s", name);
}

static void put_volume(struct ec2 *x, struct form *f)
{
#define VOLUME "BlockDeviceMapping.1."
	put_text(x, f, "DeviceName", VOLUME "DeviceName");
	put_number(f, field_int(x->own, "RootSize"), VOLUME "Ebs.VolumeSize");
	put_text(x, f, "VolumeType", VOLUME "Ebs.VolumeType");
	form_put(f, "true", VOLUME "Ebs.DeleteOnTermination");
	if (field_int(x->own, "RootIops"))
		put_number(f, field_int(x->own, "RootIops"), VOLUME "Ebs.Iops");
	if (field_int(x->own, "RootThroughput"))
		put_number(f, field_int(x->own, "RootThroughput"), VOLUME "Ebs.Throughput");
	if (field_bool(x->own, "EncryptVolume") || *field_text(x->own, "KmsKey"))
		form_put(f, "true", VOLUME "Ebs.Encrypted");
	put_text(x, f, "KmsKey", VOLUME "Ebs.KmsKeyId");
#undef VOLUME
}

static void put_network(struct ec2 *x, struct form *f, const char *subnet)
{
#define CARD "NetworkInterface.1."
	const json_t *one;
	size_t i;

	form_put(f, "0", CARD "DeviceIndex");
	form_put(f, subnet, CARD "SubnetId");
	form_put(f, "true", CARD "DeleteOnTermination");
	form_put(f, field_bool(x->own, "PrivateIPOnly") ? "false" : "true",
		 CARD "AssociatePublicIpAddress");
	json_array_foreach(field_at(x->own, "SecurityGroupIds"), i, one)
		form_put(f, json_string_value(one), CARD "SecurityGroupId.%d", (int)i + 1);
	if (field_int(x->own, "IPv6AddressCount"))
		put_number(f, field_int(x->own, "IPv6AddressCount"), CARD "Ipv6AddressCount");
	if (field_bool(x->own, "PrimaryIPv6"))
		form_put(f, "true", CARD "PrimaryIpv6");
#undef CARD
}

static bool put_userdata(struct ec2 *x, struct form *f, struct err *e)
{
	const char *path = field_text(x->own, "UserDataFile");
	AUTO_BUF struct buf text = BUF_MAX(USERDATA_MAX);
	AUTO_FREE char *coded = NULL;

	if (!*path)
		return true;
	if (!file_read(path, &text, e))
		return false;
	coded = xmalloc(text.len * 4 / 3 + 8);
	(void)EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)text.data,
			      (int)text.len);
	form_put(f, coded, "UserData");
	return true;
}

static void put_market(struct ec2 *x, struct form *f)
{
	if (!field_bool(x->own, "RequestSpotInstance"))
		return;
	form_put(f, "spot", "InstanceMarketOptions.MarketType");
	form_put(f, "one-time", "InstanceMarketOptions.SpotOptions.SpotInstanceType");
	put_text(x, f, "SpotPrice", "InstanceMarketOptions.SpotOptions.MaxPrice");
}

static void put_role(struct ec2 *x, struct form *f)
{
	const char *role = field_text(x->own, "IamInstanceProfile");

	if (*role)
		form_put(f, role, "IamInstanceProfile.%s",
			 strncmp(role, "arn:", 4) == 0 ? "Arn" : "Name");
}

static bool compose(struct ec2 *x, struct form *f, const json_t *place, const char *token,
		    struct err *e)
{
	form_put(f, field_text(x->own, "AMI"), "ImageId");
	form_put(f, "1", "MinCount");
	form_put(f, "1", "MaxCount");
	form_put(f, token, "ClientToken");
	put_text(x, f, "InstanceType", "InstanceType");
	put_text(x, f, "KeyName", "KeyName");
	put_volume(x, f);
	put_network(x, f, field_text(place, "SubnetId"));
	put_text(x, f, "HttpTokens", "MetadataOptions.HttpTokens");
	put_text(x, f, "HttpEndpoint", "MetadataOptions.HttpEndpoint");
	put_number(f, field_int(x->own, "HttpHopLimit"), "MetadataOptions.HttpPutResponseHopLimit");
	put_text(x, f, "HttpProtocolIPv6", "MetadataOptions.HttpProtocolIpv6");
	if (field_bool(x->own, "Monitoring"))
		form_put(f, "true", "Monitoring.Enabled");
	if (field_bool(x->own, "UseEbsOptimizedInstance"))
		form_put(f, "true", "EbsOptimized");
	put_market(x, f);
	put_role(x, f);
	return put_userdata(x, f, e) && form_tags(x, f, 1, "instance", e) &&
	       form_tags(x, f, 2, "volume", e) && form_tags(x, f, 3, "network-interface", e);
}

/* What was made a moment ago need not be known everywhere yet. */
static bool is_too_early(struct ec2 *x, struct err *e)
{
	static const char *const codes[] = { "InvalidGroup.NotFound", "InvalidGroupId.NotFound",
					     "InvalidKeyPair.NotFound" };

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (aws_refused(&x->aws, codes[i]))
			return true;
	return aws_refused(&x->aws, "InvalidParameterValue") &&
	       strstr(e->text, "iamInstanceProfile");
}

static bool had_no_room(struct ec2 *x)
{
	return aws_refused(&x->aws, "InsufficientInstanceCapacity") ||
	       aws_refused(&x->aws, "InsufficientHostCapacity") ||
	       aws_refused(&x->aws, "Unsupported") || aws_refused(&x->aws, "SpotMaxPriceTooLow");
}

/* The instance's id, or NULL. */
static char *run_at(struct ec2 *x, const json_t *place, const char *token, struct err *e)
{
	for (int try = 0;; try++) {
		AUTO_FORM struct form f = FORM_EMPTY;
		AUTO_JSON json_t *said = NULL;

		if (!compose(x, &f, place, token, e))
			return NULL;
		said = ec2_call(x, "RunInstances", &f, e);
		if (said)
			return xstrdup(field_text(json_array_get(field_at(said, "instancesSet"), 0),
						  "instanceId"));
		if (!is_too_early(x, e) || try == LAUNCH_TRIES)
			return NULL;
		ec2_pause(try);
		/* The group may have gone with the last machine in it: then it is made again. */
		if (e->kind == ERR_NOT_FOUND && !ec2_make_groups(x, e))
			return NULL;
	}
}

static bool keep(struct ec2 *x, const json_t *place, const char *token, const char *id,
		 struct err *e)
{
	field_put_text(x->own, "InstanceId", id);
	if (place) {
		field_put_text(x->own, "SubnetId", field_text(place, "SubnetId"));
		field_put_text(x->own, "Zone", field_text(place, "Zone"));
	}
	return journal_made(x->m, KIND_INSTANCE, token, id, e);
}

enum outcome { LAUNCHED, NO_ROOM, FAILED };

static enum outcome launch_at(struct ec2 *x, const json_t *place, const char *token, struct err *e)
{
	AUTO_FREE char *id = NULL;
	struct err ignored;
	bool no_room;

	if (!journal_will(x->m, KIND_INSTANCE, token, e))
		return FAILED;
	id = run_at(x, place, token, e);
	if (id)
		return x->m->is_plan || keep(x, place, token, id, e) ? LAUNCHED : FAILED;
	no_room = had_no_room(x);
	/* Refused for certain: nothing is there. Otherwise rm has to look. */
	if (e->kind != ERR_UNKNOWN_OUTCOME && !journal_gone(x->m, KIND_INSTANCE, token, &ignored))
		*e = ignored;
	return no_room ? NO_ROOM : FAILED;
}

/* An earlier create may have come this far: -1, or the place it tried last. */
static int tried_before(const struct ec2 *x)
{
	const json_t *entry = journal_newest(x->m, KIND_INSTANCE);
	const char *dash = entry ? strrchr(field_text(entry, "Name"), '-') : NULL;

	return dash ? atoi(dash + 1) : -1;
}

static bool find_earlier(struct ec2 *x, bool *found, struct err *e)
{
	const json_t *entry = journal_newest(x->m, KIND_INSTANCE);
	AUTO_JSON json_t *instance =
		ec2_describe(x, "tag:" TAG_MACHINE, field_text(x->own, "ID"), e);
	AUTO_FREE char *token = xstrdup(field_text(entry, "Name"));

	*found = instance != NULL;
	if (!instance)
		return e->kind == ERR_NOT_FOUND;
	return keep(x, NULL, token, field_text(instance, "instanceId"), e);
}

bool ec2_launch(struct ec2 *x, struct err *e)
{
	AUTO_JSON json_t *places = json_incref(field_at(x->own, "Subnets"));
	int first = tried_before(x), count = (int)json_array_size(places);
	bool found = false;

	if (*field_text(x->own, "InstanceId"))
		return true;
	if (first >= 0 && !find_earlier(x, &found, e))
		return false;
	if (found)
		return true;
	for (int i = first >= 0 && first < count ? first : 0; i < count; i++) {
		const json_t *place = json_array_get(places, (size_t)i);
		AUTO_FREE char *token = xasprintf("%s-%d", field_text(x->own, "ID"), i);

		switch (launch_at(x, place, token, e)) {
		case LAUNCHED:
			return true;
		case FAILED:
			return false;
		case NO_ROOM:
			say_host(x->cli, x->m, "Zone %s has no room for it%s",
				 field_text(place, "Zone"),
				 i + 1 < count ? ": trying the next" : "");
		}
	}
	return while_doing(e, "no zone has room for a %s", field_text(x->own, "InstanceType"));
}
