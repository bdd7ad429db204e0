/* Sign: what is PENDING or RENEW gets its certificate, or the reason why not. */
#include <string.h>

#include "base/log.h"
#include "swarm/ca/inside.h"

#define LIFETIME_DEFAULT_S (INT64_C(2160) * 3600)

void signing_free(struct ca *ca, struct signing *s)
{
	tree_remove(&ca->signings, &s->by_node);
	list_remove(&s->link);
	arena_clear(&s->memory);
	free(s);
}

static bool is_due(const Pb__Node *node)
{
	Pb__IssuanceStatus__State state = node->certificate->status->state;

	return state == PB__ISSUANCE_STATUS__STATE__RENEW ||
	       (state == PB__ISSUANCE_STATUS__STATE__PENDING &&
		node->spec->membership == PB__NODE_SPEC__MEMBERSHIP__ACCEPTED);
}

static struct str bytes_of(ProtobufCBinaryData b)
{
	return str_bytes(b.data, b.len);
}

/* The root, or the one that it is being changed to. */
static bool find_signer(const struct ca *ca, const Pb__RootCA *root, struct keys_signing *what)
{
	const Pb__RootRotation *rotation = ca->rotation.is_open ? root->root_rotation : NULL;

	*what = (struct keys_signing){
		.ca_cert = bytes_of(rotation ? rotation->ca_cert : root->ca_cert),
		.ca_key = bytes_of(rotation ? rotation->ca_key : root->ca_key),
	};
	if (rotation)
		what->cross_signed = bytes_of(rotation->cross_signed_ca_cert);
	return what->ca_key.len > 0;
}

void sign_consider(struct ca *ca, const Pb__Node *node, struct now now)
{
	const Pb__Cluster *cluster = view_cluster(store_view(ca->config.store));
	struct signing *s = tree_entry(tree_find(&ca->signings, node->id), struct signing, by_node);
	const Pb__Duration *expiry;
	struct keys_signing what;

	if (!cluster || !is_due(node) || !find_signer(ca, cluster->root_ca, &what))
		return;
	if (s && str_equal(s->csr, bytes_of(node->certificate->csr)))
		return; /* under way */
	if (s)
		signing_free(ca, s);
	s = xcalloc(1, sizeof(*s) + strlen(node->id) + 1);
	strcpy(s->node_id, node->id);
	list_init(&s->link);
	s->csr = str_bytes(arena_str(&s->memory, bytes_of(node->certificate->csr)),
			   node->certificate->csr.len);
	s->ticket = ticket_next(ca->config.tickets);
	tree_insert(&ca->signings, s->node_id, &s->by_node);

	expiry = cluster->spec->ca_config ? cluster->spec->ca_config->node_cert_expiry : NULL;
	what.csr = s->csr;
	what.cn = node->id;
	what.ou = node->role == PB__NODE_ROLE__MANAGER ? "swarm-manager" : "swarm-worker";
	what.org = cluster->id;
	what.lifetime_s = expiry ? expiry->seconds : LIFETIME_DEFAULT_S;
	what.wall_ns = now.wall_ns;
	ca->config.keys->sign(ca->config.keys->self, s->ticket, &what);
}

void ca_keys_event(struct ca *ca, uint64_t ticket, const struct keys_event *ev)
{
	struct signing *s;

	if (rotation_keys_event(ca, ticket, ev))
		return;
	tree_each (&ca->signings, struct signing, by_node, s) {
		if (s->ticket != ticket)
			continue;
		s->ticket = 0;
		if (ev->kind == KEYS_DONE)
			s->cert = str_bytes(arena_str(&s->memory, ev->a), ev->a.len);
		else
			s->err = arena_strdup(&s->memory, ev->text ? ev->text : "signing failed");
		list_push_back(&ca->done, &s->link);
		return;
	}
}

static void put_certificate(struct txn *t, const struct signing *s)
{
	Pb__Node *node = txn_edit_node(t, s->node_id);

	/* The node may have gone, or asked anew with another request. */
	if (!node || !is_due(node) || !str_equal(bytes_of(node->certificate->csr), s->csr))
		return;
	if (s->err) {
		node->certificate->status->state = PB__ISSUANCE_STATUS__STATE__FAILED;
		node->certificate->status->err = arena_strdup(txn_arena(t), s->err);
	} else {
		node->certificate->status->state = PB__ISSUANCE_STATUS__STATE__ISSUED;
		node->certificate->certificate.data = (uint8_t *)arena_str(txn_arena(t), s->cert);
		node->certificate->certificate.len = s->cert.len;
	}
	txn_put(t, node);
}

void sign_decide(struct ca *ca, struct txn *t)
{
	struct signing *s;

	list_each (&ca->done, struct signing, link, s) {
		if (txn_is_full(t))
			return;
		put_certificate(t, s);
		signing_free(ca, s);
	}
}
