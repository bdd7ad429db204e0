/* Options as rows, and the command line read by them.
 *
 * A row names an option and says what its value is; reading, defaults, help, completion and man
 * pages follow from the rows. The rules are those of the tools people know: --name=value and
 * --name value, -n value and -nvalue, short switches combined (-it), repeated lists, "--" ends the
 * options. A table ends with an all-zero row; an OPT_ALSO row stands for another table. A variable of
 * the environment that is empty counts as unset; one that gives a list parts it by commas.
 *
 * Values are asked for by name; a name that no row has is a mistake of ours and aborts. */
#ifndef SHOAL_CONSOLE_OPTION_H
#define SHOAL_CONSOLE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum option_kind {
	OPT_END,
	OPT_BOOL,
	OPT_TEXT,
	OPT_LIST,   /* may be repeated */
	OPT_CSV,    /* may be repeated, and split at commas */
	OPT_FILTER, /* repeated name=value */
	OPT_INT,
	OPT_UINT,
	OPT_REAL,
	OPT_DURATION, /* nanoseconds */
	OPT_BYTES,
	OPT_CPUS, /* billionths */
	OPT_ALSO, /* the rows of `also` */
};

enum option_flag {
	OPTION_HIDDEN = 1, /* accepted, not shown */
};

struct option {
	char letter; /* 0: none */
	const char *name;
	enum option_kind kind;
	const char *help;
	const char *fallback; /* the value when it is not given; NULL: "", 0, false */
	const char *word;     /* what help calls the value; NULL: by kind */
	const char *env;      /* a variable that gives it unless the command line does */
	const char *choices;  /* "active pause drain", for completion */
	const struct option *also;
	unsigned flags;
	const char
		*absent; /* docker has it and we do not: giving it is refused with this sentence */
};

/* Such a row: a switch if `kind` is OPT_BOOL. */
#define OPTION_ABSENT(name, kind, why)                                                             \
	{                                                                                          \
		0, name, kind, "", .flags = OPTION_HIDDEN, .absent = why                           \
	}

struct option_value {
	const struct option *option;
	bool is_given;
	int64_t number; /* BOOL, INT, UINT, DURATION, BYTES, CPUS */
	double real;
	const char *text;
	const char **list;
	size_t list_count;
	char *pieces; /* what the list borrows from when a variable gave it */
};

struct args {
	struct option_value *values; /* one a row, sub-tables in place */
	size_t value_count;
	const char **words; /* what is no option, in order, NULL-terminated */
	size_t word_count;
	bool wants_help;
};

/* Read argv[0..argc). The options end at the first word if `stops_at_word`. Strings are borrowed
 * from argv. Fails with the sentence the user should see; args_clear() is due in any case. */
MUST_CHECK bool args_read(struct args *a, const struct option *options, bool stops_at_word,
			  int argc, char *const *argv, struct err *e);
void args_clear(struct args *a);

bool args_has(const struct args *a, const char *name); /* it was given */
bool args_bool(const struct args *a, const char *name);
/* "" when neither given nor with a fallback. */
const char *args_text(const struct args *a, const char *name);
int64_t args_int(const struct args *a, const char *name);
double args_real(const struct args *a, const char *name);
const char *const *args_list(const struct args *a, const char *name, size_t *count);
/* Does the command have such a row? */
bool args_knows(const struct args *a, const char *name);

/* The rows of a table, sub-tables in place, sorted by name; the caller frees the array. */
const struct option **options_sorted(const struct option *options, size_t *count);
/* What help calls the value of an option, "" for switches. */
const char *option_word(const struct option *o);

/* Which of `names` did somebody mean by `word`? NULL when none is near (two edits at most). */
const char *nearest_name(const char *word, const char *const *names, size_t count);

#endif
