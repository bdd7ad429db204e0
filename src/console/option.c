#include "console/option.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/mem.h"
#include "base/str.h"
#include "console/units.h"

#define OPTIONS_MAX 256

static size_t count_rows(const struct option *options)
{
	size_t count = 0;

	for (const struct option *o = options; o && o->kind != OPT_END; o++)
		count += o->kind == OPT_ALSO ? count_rows(o->also) : 1;
	return count;
}

static size_t collect_rows(const struct option *options, const struct option **into)
{
	size_t count = 0;

	for (const struct option *o = options; o && o->kind != OPT_END; o++) {
		if (o->kind == OPT_ALSO)
			count += collect_rows(o->also, into + count);
		else
			into[count++] = o;
	}
	return count;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct option *const *)a)->name,
		      (*(const struct option *const *)b)->name);
}

const struct option **options_sorted(const struct option *options, size_t *count)
{
	const struct option **rows = xcalloc(count_rows(options), sizeof(struct option *));

	*count = collect_rows(options, rows);
	qsort(rows, *count, sizeof(struct option *), by_name);
	return rows;
}

const char *option_word(const struct option *o)
{
	static const char *const words[] = {
		[OPT_TEXT] = "string",   [OPT_LIST] = "list",         [OPT_CSV] = "list",
		[OPT_FILTER] = "filter", [OPT_INT] = "int",           [OPT_UINT] = "uint",
		[OPT_REAL] = "float",    [OPT_DURATION] = "duration", [OPT_BYTES] = "bytes",
		[OPT_CPUS] = "decimal",  [OPT_ALSO] = NULL,
	};

	if (o->word)
		return o->word;
	return words[o->kind] ? words[o->kind] : "";
}

/* Edits between two words, given up above 3. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[64];

	if (n >= ARRAY_LEN(row) || m >= ARRAY_LEN(row) || n > m + 3 || m > n + 3)
		return 4;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

const char *nearest_name(const char *word, const char *const *names, size_t count)
{
	const char *best = NULL;
	unsigned best_distance = 3;

	for (size_t i = 0; i < count; i++) {
		unsigned d = distance(word, names[i]);

		if (d < best_distance && d < strlen(names[i])) {
			best = names[i];
			best_distance = d;
		}
	}
	if (best || strlen(word) < 3)
		return best;
	for (size_t i = 0; i < count; i++)
		if (strncmp(names[i], word, strlen(word)) == 0)
			return names[i];
	return NULL;
}

static struct option_value *by_long_name(const struct args *a, struct str name)
{
	for (size_t i = 0; i < a->value_count; i++)
		if (str_equal_c(name, a->values[i].option->name))
			return &a->values[i];
	return NULL;
}

static struct option_value *by_letter(const struct args *a, char letter)
{
	for (size_t i = 0; i < a->value_count; i++)
		if (a->values[i].option->letter == letter)
			return &a->values[i];
	return NULL;
}

static bool refuse_value(const struct option *o, const char *value, const char *why, struct err *e)
{
	if (o->letter)
		return fail(e, ERR_INVALID, "invalid argument \"%s\" for \"-%c, --%s\" flag: %s",
			    value, o->letter, o->name, why);
	return fail(e, ERR_INVALID, "invalid argument \"%s\" for \"--%s\" flag: %s", value, o->name,
		    why);
}

static bool refuse_syntax(const struct option *o, const char *value, const char *reader, bool range,
			  struct err *e)
{
	AUTO_FREE char *why = xasprintf("strconv.%s: parsing \"%s\": %s", reader, value,
					range ? "value out of range" : "invalid syntax");

	return refuse_value(o, value, why, e);
}

static bool read_bool(const char *text, int64_t *value)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (strcmp(text, yes[i]) == 0)
			return *value = 1, true;
		if (strcmp(text, no[i]) == 0)
			return *value = 0, true;
	}
	return false;
}

static bool read_number(struct option_value *v, const char *text, struct err *e)
{
	const struct option *o = v->option;
	struct err why;
	char *end;
	bool ok = true;

	errno = 0;
	switch (o->kind) {
	case OPT_BOOL:
		if (!read_bool(text, &v->number))
			return refuse_syntax(o, text, "ParseBool", false, e);
		return true;
	case OPT_INT:
		v->number = strtoll(text, &end, 0);
		if (!*text || *end || errno)
			return refuse_syntax(o, text, "ParseInt", errno == ERANGE, e);
		return true;
	case OPT_UINT:
		v->number = (int64_t)strtoull(text, &end, 0);
		if (!*text || *end || *text == '-' || errno)
			return refuse_syntax(o, text, "ParseUint", errno == ERANGE, e);
		return true;
	case OPT_REAL:
		v->real = strtod(text, &end);
		if (!*text || *end)
			return refuse_syntax(o, text, "ParseFloat", false, e);
		return true;
	case OPT_DURATION:
		ok = duration_parse(text, &v->number, &why);
		break;
	case OPT_BYTES:
		if (strcmp(text, "-1") == 0)
			v->number = -1;
		else
			ok = size_parse(text, &v->number, &why);
		break;
	case OPT_CPUS:
		ok = cpus_parse(text, &v->number, &why);
		break;
	default:
		break;
	}
	return ok || refuse_value(o, text, why.text, e);
}

static void add_to_list(struct option_value *v, const char *text)
{
	v->list = xrealloc(v->list, (v->list_count + 1) * sizeof(*v->list));
	v->list[v->list_count++] = text;
}

/* The pieces of a comma-separated value, cut in place: argv belongs to the process. */
static void add_pieces(struct option_value *v, const char *text)
{
	for (char *at = (char *)text, *comma; at; at = comma) {
		comma = strchr(at, ',');
		if (comma)
			*comma++ = '\0';
		add_to_list(v, at);
	}
}

static bool set_value(struct option_value *v, const char *text, struct err *e)
{
	v->is_given = true;
	if (v->option->absent)
		return fail(e, ERR_UNSUPPORTED, "--%s is not available: %s", v->option->name,
			    v->option->absent);
	switch (v->option->kind) {
	case OPT_TEXT:
		v->text = text;
		return true;
	case OPT_FILTER:
		if (!*text)
			return true;
		if (!strchr(text, '='))
			return refuse_value(v->option, text,
					    "bad format of filter (expected name=value)", e);
		add_to_list(v, text);
		return true;
	case OPT_LIST:
		add_to_list(v, text);
		return true;
	case OPT_CSV:
		add_pieces(v, text);
		return true;
	default:
		v->text = text;
		return read_number(v, text, e);
	}
}

static bool unknown_long(const struct args *a, struct str name, struct err *e)
{
	const char *names[OPTIONS_MAX], *meant;
	AUTO_FREE char *word = str_dup(name);
	size_t count = 0;

	for (size_t i = 0; i < a->value_count && count < OPTIONS_MAX; i++)
		if (!(a->values[i].option->flags & OPTION_HIDDEN))
			names[count++] = a->values[i].option->name;
	meant = nearest_name(word, names, count);
	if (meant)
		return fail(e, ERR_INVALID, "unknown flag: --%s\nDid you mean --%s?", word, meant);
	return fail(e, ERR_INVALID, "unknown flag: --%s", word);
}

/* argv[*i] is "--name" or "--name=value"; *i moves over a value of its own. */
static bool read_long(struct args *a, int argc, char *const *argv, int *i, struct err *e)
{
	struct str name, value;
	bool has_value = str_cut(str_of(argv[*i] + 2), '=', &name, &value);
	struct option_value *v = by_long_name(a, name);

	if (!v && str_equal_c(name, "help"))
		return a->wants_help = true;
	if (!v)
		return unknown_long(a, name, e);
	if (has_value)
		return set_value(v, value.ptr, e);
	if (v->option->kind == OPT_BOOL)
		return set_value(v, "true", e);
	if (*i + 1 == argc)
		return fail(e, ERR_INVALID, "flag needs an argument: --%s", v->option->name);
	return set_value(v, argv[++*i], e);
}

/* argv[*i] is "-x...": switches together, the last one perhaps with a value. */
static bool read_short(struct args *a, int argc, char *const *argv, int *i, struct err *e)
{
	for (const char *at = argv[*i] + 1; *at; at++) {
		struct option_value *v = by_letter(a, *at);

		if (!v && *at == 'h')
			return a->wants_help = true;
		if (!v)
			return fail(e, ERR_INVALID, "unknown shorthand flag: '%c' in -%s", *at, at);
		if (at[1] == '=')
			return set_value(v, at + 2, e);
		if (v->option->kind == OPT_BOOL) {
			if (!set_value(v, "true", e))
				return false;
			continue;
		}
		if (at[1])
			return set_value(v, at + 1, e);
		if (*i + 1 == argc)
			return fail(e, ERR_INVALID, "flag needs an argument: '%c' in -%s", *at,
				    argv[*i] + 1);
		return set_value(v, argv[++*i], e);
	}
	return true;
}

/* What the environment gives where the command line does not. */
static bool set_from_environment(struct args *a, struct err *e)
{
	for (size_t i = 0; i < a->value_count; i++) {
		struct option_value *v = &a->values[i];
		const char *text = v->option->env && !v->is_given ? getenv(v->option->env) : NULL;
		bool is_list = v->option->kind == OPT_LIST || v->option->kind == OPT_CSV;

		if (!text || !*text)
			continue;
		if (is_list) {
			v->is_given = true;
			v->pieces = xstrdup(text);
			add_pieces(v, v->pieces);
		} else if (!set_value(v, text, e)) {
			return while_doing(e, "%s", v->option->env);
		}
	}
	return true;
}

static void set_fallbacks(struct args *a)
{
	for (size_t i = 0; i < a->value_count; i++) {
		struct option_value *v = &a->values[i];
		const char *fallback = v->option->fallback;
		struct err e;
		bool ok;

		if (!fallback || v->is_given)
			continue;
		ok = set_value(v, fallback, &e);
		assert(ok);
		v->is_given = false;
	}
}

bool args_read(struct args *a, const struct option *options, bool stops_at_word, int argc,
	       char *const *argv, struct err *e)
{
	const struct option *rows[OPTIONS_MAX];
	bool ended = false, ok = true;

	assert(count_rows(options) <= OPTIONS_MAX);
	*a = (struct args){ .value_count = collect_rows(options, rows) };
	a->values = xcalloc(a->value_count, sizeof(*a->values));
	a->words = xcalloc((size_t)argc + 1, sizeof(*a->words));
	for (size_t i = 0; i < a->value_count; i++)
		a->values[i].option = rows[i];
	for (int i = 0; i < argc && ok; i++) {
		const char *arg = argv[i];

		if (ended || arg[0] != '-' || !arg[1]) {
			a->words[a->word_count++] = arg;
			ended = ended || stops_at_word;
		} else if (strcmp(arg, "--") == 0) {
			ended = true;
		} else if (arg[1] == '-') {
			ok = read_long(a, argc, argv, &i, e);
		} else {
			ok = read_short(a, argc, argv, &i, e);
		}
	}
	ok = ok && set_from_environment(a, e);
	set_fallbacks(a);
	return ok;
}

void args_clear(struct args *a)
{
	for (size_t i = 0; i < a->value_count; i++) {
		free(a->values[i].list);
		free(a->values[i].pieces);
	}
	free(a->values);
	free(a->words);
	*a = (struct args){ 0 };
}

static const struct option_value *value_of(const struct args *a, const char *name)
{
	const struct option_value *v = by_long_name(a, str_of(name));

	assert(v);
	return v;
}

bool args_knows(const struct args *a, const char *name)
{
	return by_long_name(a, str_of(name)) != NULL;
}

bool args_has(const struct args *a, const char *name)
{
	return value_of(a, name)->is_given;
}

bool args_bool(const struct args *a, const char *name)
{
	return value_of(a, name)->number != 0;
}

const char *args_text(const struct args *a, const char *name)
{
	const char *text = value_of(a, name)->text;

	return text ? text : "";
}

int64_t args_int(const struct args *a, const char *name)
{
	return value_of(a, name)->number;
}

double args_real(const struct args *a, const char *name)
{
	return value_of(a, name)->real;
}

const char *const *args_list(const struct args *a, const char *name, size_t *count)
{
	const struct option_value *v = value_of(a, name);

	*count = v->list_count;
	return v->list;
}
