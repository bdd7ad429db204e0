/* ~/.aws/config and ~/.aws/credentials. */
#include "machine/aws/ini.h"

#include <assert.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e;
	json_t *file = ini_parse(str_bytes(data, size), &e), *section;
	const char *name;

	json_object_foreach(file, name, section)
		assert(json_is_object(section));
	json_decref(file);
	return 0;
}
