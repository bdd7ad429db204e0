/* Names of images: what people write and what we keep.
 *
 * "busybox", "user/app:1", "host:5000/a/b@sha256:..." become canonical: domain, path and a tag or
 * a digest ("docker.io/library/busybox:latest"). The familiar form leaves out what goes without
 * saying. Source of the grammar: the distribution project's reference format (public
 * documentation). */
#ifndef SHOAL_ENGINE_REFERENCE_H
#define SHOAL_ENGINE_REFERENCE_H

#include <stdbool.h>

#include "base/arena.h"

struct err;

struct reference {
	const char *domain; /* "docker.io" */
	const char *path;   /* "library/busybox" */
	const char *tag;    /* "" when none was written */
	const char *digest; /* "sha256:<64 hex>", or "" */
};

/* ERR_INVALID with docker's words "invalid reference format". Everything lies in the arena. */
bool reference_parse(struct arena *a, const char *text, struct reference *ref, struct err *err);
/* domain/path:tag, the tag being "latest" when there is neither tag nor digest. */
const char *reference_tagged(struct arena *a, const struct reference *ref);
/* domain/path@digest */
const char *reference_digested(struct arena *a, const struct reference *ref, const char *digest);
const char *reference_name(struct arena *a, const struct reference *ref); /* domain/path */
/* "busybox:latest" of "docker.io/library/busybox:latest": a part of the text given. */
const char *reference_familiar(const char *canonical);
/* "sha256:" and 64 lower-case hex digits. */
bool reference_is_digest(const char *text);

#endif
