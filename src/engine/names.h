/* Names for containers whose user gave none: two words, and a digit when that is taken. */
#ifndef SHOAL_ENGINE_NAMES_H
#define SHOAL_ENGINE_NAMES_H

#include <stdbool.h>

struct prng;

#define NAME_TEXT_MAX 48

void name_make_up(struct prng *p, bool with_digit, char out[NAME_TEXT_MAX]);

#endif
