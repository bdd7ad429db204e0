#include "api/backup_file.h"

#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "wire/digest.h"

#define INPUT_MAX 65536

/* The checksum is made right, or nothing would get behind it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf file = BUF_MAX(2 * INPUT_MAX), again = BUF_MAX(4 * INPUT_MAX);
	AUTO_ARENA struct arena a = { 0 };
	char digest[DIGEST_SHA256_LEN + 1];
	struct backup_file b, c;
	struct err e;

	if (size > INPUT_MAX)
		return 0;
	buf_append(&file, data, size);
	if (backup_file_read(buf_str(&file), &a, &b, &e))
		return 0;
	digest_sha256(data, size, digest);
	buf_printf(&file, "%s\n", digest);
	if (!backup_file_read(buf_str(&file), &a, &b, &e))
		return 0;
	if (!backup_file_write(&b, &again) || !backup_file_read(buf_str(&again), &a, &c, &e) ||
	    !str_equal(b.content, c.content) || strcmp(b.node_id, c.node_id) != 0)
		assert(!"what was read is written and read again");
	return 0;
}
