/* `swarm ca`: the root certificate, and waiting until every node has one of the new root. */
#include "cli/swarm.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "cli/files.h"

#define PEM_MAX 65536
#define POLL_MS 200

const struct option swarm_ca_options[] = {
	{ 0, "ca-cert", OPT_TEXT, "a root certificate to use, PEM", .word = "pem-file" },
	{ 0, "ca-key", OPT_TEXT, "its key, PEM", .word = "pem-file" },
	{ 0, "cert-expiry", OPT_DURATION, "how long certificates of nodes are valid",
	  .fallback = "2160h0m0s" },
	{ 'd', "detach", OPT_BOOL, "do not wait for the nodes" },
	{ 0, "external-ca", OPT_LIST, "a CA that signs certificates: protocol=cfssl,url=URL",
	  .word = "external-ca" },
	{ 'q', "quiet", OPT_BOOL, "say nothing while waiting" },
	{ 0, "rotate", OPT_BOOL, "make a new root certificate, or use the one given" },
	{ 0 },
};

char *swarm_read_pem(const char *path, struct err *e)
{
	char *text = file_read_text(path, PEM_MAX, e);

	if (text && !strstr(text, "-----BEGIN ")) {
		fail(e, ERR_INVALID, "%s holds no PEM", path);
		free(text);
		return NULL;
	}
	return text;
}

static bool print_root(struct cli *c, struct err *e)
{
	AUTO_JSON json_t *swarm = client_get(c->client, "/swarm", NULL, e);
	struct str root;

	if (!swarm)
		return false;
	root = str_trim(str_of(field_text(swarm, "TLSInfo.TrustRoot")));
	if (root.len == 0)
		return fail(e, ERR_NOT_FOUND, "No CA information available");
	printf("%.*s\n", STR_FMT(root));
	return true;
}

/* Put --ca-cert and --ca-key into the spec; without them the swarm makes a root of its own. */
static bool set_root(json_t *spec, const struct args *a, struct err *e)
{
	if (args_has(a, "ca-cert")) {
		AUTO_FREE char *pem = swarm_read_pem(args_text(a, "ca-cert"), e);

		if (!pem)
			return false;
		field_put_text(spec, "CAConfig.SigningCACert", pem);
	}
	if (args_has(a, "ca-key")) {
		AUTO_FREE char *pem = swarm_read_pem(args_text(a, "ca-key"), e);

		if (!pem)
			return false;
		field_put_text(spec, "CAConfig.SigningCAKey", pem);
	}
	field_put(spec, "CAConfig.ForceRotate",
		  json_integer(field_int(spec, "CAConfig.ForceRotate") + 1));
	return true;
}

/* How many nodes have a certificate of the swarm's root, and trust it alone. */
static void count_rotated(const json_t *nodes, const json_t *swarm, size_t *issued,
			  size_t *trusting)
{
	*issued = *trusting = 0;
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *tls = field_at(json_array_get(nodes, i), "Description.TLSInfo");

		*issued += strcmp(field_text(tls, "CertIssuerPublicKey"),
				  field_text(swarm, "TLSInfo.CertIssuerPublicKey")) == 0;
		*trusting += strcmp(field_text(tls, "TrustRoot"),
				    field_text(swarm, "TLSInfo.TrustRoot")) == 0;
	}
}

static bool wait_for_nodes(struct cli *c, bool quiet, struct err *e)
{
	size_t said_issued = SIZE_MAX, said_trusting = SIZE_MAX;

	for (;;) {
		AUTO_JSON json_t *swarm = client_get(c->client, "/swarm", NULL, e), *nodes = NULL;
		size_t issued, trusting, count;

		if (!swarm)
			return false;
		nodes = client_get(c->client, "/nodes", NULL, e);
		if (!nodes)
			return false;
		count = json_array_size(nodes);
		count_rotated(nodes, swarm, &issued, &trusting);
		if (!quiet && (issued != said_issued || trusting != said_trusting))
			printf("rotated TLS certificates: %zu/%zu nodes\n"
			       "rotated CA certificates: %zu/%zu nodes\n",
			       issued, count, trusting, count);
		said_issued = issued;
		said_trusting = trusting;
		if (!field_bool(swarm, "RootRotationInProgress") && trusting == count)
			return true;
		(void)fflush(stdout);
		clock_sleep_ms(POLL_MS);
	}
}

bool swarm_ca(struct cli *c, const struct args *a, struct err *e)
{
	static const char *const needs_rotate[] = { "ca-cert", "ca-key", "cert-expiry",
						    "external-ca" };
	AUTO_JSON json_t *swarm = NULL;

	if (!args_bool(a, "rotate")) {
		for (size_t i = 0; i < ARRAY_LEN(needs_rotate); i++)
			if (args_has(a, needs_rotate[i]))
				return fail(
					e, ERR_INVALID,
					"`--%s` flag requires the `--rotate` flag to update the CA",
					needs_rotate[i]);
		return print_root(c, e);
	}
	swarm = client_get(c->client, "/swarm", NULL, e);
	if (!swarm || !set_root(field_at(swarm, "Spec"), a, e) ||
	    !swarm_set_external_cas(field_at(swarm, "Spec"), a, e))
		return false;
	if (args_has(a, "cert-expiry"))
		field_put(swarm, "Spec.CAConfig.NodeCertExpiry",
			  json_integer(args_int(a, "cert-expiry")));
	if (!swarm_post_update(c, swarm, "", e))
		return false;
	if (args_bool(a, "detach"))
		return true;
	if (!wait_for_nodes(c, args_bool(a, "quiet"), e))
		return false;
	return args_bool(a, "quiet") || print_root(c, e);
}
