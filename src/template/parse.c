#include "template/template.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/tree.h"

struct parser {
	struct template *t;
	const char *text, *at; /* inside an action `at` is between its braces */
	const char *end;       /* of the action */
	int depth;
	struct err *e;
};

static bool parse_list(struct parser *p, struct node_list *into, struct str *ended_by);
static struct pipe *parse_pipe(struct parser *p, char until);

static bool refuse(struct parser *p, const char *what)
{
	return fail(p->e, ERR_INVALID, "failed to parse template: %s (at character %ld)", what,
		    (long)(p->at - p->text) + 1);
}

static void skip_blanks(struct parser *p)
{
	while (p->at < p->end && strchr(" \t\r\n", *p->at))
		p->at++;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static struct str take_word(struct parser *p)
{
	const char *from = p->at;

	while (p->at < p->end && is_word(*p->at))
		p->at++;
	return str_bytes(from, (size_t)(p->at - from));
}

/* The names after dots: ".A.B". A lone dot has none. */
static bool take_fields(struct parser *p, struct operand *o)
{
	struct str fields[TEMPLATE_DEPTH_MAX];

	while (p->at < p->end && *p->at == '.' && p->at + 1 < p->end && is_word(p->at[1])) {
		p->at++;
		if (o->field_count == TEMPLATE_DEPTH_MAX)
			return refuse(p, "too many fields");
		fields[o->field_count++] = take_word(p);
	}
	o->fields = arena_copy(&p->t->arena, fields, o->field_count * sizeof(*fields));
	return true;
}

static bool literal(struct parser *p, struct operand *o, json_t *value)
{
	if (!value)
		return refuse(p, "bad literal");
	o->kind = OPERAND_LITERAL;
	o->literal = value;
	json_array_append_new(p->t->literals, value);
	return true;
}

static bool take_quoted(struct parser *p, struct operand *o)
{
	AUTO_BUF struct buf text = BUF_MAX(TEMPLATE_TEXT_MAX);
	char quote = *p->at++;

	for (; p->at < p->end && *p->at != quote; p->at++) {
		static const char names[] = "ntr\\\"'", values[] = "\n\t\r\\\"'";
		const char *name;

		if (quote == '`' || *p->at != '\\') {
			buf_append_char(&text, *p->at);
			continue;
		}
		p->at++;
		name = p->at < p->end ? strchr(names, *p->at) : NULL;
		if (!name || !*name)
			return refuse(p, "unknown escape");
		buf_append_char(&text, values[name - names]);
	}
	if (p->at == p->end)
		return refuse(p, "unterminated quoted string");
	p->at++;
	return literal(p, o, json_stringn(buf_str(&text).ptr, text.len));
}

static bool take_number(struct parser *p, struct operand *o)
{
	char digits[32], *end;
	size_t n = 0;
	long long whole;

	while (p->at < p->end && n < sizeof(digits) - 1 &&
	       (is_word(*p->at) || strchr("+-.", *p->at)))
		digits[n++] = *p->at++;
	digits[n] = '\0';
	whole = strtoll(digits, &end, 0);
	if (!*end)
		return literal(p, o, json_integer(whole));
	if (strspn(digits, "0123456789.eE+-") != n)
		return refuse(p, "bad number");
	return literal(p, o, json_real(strtod(digits, NULL)));
}

static bool take_name(struct parser *p, struct operand *o)
{
	o->name = take_word(p);
	if (str_equal_c(o->name, "true"))
		return literal(p, o, json_true());
	if (str_equal_c(o->name, "false"))
		return literal(p, o, json_false());
	if (str_equal_c(o->name, "nil"))
		return literal(p, o, json_null());
	o->kind = OPERAND_FUNCTION;
	return true;
}

static struct operand *parse_operand(struct parser *p)
{
	struct operand *o = ARENA_NEW(&p->t->arena, struct operand);
	char c = *p->at;
	bool ok;

	if (c == '.') {
		o->kind = OPERAND_DOT;
		ok = take_fields(p, o);
		if (ok && o->field_count == 0)
			p->at++;
	} else if (c == '$') {
		p->at++;
		o->kind = OPERAND_VARIABLE;
		o->name = take_word(p);
		ok = take_fields(p, o);
	} else if (c == '(') {
		p->at++;
		o->kind = OPERAND_PIPE;
		o->pipe = parse_pipe(p, ')');
		ok = o->pipe && take_fields(p, o);
	} else if (c == '"' || c == '`' || c == '\'') {
		ok = take_quoted(p, o);
	} else if (isdigit((unsigned char)c) ||
		   (strchr("+-", c) && p->at + 1 < p->end && isdigit((unsigned char)p->at[1]))) {
		ok = take_number(p, o);
	} else if (is_word(c)) {
		ok = take_name(p, o);
	} else {
		ok = refuse(p, "unexpected character in an action");
	}
	return ok ? o : NULL;
}

/* "$a, $b := " or "$a = " in front of a pipe; nothing is eaten if there is none. */
static void parse_declaration(struct parser *p, struct pipe *pipe)
{
	const char *from = p->at;
	struct str names[2];
	int count = 0;

	while (count < 2 && p->at < p->end && *p->at == '$') {
		p->at++;
		names[count++] = take_word(p);
		skip_blanks(p);
		if (p->at >= p->end || *p->at != ',')
			break;
		p->at++;
		skip_blanks(p);
	}
	pipe->assigns = p->at < p->end && *p->at == '=';
	if (count && (pipe->assigns || (p->at + 1 < p->end && memcmp(p->at, ":=", 2) == 0))) {
		p->at += pipe->assigns ? 1 : 2;
		memcpy(pipe->variables, names, sizeof(names));
		pipe->variable_count = count;
		return;
	}
	p->at = from;
}

static struct pipe_command *parse_command(struct parser *p, char until)
{
	struct pipe_command *c = ARENA_NEW(&p->t->arena, struct pipe_command);
	struct operand **last = &c->operands;

	for (skip_blanks(p); p->at < p->end && *p->at != '|' && *p->at != until; skip_blanks(p)) {
		*last = parse_operand(p);
		if (!*last)
			return NULL;
		last = &(*last)->next;
	}
	if (!c->operands)
		return refuse(p, "missing value for command"), NULL;
	return c;
}

static struct pipe *parse_pipe(struct parser *p, char until)
{
	struct pipe *pipe = ARENA_NEW(&p->t->arena, struct pipe);
	struct pipe_command **last = &pipe->commands;

	if (++p->depth > TEMPLATE_DEPTH_MAX)
		return refuse(p, "nested too deeply"), NULL;
	skip_blanks(p);
	parse_declaration(p, pipe);
	for (;;) {
		*last = parse_command(p, until);
		if (!*last)
			return NULL;
		last = &(*last)->next;
		if (p->at == p->end || *p->at != '|')
			break;
		p->at++;
	}
	p->depth--;
	if (!until)
		return pipe;
	if (p->at == p->end)
		return refuse(p, "unclosed left paren"), NULL;
	p->at++;
	return pipe;
}

static const char *trim_end(const char *from, const char *to)
{
	while (to > from && strchr(" \t\r\n", to[-1]))
		to--;
	return to;
}

/* Where the action's text ends ("}}" outside quotes), or NULL. */
static const char *find_close(const char *at)
{
	char quote = 0;

	for (; *at; at++) {
		if (quote) {
			if (*at == '\\' && quote != '`' && at[1])
				at++;
			else if (*at == quote)
				quote = 0;
		} else if (strchr("\"'`", *at)) {
			quote = *at;
		} else if (at[0] == '}' && at[1] == '}') {
			return at;
		}
	}
	return NULL;
}

static struct template_node *add_node(struct parser *p, struct node_list *list, enum node_kind kind)
{
	struct template_node *n = ARENA_NEW(&p->t->arena, struct template_node);

	n->kind = kind;
	n->body.last = &n->body.first;
	n->otherwise.last = &n->otherwise.first;
	*list->last = n;
	list->last = &n->next;
	return n;
}

static void add_text(struct parser *p, struct node_list *list, const char *from, const char *to)
{
	if (to > from)
		add_node(p, list, NODE_TEXT)->text = str_bytes(from, (size_t)(to - from));
}

/* Enter the action that begins at `open` ("{{"). */
static bool enter_action(struct parser *p, const char *open)
{
	const char *close;

	p->at = open + 2;
	if (strncmp(p->at, "/*", 2) == 0 || strncmp(p->at, "- /*", 4) == 0) {
		close = strstr(p->at, "*/");
		if (!close)
			return refuse(p, "unclosed comment");
		close = strstr(close, "}}");
	} else {
		close = find_close(p->at);
	}
	if (!close)
		return refuse(p, "unclosed action");
	p->end = close;
	if (*p->at == '-' && p->at + 1 < close && isspace((unsigned char)p->at[1]))
		p->at++;
	if (close - p->at >= 2 && close[-1] == '-' && isspace((unsigned char)close[-2]))
		p->end = close - 1;
	return true;
}

/* The rest of an if, range or with, up to and including its end. */
static bool parse_block(struct parser *p, struct template_node *n)
{
	struct str ended_by;

	n->pipe = parse_pipe(p, 0);
	if (!n->pipe || !parse_list(p, &n->body, &ended_by))
		return false;
	if (str_equal_c(ended_by, "else")) {
		skip_blanks(p);
		if (p->at < p->end) {
			struct str word = take_word(p);

			if (!str_equal_c(word, "if") && !str_equal_c(word, "with"))
				return refuse(p, "expected end of the else action");
			return parse_block(p,
					   add_node(p, &n->otherwise,
						    str_equal_c(word, "if") ? NODE_IF : NODE_WITH));
		}
		if (!parse_list(p, &n->otherwise, &ended_by))
			return false;
	}
	return str_equal_c(ended_by, "end") || refuse(p, "missing end");
}

static bool keyword(struct str word, enum node_kind *kind)
{
	if (str_equal_c(word, "if"))
		*kind = NODE_IF;
	else if (str_equal_c(word, "range"))
		*kind = NODE_RANGE;
	else if (str_equal_c(word, "with"))
		*kind = NODE_WITH;
	else
		return false;
	return true;
}

/* One action, entered; *ended_by is set by else and end. */
static bool parse_action(struct parser *p, struct node_list *into, struct str *ended_by)
{
	const char *from;
	enum node_kind kind;
	struct str word;

	skip_blanks(p);
	if (p->end - p->at >= 2 && memcmp(p->at, "/*", 2) == 0)
		return true;
	from = p->at;
	word = take_word(p);
	if (str_equal_c(word, "end") || str_equal_c(word, "else")) {
		*ended_by = word;
		return true;
	}
	if (keyword(word, &kind)) {
		bool ok = ++p->depth <= TEMPLATE_DEPTH_MAX ? parse_block(p, add_node(p, into, kind))
							   : refuse(p, "nested too deeply");
		p->depth--;
		return ok;
	}
	p->at = from;
	return (add_node(p, into, NODE_ACTION)->pipe = parse_pipe(p, 0)) != NULL;
}

/* Where text goes on after the action that was just parsed: behind its braces and, after -}}, blanks. */
static const char *text_after(const struct parser *p)
{
	const char *at = p->end;

	if (*at == '-') {
		at += 3;
		while (*at && strchr(" \t\r\n", *at))
			at++;
		return at;
	}
	return at + 2;
}

/* Nodes from the current action's end up to {{else}}, {{end}} (then p is inside that action) or the
 * end of the text. */
static bool parse_list(struct parser *p, struct node_list *into, struct str *ended_by)
{
	const char *from = p->end ? text_after(p) : p->text;

	*ended_by = STR("");
	for (;;) {
		const char *open = strstr(from, "{{");

		if (!open) {
			add_text(p, into, from, from + strlen(from));
			p->at = p->end = from + strlen(from);
			return true;
		}
		add_text(p, into, from,
			 open[2] == '-' && isspace((unsigned char)open[3]) ? trim_end(from, open)
									   : open);
		if (!enter_action(p, open) || !parse_action(p, into, ended_by))
			return false;
		if (ended_by->len)
			return true;
		if (!*p->end)
			return refuse(p, "missing end");
		from = text_after(p);
	}
}

struct template *template_parse(const char *text, struct err *e)
{
	struct template *t = NEW(struct template);
	struct parser p = { .t = t, .e = e };
	struct str ended_by;

	t->literals = json_array();
	t->nodes.last = &t->nodes.first;
	if (strlen(text) > TEMPLATE_TEXT_MAX) {
		fail(e, ERR_INVALID, "failed to parse template: longer than %d bytes",
		     TEMPLATE_TEXT_MAX);
		template_free(t);
		return NULL;
	}
	p.text = p.at = arena_strdup(&t->arena, text);
	if (!parse_list(&p, &t->nodes, &ended_by) ||
	    (ended_by.len && !refuse(&p, "end or else without a beginning"))) {
		template_free(t);
		return NULL;
	}
	return t;
}

void template_free(struct template *t)
{
	if (!t)
		return;
	json_decref(t->literals);
	arena_clear(&t->arena);
	free(t);
}
