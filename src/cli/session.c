#include "cli/session.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "file/file.h"
#include "wire/stdcopy.h"

#define IMPATIENCE 3 /* interrupts until we give up on passing them on */

static const int passed_signals[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
				      SIGUSR1, SIGUSR2, SIGALRM, SIGCONT };

static void signal_set(sigset_t *set, bool passes_signals)
{
	sigemptyset(set);
	sigaddset(set, SIGWINCH);
	for (size_t i = 0; i < ARRAY_LEN(passed_signals) && passes_signals; i++)
		sigaddset(set, passed_signals[i]);
}

void session_catch_signals(bool passes_signals)
{
	sigset_t set;

	signal_set(&set, passes_signals);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

int detach_keys_parse(const char *text, unsigned char out[16], struct err *e)
{
	static const char controls[] = "@abcdefghijklmnopqrstuvwxyz[\\]^_";
	struct str rest = str_of(text), key;
	int count = 0;

	if (!*text)
		text = "ctrl-p,ctrl-q", rest = str_of(text);
	while (rest.len) {
		const char *control = NULL;

		str_cut(rest, ',', &key, &rest);
		if (key.len == 6 && str_starts_with(key, "ctrl-"))
			control = strchr(controls, tolower((unsigned char)key.ptr[5]));
		if ((key.len != 1 && !control) || count == 16)
			return fail(e, ERR_INVALID,
				    "invalid detach keys (%s): give keys such as ctrl-p,ctrl-q",
				    text),
			       -1;
		out[count++] =
			control ? (unsigned char)(control - controls) : (unsigned char)key.ptr[0];
	}
	return count;
}

bool detach_keys_feed(struct detach_keys *d, const unsigned char *in, size_t size,
		      unsigned char *out, size_t *out_size)
{
	*out_size = 0;
	for (size_t i = 0; i < size; i++) {
		if (in[i] == d->keys[d->matched]) {
			if (++d->matched == d->count)
				return true;
			continue;
		}
		/* What looked like the keys was typed for the process. */
		memcpy(out + *out_size, d->keys, (size_t)d->matched);
		*out_size += (size_t)d->matched;
		d->matched = in[i] == d->keys[0];
		if (!d->matched)
			out[(*out_size)++] = in[i];
	}
	return false;
}

void session_send_size(const struct session *s)
{
	struct winsize size;

	if (s->resize && ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		s->resize(s->self, size.ws_row, size.ws_col);
}

struct talk {
	const struct session *s;
	struct conn *conn;
	struct stdcopy_reader frames;
	struct detach_keys keys;
	bool input_open, output_open, detached;
	int interrupts;
};

static bool show_output(struct talk *t, struct str in, struct err *e)
{
	enum stdcopy_stream stream;
	enum stdcopy_event event;
	struct str payload;

	if (t->s->is_tty)
		return file_write_all(1, in) || fail_sys(e, errno, "write to standard output");
	while ((event = stdcopy_next(&t->frames, &in, &stream, &payload, e)) == STDCOPY_DATA) {
		if (stream == STDCOPY_ERROR)
			return fail(e, ERR_INTERNAL, "error from daemon in stream: %.*s",
				    STR_FMT(payload));
		if (!file_write_all(stream == STDCOPY_STDERR ? 2 : 1, payload))
			return fail_sys(e, errno, "write output");
	}
	return event == STDCOPY_MORE;
}

static bool take_output(struct talk *t, struct err *e)
{
	char bytes[32768];
	ssize_t n = conn_read(t->conn, bytes, sizeof(bytes), e);

	if (n < 0)
		return false;
	t->output_open = n > 0;
	return n == 0 || show_output(t, str_bytes(bytes, (size_t)n), e);
}

static void take_input(struct talk *t)
{
	unsigned char bytes[16384], sent[16384 + 16];
	ssize_t n = read(0, bytes, sizeof(bytes));
	size_t size;
	struct err ignored;

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		t->input_open = false;
		conn_end_writing(t->conn);
		return;
	}
	if (t->keys.count && detach_keys_feed(&t->keys, bytes, (size_t)n, sent, &size)) {
		t->detached = true;
		return;
	}
	/* A process that does not read any more may still have output. */
	if (!conn_write(t->conn, t->keys.count ? sent : bytes, t->keys.count ? size : (size_t)n,
			&ignored))
		t->input_open = false;
}

static bool take_signal(struct talk *t, int fd, struct err *e)
{
	struct signalfd_siginfo info;
	const char *name;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return true;
	if (info.ssi_signo == SIGWINCH) {
		session_send_size(t->s);
		return true;
	}
	if (info.ssi_signo == SIGINT && ++t->interrupts > IMPATIENCE)
		return fail(e, ERR_UNAVAILABLE, "got %d interrupts, giving up", t->interrupts);
	name = sigabbrev_np((int)info.ssi_signo);
	if (t->s->signal && name)
		t->s->signal(t->s->self, name);
	return true;
}

static bool talk(struct talk *t, int signal_fd, struct err *e)
{
	struct str early = stream_early_bytes(t->s->stream);

	if (early.len && !show_output(t, early, e))
		return false;
	while (t->output_open && !t->detached) {
		struct pollfd fds[] = {
			{ t->conn->fd, POLLIN, 0 },
			{ signal_fd, POLLIN, 0 },
			{ t->input_open ? 0 : -1, POLLIN, 0 },
		};
		bool pending = conn_has_pending(t->conn);

		if (poll(fds, ARRAY_LEN(fds), pending ? 0 : -1) < 0 && errno != EINTR)
			return fail_sys(e, errno, "poll");
		if ((fds[1].revents & POLLIN) && !take_signal(t, signal_fd, e))
			return false;
		if ((pending || fds[0].revents) && !take_output(t, e))
			return false;
		if (fds[2].revents)
			take_input(t);
	}
	return true;
}

bool session_run(const struct session *s, bool *detached, struct err *e)
{
	struct talk t = { .s = s,
			  .conn = stream_conn(s->stream),
			  .input_open = s->takes_input,
			  .output_open = true };
	struct termios was, raw;
	bool is_raw, ok;
	sigset_t set;
	int signal_fd;

	if (s->is_tty && s->takes_input) {
		t.keys.count = detach_keys_parse(s->detach_keys, t.keys.keys, e);
		if (t.keys.count < 0)
			return false;
	}
	signal_set(&set, s->passes_signals);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return fail_sys(e, errno, "signalfd");
	is_raw = s->is_tty && s->takes_input && tcgetattr(0, &was) == 0;
	if (is_raw) {
		raw = was;
		cfmakeraw(&raw);
		(void)tcsetattr(0, TCSADRAIN, &raw);
	}
	ok = talk(&t, signal_fd, e);
	if (is_raw)
		(void)tcsetattr(0, TCSADRAIN, &was);
	if (t.detached)
		fprintf(stderr, "read escape sequence\n");
	*detached = t.detached;
	close(signal_fd);
	return ok;
}
