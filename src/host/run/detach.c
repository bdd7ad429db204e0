#include "host/run/detach.h"

struct detach detach_keys(const char *keys, size_t count)
{
	struct detach d = { .count = count };

	if (!keys || count > DETACH_KEYS_MAX)
		return (struct detach){ 0 };
	memcpy(d.keys, keys, count);
	return d;
}

/* After a key that does not fit, what was withheld may still hold the beginning of the keys:
 * its longest end that is one is withheld further (Knuth, Morris and Pratt, done plainly). */
static void give_back(struct detach *d, struct buf *out)
{
	size_t shorter = d->matched - 1;

	while (shorter > 0 && memcmp(d->keys, d->keys + d->matched - shorter, shorter) != 0)
		shorter--;
	buf_append(out, d->keys, d->matched - shorter);
	d->matched = shorter;
}

bool detach_filter(struct detach *d, struct str typed, struct buf *out)
{
	if (d->count == 0) {
		buf_append_str(out, typed);
		return false;
	}
	for (size_t i = 0; i < typed.len; i++) {
		while (d->matched > 0 && d->keys[d->matched] != typed.ptr[i])
			give_back(d, out);
		if (d->keys[d->matched] != typed.ptr[i]) {
			buf_append_char(out, typed.ptr[i]);
			continue;
		}
		if (++d->matched == d->count) {
			d->matched = 0;
			return true;
		}
	}
	return false;
}
