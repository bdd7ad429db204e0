#include <assert.h>

#include "docker/instruction.h"
#include "fuzz.h"

/* Whatever is said, the configuration can be encoded afterwards. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf encoded = BUF_MAX(64 << 20);
	Pb__ContainerConfig *config = PB_NEW(&a, container_config);
	const char *texts[] = { "ENV A=b C='d e'", arena_str(&a, str_bytes(data, size)) };
	bool applies, encodes;
	struct err e;

	applies = instructions_apply(&a, texts, 2, config, &e);
	encodes = pb_encode(config, &encoded);
	assert(encodes);
	(void)encodes;
	(void)applies;
	return 0;
}
