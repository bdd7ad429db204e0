/* What the files of this sub-room share. */
#ifndef SHOAL_SWARM_CA_INSIDE_H
#define SHOAL_SWARM_CA_INSIDE_H

#include "base/id.h"
#include "base/list.h"
#include "base/tree.h"
#include "swarm/ca/ca.h"
#include "swarm/found.h"

#define CALLS_MAX   10000
#define REQUEST_MAX (64 << 10)

enum ca_wait {
	CA_READING,    /* the request is not here yet */
	CA_ISSUING,    /* its change waits for a transaction */
	CA_COMMITTING, /* it waits to see its change in the store */
	CA_WATCHING,   /* NodeCertificateStatus: waits for the node's certificate to be decided */
};

/* A call of somebody, until it is answered. */
struct ca_call {
	struct tree_node by_ticket;
	struct list link; /* on ca.issuing while CA_ISSUING */
	uint64_t ticket;
	enum ca_wait wait;
	const char *method;
	char *caller, *caller_role; /* by its certificate; "" without one */
	struct arena memory;
	Pb__IssueNodeCertificateRequest *request;
	bool is_new; /* joins by token, as `role` */
	Pb__NodeRole role;
	const char *node_id; /* that is issued to, or watched */
};

/* A certificate being signed, or signed and waiting for a transaction. */
struct signing {
	struct tree_node by_node;
	struct list link; /* on ca.signed once the outcome is here */
	uint64_t ticket;
	struct arena memory;
	struct str csr, cert;
	const char *err; /* why not */
	char node_id[];
};

/* The root being changed to, while it is. All zeroes: none is. */
struct rotation {
	struct arena memory;
	struct str cert; /* of the new root, PEM; by this a rotation is known */
	uint64_t asked_names, asked_chance;
	struct str subject, public_key; /* what a node reports that has a certificate of it */
	const char *digest;
	uint8_t chance[2 * FOUND_SECRET_BYTES]; /* for the new tokens */
	bool has_names, has_chance;
	bool is_open; /* all believe in the present root: certificates of the new one are signed */
	int64_t look_ms, batch_ms; /* the next look at all nodes, and the next batch of them */
};

struct ca {
	struct ca_config config;
	struct rotation rotation;
	bool is_leading;
	struct tree calls;
	struct list issuing;  /* struct ca_call */
	struct tree signings; /* struct signing by node id */
	struct list done;     /* struct signing */
};

/* issue.c */
void issue_begin(struct ca *ca, struct ca_call *c);
void issue_decide(struct ca *ca, struct txn *t);
void issue_node_changed(struct ca *ca, const Pb__Node *node);

/* sign.c */
void sign_consider(struct ca *ca, const Pb__Node *node, struct now now);
void sign_decide(struct ca *ca, struct txn *t);
void signing_free(struct ca *ca, struct signing *s);

/* rotation.c */
void rotation_cluster_changed(struct ca *ca, const Pb__Cluster *cluster, struct now now);
void rotation_node_changed(struct ca *ca, struct now now);
void rotation_decide(struct ca *ca, struct txn *t);
int64_t rotation_deadline(const struct ca *ca);
bool rotation_keys_event(struct ca *ca, uint64_t ticket, const struct keys_event *ev);
void rotation_clear(struct ca *ca);

void ca_answer(struct ca *ca, struct ca_call *c, const void *response);
void ca_refuse(struct ca *ca, struct ca_call *c, enum peer_status status, const char *text);
void ca_call_free(struct ca *ca, struct ca_call *c);
bool ca_is_blacklisted(const Pb__Cluster *cluster, const char *node_id);

#endif
