#include "content/job.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

const char *job_text(const struct job *j, const char *name, struct arena *a)
{
	struct str value = record_get(j->request, name);

	return value.ptr && !memchr(value.ptr, 0, value.len) ? arena_str(a, value) : "";
}

void job_event(struct job *j, struct record_writer *w, const char *event)
{
	record_begin(w);
	record_add_c(w, "event", event);
	record_add_i64(w, "ticket", j->ticket);
}

bool job_send(struct job *j, struct record_writer *w, struct err *e)
{
	return channel_send(j->up, w, NULL, 0, e);
}

void job_progress(struct job *j, const char *status, const char *id, int64_t current, int64_t total)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct err ignored;

	job_event(j, &w, "progress");
	record_add_c(&w, "status", status);
	record_add_c(&w, "id", id);
	if (current >= 0) {
		record_add_i64(&w, "current", current);
		record_add_i64(&w, "total", total);
	}
	(void)!job_send(j, &w, &ignored);
}

void job_say(struct job *j, const char *id, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	job_progress(j, line, id, -1, 0);
}

bool job_add_image(struct job *j, const struct image *image, struct record_writer *w, struct err *e)
{
	AUTO_BUF struct buf config = { 0 };

	if (!store_read_blob(j->store, image->id, &config, e))
		return false;
	record_add_c(w, "image", image->id);
	record_add(w, "config", buf_str(&config));
	record_add_i64(w, "size", image->size_bytes);
	for (size_t i = 0; i < image->layer_count; i++) {
		record_add_c(w, "layer", image->layers[i].diff_id);
		record_add_i64(w, "layer_size", image->layers[i].size_bytes);
	}
	return true;
}
