/* What hosts say of themselves. */
#include "machine/osrelease.h"

#include <assert.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_bytes(data, size);
	char value[16];

	assert(os_family_of(text) <= OS_ALPINE);
	if (!os_value(text, "PRETTY_NAME", value, sizeof(value)))
		assert(value[0] == '\0');
	assert(strlen(value) < sizeof(value) && strlen(value) <= size);
	return 0;
}
