#include "daemon/config.h"

#include "base/mem.h"
#include "daemon/option.h"
#include "file/file.h"

static const struct option *option_of(const char *flag)
{
	return option_by_flag(str_of(flag));
}

static bool is_given(const struct config *c, const char *flag)
{
	return c->source[option_of(flag) - options] != FROM_DEFAULT;
}

/* ---- the command line ---- */

/* Flags that are an action, and no setting. */
static bool take_action(struct config *c, const char *arg)
{
	if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
		c->action = CONFIG_HELP;
	else if (strcmp(arg, "--manual") == 0)
		c->action = CONFIG_MANUAL;
	else if (strcmp(arg, "--version") == 0 || strcmp(arg, "-v") == 0)
		c->action = CONFIG_VERSION;
	else if (strcmp(arg, "--validate") == 0)
		c->action = CONFIG_VALIDATE;
	else
		return false;
	return true;
}

/* "--flag", "--flag=value", "-f", "-fvalue", "-f=value": *value.ptr is NULL without one. */
static bool parse_flag(const char *arg, const struct option **o, struct str *value, struct err *e)
{
	struct str name = str_of(arg + 1);

	*value = (struct str){ 0 };
	if (arg[1] == '-') {
		name = str_of(arg + 2);
		if (!str_cut(name, '=', &name, value))
			*value = (struct str){ 0 };
		*o = option_by_flag(name);
	} else {
		*o = option_by_letter(arg[1]);
		if (arg[1] && arg[2])
			*value = str_of(arg + (arg[2] == '=' ? 3 : 2));
	}
	if (!*o)
		return fail(e, ERR_INVALID, "unknown flag: %s", arg);
	return true;
}

static bool parse_flags(struct config *c, int argc, char **argv, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		const struct option *o;
		struct str value;

		if (take_action(c, argv[i]))
			continue;
		if (argv[i][0] != '-' || !argv[i][1])
			return fail(e, ERR_INVALID,
				    "\"shoald\" accepts no arguments, and there is \"%s\"",
				    argv[i]);
		if (!parse_flag(argv[i], &o, &value, e))
			return false;
		if (!value.ptr && o->kind == OPTION_BOOL)
			value = STR("true");
		else if (!value.ptr && i + 1 < argc)
			value = str_of(argv[++i]);
		else if (!value.ptr)
			return fail(e, ERR_INVALID, "flag needs an argument: %s", argv[i]);
		if (!option_set(c, o, value, FROM_FLAG, e))
			return false;
	}
	return true;
}

/* ---- the file ---- */

static bool read_file(struct config *c, struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(CONFIG_FILE_MAX);

	if (!file_read(c->config_file, &text, e)) {
		bool may_lack = e->kind == ERR_NOT_FOUND && !is_given(c, "config-file");

		return may_lack || while_doing(e, "configuration file");
	}
	if (!config_read_file(c, buf_str(&text), e))
		return while_doing(e, "configuration file %s", c->config_file);
	return true;
}

/* ---- what follows from both ---- */

bool config_uses_tls(const struct config *c)
{
	return c->tls || is_given(c, "tlsverify");
}

bool config_names_group(const struct config *c)
{
	return is_given(c, "group");
}

bool config_verifies_clients(const struct config *c)
{
	return is_given(c, "tlsverify") ? c->tlsverify : c->tls;
}

bool config_allows_plain_tcp(const struct config *c)
{
	return is_given(c, "tls") && !config_uses_tls(c);
}

enum log_level config_log_level(const struct config *c)
{
	enum log_level level = LOG_INFO;

	if (c->debug)
		return LOG_DEBUG;
	if (strcmp(c->log_level, "fatal") == 0)
		return LOG_ERROR;
	(void)log_level_parse(c->log_level, &level);
	return level;
}

static const char *docker_file(struct config *c, const char *name)
{
	const char *home = getenv("HOME");

	return arena_printf(&c->memory, "%s/.docker/%s", home ? home : "/root", name);
}

static void set_default(const char **setting, const char *value)
{
	if (!*setting)
		*setting = value;
}

static void set_defaults(struct config *c)
{
	static const char *const host = "unix:///run/shoal.sock";

	set_default(&c->data_root, "/var/lib/shoal");
	set_default(&c->exec_root, "/run/shoal");
	set_default(&c->pidfile, "/run/shoald.pid");
	set_default(&c->group, "docker");
	set_default(&c->log_level, "info");
	set_default(&c->log_format, "text");
	set_default(&c->log_driver, "json-file");
	set_default(&c->default_runtime, "");
	set_default(&c->init_path, "");
	set_default(&c->cgroup_parent, "");
	set_default(&c->storage_driver, "overlay2");
	set_default(&c->default_advertise_addr, "");
	set_default(&c->bip, "");
	set_default(&c->ip, "");
	set_default(&c->host_gateway_ip, "");
	set_default(&c->default_ipc_mode, "");
	set_default(&c->default_cgroupns_mode, "");
	set_default(&c->default_shm_size, "");
	set_default(&c->metrics_addr, "");
	set_default(&c->tlscacert, docker_file(c, "ca.pem"));
	set_default(&c->tlscert, docker_file(c, "cert.pem"));
	set_default(&c->tlskey, docker_file(c, "key.pem"));
	if (c->max_concurrent_downloads == 0)
		c->max_concurrent_downloads = 3;
	if (c->hosts.count == 0)
		c->hosts = (struct config_list){ (const char **)&host, 1 };
}

bool config_load(struct config *c, int argc, char **argv, struct err *e)
{
	*c = (struct config){ .icc = true };
	if (!parse_flags(c, argc, argv, e))
		return false;
	if (c->action != CONFIG_RUN && c->action != CONFIG_VALIDATE)
		return true;
	set_default(&c->config_file, "/etc/shoal/daemon.json");
	if (!read_file(c, e))
		return false;
	set_defaults(c);
	return options_check(c, e);
}

void config_clear(struct config *c)
{
	arena_clear(&c->memory);
	*c = (struct config){ 0 };
}

/* ---- again, while running ---- */

static bool lists_differ(const struct config_list *a, const struct config_list *b)
{
	if (a->count != b->count)
		return true;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return true;
	return false;
}

static bool differs(const struct option *o, const struct config *a, const struct config *b)
{
	const void *left = (const char *)a + o->offset, *right = (const char *)b + o->offset;

	switch (o->kind) {
	case OPTION_BOOL:
		return *(const bool *)left != *(const bool *)right;
	case OPTION_NUMBER:
		return *(const int64_t *)left != *(const int64_t *)right;
	case OPTION_TEXT:
		return strcmp(*(const char *const *)left, *(const char *const *)right) != 0;
	default:
		return lists_differ(left, right);
	}
}

static void copy_list(struct arena *a, struct config_list *to, const struct config_list *from)
{
	const char **items = arena_alloc(a, from->count * sizeof(*items));

	for (size_t i = 0; i < from->count; i++)
		items[i] = arena_strdup(a, from->items[i]);
	*to = (struct config_list){ items, from->count };
}

/* Others may hold the old text, so it stays until the end; only what changed costs memory. */
static void copy_setting(struct config *to, const struct config *from, const struct option *o)
{
	void *left = (char *)to + o->offset;
	const void *right = (const char *)from + o->offset;

	switch (o->kind) {
	case OPTION_BOOL:
		*(bool *)left = *(const bool *)right;
		break;
	case OPTION_NUMBER:
		*(int64_t *)left = *(const int64_t *)right;
		break;
	case OPTION_TEXT:
		*(const char **)left = arena_strdup(&to->memory, *(const char *const *)right);
		break;
	default:
		copy_list(&to->memory, left, right);
		break;
	}
}

bool config_reload(struct config *c, int argc, char **argv, struct buf *changed, struct err *e)
{
	struct config fresh;
	bool ok = config_load(&fresh, argc, argv, e);

	for (size_t i = 0; ok && i < option_count; i++) {
		const struct option *o = &options[i];

		if (o->use != OPTION_USED || !o->reloads || !differs(o, c, &fresh))
			continue;
		copy_setting(c, &fresh, o);
		buf_printf(changed, "%s%s", changed->len ? ", " : "", o->key);
	}
	config_clear(&fresh);
	return ok;
}
