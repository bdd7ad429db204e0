#include "content/json.h"

#define DEPTH_MAX 64

/* jansson's own bound is 2,048 levels, which our recursive readers need not follow. */
static bool is_shallow(struct str text)
{
	int depth = 0;
	bool in_text = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (in_text && c == '\\')
			i++;
		else if (c == '"')
			in_text = !in_text;
		else if (!in_text && (c == '{' || c == '['))
			depth++;
		else if (!in_text && (c == '}' || c == ']'))
			depth--;
		if (depth > DEPTH_MAX)
			return false;
	}
	return true;
}

json_t *json_parse(struct str text, size_t max, const char *what, struct err *e)
{
	json_error_t why;
	json_t *o;

	if (text.len > max || !is_shallow(text)) {
		(void)fail(e, ERR_EXHAUSTED, "%s is too large or too deep", what);
		return NULL;
	}
	o = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(o) && !json_is_array(o)) {
		json_decref(o);
		(void)fail(e, ERR_INVALID, "%s is no JSON document: %s", what,
			   o ? "it is a bare value" : why.text);
		return NULL;
	}
	return o;
}

const char *json_text(json_t *o, const char *key, struct arena *a)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? arena_strdup(a, text) : "";
}
