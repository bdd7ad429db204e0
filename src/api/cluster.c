#include "api/cluster.h"

#include "docker/tables.h"
#include "wire/x509.h"

#define SUBNET_SIZE_DEFAULT 24
#define DATA_PORT_DEFAULT   4789
#define NAME_MAX_BYTES      65536

/* What is trusted, and what certificates are to be issued by: during a rotation not the same. */
static void write_tls_info(struct json *j, const Pb__Cluster *cluster, int minor)
{
	AUTO_BUF struct buf subject = BUF_MAX(NAME_MAX_BYTES), key = BUF_MAX(NAME_MAX_BYTES);
	AUTO_ARENA struct arena a = { 0 };
	Pb__NodeTLSInfo *info = pb_new(&a, &pb__node_tlsinfo__descriptor);
	const Pb__RootRotation *rotation = cluster->root_ca->root_rotation;
	ProtobufCBinaryData issuer = rotation ? rotation->ca_cert : cluster->root_ca->ca_cert;
	struct err e;

	info->trust_root = cluster->root_ca->ca_cert;
	if (cert_subject(str_bytes(issuer.data, issuer.len), &subject, &key, &e)) {
		info->cert_issuer_subject =
			(ProtobufCBinaryData){ subject.len, (uint8_t *)subject.data };
		info->cert_issuer_public_key =
			(ProtobufCBinaryData){ key.len, (uint8_t *)key.data };
	}
	dialect_write(j, "TLSInfo", &dialect_tls_info, info, minor);
}

void cluster_write_members(struct json *j, const Pb__Cluster *cluster, int minor, bool with_tokens)
{
	Pb__Cluster shown = *cluster; /* shares everything but the two numbers */

	if (shown.subnet_size == 0)
		shown.subnet_size = SUBNET_SIZE_DEFAULT;
	if (shown.vxlan_udp_port == 0)
		shown.vxlan_udp_port = DATA_PORT_DEFAULT;
	dialect_write_members(j, &dialect_cluster, &shown, minor);
	write_tls_info(j, cluster, minor);
	json_bool(j, "RootRotationInProgress", cluster->root_ca->root_rotation != NULL);
	if (with_tokens)
		dialect_write(j, "JoinTokens", &dialect_join_tokens, cluster->root_ca->join_tokens,
			      minor);
}
