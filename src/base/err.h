/* What went wrong: one sentence for a person, one kind for a program.
 *
 * A function that can fail returns bool and takes a `struct err *` last. It fills
 * the error once, where the cause is known, and leaves it alone on success. The
 * error is a value, so failing cannot itself fail. Context is added on the way
 * out, outermost first:
 *
 *     if (!file_replace(path, text, &e))
 *             return while_doing(e, "starting container %s", id);
 *
 * Rooms below api, daemon and cli never print an error they return. */
#ifndef SHOAL_BASE_ERR_H
#define SHOAL_BASE_ERR_H

#include <stdbool.h>

enum err_kind {
	ERR_NONE = 0,
	ERR_INVALID,         /* the request makes no sense */
	ERR_UNAUTHENTICATED, /* who are you? */
	ERR_DENIED,          /* you may not */
	ERR_NOT_FOUND,
	ERR_CONFLICT,        /* it exists, or it is in another state */
	ERR_IN_USE,          /* something depends on it (a failed precondition) */
	ERR_UNSUPPORTED,     /* known, and not built here */
	ERR_UNAVAILABLE,     /* not now: no leader, no manager, no connection */
	ERR_EXHAUSTED,       /* a limit was reached */
	ERR_OUT_OF_SEQUENCE, /* the version moved on under the caller */
	ERR_UNKNOWN_OUTCOME, /* it may or may not have happened */
	ERR_INTERNAL,        /* the system or we failed */
	ERR_KINDS
};

#define ERR_TEXT_MAX 1024

struct err {
	enum err_kind kind;
	char text[ERR_TEXT_MAX];
};

/* Fill *e and return false. Text that does not fit ends in "...". */
bool fail(struct err *e, enum err_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a failed system call: "<what>: <strerror(errnum)>", kind from errnum. */
bool fail_sys(struct err *e, int errnum, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Put context in front of what *e says: "<context>: <text>". Returns false. */
bool while_doing(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One table, so that an HTTP answer, a gRPC answer and an exit code never disagree. */
int err_http_status(enum err_kind kind);
int err_grpc_status(enum err_kind kind);
/* What a status that came back means: the first kind that is told so; ERR_INTERNAL for others. */
enum err_kind err_of_grpc(int status);
const char *err_kind_name(enum err_kind kind);

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
