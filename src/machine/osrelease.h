/* What a host says of itself, in the form of os-release(5): lines KEY=VALUE, quoted as for a shell.
 *
 * Source: os-release(5) of systemd; the words of ID and ID_LIKE are those of the distributions'
 * own files. */
#ifndef SHOAL_MACHINE_OSRELEASE_H
#define SHOAL_MACHINE_OSRELEASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum os_family {
	OS_OTHER,
	OS_DEBIAN, /* Ubuntu as well */
	OS_AMAZON,
	OS_REDHAT, /* Fedora, CentOS, Rocky, Alma, Oracle */
	OS_SUSE,
	OS_ARCH,
	OS_ALPINE,
};

/* The value of the last line for `key`, without its quotes, cut to size; "" and false when there is
 * none. */
bool os_value(struct str text, const char *key, char *value, size_t size);
/* By ID, else by the first word of ID_LIKE that is known. */
enum os_family os_family_of(struct str text);

#endif
