/* The hands of the agent: they make a task's container real.
 *
 * In a real node the engine stands behind this seam; in the simulator a fake does. Tasks
 * are named by their id. Each command is answered by exactly one event with its ticket,
 * except that remove() swallows what was still under way for the task. Commands for one task are
 * carried out in order; nothing is promised across tasks. Between a crash and the next
 * start, a command may or may not have been carried out: list() tells. */
#ifndef SHOAL_SEAM_EXECUTOR_H
#define SHOAL_SEAM_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "seam/log_record.h"

struct Pb__Task;
struct Pb__PortConfig;

struct executor {
	void *self;
	/* Which tasks have something here, in which state: a LISTED event each, then LIST_END. */
	void (*list)(void *self, uint64_t ticket);
	/* Image, network, mounts, container. Repeating it for a prepared task succeeds. */
	void (*prepare)(void *self, uint64_t ticket, const struct Pb__Task *task);
	void (*start)(void *self, uint64_t ticket, const char *task_id);
	/* Ask the container to end (its stop signal), and kill it after the grace period. */
	void (*stop)(void *self, uint64_t ticket, const char *task_id);
	/* Make what is left of it go away. */
	void (*remove)(void *self, uint64_t ticket, const char *task_id);

	/* Read what its container wrote: LOG with a batch, and one more for each log_more(), until the
	 * batch that is the last. A task that has nothing here, or nothing any more, has an empty log.
	 * After log_stop() no batch comes; none of the two does anything once the last has come. */
	void (*log_read)(void *self, uint64_t ticket, const char *task_id,
			 const struct log_wanted *wanted);
	void (*log_more)(void *self, uint64_t ticket);
	void (*log_stop)(void *self, uint64_t ticket);
};

enum executor_event_kind {
	EXECUTOR_DONE, /* the command of this ticket succeeded; prepare: container_id, start: pid */
	EXECUTOR_FAILED, /* it did not: text; is_temporary: trying again in a second may help */
	EXECUTOR_EXITED, /* no ticket: the task's container ended: exit_code, text if it was not its own doing */
	EXECUTOR_LISTED, /* task_id has a container: is_running, exit_code when it ended */
	EXECUTOR_LIST_END,
	EXECUTOR_LOG, /* log */
};

struct executor_event {
	enum executor_event_kind kind;
	const char *task_id;
	const char *container_id;
	int64_t pid;
	int32_t exit_code;
	bool is_temporary;
	bool is_running;
	const char *text;
	/* Host ports the container got, for PortStatus; owned like everything in an input. */
	struct Pb__PortConfig **ports;
	size_t port_count;
	struct log_batch log;
};

#endif
