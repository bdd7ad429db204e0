/* Texts from outside, parsed in a PARSE worker: what comes back is checked records (manifest.h). */
#ifndef SHOAL_CONTENT_PARSE_H
#define SHOAL_CONTENT_PARSE_H

#include "content/job.h"
#include "content/manifest.h"

bool parse_manifest(struct job *j, struct str text, const char *said, struct arena *a,
		    struct manifest *m, struct err *e) MUST_CHECK;
bool parse_image_config(struct job *j, struct str text, struct arena *a, struct image_config *c,
			struct err *e) MUST_CHECK;
bool parse_saved_images(struct job *j, struct str text, bool is_index, struct arena *a,
			struct saved_image **images, size_t *count, struct err *e) MUST_CHECK;
/* The config of a new image, composed. */
bool parse_compose(struct job *j, const struct compose *what, struct buf *out,
		   struct err *e) MUST_CHECK;

/* The X-Registry-Auth of a request; values are "" when absent. */
struct credentials {
	const char *username, *password, *identity_token, *registry_token;
};
bool parse_credentials(struct job *j, const char *header, struct arena *a, struct credentials *c,
		       struct err *e) MUST_CHECK;

/* What the worker does for that, for tests: base64 (URL alphabet or not) of a JSON object. */
bool credentials_parse(struct str header, struct arena *a, struct credentials *c,
		       struct err *e) MUST_CHECK;

#endif
