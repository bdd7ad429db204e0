/* The keys with which somebody at a terminal leaves a container running: "ctrl-p,ctrl-q". */
#ifndef SHOAL_API_DETACH_KEYS_H
#define SHOAL_API_DETACH_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#define DETACH_KEYS_MAX 16

struct err;

struct detach_keys {
	char bytes[DETACH_KEYS_MAX];
	size_t count;
};

/* Empty text is ctrl-p,ctrl-q. ERR_INVALID. */
bool detach_keys_read(const char *text, struct detach_keys *keys, struct err *e);

#endif
