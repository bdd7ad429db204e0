#include "swarm/authorize.h"

#include <string.h>

#define DENIED                                                                                     \
	"Permission denied: unauthorized peer role: rpc error: code = PermissionDenied desc = "    \
	"Permission denied: "

static const char *roles_text(unsigned callers)
{
	switch (callers) {
	case PB_WORKERS:
		return "[swarm-worker]";
	case PB_MANAGERS:
		return "[swarm-manager]";
	default:
		return "[swarm-worker swarm-manager]";
	}
}

static bool was_removed(const Pb__Cluster *cluster, const char *node_id)
{
	for (size_t i = 0; i < cluster->n_blacklisted_certificates; i++)
		if (strcmp(cluster->blacklisted_certificates[i]->key, node_id) == 0)
			return true;
	return false;
}

bool authorize(const struct view *v, const char *method, const struct peer_identity *who,
	       struct err *e)
{
	const struct pb_method *m = pb_method_find(str_of(method));
	const Pb__Cluster *cluster = v ? view_cluster(v) : NULL;
	unsigned role;

	if (!m)
		return fail(e, ERR_UNSUPPORTED, "unknown method %s", method);
	/* Whose word it is comes before what it says. */
	if (who->is_forwarded && cluster && was_removed(cluster, who->forwarder))
		return fail(e, ERR_DENIED,
			    "Permission denied: unauthorized forwarder role: node %s was removed "
			    "from swarm",
			    who->forwarder);
	if (m->callers == PB_ANYONE || who->is_local)
		return true;
	if (!who->node_id || !who->node_id[0])
		return fail(e, ERR_DENIED, DENIED "no client certificates in request");
	role = strcmp(who->role, "swarm-manager") == 0  ? PB_MANAGERS
	       : strcmp(who->role, "swarm-worker") == 0 ? PB_WORKERS
							: 0;
	if (!(m->callers & role))
		return fail(e, ERR_DENIED, DENIED "remote certificate not part of OUs: %s",
			    roles_text(m->callers));
	if (!cluster)
		return true;
	if (strcmp(who->org, cluster->id) != 0)
		return fail(e, ERR_DENIED, DENIED "remote certificate not part of organization: %s",
			    cluster->id);
	if (was_removed(cluster, who->node_id))
		return fail(e, ERR_DENIED, DENIED "node %s was removed from swarm", who->node_id);
	return true;
}
