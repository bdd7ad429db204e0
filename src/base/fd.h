/* File descriptors that close with their scope. A header only: the mind owns no descriptor,
 * and the symbol fence would see it if it did. */
#ifndef SHOAL_BASE_FD_H
#define SHOAL_BASE_FD_H

#include <unistd.h>

static inline void fd_close_scope(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
#define AUTO_CLOSE __attribute__((cleanup(fd_close_scope)))

#endif
