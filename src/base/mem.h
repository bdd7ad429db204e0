/* Memory that cannot fail, and scopes that clean up after themselves.
 *
 * Allocation aborts when the system has none left: inputs are bounded instead,
 * so running out is a mistake of ours or a machine past help. Zero-size requests
 * return a valid pointer. Everything here is freed with free(). */
#ifndef SHOAL_BASE_MEM_H
#define SHOAL_BASE_MEM_H

#include <stddef.h>
#include <stdlib.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t length);
void *xmemdup(const void *data, size_t size);

/* printf into a fresh string. */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One zeroed object of a type: struct task *t = NEW(struct task); */
#define NEW(type) ((type *)xcalloc(1, sizeof(type)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* Freed at the end of the scope. Give the value away with STEAL(). */
static inline void mem_free_scope(void *slot)
{
	free(*(void **)slot);
}
#define AUTO_FREE __attribute__((cleanup(mem_free_scope)))

#define STEAL(pointer)                                                                             \
	({                                                                                         \
		__typeof__(pointer) _p = pointer;                                                  \
		pointer = NULL;                                                                    \
		_p;                                                                                \
	})

#endif
