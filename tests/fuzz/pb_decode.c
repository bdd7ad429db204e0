/* Any bytes as any message: decoding them is refused or gives a message that every verb of pb/
 * can work with, and that survives a copy, a stay in the pool and a trip over the wire. The first
 * byte says which message. */

#include "pb/pool.h"

#include <assert.h>

#include "base/mem.h"
#include "fuzz.h"
#include "pb/methods.h"

static const ProtobufCMessageDescriptor *const stored[] = {
	&pb__task__descriptor,
	&pb__internal_raft_request__descriptor,
	&pb__snapshot__descriptor,
	&pb__raft_message__descriptor,
	&pb__raft_conf_change__descriptor,
	&pb__container__descriptor,
};

static const ProtobufCMessageDescriptor *type_of(uint8_t choice)
{
	if (choice < ARRAY_LEN(stored))
		return stored[choice];
	choice -= ARRAY_LEN(stored);
	return choice % 2 ? pb_methods[choice / 2 % pb_methods_count].response
			  : pb_methods[choice / 2 % pb_methods_count].request;
}

static void same(const void *a, const void *b)
{
	assert(pb_equal(a, b) && pb_equal(b, a));
	assert(pb_digest_compare(pb_digest(a), pb_digest(b)) == 0);
}

static void over_the_wire(struct arena *a, const ProtobufCMessage *message)
{
	AUTO_BUF struct buf bytes = BUF_MAX(16 << 20);
	struct err e;
	bool fits = pb_encode(message, &bytes);

	assert(fits && bytes.len == pb_encoded_size(message));
	same(message, pb_decode(a, message->descriptor, buf_str(&bytes), bytes.len, &e));
}

static void at_rest(struct arena *a, const ProtobufCMessage *message)
{
	struct pb_pool pool;
	const void *kept, *again;

	pb_pool_init(&pool);
	kept = pb_keep(&pool, message);
	again = pb_keep(&pool, pb_borrow(a, kept));
	same(kept, message);
	pb_drop(&pool, kept);
	same(again, message);
	pb_drop(&pool, again);
	pb_pool_clear(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf text = BUF_MAX(64 << 20);
	struct err e;
	ProtobufCMessage *message;

	if (size < 1)
		return 0;
	message = pb_decode(&a, type_of(data[0]), str_bytes(data + 1, size - 1), 1 << 20, &e);
	if (!message)
		return 0;
	same(message, pb_dup(&a, message));
	over_the_wire(&a, message);
	at_rest(&a, message);
	(void)pb_print(message, &text);
	return 0;
}
