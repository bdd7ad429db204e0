/* The options of create, and the members of config.json they become. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "machine/ec2/ec2.h"
#include "template/field.h"

#define P "amazonec2-"

/* Which account and region: for commands without a machine, too. */
const struct option ec2_account_options[] = {
	{ 0, P "access-key", OPT_TEXT, "AWS access key; it is not kept" },
	{ 0, P "endpoint", OPT_TEXT, "another EC2 API", .env = "AWS_ENDPOINT" },
	{ 0, P "insecure-transport", OPT_BOOL, "speak to the endpoint without TLS",
	  .env = "AWS_INSECURE_TRANSPORT" },
	{ 0, P "profile", OPT_TEXT, "profile of ~/.aws whose credentials to use" },
	{ 0, P "region", OPT_TEXT, "region; else AWS_REGION, or the profile's, or us-east-1",
	  .env = "AWS_DEFAULT_REGION" },
	{ 0, P "retries", OPT_INT, "tries after one that failed; -1 for none", .fallback = "5" },
	{ 0, P "role-arn", OPT_TEXT, "role to assume" },
	{ 0, P "secret-key", OPT_TEXT, "AWS secret key; it is not kept" },
	{ 0, P "session-token", OPT_TEXT, "AWS session token; it is not kept" },
	{ 0 },
};

const struct option ec2_options[] = {
	{ .kind = OPT_ALSO, .also = ec2_account_options },
	{ 0, "allow", OPT_LIST,
	  "network that may reach SSH and the engine, instead of your own address; \"any\" for all",
	  .word = "cidr" },
	{ 0, P "ami", OPT_TEXT, "image of the host, instead of --amazonec2-image",
	  .env = "AWS_AMI" },
	OPTION_ABSENT(P "block-duration-minutes", OPT_UINT,
		      "AWS has no spot instances of a fixed duration any more"),
	{ 0, P "device-name", OPT_TEXT, "root device, if not what the image says",
	  .env = "AWS_DEVICE_NAME" },
	{ 0, P "encrypt-ebs-volume", OPT_BOOL, "encrypt the root volume" },
	{ 0, P "enable-primary-ipv6", OPT_BOOL, "make the first IPv6 address the primary one" },
	{ 0, P "http-endpoint", OPT_TEXT, "instance metadata service", .fallback = "enabled",
	  .choices = "enabled disabled" },
	{ 0, P "http-protocol-ipv6", OPT_TEXT, "instance metadata over IPv6",
	  .choices = "enabled disabled" },
	{ 0, P "http-tokens", OPT_TEXT, "do instance metadata want a token (IMDSv2)?",
	  .fallback = "required", .choices = "required optional" },
	{ 0, P "iam-instance-profile", OPT_TEXT, "role of the host",
	  .env = "AWS_INSTANCE_PROFILE" },
	{ 0, P "image", OPT_TEXT, "which system", .fallback = "ubuntu-24.04",
	  .choices = "ubuntu-24.04 ubuntu-22.04 debian-12 amazon-linux-2023" },
	{ 0, P "instance-type", OPT_TEXT, "size of the host", .fallback = "t3.micro",
	  .env = "AWS_INSTANCE_TYPE" },
	{ 0, P "ipv6-address-count", OPT_UINT, "IPv6 addresses of the host" },
	{ 0, P "keypair-name", OPT_TEXT, "an existing key pair; wants --amazonec2-ssh-keypath",
	  .env = "AWS_KEYPAIR_NAME" },
	{ 0, P "kms-key", OPT_TEXT, "key that encrypts the root volume" },
	{ 0, P "metadata-token-response-hop-limit", OPT_UINT,
	  "hops of answers about the instance: containers need two", .fallback = "2" },
	{ 0, P "monitoring", OPT_BOOL, "detailed monitoring" },
	{ 0, P "open-port", OPT_LIST, "port that everybody may reach, N[/protocol]" },
	{ 0, P "private-address-only", OPT_BOOL, "no public address" },
	{ 0, P "request-spot-instance", OPT_BOOL, "a spot instance" },
	{ 0, P "root-iops", OPT_UINT, "operations a second of the root volume" },
	{ 0, P "root-size", OPT_UINT, "root volume, in GB", .fallback = "16",
	  .env = "AWS_ROOT_SIZE" },
	{ 0, P "root-throughput", OPT_UINT, "MB a second of a gp3 root volume" },
	{ 0, P "security-group", OPT_LIST,
	  "security groups, made if they are not there; shoal-machine",
	  .env = "AWS_SECURITY_GROUP" },
	{ 0, P "security-group-readonly", OPT_BOOL, "add no rules to the security groups",
	  .env = "AWS_SECURITY_GROUP_READONLY" },
	{ 0, P "spot-price", OPT_TEXT, "most to pay for an hour of a spot instance" },
	{ 0, P "ssh-keypath", OPT_TEXT, "your private key, instead of one for this host",
	  .env = "AWS_SSH_KEYPATH" },
	{ 0, P "ssh-port", OPT_UINT, "port of SSH", .fallback = "22", .env = "AWS_SSH_PORT" },
	{ 0, P "ssh-user", OPT_TEXT, "who logs in, if not the image's usual user",
	  .env = "AWS_SSH_USER" },
	{ 0, P "subnet-id", OPT_TEXT, "subnet", .env = "AWS_SUBNET_ID" },
	{ 0, P "tags", OPT_TEXT, "more tags: key1,value1,key2,value2", .env = "AWS_TAGS" },
	{ 0, P "use-ebs-optimized-instance", OPT_BOOL, "EBS-optimized" },
	{ 0, P "use-private-address", OPT_BOOL, "reach it by its private address" },
	{ 0, P "userdata", OPT_TEXT, "file of user data", .env = "AWS_USERDATA" },
	{ 0, P "volume-type", OPT_TEXT, "kind of root volume", .fallback = "gp3",
	  .env = "AWS_VOLUME_TYPE" },
	{ 0, P "vpc-id", OPT_TEXT, "VPC, if not the default one", .env = "AWS_VPC_ID" },
	{ 0, P "zone", OPT_TEXT, "availability zone, a letter or a name; else any that has room",
	  .env = "AWS_ZONE" },
	{ 0 },
};

static const struct {
	const char *option, *member;
} members[] = {
	{ "allow", "Allow" },
	{ P "ami", "AMI" },
	{ P "device-name", "DeviceName" },
	{ P "encrypt-ebs-volume", "EncryptVolume" },
	{ P "enable-primary-ipv6", "PrimaryIPv6" },
	{ P "endpoint", "Endpoint" },
	{ P "http-endpoint", "HttpEndpoint" },
	{ P "http-protocol-ipv6", "HttpProtocolIPv6" },
	{ P "http-tokens", "HttpTokens" },
	{ P "iam-instance-profile", "IamInstanceProfile" },
	{ P "image", "Image" },
	{ P "insecure-transport", "DisableSSL" },
	{ P "instance-type", "InstanceType" },
	{ P "ipv6-address-count", "IPv6AddressCount" },
	{ P "keypair-name", "KeyName" },
	{ P "kms-key", "KmsKey" },
	{ P "metadata-token-response-hop-limit", "HttpHopLimit" },
	{ P "monitoring", "Monitoring" },
	{ P "open-port", "OpenPorts" },
	{ P "private-address-only", "PrivateIPOnly" },
	{ P "profile", "Profile" },
	{ P "region", "Region" },
	{ P "request-spot-instance", "RequestSpotInstance" },
	{ P "retries", "RetryCount" },
	{ P "role-arn", "RoleArn" },
	{ P "root-iops", "RootIops" },
	{ P "root-size", "RootSize" },
	{ P "root-throughput", "RootThroughput" },
	{ P "security-group", "SecurityGroupNames" },
	{ P "security-group-readonly", "SecurityGroupReadOnly" },
	{ P "spot-price", "SpotPrice" },
	{ P "ssh-keypath", "SSHPrivateKeyPath" },
	{ P "ssh-port", "SSHPort" },
	{ P "ssh-user", "SSHUser" },
	{ P "subnet-id", "SubnetId" },
	{ P "tags", "Tags" },
	{ P "use-ebs-optimized-instance", "UseEbsOptimizedInstance" },
	{ P "use-private-address", "UsePrivateIP" },
	{ P "userdata", "UserDataFile" },
	{ P "volume-type", "VolumeType" },
	{ P "vpc-id", "VpcId" },
	{ P "zone", "Zone" },
};

static const struct option *option_in(const struct option *o, const char *name)
{
	while (o->kind != OPT_END && (o->kind == OPT_ALSO || strcmp(o->name, name) != 0))
		o++;
	return o->kind == OPT_END ? NULL : o;
}

static const struct option *option_of(const char *name)
{
	const struct option *o = option_in(ec2_account_options, name);

	return o ? o : option_in(ec2_options, name);
}

static json_t *value_of(const struct args *a, const char *name)
{
	const char *const *texts;
	json_t *list;
	size_t count;

	switch (option_of(name)->kind) {
	case OPT_BOOL:
		return json_boolean(args_bool(a, name));
	case OPT_INT:
	case OPT_UINT:
		return json_integer(args_int(a, name));
	case OPT_LIST:
		texts = args_list(a, name, &count);
		list = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(list, json_string(texts[i]));
		return list;
	default:
		return json_string(args_text(a, name));
	}
}

/* Keys by option are for this command: what looks for credentials finds them in the environment. */
static bool take_keys(const struct args *a, struct err *e)
{
	const char *key = args_text(a, P "access-key"), *secret = args_text(a, P "secret-key");
	const char *token = args_text(a, P "session-token");

	if (!*key && !*secret)
		return true;
	if (!*key || !*secret)
		return fail(e, ERR_INVALID,
			    "--amazonec2-access-key and --amazonec2-secret-key go together");
	if (args_has(a, P "profile"))
		return fail(e, ERR_INVALID, "give keys or a profile, not both");
	if (setenv("AWS_ACCESS_KEY_ID", key, 1) < 0 ||
	    setenv("AWS_SECRET_ACCESS_KEY", secret, 1) < 0)
		return fail_sys(e, errno, "take the keys");
	if (*token ? setenv("AWS_SESSION_TOKEN", token, 1) : unsetenv("AWS_SESSION_TOKEN"))
		return fail_sys(e, errno, "take the keys");
	return true;
}

static void choose_region(json_t *own)
{
	const char *region = getenv("AWS_REGION");
	AUTO_FREE char *of_profile = NULL;

	if (*field_text(own, "Region"))
		return;
	if (!region || !*region)
		region = of_profile = profile_region(field_text(own, "Profile"));
	field_put_text(own, "Region", *region ? region : "us-east-1");
}

static bool region_is_valid(const char *region, struct err *e)
{
	for (const char *at = region; *at; at++)
		if (!islower((unsigned char)*at) && !isdigit((unsigned char)*at) && *at != '-')
			return fail(e, ERR_INVALID, "there is no region \"%s\"", region);
	return true;
}

static bool file_is_there(const json_t *own, const char *member, struct err *e)
{
	const char *path = field_text(own, member);

	return !*path || access(path, R_OK) == 0 || fail_sys(e, errno, "%s", path);
}

static bool check(const json_t *own, struct err *e)
{
	bool has_endpoint = *field_text(own, "Endpoint") != '\0';

	if (field_bool(own, "DisableSSL") && !has_endpoint)
		return fail(e, ERR_INVALID,
			    "using --amazonec2-insecure-transport also requires "
			    "--amazonec2-endpoint");
	if (field_bool(own, "ExistingKey") && !*field_text(own, "SSHPrivateKeyPath"))
		return fail(e, ERR_INVALID,
			    "using --amazonec2-keypair-name also requires --amazonec2-ssh-keypath");
	if (field_int(own, "RootSize") < 1 || field_int(own, "RootSize") > 65536)
		return fail(e, ERR_INVALID, "--amazonec2-root-size is 1 to 65536");
	if (field_int(own, "SSHPort") < 1 || field_int(own, "SSHPort") > 65535)
		return fail(e, ERR_INVALID, "--amazonec2-ssh-port is 1 to 65535");
	return region_is_valid(field_text(own, "Region"), e) &&
	       file_is_there(own, "SSHPrivateKeyPath", e) && file_is_there(own, "UserDataFile", e);
}

/* Members from those options that the command has; of a machine that is not fresh, only what was
 * given. */
static void take_options(struct machine *m, const struct args *a, bool is_fresh)
{
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (args_knows(a, members[i].option) &&
		    (is_fresh || args_has(a, members[i].option)))
			json_object_set_new(m->own, members[i].member,
					    value_of(a, members[i].option));
}

bool ec2_aim(struct machine *m, const struct args *a, struct err *e)
{
	if (!take_keys(a, e))
		return false;
	take_options(m, a, true);
	choose_region(m->own);
	return region_is_valid(field_text(m->own, "Region"), e);
}

bool ec2_configure(struct machine *m, const struct args *a, struct err *e)
{
	bool is_fresh = !*field_text(m->own, "ID");
	char id[ID_TEXT];

	if (!take_keys(a, e))
		return false;
	take_options(m, a, is_fresh);
	if (args_has(a, P "keypair-name"))
		json_object_set_new(m->own, "ExistingKey", json_true());
	if (is_fresh) {
		id_new(id);
		field_put_text(m->own, "ID", id);
	}
	if (!field_count(m->own, "SecurityGroupNames"))
		field_put(m->own, "SecurityGroupNames", json_pack("[s]", "shoal-machine"));
	choose_region(m->own);
	return check(m->own, e);
}
