/* An image's config: the JSON whose digest is the image's id. */
#ifndef SHOAL_DOCKER_IMAGE_CONFIG_H
#define SHOAL_DOCKER_IMAGE_CONFIG_H

#include "pb/pb.h"

/* Fill in what the config says of the image: all but id, layers, size, tags and digests. Fails with
 * ERR_INVALID. (An engine_image_reader of engine/engine.h.) */
bool image_config_read(struct arena *a, struct str json, Pb__LocalImage *image,
		       struct err *e) MUST_CHECK;

#endif
