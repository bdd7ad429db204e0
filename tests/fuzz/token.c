#include "wire/token.h"

#include <assert.h>

#include "base/err.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_bytes(data, size);
	char again[TOKEN_TEXT_MAX + 1], key_again[UNLOCK_TEXT_LEN + 1];
	uint8_t key[UNLOCK_KEY_LEN];
	struct token t;
	struct err e;

	if (token_parse(text, &t, &e)) {
		token_write(&t, again);
		assert(str_equal_c(text, again));
	}
	if (unlock_key_parse(text, key, &e)) {
		unlock_key_write(key, key_again);
		assert(str_equal_c(text, key_again));
	}
	return 0;
}
