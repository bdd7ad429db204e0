/* Drivers that others wrote: programs named shoal-machine-driver-NAME in PATH. docs/machine-drivers.md is
 * the contract: a process a call, one line of JSON in, lines of JSON out.
 *
 * Such a driver lives as long as this program does. */
#ifndef SHOAL_MACHINE_EXTERNAL_EXTERNAL_H
#define SHOAL_MACHINE_EXTERNAL_EXTERNAL_H

#include <jansson.h>

#include "base/str.h"
#include "console/option.h"
#include "machine/driver.h"

#define EXTERNAL_PREFIX      "shoal-machine-driver-"
#define EXTERNAL_VERSION     1
#define EXTERNAL_OPTIONS_MAX 64
#define EXTERNAL_LINE_MAX    ((size_t)1 << 20)

/* NULL when PATH has no such program, or its name is none. */
const struct driver *external_find(const char *name);

/* The options that the driver of this command line adds to create: rows of external_options. Nothing is
 * asked unless the words name such a driver. */
extern struct option external_options[EXTERNAL_OPTIONS_MAX + 1];
bool external_load_options(int argc, char *const *argv, struct err *e) MUST_CHECK;

/* ---- the lines, for the tests ---- */

enum line_kind {
	LINE_SAY,   /* "say": a text for the user */
	LINE_SAVE,  /* "save": members to keep before the driver goes on */
	LINE_DONE,  /* "done": an object, the answer */
	LINE_ERROR, /* "error": a sentence */
};

/* One line of a driver's; *value is borrowed from the result, which is a new reference. NULL and *e when
 * it is none of these. */
json_t *external_line(struct str line, enum line_kind *kind, const json_t **value, struct err *e);
/* Rows from what "options" answered; false when one of them is none. The texts live as long as the
 * answer, which is kept. */
bool external_rows(json_t *answer, struct option rows[EXTERNAL_OPTIONS_MAX + 1],
		   struct err *e) MUST_CHECK;

#endif
