/* Inside engine/: what pull, load, import and commit need of the images. */
#ifndef SHOAL_ENGINE_IMAGE_H
#define SHOAL_ENGINE_IMAGE_H

#include "engine/inside.h"

/* An image whose record is gone and whose content is to follow. */
struct removal {
	struct list link;
	char *id;
};

struct image *image_by_name(const struct engine *e, const char *canonical);
/* The image as it came, with its record; NULL and *err when its config cannot be read. */
struct image *image_add(struct engine *e, const struct content_image *what, struct err *err);
/* Give it a canonical name (tag or digest), taking it from whoever had it. */
void image_name(struct engine *e, struct image *i, const char *canonical);
void image_event(struct engine *e, const struct image *i, const char *action, const char *name);
/* +1 when a ticket that makes an image begins, -1 when it ends: content is not removed meanwhile.
 */
void image_making(struct engine *e, int change);
/* Before that: this is why there is none. */
void image_failed(struct engine *e, const struct err *err);

#endif
