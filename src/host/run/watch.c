#include "host/run/watch.h"

#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "host/loop.h"

struct watch {
	uv_poll_t poll;
	int fd;
	void *self;
	void (*happened)(void *self);
};

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;

	w->happened(w->self);
}

struct watch *watch_new(struct loop *loop, int fd, void *self, void (*happened)(void *self))
{
	struct watch *w = NEW(struct watch);

	w->fd = fd;
	w->self = self;
	w->happened = happened;
	if (uv_poll_init(loop_uv(loop), &w->poll, fd) != 0)
		abort();
	w->poll.data = w;
	uv_poll_start(&w->poll, UV_READABLE, on_readable);
	return w;
}

int watch_fd(const struct watch *w)
{
	return w->fd;
}

void watch_pause(struct watch *w)
{
	uv_poll_stop(&w->poll);
}

static void on_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;

	(void)close(w->fd);
	free(w);
}

void watch_free(struct watch *w)
{
	if (w)
		uv_close((uv_handle_t *)&w->poll, on_closed);
}
