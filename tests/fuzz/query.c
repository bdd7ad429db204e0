#include "wire/query.h"

#include <assert.h>

#include "base/arena.h"
#include "fuzz.h"

/* What was read, written and read again is the same. */
static void round_trip(struct arena *a, const struct query *q)
{
	AUTO_BUF struct buf out = BUF_MAX(1 << 20);
	struct query again;
	bool first = true;
	struct err e;

	for (size_t i = 0; i < q->count; i++)
		query_write(&out, &first, q->pairs[i].name, q->pairs[i].value);
	if (out.overflow || out.len == 0)
		return;
	if (!query_parse(a, str_bytes(out.data + 1, out.len - 1), &again, &e))
		assert(!"what we write can be read");
	assert(again.count == q->count);
	for (size_t i = 0; i < q->count; i++)
		assert(strcmp(again.pairs[i].value, q->pairs[i].value) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA struct arena a = { 0 };
	struct str path, text;
	const char *decoded;
	struct query q;
	struct err e;

	if (!target_split(str_bytes(data, size), &path, &text, &e))
		return 0;
	if (path_decode(&a, path, &decoded, &e))
		assert(strlen(decoded) <= path.len);
	if (query_parse(&a, text, &q, &e))
		round_trip(&a, &q);
	return 0;
}
