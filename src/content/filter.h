/* The system calls a worker may make (seccomp, libseccomp): all but those listed in filter.c. */
#ifndef SHOAL_CONTENT_FILTER_H
#define SHOAL_CONTENT_FILTER_H

#include "content/sandbox.h"

/* From here on, for good. Needs no_new_privs. */
bool filter_install(enum sandbox_kind kind, struct err *e) MUST_CHECK;

#endif
