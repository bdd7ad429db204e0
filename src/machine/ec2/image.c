/* Which image a host is made of: today's of its system, by the parameter that its makers publish, or
 * else the newest by their name; for the processor that the instance type has. */
#include "base/mem.h"
#include "machine/ec2/ec2.h"
#include "template/field.h"

/* Formats take the processor's name, which each system spells its own way. */
static const struct system {
	const char *name, *user;
	const char *parameter;
	const char *owner, *images;
	const char *x86, *arm;
} systems[] = {
	{ "ubuntu-24.04", "ubuntu",
	  "/aws/service/canonical/ubuntu/server/24.04/stable/current/%s/hvm/ebs-gp3/ami-id",
	  "099720109477", "ubuntu/images/hvm-ssd*/ubuntu-noble-24.04-%s-server-*", "amd64",
	  "arm64" },
	{ "ubuntu-22.04", "ubuntu",
	  "/aws/service/canonical/ubuntu/server/22.04/stable/current/%s/hvm/ebs-gp2/ami-id",
	  "099720109477", "ubuntu/images/hvm-ssd*/ubuntu-jammy-22.04-%s-server-*", "amd64",
	  "arm64" },
	{ "debian-12", "admin", "/aws/service/debian/release/12/latest/%s", "136693071363",
	  "debian-12-%s-*", "amd64", "arm64" },
	{ "amazon-linux-2023", "ec2-user",
	  "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-%s", "137112412989",
	  "al2023-ami-2023.*-kernel-*-%s", "x86_64", "arm64" },
};

static const struct system *system_of(const char *name, struct err *e)
{
	AUTO_BUF struct buf names = BUF_MAX(1024);

	for (size_t i = 0; i < ARRAY_LEN(systems); i++) {
		if (strcmp(systems[i].name, name) == 0)
			return &systems[i];
		buf_printf(&names, "%s%s", i ? ", " : "", systems[i].name);
	}
	fail(e, ERR_INVALID, "--amazonec2-image %s is none of %s: name an AMI", name, names.data);
	return NULL;
}

/* The text of a %s format. */
static char *fill(const char *format, const char *word)
{
	const char *hole = strstr(format, "%s");

	return xasprintf("%.*s%s%s", (int)(hole - format), format, word, hole + 2);
}

static bool is_arm(struct ec2 *x, bool *arm, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;
	const json_t *list, *one;
	size_t i;

	*arm = false;
	form_put(&f, field_text(x->own, "InstanceType"), "InstanceType.1");
	said = ec2_call(x, "DescribeInstanceTypes", &f, e);
	if (!said)
		return false;
	list = field_at(json_array_get(field_at(said, "instanceTypeSet"), 0),
			"processorInfo.supportedArchitectures");
	json_array_foreach(list, i, one) *arm =
		*arm || strcmp(json_string_value(one) ? json_string_value(one) : "", "arm64") == 0;
	return true;
}

static bool by_parameter(struct ec2 *x, const struct system *s, const char *processor,
			 struct err *e)
{
	AUTO_FREE char *name = fill(s->parameter, processor);
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;

	buf_printf(&f.encoded, "{\"Name\":\"%s\"}", name);
	said = aws_call(&x->aws, SERVICE_SSM, "GetParameter", &f, e);
	if (!said)
		return false;
	field_put_text(x->own, "AMI", field_text(said, "Parameter.Value"));
	return *field_text(x->own, "AMI") || fail(e, ERR_NOT_FOUND, "parameter %s is empty", name);
}

static bool by_name(struct ec2 *x, const struct system *s, const char *processor, struct err *e)
{
	AUTO_FREE char *pattern = fill(s->images, processor);
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;
	const json_t *newest = NULL, *one;
	size_t i;

	form_put(&f, s->owner, "Owner.1");
	form_filter(&f, 1, "name", pattern);
	form_filter(&f, 2, "state", "available");
	said = ec2_call(x, "DescribeImages", &f, e);
	if (!said)
		return false;
	json_array_foreach(field_at(said, "imagesSet"), i,
			   one) if (strcmp(field_text(one, "creationDate"),
					   field_text(newest, "creationDate")) > 0) newest = one;
	if (!newest)
		return fail(e, ERR_NOT_FOUND,
			    "region %s has no image of %s: name one with --amazonec2-ami",
			    field_text(x->own, "Region"), s->name);
	field_put_text(x->own, "AMI", field_text(newest, "imageId"));
	return true;
}

/* What the image itself says: that it exists, fits the processor, and how its root device is called. */
static bool check_image(struct ec2 *x, bool arm, struct err *e)
{
	const char *ami = field_text(x->own, "AMI"), *made_for;
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;
	const json_t *image;

	form_put(&f, ami, "ImageId.1");
	said = ec2_call(x, "DescribeImages", &f, e);
	if (!said)
		return false;
	image = json_array_get(field_at(said, "imagesSet"), 0);
	if (!image)
		return fail(e, ERR_NOT_FOUND, "region %s has no image %s",
			    field_text(x->own, "Region"), ami);
	made_for = field_text(image, "architecture");
	if (*made_for && (strcmp(made_for, "arm64") == 0) != arm)
		return fail(e, ERR_INVALID, "image %s is for %s, and instances of type %s are not",
			    ami, made_for, field_text(x->own, "InstanceType"));
	if (!*field_text(x->own, "DeviceName"))
		field_put_text(x->own, "DeviceName",
			       *field_text(image, "rootDeviceName")
				       ? field_text(image, "rootDeviceName")
				       : "/dev/sda1");
	return true;
}

/* An API that is none of Amazon's has no parameters of theirs. */
static bool has_parameters(const struct ec2 *x)
{
	return !x->aws.endpoint || service_is_elsewhere("ssm");
}

static bool find_image(struct ec2 *x, const struct system *s, bool arm, struct err *e)
{
	const char *processor = arm ? s->arm : s->x86;

	if (has_parameters(x) && by_parameter(x, s, processor, e))
		return true;
	if (has_parameters(x) && e->kind == ERR_UNAUTHENTICATED)
		return false;
	return by_name(x, s, processor, e);
}

bool ec2_choose_image(struct ec2 *x, struct err *e)
{
	const struct system *s = system_of(field_text(x->own, "Image"), e);
	bool is_given = *field_text(x->own, "AMI") != '\0', arm;

	if (!s || !is_arm(x, &arm, e))
		return false;
	if (!is_given && !find_image(x, s, arm, e))
		return false;
	if (!*field_text(x->own, "SSHUser"))
		field_put_text(x->own, "SSHUser", s->user);
	return check_image(x, arm, e);
}
