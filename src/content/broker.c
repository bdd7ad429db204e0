#include "content/broker.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"

struct request {
	struct list link;
	int64_t ticket;
	char *bytes; /* of the record */
	struct record record;
	int stream;
};

struct running {
	struct list link;
	int64_t ticket;
	pid_t pid;
	struct channel channel;
	bool is_ended; /* its end was passed on, or is of no interest */
	bool is_alone;
};

struct broker {
	const struct settings *settings;
	struct store store;
	struct channel up;
	struct list waiting; /* struct request */
	struct list running; /* struct running */
	size_t waiting_count, running_count;
};

/* What the program can do. */
static const struct verb {
	const char *name;
	bool (*run)(struct job *j, struct err *e);
	bool is_alone;
	bool has_stream;
} verbs[] = {
	{ "pull", job_pull, false, false },
	{ "inspect", job_inspect, false, false },
	{ "login", job_login, false, false },
	{ "push", job_push, false, false },
	{ "load", job_load, false, true },
	{ "save", job_save, false, true },
	{ "import", job_import, false, true },
	{ "commit", job_commit, false, false },
	{ "export", job_export, false, true },
	{ "stat", job_stat, false, false },
	{ "archive", job_archive, false, true },
	{ "put_archive", job_put_archive, false, true },
	{ "remove", job_remove, true, false },
	{ "gc", job_gc, true, false },
};

static const struct verb *verb_of(const struct record *r)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_equal_c(record_get(r, "op"), verbs[i].name))
			return &verbs[i];
	return NULL;
}

static void request_free(struct request *q)
{
	list_remove(&q->link);
	if (q->stream >= 0)
		close(q->stream);
	free(q->bytes);
	free(q);
}

static void send_failure(struct broker *b, int64_t ticket, const struct err *why)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct err ignored;

	record_begin(&w);
	record_add_c(&w, "event", "failed");
	record_add_i64(&w, "ticket", ticket);
	record_add_i64(&w, "kind", why->kind);
	record_add_c(&w, "text", why->text);
	(void)!channel_send(&b->up, &w, NULL, 0, &ignored);
}

/* -- in the job's process -- */

static struct unpack_limits limits_of(const struct record *r)
{
	struct unpack_limits l = UNPACK_LIMITS_DEFAULT;

	l.bytes = record_get_i64(r, "bytes_max", l.bytes);
	l.entries = record_get_i64(r, "entries_max", l.entries);
	l.depth = record_get_i64(r, "depth_max", l.depth);
	return l;
}

static void send_end(struct job *j, const struct err *why)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct err ignored;

	job_event(j, &w, "failed");
	record_add_i64(&w, "kind", why->kind);
	record_add_c(&w, "text", why->text);
	(void)!job_send(j, &w, &ignored);
}

__attribute__((noreturn)) static void live(struct broker *b, const struct request *q,
					   const struct verb *verb, int fd)
{
	struct channel up;
	struct job j = { .settings = b->settings,
			 .store = &b->store,
			 .request = &q->record,
			 .ticket = q->ticket,
			 .up = &up,
			 .stream = -1,
			 .limits = limits_of(&q->record) };
	AUTO_FREE char *name = xasprintf("%d-%" PRId64, getpid(), q->ticket);
	struct err e = { 0 };
	bool is_done;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() == 1)
		_exit(1);
	/* The job keeps its channel as 3 and its stream as 4, so that all else can be closed. */
	if (dup2(fd, 500) < 0 || (q->stream >= 0 && dup2(q->stream, 501) < 0))
		_exit(1);
	(void)close_range(3, 499, 0);
	(void)close_range(502, ~0u, 0);
	channel_init(&up, dup2(500, 3));
	if (q->stream >= 0)
		j.stream = dup2(501, 4);
	(void)close_range(500, 501, 0);
	(void)close_range(3, 4, CLOSE_RANGE_CLOEXEC);

	j.dir = store_job_begin(&b->store, name, &e);
	is_done = j.dir && verb->run(&j, &e);
	if (j.dir)
		store_job_end(&b->store, name);
	if (!is_done)
		send_end(&j, &e);
	_exit(0);
}

/* -- in the broker -- */

static bool start(struct broker *b, struct request *q)
{
	const struct verb *verb = verb_of(&q->record);
	struct running *job = NEW(struct running);
	struct err e;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		(void)fail_sys(&e, errno, "make a channel");
		send_failure(b, q->ticket, &e);
		free(job);
		return false;
	}
	job->pid = fork();
	if (job->pid == 0)
		live(b, q, verb, pair[1]);
	close(pair[1]);
	if (job->pid < 0) {
		(void)fail_sys(&e, errno, "start a job");
		send_failure(b, q->ticket, &e);
		close(pair[0]);
		free(job);
		return false;
	}
	job->ticket = q->ticket;
	job->is_alone = verb->is_alone;
	channel_init(&job->channel, pair[0]);
	list_push_back(&b->running, &job->link);
	b->running_count++;
	return true;
}

static bool may_start(const struct broker *b, const struct request *q)
{
	if (b->running_count == 0)
		return true;
	return !verb_of(&q->record)->is_alone && b->running_count < JOBS_MAX &&
	       !list_first(&b->running, struct running, link)->is_alone;
}

static void start_what_may(struct broker *b)
{
	while (!list_is_empty(&b->waiting)) {
		struct request *q = list_first(&b->waiting, struct request, link);

		if (!may_start(b, q))
			return;
		(void)start(b, q);
		b->waiting_count--;
		request_free(q);
	}
}

static void cancel(struct broker *b, int64_t ticket)
{
	struct request *q;
	struct running *job;

	list_each (&b->waiting, struct request, link, q) {
		if (q->ticket == ticket) {
			b->waiting_count--;
			request_free(q);
		}
	}
	list_each (&b->running, struct running, link, job) {
		if (job->ticket == ticket) {
			job->is_ended = true;
			(void)kill(job->pid, SIGKILL); /* its workers go with it */
		}
	}
}

static void accept_request(struct broker *b, const struct record *r)
{
	int64_t ticket = record_get_i64(r, "ticket", 0);
	const struct verb *verb = verb_of(r);
	int stream = str_equal_c(record_get(r, "stream"), "1") ? channel_take_fd(&b->up) : -1;
	struct request *q;
	struct err e = { 0 };

	if (str_equal_c(record_get(r, "op"), "cancel")) {
		cancel(b, ticket);
		return;
	}
	if (!verb)
		(void)fail(&e, ERR_UNSUPPORTED, "shoal-content has no operation \"%.*s\"",
			   STR_FMT(record_get(r, "op")));
	else if (verb->has_stream && stream < 0)
		(void)fail(&e, ERR_INVALID, "%s without a stream", verb->name);
	else if (b->waiting_count >= WAITING_MAX)
		(void)fail(&e, ERR_EXHAUSTED, "more than %d requests for content wait",
			   WAITING_MAX);
	if (e.kind) {
		send_failure(b, ticket, &e);
		if (stream >= 0)
			close(stream);
		return;
	}
	q = NEW(struct request);
	q->ticket = ticket;
	q->bytes = xmemdup(r->fields.ptr, r->fields.len);
	q->record.fields = str_bytes(q->bytes, r->fields.len);
	q->stream = stream;
	list_push_back(&b->waiting, &q->link);
	b->waiting_count++;
}

static bool read_requests(struct broker *b, bool *is_end, struct err *e)
{
	struct record r;
	bool has = true;

	*is_end = !channel_fill(&b->up);
	if (*is_end)
		return true;
	while (has) {
		if (!channel_next(&b->up, &r, &has, e))
			return false;
		if (has)
			accept_request(b, &r);
	}
	return true;
}

/* The job's process is gone, or is told to go. */
static void bury(struct broker *b, struct running *job)
{
	AUTO_FREE char *name = xasprintf("%d-%" PRId64, job->pid, job->ticket);
	struct err e;
	int status = 0;

	channel_clear(&job->channel);
	while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
		;
	store_job_end(&b->store, name);
	if (!job->is_ended) {
		if (WIFSIGNALED(status))
			(void)fail(&e, ERR_INTERNAL, "the job died of signal %d (%s)",
				   WTERMSIG(status), strsignal(WTERMSIG(status)));
		else
			(void)fail(&e, ERR_INTERNAL, "the job ended without a word (status %d)",
				   WEXITSTATUS(status));
		send_failure(b, job->ticket, &e);
	}
	list_remove(&job->link);
	b->running_count--;
	free(job);
}

static void pass_on(struct broker *b, struct running *job, const struct record *r)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct str event = record_get(r, "event");
	struct err ignored;

	if (job->is_ended || record_get_i64(r, "ticket", -1) != job->ticket)
		return;
	job->is_ended = str_equal_c(event, "done") || str_equal_c(event, "failed");
	record_begin(&w);
	buf_append_str(&w.bytes, r->fields);
	(void)!channel_send(&b->up, &w, NULL, 0, &ignored);
}

static void read_reports(struct broker *b, struct running *job)
{
	struct record r;
	struct err ignored;
	bool has = true;

	if (!channel_fill(&job->channel)) {
		bury(b, job);
		return;
	}
	while (has && channel_next(&job->channel, &r, &has, &ignored) && has)
		pass_on(b, job, &r);
}

static void send_idle(struct broker *b)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct err ignored;

	record_begin(&w);
	record_add_c(&w, "event", "idle");
	(void)!channel_send(&b->up, &w, NULL, 0, &ignored);
}

static bool serve(struct broker *b, int idle_ms, struct err *e)
{
	struct pollfd fds[1 + JOBS_MAX];
	struct running *jobs[1 + JOBS_MAX], *job;
	bool was_told = true;

	for (;;) {
		bool is_idle = b->running_count == 0 && list_is_empty(&b->waiting), is_end;
		nfds_t count = 1;
		int n;

		fds[0] = (struct pollfd){ .fd = b->up.fd, .events = POLLIN };
		list_each (&b->running, struct running, link, job) {
			jobs[count] = job;
			fds[count++] = (struct pollfd){ .fd = job->channel.fd, .events = POLLIN };
		}
		n = poll(fds, count, is_idle && !was_told ? idle_ms : -1);
		if (n < 0 && errno != EINTR)
			return fail_sys(e, errno, "wait for work");
		if (n == 0) {
			send_idle(b);
			was_told = true;
			continue;
		}
		for (nfds_t i = 1; n > 0 && i < count; i++)
			if (fds[i].revents)
				read_reports(b, jobs[i]);
		if (n > 0 && fds[0].revents) {
			was_told = false;
			if (!read_requests(b, &is_end, e))
				return false;
			if (is_end)
				return true;
		}
		start_what_may(b);
	}
}

bool broker_run(const struct settings *settings, int fd, int idle_ms, struct err *e)
{
	struct broker b = { .settings = settings };
	bool is_well;

	list_init(&b.waiting);
	list_init(&b.running);
	channel_init(&b.up, fd);
	is_well = store_open(&b.store, settings->root, e) && serve(&b, idle_ms, e);
	while (!list_is_empty(&b.running)) {
		struct running *job = list_first(&b.running, struct running, link);

		job->is_ended = true;
		(void)kill(job->pid, SIGKILL);
		bury(&b, job);
	}
	while (!list_is_empty(&b.waiting))
		request_free(list_first(&b.waiting, struct request, link));
	channel_clear(&b.up);
	store_close(&b.store);
	return is_well;
}
