/* The image behind a reference, as far as texts tell: manifest and config, verified by digest. */
#ifndef SHOAL_CONTENT_SOURCE_H
#define SHOAL_CONTENT_SOURCE_H

#include "content/fetcher.h"
#include "content/manifest.h"
#include "content/remote.h"

struct source {
	char digest[DIGEST_SHA256_LEN + 1]; /* of what the reference names, an index included */
	char media_type[128];
	int64_t size_bytes;
	struct manifest named;    /* that */
	struct manifest manifest; /* of the one image: the same, or the one picked from it */
	char manifest_digest[DIGEST_SHA256_LEN + 1];
	struct buf manifest_text, config_text;
	struct image_config config;
	struct arena texts;
};

/* Ask for what the reference names, and parse it. */
bool source_name(struct source *s, struct job *j, struct fetcher *f, const struct remote *r,
		 struct err *e) MUST_CHECK;
/* Pick the image for a platform from an index, or take the one there is. */
bool source_pick(struct source *s, struct job *j, struct fetcher *f, const struct remote *r,
		 const struct platform *want, struct err *e) MUST_CHECK;
/* Fetch its config. */
bool source_config(struct source *s, struct job *j, struct fetcher *f, struct err *e) MUST_CHECK;
void source_clear(struct source *s);

#endif
