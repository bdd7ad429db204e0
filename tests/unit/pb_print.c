#include "pb/pb.h"

#include "pb/map.h"
#include "test.h"

#define TEXT_MAX (64 << 10)

TEST(a_message_prints_one_field_a_line)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf b = BUF_MAX(TEXT_MAX);
	Pb__ServiceSpec *s = PB_NEW(&a, service_spec);

	s->annotations->name = "we\"b\n";
	PB_MAP_SET(&a, s->annotations, labels, "tier", "front");
	s->mode_case = PB__SERVICE_SPEC__MODE_REPLICATED;
	s->replicated = PB_NEW(&a, replicated_service);
	s->replicated->replicas = 2;
	s->update = PB_NEW(&a, update_config);
	s->update->order = PB__UPDATE_CONFIG__UPDATE_ORDER__START_FIRST;
	s->update->max_failure_ratio = 0.5f;

	CHECK(pb_print(s, &b));
	CHECK_STR(b.data, "annotations {\n"
			  "  name: \"we\\\"b\\x0a\"\n"
			  "  labels[\"tier\"]: \"front\"\n"
			  "}\n"
			  "task {\n"
			  "}\n"
			  "replicated {\n"
			  "  replicas: 2\n"
			  "}\n"
			  "update {\n"
			  "  delay {\n"
			  "  }\n"
			  "  max_failure_ratio: 0.5\n"
			  "  order: START_FIRST\n"
			  "}\n");
}

static bool contains(const struct buf *b, const char *text)
{
	return strstr(b->data, text) != NULL;
}

TEST(sensitive_fields_print_as_stars)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf b = BUF_MAX(TEXT_MAX);
	ProtobufCBinaryData canary = { 6, (uint8_t *)"canary" };
	Pb__Cluster *c = PB_NEW(&a, cluster);
	Pb__Secret *s = PB_NEW(&a, secret);
	Pb__ContainerSpec *k = PB_NEW(&a, container_spec);
	Pb__IssueNodeCertificateRequest *r = PB_NEW(&a, issue_node_certificate_request);
	Pb__EncryptionKey *key = PB_NEW(&a, encryption_key);
	Pb__RaftEntry *entry = PB_NEW(&a, raft_entry);

	c->root_ca->ca_key = canary;
	c->root_ca->join_tokens->worker = "canary";
	c->root_ca->join_tokens->manager = "canary";
	c->spec->ca_config->signing_ca_key = canary;
	key->key = canary;
	PB_APPEND(&a, c, unlock_keys, key);
	PB_APPEND(&a, c, network_bootstrap_keys, key);
	s->spec->data = canary;
	k->pull_options = pb_new(&a, &pb__container_spec__pull_options__descriptor);
	k->pull_options->registry_auth = "canary";
	r->token = "canary";
	entry->data = canary;

	CHECK(pb_print(c, &b) && pb_print(s, &b) && pb_print(k, &b) && pb_print(r, &b) &&
	      pb_print(entry, &b));
	CHECK(!contains(&b, "canary"));
	CHECK(contains(&b, "registry_auth: ***") && contains(&b, "worker: ***") &&
	      contains(&b, "token: ***"));
}

TEST(bytes_and_unknown_fields_only_say_how_many_they_are)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf b = BUF_MAX(TEXT_MAX);
	struct err e;
	Pb__GetRootCACertificateResponse *r =
		pb_decode(&a, &pb__get_root_cacertificate_response__descriptor,
			  STR("\x0a\x03PEM\x7a\x01x"), 99, &e);

	CHECK(r && pb_print(r, &b));
	CHECK_STR(b.data, "certificate: (3 bytes)\n15: (unknown, 2 bytes)\n");
}

TEST(text_that_does_not_fit_says_so)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf b = BUF_MAX(20);

	CHECK(!pb_print(PB_NEW(&a, cluster), &b));
}

TEST_MAIN()
