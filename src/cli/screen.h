/* Lines that change while the user looks: drawn over on a terminal, printed once each elsewhere.
 *
 * A picture is screen_begin(), lines, screen_end(). On a terminal each picture takes the place of
 * the last; elsewhere only the lines that were not in the last picture are printed. */
#ifndef SHOAL_CLI_SCREEN_H
#define SHOAL_CLI_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

#include "base/str.h"

struct screen {
	FILE *to;
	bool is_terminal, is_quiet;
	size_t width; /* of the terminal */
	size_t drawn; /* lines of the last picture */
	struct buf lines, last;
};

void screen_init(struct screen *s, FILE *to, bool is_terminal, bool is_quiet);
void screen_clear(struct screen *s); /* the last picture stays */
bool screen_is_terminal(const struct screen *s);

void screen_begin(struct screen *s);
/* Begin a line; more text for it. */
void screen_add(struct screen *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void screen_more(struct screen *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void screen_end(struct screen *s);

/* A line above the pictures that stays. */
void screen_note(struct screen *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
