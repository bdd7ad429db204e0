/* What a store and the records of local hosts hold: files that people edit, copy and sync. */
#include "machine/store.h"

#include <assert.h>

#include "base/mem.h"
#include "template/field.h"
#include "fuzz.h"
#include "machine/driver.h"
#include "machine/local/host.h"
#include "machine/local/init.h"
#include "machine/local/network.h"

static void read_as_config(struct str text)
{
	struct err e;
	json_t *config = config_parse(text, &e);

	if (!config)
		return;
	assert(json_is_object(field_at(config, "Driver")) && *field_text(config, "DriverName"));
	(void)driver_find(field_text(config, "DriverName"));
	json_decref(config);
}

static void read_as_host(struct str text)
{
	struct host h;
	struct err e;
	size_t count = 0;

	if (!host_parse("01234567", text, &h, &e))
		return;
	assert(h.name[0]);
	while (h.engine[count])
		count++;
	host_clear(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_bytes(data, size);
	AUTO_BUF struct buf out = BUF_MAX(1 << 20);
	AUTO_FREE char *name = str_dup(text);

	read_as_config(text);
	read_as_host(text);
	resolvers_for_host(text, &out);
	(void)network_is_taken(text, UINT32_C(0xc0a8d500));
	if (machine_name_is_valid(name))
		assert(!strchr(name, '/') && name[0] != '.');
	return 0;
}
