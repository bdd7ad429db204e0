/* A conversation with a process in a container: our terminal or pipes on one side, a connection
 * taken over from HTTP on the other. */
#ifndef SHOAL_CLI_SESSION_H
#define SHOAL_CLI_SESSION_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/client.h"

struct session {
	struct stream *stream;
	bool is_tty;      /* the process has a terminal: bytes come raw */
	bool takes_input; /* standard input goes there */
	bool passes_signals;
	const char *detach_keys; /* "ctrl-p,ctrl-q"; "" is that */
	void *self;
	void (*resize)(void *self, unsigned rows, unsigned columns); /* may be NULL */
	void (*signal)(void *self, const char *name);                /* "INT"; may be NULL */
};

/* Catch the signals a session minds, before the process can run; they wait until session_run(). */
void session_catch_signals(bool passes_signals);

/* Talk until the other side ends; *detached if the user went away by the detach keys. */
MUST_CHECK bool session_run(const struct session *s, bool *detached, struct err *e);

/* Tell the other side how large our terminal is; nothing if we have none. */
void session_send_size(const struct session *s);

/* "ctrl-p,ctrl-q", "ctrl-@", "a,b": bytes, at most 16; the count, or -1 and *e. */
int detach_keys_parse(const char *text, unsigned char out[16], struct err *e);

/* Finds the detach keys in what is typed. Feed bytes; what is not part of the keys comes out. */
struct detach_keys {
	unsigned char keys[16];
	int count, matched;
};
/* True when all keys came; *out gets what is to be sent on (room for size + 16). */
bool detach_keys_feed(struct detach_keys *d, const unsigned char *in, size_t size,
		      unsigned char *out, size_t *out_size);

#endif
