#include "host/logs/rotation.h"

#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/logs/files.h"
#include "host/loop.h"
#include "host/run/hands.h"

static bool is_limited(const struct container *c)
{
	return c->is_running && c->note.has_log && c->note.log_size_max > 0;
}

static void rotate(const struct container *c)
{
	AUTO_FREE char *path = log_path(c->hands, c->id);
	AUTO_FREE char *older = log_file_path(path, 1);
	AUTO_FREE char *bundle = bundle_path(c->hands, c->id);
	struct stat st;
	struct err e;

	/* A newest file that is missing: conmon has not opened it yet, it is busy. */
	if (stat(path, &st) < 0 || st.st_size < c->note.log_size_max)
		return;
	log_trim(path, c->note.log_files_max);
	if (!log_shift(path, c->note.log_files_max, &e) || !conmon_reopen_log(bundle, &e))
		log_warn(loop_log(c->hands->loop), "logs", "%s", e.text);
}

static void on_timer(uv_timer_t *timer)
{
	struct runtime_hands *hands = timer->data;
	struct container *c;
	bool any = false;

	tree_each (&hands->containers, struct container, by_id, c) {
		if (!is_limited(c))
			continue;
		any = true;
		rotate(c);
	}
	if (!any)
		uv_timer_stop(timer);
}

void rotation_init(struct runtime_hands *hands)
{
	uv_timer_init(loop_uv(hands->loop), &hands->rotation);
	hands->rotation.data = hands;
}

void rotation_wake(struct runtime_hands *hands)
{
	if (!uv_is_active((uv_handle_t *)&hands->rotation))
		uv_timer_start(&hands->rotation, on_timer, ROTATION_MS, ROTATION_MS);
}
