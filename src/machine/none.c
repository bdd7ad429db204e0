/* The driver `none`: an engine that somebody else looks after, known by its URL. It counts as running;
 * it can be listed and talked to, and nothing can be done to its host. */
#include "base/mem.h"
#include "console/option.h"
#include "machine/driver.h"
#include "template/field.h"

const struct option none_options[] = {
	{ 0, "url", OPT_TEXT, "where the engine listens, for the driver none" },
	{ 0 },
};

static bool configure(struct machine *m, const struct args *a, struct err *e)
{
	struct str rest, host;
	AUTO_FREE char *address = NULL;

	if (args_has(a, "url"))
		field_put_text(m->own, "URL", args_text(a, "url"));
	rest = str_of(field_text(m->own, "URL"));
	if (!rest.len)
		return fail(e, ERR_INVALID, "--url option is required when no driver is selected");
	if (!str_starts_with(rest, "tcp://"))
		return fail(e, ERR_INVALID, "--url must be tcp://HOST:PORT");
	rest.ptr += strlen("tcp://");
	rest.len -= strlen("tcp://");
	str_cut(rest, ':', &host, &rest);
	address = str_dup(host);
	field_put_text(m->own, "IPAddress", address);
	return true;
}

static bool precheck(struct cli *c, struct machine *m, struct err *e)
{
	return true;
}

static bool create(struct cli *c, struct machine *m, struct err *e)
{
	return true;
}

static void look(struct machine *const *machines, size_t count, int64_t timeout_ms)
{
	for (size_t i = 0; i < count; i++)
		machines[i]->state = STATE_RUNNING;
}

static bool refuse(struct err *e, const char *what)
{
	return fail(e, ERR_UNSUPPORTED, "hosts without a driver cannot be %s", what);
}

static bool start(struct cli *c, struct machine *m, struct err *e)
{
	return refuse(e, "started");
}

static bool stop(struct cli *c, struct machine *m, struct err *e)
{
	return refuse(e, "stopped");
}

static bool restart(struct cli *c, struct machine *m, struct err *e)
{
	return refuse(e, "restarted");
}

static bool kill_host(struct cli *c, struct machine *m, struct err *e)
{
	return refuse(e, "killed");
}

static bool remove_host(struct cli *c, struct machine *m, struct err *e)
{
	return true;
}

static char *url(const struct machine *m)
{
	return xstrdup(field_text(m->own, "URL"));
}

const struct driver none_driver = {
	.name = "none",
	.no_copy = "only its engine's address is known",
	.no_upgrade = "only its engine's address is known",
	.configure = configure,
	.precheck = precheck,
	.create = create,
	.look = look,
	.start = start,
	.stop = stop,
	.restart = restart,
	.kill = kill_host,
	.remove = remove_host,
	.url = url,
};
