/* ls: every machine, asked at the same time. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "console/option.h"
#include "console/table.h"
#include "template/template.h"
#include "machine/certs.h"
#include "machine/cli.h"
#include "machine/driver.h"
#include "machine/engine.h"

#define CERT_WARN_DAYS 30
#define COLUMN_MIN     5
#define TEXT_BYTES_MAX ((size_t)64 << 20)
#define TIMEOUT_S_MAX  3600
#define DEFAULT_TEMPLATE                                                                           \
	"{{.Name}}\t{{.Active}}\t{{.DriverName}}\t{{.State}}\t{{.URL}}\t{{.Swarm}}\t"              \
	"{{.DockerVersion}}\t{{.Error}}"

static const struct {
	const char *field, *header;
} columns[] = {
	{ "Name", "NAME" },
	{ "Active", "ACTIVE" },
	{ "ActiveHost", "ACTIVE_HOST" },
	{ "ActiveSwarm", "ACTIVE_SWARM" },
	{ "DriverName", "DRIVER" },
	{ "State", "STATE" },
	{ "URL", "URL" },
	{ "Swarm", "SWARM" },
	{ "Error", "ERRORS" },
	{ "DockerVersion", "DOCKER" },
	{ "ResponseTime", "RESPONSE" },
};

struct row {
	const char *name;
	struct machine *machine; /* NULL when it could not be loaded */
	struct err why;
	char *url; /* NULL unless it runs */
};

/* ---- filters: the same key ORs, different keys AND ---- */

static bool has_label(const struct machine *m, const char *wanted)
{
	const json_t *labels = field_at(m ? m->config : NULL, "HostOptions.EngineOptions.Labels");

	for (size_t i = 0; i < json_array_size(labels); i++) {
		const char *label = json_string_value(json_array_get(labels, i));

		if (label && strcasecmp(label, wanted) == 0)
			return true;
	}
	return false;
}

static bool matches_name(const char *name, const char *pattern)
{
	regex_t re;
	bool found;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB | REG_ICASE) != 0)
		return false;
	found = regexec(&re, name, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

static enum machine_state state_of(const struct row *r)
{
	return r->machine ? r->machine->state : STATE_ERROR;
}

static bool fits_one(const struct row *r, struct str key, const char *value)
{
	if (str_equal_c(key, "name"))
		return matches_name(r->name, value);
	if (str_equal_c(key, "state"))
		return strcasecmp(state_name(state_of(r)), value) == 0;
	if (str_equal_c(key, "driver"))
		return strcasecmp(r->machine ? r->machine->driver->name : "not found", value) == 0;
	return has_label(r->machine, value);
}

static bool fits(const struct row *r, const char *const *filters, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str key, value, other;
		bool any = false;

		str_cut(str_of(filters[i]), '=', &key, &value);
		for (size_t j = 0; j < count && !any; j++) {
			str_cut(str_of(filters[j]), '=', &other, &value);
			any = str_equal(key, other) && fits_one(r, other, value.ptr);
		}
		if (!any)
			return false;
	}
	return true;
}

static bool check_filters(const char *const *filters, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		struct str key, value;

		if (!str_cut(str_of(filters[i]), '=', &key, &value))
			return fail(e, ERR_INVALID, "Unsupported filter syntax");
		if (!str_equal_c(key, "name") && !str_equal_c(key, "state") &&
		    !str_equal_c(key, "driver") && !str_equal_c(key, "label"))
			return fail(e, ERR_INVALID, "Unsupported filter key '%.*s'", STR_FMT(key));
	}
	return true;
}

/* ---- rows ---- */

static bool is_active(const struct row *r)
{
	const char *host = getenv("DOCKER_HOST");

	return host && r->url && strcmp(host, r->url) == 0;
}

/* The engine's certificate, when it will end soon enough to do something about it. */
static char *certificate_trouble(const struct machine *m)
{
	AUTO_FREE char *path = machine_file(m, "server.pem");
	struct err ignored;
	int days;

	if (!cert_days_left(path, &days, &ignored) || days > CERT_WARN_DAYS)
		return NULL;
	if (days < 0)
		return xasprintf("Its certificate has ended: `%s regenerate-certs %s`",
				 program.name, m->name);
	return xasprintf("Its certificate ends in %d days: `%s regenerate-certs %s`", days,
			 program.name, m->name);
}

static json_t *row_json(const struct row *r, const struct engine_answer *answer)
{
	json_t *row = row_new(NULL);
	AUTO_FREE char *version =
		*answer->version ? xasprintf("v%s", answer->version) : xstrdup("Unknown");
	AUTO_FREE char *trouble = NULL;
	bool late = r->url && answer->is_late;

	if (!r->machine)
		trouble = xstrdup(r->why.text);
	else if (r->machine->why.kind)
		trouble = xstrdup(r->machine->why.text);
	else if (r->url && !*answer->version && !late)
		trouble = xasprintf("Unable to query docker version: %s", answer->why.text);
	else
		trouble = certificate_trouble(r->machine);
	row_set(row, "Name", r->name);
	row_set(row, "Active", is_active(r) ? "*" : "-");
	json_object_set_new(row, "ActiveHost", json_boolean(is_active(r)));
	json_object_set_new(row, "ActiveSwarm", json_false());
	row_set(row, "DriverName", r->machine ? r->machine->driver->name : "not found");
	row_set(row, "State", state_name(late ? STATE_TIMEOUT : state_of(r)));
	row_set(row, "URL", r->url && !late ? r->url : "");
	row_set(row, "Swarm", "");
	row_set(row, "DockerVersion", version);
	row_set(row, "ResponseTime", "");
	row_set(row, "Error", trouble ? trouble : "");
	return row;
}

/* Each in its row, seen by its driver. */
static struct row *load_rows(const struct store *s, char *const *names, size_t count,
			     int64_t timeout_ms)
{
	AUTO_FREE struct machine **machines = xcalloc(count + 1, sizeof(struct machine *));
	struct row *rows = xcalloc(count + 1, sizeof(*rows));

	for (size_t i = 0; i < count; i++) {
		rows[i].name = names[i];
		machines[i] = rows[i].machine = machine_load(s, names[i], &rows[i].why);
	}
	machines_look(machines, count, timeout_ms);
	for (size_t i = 0; i < count; i++)
		rows[i].url = machines[i] ? machine_url_seen(machines[i]) : NULL;
	return rows;
}

static void row_clear(struct row *r)
{
	machine_free(r->machine);
	free(r->url);
}

static json_t *collect(struct row *rows, size_t count, int64_t timeout_ms)
{
	AUTO_FREE struct engine_answer *answers = xcalloc(count + 1, sizeof(*answers));
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		answers[i].machine = rows[i].url ? rows[i].machine : NULL;
	engines_ask(answers, count, timeout_ms);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, row_json(&rows[i], &answers[i]));
	return list;
}

/* ---- output ---- */

/* "\t" and "\n" as people write them inside of quotes. */
static char *unescape(const char *text)
{
	char *out = xmalloc(strlen(text) + 1), *to = out;

	for (; *text; text++) {
		if (text[0] == '\\' && (text[1] == 't' || text[1] == 'n'))
			*to++ = *++text == 't' ? '\t' : '\n';
		else
			*to++ = *text;
	}
	*to = '\0';
	return out;
}

static json_t *headers(void)
{
	json_t *row = row_new(NULL);

	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		row_set(row, columns[i].field, columns[i].header);
	return row;
}

static bool print_by_template(const char *text, bool has_header, json_t *rows, struct err *e)
{
	AUTO_FREE char *plain = unescape(text);
	AUTO_BUF struct buf lines = BUF_MAX(TEXT_BYTES_MAX), laid = BUF_MAX(2 * TEXT_BYTES_MAX);
	struct template *t = template_parse(plain, e);
	bool ok = t != NULL;

	if (has_header)
		json_array_insert_new(rows, 0, headers());
	for (size_t i = 0; ok && i < json_array_size(rows); i++)
		ok = template_run(t, json_array_get(rows, i), true, &lines, e) &&
		     buf_append_char(&lines, '\n');
	template_free(t);
	if (!ok)
		return false;
	if (has_header)
		table_layout_wide(buf_str(&lines), COLUMN_MIN, &laid);
	printf("%s",
	       buf_str(has_header ? &laid : &lines).len ? (has_header ? &laid : &lines)->data : "");
	return true;
}

static void print_json(const json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		AUTO_FREE char *text = json_dumps(json_array_get(rows, i), JSON_COMPACT);

		printf("%s\n", text);
	}
}

static bool print_rows(const char *format, json_t *rows, struct err *e)
{
	if (strcmp(format, "json") == 0) {
		print_json(rows);
		return true;
	}
	if (!*format || strcmp(format, "table") == 0)
		return print_by_template(DEFAULT_TEMPLATE, true, rows, e);
	if (strncmp(format, "table ", 6) == 0)
		return print_by_template(format + 6, true, rows, e);
	return print_by_template(format, false, rows, e);
}

static bool show(const struct args *a, struct row *rows, size_t count, struct err *e)
{
	AUTO_JSON json_t *list = NULL;

	if (args_bool(a, "quiet")) {
		for (size_t i = 0; i < count; i++)
			printf("%s\n", rows[i].name);
		return true;
	}
	list = collect(rows, count, args_int(a, "timeout") * 1000);
	return print_rows(args_text(a, "format"), list, e);
}

bool machine_ls(struct cli *c, const struct args *a, struct err *e)
{
	size_t count, filter_count, kept = 0;
	const char *const *filters = args_list(a, "filter", &filter_count);
	int64_t timeout_s = args_int(a, "timeout");
	AUTO_FREE struct row *rows = NULL;
	char **names;
	bool ok;

	if (!check_filters(filters, filter_count, e))
		return false;
	if (timeout_s < 1 || timeout_s > TIMEOUT_S_MAX)
		return fail(e, ERR_INVALID, "-t is 1 to %d seconds", TIMEOUT_S_MAX);
	names = store_names(&c->store, &count);
	rows = load_rows(&c->store, names, count, timeout_s * 1000);
	for (size_t i = 0; i < count; i++) {
		if (fits(&rows[i], filters, filter_count))
			rows[kept++] = rows[i];
		else
			row_clear(&rows[i]);
	}
	ok = show(a, rows, kept, e);
	for (size_t i = 0; i < kept; i++)
		row_clear(&rows[i]);
	names_free(names, count);
	return ok;
}
