#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* gRPC codes: 2 UNKNOWN, 3 INVALID_ARGUMENT, 5 NOT_FOUND, 6 ALREADY_EXISTS, 7 PERMISSION_DENIED,
 * 8 RESOURCE_EXHAUSTED, 9 FAILED_PRECONDITION, 12 UNIMPLEMENTED, 13 INTERNAL, 14 UNAVAILABLE,
 * 16 UNAUTHENTICATED. */
static const struct {
	const char *name;
	int http;
	int grpc;
} kinds[ERR_KINDS] = {
	[ERR_NONE] = { "none", 200, 0 },
	[ERR_INVALID] = { "invalid", 400, 3 },
	[ERR_UNAUTHENTICATED] = { "unauthenticated", 401, 16 },
	[ERR_DENIED] = { "denied", 403, 7 },
	[ERR_NOT_FOUND] = { "not found", 404, 5 },
	[ERR_CONFLICT] = { "conflict", 409, 6 },
	[ERR_IN_USE] = { "in use", 400, 9 },
	[ERR_UNSUPPORTED] = { "unsupported", 501, 12 },
	[ERR_UNAVAILABLE] = { "unavailable", 503, 14 },
	[ERR_EXHAUSTED] = { "exhausted", 503, 8 },
	[ERR_OUT_OF_SEQUENCE] = { "out of sequence", 500, 2 },
	[ERR_UNKNOWN_OUTCOME] = { "unknown outcome", 503, 14 },
	[ERR_INTERNAL] = { "internal", 500, 13 },
};

static void write_text(char *to, const char *format, va_list args)
{
	int n = vsnprintf(to, ERR_TEXT_MAX, format, args);

	if (n >= ERR_TEXT_MAX)
		memcpy(to + ERR_TEXT_MAX - 4, "...", 4);
}

static enum err_kind kind_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_CONFLICT;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case EINVAL:
		return ERR_INVALID;
	case ENOSPC:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
		return ERR_EXHAUSTED;
	case ECONNREFUSED:
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return ERR_UNAVAILABLE;
	default:
		return ERR_INTERNAL;
	}
}

bool fail(struct err *e, enum err_kind kind, const char *format, ...)
{
	va_list args;

	assert(kind > ERR_NONE && kind < ERR_KINDS);
	va_start(args, format);
	e->kind = kind;
	write_text(e->text, format, args);
	va_end(args);
	return false;
}

bool fail_sys(struct err *e, int errnum, const char *format, ...)
{
	char what[ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	write_text(what, format, args);
	va_end(args);
	return fail(e, kind_of_errno(errnum), "%s: %s", what, strerror(errnum));
}

bool while_doing(struct err *e, const char *format, ...)
{
	char context[ERR_TEXT_MAX], before[ERR_TEXT_MAX];
	va_list args;

	assert(e->kind != ERR_NONE);
	va_start(args, format);
	write_text(context, format, args);
	va_end(args);
	memcpy(before, e->text, sizeof(before));
	return fail(e, e->kind, "%s: %s", context, before);
}

int err_http_status(enum err_kind kind)
{
	assert(kind < ERR_KINDS);
	return kinds[kind].http;
}

int err_grpc_status(enum err_kind kind)
{
	assert(kind < ERR_KINDS);
	return kinds[kind].grpc;
}

enum err_kind err_of_grpc(int status)
{
	for (int kind = ERR_NONE + 1; kind < ERR_KINDS; kind++)
		if (kinds[kind].grpc == status)
			return (enum err_kind)kind;
	return ERR_INTERNAL;
}

const char *err_kind_name(enum err_kind kind)
{
	assert(kind < ERR_KINDS);
	return kinds[kind].name;
}
