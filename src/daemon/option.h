/* One option of shoald: how it is written, on the command line and in the file, and where it goes.
 */
#ifndef SHOAL_DAEMON_OPTION_H
#define SHOAL_DAEMON_OPTION_H

#include <stddef.h>

#include "daemon/config.h"

enum option_kind {
	OPTION_BOOL,     /* bool */
	OPTION_TEXT,     /* const char * */
	OPTION_NUMBER,   /* int64_t, not below zero */
	OPTION_SIGNED,   /* int64_t */
	OPTION_LIST,     /* struct config_list; in the file an array of texts */
	OPTION_PAIRS,    /* the same of "key=value"; in the file an object of texts */
	OPTION_RUNTIMES, /* the same of "name=path"; in the file {name: {"path": path}} */
	OPTION_POOLS,   /* the same of "base=CIDR,size=N"; in the file [{"base": .., "size": ..}] */
	OPTION_ULIMITS, /* the same of "name=soft:hard"; in the file {name: {"Soft": .., "Hard":
			   ..}} */
	OPTION_ANYTHING, /* HOLLOW only: an object or list whose inside nobody reads */
};

enum option_use {
	OPTION_USED,
	OPTION_HOLLOW,  /* accepted, without meaning */
	OPTION_REFUSED, /* not built: only the `neutral` value is accepted */
};

struct option {
	char letter;            /* 0: none */
	const char *flag, *key; /* NULL: not there */
	enum option_kind kind;
	enum option_use use;
	bool reloads;
	size_t offset;       /* in struct config; USED only */
	const char *neutral; /* REFUSED; NULL: "" or false */
	const char *value;   /* name of the value in the help; NULL: by kind */
	const char *help;
};

extern const struct option options[];
extern const size_t option_count;

const struct option *option_by_flag(struct str flag);
const struct option *option_by_letter(char letter);
const struct option *option_by_key(const char *key);

/* What follows from flags and file together: every value makes sense, none contradicts another
 * (option_check.c). */
bool options_check(const struct config *c, struct err *e) MUST_CHECK;

/* One value, as text; lists grow. */
bool option_set(struct config *c, const struct option *o, struct str value,
		enum config_source source, struct err *e) MUST_CHECK;

/* config_file.c: every key of the file. */
bool config_read_file(struct config *c, struct str text, struct err *e) MUST_CHECK;

#endif
