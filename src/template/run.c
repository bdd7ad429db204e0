#include "template/template.h"

#include <strings.h>

#include "base/mem.h"
#include "template/field.h"
#include "template/tree.h"
#include "template/value.h"

#define VARIABLES_MAX 64

struct variable {
	struct str name;
	json_t *value; /* owned by the run, may be NULL */
};

struct run {
	const json_t *root;
	bool strict;
	struct variable variables[VARIABLES_MAX];
	size_t variable_count;
	struct buf *out;
	struct err *e;
};

static bool run_list(struct run *r, const struct node_list *list, json_t *dot);
static bool run_pipe(struct run *r, const struct pipe *pipe, json_t *dot, json_t **result);

/* A member by exact name, else regardless of case. */
static json_t *member(const json_t *object, struct str name)
{
	json_t *value = json_object_getn(object, name.ptr, name.len);
	const char *key;

	if (value)
		return value;
	json_object_foreach((json_t *)object, key,
			    value) if (strlen(key) == name.len &&
				       strncasecmp(key, name.ptr, name.len) == 0) return value;
	return NULL;
}

/* Follow the fields; *value is a reference that is exchanged for that of the result. */
static bool follow(struct run *r, const struct operand *o, json_t **value)
{
	for (size_t i = 0; i < o->field_count; i++) {
		json_t *next = member(*value, o->fields[i]);

		if (!next && *value && !json_is_null(*value) &&
		    (r->strict || !json_is_object(*value)))
			return fail(r->e, ERR_INVALID, "template: there is no field \"%.*s\" here",
				    STR_FMT(o->fields[i]));
		json_incref(next);
		json_decref(*value);
		*value = next;
	}
	return true;
}

static struct variable *variable(struct run *r, struct str name)
{
	for (size_t i = r->variable_count; i > 0; i--)
		if (str_equal(r->variables[i - 1].name, name))
			return &r->variables[i - 1];
	return NULL;
}

static bool declare(struct run *r, struct str name, json_t *value)
{
	if (r->variable_count == VARIABLES_MAX)
		return fail(r->e, ERR_EXHAUSTED, "template: more than %d variables", VARIABLES_MAX);
	r->variables[r->variable_count++] = (struct variable){ name, json_incref(value) };
	return true;
}

static void forget_variables(struct run *r, size_t keep)
{
	while (r->variable_count > keep)
		json_decref(r->variables[--r->variable_count].value);
}

/* A new reference in *value. */
static bool evaluate(struct run *r, const struct operand *o, json_t *dot, json_t **value)
{
	struct variable *v;

	switch (o->kind) {
	case OPERAND_DOT:
		*value = json_incref(dot);
		break;
	case OPERAND_VARIABLE:
		v = o->name.len ? variable(r, o->name) : NULL;
		if (!v && o->name.len)
			return fail(r->e, ERR_INVALID, "template: undefined variable \"$%.*s\"",
				    STR_FMT(o->name));
		*value = json_incref(v ? v->value : (json_t *)r->root);
		break;
	case OPERAND_LITERAL:
		*value = json_incref(o->literal);
		return true;
	case OPERAND_FUNCTION:
		return value_call(o->name, NULL, 0, value, r->e);
	case OPERAND_PIPE:
		if (!run_pipe(r, o->pipe, dot, value))
			return false;
		break;
	}
	return follow(r, o, value);
}

/* `.Label "key"`: a row's label, "" if it has none of that name. */
static bool read_label(const struct operand *o, json_t *dot, json_t *key, json_t **result)
{
	const json_t *labels = json_object_get(dot, TEMPLATE_LABELS);

	if (o->kind != OPERAND_DOT || o->field_count != 1 || !str_equal_c(o->fields[0], "Label") ||
	    !json_is_string(key))
		return false;
	*result = json_string(field_text(json_object_get(labels, json_string_value(key)), ""));
	return true;
}

static bool is_in_data(const struct run *r, struct str name)
{
	const json_t *functions = json_object_get(r->root, TEMPLATE_FUNCTIONS);

	return json_object_getn(functions, name.ptr, name.len) != NULL;
}

static bool call_data(struct run *r, struct str name, json_t *const *args, size_t count,
		      json_t **result)
{
	const json_t *functions = json_object_get(r->root, TEMPLATE_FUNCTIONS);
	const json_t *values = json_object_getn(functions, name.ptr, name.len);
	const char *key = count == 1 ? json_string_value(args[0]) : NULL;

	*result = key ? json_incref(json_object_get(values, key)) : NULL;
	return *result ||
	       fail(r->e, ERR_INVALID, "template: error calling %.*s: \"%s\" is not found",
		    STR_FMT(name), key ? key : "");
}

/* One command of a pipe; `piped` is the result of the one before, its last argument. */
static bool run_command(struct run *r, const struct pipe_command *c, json_t *dot, bool has_piped,
			json_t *piped, json_t **result)
{
	json_t *args[TEMPLATE_ARGS_MAX + 1];
	const struct operand *first = c->operands;
	size_t count = 0;
	bool ok = true;

	for (const struct operand *o = first->next; o && ok; o = o->next) {
		if (count == TEMPLATE_ARGS_MAX) {
			ok = fail(r->e, ERR_INVALID, "template: too many arguments");
			break;
		}
		args[count] = NULL;
		ok = evaluate(r, o, dot, &args[count]);
		count++;
	}
	if (ok && has_piped)
		args[count++] = json_incref(piped);
	if (!ok)
		;
	else if (first->kind == OPERAND_FUNCTION && is_in_data(r, first->name))
		ok = call_data(r, first->name, args, count, result);
	else if (first->kind == OPERAND_FUNCTION)
		ok = value_call(first->name, args, count, result, r->e);
	else if (count == 0)
		ok = evaluate(r, first, dot, result);
	else if (count != 1 || !read_label(first, dot, args[0], result))
		ok = fail(r->e, ERR_INVALID, "template: can't give an argument to a non-function");
	while (count > 0)
		json_decref(args[--count]);
	return ok;
}

static bool run_pipe(struct run *r, const struct pipe *pipe, json_t *dot, json_t **result)
{
	*result = NULL;
	for (const struct pipe_command *c = pipe->commands; c; c = c->next) {
		json_t *piped = *result;
		bool ok;

		*result = NULL;
		ok = run_command(r, c, dot, c != pipe->commands, piped, result);
		json_decref(piped);
		if (!ok)
			return false;
	}
	return true;
}

/* Run a pipe in front of a node and set the variables it declares. */
static bool run_node_pipe(struct run *r, const struct pipe *pipe, json_t *dot, json_t **result)
{
	struct variable *v;

	if (!run_pipe(r, pipe, dot, result))
		return false;
	if (pipe->variable_count != 1)
		return true;
	v = pipe->assigns ? variable(r, pipe->variables[0]) : NULL;
	if (!v)
		return declare(r, pipe->variables[0], *result);
	json_decref(v->value);
	v->value = json_incref(*result);
	return true;
}

/* One round of a range; the index or key goes to the first of two variables. */
static bool run_round(struct run *r, const struct template_node *n, json_t *index, json_t *value)
{
	size_t keep = r->variable_count;
	const struct pipe *pipe = n->pipe;
	bool ok = true;

	if (pipe->variable_count == 2)
		ok = declare(r, pipe->variables[0], index);
	if (ok && pipe->variable_count)
		ok = declare(r, pipe->variables[pipe->variable_count - 1], value);
	ok = ok && run_list(r, &n->body, value);
	forget_variables(r, keep);
	json_decref(index);
	return ok;
}

static bool run_range(struct run *r, const struct template_node *n, json_t *dot)
{
	AUTO_JSON json_t *over = NULL;

	if (!run_pipe(r, n->pipe, dot, &over))
		return false;
	if (!value_is_true(over))
		return run_list(r, &n->otherwise, dot);
	if (json_is_array(over)) {
		for (size_t i = 0; i < json_array_size(over); i++)
			if (!run_round(r, n, json_integer((json_int_t)i), json_array_get(over, i)))
				return false;
		return true;
	}
	if (json_is_object(over)) {
		size_t count;
		AUTO_FREE const char **keys = field_keys(over, &count);

		for (size_t i = 0; i < count; i++)
			if (!run_round(r, n, json_string(keys[i]), json_object_get(over, keys[i])))
				return false;
		return true;
	}
	return fail(r->e, ERR_INVALID, "template: range can't iterate over this value");
}

static bool run_choice(struct run *r, const struct template_node *n, json_t *dot)
{
	AUTO_JSON json_t *value = NULL;
	size_t keep = r->variable_count;
	bool ok = run_node_pipe(r, n->pipe, dot, &value);

	if (ok && value_is_true(value))
		ok = run_list(r, &n->body, n->kind == NODE_WITH ? value : dot);
	else if (ok)
		ok = run_list(r, &n->otherwise, dot);
	forget_variables(r, keep);
	return ok;
}

static bool run_action(struct run *r, const struct template_node *n, json_t *dot)
{
	AUTO_JSON json_t *value = NULL;

	if (!run_node_pipe(r, n->pipe, dot, &value))
		return false;
	if (n->pipe->variable_count == 0)
		value_print(value, r->out);
	return true;
}

static bool run_list(struct run *r, const struct node_list *list, json_t *dot)
{
	for (const struct template_node *n = list->first; n; n = n->next) {
		bool ok = true;

		switch (n->kind) {
		case NODE_TEXT:
			buf_append_str(r->out, n->text);
			break;
		case NODE_ACTION:
			ok = run_action(r, n, dot);
			break;
		case NODE_IF:
		case NODE_WITH:
			ok = run_choice(r, n, dot);
			break;
		case NODE_RANGE:
			ok = run_range(r, n, dot);
			break;
		}
		if (!ok)
			return false;
	}
	return true;
}

bool template_run(const struct template *t, const json_t *data, bool strict, struct buf *out,
		  struct err *e)
{
	struct run r = { .root = data, .strict = strict, .out = out, .e = e };
	bool ok = run_list(&r, &t->nodes, (json_t *)data);

	forget_variables(&r, 0);
	if (ok && out->overflow)
		return fail(e, ERR_EXHAUSTED, "template: the output is too large");
	return ok;
}
