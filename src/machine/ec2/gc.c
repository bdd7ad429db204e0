/* gc: what is tagged as made for a machine of this store (or, if asked, of any) and no machine here knows.
 *
 * A create writes its machine's ID to the store before it makes anything, so what a create makes at this
 * moment is known. A machine whose record cannot be read could own anything: then nothing is removed. */
#include <stdio.h>

#include "base/mem.h"
#include "console/format.h"
#include "console/table.h"
#include "machine/ec2/ec2.h"
#include "machine/journal.h"
#include "template/field.h"

#define FOUND_MAX ((size_t)4 << 20)

/* What is looked for: the call, its filter, and where its answer has things. */
static const struct kind {
	const char *name, *action, *list;
	const char *id, *label;       /* members of a thing */
	const char *filter, *allowed; /* in addition to the tag; or NULL */
	const char *remove, *field;   /* the call that removes it, and the field that has its id */
} kinds[] = {
	{ "instance", "DescribeInstances", "instancesSet", "instanceId", NULL,
	  "instance-state-name", "pending running stopping stopped", "TerminateInstances",
	  "InstanceId.1" },
	{ "volume", "DescribeVolumes", "volumeSet", "volumeId", NULL, "status", "available",
	  "DeleteVolume", "VolumeId" },
	{ "key-pair", "DescribeKeyPairs", "keySet", "keyName", NULL, NULL, NULL, "DeleteKeyPair",
	  "KeyName" },
	{ "security-group", "DescribeSecurityGroups", "securityGroupInfo", "groupId", "groupName",
	  NULL, NULL, NULL, NULL },
};

struct known {
	char store[ID_TEXT];
	json_t *machines, *groups; /* ids as members of objects */
};

static void know(struct known *k, struct machine *m)
{
	const json_t *entry;
	size_t i;

	json_object_set_new(k->machines, field_text(m->own, "ID"), json_true());
	json_array_foreach(field_at(m->config, "Resources"), i, entry) if (*field_text(entry, "Id"))
		json_object_set_new(k->groups, field_text(entry, "Id"), json_true());
}

static bool know_all(struct cli *c, struct known *k, struct err *e)
{
	size_t count;
	char **names = store_names(&c->store, &count);
	bool ok = store_id(&c->store, k->store, e);

	k->machines = json_object();
	k->groups = json_object();
	for (size_t i = 0; ok && i < count; i++) {
		struct machine *m = machine_load(&c->store, names[i], e);

		ok = m != NULL;
		if (m)
			know(k, m);
		machine_free(m);
	}
	names_free(names, count);
	return ok || while_doing(e, "nothing is removed as long as a machine cannot be read");
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

static bool is_orphan(const struct known *k, const struct kind *kind, const json_t *thing, bool all)
{
	const char *store = tag_of(thing, TAG_STORE), *machine = tag_of(thing, TAG_MACHINE);

	if (!*store || (!all && strcmp(store, k->store) != 0))
		return false;
	if (!kind->remove)
		return !json_object_get(k->groups, field_text(thing, kind->id));
	return *machine && !json_object_get(k->machines, machine);
}

static void collect(const struct known *k, const struct kind *kind, const json_t *list, bool all,
		    json_t *into)
{
	const json_t *thing;
	size_t i;

	json_array_foreach(list, i, thing)
	{
		const char *label =
			kind->label ? field_text(thing, kind->label) : tag_of(thing, "Name");

		if (is_orphan(k, kind, thing, all))
			json_array_append_new(into,
					      json_pack("{s:s, s:s, s:s, s:s}", "Kind", kind->name,
							"Id", field_text(thing, kind->id), "Name",
							label, "Store", tag_of(thing, TAG_STORE)));
	}
}

static void put_filters(struct form *f, const struct kind *kind)
{
	struct str rest = str_of(kind->allowed), word;

	form_filter(f, 1, "tag-key", TAG_STORE);
	if (kind->filter)
		form_put(f, kind->filter, "Filter.2.Name");
	for (int i = 1; rest.len; i++) {
		str_cut(rest, ' ', &word, &rest);
		form_put_str(f, word, "Filter.2.Value.%d", i);
	}
}

/* One page; *next is its successor's token, or NULL. */
static bool find_page(struct ec2 *x, const struct known *k, const struct kind *kind, bool all,
		      json_t *into, char **next, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;
	const json_t *reservation;
	size_t i;

	put_filters(&f, kind);
	if (*next)
		form_put(&f, *next, "NextToken");
	said = ec2_call(x, kind->action, &f, e);
	free(*next);
	*next = *field_text(said, "nextToken") ? xstrdup(field_text(said, "nextToken")) : NULL;
	collect(k, kind, field_at(said, kind->list), all, into);
	json_array_foreach(field_at(said, "reservationSet"), i, reservation)
		collect(k, kind, field_at(reservation, kind->list), all, into);
	return said != NULL;
}

static bool find_all(struct ec2 *x, const struct known *k, bool all, json_t *into, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		char *next = NULL;

		do
			if (!find_page(x, k, &kinds[i], all, into, &next, e))
				return false;
		while (next);
	}
	return true;
}

static void print_found(const char *region, const json_t *found)
{
	AUTO_BUF struct buf lines = BUF_MAX(FOUND_MAX), laid = BUF_MAX(2 * FOUND_MAX);
	const json_t *one;
	size_t i;

	buf_append_c(&lines, "KIND\tID\tNAME\tREGION\tSTORE\tCOST\n");
	json_array_foreach(found, i, one) buf_printf(
		&lines, "%s\t%s\t%s\t%s\t%s\tunknown\n", field_text(one, "Kind"),
		field_text(one, "Id"), field_text(one, "Name"), region, field_text(one, "Store"));
	table_layout_wide(buf_str(&lines), 5, &laid);
	printf("%s", laid.data);
}

static const struct kind *kind_of(const json_t *one)
{
	const struct kind *k = kinds;

	while (strcmp(k->name, field_text(one, "Kind")) != 0)
		k++;
	return k;
}

static bool remove_thing(struct ec2 *x, const json_t *one, struct err *e)
{
	const struct kind *kind = kind_of(one);
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;

	if (!kind->remove)
		return ec2_remove_group(x, field_text(one, "Name"), field_text(one, "Id"), e);
	form_put(&f, field_text(one, "Id"), "%s", kind->field);
	said = ec2_call(x, kind->remove, &f, e);
	if (!said)
		return e->kind == ERR_NOT_FOUND;
	if (strcmp(kind->name, "instance") != 0)
		return true;
	field_put_text(x->own, "InstanceId", field_text(one, "Id"));
	return ec2_wait(x, STATE_ERROR, e);
}

static void remove_found(struct ec2 *x, const json_t *found)
{
	const json_t *one;
	struct err why;
	size_t i;

	json_array_foreach(found, i, one)
	{
		if (remove_thing(x, one, &why))
			say(x->cli, NULL, "Removed %s %s", field_text(one, "Kind"),
			    field_text(one, "Id"));
		else
			complain(x->cli, &why);
	}
}

static bool is_sure(void)
{
	char answer[16] = "";

	printf("Remove all of it? (y/n): ");
	(void)fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static bool sweep(struct ec2 *x, const struct known *k, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *found = json_array();

	if (!find_all(x, k, args_bool(a, "all-stores"), found, e))
		return false;
	if (!json_array_size(found)) {
		say(x->cli, NULL, "%s: nothing that no machine here knows", x->aws.region);
		return true;
	}
	print_found(x->aws.region, found);
	if (args_bool(a, "yes") || is_sure())
		remove_found(x, found);
	return true;
}

bool machine_gc(struct cli *c, const struct args *a, struct err *e)
{
	struct machine *m = machine_new(&c->store, "gc", &ec2_driver);
	struct known known = { .store = "" };
	struct ec2 x;
	bool ok;

	m->is_plan = true;
	ok = ec2_aim(m, a, e) && know_all(c, &known, e);
	if (ok) {
		ec2_open(&x, c, m);
		ok = sweep(&x, &known, a, e);
		ec2_close(&x);
	}
	json_decref(known.machines);
	json_decref(known.groups);
	machine_free(m);
	return ok;
}
