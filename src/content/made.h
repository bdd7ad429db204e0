/* Images made here: from a layer, a parent and a few words to an image of the store.
 *
 * Request fields: `parent` (image id), `config` (JSON of the Docker "Config" object), `author`,
 * `comment`, `created_by`, `container`, `created` (RFC 3339), `platform`. */
#ifndef SHOAL_CONTENT_MADE_H
#define SHOAL_CONTENT_MADE_H

#include "content/job.h"

/* The schema 2 manifest of an image as it is kept. */
bool made_manifest(struct job *j, const struct image *image, struct buf *text,
		   struct err *e) MUST_CHECK;

/* Keep an image of this config (its id is the config's digest) and these layers. */
bool made_image(struct job *j, struct str config, struct image *image, struct err *e) MUST_CHECK;

/* The parent's layers, this one on top, the config that the request describes; then report it done. */
bool made_with_layer(struct job *j, const struct layer *top, struct err *e) MUST_CHECK;

#endif
