#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"
#include "store/txn.h"
#include "swarm/dispatch/inside.h"
#include "test.h"

#define SECRET_BYTES (500 * 1000)

/* What a node is sent: messages, and how the call ended. */
struct wire {
	struct arena memory;
	Pb__AssignmentsMessage *messages[64];
	size_t count, longest;
	enum peer_status status;
	bool has_ended;
};

static void keep_message(void *self, uint64_t ticket, struct str bytes)
{
	struct wire *w = self;
	struct err e;

	CHECK(w->count < ARRAY_LEN(w->messages));
	w->messages[w->count++] =
		pb_decode(&w->memory, &pb__assignments_message__descriptor, bytes, 64 << 20, &e);
	CHECK(w->messages[w->count - 1]);
	if (bytes.len > w->longest)
		w->longest = bytes.len;
}

static void keep_end(void *self, uint64_t ticket, enum peer_status status, const char *text)
{
	struct wire *w = self;

	w->has_ended = true;
	w->status = status;
}

static const struct log silent = { .level = LOG_ERROR };
static struct wire wire;
static struct peer peer;
static struct dispatch *d;
static struct session *s;
static struct store *store;

static void create(const void *object)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf entry = BUF_MAX(4 << 20);
	Pb__InternalRaftRequest *request = PB_NEW(&a, internal_raft_request);
	struct err e;

	PB_APPEND(&a, request, action,
		  object_action(&a, PB__STORE_ACTION_KIND__STORE_ACTION_CREATE, object));
	CHECK(pb_encode(request, &entry));
	CHECK(store_apply(store, buf_str(&entry), &e));
	store_forget(store);
}

/* A task of the node with a secret of its own, of 500 kB. */
static void create_task(int number, Pb__TaskState state)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Secret *secret = PB_NEW(&a, secret);
	Pb__Task *task = PB_NEW(&a, task);
	Pb__SecretReference *reference = PB_NEW(&a, secret_reference);

	secret->id = arena_printf(&a, "secret%03d", number);
	secret->spec->annotations->name = secret->id;
	secret->spec->data.data = arena_alloc(&a, SECRET_BYTES);
	secret->spec->data.len = SECRET_BYTES;
	create(secret);
	task->id = arena_printf(&a, "task%03d", number);
	task->node_id = arena_strdup(&a, "node1");
	task->service_id = arena_strdup(&a, "service1");
	task->slot = (uint64_t)number;
	task->status->state = state;
	task->spec->runtime_case = PB__TASK_SPEC__RUNTIME_CONTAINER;
	task->spec->container = PB_NEW(&a, container_spec);
	reference->secret_id = secret->id;
	PB_APPEND(&a, task->spec->container, secrets, reference);
	create(task);
}

static void begin(void)
{
	peer = (struct peer){ .self = &wire, .send = keep_message, .finish = keep_end };
	store = store_new(&silent);
	d = dispatch_new(
		&(struct dispatch_config){ .peer = &peer, .log = &silent, .store = store });
	s = session_new(d, "node1");
}

static void end(void)
{
	dispatch_free(d);
	store_free(store);
	arena_clear(&wire.memory);
	wire = (struct wire){ 0 };
}

/* Where in a message the object is named; -1: nowhere. */
static int place_of(const Pb__AssignmentsMessage *m, const char *id)
{
	for (size_t i = 0; i < m->n_changes; i++) {
		const Pb__Assignment *item = m->changes[i]->assignment;
		const char *name = item->item_case == PB__ASSIGNMENT__ITEM_TASK ? item->task->id
										: item->secret->id;

		if (strcmp(name, id) == 0)
			return (int)i;
	}
	return -1;
}

static int message_of(const char *id)
{
	for (size_t i = 0; i < wire.count; i++)
		if (place_of(wire.messages[i], id) >= 0)
			return (int)i;
	return -1;
}

static void check_is_told(int number)
{
	char task[16], secret[16];
	int of_task, of_secret;

	(void)snprintf(task, sizeof(task), "task%03d", number);
	(void)snprintf(secret, sizeof(secret), "secret%03d", number);
	of_task = message_of(task);
	of_secret = message_of(secret);
	CHECK(of_task >= 0 && of_secret >= 0);
}

TEST(a_small_set_is_one_message)
{
	begin();
	create_task(1, PB__TASK_STATE__RUNNING);
	create_task(2, PB__TASK_STATE__ASSIGNED);
	assignments_open(d, s, 7);
	CHECK_INT(wire.count, 1);
	CHECK_INT(wire.messages[0]->type, PB__ASSIGNMENTS_MESSAGE__TYPE__COMPLETE);
	CHECK_INT(wire.messages[0]->n_changes, 4);
	end();
}

TEST(a_large_set_begins_with_all_that_the_node_may_have_and_goes_on_in_parts)
{
	begin();
	for (int i = 0; i < 10; i++)
		create_task(i, PB__TASK_STATE__RUNNING);
	create_task(10, PB__TASK_STATE__PREPARING);
	create_task(11, PB__TASK_STATE__COMPLETE);
	for (int i = 12; i < 20; i++)
		create_task(i, PB__TASK_STATE__ASSIGNED);
	assignments_open(d, s, 7);

	CHECK(wire.count > 3 && wire.longest < PART_BYTES + 2 * SECRET_BYTES);
	for (size_t i = 0; i < wire.count; i++) {
		char number[8];

		(void)snprintf(number, sizeof(number), "%zu", i + 1);
		CHECK_INT(wire.messages[i]->type == PB__ASSIGNMENTS_MESSAGE__TYPE__COMPLETE,
			  i == 0);
		CHECK_STR(wire.messages[i]->results_in, number);
		CHECK_STR(wire.messages[i]->applies_to,
			  i == 0 ? "" : wire.messages[i - 1]->results_in);
	}
	/* What is there is not ended, and what prepares has what it needs. */
	for (int i = 0; i < 12; i++) {
		char task[16];

		(void)snprintf(task, sizeof(task), "task%03d", i);
		CHECK_INT(message_of(task), 0);
	}
	CHECK_INT(message_of("secret010"), 0);
	CHECK(place_of(wire.messages[0], "secret010") < place_of(wire.messages[0], "task010"));
	/* What is new comes after its secret. */
	for (int i = 12; i < 20; i++) {
		char task[16], secret[16];

		check_is_told(i);
		(void)snprintf(task, sizeof(task), "task%03d", i);
		(void)snprintf(secret, sizeof(secret), "secret%03d", i);
		CHECK(message_of(secret) <= message_of(task) && message_of(task) > 0);
	}
	for (int i = 0; i < 10; i++)
		check_is_told(i);
	CHECK(!wire.has_ended);
	end();
}

TEST(many_changes_go_in_parts_too)
{
	begin();
	assignments_open(d, s, 7);
	CHECK_INT(wire.count, 1);
	for (int i = 0; i < 20; i++) {
		struct change change = { .what = CHANGE_CREATED, .kind = OBJECT_TASK };
		char task[16];

		create_task(i, PB__TASK_STATE__ASSIGNED);
		(void)snprintf(task, sizeof(task), "task%03d", i);
		change.new = view_task(store_view(store), task);
		assignments_task_changed(d, &change);
	}
	assignments_send(d, s);
	CHECK(wire.count > 3 && wire.longest < PART_BYTES + 2 * SECRET_BYTES);
	for (int i = 0; i < 20; i++)
		check_is_told(i);
	CHECK_STR(wire.messages[1]->applies_to, "1");
	end();
}

TEST_MAIN()
