/* Image references: "busybox", "host:5000/team/app:1.2@sha256:...".
 *
 *     reference := [domain "/"] component {"/" component} [":" tag] ["@" digest]
 *
 * A name without a domain belongs to docker.io, and there without a slash to library/. The
 * first component is a domain if it holds "." or ":" or a capital, or is localhost. A struct ref
 * is always the full form; the familiar form is what people type and read.
 *
 * Source: the reference grammar of the distribution project; texts of the stock engine. */
#ifndef SHOAL_WIRE_REF_H
#define SHOAL_WIRE_REF_H

#include <stdbool.h>

#include "base/str.h"
#include "wire/digest.h"

#define REF_NAME_MAX 255 /* domain, slash and path */
#define REF_TAG_MAX  128
/* Longest text of a reference. */
#define REF_TEXT_MAX (REF_NAME_MAX + 1 + REF_TAG_MAX + 1 + DIGEST_MAX)

/* A value: copy it freely. Parts that are absent are "". */
struct ref {
	char domain[REF_NAME_MAX + 1]; /* "docker.io", "host:5000", "[::1]:5000" */
	char path[REF_NAME_MAX + 1];   /* "library/busybox" */
	char tag[REF_TAG_MAX + 1];
	char digest[DIGEST_MAX + 1];
};

/* ERR_INVALID with the text a stock engine answers. Adds no tag. */
bool ref_parse(struct str text, struct ref *r, struct err *e);

/* Without tag and digest it means :latest. */
void ref_default_tag(struct ref *r);

bool tag_is_valid(struct str tag);

/* "docker.io/library/busybox:latest"; `out` has room for REF_TEXT_MAX + 1. */
void ref_full(const struct ref *r, char *out);
/* "busybox:latest". */
void ref_familiar(const struct ref *r, char *out);
/* "busybox": the familiar form without tag and digest. */
void ref_familiar_name(const struct ref *r, char *out);

#endif
