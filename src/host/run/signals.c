/* What is done to a container that runs. */
#include "file/file.h"
#include "host/run/hands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/run/attach.h"

struct deed {
	int signum;
	int32_t height, width;
	struct str text;
	bool pauses;
};

/* Each is looked at in the container's lane, where it runs or does not. */
static bool must_run(struct op *op)
{
	return container_must_run(op->container, op->id, &op->err);
}

static bool oci_of(struct op *op, struct oci *oci)
{
	return oci_find(op->hands, op->container->note.runtime, &op->memory, oci, &op->err);
}

static struct op *deed_new(void *self, uint64_t ticket, const char *id, enum crew_urgency urgency,
			   void (*work)(struct op *), struct deed deed)
{
	struct op *op = op_new(self, ticket, id, urgency, work);

	op->args = arena_copy(&op->memory, &deed, sizeof(deed));
	return op;
}

static void thaw(struct container *c);

/* On the loop: a signal does not block, and the pidfd is the loop's. */
static void done_signal(struct op *op)
{
	const struct deed *deed = op->args;
	struct container *c = op->container;

	if (!must_run(op))
		return;
	if (!c->init_watch)
		fail(&op->err, ERR_CONFLICT, "Container %s is not running", op->id);
	else if (syscall(SYS_pidfd_send_signal, watch_fd(c->init_watch), deed->signum, NULL, 0) < 0)
		fail_sys(&op->err, errno, "signal %d", deed->signum);
	else
		op->ok = true;
	/* What is frozen cannot even die, in the first generation of cgroups. */
	if (op->ok && deed->signum == SIGKILL && c->is_paused)
		thaw(c);
}

void runtime_signal(void *self, uint64_t ticket, const char *id, int signum)
{
	struct op *op =
		deed_new(self, ticket, id, CREW_END, NULL, (struct deed){ .signum = signum });

	op->done = done_signal;
	op_submit(op);
}

static void work_pause(struct op *op)
{
	const struct deed *deed = op->args;
	struct oci oci;

	op->ok = must_run(op) && oci_of(op, &oci) &&
		 oci_run(&oci, (const char *[]){ deed->pauses ? "pause" : "resume", op->id, NULL },
			 &op->err);
}

static void done_pause(struct op *op)
{
	const struct deed *deed = op->args;

	if (op->ok)
		op->container->is_paused = deed->pauses;
}

static struct op *pause_new(void *self, uint64_t ticket, const char *id, bool pauses)
{
	struct op *op = deed_new(self, ticket, id, pauses ? CREW_START : CREW_END, work_pause,
				 (struct deed){ .pauses = pauses });

	op->done = done_pause;
	return op;
}

static void thaw(struct container *c)
{
	op_submit_first(pause_new(c->hands, 0, c->id, false));
}

void runtime_pause(void *self, uint64_t ticket, const char *id)
{
	op_submit(pause_new(self, ticket, id, true));
}

void runtime_unpause(void *self, uint64_t ticket, const char *id)
{
	op_submit(pause_new(self, ticket, id, false));
}

static void done_resize(struct op *op)
{
	const struct deed *deed = op->args;
	AUTO_FREE char *bundle = bundle_path(op->hands, op->id);

	op->ok = must_run(op) && conmon_resize(bundle, deed->height, deed->width, &op->err);
}

void runtime_resize(void *self, uint64_t ticket, const char *id, int32_t height, int32_t width)
{
	struct op *op = deed_new(self, ticket, id, CREW_START, NULL,
				 (struct deed){ .height = height, .width = width });

	op->done = done_resize;
	op_submit(op);
}

static void work_update(struct op *op)
{
	const struct deed *deed = op->args;
	AUTO_FREE char *path =
		xasprintf("%s/bundles/%s/resources.json", op->hands->exec_root, op->id);
	struct oci oci;

	op->ok = must_run(op) && oci_of(op, &oci) &&
		 file_replace(path, deed->text, 0600, &op->err) &&
		 oci_run(&oci, (const char *[]){ "update", "--resources", path, op->id, NULL },
			 &op->err);
}

void runtime_update(void *self, uint64_t ticket, const char *id, struct str resources)
{
	struct op *op = deed_new(self, ticket, id, CREW_START, work_update, (struct deed){ 0 });
	struct deed *deed = op->args;

	deed->text =
		str_bytes(arena_copy(&op->memory, resources.ptr, resources.len), resources.len);
	op_submit(op);
}

static void work_hosts(struct op *op)
{
	const struct deed *deed = op->args;
	AUTO_FREE char *path = xasprintf("%s/containers/%s/hosts", op->hands->data_root, op->id);

	op->ok = file_overwrite(path, deed->text, 0644, &op->err);
}

void runtime_write_hosts(void *self, uint64_t ticket, const char *id, struct str hosts)
{
	struct op *op = deed_new(self, ticket, id, CREW_START, work_hosts, (struct deed){ 0 });
	struct deed *deed = op->args;

	deed->text = str_bytes(arena_copy(&op->memory, hosts.ptr, hosts.len), hosts.len);
	op_submit(op);
}

static void on_detached(void *self)
{
	struct container *c = self;

	report(c->hands, &(struct runtime_event){ .kind = RUNTIME_DETACHED, .id = c->id });
}

static int connect_hub(void *self)
{
	struct container *c = self;
	AUTO_FREE char *bundle = bundle_path(c->hands, c->id);
	struct err ignored;
	int fd;

	return c->is_running && conmon_connect(bundle, &fd, &ignored) ? fd : -1;
}

static void on_idle(void *self)
{
	container_release(self);
}

struct hub *container_hub(struct container *c)
{
	if (!c->hub) {
		c->hub = hub_new(c->hands, (struct hub_owner){ .self = c,
							       .detached = on_detached,
							       .connect = connect_hub,
							       .idle = on_idle });
		if (c->is_running)
			hub_set(c->hub, c->note.tty, c->note.open_stdin, c->note.stdin_once);
	}
	return c->hub;
}

void runtime_attach(void *self, uint64_t ticket, const char *id, const struct runtime_attach *how)
{
	struct runtime_hands *hands = self;
	struct container *c = container_get(hands, id);
	struct op *op = op_new_loose(hands, ticket, CREW_LOOK, NULL);

	op->id = arena_strdup(&op->memory, id);
	op->ok = true;
	op->event.kind = RUNTIME_ENDPOINT;
	op->event.endpoint = hub_attach(container_hub(c), how, c->id);
	op_answer(op);
}
