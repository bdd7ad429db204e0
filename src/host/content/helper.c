#include "host/content/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/loop.h"
#include "host/run/watch.h"

#define FILL_BYTES     (128u << 10)
#define LAST_WORDS_MAX (64u << 10)
#define LEAVE_MS       2000

static const char *const environment[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL
};

enum helper_step { HELPER_GONE, HELPER_RUNNING, HELPER_LEAVING, HELPER_LOST };

/* A record on its way out. */
struct frame {
	struct list link;
	uint64_t ticket;
	struct buf bytes;
	size_t at;
	int fd; /* goes with the first byte; -1: none, or gone */
};

/* Our end of the socket; it outlives what it was for until libuv lets go of it. */
struct line {
	uv_poll_t poll;
	int fd;
};

struct helper {
	struct loop *loop;
	char *program, *root, *certs_dir;
	int idle_ms;
	struct helper_user user;

	enum helper_step step;
	pid_t pid;
	struct watch *watch; /* its pidfd, from its start to its end */
	struct line *line;   /* RUNNING */
	int errors;          /* what it writes to stderr; -1: none */
	struct buf in;
	struct list frames;
	struct err why; /* LOST: what we know of it */

	bool is_posted; /* go_on() will be called */
	bool is_over;   /* freed there */
};

static void go_on_soon(struct helper *h);

/* ---- frames ---- */

static void frame_free(struct frame *f)
{
	list_remove(&f->link);
	if (f->fd >= 0)
		(void)close(f->fd);
	buf_clear(&f->bytes);
	free(f);
}

void helper_send(struct helper *h, uint64_t ticket, struct buf *bytes, int fd)
{
	struct frame *f = NEW(struct frame);

	list_init(&f->link);
	f->ticket = ticket;
	f->bytes = *bytes;
	f->fd = fd;
	*bytes = (struct buf){ 0 };
	if (ticket == 0 && h->step != HELPER_RUNNING) {
		frame_free(f);
		return;
	}
	list_push_back(&h->frames, &f->link);
	go_on_soon(h);
}

void helper_withdraw(struct helper *h, uint64_t ticket)
{
	struct frame *f;

	list_each (&h->frames, struct frame, link, f)
		if (f->ticket == ticket && f->at == 0)
			frame_free(f);
}

/* ---- its socket ---- */

static void on_line_closed(uv_handle_t *handle)
{
	struct line *line = container_of((uv_poll_t *)handle, struct line, poll);

	(void)close(line->fd);
	free(line);
}

static void hang_up(struct helper *h)
{
	struct line *line = STEAL(h->line);

	if (!line)
		return;
	/* The program ends when it sees this; libuv closes the descriptor only later. */
	(void)shutdown(line->fd, SHUT_RDWR);
	uv_close((uv_handle_t *)&line->poll, on_line_closed);
}

/* Whatever is left of it ends, and then what it leaves behind is dealt with. */
static void lose(struct helper *h, const struct err *why)
{
	if (h->step != HELPER_RUNNING)
		return;
	h->step = HELPER_LOST;
	h->why = why ? *why : (struct err){ 0 };
	hang_up(h);
	if (why)
		(void)kill(h->pid, SIGKILL);
}

static ssize_t send_some(struct helper *h, struct frame *f)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec piece = { f->bytes.data + f->at, f->bytes.len - f->at };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

	if (f->fd >= 0) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &f->fd, sizeof(int));
	}
	return sendmsg(h->line->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void note_sent(struct helper *h, struct frame *f, size_t n)
{
	bool is_first = f->at == 0;

	f->at += n;
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
	if (is_first && f->ticket)
		h->user.sent(h->user.self, f->ticket);
	if (f->at == f->bytes.len)
		frame_free(f);
}

static void on_line(uv_poll_t *poll, int status, int events);

static void send_frames(struct helper *h)
{
	int events = UV_READABLE;

	while (!list_is_empty(&h->frames)) {
		struct frame *f = list_first(&h->frames, struct frame, link);
		ssize_t n = send_some(h, f);

		if (n > 0) {
			note_sent(h, f, (size_t)n);
		} else if (errno == EAGAIN) {
			events |= UV_WRITABLE;
			break;
		} else if (errno != EINTR) {
			break; /* it is going: reading finds that out, after its last words */
		}
	}
	uv_poll_start(&h->line->poll, events, on_line);
}

static void heed(struct helper *h, const struct record *r)
{
	if (!str_equal_c(record_get(r, "event"), "idle")) {
		h->user.told(h->user.self, r);
	} else if (list_is_empty(&h->frames) && !h->user.is_needed(h->user.self)) {
		h->step = HELPER_LEAVING;
		hang_up(h);
	}
}

static void read_records(struct helper *h)
{
	struct str bytes = buf_str(&h->in);
	struct record r;
	struct err e;
	size_t used;

	while (h->step == HELPER_RUNNING) {
		if (!record_parse(bytes, &r, &used, &e)) {
			while_doing(&e, "shoal-content says what is no record");
			lose(h, &e);
			return;
		}
		if (used == 0)
			break;
		heed(h, &r);
		bytes.ptr += used;
		bytes.len -= used;
	}
	buf_consume(&h->in, h->in.len - bytes.len);
	if (h->in.len == 0)
		buf_clear(&h->in);
}

/* True while there may be more. */
static bool fill(struct helper *h)
{
	size_t before = h->in.len;
	char *room = buf_extend(&h->in, FILL_BYTES);
	ssize_t n = recv(h->line->fd, room, FILL_BYTES, MSG_DONTWAIT);

	h->in.len = before + (n > 0 ? (size_t)n : 0);
	if (n > 0)
		read_records(h);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		lose(h, NULL);
	return n > 0 && h->step == HELPER_RUNNING;
}

static void on_line(uv_poll_t *poll, int status, int events)
{
	struct helper *h = poll->data;

	(void)status;
	if (!h->line || poll != &h->line->poll)
		return;
	(void)fill(h);
	if (h->step == HELPER_RUNNING && (events & UV_WRITABLE))
		send_frames(h);
}

/* ---- its end ---- */

static int reap(struct helper *h)
{
	int status = 0;

	while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
		;
	watch_free(STEAL(h->watch));
	h->pid = 0;
	return status;
}

/* The last line that it wrote to stderr. */
static struct str last_words(struct helper *h, struct buf *text)
{
	struct str words;
	ssize_t n;

	while (h->errors >= 0 && text->len < LAST_WORDS_MAX) {
		char piece[4096];

		n = read(h->errors, piece, sizeof(piece));
		if (n <= 0)
			break;
		buf_append(text, piece, (size_t)n);
	}
	words = str_trim(buf_str(text));
	for (size_t i = words.len; i > 0; i--)
		if (words.ptr[i - 1] == '\n')
			return str_bytes(words.ptr + i, words.len - i);
	return words;
}

static void explain(struct helper *h, int status)
{
	AUTO_BUF struct buf text = BUF_MAX(LAST_WORDS_MAX + 4096);
	struct str words = last_words(h, &text);

	if (h->why.kind)
		return;
	if (WIFSIGNALED(status))
		(void)fail(&h->why, ERR_INTERNAL, "shoal-content was killed by signal %d (%s)",
			   WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (words.len)
		(void)fail(&h->why, ERR_INTERNAL, "%.*s", STR_FMT(words));
	else
		(void)fail(&h->why, ERR_INTERNAL, "shoal-content ended with status %d",
			   WEXITSTATUS(status));
}

static void forget(struct helper *h)
{
	if (h->errors >= 0)
		(void)close(h->errors);
	h->errors = -1;
	buf_clear(&h->in);
	h->step = HELPER_GONE;
}

/* Half a record is lost with the one that has the other half, and so is what was for it alone. */
static void drop_begun(struct helper *h)
{
	struct frame *f;

	list_each (&h->frames, struct frame, link, f)
		if (f->at > 0 || f->ticket == 0)
			frame_free(f);
}

static void on_exit_of_it(void *self)
{
	struct helper *h = self;
	bool was_leaving = h->step == HELPER_LEAVING;
	int status;

	while (h->step == HELPER_RUNNING && fill(h))
		;
	if (h->step == HELPER_RUNNING)
		lose(h, NULL);
	status = reap(h);
	if (!was_leaving) {
		explain(h, status);
		log_warn(loop_log(h->loop), "content", "%s", h->why.text);
		drop_begun(h);
		forget(h);
		h->user.lost(h->user.self, &h->why);
	} else {
		forget(h);
	}
	go_on_soon(h);
}

/* ---- its start ---- */

/* Nothing of ours but the socket and a place for its last words. A session of its own: what a
 * terminal sends to us is not for it. */
static bool spawn(struct helper *h, int socket, int errors, struct err *e)
{
	char idle[16];
	const char *args[16] = { h->program, "--root", h->root, "--fd", "3" };
	size_t count = 5;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int status;

	if (h->certs_dir) {
		args[count++] = "--certs-dir";
		args[count++] = h->certs_dir;
	}
	if (h->idle_ms > 0) {
		(void)snprintf(idle, sizeof(idle), "%d", h->idle_ms);
		args[count++] = "--idle-ms";
		args[count++] = idle;
	}
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&actions, 0, 1);
	posix_spawn_file_actions_adddup2(&actions, errors, 2);
	posix_spawn_file_actions_adddup2(&actions, socket, 3);
	posix_spawn_file_actions_addclosefrom_np(&actions, 4);
	posix_spawn_file_actions_addchdir_np(&actions, "/");

	status = posix_spawn(&h->pid, h->program, &actions, &attr, (char *const *)args,
			     (char *const *)environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return status == 0 || fail_sys(e, status, "run %s", h->program);
}

static void connect_line(struct helper *h, int fd)
{
	h->line = NEW(struct line);
	h->line->fd = fd;
	if (uv_poll_init(loop_uv(h->loop), &h->line->poll, fd) != 0)
		abort();
	h->line->poll.data = h;
	h->in = BUF_MAX(RECORD_MAX + 4 + FILL_BYTES);
}

static bool start(struct helper *h, struct err *e)
{
	int socket[2] = { -1, -1 }, errors[2] = { -1, -1 }, pidfd = -1;
	bool ok = false;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socket) < 0 ||
	    pipe2(errors, O_CLOEXEC | O_NONBLOCK) < 0) {
		fail_sys(e, errno, "make a socket for shoal-content");
	} else if (spawn(h, socket[1], errors[1], e)) {
		pidfd = (int)syscall(SYS_pidfd_open, h->pid, 0);
		ok = pidfd >= 0 || fail_sys(e, errno, "watch shoal-content");
	}
	for (int i = 0; i < 2; i++) {
		int *pair = i ? errors : socket;

		if (pair[1] >= 0)
			(void)close(pair[1]);
		if (!ok && pair[0] >= 0)
			(void)close(pair[0]);
	}
	if (!ok) {
		if (h->pid > 0) {
			(void)kill(h->pid, SIGKILL);
			(void)reap(h);
		}
		return false;
	}
	h->errors = errors[0];
	h->watch = watch_new(h->loop, pidfd, h, on_exit_of_it);
	connect_line(h, socket[0]);
	h->step = HELPER_RUNNING;
	return true;
}

/* What waited for it is as lost as if it had been sent. */
static void give_up(struct helper *h, const struct err *why)
{
	log_warn(loop_log(h->loop), "content", "%s", why->text);
	while (!list_is_empty(&h->frames)) {
		struct frame *f = list_first(&h->frames, struct frame, link);

		if (f->ticket)
			h->user.sent(h->user.self, f->ticket);
		frame_free(f);
	}
	h->user.lost(h->user.self, why);
}

static void go_on(void *self)
{
	struct helper *h = self;
	struct err e;

	h->is_posted = false;
	if (h->is_over) {
		free(h);
		return;
	}
	if (list_is_empty(&h->frames))
		return;
	if (h->step == HELPER_GONE && !start(h, &e))
		give_up(h, &e);
	else if (h->step == HELPER_RUNNING)
		send_frames(h);
}

static void go_on_soon(struct helper *h)
{
	if (!h->is_posted)
		loop_post(h->loop, h, go_on);
	h->is_posted = true;
}

struct helper *helper_new(const struct helper_config *config)
{
	struct helper *h = NEW(struct helper);

	h->loop = config->loop;
	h->program = xstrdup(config->program);
	h->root = xstrdup(config->root);
	h->certs_dir = config->certs_dir ? xstrdup(config->certs_dir) : NULL;
	h->idle_ms = config->idle_ms;
	h->user = config->user;
	h->errors = -1;
	list_init(&h->frames);
	return h;
}

/* It clears up behind itself, which takes a moment; one that hangs is not waited for. */
static void see_it_off(struct helper *h)
{
	struct pollfd p = { .fd = watch_fd(h->watch), .events = POLLIN };

	hang_up(h);
	if (poll(&p, 1, LEAVE_MS) != 1)
		(void)kill(h->pid, SIGKILL);
	(void)reap(h);
}

void helper_free(struct helper *h)
{
	if (h->watch)
		see_it_off(h);
	forget(h);
	while (!list_is_empty(&h->frames))
		frame_free(list_first(&h->frames, struct frame, link));
	free(h->program);
	free(h->root);
	free(h->certs_dir);
	h->is_over = true;
	if (!h->is_posted)
		free(h);
}

pid_t helper_pid(const struct helper *h)
{
	return h->pid;
}
