#include "api/detach_keys.h"

#include "base/str.h"

static bool read_key(struct str word, char *byte)
{
	static const char others[] = "@[\\]^_";
	const char *at;

	if (word.len == 1) {
		*byte = word.ptr[0];
		return true;
	}
	if (str_equal_c(word, "DEL")) {
		*byte = 127;
		return true;
	}
	if (word.len != 6 || !str_starts_with(word, "ctrl-"))
		return false;
	if (word.ptr[5] >= 'a' && word.ptr[5] <= 'z') {
		*byte = (char)(word.ptr[5] - 'a' + 1);
		return true;
	}
	at = strchr(others, word.ptr[5]);
	if (!at)
		return false;
	*byte = (char)(*at == '@' ? 0 : 26 + (at - others));
	return true;
}

bool detach_keys_read(const char *text, struct detach_keys *keys, struct err *e)
{
	struct str word, rest = str_of(text[0] ? text : "ctrl-p,ctrl-q");
	bool has_more;

	keys->count = 0;
	do {
		has_more = str_cut(rest, ',', &word, &rest);
		if (keys->count == DETACH_KEYS_MAX || !read_key(word, &keys->bytes[keys->count++]))
			return fail(e, ERR_INVALID, "Invalid detach keys (%s) provided", text);
	} while (has_more);
	return true;
}
