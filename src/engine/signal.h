/* Signals by name and number (Linux, x86-64 and arm64 alike). */
#ifndef SHOAL_ENGINE_SIGNAL_H
#define SHOAL_ENGINE_SIGNAL_H

#include <stdbool.h>

struct err;

#define SIGNAL_KILL 9
#define SIGNAL_TERM 15

/* "TERM", "SIGTERM", "term", "15", "RTMIN+3". ERR_INVALID "Invalid signal: x". */
bool signal_parse(const char *text, int *number, struct err *err);

#endif
