#include <string.h>

#include "swarm/control/inside.h"
#include "swarm/span.h"
#include "swarm/task.h"

#define CERTIFICATE_LIFE_MS (INT64_C(2160) * 3600 * 1000)

static const struct control_member *member_of(const struct control *c, const char *node_id)
{
	for (size_t i = 0; i < c->member_count; i++)
		if (strcmp(c->members[i].node_id, node_id) == 0)
			return &c->members[i];
	return NULL;
}

/* Who leads and who can be reached is not in the store. */
static const Pb__Node *with_manager_status(const struct control *c, const Pb__Node *stored)
{
	const struct control_member *m = member_of(c, stored->id);
	Pb__ManagerStatus *status;
	Pb__Node *node;

	if (!m)
		return stored;
	status = PB_NEW(c->arena, manager_status);
	status->raft_id = m->raft_id;
	status->addr = arena_strdup(c->arena, m->addr);
	status->leader = m->is_leader;
	status->match = m->match;
	status->last_index = m->last_index;
	status->is_learner = !m->is_voter;
	status->reachability = m->is_reachable ? PB__RAFT_MEMBER_STATUS__REACHABILITY__REACHABLE
					       : PB__RAFT_MEMBER_STATUS__REACHABILITY__UNREACHABLE;
	/* The rest of the node is shared: nobody writes to an answer. */
	node = arena_copy(c->arena, stored, sizeof(*stored));
	node->manager_status = status;
	return node;
}

const void *control_get_node(struct control *c, const void *message, struct err *e)
{
	const Pb__GetNodeRequest *request = message;
	const Pb__Node *node = view_node(c->view, request->node_id);
	Pb__GetNodeResponse *response = PB_NEW(c->arena, get_node_response);

	if (!request->node_id[0])
		return refuse_argument(e);
	if (!node)
		return refuse_missing(e, OBJECT_NODE, request->node_id);
	response->node = (Pb__Node *)with_manager_status(c, node);
	return response;
}

static bool is_kept(const Pb__ListNodesRequest__Filters *f, const Pb__Node *node)
{
	const Pb__NodeDescription *d = node->description;
	const Pb__EngineDescription *engine = d ? d->engine : NULL;
	const Pb__Annotations *about = node->spec->annotations;
	struct list_filter common = LIST_FILTER(f);
	bool has_role, has_membership;

	if (!f)
		return true;
	if (!list_keeps(&common, node->id, d ? d->hostname : "", engine ? engine->labels : NULL,
			engine ? engine->n_labels : 0) ||
	    !has_labels(f->node_labels, f->n_node_labels, about->labels, about->n_labels))
		return false;
	has_role = f->n_roles == 0;
	for (size_t i = 0; i < f->n_roles; i++)
		has_role |= f->roles[i] == node->role;
	has_membership = f->n_memberships == 0;
	for (size_t i = 0; i < f->n_memberships; i++)
		has_membership |= f->memberships[i] == node->spec->membership;
	return has_role && has_membership;
}

const void *control_list_nodes(struct control *c, const void *message, struct err *e)
{
	const Pb__ListNodesRequest *request = message;
	struct objects all = view_all(c->view, OBJECT_NODE, c->arena);
	Pb__ListNodesResponse *response = PB_NEW(c->arena, list_nodes_response);
	const Pb__Node *node;

	response->nodes = arena_alloc(c->arena, (all.count + 1) * sizeof(*response->nodes));
	objects_each (all, Pb__Node, node)
		if (is_kept(request->filters, node))
			response->nodes[response->n_nodes++] =
				(Pb__Node *)with_manager_status(c, node);
	return response;
}

/* ---- update ---- */

/* Would the others still be a majority of themselves? */
static bool quorum_survives(const struct control *c, const struct control_member *without,
			    struct err *e)
{
	size_t reachable = 0, voters = 0, needed;

	for (size_t i = 0; i < c->member_count; i++) {
		voters += c->members[i].is_voter;
		reachable += c->members[i].is_voter && c->members[i].is_reachable &&
			     &c->members[i] != without;
	}
	needed = (voters - 1) / 2 + 1;
	if (!without->is_voter || reachable >= needed)
		return true;
	return fail(e, ERR_IN_USE,
		    "can't remove member from the raft: this would result in a loss of quorum. Of "
		    "%zu managers %zu can be reached; of the %zu that would be left %zu could be, "
		    "and %zu are needed",
		    voters, reachable + without->is_reachable, voters - 1, reachable, needed);
}

static bool may_be_demoted(const struct control *c, const Pb__Node *node, struct err *e)
{
	struct objects all = view_all(c->view, OBJECT_NODE, c->arena);
	const struct control_member *member = member_of(c, node->id);
	size_t managers = 0;
	const Pb__Node *other;

	/* Others that are to be workers will not stay. */
	objects_each (all, Pb__Node, other)
		managers += other->role == PB__NODE_ROLE__MANAGER &&
			    other->spec->desired_role == PB__NODE_ROLE__MANAGER;
	if (managers == 1 && node->role == PB__NODE_ROLE__MANAGER)
		return fail(e, ERR_IN_USE, "attempting to demote the last manager of the swarm");
	if (!member)
		return fail(e, ERR_NOT_FOUND, "can't find manager in raft memberlist");
	return quorum_survives(c, member, e);
}

const void *control_update_node(struct control *c, const void *message, struct err *e)
{
	const Pb__UpdateNodeRequest *request = message;
	Pb__UpdateNodeResponse *response = PB_NEW(c->arena, update_node_response);
	Pb__Node *node;

	if (!request->node_id[0] || !request->node_version || !request->spec)
		return refuse_argument(e);
	node = txn_edit_node(c->txn, request->node_id);
	if (!node)
		return refuse_missing(e, OBJECT_NODE, request->node_id);
	if (node->spec->desired_role == PB__NODE_ROLE__MANAGER &&
	    request->spec->desired_role == PB__NODE_ROLE__WORKER && !may_be_demoted(c, node, e))
		return NULL;
	if (!version_is_current(request->node_version, node, e))
		return NULL;
	node->spec = pb_dup(txn_arena(c->txn), request->spec);
	if (!txn_update(c->txn, node, e))
		return NULL;
	response->node = pb_dup(c->arena, node);
	return response;
}

/* ---- removal ---- */

static bool may_be_removed(const struct control *c, const Pb__Node *node, bool is_forced,
			   struct err *e)
{
	if (node->spec->desired_role == PB__NODE_ROLE__MANAGER) {
		if (c->member_count == 0)
			return fail(e, ERR_IN_USE,
				    "node %s is a manager but cannot access node information from "
				    "the raft "
				    "memberlist",
				    node->id);
		if (member_of(c, node->id))
			return fail(e, ERR_IN_USE,
				    "node %s is a cluster manager and is a member of the raft "
				    "cluster. It "
				    "must be demoted to worker before removal",
				    node->id);
	}
	if (!is_forced && node->status->state == PB__NODE_STATUS__STATE__READY)
		return fail(e, ERR_IN_USE, "node %s is not down and can't be removed", node->id);
	return true;
}

/* Its certificate is refused for as long as it could be valid. */
static void refuse_certificate(struct control *c, const char *node_id)
{
	struct arena *a = txn_arena(c->txn);
	const Pb__Cluster *now = view_cluster(c->view);
	int64_t wall_ns = txn_now(c->txn).wall_ns, life_ms;
	Pb__BlacklistEntry **kept, *entry;
	Pb__Cluster *cluster;
	size_t count = 0;

	if (!now)
		return;
	cluster = txn_edit(c->txn, OBJECT_CLUSTER, now->id);
	life_ms = span_ms(cluster->spec->ca_config->node_cert_expiry, CERTIFICATE_LIFE_MS);
	if (life_ms < CERTIFICATE_LIFE_MS)
		life_ms = CERTIFICATE_LIFE_MS; /* it may be from before the span was shortened */
	entry = PB_NEW(a, blacklist_entry);
	entry->key = arena_strdup(a, node_id);
	entry->value = PB_NEW(a, blacklisted_certificate);
	entry->value->expiry = moment(a, wall_ns + life_ms * 1000000);

	/* Kept in order of keys; those that have run out go. */
	kept = arena_alloc(a, (cluster->n_blacklisted_certificates + 1) * sizeof(*kept));
	for (size_t i = 0; i < cluster->n_blacklisted_certificates; i++) {
		Pb__BlacklistEntry *other = cluster->blacklisted_certificates[i];
		bool has_run_out = other->value && other->value->expiry &&
				   moment_ns(other->value->expiry) < wall_ns;

		if (entry && strcmp(node_id, other->key) <= 0) {
			kept[count++] = entry;
			entry = NULL;
		}
		if (!has_run_out && strcmp(node_id, other->key) != 0)
			kept[count++] = other;
	}
	if (entry)
		kept[count++] = entry;
	cluster->blacklisted_certificates = kept;
	cluster->n_blacklisted_certificates = count;
	txn_put(c->txn, cluster);
}

const void *control_remove_node(struct control *c, const void *message, struct err *e)
{
	const Pb__RemoveNodeRequest *request = message;
	const Pb__Node *node = view_node(c->view, request->node_id);

	if (!request->node_id[0])
		return refuse_argument(e);
	if (!node)
		return refuse_missing(e, OBJECT_NODE, request->node_id);
	if (!may_be_removed(c, node, request->force, e))
		return NULL;
	refuse_certificate(c, node->id);
	txn_remove(c->txn, OBJECT_NODE, node->id);
	/* Those that find no room in here are orphaned by the orchestrator. */
	tasks_orphan(c->txn, request->node_id);
	return PB_NEW(c->arena, remove_node_response);
}
