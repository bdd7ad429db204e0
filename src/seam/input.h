/* Facts: everything that enters the mind.
 *
 * The hands turn an event into an input, queue it with node_input(), and return. An input
 * that is the outcome of a seam call carries the ticket of that call; whoever waits for it
 * looks its own record up by that number, and drops the outcome when the record is gone.
 *
 * Bytes and pointers in an input are borrowed: node_input() copies what it keeps. */
#ifndef SHOAL_SEAM_INPUT_H
#define SHOAL_SEAM_INPUT_H

#include <stdint.h>

#include "base/str.h"

enum input_kind {
	INPUT_NONE = 0,
	INPUT_KINDS
};

struct input {
	enum input_kind kind;
	uint64_t ticket;
	struct str data;
};

#endif
