#include "daemon/reload.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/json_write.h"
#include "base/mem.h"
#include "daemon/config.h"
#include "daemon/engine_settings.h"

#define LIST_MAX (1 << 16)

static const char *list_text(struct arena *a, const struct config_list *list)
{
	AUTO_BUF struct buf text = BUF_MAX(LIST_MAX);
	struct json j = json_begin(&text);

	json_strings(&j, NULL, list->items, list->count);
	return arena_str(a, buf_str(&text));
}

static const char *runtimes_text(struct arena *a, const struct config_list *runtimes)
{
	AUTO_BUF struct buf text = BUF_MAX(LIST_MAX);
	struct json j = json_begin(&text);

	json_open_object(&j, NULL);
	for (size_t i = 0; i < runtimes->count; i++) {
		struct str name, path;

		(void)str_cut(str_of(runtimes->items[i]), '=', &name, &path);
		json_open_object(&j, arena_str(a, name));
		json_text(&j, "path", arena_str(a, path));
		json_close(&j);
	}
	json_close(&j);
	return arena_str(a, buf_str(&text));
}

void tell_reload(const struct config *c, struct engine *engine, const char *engine_id,
		 struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	struct utsname host = { 0 };
	const char *downloads = arena_printf(&a, "%lld", (long long)c->max_concurrent_downloads);
	const char *pairs[] = {
		"debug",
		c->debug ? "true" : "false",
		"default-runtime",
		setting_default_runtime(c),
		"insecure-registries",
		list_text(&a, &c->insecure_registries),
		"labels",
		list_text(&a, &c->labels),
		"max-concurrent-downloads",
		downloads,
		"name",
		host.nodename,
		"node-generic-resources",
		list_text(&a, &c->node_generic_resources),
		"registry-mirrors",
		list_text(&a, &c->registry_mirrors),
		"runtimes",
		runtimes_text(&a, &c->runtimes),
	};

	(void)uname(&host);
	engine_tell(engine, "daemon", "reload", engine_id, pairs, ARRAY_LEN(pairs) / 2, now);
}
