/* The driver `amazonec2`: the order in which a host is made and removed (ec2.h). */
#include <stdio.h>

#include "base/mem.h"
#include "machine/provision.h"
#include "machine/ec2/ec2.h"
#include "machine/journal.h"
#include "machine/sshconfig.h"
#include "template/field.h"

static bool precheck(struct cli *c, struct machine *m, struct err *e)
{
	struct ec2 x;
	bool ok;

	ec2_open(&x, c, m);
	ok = *field_text(m->own, "InstanceId") != '\0' ||
	     (ec2_choose_network(&x, e) && ec2_choose_image(&x, e));
	ok = ok && ec2_choose_allow(&x, e);
	ec2_close(&x);
	return ok;
}

bool ec2_make(struct ec2 *x, struct err *e)
{
	return ec2_make_key(x, e) && ec2_make_groups(x, e) && ec2_launch(x, e);
}

static bool create(struct cli *c, struct machine *m, struct err *e)
{
	struct ec2 x;
	bool ok;

	ec2_open(&x, c, m);
	say_host(c, m, "Launching instance...");
	ok = ec2_make(&x, e);
	if (ok) {
		say(c, m, "Waiting for machine to be running, this may take a few minutes...");
		ok = ec2_wait(&x, STATE_RUNNING, e);
	}
	ec2_close(&x);
	return ok;
}

static bool remove_entry(struct ec2 *x, const char *kind, const char *name, const char *id,
			 struct err *e)
{
	if (strcmp(kind, KIND_KEY) == 0)
		return ec2_remove_key(x, name, e);
	if (strcmp(kind, KIND_GROUP) == 0)
		return ec2_remove_group(x, name, id, e);
	return true; /* the instance has ended before */
}

static bool remove_entries(struct ec2 *x, struct err *e)
{
	const json_t *entry;

	while ((entry = journal_newest(x->m, NULL))) {
		AUTO_FREE char *kind = xstrdup(field_text(entry, "Kind"));
		AUTO_FREE char *name = xstrdup(field_text(entry, "Name"));

		if (!remove_entry(x, kind, name, field_text(entry, "Id"), e) ||
		    !journal_gone(x->m, kind, name, e))
			return false;
	}
	return true;
}

/* A machine that Docker Machine made has no journal, and a key pair of its own. */
static bool remove_foreign_key(struct ec2 *x, struct err *e)
{
	const char *name = field_text(x->own, "KeyName");

	if (*field_text(x->own, "ID") || !*name || field_bool(x->own, "ExistingKey"))
		return true;
	return ec2_remove_key(x, name, e);
}

static bool remove_host(struct cli *c, struct machine *m, struct err *e)
{
	struct ec2 x;
	bool ok;

	ec2_open(&x, c, m);
	ok = ec2_terminate(&x, e) && remove_entries(&x, e) && remove_foreign_key(&x, e);
	ec2_close(&x);
	return ok;
}

static bool ssh(const struct machine *m, struct ssh_address *to, struct err *e)
{
	const char *user = field_text(m->own, "SSHUser");

	(void)snprintf(to->host, sizeof(to->host), "%s", field_text(m->own, "IPAddress"));
	(void)snprintf(to->user, sizeof(to->user), "%s", *user ? user : "ubuntu");
	(void)snprintf(to->key, sizeof(to->key), "%s", field_text(m->own, "SSHKeyPath"));
	if (field_int(m->own, "SSHPort"))
		to->port = (int)field_int(m->own, "SSHPort");
	return *to->host || fail(e, ERR_UNAVAILABLE, "machine \"%s\" has no address", m->name);
}

const struct driver ec2_driver = {
	.name = "amazonec2",
	.is_far = true,
	.configure = ec2_configure,
	.precheck = precheck,
	.plan = ec2_plan,
	.create = create,
	.provisioner = &ssh_provisioner,
	.look = ec2_look,
	.start = ec2_start,
	.stop = ec2_stop,
	.restart = ec2_restart,
	.kill = ec2_kill,
	.remove = remove_host,
	.ssh = ssh,
	.log_tail = ssh_log_tail,
};
