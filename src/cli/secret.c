/* Secrets and configs: small files the swarm keeps for its services. The two nouns differ in
 * their words only: an engine never gives a secret's data back. */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "cli/base64.h"
#include "cli/cli.h"
#include "template/field.h"
#include "cli/files.h"
#include "console/format.h"
#include "cli/inspect.h"
#include "cli/list_options.h"
#include "console/order.h"
#include "cli/pairs.h"
#include "cli/program.h"
#include "console/units.h"

#define DATA_MAX (1 << 20) /* the engine's limits are lower and its sentence better */

static const struct column columns[] = {
	{ "ID", "ID" },
	{ "Name", "NAME" },
	{ "Driver", "DRIVER" },
	{ "CreatedAt", "CREATED" },
	{ "UpdatedAt", "UPDATED" },
	{ "Labels", "LABELS" },
	{ 0 },
};

static const struct listing secret_listing = {
	columns,
	"{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}",
	"{{.ID}}",
};

static const struct column config_columns[] = {
	{ "ID", "ID" },
	{ "Name", "NAME" },
	{ "CreatedAt", "CREATED" },
	{ "UpdatedAt", "UPDATED" },
	{ "Labels", "LABELS" },
	{ 0 },
};

static const struct listing config_listing = {
	config_columns,
	"{{.ID}}\t{{.Name}}\t{{.CreatedAt}}\t{{.UpdatedAt}}",
	"{{.ID}}",
};

static const struct option list_options[] = {
	OPTION_FILTER, OPTION_FORMAT, OPTION_QUIET_IDS, { 0 }
};

static const struct option inspect_options[] = {
	OPTION_INSPECT_FORMAT,
	{ 0, "pretty", OPT_BOOL, "print for people" },
	{ 0 },
};

static const struct option secret_create_options[] = {
	{ 'd', "driver", OPT_TEXT, "who keeps the secret, if not the swarm" },
	{ 'l', "label", OPT_LIST, "a label: key=value" },
	{ 0, "template-driver", OPT_TEXT, "what fills in the text: golang" },
	{ 0 },
};

static const struct option config_create_options[] = {
	{ 'l', "label", OPT_LIST, "a label: key=value" },
	{ 0, "template-driver", OPT_TEXT, "what fills in the text: golang" },
	{ 0 },
};

/* "secret" or "config". */
static const char *noun(const struct cli *c)
{
	return c->command->name[0] == 's' ? "secret" : "config";
}

static char *one_path(const struct cli *c, const char *reference)
{
	return noun(c)[0] == 's' ? path_of("/secrets/%s", reference)
				 : path_of("/configs/%s", reference);
}

static const char *list_path(const struct cli *c)
{
	return noun(c)[0] == 's' ? "/secrets" : "/configs";
}

static bool read_data(const struct args *a, json_t *body, struct err *e)
{
	AUTO_BUF struct buf data = BUF_MAX(DATA_MAX), text = BUF_MAX(2 * DATA_MAX);
	const char *path = a->word_count > 1 ? a->words[1] : NULL;

	if (!path && !(args_knows(a, "driver") && args_has(a, "driver")))
		return fail(e, ERR_INVALID, "'shoal secret create' requires exactly 2 arguments");
	if (!path)
		return true;
	if (!named_file_read(path, &data, e))
		return while_doing(e, "error reading content from \"%s\"", path);
	base64_encode(buf_str(&data), false, &text);
	field_put_text(body, "Data", buf_str(&text).ptr);
	return true;
}

static bool object_create(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *body = json_object(), *answer = NULL;
	const char *const *labels;
	size_t count;

	labels = args_list(a, "label", &count);
	field_put_text(body, "Name", a->words[0]);
	field_put(body, "Labels", pairs_object(labels, count));
	if (args_knows(a, "driver") && args_has(a, "driver"))
		field_put_text(body, "Driver.Name", args_text(a, "driver"));
	if (args_has(a, "template-driver"))
		field_put_text(body, "Templating.Name", args_text(a, "template-driver"));
	if (!read_data(a, body, e))
		return false;
	if (!client_post(c->client, noun(c)[0] == 's' ? "/secrets/create" : "/configs/create", NULL,
			 body, &answer, e))
		return false;
	printf("%s\n", field_text(answer, "ID"));
	return true;
}

static void age_cell(json_t *row, const char *field, const char *time, int64_t now_ns)
{
	struct units_text text;
	char cell[80];
	int64_t ns = now_ns;

	(void)!time_parse(time, &ns);
	(void)snprintf(cell, sizeof(cell), "%s ago", human_duration(now_ns - ns, &text));
	row_set(row, field, cell);
}

static json_t *object_row(const json_t *o, bool is_secret, int64_t now_ns)
{
	json_t *row = row_new(field_at(o, "Spec.Labels"));
	AUTO_BUF struct buf labels = BUF_MAX(65536);

	row_set(row, "ID", field_text(o, "ID"));
	row_set(row, "Name", field_text(o, "Spec.Name"));
	if (is_secret)
		row_set(row, "Driver", field_text(o, "Spec.Driver.Name"));
	age_cell(row, "CreatedAt", field_text(o, "CreatedAt"), now_ns);
	age_cell(row, "UpdatedAt", field_text(o, "UpdatedAt"), now_ns);
	field_join_labels(field_at(o, "Spec.Labels"), ",", &labels);
	row_set(row, "Labels", buf_str(&labels).ptr);
	return row;
}

static bool object_list(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *rows = json_array(), *objects = NULL;
	AUTO_QUERY struct query q = QUERY;
	const char *const *filters;
	bool is_secret = noun(c)[0] == 's';
	size_t count;

	filters = args_list(a, "filter", &count);
	query_add_filters(&q, filters, count);
	objects = client_get(c->client, list_path(c), &q, e);
	if (!objects)
		return false;
	sort_by(objects, "Spec.Name");
	for (size_t i = 0; i < json_array_size(objects); i++)
		json_array_append_new(rows,
				      object_row(json_array_get(objects, i), is_secret, c->now_ns));
	return listing_print(is_secret ? &secret_listing : &config_listing, args_text(a, "format"),
			     args_bool(a, "quiet"), rows, e);
}

static bool fetch_object(struct cli *c, const struct args *a, const char *word, struct buf *text,
			 struct err *e)
{
	AUTO_FREE char *path = one_path(c, word);

	return client_get_text(c->client, path, NULL, text, e);
}

static void print_time(const char *label, const char *time)
{
	struct units_text text;
	int64_t ns = 0;

	(void)!time_parse(time, &ns);
	(void)time_write(ns, true, false, &text);
	for (char *at = text.text; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	printf("%s%s\n", label, text.text);
}

static bool show_object(struct cli *c, const struct args *a, const char *word, struct err *e)
{
	AUTO_FREE char *path = one_path(c, word);
	AUTO_JSON json_t *o = client_get(c->client, path, NULL, e);
	AUTO_BUF struct buf labels = BUF_MAX(65536), data = BUF_MAX(DATA_MAX);
	bool is_secret = noun(c)[0] == 's';

	if (!o)
		return false;
	printf(is_secret ? "ID:              %s\n" : "ID:\t\t\t%s\n", field_text(o, "ID"));
	printf(is_secret ? "Name:              %s\n" : "Name:\t\t\t%s\n",
	       field_text(o, "Spec.Name"));
	field_join_labels(field_at(o, "Spec.Labels"), "\n - ", &labels);
	if (labels.len)
		printf("Labels:\n - %s\n", labels.data);
	if (is_secret)
		printf("Driver:            %s\n", field_text(o, "Spec.Driver.Name"));
	print_time(is_secret ? "Created at:        " : "Created at:            \t",
		   field_text(o, "CreatedAt"));
	print_time(is_secret ? "Updated at:        " : "Updated at:            \t",
		   field_text(o, "UpdatedAt"));
	if (is_secret)
		return true;
	if (!base64_decode(str_of(field_text(o, "Spec.Data")), &data))
		return fail(e, ERR_INTERNAL, "the daemon's answer holds no base64");
	printf("Data:\n%.*s\n", STR_FMT(buf_str(&data)));
	return true;
}

static bool object_inspect(struct cli *c, const struct args *a, struct err *e)
{
	if (!args_bool(a, "pretty"))
		return inspect_print(c, a, fetch_object, e);
	if (args_has(a, "format"))
		return fail(e, ERR_INVALID, "--format is incompatible with human friendly format");
	cli_each(c, a, false, show_object);
	return true;
}

static bool remove_one(struct cli *c, const struct args *a, const char *word, struct err *e)
{
	AUTO_FREE char *path = one_path(c, word);

	return client_delete(c->client, path, NULL, NULL, e);
}

static bool object_remove(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, true, remove_one);
	return true;
}

const struct command secret_commands[] = {
	{ "secret create", NULL, "SECRET [file|-]",
	  "make a secret from a file or from standard input",
	  "$ shoal secret create db_password password.txt\n"
	  "$ openssl rand -base64 20 | shoal secret create db_password -",
	  secret_create_options, object_create, 1, 2, 0, NAMES_FILES },
	{ "secret inspect", NULL, "SECRET [SECRET...]",
	  "show all that is known of secrets, but their data",
	  "$ shoal secret inspect --pretty db_password", inspect_options, object_inspect, 1, -1, 0,
	  NAMES_SECRETS },
	{ "secret ls", "secret list", NULL, "list secrets", "$ shoal secret ls --filter name=db",
	  list_options, object_list, 0, 0 },
	{ "secret rm", "secret remove", "SECRET [SECRET...]", "remove secrets",
	  "$ shoal secret rm db_password", NULL, object_remove, 1, -1, 0, NAMES_SECRETS },
	{ 0 },
};

const struct command config_commands[] = {
	{ "config create", NULL, "CONFIG file|-",
	  "make a config from a file or from standard input",
	  "$ shoal config create nginx.conf ./nginx.conf", config_create_options, object_create, 2,
	  2, 0, NAMES_FILES },
	{ "config inspect", NULL, "CONFIG [CONFIG...]", "show all that is known of configs",
	  "$ shoal config inspect --pretty nginx.conf", inspect_options, object_inspect, 1, -1, 0,
	  NAMES_CONFIGS },
	{ "config ls", "config list", NULL, "list configs", "$ shoal config ls", list_options,
	  object_list, 0, 0 },
	{ "config rm", "config remove", "CONFIG [CONFIG...]", "remove configs",
	  "$ shoal config rm nginx.conf", NULL, object_remove, 1, -1, 0, NAMES_CONFIGS },
	{ 0 },
};
