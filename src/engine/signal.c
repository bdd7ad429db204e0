#include "engine/signal.h"

#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define NUMBER_MAX 64
#define RT_MIN     34

static const char *const names[] = {
	[1] = "HUP", "INT",    "QUIT", "ILL",   "TRAP", "ABRT", "BUS",  "FPE",
	"KILL",      "USR1",   "SEGV", "USR2",  "PIPE", "ALRM", "TERM", "STKFLT",
	"CHLD",      "CONT",   "STOP", "TSTP",  "TTIN", "TTOU", "URG",  "XCPU",
	"XFSZ",      "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS",
};

static bool find_name(const char *name, int *number)
{
	for (size_t i = 1; i < ARRAY_LEN(names); i++) {
		if (strcasecmp(name, names[i]) == 0) {
			*number = (int)i;
			return true;
		}
	}
	if (strcasecmp(name, "IOT") == 0)
		*number = 6;
	else if (strcasecmp(name, "CLD") == 0)
		*number = 17;
	else if (strcasecmp(name, "POLL") == 0)
		*number = 29;
	else
		return false;
	return true;
}

/* "RTMIN", "RTMIN+n", "RTMAX", "RTMAX-n". */
static bool find_realtime(const char *name, int *number)
{
	bool is_min = strncasecmp(name, "RTMIN", 5) == 0;
	uint64_t offset = 0;

	if (!is_min && strncasecmp(name, "RTMAX", 5) != 0)
		return false;
	if (name[5] && (name[5] != (is_min ? '+' : '-') || !str_to_u64(str_of(name + 6), &offset)))
		return false;
	if (offset > NUMBER_MAX - RT_MIN)
		return false;
	*number = is_min ? RT_MIN + (int)offset : NUMBER_MAX - (int)offset;
	return true;
}

bool signal_parse(const char *text, int *number, struct err *err)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	uint64_t value;

	if (str_to_u64(str_of(text), &value)) {
		if (value == 0 || value > NUMBER_MAX)
			return fail(err, ERR_INVALID, "Invalid signal: %s", text);
		*number = (int)value;
		return true;
	}
	if (find_name(name, number) || find_realtime(name, number))
		return true;
	return fail(err, ERR_INVALID, "Invalid signal: %s", text);
}
