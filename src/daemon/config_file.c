/* daemon.json: each key is a row of the option table. */
#include <jansson.h>

#include "base/mem.h"
#include "daemon/option.h"

static void json_free_scope(json_t **json)
{
	json_decref(*json);
}

static bool wrong_type(const struct option *o, const char *wanted, struct err *e)
{
	return fail(e, ERR_INVALID, "%s: must be %s", o->key, wanted);
}

static bool set_text(struct config *c, const struct option *o, json_t *value, struct err *e)
{
	struct str text = str_bytes(json_string_value(value), json_string_length(value));

	if (memchr(text.ptr, '\0', text.len))
		return fail(e, ERR_INVALID, "%s: holds a NUL", o->key);
	return option_set(c, o, text, FROM_FILE, e);
}

static bool set_number(struct config *c, const struct option *o, json_t *value, struct err *e)
{
	AUTO_FREE char *text = xasprintf("%lld", (long long)json_integer_value(value));

	return option_set(c, o, str_of(text), FROM_FILE, e);
}

static bool set_list(struct config *c, const struct option *o, json_t *list, struct err *e)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item))
			return wrong_type(o, "an array of strings", e);
		if (!set_text(c, o, item, e))
			return false;
	}
	return true;
}

static bool set_pair(struct config *c, const struct option *o, const char *key, json_t *value,
		     struct err *e)
{
	AUTO_FREE char *pair = xasprintf("%s=%s", key, json_string_value(value));

	return option_set(c, o, str_of(pair), FROM_FILE, e);
}

static bool set_pairs(struct config *c, const struct option *o, json_t *object, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (o->use == OPTION_REFUSED)
			return option_set(c, o, str_of(key), FROM_FILE, e);
		if (!json_is_string(value))
			return wrong_type(o, "an object of strings", e);
		if (!set_pair(c, o, key, value, e))
			return false;
	}
	return true;
}

static bool set_runtimes(struct config *c, const struct option *o, json_t *object, struct err *e)
{
	const char *name, *word;
	json_t *about, *part;

	json_object_foreach(object, name, about)
	{
		json_t *path = json_object_get(about, "path");

		json_object_foreach(about, word, part)
		{
			if (strcmp(word, "path") != 0 &&
			    !(json_is_array(part) && json_array_size(part) == 0))
				return fail(e, ERR_UNSUPPORTED,
					    "runtimes: %s: %s is not supported by shoald", name,
					    word);
		}
		if (!json_is_string(path))
			return fail(e, ERR_INVALID, "runtimes: %s: a path is missing", name);
		if (!set_pair(c, o, name, path, e))
			return false;
	}
	return true;
}

static bool set_pools(struct config *c, const struct option *o, json_t *list, struct err *e)
{
	size_t i;
	json_t *pool;

	json_array_foreach(list, i, pool)
	{
		json_t *base = json_object_get(pool, "base"), *size = json_object_get(pool, "size");
		AUTO_FREE char *text = NULL;

		if (!json_is_string(base) || !json_is_integer(size) || json_object_size(pool) != 2)
			return wrong_type(o, "an array of {\"base\": CIDR, \"size\": N}", e);
		text = xasprintf("base=%s,size=%lld", json_string_value(base),
				 (long long)json_integer_value(size));
		if (!option_set(c, o, str_of(text), FROM_FILE, e))
			return false;
	}
	return true;
}

static bool set_ulimits(struct config *c, const struct option *o, json_t *object, struct err *e)
{
	const char *name;
	json_t *about;

	json_object_foreach(object, name, about)
	{
		json_t *soft = json_object_get(about, "Soft"),
		       *hard = json_object_get(about, "Hard");
		AUTO_FREE char *text = NULL;

		if (!json_is_integer(soft) || !json_is_integer(hard))
			return wrong_type(o, "an object of {\"Soft\": N, \"Hard\": N}", e);
		text = xasprintf("%s=%lld:%lld", name, (long long)json_integer_value(soft),
				 (long long)json_integer_value(hard));
		if (!option_set(c, o, str_of(text), FROM_FILE, e))
			return false;
	}
	return true;
}

static bool set_key(struct config *c, const struct option *o, json_t *value, struct err *e)
{
	switch (o->kind) {
	case OPTION_BOOL:
		if (!json_is_boolean(value))
			return wrong_type(o, "true or false", e);
		return option_set(c, o, json_is_true(value) ? STR("true") : STR("false"), FROM_FILE,
				  e);
	case OPTION_TEXT:
		return json_is_string(value) ? set_text(c, o, value, e)
					     : wrong_type(o, "a string", e);
	case OPTION_NUMBER:
	case OPTION_SIGNED:
		return json_is_integer(value) ? set_number(c, o, value, e)
					      : wrong_type(o, "a number", e);
	case OPTION_LIST:
		return json_is_array(value) ? set_list(c, o, value, e)
					    : wrong_type(o, "an array of strings", e);
	case OPTION_PAIRS:
		return json_is_object(value) ? set_pairs(c, o, value, e)
					     : wrong_type(o, "an object", e);
	case OPTION_RUNTIMES:
		return json_is_object(value) ? set_runtimes(c, o, value, e)
					     : wrong_type(o, "an object", e);
	case OPTION_POOLS:
		return json_is_array(value) ? set_pools(c, o, value, e)
					    : wrong_type(o, "an array", e);
	case OPTION_ULIMITS:
		return json_is_object(value) ? set_ulimits(c, o, value, e)
					     : wrong_type(o, "an object", e);
	case OPTION_ANYTHING:
		return option_set(c, o, STR(""), FROM_FILE, e);
	}
	abort();
}

/* All that are unknown, so that a person mends them at once. */
static bool check_keys(json_t *root, struct err *e)
{
	AUTO_BUF struct buf unknown = BUF_MAX(ERR_TEXT_MAX / 2);
	const char *key;
	json_t *value;

	json_object_foreach(root, key, value) if (!option_by_key(key))
		buf_printf(&unknown, "%s%s", unknown.len ? ", " : "", key);
	if (unknown.len || unknown.overflow)
		return fail(e, ERR_INVALID,
			    "the following directives don't match any configuration option: %s",
			    unknown.data ? unknown.data : "");
	return true;
}

bool config_read_file(struct config *c, struct str text, struct err *e)
{
	__attribute__((cleanup(json_free_scope))) json_t *root = NULL;
	json_error_t where;
	const char *key;
	json_t *value;

	if (str_trim(text).len == 0)
		return true;
	root = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		return fail(e, ERR_INVALID, "line %d: %s", where.line, where.text);
	if (!json_is_object(root))
		return fail(e, ERR_INVALID, "not a JSON object");
	if (!check_keys(root, e))
		return false;
	json_object_foreach(root, key,
			    value) if (!set_key(c, option_by_key(key), value, e)) return false;
	return true;
}
