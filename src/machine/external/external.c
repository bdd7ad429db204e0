#include "machine/external/external.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "machine/cli.h"
#include "machine/external/talk.h"
#include "machine/sshconfig.h"
#include "template/field.h"

#define DRIVERS_MAX 32
#define ASK_MS      20000
#define WORK_MS     1800000

struct external {
	struct driver driver; /* first: a driver of this room is one of these */
	char *program;
	json_t *options; /* what "options" answered; rows borrow from it */
};

static struct external found[DRIVERS_MAX];
static size_t found_count;
struct option external_options[EXTERNAL_OPTIONS_MAX + 1];

static struct external *of(const struct machine *m)
{
	return container_of(m->driver, struct external, driver);
}

/* ---- calls ---- */

static json_t *request(const char *call, const struct machine *m)
{
	return json_pack("{s:s, s:s, s:s, s:O}", "call", call, "machine", m->name, "folder",
			 m->folder, "own", m->own);
}

/* What is done may come with members. */
static bool call(struct cli *c, struct machine *m, const char *name, struct err *e)
{
	const struct talk t = {
		.program = of(m)->program, .cli = c, .m = m, .timeout_ms = WORK_MS
	};
	AUTO_JSON json_t *done = talk_call(&t, request(name, m), e);

	json_object_update(m->own, json_object_get(done, "own"));
	return done != NULL;
}

static bool precheck(struct cli *c, struct machine *m, struct err *e)
{
	return call(c, m, "precheck", e);
}

static bool create(struct cli *c, struct machine *m, struct err *e)
{
	return call(c, m, "create", e);
}

static bool start(struct cli *c, struct machine *m, struct err *e)
{
	return call(c, m, "start", e);
}

static bool stop(struct cli *c, struct machine *m, struct err *e)
{
	return call(c, m, "stop", e);
}

static bool restart(struct cli *c, struct machine *m, struct err *e)
{
	return call(c, m, "restart", e);
}

static bool kill_host(struct cli *c, struct machine *m, struct err *e)
{
	return call(c, m, "kill", e);
}

static bool remove_host(struct cli *c, struct machine *m, struct err *e)
{
	return call(c, m, "remove", e);
}

static bool configure(struct machine *m, const struct args *a, struct err *e)
{
	bool is_fresh = json_object_size(json_object_get(m->own, "Options")) == 0;
	json_t *options = field_object(m->own, "Options");

	for (const struct option *o = external_options; o->kind; o++) {
		const char *const *texts;
		json_t *value;
		size_t count;

		if (!is_fresh && !args_has(a, o->name))
			continue;
		if (o->kind == OPT_BOOL) {
			value = json_boolean(args_bool(a, o->name));
		} else if (o->kind == OPT_INT) {
			value = json_integer(args_int(a, o->name));
		} else if (o->kind == OPT_LIST) {
			value = json_array();
			texts = args_list(a, o->name, &count);
			for (size_t i = 0; i < count; i++)
				json_array_append_new(value, json_string(texts[i]));
		} else {
			value = json_string(args_text(a, o->name));
		}
		json_object_set_new(options, o->name, value);
	}
	return true;
}

static enum machine_state state_of(const char *word)
{
	for (int s = STATE_NONE; s <= STATE_TIMEOUT; s++)
		if (*word && strcmp(state_name((enum machine_state)s), word) == 0)
			return (enum machine_state)s;
	return STATE_ERROR;
}

static void note(struct machine *m, const json_t *seen)
{
	m->state = state_of(field_text(seen, "state"));
	m->why.kind = ERR_NONE;
	if (*field_text(seen, "address"))
		field_put_text(m->own, "IPAddress", field_text(seen, "address"));
	if (m->state == STATE_ERROR)
		fail(&m->why, ERR_UNAVAILABLE, "%s",
		     *field_text(seen, "why") ? field_text(seen, "why") : "its driver cannot tell");
}

static void look(struct machine *const *machines, size_t count, int64_t timeout_ms)
{
	const struct talk t = { .program = of(machines[0])->program, .timeout_ms = timeout_ms };
	json_t *list = json_array();
	AUTO_JSON json_t *done = NULL;
	struct err e;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:O}", "machine", machines[i]->name, "folder",
					machines[i]->folder, "own", machines[i]->own));
	done = talk_call(&t, json_pack("{s:s, s:o}", "call", "look", "machines", list), &e);
	for (size_t i = 0; i < count; i++) {
		if (done) {
			note(machines[i], json_array_get(json_object_get(done, "machines"), i));
			continue;
		}
		machines[i]->state = e.kind == ERR_UNKNOWN_OUTCOME ? STATE_TIMEOUT : STATE_ERROR;
		machines[i]->why = e;
	}
}

/* "SSHUser", "SSHPort", "SSHKeyPath": what drivers of Docker Machine kept, too. */
static bool ssh(const struct machine *m, struct ssh_address *to, struct err *e)
{
	const char *user = field_text(m->own, "SSHUser");

	(void)snprintf(to->host, sizeof(to->host), "%s", field_text(m->own, "IPAddress"));
	(void)snprintf(to->user, sizeof(to->user), "%s", *user ? user : "root");
	(void)snprintf(to->key, sizeof(to->key), "%s", field_text(m->own, "SSHKeyPath"));
	if (field_int(m->own, "SSHPort") > 0 && field_int(m->own, "SSHPort") < 65536)
		to->port = (int)field_int(m->own, "SSHPort");
	return *to->host || fail(e, ERR_UNAVAILABLE, "machine \"%s\" has no address", m->name);
}

/* ---- finding them ---- */

static char *program_of(const char *name)
{
	const char *path = getenv("PATH");
	struct str rest = str_of(path ? path : ""), folder;

	for (const char *at = name; *at; at++)
		if (!isalnum((unsigned char)*at) && *at != '-')
			return NULL;
	while (*name && rest.len) {
		AUTO_FREE char *file = NULL;

		str_cut(rest, ':', &folder, &rest);
		file = xasprintf("%.*s/" EXTERNAL_PREFIX "%s", STR_FMT(folder), name);
		if (folder.len && folder.ptr[0] == '/' && access(file, X_OK) == 0)
			return STEAL(file);
	}
	return NULL;
}

const struct driver *external_find(const char *name)
{
	char *file;

	for (size_t i = 0; i < found_count; i++)
		if (strcmp(found[i].driver.name, name) == 0)
			return &found[i].driver;
	file = found_count < DRIVERS_MAX ? program_of(name) : NULL;
	if (!file)
		return NULL;
	found[found_count] = (struct external){
		.program = file,
		.driver = { .name = xstrdup(name),
			    .is_far = true,
			    .configure = configure,
			    .precheck = precheck,
			    .create = create,
			    .look = look,
			    .start = start,
			    .stop = stop,
			    .restart = restart,
			    .kill = kill_host,
			    .remove = remove_host,
			    .ssh = ssh },
	};
	return &found[found_count++].driver;
}

/* The driver that a command line of create names; "" for none. */
static const char *named_driver(int argc, char *const *argv)
{
	const char *variable = getenv("MACHINE_DRIVER"), *name = variable ? variable : "";
	bool creates = false;

	for (int i = 1; i < argc; i++) {
		creates = creates || strcmp(argv[i], "create") == 0;
		if ((strcmp(argv[i], "-d") == 0 || strcmp(argv[i], "--driver") == 0) &&
		    i + 1 < argc)
			name = argv[i + 1];
		else if (strncmp(argv[i], "--driver=", 9) == 0)
			name = argv[i] + 9;
		else if (strncmp(argv[i], "-d", 2) == 0 && argv[i][2])
			name = argv[i] + 2 + (argv[i][2] == '=');
	}
	return creates ? name : "";
}

bool external_load_options(int argc, char *const *argv, struct err *e)
{
	const struct driver *d = driver_find(named_driver(argc, argv));
	struct external *x;
	struct talk t = { .timeout_ms = ASK_MS };

	if (!d || d->configure != configure)
		return true;
	x = container_of(d, struct external, driver);
	t.program = x->program;
	json_decref(x->options);
	x->options = talk_call(&t, json_pack("{s:s}", "call", "options"), e);
	return x->options && external_rows(x->options, external_options, e);
}
