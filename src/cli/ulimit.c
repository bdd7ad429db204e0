#include "cli/ulimit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "template/field.h"

static bool read_limit(struct str text, int64_t *value)
{
	AUTO_FREE char *copy = str_dup(text);
	char *end;

	*value = strtoll(copy, &end, 10);
	return *copy && !*end && *value >= -1;
}

json_t *ulimit_parse(const char *text, struct err *e)
{
	static const char *const known[] = {
		"core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
		"nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"
	};
	struct str name, limits, soft, hard;
	int64_t soft_value, hard_value;
	bool is_known = false;
	json_t *ulimit;

	if (!str_cut(str_of(text), '=', &name, &limits))
		return fail(e, ERR_INVALID, "invalid ulimit argument: %s", text), NULL;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		is_known = is_known || str_equal_c(name, known[i]);
	if (!is_known)
		return fail(e, ERR_INVALID, "invalid ulimit type: %.*s", STR_FMT(name)), NULL;
	if (!str_cut(limits, ':', &soft, &hard))
		hard = soft;
	if (!read_limit(soft, &soft_value) || !read_limit(hard, &hard_value))
		return fail(e, ERR_INVALID, "invalid ulimit argument: %s", text), NULL;
	if (hard_value != -1 && (soft_value == -1 || soft_value > hard_value))
		return fail(e, ERR_INVALID,
			    "ulimit soft limit must be less than or equal to hard limit: "
			    "%lld > %lld",
			    (long long)soft_value, (long long)hard_value),
		       NULL;
	ulimit = json_object();
	json_object_set_new(ulimit, "Name", json_stringn(name.ptr, name.len));
	field_put(ulimit, "Hard", json_integer(hard_value));
	field_put(ulimit, "Soft", json_integer(soft_value));
	return ulimit;
}

char *capability_name(const char *text)
{
	bool is_whole = strncasecmp(text, "CAP_", 4) == 0 || strcasecmp(text, "ALL") == 0 ||
			strcasecmp(text, "RESET") == 0;
	char *name = xasprintf("%s%s", is_whole ? "" : "CAP_", text);

	for (char *at = name; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	return name;
}
