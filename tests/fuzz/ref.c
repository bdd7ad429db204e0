#include "wire/ref.h"

#include <assert.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char full[REF_TEXT_MAX + 1], familiar[REF_TEXT_MAX + 1];
	struct ref r, again;
	struct err e;

	if (!ref_parse(str_bytes(data, size), &r, &e))
		return 0;
	ref_full(&r, full);
	ref_familiar(&r, familiar);
	if (!ref_parse(str_of(full), &again, &e) || memcmp(&r, &again, sizeof(r)) != 0)
		assert(!"the full form means the same");
	return 0;
}
