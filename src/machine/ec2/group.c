/* Security groups: who may reach a host at which port.
 *
 * SSH and the engine: only from the networks of Allow. What a swarm's members say to each other (2377/tcp,
 * 7946/tcp and udp, 4789/udp, ESP): only from members of the group. --amazonec2-open-port: everybody.
 * All rules go to the first group; other groups are only joined.
 *
 * Groups are shared by machines, and several creates may make one at once: who is told that there is
 * one already uses that; a rule that is there already is as good as one that was added. A group that
 * this store made is in the journal of each machine in it, and the last to go removes it. */
#include <stdio.h>

#include "base/mem.h"
#include "machine/ec2/ec2.h"
#include "machine/engine.h"
#include "machine/journal.h"
#include "template/field.h"

#define RULES_MAX   128
#define GROUP_TRIES 30

struct rule {
	char protocol[16];
	int first, last;     /* -1 for a protocol without ports */
	const char *network; /* NULL: the members of the group */
};

/* ---- the groups ---- */

static json_t *find_group(struct ec2 *x, const char *name, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;
	json_t *group;

	form_filter(&f, 1, "group-name", name);
	form_filter(&f, 2, "vpc-id", field_text(x->own, "VpcId"));
	said = ec2_call(x, "DescribeSecurityGroups", &f, e);
	if (!said)
		return NULL;
	group = json_array_get(field_at(said, "securityGroupInfo"), 0);
	if (!group)
		fail(e, ERR_NOT_FOUND, "there is no security group %s", name);
	return json_incref(group);
}

static const char *tag_of(const json_t *thing, const char *key)
{
	const json_t *one;
	size_t i;

	json_array_foreach(field_at(thing, "tagSet"), i,
			   one) if (strcmp(field_text(one, "key"), key) ==
				    0) return field_text(one, "value");
	return "";
}

static bool is_ours(struct ec2 *x, const json_t *group)
{
	struct err ignored;
	char id[ID_TEXT];

	return !x->m->is_plan && store_id(x->m->store, id, &ignored) &&
	       strcmp(tag_of(group, TAG_STORE), id) == 0;
}

/* It may take a moment until those who are asked know of it. */
static json_t *wait_for_group(struct ec2 *x, const char *name, struct err *e)
{
	for (int try = 0;; try++) {
		json_t *group = find_group(x, name, e);

		if (group || e->kind != ERR_NOT_FOUND || try == GROUP_TRIES)
			return group;
		ec2_pause(try);
	}
}

static json_t *make_group(struct ec2 *x, const char *name, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;

	form_put(&f, name, "GroupName");
	form_put(&f, "Docker Machine", "GroupDescription");
	form_put(&f, field_text(x->own, "VpcId"), "VpcId");
	if (!form_tags(x, &f, 1, "security-group", e))
		return NULL;
	said = ec2_call(x, "CreateSecurityGroup", &f, e);
	if (!said && !aws_refused(&x->aws, "InvalidGroup.Duplicate"))
		return NULL;
	if (x->m->is_plan)
		return json_pack("{s:s}", "groupId", "(new)");
	return wait_for_group(x, name, e);
}

/* ---- rules ---- */

static bool has_source(const json_t *permission, const struct rule *r, const char *group)
{
	const json_t *one;
	size_t i;

	if (r->network) {
		json_array_foreach(field_at(permission, "ipRanges"), i,
				   one) if (strcmp(field_text(one, "cidrIp"), r->network) ==
					    0) return true;
		return false;
	}
	json_array_foreach(field_at(permission, "groups"), i,
			   one) if (strcmp(field_text(one, "groupId"), group) == 0) return true;
	return false;
}

static int port_of(const json_t *permission, const char *member)
{
	const char *text = field_text(permission, member);

	return *text ? atoi(text) : -1;
}

static bool covers(const json_t *permission, const struct rule *r)
{
	const char *protocol = field_text(permission, "ipProtocol");

	if (strcmp(protocol, "-1") == 0)
		return true;
	if (strcmp(protocol, r->protocol) != 0)
		return false;
	return r->first < 0 || (port_of(permission, "fromPort") <= r->first &&
				port_of(permission, "toPort") >= r->last);
}

static bool is_there(const json_t *group, const struct rule *r)
{
	const json_t *one;
	size_t i;

	json_array_foreach(field_at(group, "ipPermissions"), i,
			   one) if (covers(one, r) &&
				    has_source(one, r, field_text(group, "groupId"))) return true;
	return false;
}

static void put_rule(struct form *f, int n, const struct rule *r, const char *group)
{
	char number[16];

	form_put(f, r->protocol, "IpPermissions.%d.IpProtocol", n);
	(void)snprintf(number, sizeof(number), "%d", r->first);
	form_put(f, number, "IpPermissions.%d.FromPort", n);
	(void)snprintf(number, sizeof(number), "%d", r->last);
	form_put(f, number, "IpPermissions.%d.ToPort", n);
	if (r->network)
		form_put(f, r->network, "IpPermissions.%d.IpRanges.1.CidrIp", n);
	else
		form_put(f, group, "IpPermissions.%d.Groups.1.GroupId", n);
}

static bool add_rules(struct ec2 *x, const char *group, const struct rule *rules, size_t count,
		      struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;

	form_put(&f, group, "GroupId");
	for (size_t i = 0; i < count; i++)
		put_rule(&f, (int)i + 1, &rules[i], group);
	said = ec2_call(x, "AuthorizeSecurityGroupIngress", &f, e);
	if (said || (count == 1 && aws_refused(&x->aws, "InvalidPermission.Duplicate")))
		return true;
	if (!aws_refused(&x->aws, "InvalidPermission.Duplicate"))
		return false;
	/* Somebody added some of them meanwhile, and so none was added now: one by one. */
	for (size_t i = 0; i < count; i++)
		if (!add_rules(x, group, &rules[i], 1, e))
			return false;
	return true;
}

static bool parse_port(const char *word, struct rule *r, struct err *e)
{
	struct str number, protocol;
	uint64_t port;

	if (!str_cut(str_of(word), '/', &number, &protocol))
		protocol = STR("tcp");
	if (!str_to_u64(number, &port) || port < 1 || port > 65535 ||
	    (!str_equal_c(protocol, "tcp") && !str_equal_c(protocol, "udp")))
		return fail(e, ERR_INVALID,
			    "--amazonec2-open-port %s: not PORT, PORT/tcp or PORT/udp", word);
	*r = (struct rule){ .first = (int)port, .last = (int)port, .network = "0.0.0.0/0" };
	(void)snprintf(r->protocol, sizeof(r->protocol), "%.*s", STR_FMT(protocol));
	return true;
}

static size_t wanted_rules(struct ec2 *x, struct rule rules[RULES_MAX], struct err *e)
{
	static const struct rule members[] = { { "tcp", 2377, 2377, NULL },
					       { "tcp", 7946, 7946, NULL },
					       { "udp", 7946, 7946, NULL },
					       { "udp", 4789, 4789, NULL },
					       { "50", -1, -1, NULL } };
	const int own_ports[] = { (int)field_int(x->own, "SSHPort"), ENGINE_PORT };
	size_t count = 0, i;
	const json_t *one;

	for (i = 0; i < ARRAY_LEN(members); i++)
		rules[count++] = members[i];
	json_array_foreach(field_at(x->own, "Allow"), i,
			   one) for (size_t p = 0; p < ARRAY_LEN(own_ports) && count < RULES_MAX;
				     p++) rules[count++] =
		(struct rule){ "tcp", own_ports[p], own_ports[p], json_string_value(one) };
	json_array_foreach(field_at(x->own, "OpenPorts"), i,
			   one) if (count < RULES_MAX && !parse_port(json_string_value(one),
								     &rules[count++], e)) return 0;
	return count;
}

static bool complete_rules(struct ec2 *x, const json_t *group, struct err *e)
{
	struct rule wanted[RULES_MAX], missing[RULES_MAX];
	size_t count = wanted_rules(x, wanted, e), lacking = 0;

	if (!count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!is_there(group, &wanted[i]))
			missing[lacking++] = wanted[i];
	return !lacking || add_rules(x, field_text(group, "groupId"), missing, lacking, e);
}

/* ---- */

static bool have_group(struct ec2 *x, const char *name, bool is_first, json_t *ids, struct err *e)
{
	AUTO_JSON json_t *group = find_group(x, name, e);
	const char *id;

	if (!group && e->kind != ERR_NOT_FOUND)
		return false;
	if ((!group || is_ours(x, group)) && !journal_will(x->m, KIND_GROUP, name, e))
		return false;
	if (!group)
		group = make_group(x, name, e);
	if (!group)
		return false;
	id = field_text(group, "groupId");
	json_array_append_new(ids, json_string(id));
	if (is_ours(x, group) && !journal_made(x->m, KIND_GROUP, name, id, e))
		return false;
	return !is_first || field_bool(x->own, "SecurityGroupReadOnly") ||
	       complete_rules(x, group, e) || while_doing(e, "rules of group %s", name);
}

bool ec2_make_groups(struct ec2 *x, struct err *e)
{
	const json_t *names = field_at(x->own, "SecurityGroupNames"), *one;
	AUTO_JSON json_t *ids = json_array();
	size_t i;

	json_array_foreach(names, i, one) if (!have_group(x, json_string_value(one), i == 0, ids,
							  e)) return false;
	field_put(x->own, "SecurityGroupIds", json_incref(ids));
	return machine_save(x->m, e);
}

/* By an instance, or by anything else that has an interface in it. */
static bool is_used(struct ec2 *x, const char *id, bool *used, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;

	form_filter(&f, 1, "group-id", id);
	said = ec2_call(x, "DescribeNetworkInterfaces", &f, e);
	*used = json_array_size(field_at(said, "networkInterfaceSet")) > 0;
	return said != NULL;
}

bool ec2_remove_group(struct ec2 *x, const char *name, const char *id, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL, *group = NULL;
	bool used;

	if (!*id) {
		group = find_group(x, name, e);
		if (!group || !is_ours(x, group))
			return group || e->kind == ERR_NOT_FOUND;
		id = field_text(group, "groupId");
	}
	if (!is_used(x, id, &used, e))
		return false;
	if (used)
		return true;
	form_put(&f, id, "GroupId");
	said = ec2_call(x, "DeleteSecurityGroup", &f, e);
	/* In use: another machine came meanwhile, and will remove it. */
	return said || e->kind == ERR_NOT_FOUND || e->kind == ERR_IN_USE;
}
