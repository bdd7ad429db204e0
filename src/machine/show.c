/* ip, url, status, inspect, version: one fact about a machine each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "template/jsontext.h"
#include "console/option.h"
#include "machine/cli.h"
#include "machine/driver.h"
#include "machine/engine.h"

#define VERSION_WAIT_MS 10000

static bool ip_of(struct cli *c, struct machine *m, struct err *e)
{
	if (m->state != STATE_RUNNING)
		return fail(e, ERR_UNAVAILABLE, "Host is not running");
	printf("%s\n", field_text(m->own, "IPAddress"));
	return true;
}

bool machine_ip(struct cli *c, const struct args *a, struct err *e)
{
	return machines_seen(c, a, ip_of, e);
}

static bool url_of(struct cli *c, struct machine *m, struct err *e)
{
	AUTO_FREE char *url = machine_url(m, e);

	if (url)
		printf("%s\n", url);
	return url != NULL;
}

static bool state_of(struct cli *c, struct machine *m, struct err *e)
{
	if (machine_look(m) == STATE_ERROR && m->why.kind) {
		*e = m->why;
		return false;
	}
	printf("%s\n", state_name(m->state));
	return true;
}

static bool version_of(struct cli *c, struct machine *m, struct err *e)
{
	char version[64];

	if (machine_look(m) != STATE_RUNNING)
		return fail(e, ERR_UNAVAILABLE, "Host is not running");
	if (!engine_version(m, VERSION_WAIT_MS, version, e))
		return false;
	printf("%s\n", version);
	return true;
}

static bool with_one(struct cli *c, const struct args *a,
		     bool (*show)(struct cli *c, struct machine *m, struct err *e), struct err *e)
{
	struct machine *m = machine_wanted(c, a, e);
	bool ok = m && show(c, m, e);

	machine_free(m);
	return ok;
}

bool machine_url_command(struct cli *c, const struct args *a, struct err *e)
{
	return with_one(c, a, url_of, e);
}

bool machine_status(struct cli *c, const struct args *a, struct err *e)
{
	return with_one(c, a, state_of, e);
}

bool machine_version(struct cli *c, const struct args *a, struct err *e)
{
	if (a->word_count)
		return with_one(c, a, version_of, e);
	say_version();
	return true;
}

static void print_whole(const json_t *config)
{
	AUTO_FREE char *text = json_dumps(config, JSON_COMPACT | JSON_PRESERVE_ORDER);
	AUTO_BUF struct buf laid = BUF_MAX(2 * CONFIG_BYTES_MAX);

	jsontext_indent(str_of(text), "", "    ", &laid);
	printf("%s\n", laid.data);
}

bool machine_inspect(struct cli *c, const struct args *a, struct err *e)
{
	struct machine *m = machine_wanted(c, a, e);
	const char *format = args_text(a, "format");
	bool ok = m != NULL;

	if (m && *format)
		ok = object_print(format, m->config, e);
	else if (m)
		print_whole(m->config);
	machine_free(m);
	return ok;
}
