#include "docker/word.h"

#include <ctype.h>

#include "base/arena.h"
#include "docker/instruction.h"

/* Defaults of variables within defaults of variables. */
#define NESTING_MAX 16

void words_add(struct arena *a, struct words *w, const char *word)
{
	if (w->count >= w->capacity) {
		char **before = w->items;

		w->capacity = w->count < 8 ? 8 : 2 * w->count;
		w->items = arena_alloc(a, w->capacity * sizeof(*w->items));
		if (w->count)
			memcpy(w->items, before, w->count * sizeof(*w->items));
	}
	w->items[w->count++] = (char *)word;
}

/* Where the word ends that begins here. */
static bool find_end(struct str text, size_t *end, struct err *e)
{
	char quote = '\0';
	size_t i;

	for (i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '\\' && quote != '\'' && i + 1 < text.len)
			i++;
		else if (quote)
			quote = c == quote ? '\0' : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (is_blank(c))
			break;
	}
	*end = i;
	return !quote || fail(e, ERR_INVALID,
			      "unexpected end of statement while looking for matching %s-quote",
			      quote == '"' ? "double" : "single");
}

bool words_split(struct arena *a, struct str text, struct words *w, struct err *e)
{
	text = str_trim(text);
	while (text.len > 0) {
		size_t end;

		if (!find_end(text, &end, e))
			return false;
		words_add(a, w, arena_str(a, str_bytes(text.ptr, end)));
		text = str_trim(str_bytes(text.ptr + end, text.len - end));
	}
	return true;
}

/* ---- variables ---- */

struct expansion {
	const struct words *environment;
	struct str rest;
	struct buf *out;
	int depth;
	bool is_too_long;
	struct err *e;
};

static void put(struct expansion *x, struct str text)
{
	x->is_too_long |= !buf_append_str(x->out, text);
}

static void put_char(struct expansion *x, char c)
{
	put(x, str_bytes(&c, 1));
}

static char peek(const struct expansion *x)
{
	return x->rest.len ? x->rest.ptr[0] : '\0';
}

static char take(struct expansion *x)
{
	char c = peek(x);

	if (x->rest.len) {
		x->rest.ptr++;
		x->rest.len--;
	}
	return c;
}

static bool is_in_name(char c, bool is_first)
{
	return c == '_' || isalpha((unsigned char)c) || (!is_first && isdigit((unsigned char)c));
}

static struct str take_name(struct expansion *x)
{
	struct str name = { x->rest.ptr, 0 };

	while (x->rest.len && is_in_name(peek(x), name.len == 0)) {
		(void)take(x);
		name.len++;
	}
	return name;
}

static const char *value_of(const struct words *environment, struct str name)
{
	for (size_t i = environment->count; i > 0; i--) {
		const char *item = environment->items[i - 1];

		if (strncmp(item, name.ptr, name.len) == 0 && item[name.len] == '=')
			return item + name.len + 1;
	}
	return "";
}

static bool expand_until(struct expansion *x, char until);

/* After "${NAME": "}", ":-otherwise}" or ":+instead}". */
static bool expand_braced(struct expansion *x)
{
	struct str name = take_name(x);
	const char *value = value_of(x->environment, name);
	struct buf *out = x->out;
	AUTO_BUF struct buf word = BUF_MAX(INSTRUCTIONS_MAX);
	char modifier;
	bool ok;

	if (name.len == 0)
		return fail(x->e, ERR_INVALID, "bad substitution");
	if (peek(x) == '}') {
		(void)take(x);
		put(x, str_of(value));
		return true;
	}
	if (x->rest.len == 0)
		return fail(x->e, ERR_INVALID, "syntax error: missing '}'");
	if (take(x) != ':')
		return fail(x->e, ERR_INVALID, "missing ':' in substitution");
	modifier = take(x);
	if (modifier != '-' && modifier != '+')
		return fail(x->e, ERR_INVALID, "unsupported modifier (%c) in substitution",
			    isprint((unsigned char)modifier) ? modifier : '?');
	if (x->depth == NESTING_MAX)
		return fail(x->e, ERR_INVALID, "substitutions are nested too deeply");
	x->depth++;
	x->out = &word;
	ok = expand_until(x, '}');
	x->out = out;
	x->depth--;
	if (!ok)
		return false;
	if (modifier == '-')
		put(x, value[0] ? str_of(value) : buf_str(&word));
	else if (value[0])
		put(x, buf_str(&word));
	return true;
}

static bool expand_variable(struct expansion *x)
{
	struct str name;

	if (peek(x) == '{') {
		(void)take(x);
		return expand_braced(x);
	}
	name = take_name(x);
	put(x, name.len ? str_of(value_of(x->environment, name)) : STR("$"));
	return true;
}

static bool unquote_double(struct expansion *x)
{
	while (x->rest.len) {
		char c = take(x);

		if (c == '"')
			return true;
		if (c == '$') {
			if (!expand_variable(x))
				return false;
		} else if (c == '\\' && (peek(x) == '"' || peek(x) == '$' || peek(x) == '\\')) {
			put_char(x, take(x));
		} else {
			put_char(x, c);
		}
	}
	return fail(x->e, ERR_INVALID,
		    "unexpected end of statement while looking for matching double-quote");
}

static bool unquote_single(struct expansion *x)
{
	while (x->rest.len) {
		char c = take(x);

		if (c == '\'')
			return true;
		put_char(x, c);
	}
	return fail(x->e, ERR_INVALID,
		    "unexpected end of statement while looking for matching single-quote");
}

/* To the end of the word (until is NUL), or past the brace. */
static bool expand_until(struct expansion *x, char until)
{
	while (x->rest.len) {
		char c = take(x);
		bool ok = true;

		if (until && c == until)
			return true;
		if (c == '\'')
			ok = unquote_single(x);
		else if (c == '"')
			ok = unquote_double(x);
		else if (c == '$')
			ok = expand_variable(x);
		else if (c == '\\')
			put_char(x, x->rest.len ? take(x) : '\\');
		else
			put_char(x, c);
		if (!ok)
			return false;
	}
	return !until || fail(x->e, ERR_INVALID, "syntax error: missing '}'");
}

bool word_expand(struct arena *a, struct str word, const struct words *environment,
		 const char **expanded, struct err *e)
{
	AUTO_BUF struct buf out = BUF_MAX(INSTRUCTIONS_MAX);
	struct expansion x = { .environment = environment, .rest = word, .out = &out, .e = e };

	if (!expand_until(&x, '\0'))
		return false;
	if (x.is_too_long)
		return fail(e, ERR_INVALID, "a word becomes larger than %d bytes",
			    INSTRUCTIONS_MAX);
	*expanded = arena_str(a, buf_str(&out));
	return true;
}
