#include "api/match.h"

#include <regex.h>
#include <strings.h>

#include "api/moment.h"

#define PATTERN_MAX 1024

static bool has_label(Pb__MapEntry *const *labels, size_t count, const char *wanted)
{
	struct str key, value = STR("");
	bool has_value = str_cut(str_of(wanted), '=', &key, &value);

	for (size_t i = 0; i < count; i++)
		if (str_equal_c(key, labels[i]->key))
			return !has_value || str_equal_c(value, labels[i]->value);
	return false;
}

bool match_labels(const struct list_filters *f, Pb__MapEntry *const *labels, size_t count)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct list_filter *pair = &f->pairs[i];

		if (strcmp(pair->name, "label") == 0 && !has_label(labels, count, pair->value))
			return false;
		if (strcmp(pair->name, "label!") == 0 && has_label(labels, count, pair->value))
			return false;
	}
	return true;
}

static bool is_in(const char *pattern, const char *text)
{
	regex_t r;
	bool found;

	if (strcmp(pattern, text) == 0)
		return true;
	if (strlen(pattern) > PATTERN_MAX || regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	found = regexec(&r, text, 0, NULL, 0) == 0;
	regfree(&r);
	return found;
}

bool match_text(const struct list_filters *f, const char *name, const char *text)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pairs[i].name, name) == 0 && is_in(f->pairs[i].value, text))
			return true;
	return !list_filters_has(f, name);
}

bool match_flag(const struct list_filters *f, const char *name, bool otherwise, bool *value,
		struct err *e)
{
	const char *text = match_value(f, name);

	*value = otherwise;
	if (!text)
		return true;
	if (strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0)
		*value = true;
	else if (strcmp(text, "0") == 0 || strcasecmp(text, "false") == 0)
		*value = false;
	else
		return fail(e, ERR_INVALID, "Invalid filter '%s=%s'", name, text);
	return true;
}

const char *match_value(const struct list_filters *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pairs[i].name, name) == 0)
			return f->pairs[i].value;
	return NULL;
}

bool match_until(const struct list_filters *f, int64_t now_ns, int64_t *until_ns, struct err *e)
{
	const char *text = match_value(f, "until");

	*until_ns = INT64_MAX;
	return !text || moment_read(text, now_ns, until_ns, e);
}
