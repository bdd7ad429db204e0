#include "template/value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "template/jsontext.h"
#include "template/template.h"

void value_print(const json_t *value, struct buf *out)
{
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_NULL:
		buf_append_c(out, "<no value>");
		break;
	case JSON_STRING:
		buf_append(out, json_string_value(value), json_string_length(value));
		break;
	case JSON_ARRAY:
		buf_append_char(out, '[');
		for (size_t i = 0; i < json_array_size(value); i++) {
			if (i)
				buf_append_char(out, ' ');
			value_print(json_array_get(value, i), out);
		}
		buf_append_char(out, ']');
		break;
	case JSON_OBJECT: {
		size_t count;
		AUTO_FREE const char **keys = field_keys(value, &count);

		buf_append_c(out, "map[");
		for (size_t i = 0; i < count; i++) {
			buf_printf(out, "%s%s:", i ? " " : "", keys[i]);
			value_print(json_object_get(value, keys[i]), out);
		}
		buf_append_char(out, ']');
		break;
	}
	default:
		jsontext_write(value, false, false, out);
	}
}

bool value_is_true(const json_t *value)
{
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_NULL:
	case JSON_FALSE:
		return false;
	case JSON_TRUE:
		return true;
	case JSON_STRING:
		return json_string_length(value) > 0;
	case JSON_INTEGER:
		return json_integer_value(value) != 0;
	case JSON_REAL:
		return json_real_value(value) != 0;
	case JSON_ARRAY:
		return json_array_size(value) > 0;
	case JSON_OBJECT:
		return json_object_size(value) > 0;
	}
	return false;
}

static json_t *text_of(struct buf *b)
{
	return json_stringn(buf_str(b).ptr, b->len);
}

static bool call_json(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	AUTO_BUF struct buf b = BUF_MAX(JSON_TEXT_MAX);
	bool is_row = json_object_get(args[0], TEMPLATE_LABELS) != NULL;

	jsontext_write(args[0], is_row, is_row, &b);
	*result = text_of(&b);
	return true;
}

static bool call_len(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	if (json_is_string(args[0]))
		*result = json_integer((json_int_t)json_string_length(args[0]));
	else
		*result = json_integer((json_int_t)field_count(args[0], ""));
	return true;
}

static bool call_index(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	const json_t *at = args[0];

	for (size_t i = 1; i < count; i++) {
		if (json_is_object(at) && json_is_string(args[i])) {
			at = json_object_get(at, json_string_value(args[i]));
		} else if (json_is_array(at) && json_is_integer(args[i])) {
			json_int_t n = json_integer_value(args[i]);

			if (n < 0 || (size_t)n >= json_array_size(at))
				return fail(e, ERR_INVALID,
					    "error calling index: index out of range: %lld",
					    (long long)n);
			at = json_array_get(at, (size_t)n);
		} else if (at) {
			return fail(e, ERR_INVALID, "error calling index: can't index item %zu", i);
		}
	}
	*result = json_incref((json_t *)at);
	return true;
}

/* slice X FROM [TO], of text or a list. */
static bool call_slice(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	bool is_text = json_is_string(args[0]);
	json_int_t length =
		(json_int_t)(is_text ? json_string_length(args[0]) : json_array_size(args[0]));
	json_int_t from = count > 1 ? json_integer_value(args[1]) : 0;
	json_int_t to = count > 2 ? json_integer_value(args[2]) : length;

	if (from < 0 || to > length || from > to)
		return fail(e, ERR_INVALID, "error calling slice: index out of range");
	if (is_text) {
		*result = json_stringn(json_string_value(args[0]) + from, (size_t)(to - from));
		return true;
	}
	*result = json_array();
	for (json_int_t i = from; i < to; i++)
		json_array_append(*result, json_array_get(args[0], (size_t)i));
	return true;
}

static bool call_join(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	AUTO_BUF struct buf b = BUF_MAX(JSON_TEXT_MAX);

	for (size_t i = 0; i < json_array_size(args[0]); i++) {
		if (i)
			value_print(args[1], &b);
		value_print(json_array_get(args[0], i), &b);
	}
	*result = text_of(&b);
	return true;
}

static bool call_split(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	const char *text = field_text(args[0], ""), *between = field_text(args[1], ""), *next;

	*result = json_array();
	for (; *between && (next = strstr(text, between)); text = next + strlen(between))
		json_array_append_new(*result, json_stringn(text, (size_t)(next - text)));
	json_array_append_new(*result, json_string(text));
	return true;
}

static bool change_case(const json_t *value, int (*change)(int), bool first_only, json_t **result)
{
	AUTO_BUF struct buf b = BUF_MAX(JSON_TEXT_MAX);
	bool at_start = true;

	value_print(value, &b);
	for (size_t i = 0; i < b.len; i++) {
		unsigned char c = (unsigned char)b.data[i];

		if (c < 0x80 && (!first_only || at_start))
			b.data[i] = (char)change(c);
		at_start = isspace(c);
	}
	*result = text_of(&b);
	return true;
}

static bool call_lower(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	return change_case(args[0], tolower, false, result);
}

static bool call_upper(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	return change_case(args[0], toupper, false, result);
}

static bool call_title(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	return change_case(args[0], toupper, true, result);
}

/* pad TEXT BEFORE AFTER: blanks around it, none around nothing. */
static bool call_pad(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	AUTO_BUF struct buf b = BUF_MAX(JSON_TEXT_MAX);
	json_int_t before = json_integer_value(args[1]), after = json_integer_value(args[2]);

	if (value_is_true(args[0])) {
		for (; before > 0 && before < 4096; before--)
			buf_append_char(&b, ' ');
		value_print(args[0], &b);
		for (; after > 0 && after < 4096; after--)
			buf_append_char(&b, ' ');
	}
	*result = text_of(&b);
	return true;
}

static bool call_truncate(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	AUTO_BUF struct buf b = BUF_MAX(JSON_TEXT_MAX);
	json_int_t limit = json_integer_value(args[1]);

	value_print(args[0], &b);
	if (limit >= 0 && (size_t)limit < b.len) {
		while (limit > 0 && ((unsigned char)b.data[limit] & 0xc0) == 0x80)
			limit--;
		b.len = (size_t)limit;
	}
	*result = text_of(&b);
	return true;
}

/* print puts a blank between two operands when neither is text; println always. */
static bool call_print(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	AUTO_BUF struct buf b = BUF_MAX(JSON_TEXT_MAX);

	for (size_t i = 0; i < count; i++) {
		if (i && !json_is_string(args[i]) && !json_is_string(args[i - 1]))
			buf_append_char(&b, ' ');
		value_print(args[i], &b);
	}
	*result = text_of(&b);
	return true;
}

static bool call_println(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	AUTO_BUF struct buf b = BUF_MAX(JSON_TEXT_MAX);

	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_append_char(&b, ' ');
		value_print(args[i], &b);
	}
	buf_append_char(&b, '\n');
	*result = text_of(&b);
	return true;
}

struct format_spec {
	char flags[8];
	int width, precision; /* precision -1: none */
	char verb;
};

static const char *take_spec(const char *at, struct format_spec *spec)
{
	size_t n = 0;

	*spec = (struct format_spec){ .precision = -1 };
	for (; *at && strchr("-+# 0", *at) && n < sizeof(spec->flags) - 1; at++)
		spec->flags[n++] = *at;
	for (; isdigit((unsigned char)*at) && spec->width < 4096; at++)
		spec->width = spec->width * 10 + (*at - '0');
	if (*at == '.')
		for (spec->precision = 0, at++;
		     isdigit((unsigned char)*at) && spec->precision < 4096; at++)
			spec->precision = spec->precision * 10 + (*at - '0');
	spec->verb = *at;
	return *at ? at + 1 : at;
}

static void print_padded(const struct format_spec *spec, struct str text, struct buf *out)
{
	size_t width = str_width(text);
	bool left = strchr(spec->flags, '-') != NULL;
	char fill = !left && strchr(spec->flags, '0') ? '0' : ' ';

	if (left)
		buf_append_str(out, text);
	for (; width < (size_t)spec->width; width++)
		buf_append_char(out, fill);
	if (!left)
		buf_append_str(out, text);
}

static void print_verb(const struct format_spec *spec, const json_t *value, struct buf *out)
{
	AUTO_BUF struct buf text = BUF_MAX(JSON_TEXT_MAX);

	if (spec->verb == 'q') {
		AUTO_BUF struct buf plain = BUF_MAX(JSON_TEXT_MAX);
		json_t *quoted;

		value_print(value, &plain);
		quoted = text_of(&plain);
		jsontext_write(quoted, false, false, &text);
		json_decref(quoted);
	} else if (strchr("feg", spec->verb) && json_is_number(value)) {
		int precision = spec->precision < 0 ? 6 : spec->precision;

		if (spec->verb == 'f')
			buf_printf(&text, "%.*f", precision, json_number_value(value));
		else if (spec->verb == 'e')
			buf_printf(&text, "%.*e", precision, json_number_value(value));
		else
			buf_printf(&text, "%.*g", precision, json_number_value(value));
	} else if (strchr("xXo", spec->verb) && json_is_integer(value)) {
		long long n = (long long)json_integer_value(value);

		if (spec->verb == 'x')
			buf_printf(&text, "%llx", n);
		else if (spec->verb == 'X')
			buf_printf(&text, "%llX", n);
		else
			buf_printf(&text, "%llo", n);
	} else {
		value_print(value, &text);
		if (spec->verb == 's' && spec->precision >= 0 && (size_t)spec->precision < text.len)
			text.len = (size_t)spec->precision;
	}
	print_padded(spec, buf_str(&text), out);
}

static bool call_printf(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	AUTO_BUF struct buf b = BUF_MAX(JSON_TEXT_MAX);
	size_t next = 1;

	for (const char *at = field_text(args[0], ""); *at;) {
		struct format_spec spec;

		if (*at != '%') {
			buf_append_char(&b, *at++);
			continue;
		}
		at = take_spec(at + 1, &spec);
		if (spec.verb == '%')
			buf_append_char(&b, '%');
		else if (!spec.verb || !strchr("svdqtfegxXo", spec.verb))
			return fail(e, ERR_INVALID, "error calling printf: unknown verb %%%c",
				    spec.verb);
		else if (next >= count)
			buf_printf(&b, "%%!%c(MISSING)", spec.verb);
		else
			print_verb(&spec, args[next++], &b);
	}
	*result = text_of(&b);
	return true;
}

/* <0, 0, >0; false when the two cannot be compared. */
static bool compare(const json_t *a, const json_t *b, int *order, struct err *e)
{
	if (json_is_number(a) && json_is_number(b)) {
		double x = json_number_value(a), y = json_number_value(b);

		*order = (x > y) - (x < y);
		return true;
	}
	if (json_is_string(a) && json_is_string(b)) {
		*order = strcmp(json_string_value(a), json_string_value(b));
		return true;
	}
	if (json_is_boolean(a) && json_is_boolean(b)) {
		*order = json_is_true(a) - json_is_true(b);
		return true;
	}
	if ((!a || json_is_null(a)) && (!b || json_is_null(b))) {
		*order = 0;
		return true;
	}
	if (!a || !b || json_is_null(a) || json_is_null(b)) {
		*order = 1;
		return true;
	}
	return fail(e, ERR_INVALID, "incompatible types for comparison");
}

static bool call_eq(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	*result = json_false();
	for (size_t i = 1; i < count; i++) {
		int order;

		if (!compare(args[0], args[i], &order, e))
			return false;
		if (order == 0)
			*result = json_true();
	}
	return true;
}

static bool call_order(json_t *const *args, bool (*holds)(int), json_t **result, struct err *e)
{
	int order;

	if (!compare(args[0], args[1], &order, e))
		return false;
	*result = json_boolean(holds(order));
	return true;
}

static bool is_unequal(int order)
{
	return order != 0;
}

static bool is_less(int order)
{
	return order < 0;
}

static bool is_at_most(int order)
{
	return order <= 0;
}

static bool is_greater(int order)
{
	return order > 0;
}

static bool is_at_least(int order)
{
	return order >= 0;
}

static bool call_ne(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	return call_order(args, is_unequal, result, e);
}

static bool call_lt(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	return call_order(args, is_less, result, e);
}

static bool call_le(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	return call_order(args, is_at_most, result, e);
}

static bool call_gt(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	return call_order(args, is_greater, result, e);
}

static bool call_ge(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	return call_order(args, is_at_least, result, e);
}

static bool call_and(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	size_t i = 0;

	while (i + 1 < count && value_is_true(args[i]))
		i++;
	*result = json_incref(args[i]);
	return true;
}

static bool call_or(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	size_t i = 0;

	while (i + 1 < count && !value_is_true(args[i]))
		i++;
	*result = json_incref(args[i]);
	return true;
}

static bool call_not(json_t *const *args, size_t count, json_t **result, struct err *e)
{
	*result = json_boolean(!value_is_true(args[0]));
	return true;
}

static const struct {
	const char *name;
	size_t min, max;
	bool (*call)(json_t *const *args, size_t count, json_t **result, struct err *e);
} functions[] = {
	{ "and", 1, TEMPLATE_ARGS_MAX, call_and },
	{ "eq", 2, TEMPLATE_ARGS_MAX, call_eq },
	{ "ge", 2, 2, call_ge },
	{ "gt", 2, 2, call_gt },
	{ "index", 1, TEMPLATE_ARGS_MAX, call_index },
	{ "join", 2, 2, call_join },
	{ "json", 1, 1, call_json },
	{ "le", 2, 2, call_le },
	{ "len", 1, 1, call_len },
	{ "lower", 1, 1, call_lower },
	{ "lt", 2, 2, call_lt },
	{ "ne", 2, 2, call_ne },
	{ "not", 1, 1, call_not },
	{ "or", 1, TEMPLATE_ARGS_MAX, call_or },
	{ "pad", 3, 3, call_pad },
	{ "print", 0, TEMPLATE_ARGS_MAX, call_print },
	{ "printf", 1, TEMPLATE_ARGS_MAX, call_printf },
	{ "println", 0, TEMPLATE_ARGS_MAX, call_println },
	{ "slice", 1, 3, call_slice },
	{ "split", 2, 2, call_split },
	{ "title", 1, 1, call_title },
	{ "truncate", 2, 2, call_truncate },
	{ "upper", 1, 1, call_upper },
};

bool value_call(struct str name, json_t *const *args, size_t count, json_t **result, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		if (!str_equal_c(name, functions[i].name))
			continue;
		if (count < functions[i].min || count > functions[i].max)
			return fail(e, ERR_INVALID,
				    "wrong number of args for %s: want %zu, got %zu",
				    functions[i].name, functions[i].min, count);
		return functions[i].call(args, count, result, e);
	}
	return fail(e, ERR_INVALID, "function \"%.*s\" not defined", STR_FMT(name));
}
