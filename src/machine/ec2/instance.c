/* Instances that are: looking at them, waiting for them, turning them on and off. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "machine/ec2/ec2.h"
#include "machine/journal.h"
#include "template/field.h"

#define LOOK_BATCH   200
#define WAIT_S       300
#define UNSEEN_S     60 /* so long a new instance may be unknown to those who are asked */
#define LOOK_RETRIES 2

static const struct {
	const char *name;
	enum machine_state state;
} states[] = {
	{ "pending", STATE_STARTING },  { "running", STATE_RUNNING },
	{ "stopping", STATE_STOPPING }, { "shutting-down", STATE_STOPPING },
	{ "stopped", STATE_STOPPED },   { "terminated", STATE_ERROR },
};

enum machine_state ec2_state_of(const json_t *instance)
{
	const char *name = field_text(instance, "instanceState.name");

	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (strcmp(states[i].name, name) == 0)
			return states[i].state;
	return STATE_NONE;
}

static bool is_terminated(const json_t *instance)
{
	return strcmp(field_text(instance, "instanceState.name"), "terminated") == 0;
}

static const char *address_in(const json_t *own, const json_t *instance)
{
	if (field_bool(own, "PrivateIPOnly") || field_bool(own, "UsePrivateIP"))
		return field_text(instance, "privateIpAddress");
	return field_text(instance, "ipAddress");
}

static void note(json_t *own, const json_t *instance)
{
	const char *address = address_in(own, instance);

	if (*address)
		field_put_text(own, "IPAddress", address);
	if (*field_text(instance, "privateIpAddress"))
		field_put_text(own, "PrivateIPAddress", field_text(instance, "privateIpAddress"));
	if (!*field_text(own, "Zone"))
		field_put_text(own, "Zone", field_text(instance, "placement.availabilityZone"));
}

void ec2_note(struct ec2 *x, const json_t *instance)
{
	note(x->own, instance);
}

/* One that is not terminated, if there is one. */
static json_t *best_of(const json_t *said)
{
	json_t *best = NULL, *reservation, *instance;
	size_t i, j;

	json_array_foreach(field_at(said, "reservationSet"), i, reservation)
		json_array_foreach(field_at(reservation, "instancesSet"), j,
				   instance) if (!best || is_terminated(best)) best = instance;
	return best;
}

json_t *ec2_describe(struct ec2 *x, const char *filter, const char *value, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;
	json_t *instance;

	form_filter(&f, 1, filter, value);
	said = ec2_call(x, "DescribeInstances", &f, e);
	if (!said)
		return NULL;
	instance = best_of(said);
	if (!instance)
		fail(e, ERR_NOT_FOUND, "there is no instance with %s %s", filter, value);
	return json_incref(instance);
}

/* ---- waiting ---- */

static int64_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static bool has_arrived(struct ec2 *x, const json_t *instance, enum machine_state wanted)
{
	if (ec2_state_of(instance) != wanted)
		return false;
	return wanted != STATE_RUNNING || *address_in(x->own, instance);
}

static bool has_died(struct ec2 *x, const json_t *instance, enum machine_state wanted,
		     struct err *e)
{
	const char *why = field_text(instance, "stateReason.message");
	const char *name = field_text(instance, "instanceState.name");

	if (wanted == STATE_ERROR ||
	    (strcmp(name, "terminated") != 0 && strcmp(name, "shutting-down") != 0))
		return false;
	fail(e, ERR_UNAVAILABLE, "instance %s ended by itself: %s",
	     field_text(x->own, "InstanceId"), *why ? why : name);
	return true;
}

static bool is_over(struct ec2 *x, enum machine_state wanted, int64_t end_s, bool seen,
		    struct err *e)
{
	if (!seen && now_s() > end_s - WAIT_S + UNSEEN_S)
		return fail(e, ERR_NOT_FOUND, "instance %s is gone",
			    field_text(x->own, "InstanceId")),
		       true;
	if (now_s() < end_s)
		return false;
	fail(e, ERR_UNAVAILABLE, "instance %s is not %s after %d seconds",
	     field_text(x->own, "InstanceId"), state_name(wanted), WAIT_S);
	return true;
}

bool ec2_wait(struct ec2 *x, enum machine_state wanted, struct err *e)
{
	int64_t end_s = now_s() + WAIT_S;

	for (int try = 0;; try++) {
		AUTO_JSON json_t *instance =
			ec2_describe(x, "instance-id", field_text(x->own, "InstanceId"), e);

		if (!instance && e->kind != ERR_NOT_FOUND)
			return false;
		if (!instance && wanted == STATE_ERROR)
			return true;
		if (instance && has_arrived(x, instance, wanted)) {
			note(x->own, instance);
			return true;
		}
		if (instance && has_died(x, instance, wanted, e))
			return false;
		if (is_over(x, wanted, end_s, instance != NULL, e))
			return false;
		ec2_pause(try);
	}
}

/* ---- looking at many ---- */

static bool are_together(const struct machine *a, const struct machine *b)
{
	static const char *const members[] = { "Region", "Profile", "RoleArn", "Endpoint" };

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (strcmp(field_text(a->own, members[i]), field_text(b->own, members[i])) != 0)
			return false;
	return true;
}

static void put_seen(struct machine *const *machines, size_t count, const json_t *instance)
{
	const char *id = field_text(instance, "instanceId");

	for (size_t i = 0; i < count; i++) {
		if (strcmp(field_text(machines[i]->own, "InstanceId"), id) != 0)
			continue;
		machines[i]->state = ec2_state_of(instance);
		machines[i]->why.kind = ERR_NONE;
		note(machines[i]->own, instance);
		if (machines[i]->state == STATE_ERROR)
			fail(&machines[i]->why, ERR_NOT_FOUND, "instance %s is terminated", id);
	}
}

static bool look_page(struct ec2 *x, struct machine *const *machines, size_t count, char **next,
		      struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;
	json_t *reservation, *instance;
	size_t i, j;

	form_put(&f, "instance-id", "Filter.1.Name");
	for (i = 0; i < count; i++)
		form_put(&f, field_text(machines[i]->own, "InstanceId"), "Filter.1.Value.%d",
			 (int)i + 1);
	if (*next)
		form_put(&f, *next, "NextToken");
	said = ec2_call(x, "DescribeInstances", &f, e);
	free(*next);
	*next = *field_text(said, "nextToken") ? xstrdup(field_text(said, "nextToken")) : NULL;
	json_array_foreach(field_at(said, "reservationSet"), i, reservation)
		json_array_foreach(field_at(reservation, "instancesSet"), j, instance)
			put_seen(machines, count, instance);
	return said != NULL;
}

/* Machines of one account and region. */
static void look_together(struct machine *const *machines, size_t count, int64_t timeout_ms)
{
	char *next = NULL;
	struct ec2 x;
	struct err e;
	bool ok = true;

	ec2_open(&x, NULL, machines[0]);
	x.aws.timeout_ms = timeout_ms;
	if (x.aws.retries > LOOK_RETRIES)
		x.aws.retries = LOOK_RETRIES;
	for (size_t i = 0; i < count; i++) {
		machines[i]->state = STATE_ERROR;
		fail(&machines[i]->why, ERR_NOT_FOUND, "there is no instance \"%s\"",
		     field_text(machines[i]->own, "InstanceId"));
	}
	do
		ok = look_page(&x, machines, count, &next, &e);
	while (ok && next);
	for (size_t i = 0; i < count && !ok; i++) {
		machines[i]->state = e.kind == ERR_UNKNOWN_OUTCOME ? STATE_TIMEOUT : STATE_ERROR;
		machines[i]->why = e;
	}
	free(next);
	ec2_close(&x);
}

void ec2_look(struct machine *const *machines, size_t count, int64_t timeout_ms)
{
	AUTO_FREE bool *done = xcalloc(count, sizeof(bool));
	struct machine *batch[LOOK_BATCH];

	for (size_t i = 0; i < count; i++) {
		size_t size = 0;

		for (size_t j = i; j < count && size < LOOK_BATCH; j++) {
			if (done[j] || !are_together(machines[i], machines[j]))
				continue;
			done[j] = true;
			batch[size++] = machines[j];
		}
		if (size)
			look_together(batch, size, timeout_ms);
		if (size == LOOK_BATCH)
			i--; /* there may be more of these */
	}
}

/* ---- verbs ---- */

static bool call_on(struct ec2 *x, const char *action, bool by_force, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;

	form_put(&f, field_text(x->own, "InstanceId"), "InstanceId.1");
	if (by_force)
		form_put(&f, "true", "Force");
	said = ec2_call(x, action, &f, e);
	return said != NULL;
}

static bool change(struct cli *c, struct machine *m, const char *action, bool by_force,
		   enum machine_state wanted, struct err *e)
{
	struct ec2 x;
	bool ok;

	ec2_open(&x, c, m);
	ok = call_on(&x, action, by_force, e) && ec2_wait(&x, wanted, e);
	ec2_close(&x);
	return ok;
}

bool ec2_start(struct cli *c, struct machine *m, struct err *e)
{
	return change(c, m, "StartInstances", false, STATE_RUNNING, e);
}

bool ec2_stop(struct cli *c, struct machine *m, struct err *e)
{
	return change(c, m, "StopInstances", false, STATE_STOPPED, e);
}

bool ec2_restart(struct cli *c, struct machine *m, struct err *e)
{
	return change(c, m, "RebootInstances", false, STATE_RUNNING, e);
}

bool ec2_kill(struct cli *c, struct machine *m, struct err *e)
{
	return change(c, m, "StopInstances", true, STATE_STOPPED, e);
}

/* The id of what a create may have made without hearing of it. */
static bool find_unheard(struct ec2 *x, struct err *e)
{
	json_t *instance;

	if (*field_text(x->own, "InstanceId") || !journal_newest(x->m, KIND_INSTANCE))
		return true;
	instance = ec2_describe(x, "tag:" TAG_MACHINE, field_text(x->own, "ID"), e);
	if (!instance)
		return e->kind == ERR_NOT_FOUND;
	field_put_text(x->own, "InstanceId", field_text(instance, "instanceId"));
	json_decref(instance);
	return true;
}

bool ec2_terminate(struct ec2 *x, struct err *e)
{
	if (!find_unheard(x, e))
		return false;
	if (!*field_text(x->own, "InstanceId"))
		return true;
	if (!call_on(x, "TerminateInstances", false, e))
		return e->kind == ERR_NOT_FOUND;
	return ec2_wait(x, STATE_ERROR, e);
}
