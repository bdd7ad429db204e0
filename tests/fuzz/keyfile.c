#include "wire/keyfile.h"

#include <assert.h>

#include "base/err.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf key = BUF_MAX(65536), written = BUF_MAX(65536);
	struct str pem = str_bytes(data, size);
	struct keyfile k, again;
	bool is_locked;
	struct err e;

	if (!keyfile_parse(pem, &k, &is_locked, &e) || !keyfile_open(pem, NULL, &key, &e))
		return 0;
	if (!keyfile_write(&k, buf_str(&key), NULL, &written, &e) ||
	    !keyfile_parse(buf_str(&written), &again, &is_locked, &e))
		assert(!"what was read can be written");
	assert(!is_locked && memcmp(&k, &again, sizeof(k)) == 0);
	return 0;
}
