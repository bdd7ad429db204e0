/* The order people sort names in: runs of digits count as numbers, "node2" before "node10". */
#ifndef SHOAL_CONSOLE_ORDER_H
#define SHOAL_CONSOLE_ORDER_H

#include <jansson.h>

int natural_compare(const char *a, const char *b);
/* Sort a list by the text or number at a path; equal members keep their places. */
void sort_by(json_t *list, const char *path);

#endif
