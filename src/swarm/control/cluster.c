#include "swarm/control/cluster.h"

#include <string.h>

#include "base/id.h"
#include "swarm/control/inside.h"
#include "swarm/span.h"
#include "swarm/unlock_key.h"

#define TOKEN_SECRET_LEN   25
#define CERT_EXPIRY_MIN_MS (INT64_C(3600) * 1000)
#define CLUSTER_NAME       "default"

const char *token_with_secret(const char *token, const uint8_t secret[16], struct arena *a)
{
	const char *last = strrchr(token, '-');
	char digits[TOKEN_SECRET_LEN + 1];

	if (!last)
		return NULL;
	base36_encode(secret, 16, digits, TOKEN_SECRET_LEN);
	return arena_printf(a, "%.*s-%s", (int)(last - token), token, digits);
}

/* ---- reads ---- */

static const Pb__ClusterSpec *spec_redacted(const Pb__ClusterSpec *spec, struct arena *a)
{
	Pb__ClusterSpec *shown = arena_copy(a, spec, sizeof(*spec));

	shown->ca_config = arena_copy(a, spec->ca_config, sizeof(*spec->ca_config));
	shown->ca_config->signing_ca_cert = (ProtobufCBinaryData){ 0 };
	shown->ca_config->signing_ca_key = (ProtobufCBinaryData){ 0 };
	return shown;
}

const Pb__Cluster *cluster_redacted(const Pb__Cluster *cluster, struct arena *a)
{
	Pb__Cluster *shown = PB_NEW(a, cluster);

	shown->id = cluster->id;
	shown->meta = cluster->meta;
	shown->spec = (Pb__ClusterSpec *)spec_redacted(cluster->spec, a);
	shown->root_ca = arena_copy(a, cluster->root_ca, sizeof(*cluster->root_ca));
	shown->root_ca->ca_key = (ProtobufCBinaryData){ 0 };
	if (shown->root_ca->root_rotation) {
		shown->root_ca->root_rotation = arena_copy(a, shown->root_ca->root_rotation,
							   sizeof(*shown->root_ca->root_rotation));
		shown->root_ca->root_rotation->ca_key = (ProtobufCBinaryData){ 0 };
	}
	shown->n_blacklisted_certificates = cluster->n_blacklisted_certificates;
	shown->blacklisted_certificates = cluster->blacklisted_certificates;
	shown->n_default_address_pool = cluster->n_default_address_pool;
	shown->default_address_pool = cluster->default_address_pool;
	shown->subnet_size = cluster->subnet_size ? cluster->subnet_size : 24;
	shown->vxlan_udp_port = cluster->vxlan_udp_port ? cluster->vxlan_udp_port : 4789;
	if (shown->n_default_address_pool == 0)
		PB_APPEND(a, shown, default_address_pool, arena_strdup(a, "10.0.0.0/8"));
	return shown;
}

const void *control_get_cluster(struct control *c, const void *message, struct err *e)
{
	const Pb__GetClusterRequest *request = message;
	const Pb__Cluster *cluster = view_get(c->view, OBJECT_CLUSTER, request->cluster_id);
	Pb__GetClusterResponse *response = PB_NEW(c->arena, get_cluster_response);

	if (!request->cluster_id[0])
		return refuse_argument(e);
	if (!cluster)
		return refuse_missing(e, OBJECT_CLUSTER, request->cluster_id);
	response->cluster = (Pb__Cluster *)cluster_redacted(cluster, c->arena);
	return response;
}

const void *control_list_clusters(struct control *c, const void *message, struct err *e)
{
	const Pb__ListClustersRequest *request = message;
	struct list_filter filter = LIST_FILTER(request->filters);
	struct objects all = view_all(c->view, OBJECT_CLUSTER, c->arena);
	Pb__ListClustersResponse *response = PB_NEW(c->arena, list_clusters_response);
	const Pb__Cluster *cluster;

	response->clusters = arena_alloc(c->arena, (all.count + 1) * sizeof(*response->clusters));
	objects_each (all, Pb__Cluster, cluster) {
		const Pb__Annotations *about = cluster->spec->annotations;

		if (list_keeps(&filter, cluster->id, about->name, about->labels, about->n_labels))
			response->clusters[response->n_clusters++] =
				(Pb__Cluster *)cluster_redacted(cluster, c->arena);
	}
	return response;
}

/* ---- update ---- */

static bool spec_is_valid(const Pb__ClusterSpec *spec, struct err *e)
{
	const Pb__Duration *expiry = spec->ca_config->node_cert_expiry;

	if (expiry && span_ms(expiry, 0) < CERT_EXPIRY_MIN_MS)
		return fail(e, ERR_INVALID, "minimum certificate expiry time is: 1h0m0s");
	for (size_t i = 0; i < spec->acceptance_policy->n_policies; i++) {
		const Pb__AcceptancePolicy__RoleAdmissionPolicy *p =
			spec->acceptance_policy->policies[i];

		if (p->secret && strcmp(p->secret->alg, "bcrypt") != 0)
			return fail(e, ERR_INVALID, "hashing algorithm is not supported: %s",
				    p->secret->alg);
	}
	if (span_is_negative(spec->dispatcher->heartbeat_period))
		return fail(e, ERR_INVALID, "heartbeat time period cannot be a negative duration");
	if (strcmp(spec->annotations->name, CLUSTER_NAME) != 0)
		return fail(e, ERR_INVALID, "modification of cluster name is not allowed");
	return true;
}

static bool rotate_token(char **token, const uint8_t secret[16], struct arena *a, struct err *e)
{
	const char *rotated = token_with_secret(*token, secret, a);

	if (!rotated)
		return fail(e, ERR_INTERNAL, "the cluster has no join token to rotate");
	*token = (char *)rotated;
	return true;
}

static void follow_autolock(Pb__Cluster *cluster, const struct control_chance *chance, bool rotates,
			    struct arena *a)
{
	if (!cluster->spec->encryption_config->auto_lock_managers)
		unlock_key_set(cluster, STR(""), a);
	else if (rotates || unlock_key_of(cluster).len == 0)
		unlock_key_set(cluster, str_bytes(chance->unlock_key, sizeof(chance->unlock_key)),
			       a);
}

const void *control_update_cluster(struct control *c, const void *message, struct err *e)
{
	const Pb__UpdateClusterRequest *request = message;
	struct arena *a = txn_arena(c->txn);
	Pb__UpdateClusterResponse *response = PB_NEW(c->arena, update_cluster_response);
	Pb__JoinTokens *tokens;
	Pb__Cluster *cluster;

	if (!request->cluster_id[0] || !request->cluster_version || !request->spec)
		return refuse_argument(e);
	if (!spec_is_valid(request->spec, e))
		return NULL;
	cluster = txn_edit(c->txn, OBJECT_CLUSTER, request->cluster_id);
	if (!cluster)
		return refuse_missing(e, OBJECT_CLUSTER, request->cluster_id);
	if (!version_is_current(request->cluster_version, cluster, e))
		return NULL;

	cluster->spec = pb_dup(a, request->spec);
	if (!root_follow_spec(c, cluster, cluster->spec->ca_config, e))
		return NULL;
	tokens = cluster->root_ca->join_tokens;
	if (request->rotation->worker_join_token &&
	    !rotate_token(&tokens->worker, c->chance->worker_token, a, e))
		return NULL;
	if (request->rotation->manager_join_token &&
	    !rotate_token(&tokens->manager, c->chance->manager_token, a, e))
		return NULL;
	follow_autolock(cluster, c->chance, request->rotation->manager_unlock_key, a);
	if (!txn_update(c->txn, cluster, e))
		return NULL;
	response->cluster = pb_dup(c->arena, cluster_redacted(cluster, c->arena));
	return response;
}
