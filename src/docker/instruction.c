#include "docker/instruction.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/duration.h"
#include "base/mem.h"
#include "base/str.h"
#include "docker/inside.h"
#include "docker/word.h"
#include "pb/map.h"

#define PORT_MOST 65535

static const char *const protos[] = { "tcp", "udp", "sctp" };

struct change {
	struct arena *a;
	Pb__ContainerConfig *config;
	struct words environment; /* as it was before this instruction */
	bool has_cmd;             /* a CMD came before */
	size_t made;              /* bytes that variables have become */
	size_t values;            /* that were set: at most INSTRUCTIONS_VALUES_MAX */
	bool *exposed;            /* by proto and port; NULL: nobody has asked yet */
	struct words ports;       /* the configuration's, since then */
	struct err *e;
};

static bool expand(struct change *x, struct str word, const char **expanded)
{
	if (!word_expand(x->a, word, &x->environment, expanded, x->e))
		return false;
	x->made += strlen(*expanded);
	return x->made <= INSTRUCTIONS_MADE_MAX ||
	       fail(x->e, ERR_INVALID, "the changes become larger than %d bytes",
		    INSTRUCTIONS_MADE_MAX);
}

static bool may_set_one(struct change *x)
{
	return ++x->values <= INSTRUCTIONS_VALUES_MAX ||
	       fail(x->e, ERR_INVALID, "the changes set more than %d values",
		    INSTRUCTIONS_VALUES_MAX);
}

static bool needs_arguments(struct change *x, const char *name)
{
	return fail(x->e, ERR_INVALID, "%s requires at least one argument", name);
}

/* ---- programs: JSON, or a line for a shell ---- */

/* A list of strings, if the text is one: true. A JSON list of anything else is a mistake. */
static bool read_list(struct change *x, struct str text, struct words *list, bool *is_list)
{
	json_t *value = text.len && text.ptr[0] == '['
				? json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL)
				: NULL;
	bool is_good = true;
	json_t *item;
	size_t i;

	*list = (struct words){ 0 };
	*is_list = json_is_array(value);
	json_array_foreach(value, i, item)
	{
		is_good &= json_is_string(item) &&
			   strlen(json_string_value(item)) == json_string_length(item);
		if (is_good)
			words_add(x->a, list, arena_strdup(x->a, json_string_value(item)));
	}
	json_decref(value);
	return is_good || fail(x->e, ERR_INVALID,
			       "when using JSON array syntax, arrays must be comprised of strings "
			       "only");
}

/* What starts the program that the text means. */
static bool read_program(struct change *x, struct str text, struct words *program)
{
	const Pb__ContainerConfig *c = x->config;
	bool is_list;

	if (!read_list(x, text, program, &is_list))
		return false;
	if (is_list || text.len == 0)
		return true;
	for (size_t i = 0; i < c->n_shell; i++)
		words_add(x->a, program, c->shell[i]);
	if (c->n_shell == 0) {
		words_add(x->a, program, "/bin/sh");
		words_add(x->a, program, "-c");
	}
	words_add(x->a, program, arena_str(x->a, text));
	return true;
}

static bool change_cmd(struct change *x, struct str text)
{
	struct words program;

	if (!read_program(x, text, &program))
		return false;
	x->config->cmd = program.items;
	x->config->n_cmd = program.count;
	x->has_cmd = true;
	return true;
}

/* The arguments that another entry point had are none for this one. */
static bool change_entrypoint(struct change *x, struct str text)
{
	struct words program;

	if (text.len == 0)
		return needs_arguments(x, "ENTRYPOINT");
	if (!read_program(x, text, &program))
		return false;
	x->config->entrypoint = program.items;
	x->config->n_entrypoint = program.count;
	if (!x->has_cmd)
		x->config->n_cmd = 0;
	return true;
}

/* ---- names with values ---- */

static void set_variable(struct change *x, const char *name, const char *value)
{
	Pb__ContainerConfig *c = x->config;
	char *text = arena_printf(x->a, "%s=%s", name, value);
	size_t len = strlen(name) + 1;
	char **list = arena_alloc(x->a, (c->n_env + 1) * sizeof(*list));
	bool is_there = false;

	for (size_t i = 0; i < c->n_env; i++) {
		bool is_this = strncmp(c->env[i], text, len) == 0;

		list[i] = is_this ? text : c->env[i];
		is_there |= is_this;
	}
	c->env = list;
	if (!is_there)
		c->env[c->n_env++] = text;
}

static void set_label(struct change *x, const char *name, const char *value)
{
	PB_MAP_SET(x->a, x->config, labels, name, value);
}

typedef void set_pair(struct change *x, const char *name, const char *value);

static bool put_pair(struct change *x, const char *word, struct str name, struct str value,
		     set_pair *set)
{
	const char *expanded_name, *expanded;

	if (!may_set_one(x) || !expand(x, name, &expanded_name) || !expand(x, value, &expanded))
		return false;
	if (!expanded_name[0])
		return fail(x->e, ERR_INVALID, "%s names can not be blank", word);
	set(x, expanded_name, expanded);
	return true;
}

/* "a=b c=d", or as it once was "a b c": one name, and the rest is its value. */
static bool change_pairs(struct change *x, const char *word, struct str text, set_pair *set)
{
	struct words words = { 0 };
	struct str name, value;

	if (!words_split(x->a, text, &words, x->e))
		return false;
	if (words.count == 0)
		return needs_arguments(x, word);
	if (!strchr(words.items[0], '=')) {
		size_t len = strlen(words.items[0]);

		value = str_trim(str_bytes(text.ptr + len, text.len - len));
		if (value.len == 0)
			return fail(x->e, ERR_INVALID, "%s must have two arguments", word);
		return put_pair(x, word, str_of(words.items[0]), value, set);
	}
	for (size_t i = 0; i < words.count; i++) {
		if (!str_cut(str_of(words.items[i]), '=', &name, &value))
			return fail(x->e, ERR_INVALID,
				    "Syntax error - can't find = in \"%s\". Must be of the form: "
				    "name=value",
				    words.items[i]);
		if (!put_pair(x, word, name, value, set))
			return false;
	}
	return true;
}

static bool change_env(struct change *x, struct str text)
{
	return change_pairs(x, "ENV", text, set_variable);
}

static bool change_label(struct change *x, struct str text)
{
	return change_pairs(x, "LABEL", text, set_label);
}

/* ---- sets ---- */

static bool has(char *const *list, size_t count, const char *item)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], item) == 0)
			return true;
	return false;
}

static bool read_port(struct str text, uint64_t *port)
{
	return str_to_u64(text, port) && *port > 0 && *port <= PORT_MOST;
}

static bool *exposed_at(struct change *x, size_t proto, uint64_t port)
{
	return &x->exposed[proto * (PORT_MOST + 1) + port];
}

/* What the configuration exposes already, so that a range of all ports costs a step a port. */
static void note_exposed(struct change *x)
{
	const Pb__ContainerConfig *c = x->config;

	if (x->exposed)
		return;
	x->exposed = arena_alloc(x->a, ARRAY_LEN(protos) * (PORT_MOST + 1) * sizeof(bool));
	for (size_t i = 0; i < c->n_exposed_ports; i++) {
		struct str number, proto;
		uint64_t port;

		words_add(x->a, &x->ports, c->exposed_ports[i]);
		if (!str_cut(str_of(c->exposed_ports[i]), '/', &number, &proto) ||
		    !read_port(number, &port))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(protos); k++)
			if (str_equal_c(proto, protos[k]))
				*exposed_at(x, k, port) = true;
	}
}

/* "80", "80/udp", "8000-8010/tcp". */
static bool expose(struct change *x, const char *word)
{
	struct str range, proto, first, last;
	uint64_t low, high;
	size_t k = 0;

	if (!str_cut(str_of(word), '/', &range, &proto))
		proto = str_of(protos[0]);
	while (k < ARRAY_LEN(protos) && !str_equal_c(proto, protos[k]))
		k++;
	if (k == ARRAY_LEN(protos))
		return fail(x->e, ERR_INVALID, "invalid proto: %.*s", STR_FMT(proto));
	if (!str_cut(range, '-', &first, &last))
		last = first;
	if (!read_port(first, &low) || !read_port(last, &high) || low > high)
		return fail(x->e, ERR_INVALID, "invalid containerPort: %.*s", STR_FMT(range));
	note_exposed(x);
	for (; low <= high; low++) {
		if (*exposed_at(x, k, low))
			continue;
		*exposed_at(x, k, low) = true;
		words_add(x->a, &x->ports,
			  arena_printf(x->a, "%llu/%s", (unsigned long long)low, protos[k]));
	}
	x->config->exposed_ports = x->ports.items;
	x->config->n_exposed_ports = x->ports.count;
	return true;
}

static bool change_expose(struct change *x, struct str text)
{
	struct words words = { 0 }, ports = { 0 };

	if (!words_split(x->a, text, &words, x->e))
		return false;
	if (words.count == 0)
		return needs_arguments(x, "EXPOSE");
	for (size_t i = 0; i < words.count; i++) {
		const char *expanded;

		if (!expand(x, str_of(words.items[i]), &expanded) ||
		    !words_split(x->a, str_of(expanded), &ports, x->e))
			return false;
	}
	for (size_t i = 0; i < ports.count; i++)
		if (!expose(x, ports.items[i]))
			return false;
	return true;
}

static bool change_volume(struct change *x, struct str text)
{
	Pb__ContainerConfig *c = x->config;
	struct words words;
	bool is_list;

	if (!read_list(x, text, &words, &is_list) ||
	    (!is_list && !words_split(x->a, text, &words, x->e)))
		return false;
	if (words.count == 0)
		return needs_arguments(x, "VOLUME");
	for (size_t i = 0; i < words.count; i++) {
		const char *path;

		if (!expand(x, str_of(words.items[i]), &path))
			return false;
		path = arena_str(x->a, str_trim(str_of(path)));
		if (!path[0])
			return fail(x->e, ERR_INVALID,
				    "VOLUME specified can not be an empty string");
		if (!may_set_one(x))
			return false;
		if (!has(c->volumes, c->n_volumes, path))
			PB_APPEND(x->a, c, volumes, (char *)path);
	}
	return true;
}

/* ---- one word ---- */

static bool read_one(struct change *x, const char *name, struct str text, char **value)
{
	const char *expanded;

	if (text.len == 0)
		return fail(x->e, ERR_INVALID, "%s requires exactly one argument", name);
	if (!expand(x, text, &expanded))
		return false;
	*value = (char *)expanded;
	return true;
}

static bool change_user(struct change *x, struct str text)
{
	return read_one(x, "USER", text, &x->config->user);
}

static bool change_stopsignal(struct change *x, struct str text)
{
	return read_one(x, "STOPSIGNAL", text, &x->config->stop_signal);
}

/* "/a" and "../b/./c" is "/b/c". */
static char *join_path(struct arena *a, const char *base, const char *path)
{
	struct str rest = str_of(path[0] == '/' ? path : arena_printf(a, "%s/%s", base, path)),
		   part;
	char *out = arena_alloc(a, rest.len + 2);
	size_t len = 0;
	bool more = true;

	while (more) {
		more = str_cut(rest, '/', &part, &rest);
		if (part.len == 0 || str_equal_c(part, "."))
			continue;
		if (str_equal_c(part, "..")) {
			while (len > 0 && out[--len] != '/')
				continue;
			continue;
		}
		out[len++] = '/';
		memcpy(out + len, part.ptr, part.len);
		len += part.len;
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

static bool change_workdir(struct change *x, struct str text)
{
	char *path = NULL;

	if (!read_one(x, "WORKDIR", text, &path))
		return false;
	x->config->working_dir = join_path(x->a, x->config->working_dir, path);
	return true;
}

/* ---- ONBUILD ---- */

static bool change_onbuild(struct change *x, struct str text)
{
	static const char *const refused[] = { "FROM", "MAINTAINER" };
	struct str word = str_bytes(text.ptr, 0);
	AUTO_FREE char *upper = NULL;

	while (word.len < text.len && !is_blank(text.ptr[word.len]))
		word.len++;
	if (word.len == 0)
		return needs_arguments(x, "ONBUILD");
	upper = str_dup(word);
	for (char *c = upper; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	if (strcmp(upper, "ONBUILD") == 0)
		return fail(x->e, ERR_INVALID,
			    "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (strcmp(upper, refused[i]) == 0)
			return fail(x->e, ERR_INVALID, "%s isn't allowed as an ONBUILD trigger",
				    upper);
	PB_APPEND(x->a, x->config, on_build, arena_str(x->a, text));
	return may_set_one(x);
}

/* ---- HEALTHCHECK ---- */

static bool read_span(struct change *x, const char *name, const char *text, Pb__Duration **span)
{
	int64_t ns;

	if (!duration_parse(text, &ns, x->e))
		return false;
	if (ns != 0 && ns < 1000000)
		return fail(x->e, ERR_INVALID, "Interval \"%s\" cannot be less than 1ms", name);
	*span = PB_NEW(x->a, duration);
	(*span)->seconds = ns / 1000000000;
	(*span)->nanos = (int32_t)(ns % 1000000000);
	return true;
}

static bool read_flag(struct change *x, struct str flag, Pb__HealthConfig *h)
{
	const struct {
		const char *name;
		Pb__Duration **span;
	} spans[] = {
		{ "interval", &h->interval },
		{ "timeout", &h->timeout },
		{ "start-period", &h->start_period },
		{ "start-interval", &h->start_interval },
	};
	struct str name, value;
	uint64_t count;

	if (!str_cut(flag, '=', &name, &value))
		return fail(x->e, ERR_INVALID, "Missing a value on flag: --%.*s", STR_FMT(flag));
	for (size_t i = 0; i < ARRAY_LEN(spans); i++)
		if (str_equal_c(name, spans[i].name))
			return read_span(x, spans[i].name, arena_str(x->a, value), spans[i].span);
	if (!str_equal_c(name, "retries"))
		return fail(x->e, ERR_INVALID, "Unknown flag: %.*s", STR_FMT(name));
	if (!str_to_u64(value, &count) || count > INT32_MAX)
		return fail(x->e, ERR_INVALID, "strconv.ParseInt: parsing \"%.*s\": invalid syntax",
			    STR_FMT(value));
	h->retries = (int32_t)count;
	return true;
}

/* Cut the first word off. */
static struct str take_word(struct str *text)
{
	struct str word = { text->ptr, 0 };

	while (word.len < text->len && !is_blank(text->ptr[word.len]))
		word.len++;
	*text = str_trim(str_bytes(text->ptr + word.len, text->len - word.len));
	return word;
}

static bool read_test(struct change *x, struct str text, Pb__HealthConfig *h)
{
	struct words test = { 0 }, program;
	bool is_list;

	if (text.len == 0)
		return fail(x->e, ERR_INVALID, "Missing command after HEALTHCHECK CMD");
	if (!read_list(x, text, &program, &is_list))
		return false;
	words_add(x->a, &test, is_list ? "CMD" : "CMD-SHELL");
	for (size_t i = 0; is_list && i < program.count; i++)
		words_add(x->a, &test, program.items[i]);
	if (!is_list)
		words_add(x->a, &test, arena_str(x->a, text));
	h->test = test.items;
	h->n_test = test.count;
	return true;
}

static bool change_healthcheck(struct change *x, struct str text)
{
	Pb__HealthConfig *h = PB_NEW(x->a, health_config);
	struct words none = { 0 };
	struct str word;

	while (str_starts_with(text, "--")) {
		struct str flag = take_word(&text);

		if (!read_flag(x, str_bytes(flag.ptr + 2, flag.len - 2), h))
			return false;
	}
	word = take_word(&text);
	if (word.len == 0)
		return needs_arguments(x, "HEALTHCHECK");
	x->config->healthcheck = h;
	if (word.len == 3 && strncasecmp(word.ptr, "CMD", 3) == 0)
		return read_test(x, text, h);
	if (word.len != 4 || strncasecmp(word.ptr, "NONE", 4) != 0)
		return fail(x->e, ERR_INVALID, "Unknown type \"%.*s\" in HEALTHCHECK (try CMD)",
			    STR_FMT(word));
	if (text.len > 0)
		return fail(x->e, ERR_INVALID, "HEALTHCHECK NONE takes no arguments");
	words_add(x->a, &none, "NONE");
	h->test = none.items;
	h->n_test = none.count;
	return true;
}

/* ---- all of them ---- */

static const struct {
	const char *word;
	bool (*change)(struct change *x, struct str text);
} instructions[] = {
	{ "CMD", change_cmd },
	{ "ENTRYPOINT", change_entrypoint },
	{ "ENV", change_env },
	{ "EXPOSE", change_expose },
	{ "HEALTHCHECK", change_healthcheck },
	{ "LABEL", change_label },
	{ "ONBUILD", change_onbuild },
	{ "STOPSIGNAL", change_stopsignal },
	{ "USER", change_user },
	{ "VOLUME", change_volume },
	{ "WORKDIR", change_workdir },
};

static bool apply(struct change *x, struct str line)
{
	struct str word = take_word(&line);

	x->environment = (struct words){ .items = x->config->env, .count = x->config->n_env };
	for (size_t i = 0; i < ARRAY_LEN(instructions); i++)
		if (word.len == strlen(instructions[i].word) &&
		    strncasecmp(word.ptr, instructions[i].word, word.len) == 0)
			return instructions[i].change(x, line);
	return fail(x->e, ERR_INVALID, "%.*s is not a valid change command", STR_FMT(word));
}

/* A line that ends with a backslash goes on in the next that is no comment. */
static bool goes_on(struct str *line)
{
	struct str bare = str_trim(*line);

	if (bare.len == 0 || bare.ptr[bare.len - 1] != '\\')
		return false;
	line->len = (size_t)(bare.ptr + bare.len - 1 - line->ptr);
	return true;
}

static bool apply_text(struct change *x, struct str text, size_t *total)
{
	AUTO_BUF struct buf whole = BUF_MAX(INSTRUCTIONS_MAX);
	bool more = true;

	*total += text.len;
	if (*total > INSTRUCTIONS_MAX)
		return fail(x->e, ERR_INVALID, "the changes are larger than %d bytes",
			    INSTRUCTIONS_MAX);
	while (more) {
		struct str line, bare;

		more = str_cut(text, '\n', &line, &text);
		bare = str_trim(line);
		if (bare.len == 0 || bare.ptr[0] == '#')
			continue;
		if (goes_on(&line)) {
			buf_append_str(&whole, line);
			continue;
		}
		buf_append_str(&whole, line);
		if (!apply(x, str_trim(buf_str(&whole))))
			return false;
		buf_reset(&whole);
	}
	return whole.len == 0 || apply(x, str_trim(buf_str(&whole)));
}

bool instructions_apply(struct arena *a, const char *const *texts, size_t count,
			Pb__ContainerConfig *config, struct err *e)
{
	struct change x = { .a = a, .config = config, .e = e };
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		if (!apply_text(&x, str_of(texts[i]), &total))
			return false;
	return true;
}
