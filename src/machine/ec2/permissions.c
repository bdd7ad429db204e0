#include "machine/ec2/permissions.h"

#include "base/mem.h"

static const char *const actions[] = {
	"ec2:AuthorizeSecurityGroupIngress",
	"ec2:CreateSecurityGroup",
	"ec2:CreateTags",
	"ec2:DeleteKeyPair",
	"ec2:DeleteSecurityGroup",
	"ec2:DescribeImages",
	"ec2:DescribeInstanceTypeOfferings",
	"ec2:DescribeInstanceTypes",
	"ec2:DescribeInstances",
	"ec2:DescribeKeyPairs",
	"ec2:DescribeNetworkInterfaces",
	"ec2:DescribeSecurityGroups",
	"ec2:DescribeSubnets",
	"ec2:DescribeVolumes",
	"ec2:DescribeVpcs",
	"ec2:DeleteVolume",
	"ec2:ImportKeyPair",
	"ec2:RebootInstances",
	"ec2:RunInstances",
	"ec2:StartInstances",
	"ec2:StopInstances",
	"ec2:TerminateInstances",
	"ssm:GetParameter",
};

static void put(struct buf *out, const char *action, bool is_first)
{
	buf_printf(out, "%s\n        \"%s\"", is_first ? "" : ",", action);
}

void permissions_write(bool has_spot, bool has_role, struct buf *out)
{
	buf_append_c(out, "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n"
			  "      \"Effect\": \"Allow\",\n      \"Action\": [");
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		put(out, actions[i], i == 0);
	if (has_spot)
		put(out, "iam:CreateServiceLinkedRole", false);
	if (has_role)
		put(out, "iam:PassRole", false);
	buf_append_c(out, "\n      ],\n      \"Resource\": \"*\"\n    }\n  ]\n}\n");
}
