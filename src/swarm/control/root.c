/* The root certificate of a cluster whose spec changes.
 *
 * Another root is asked for by a number (ForceRotate: the swarm makes one) or by a certificate with its
 * key. Certificates of the whole swarm follow, so this only begins a rotation; the CA goes on with it
 * (swarm/ca/rotation.c). The present root asked for again gives a rotation up, and another root takes
 * its place. Keys and certificates that were given lie in the cluster's root, never in its spec. */
#include <string.h>

#include "base/log.h"
#include "swarm/control/inside.h"

static struct str bytes_of(ProtobufCBinaryData b)
{
	return str_bytes(b.data, b.len);
}

static bool is_same_pem(struct str a, struct str b)
{
	return str_equal(str_trim(a), str_trim(b));
}

static bool fits(const struct control_root *r, const Pb__Cluster *cluster, struct str cert,
		 struct str key)
{
	return r && str_equal(r->old_cert, bytes_of(cluster->root_ca->ca_cert)) &&
	       str_equal(r->asked_cert, cert) && str_equal(r->asked_key, key);
}

static void set_bytes(struct arena *a, ProtobufCBinaryData *to, struct str from)
{
	to->data = (uint8_t *)arena_str(a, from);
	to->len = from.len;
}

static bool begin_rotation(struct control *c, Pb__Cluster *cluster, struct str cert, struct str key,
			   struct err *e)
{
	struct arena *a = txn_arena(c->txn);
	Pb__RootRotation *rotation;

	if (!fits(c->root, cluster, cert, key)) {
		c->needs_root = true;
		return fail(e, ERR_UNAVAILABLE,
			    "the new root certificate is being made; try again");
	}
	c->took_root = true;
	if (c->root->is_refused) {
		*e = c->root->why;
		return false;
	}
	rotation = cluster->root_ca->root_rotation = PB_NEW(a, root_rotation);
	set_bytes(a, &rotation->ca_cert, c->root->cert);
	set_bytes(a, &rotation->ca_key, c->root->key);
	set_bytes(a, &rotation->cross_signed_ca_cert, c->root->cross_signed);
	return true;
}

static bool follow(struct control *c, Pb__Cluster *cluster, const Pb__CAConfig *wanted,
		   struct err *e)
{
	Pb__RootCA *root = cluster->root_ca;
	struct str cert = bytes_of(wanted->signing_ca_cert), key = bytes_of(wanted->signing_ca_key);

	if (key.len && cert.len == 0)
		return fail(e, ERR_INVALID,
			    "if a signing CA key is provided, the signing CA cert must also be "
			    "provided");
	if (wanted->n_external_cas)
		return fail(e, ERR_UNSUPPORTED,
			    "external certificate authorities are not available yet");
	if (cert.len == 0)
		return wanted->force_rotate == root->last_forced_rotation ||
		       begin_rotation(c, cluster, cert, key, e);
	if (is_same_pem(cert, bytes_of(root->ca_cert))) {
		root->root_rotation = NULL;
		return true;
	}
	if (root->root_rotation && is_same_pem(cert, bytes_of(root->root_rotation->ca_cert)))
		return true;
	if (key.len == 0)
		return fail(
			e, ERR_INVALID,
			"there must be at least one valid, reachable external CA corresponding to "
			"the desired CA certificate");
	return begin_rotation(c, cluster, cert, key, e);
}

bool root_follow_spec(struct control *c, Pb__Cluster *cluster, Pb__CAConfig *wanted, struct err *e)
{
	if (!follow(c, cluster, wanted, e))
		return false;
	cluster->root_ca->last_forced_rotation = wanted->force_rotate;
	wanted->signing_ca_cert = wanted->signing_ca_key = (ProtobufCBinaryData){ 0 };
	return true;
}
