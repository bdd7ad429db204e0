#include "pb/pb.h"

#include "base/mem.h"
#include "base/prng.h"
#include "pb/methods.h"
#include "pb_sample.h"
#include "test.h"

#define BYTES_MAX (4 << 20)

static struct str hex(struct arena *a, const char *digits)
{
	size_t count = strlen(digits) / 2;
	char *bytes = arena_alloc(a, count + 1);

	for (size_t i = 0; i < count; i++) {
		unsigned byte = 0;

		sscanf(digits + 2 * i, "%2x", &byte);
		bytes[i] = (char)byte;
	}
	return str_bytes(bytes, count);
}

static const char *hex_of(struct arena *a, const void *message)
{
	AUTO_BUF struct buf b = BUF_MAX(BYTES_MAX);
	char *digits = arena_alloc(a, 2 * pb_encoded_size(message) + 1);

	if (!pb_encode(message, &b))
		return "does not fit";
	for (size_t i = 0; i < b.len; i++)
		sprintf(digits + 2 * i, "%02x", (unsigned char)b.data[i]);
	return digits;
}

static void *decode(struct arena *a, const ProtobufCMessageDescriptor *type, const char *digits)
{
	struct err e;

	return pb_decode(a, type, hex(a, digits), BYTES_MAX, &e);
}

/* The bytes in this file were made with `protoc --encode` from the text beside them. */

/* annotations { name: "web" labels { key: "a" value: "1" } labels { key: "b" value: "2" } }
 * task { container { image: "nginx:1" env: "A=1" env: "B=2" stop_grace_period { seconds: 10 }
 *                    init {} pids_limit: 100 }
 *        restart { condition: ANY delay { seconds: 5 } } force_update: 3 }
 * replicated { replicas: 2 }
 * update { parallelism: 1 delay {} max_failure_ratio: 0.5 order: START_FIRST } */
#define SERVICE_SPEC                                                                               \
	"0a150a0377656212060a016112013112060a016212013212290a1d0a076e67696e78"                     \
	"3a312a03413d312a03423d324a02080aba0100c80164220608021202080548031a020802"                 \
	"320b080112002d0000003f3001"

TEST(a_service_spec_reads_as_the_reference_wrote_it)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ServiceSpec *s = decode(&a, &pb__service_spec__descriptor, SERVICE_SPEC);

	CHECK(s);
	CHECK_STR(s->annotations->name, "web");
	CHECK_STR(PB_MAP_GET(s->annotations, labels, "b"), "2");
	CHECK_INT(s->task->runtime_case, PB__TASK_SPEC__RUNTIME_CONTAINER);
	CHECK_STR(s->task->container->image, "nginx:1");
	CHECK_INT(s->task->container->n_env, 2);
	CHECK_STR(s->task->container->env[1], "B=2");
	CHECK_INT(s->task->container->stop_grace_period->seconds, 10);
	CHECK(s->task->container->init && !s->task->container->init->value);
	CHECK_INT(s->task->container->pids_limit, 100);
	CHECK_INT(s->task->restart->condition, PB__RESTART_POLICY__RESTART_CONDITION__ANY);
	CHECK_INT(s->mode_case, PB__SERVICE_SPEC__MODE_REPLICATED);
	CHECK_INT(s->replicated->replicas, 2);
	CHECK(s->update->max_failure_ratio == 0.5f);
	CHECK(!s->rollback && !s->endpoint);
	CHECK_STR(hex_of(&a, s), SERVICE_SPEC);
}

TEST(a_raft_message_has_the_bytes_of_the_reference)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__RaftMessage *m = PB_NEW(&a, raft_message);
	Pb__RaftEntry *entry = PB_NEW(&a, raft_entry);

	m->type = PB__RAFT_MESSAGE__TYPE__APP;
	m->to = 2;
	m->from = 1;
	m->term = 5;
	m->log_term = 4;
	m->index = 300;
	entry->term = 5;
	entry->index = 301;
	entry->data = (ProtobufCBinaryData){ 2, (uint8_t *)"\x00\xff" };
	PB_APPEND(&a, m, entries, entry);
	m->commit = 299;
	m->reject = true;
	m->context = (ProtobufCBinaryData){ 16, (uint8_t *)"CampaignTransfer" };

	CHECK_STR(hex_of(&a, m), "0803100218012005280430ac023a09100518ad02220200ff40ab0250016210"
				 "43616d706169676e5472616e73666572");
}

TEST(zeroes_that_the_reference_sends_need_not_be_sent_back)
{
	AUTO_ARENA struct arena a = { 0 };
	/* HEARTBEAT to 2 from 1 in term 5, every scalar written out, an empty snapshot */
	Pb__RaftMessage *m = decode(&a, &pb__raft_message__descriptor,
				    "080810021801200528003000400a4a0a12080a022800"
				    "100018005000580062020a0b");

	CHECK(m && m->snapshot && m->snapshot->metadata->conf_state);
	CHECK_INT(m->type, PB__RAFT_MESSAGE__TYPE__HEARTBEAT);
	CHECK_INT(m->commit, 10);
	m->snapshot = NULL;
	CHECK_STR(hex_of(&a, m), "0808100218012005400a62020a0b");
}

TEST(lists_of_numbers_are_sent_unpacked_and_read_either_way)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ClusterSnapshot *unpacked = decode(&a, &pb__cluster_snapshot__descriptor, "100110ac02");
	Pb__ClusterSnapshot *packed = decode(&a, &pb__cluster_snapshot__descriptor, "120301ac02");

	CHECK(unpacked && packed && pb_equal(unpacked, packed));
	CHECK_INT(packed->n_removed, 2);
	CHECK_INT(packed->removed[1], 300);
	CHECK_STR(hex_of(&a, packed), "100110ac02");
}

TEST(negative_numbers_take_ten_bytes)
{
	AUTO_ARENA struct arena a = { 0 };
	/* timestamp { seconds: 1700000000 nanos: 5 } state: RUNNING message: "started"
	 * container { container_id: "c1" pid: -1 exit_code: 137 } */
	const char *digits = "0a080880e2cfaa0610051080041a07737461727465642a120a02633110"
			     "ffffffffffffffffff01188901";
	Pb__TaskStatus *s = decode(&a, &pb__task_status__descriptor, digits);

	CHECK(s);
	CHECK_INT(s->container->pid, -1);
	CHECK_INT(s->container->exit_code, 137);
	CHECK_INT(s->state, PB__TASK_STATE__RUNNING);
	CHECK_STR(hex_of(&a, s), digits);
}

TEST(an_empty_member_of_a_oneof_is_sent)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__SelectBy *by = decode(&a, &pb__select_by__descriptor, "1a00"); /* name: "" */

	CHECK(by);
	CHECK_INT(by->by_case, PB__SELECT_BY__BY_NAME);
	CHECK_STR(by->name, "");
	CHECK_STR(hex_of(&a, by), "1a00");
	CHECK_STR(hex_of(&a, pb_dup(&a, by)), "1a00");
}

TEST(a_new_message_has_what_is_always_there_and_nothing_else)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Task *t = PB_NEW(&a, task);
	Pb__Cluster *c = PB_NEW(&a, cluster);

	CHECK(t->meta->version && t->spec && t->annotations && t->service_annotations && t->status);
	CHECK(!t->endpoint && !t->spec_version && !t->job_iteration && !t->meta->created_at);
	CHECK_STR(t->id, "");
	CHECK(c->root_ca->join_tokens && c->spec->ca_config && c->spec->encryption_config);
	/* meta { version {} } spec {} annotations {} service_annotations {} status {} */
	CHECK_STR(hex_of(&a, t), "12020a001a003a0042004a00");
}

TEST(what_is_always_there_is_made_when_a_peer_leaves_it_out)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__SessionMessage *m = decode(&a, &pb__session_message__descriptor, "1200"); /* node {} */

	CHECK(m);
	CHECK(m->node->meta->version && m->node->spec->annotations && m->node->certificate->status);
	CHECK(!m->node->description && !m->node->manager_status);
}

TEST(an_enum_value_without_a_name_is_kept)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__TaskStatus *s = decode(&a, &pb__task_status__descriptor, "10e707");

	CHECK(s);
	CHECK_INT(s->state, 999);
	CHECK_STR(hex_of(&a, s), "10e707");
}

TEST(fields_of_newer_peers_are_kept)
{
	AUTO_ARENA struct arena a = { 0 };
	/* VirtualIP { network_id: "n", 15: "new", 16: 5, 17: fixed32, 18: fixed64 } */
	const char *digits = "0a016e7a036e65778001058d01010203049101"
			     "0102030405060708";
	Pb__Endpoint__VirtualIP *v = decode(&a, &pb__endpoint__virtual_ip__descriptor, digits);

	CHECK(v);
	CHECK_INT(v->base.n_unknown_fields, 4);
	CHECK_STR(hex_of(&a, v), digits);
	CHECK_STR(hex_of(&a, pb_dup(&a, v)), digits);
}

TEST(a_map_is_sorted_and_the_last_of_equal_keys_wins)
{
	AUTO_ARENA struct arena a = { 0 };
	/* labels b=1, a=2, b=3, and c without a value */
	Pb__Annotations *n = decode(&a, &pb__annotations__descriptor,
				    "12060a016212013112060a016112013212060a0162120133"
				    "12030a0163");

	CHECK(n);
	CHECK_INT(n->n_labels, 3);
	CHECK_STR(n->labels[0]->key, "a");
	CHECK_STR(n->labels[1]->value, "3");
	CHECK_STR(PB_MAP_GET(n, labels, "c"), "");
}

TEST(bytes_that_are_no_message_are_refused)
{
	static const char *const broken[] = {
		"0a",                     /* a field without a value */
		"0a05616263",             /* shorter than it says */
		"0affffffffffffffffff01", /* a length without end */
		"00",                     /* field number 0 */
		"0b",                     /* a group */
		"ffffffffffffffffffffff", /* a tag without end */
		"12ffffffff0f",
		"81000000000000000000", /* field number 0, in two bytes */
	};
	AUTO_ARENA struct arena a = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		struct err e = { 0 };

		CHECK(!pb_decode(&a, &pb__task__descriptor, hex(&a, broken[i]), BYTES_MAX, &e));
		CHECK_INT(e.kind, ERR_INVALID);
	}
}

TEST(more_bytes_than_allowed_are_not_looked_at)
{
	AUTO_ARENA struct arena a = { 0 };
	struct err e = { 0 };

	CHECK(!pb_decode(&a, &pb__select_by__descriptor, STR("\x1a\x01xyz"), 4, &e));
	CHECK_INT(e.kind, ERR_EXHAUSTED);
	CHECK(pb_decode(&a, &pb__select_by__descriptor, STR("\x1a\x02xy"), 4, &e));
}

TEST(no_bytes_are_an_empty_message)
{
	AUTO_ARENA struct arena a = { 0 };
	struct err e;
	Pb__Task *t = pb_decode(&a, &pb__task__descriptor, str_bytes(NULL, 0), 0, &e);

	CHECK(t && pb_equal(t, PB_NEW(&a, task)));
}

TEST(a_message_cannot_take_much_more_memory_than_its_bytes)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf b = BUF_MAX(BYTES_MAX);
	struct err e = { 0 };

	for (int i = 0; i < 1000000; i++)
		buf_append(&b, "\x22\x00", 2); /* StoreSnapshot.tasks {} */

	CHECK(!pb_decode(&a, &pb__store_snapshot__descriptor, buf_str(&b), BYTES_MAX, &e));
	CHECK_INT(e.kind, ERR_EXHAUSTED);
	CHECK(a.used_bytes < 17 * b.len + (1 << 20));
}

TEST(a_real_message_takes_far_less_memory_than_allowed)
{
	AUTO_ARENA struct arena a = { 0 }, decoded = { 0 };
	AUTO_BUF struct buf b = BUF_MAX(BYTES_MAX);
	Pb__TasksMessage *m = PB_NEW(&a, tasks_message);
	struct err e = { 0 };
	Pb__TasksMessage *read;

	for (unsigned i = 0; i < 300; i++)
		PB_APPEND(&a, m, tasks, sample_task(&a, i));
	CHECK(pb_encode(m, &b));

	read = pb_decode(&decoded, &pb__tasks_message__descriptor, buf_str(&b), BYTES_MAX, &e);
	CHECK(read && pb_equal(read, m));
	CHECK(decoded.used_bytes < 8 * b.len);
	arena_clear(&decoded);
}

TEST(encoding_stops_at_the_buffers_maximum)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf b = BUF_MAX(100);

	CHECK(!pb_encode(sample_task(&a, 1), &b));
	CHECK_INT(b.len, 0);
}

/* How deep messages of this type can nest; more than PB_DEPTH_MAX stands for "without end". */
static unsigned depth_of(const ProtobufCMessageDescriptor *type, unsigned above)
{
	unsigned deepest = above + 1;

	for (unsigned i = 0; i < type->n_fields && deepest <= PB_DEPTH_MAX; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];

		if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
			unsigned depth = depth_of(f->descriptor, above + 1);

			deepest = depth > deepest ? depth : deepest;
		}
	}
	return deepest;
}

TEST(no_message_can_contain_itself)
{
	for (size_t i = 0; i < pb_methods_count; i++) {
		CHECK(depth_of(pb_methods[i].request, 0) <= PB_DEPTH_MAX);
		CHECK(depth_of(pb_methods[i].response, 0) <= PB_DEPTH_MAX);
	}
	CHECK(depth_of(&pb__internal_raft_request__descriptor, 0) <= PB_DEPTH_MAX);
	CHECK(depth_of(&pb__snapshot__descriptor, 0) <= PB_DEPTH_MAX);
	CHECK(depth_of(&pb__container__descriptor, 0) <= PB_DEPTH_MAX);
}

TEST(damaged_messages_are_refused_or_read_as_something_else)
{
	AUTO_ARENA struct arena a = { 0 }, scratch = { 0 };
	AUTO_BUF struct buf b = BUF_MAX(BYTES_MAX);
	struct prng p;
	struct err e;
	int refused = 0;

	prng_seed(&p, 1);
	CHECK(pb_encode(sample_task(&a, 7), &b));
	for (int i = 0; i < 5000; i++) {
		size_t at = prng_below(&p, b.len);
		char was = b.data[at];
		Pb__Task *t;

		b.data[at] = (char)prng_next(&p);
		t = pb_decode(&scratch, &pb__task__descriptor, buf_str(&b), BYTES_MAX, &e);
		CHECK(!t || pb_equal(t, pb_dup(&scratch, t)));
		refused += !t;
		b.data[at] = was;
		arena_reset(&scratch);
	}
	CHECK(refused > 100 && refused < 4900);
	arena_clear(&scratch);
}

TEST_MAIN()
