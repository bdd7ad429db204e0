/* What is not needed any more: remove one image, or all but some; then what no image names goes. */
#include "base/mem.h"
#include "content/job.h"

static bool sweep(struct job *j, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	int64_t freed;

	if (!store_sweep(j->store, j->request, &freed, e))
		return false;
	job_event(j, &w, "done");
	record_add_i64(&w, "freed", freed);
	return job_send(j, &w, e);
}

bool job_remove(struct job *j, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };

	return store_remove_image(j->store, job_text(j, "image", &a), e) && sweep(j, e);
}

bool job_gc(struct job *j, struct err *e)
{
	store_keep_images(j->store, j->request, "keep_image");
	return sweep(j, e);
}
