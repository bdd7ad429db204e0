/* Contexts: engines by name, so that one word says where and with which keys. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/context_store.h"
#include "cli/files.h"
#include "cli/inspect.h"
#include "cli/list_options.h"
#include "cli/program.h"
#include "cli/settings.h"
#include "template/field.h"
#include "console/format.h"
#include "template/jsontext.h"
#include "console/order.h"

#define PEM_MAX (1 << 20)

static const struct column columns[] = {
	{ "Name", "NAME" },
	{ "Description", "DESCRIPTION" },
	{ "DockerEndpoint", "DOCKER ENDPOINT" },
	{ "Error", "ERROR" },
	{ "Current", "" },
	{ 0 },
};

static const struct listing listing = {
	columns,
	"{{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}",
	"{{.Name}}"
};

static const struct option create_options[] = {
	{ 0, "description", OPT_TEXT, "what it is for" },
	{ 0, "docker", OPT_LIST,
	  "where and how: host=..., ca=..., cert=..., key=..., "
	  "skip-tls-verify=true, from=CONTEXT",
	  .word = "map" },
	{ 0, "from", OPT_TEXT, "begin with a copy of another context", .word = "context" },
	{ 0 },
};

static const struct option update_options[] = {
	{ 0, "description", OPT_TEXT, "what it is for" },
	{ 0, "docker", OPT_LIST,
	  "where and how: host=..., ca=..., cert=..., key=..., "
	  "skip-tls-verify=true, from=CONTEXT",
	  .word = "map" },
	{ 0 },
};

static const struct option list_options[] = {
	OPTION_FORMAT,
	{ 'q', "quiet", OPT_BOOL, "print names only" },
	{ 0 },
};

static const struct option inspect_options[] = { OPTION_INSPECT_FORMAT, { 0 } };

static const struct option remove_options[] = {
	{ 'f', "force", OPT_BOOL, "even one that is in use, or is not there" },
	{ 0 },
};

/* ---- what --docker says ---- */

struct endpoint_said {
	struct str host, from, ca, cert, key, skip;
};

static bool read_pairs(struct endpoint_said *s, struct str rest, struct err *e)
{
	while (rest.len) {
		struct str pair, name, value;
		struct {
			const char *name;
			struct str *to;
		} known[] = {
			{ "host", &s->host }, { "from", &s->from }, { "ca", &s->ca },
			{ "cert", &s->cert }, { "key", &s->key },   { "skip-tls-verify", &s->skip },
		};
		bool is_known = false;

		str_cut(rest, ',', &pair, &rest);
		if (!str_cut(pair, '=', &name, &value))
			return fail(e, ERR_INVALID, "%.*s must be formatted as key=value",
				    STR_FMT(pair));
		for (size_t i = 0; i < ARRAY_LEN(known); i++) {
			if (!str_equal_c(name, known[i].name))
				continue;
			*known[i].to = value;
			is_known = true;
		}
		if (!is_known)
			return fail(e, ERR_INVALID,
				    "unable to create docker endpoint config: unrecognized config "
				    "key: %.*s",
				    STR_FMT(name));
	}
	return true;
}

static bool read_said(const struct args *a, struct endpoint_said *s, struct err *e)
{
	size_t count;
	const char *const *list = args_list(a, "docker", &count);

	*s = (struct endpoint_said){ 0 };
	for (size_t i = 0; i < count; i++)
		if (!read_pairs(s, str_of(list[i]), e))
			return false;
	if (s->skip.len && !str_equal_c(s->skip, "true") && !str_equal_c(s->skip, "false"))
		return fail(e, ERR_INVALID,
			    "unable to create docker endpoint config: skip-tls-verify: \"%.*s\" is "
			    "neither true nor false",
			    STR_FMT(s->skip));
	return true;
}

static bool check_host(struct str host, struct err *e)
{
	static const char *const schemes[] = { "unix://", "tcp://", "http://", "https://" };

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (str_starts_with(host, schemes[i]) && host.len > strlen(schemes[i]))
			return true;
	if (str_starts_with(host, "ssh://"))
		return fail(
			e, ERR_UNSUPPORTED,
			"ssh:// is not available: forward the engine's socket with ssh -L and use "
			"unix://");
	return fail(e, ERR_INVALID,
		    "unable to create docker endpoint config: unable to apply docker endpoint "
		    "options: unable to parse docker host `%.*s`",
		    STR_FMT(host));
}

/* ---- keys ---- */

static const struct {
	const char *file;
	size_t offset;
} tls_parts[] = {
	{ "ca.pem", offsetof(struct endpoint_said, ca) },
	{ "cert.pem", offsetof(struct endpoint_said, cert) },
	{ "key.pem", offsetof(struct endpoint_said, key) },
};

static bool copy_file(const char *from, const char *to, struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(PEM_MAX);

	return named_file_read(from, &text, e) && settings_replace(to, buf_str(&text), e);
}

static bool keep_keys(struct cli *c, const char *name, const struct endpoint_said *s, struct err *e)
{
	AUTO_FREE char *folder = context_tls_folder(c->config_dir, name);

	for (size_t i = 0; i < ARRAY_LEN(tls_parts); i++) {
		struct str given = *(const struct str *)((const char *)s + tls_parts[i].offset);
		AUTO_FREE char *from = xasprintf("%.*s", STR_FMT(given));
		AUTO_FREE char *to = xasprintf("%s/docker/%s", folder, tls_parts[i].file);

		if (given.len && !copy_file(from, to, e))
			return while_doing(e, "unable to create docker endpoint config");
	}
	return true;
}

static bool copy_keys(struct cli *c, const char *source, const char *name, struct err *e)
{
	AUTO_FREE char *theirs = context_tls_folder(c->config_dir, source);
	AUTO_FREE char *ours = context_tls_folder(c->config_dir, name);

	for (size_t i = 0; i < ARRAY_LEN(tls_parts); i++) {
		AUTO_FREE char *from = xasprintf("%s/docker/%s", theirs, tls_parts[i].file);
		AUTO_FREE char *to = xasprintf("%s/docker/%s", ours, tls_parts[i].file);

		if (access(from, F_OK) == 0 && !copy_file(from, to, e))
			return false;
	}
	return true;
}

/* ---- create and update ---- */

static json_t *default_meta(const struct cli *c)
{
	json_t *meta = json_object();

	field_put_text(meta, "Name", CONTEXT_DEFAULT);
	field_put(meta, "Metadata", json_object());
	field_put_text(meta, "Endpoints.docker.Host", c->default_url);
	field_put(meta, "Endpoints.docker.SkipTLSVerify", json_false());
	return meta;
}

static json_t *load_any(const struct cli *c, const char *name, struct err *e)
{
	return strcmp(name, CONTEXT_DEFAULT) == 0 ? default_meta(c)
						  : context_load(c->config_dir, name, e);
}

/* The endpoint of another, with its keys. */
static bool take_endpoint(struct cli *c, json_t *meta, const char *name, const char *source,
			  struct err *e)
{
	AUTO_JSON json_t *other = load_any(c, source, e);

	if (!other)
		return false;
	field_put(meta, "Endpoints.docker", json_deep_copy(field_at(other, "Endpoints.docker")));
	return copy_keys(c, source, name, e);
}

/* The description too. */
static bool begin_with(struct cli *c, json_t *meta, const char *name, const char *source,
		       struct err *e)
{
	AUTO_JSON json_t *other = load_any(c, source, e);

	if (!other)
		return false;
	field_put(meta, "Metadata", json_deep_copy(field_at(other, "Metadata")));
	return take_endpoint(c, meta, name, source, e);
}

static bool apply(struct cli *c, json_t *meta, const char *name, const struct args *a,
		  struct err *e)
{
	struct endpoint_said said;
	AUTO_FREE char *from = NULL;

	if (!read_said(a, &said, e) || (said.host.len && !check_host(said.host, e)))
		return false;
	if (args_has(a, "description"))
		field_put_text(meta, "Metadata.Description", args_text(a, "description"));
	from = xasprintf("%.*s", STR_FMT(said.from));
	if (*from && !take_endpoint(c, meta, name, from, e))
		return false;
	if (said.host.len)
		field_put(meta, "Endpoints.docker.Host",
			  json_stringn(said.host.ptr, said.host.len));
	if (said.skip.len || said.host.len)
		field_put(meta, "Endpoints.docker.SkipTLSVerify",
			  json_boolean(str_equal_c(said.skip, "true")));
	return keep_keys(c, name, &said, e) && context_save(c->config_dir, name, meta, e);
}

static bool exists(struct cli *c, const char *name)
{
	struct err ignored;
	AUTO_JSON json_t *meta = context_load(c->config_dir, name, &ignored);

	return meta != NULL;
}

static bool context_create(struct cli *c, const struct args *a, struct err *e)
{
	const char *name = a->words[0], *from = args_text(a, "from");
	AUTO_JSON json_t *meta = json_object();

	if (!context_name_check(name, e))
		return false;
	if (exists(c, name))
		return fail(e, ERR_CONFLICT, "context \"%s\" already exists", name);
	field_put_text(meta, "Name", name);
	if (!begin_with(c, meta, name, *from ? from : CONTEXT_DEFAULT, e) ||
	    !apply(c, meta, name, a, e))
		return false;
	printf("%s\n", name);
	(void)fflush(stdout);
	fprintf(stderr, "Successfully created context \"%s\"\n", name);
	return true;
}

static bool context_update(struct cli *c, const struct args *a, struct err *e)
{
	const char *name = a->words[0];
	AUTO_JSON json_t *meta = NULL;

	if (!context_name_check(name, e))
		return false;
	meta = context_load(c->config_dir, name, e);
	if (!meta || !apply(c, meta, name, a, e))
		return false;
	printf("%s\n", name);
	(void)fflush(stdout);
	fprintf(stderr, "Successfully updated context \"%s\"\n", name);
	return true;
}

/* ---- looking ---- */

static json_t *context_row(const struct cli *c, const char *name)
{
	json_t *row = json_object();
	struct err e = { 0 };
	AUTO_JSON json_t *meta = load_any(c, name, &e);
	bool is_default = strcmp(name, CONTEXT_DEFAULT) == 0;

	json_object_set_new(row, "Current", json_boolean(strcmp(c->context, name) == 0));
	row_set(row, "Description",
		is_default ? "Current DOCKER_HOST based configuration"
			   : field_text(meta, "Metadata.Description"));
	row_set(row, "DockerEndpoint", field_text(meta, "Endpoints.docker.Host"));
	row_set(row, "Error", meta ? "" : e.text);
	row_set(row, "Name", name);
	return row;
}

static void warn_of_host(const char *name)
{
	const char *host = getenv("SHOAL_HOST") ? "SHOAL_HOST" : "DOCKER_HOST";

	if (!getenv(host) || !*getenv(host))
		return;
	(void)fflush(stdout);
	fprintf(stderr,
		"Warning: %s environment variable overrides the active context. To use %s, either "
		"set the global --context flag, or unset %s environment variable.\n",
		host, name, host);
}

static bool context_list(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *rows = json_array(), *names = context_names(c->config_dir);
	bool quiet = args_bool(a, "quiet"), ok;

	json_array_append_new(names, json_string(CONTEXT_DEFAULT));
	for (size_t i = 0; i < json_array_size(names); i++)
		json_array_append_new(rows,
				      context_row(c, json_string_value(json_array_get(names, i))));
	sort_by(rows, "Name");
	ok = listing_print(&listing, args_text(a, "format"), quiet, rows, e);
	if (ok && !quiet)
		warn_of_host("a context");
	return ok;
}

static bool context_show(struct cli *c, const struct args *a, struct err *e)
{
	printf("%s\n", c->context);
	return true;
}

static void add_storage(struct cli *c, json_t *shown, const char *name)
{
	AUTO_FREE char *meta = context_meta_folder(c->config_dir, name);
	AUTO_FREE char *tls = context_tls_folder(c->config_dir, name);
	bool is_default = strcmp(name, CONTEXT_DEFAULT) == 0;
	json_t *files = json_array();

	for (size_t i = 0; i < ARRAY_LEN(tls_parts) && !is_default; i++) {
		AUTO_FREE char *path = xasprintf("%s/docker/%s", tls, tls_parts[i].file);

		if (access(path, F_OK) == 0)
			json_array_append_new(files, json_string(tls_parts[i].file));
	}
	field_put(shown, "TLSMaterial", json_object());
	if (json_array_size(files))
		field_put(shown, "TLSMaterial.docker", json_incref(files));
	json_decref(files);
	field_put_text(shown, "Storage.MetadataPath", is_default ? "<IN MEMORY>" : meta);
	field_put_text(shown, "Storage.TLSPath", is_default ? "<IN MEMORY>" : tls);
}

static bool fetch_context(struct cli *c, const struct args *a, const char *word, struct buf *text,
			  struct err *e)
{
	AUTO_JSON json_t *meta = load_any(c, word, e);

	if (!meta)
		return false;
	add_storage(c, meta, word);
	jsontext_write(meta, false, true, text);
	return true;
}

static bool context_inspect(struct cli *c, const struct args *a, struct err *e)
{
	const char *words[] = { c->context, NULL };
	struct args one = *a;

	if (one.word_count == 0) {
		one.words = words;
		one.word_count = 1;
	}
	return inspect_print(c, &one, fetch_context, e);
}

/* ---- use and remove ---- */

static bool set_current(struct cli *c, const char *name, struct err *e)
{
	AUTO_JSON json_t *settings = settings_read(c->config_dir);

	if (strcmp(name, CONTEXT_DEFAULT) == 0)
		json_object_del(settings, "currentContext");
	else
		json_object_set_new(settings, "currentContext", json_string(name));
	return settings_write(c->config_dir, settings, e);
}

static bool context_use(struct cli *c, const struct args *a, struct err *e)
{
	const char *name = a->words[0];
	AUTO_FREE char *quoted = xasprintf("\"%s\"", name);
	AUTO_JSON json_t *meta = load_any(c, name, e);

	if (!meta || !set_current(c, name, e))
		return false;
	printf("%s\n", name);
	(void)fflush(stdout);
	fprintf(stderr, "Current context is now \"%s\"\n", name);
	if (strcmp(name, CONTEXT_DEFAULT) != 0)
		warn_of_host(quoted);
	return true;
}

static bool remove_one(struct cli *c, const struct args *a, const char *name, struct err *e)
{
	bool force = args_bool(a, "force");
	AUTO_JSON json_t *settings = settings_read(c->config_dir);
	bool is_current = strcmp(field_text(settings, "currentContext"), name) == 0;

	if (strcmp(name, CONTEXT_DEFAULT) == 0)
		return fail(e, ERR_INVALID, "context \"default\" cannot be removed");
	if ((is_current || strcmp(c->context, name) == 0) && !force && exists(c, name))
		return fail(e, ERR_IN_USE, "context \"%s\" is in use, set -f flag to force remove",
			    name);
	if (!context_delete(c->config_dir, name, e) && !(force && e->kind == ERR_NOT_FOUND))
		return false;
	return !is_current || set_current(c, CONTEXT_DEFAULT, e);
}

static bool context_remove(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, true, remove_one);
	return true;
}

const struct command context_commands[] = {
	{ "context create", NULL, "CONTEXT", "give an engine a name",
	  "$ shoal context create prod --docker host=tcp://10.0.0.5:2376,ca=ca.pem,cert=cert.pem,"
	  "key=key.pem\n$ shoal --context prod node ls",
	  create_options, context_create, 1, 1 },
	{ "context inspect", NULL, "[CONTEXT...]", "show all that is known of contexts",
	  "$ shoal context inspect -f '{{.Endpoints.docker.Host}}'", inspect_options,
	  context_inspect, 0, -1 },
	{ "context ls", "context list", NULL, "list contexts", "$ shoal context ls", list_options,
	  context_list, 0, 0 },
	{ "context rm", "context remove", "CONTEXT [CONTEXT...]", "forget contexts",
	  "$ shoal context rm prod", remove_options, context_remove, 1, -1 },
	{ "context show", NULL, NULL, "print the name of the context in use",
	  "$ shoal context show", NULL, context_show, 0, 0 },
	{ "context update", NULL, "CONTEXT", "change a context",
	  "$ shoal context update prod --docker host=tcp://10.0.0.6:2376", update_options,
	  context_update, 1, 1 },
	{ "context use", NULL, "CONTEXT", "use a context from now on",
	  "$ shoal context use prod\n$ shoal context use default", NULL, context_use, 1, 1 },
	{ 0 },
};
