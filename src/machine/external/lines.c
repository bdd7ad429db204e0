/* What drivers say, read: lines, and the options they have. */
#include <ctype.h>

#include "base/mem.h"
#include "machine/external/external.h"
#include "template/field.h"

json_t *external_line(struct str line, enum line_kind *kind, const json_t **value, struct err *e)
{
	static const char *const words[] = { "say", "save", "done", "error" };
	json_error_t why;
	json_t *said = json_loadb(line.ptr ? line.ptr : "", line.len, JSON_REJECT_DUPLICATES, &why);

	for (size_t i = 0; said && i < ARRAY_LEN(words); i++) {
		bool is_text = i == LINE_SAY || i == LINE_ERROR;

		*kind = (enum line_kind)i;
		*value = json_object_get(said, words[i]);
		if (*value && (is_text ? json_is_string(*value) : json_is_object(*value)))
			return said;
	}
	json_decref(said);
	fail(e, ERR_INVALID, "the driver says what is none of say, save, done, error: %.100s",
	     line.len ? "a line of another kind" : "an empty line");
	return NULL;
}

static bool is_option_name(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) &&
		    name[i] != '-')
			return false;
	return length > 1 && length < 64 && name[0] != '-';
}

static enum option_kind kind_of(const char *word)
{
	static const struct {
		const char *word;
		enum option_kind kind;
	} known[] = {
		{ "text", OPT_TEXT }, { "list", OPT_LIST }, { "bool", OPT_BOOL }, { "int", OPT_INT }
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].word, word) == 0)
			return known[i].kind;
	return OPT_END;
}

static const char *text_or_null(const json_t *o, const char *name)
{
	return *field_text(o, name) ? field_text(o, name) : NULL;
}

bool external_rows(json_t *answer, struct option rows[EXTERNAL_OPTIONS_MAX + 1], struct err *e)
{
	const json_t *list = json_object_get(answer, "options"), *one;
	size_t i;

	memset(rows, 0, (EXTERNAL_OPTIONS_MAX + 1) * sizeof(rows[0]));
	if (json_array_size(list) > EXTERNAL_OPTIONS_MAX)
		return fail(e, ERR_EXHAUSTED, "the driver has more than %d options",
			    EXTERNAL_OPTIONS_MAX);
	json_array_foreach(list, i, one)
	{
		rows[i] = (struct option){ .name = field_text(one, "name"),
					   .kind = kind_of(field_text(one, "kind")),
					   .help = field_text(one, "help"),
					   .fallback = text_or_null(one, "default"),
					   .env = text_or_null(one, "env") };
		if (rows[i].kind == OPT_BOOL || rows[i].kind == OPT_LIST || rows[i].kind == OPT_INT)
			rows[i].fallback = NULL;
		if (!rows[i].kind || !is_option_name(rows[i].name)) {
			memset(rows, 0, (EXTERNAL_OPTIONS_MAX + 1) * sizeof(rows[0]));
			return fail(e, ERR_INVALID, "option %zu of the driver is none", i + 1);
		}
	}
	return true;
}
