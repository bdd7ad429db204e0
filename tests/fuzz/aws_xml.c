/* Answers of a cloud's API. */
#include "machine/aws/xml.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e;

	json_decref(xml_parse(str_bytes(data, size), &e));
	return 0;
}
