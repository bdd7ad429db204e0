/* Inside docker/: words of a Dockerfile's instructions, with quotes, escapes and variables. */
#ifndef SHOAL_DOCKER_WORD_H
#define SHOAL_DOCKER_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

struct words {
	char **items;
	size_t count, capacity;
};

/* What parts words: what str_trim() takes away, and nothing else. */
static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The text is borrowed. */
void words_add(struct arena *a, struct words *w, const char *word);
/* Append the words of a text. Blanks in quotes or after a backslash part none; quotes and backslashes
 * stay. ERR_INVALID if a quote is not closed. */
bool words_split(struct arena *a, struct str text, struct words *w, struct err *e);
/* Without its quotes and backslashes, and with its variables from "NAME=value" of the environment, the
 * last of a name; one that is not there is empty. ERR_INVALID for what cannot be read, or becomes
 * longer than INSTRUCTIONS_MAX. */
bool word_expand(struct arena *a, struct str word, const struct words *environment,
		 const char **expanded, struct err *e);

#endif
