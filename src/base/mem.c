#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		abort();
	return p;
}

/* Up to here the allocator's own short lists serve malloc(), but not calloc(). */
#define SMALL_BYTES 1024

void *xcalloc(size_t count, size_t size)
{
	void *p;

	if (count <= SMALL_BYTES && size <= SMALL_BYTES && count * size <= SMALL_BYTES)
		return memset(xmalloc(count * size), 0, count * size);
	p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		abort();
	return p;
}

void *xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		abort();
	return p;
}

char *xstrdup(const char *text)
{
	return xmemdup(text, strlen(text) + 1);
}

char *xstrndup(const char *text, size_t length)
{
	size_t n = strnlen(text, length);
	char *copy = xmalloc(n + 1);

	memcpy(copy, text, n);
	copy[n] = '\0';
	return copy;
}

void *xmemdup(const void *data, size_t size)
{
	void *copy = xmalloc(size);

	if (size)
		memcpy(copy, data, size);
	return copy;
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		abort();
	return text;
}
