/* create --dry-run: the calls that would change something, the permissions that all of it needs, and
 * what it costs as far as that is known here. */
#include <stdio.h>

#include "base/mem.h"
#include "machine/ec2/ec2.h"
#include "machine/ec2/permissions.h"
#include "template/field.h"

#define PLAN_MAX ((size_t)256 << 10)

static void print_price(const struct ec2 *x)
{
	const char *most = field_text(x->own, "SpotPrice");

	printf("Price:\n");
	if (field_bool(x->own, "RequestSpotInstance") && *most)
		printf("  at most %s USD an hour for the spot instance; volume, traffic and address: "
		       "unknown\n",
		       most);
	else
		printf("  unknown: %s%s, %lld GB of %s, a public address and traffic in %s\n",
		       field_text(x->own, "InstanceType"),
		       field_bool(x->own, "RequestSpotInstance") ? " (spot)" : "",
		       (long long)field_int(x->own, "RootSize"), field_text(x->own, "VolumeType"),
		       field_text(x->own, "Region"));
}

bool ec2_plan(struct cli *c, struct machine *m, struct err *e)
{
	AUTO_BUF struct buf calls = BUF_MAX(PLAN_MAX), statement = BUF_MAX(PLAN_MAX);
	struct ec2 x;
	bool ok;

	ec2_open(&x, c, m);
	x.aws.plan = &calls;
	ok = ec2_make(&x, e);
	if (ok) {
		permissions_write(field_bool(x.own, "RequestSpotInstance"),
				  *field_text(x.own, "IamInstanceProfile"), &statement);
		printf("Calls:\n%s\nPermissions:\n%s\n", calls.data ? calls.data : "",
		       statement.data);
		print_price(&x);
	}
	ec2_close(&x);
	return ok;
}
