/* The driver `amazonec2`: its members of config.json, and what its files share.
 *
 * The members are those that Docker Machine wrote (Region, AMI, InstanceType, KeyName, VpcId, SubnetId,
 * Zone, SecurityGroupNames, SecurityGroupIds, ...), so an imported machine goes on. Ours in addition:
 *
 *   ID         twelve hex digits: the tag shoal:machine of all that is made for the machine
 *   Profile, RoleArn    whose credentials; keys are never kept
 *   Image      which system: "ubuntu-24.04"; AMI is what that was when the host was made
 *   Allow      from where SSH and the engine may be reached
 *   Subnets    where a host may go: objects of SubnetId and Zone, tried in order
 *
 * What is made is in the journal under the kinds below, each found again by its name: a key pair's own,
 * a group's, and an instance by the token of the call that makes it. */
#ifndef SHOAL_MACHINE_EC2_EC2_H
#define SHOAL_MACHINE_EC2_EC2_H

#include <jansson.h>
#include <stdbool.h>

#include "console/option.h"
#include "machine/aws/call.h"
#include "machine/cli.h"
#include "machine/driver.h"

#define KIND_KEY      "key-pair"
#define KIND_GROUP    "security-group"
#define KIND_INSTANCE "instance"

#define TAG_MACHINE "shoal:machine" /* the machine's ID */
#define TAG_STORE   "shoal:store"   /* the id of the store that knows it */

/* A machine and the API of its region, for the length of a command. */
struct ec2 {
	struct cli *cli;
	struct machine *m;
	json_t *own; /* the machine's members; borrowed */
	struct aws aws;
	struct credential_wish wish;
};

void ec2_open(struct ec2 *x, struct cli *c, struct machine *m);
void ec2_close(struct ec2 *x);
/* aws_call() of EC2. */
json_t *ec2_call(struct ec2 *x, const char *action, struct form *f, struct err *e);
/* Filter.N.Name and Filter.N.Value.1. */
void form_filter(struct form *f, int n, const char *name, const char *value);
/* TagSpecification.N of what is made for the machine: its name, the user's tags, and ours. */
bool form_tags(struct ec2 *x, struct form *f, int n, const char *type, struct err *e) MUST_CHECK;
/* Sleep between two looks: longer from try to try. */
void ec2_pause(int try);

/* options.c */
bool ec2_configure(struct machine *m, const struct args *a, struct err *e) MUST_CHECK;

/* Only account and region, for a command that has no machine. */
bool ec2_aim(struct machine *m, const struct args *a, struct err *e) MUST_CHECK;

/* network.c: VpcId and Subnets, where the instance type is to be had. Only reads. */
bool ec2_choose_network(struct ec2 *x, struct err *e) MUST_CHECK;
/* Allow, if nobody said: the address that this computer has outside. */
bool ec2_choose_allow(struct ec2 *x, struct err *e) MUST_CHECK;

/* image.c: AMI, DeviceName, SSHUser by Image and InstanceType. Only reads. */
bool ec2_choose_image(struct ec2 *x, struct err *e) MUST_CHECK;

/* key.c */
bool ec2_make_key(struct ec2 *x, struct err *e) MUST_CHECK;
bool ec2_remove_key(struct ec2 *x, const char *name, struct err *e) MUST_CHECK;

/* group.c: the groups of SecurityGroupNames, their rules, SecurityGroupIds. */
bool ec2_make_groups(struct ec2 *x, struct err *e) MUST_CHECK;
/* Remove a group of ours unless something else is in it. */
bool ec2_remove_group(struct ec2 *x, const char *name, const char *id, struct err *e) MUST_CHECK;

/* launch.c: the instance; afterwards InstanceId, Zone, SubnetId. */
bool ec2_launch(struct ec2 *x, struct err *e) MUST_CHECK;

/* instance.c */
/* The instance as DescribeInstances shows it, a new reference; NULL and ERR_NOT_FOUND. */
json_t *ec2_describe(struct ec2 *x, const char *filter, const char *value, struct err *e);
enum machine_state ec2_state_of(const json_t *instance);
/* Put addresses and so on into m->own. */
void ec2_note(struct ec2 *x, const json_t *instance);
/* Until it is `wanted`, with an address if that is STATE_RUNNING. */
bool ec2_wait(struct ec2 *x, enum machine_state wanted, struct err *e) MUST_CHECK;
void ec2_look(struct machine *const *machines, size_t count, int64_t timeout_ms);
bool ec2_start(struct cli *c, struct machine *m, struct err *e) MUST_CHECK;
bool ec2_stop(struct cli *c, struct machine *m, struct err *e) MUST_CHECK;
bool ec2_restart(struct cli *c, struct machine *m, struct err *e) MUST_CHECK;
bool ec2_kill(struct cli *c, struct machine *m, struct err *e) MUST_CHECK;
/* Terminate whatever instance the machine has or may have. */
bool ec2_terminate(struct ec2 *x, struct err *e) MUST_CHECK;

/* plan.c: what create would call, the permissions for it, and its price as far as known. */
bool ec2_plan(struct cli *c, struct machine *m, struct err *e) MUST_CHECK;
/* The steps of create behind the checks. */
bool ec2_make(struct ec2 *x, struct err *e) MUST_CHECK;

#endif
