#include "machine/remote.h"

#include <ctype.h>
#include <errno.h>
#include <libssh/libssh.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/mem.h"
#include "machine/cli.h"
#include "machine/hostkey.h"

#define CHUNK_BYTES     32768
#define WAIT_MS         100
#define SILENCE_MS      60000
#define ERRORS_MAX      65536
#define LAST_LINE_BYTES 400

struct remote {
	ssh_session session;
	char *who; /* "root@192.0.2.1 port 22" */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- connecting ---- */

static bool set_options(struct remote *r, const struct machine *m, const struct ssh_address *to,
			int timeout_ms, struct err *e)
{
	AUTO_BUF struct buf kinds = BUF_MAX(KNOWN_HOSTS_MAX);
	long seconds = (timeout_ms + 999) / 1000;
	bool no = false;

	if (!hostkey_kinds(m, &kinds, e))
		return false;
	if (ssh_options_set(r->session, SSH_OPTIONS_PROCESS_CONFIG, &no) < 0 ||
	    ssh_options_set(r->session, SSH_OPTIONS_HOST, to->host) < 0 ||
	    ssh_options_set(r->session, SSH_OPTIONS_PORT, &to->port) < 0 ||
	    (*to->user && ssh_options_set(r->session, SSH_OPTIONS_USER, to->user) < 0) ||
	    ssh_options_set(r->session, SSH_OPTIONS_TIMEOUT, &seconds) < 0 ||
	    (kinds.len && ssh_options_set(r->session, SSH_OPTIONS_HOSTKEYS, kinds.data) < 0))
		return fail(e, ERR_INVALID, "SSH to %s: %s", r->who, ssh_get_error(r->session));
	return true;
}

/* A connection that has died is noticed, however quiet it was. */
static void notice_death(ssh_session session)
{
	int fd = ssh_get_fd(session), on = 1, idle_s = 15, silence = SILENCE_MS;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence, sizeof(silence));
}

static char *fingerprint(ssh_key key)
{
	unsigned char *hash = NULL;
	char *text = NULL, *copy;
	size_t len;

	if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) == 0)
		text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
	copy = xstrdup(text ? text : "?");
	ssh_clean_pubkey_hash(&hash);
	ssh_string_free_char(text);
	return copy;
}

static bool accept_host(struct cli *c, struct remote *r, const struct machine *m, ssh_key shown,
			struct err *e)
{
	AUTO_FREE char *print = fingerprint(shown), *pins = machine_file(m, "known_hosts");
	enum hostkey_verdict verdict;

	if (!hostkey_check(m, shown, &verdict, e))
		return false;
	if (verdict == HOSTKEY_KNOWN)
		return true;
	if (verdict == HOSTKEY_OTHER)
		return fail(
			e, ERR_CONFLICT,
			"the key of the host at %s has changed (it is %s now): somebody else may "
			"have taken its place. If you know why, remove %s",
			r->who, print, pins);
	if (!c)
		return fail(e, ERR_CONFLICT, "the host at %s was never seen before", r->who);
	say_host(c, m,
		 "Warning: the host at %s was never seen before. Its key is trusted from here on: "
		 "%s %s",
		 r->who, ssh_key_type_to_char(ssh_key_type(shown)), print);
	return hostkey_pin_shown(m, shown, e);
}

static bool check_host(struct cli *c, struct remote *r, const struct machine *m, struct err *e)
{
	ssh_key shown = NULL;
	bool ok;

	if (ssh_get_server_publickey(r->session, &shown) != SSH_OK)
		return fail(e, ERR_UNAVAILABLE, "SSH to %s: it shows no key", r->who);
	ok = accept_host(c, r, m, shown, e);
	ssh_key_free(shown);
	return ok;
}

static bool log_in(struct remote *r, const struct ssh_address *to, struct err *e)
{
	ssh_key key = NULL;
	int answer;

	if (!*to->key) {
		answer = ssh_userauth_publickey_auto(r->session, NULL, NULL);
	} else if (ssh_pki_import_privkey_file(to->key, NULL, NULL, NULL, &key) == SSH_OK) {
		answer = ssh_userauth_publickey(r->session, NULL, key);
		ssh_key_free(key);
	} else {
		return fail(e, ERR_INVALID,
			    "%s is no private key that can be read: one with a passphrase belongs "
			    "in an SSH agent",
			    to->key);
	}
	if (answer == SSH_AUTH_SUCCESS)
		return true;
	if (answer == SSH_AUTH_ERROR)
		return fail(e, ERR_UNAVAILABLE, "SSH to %s: %s", r->who, ssh_get_error(r->session));
	return fail(e, ERR_UNAUTHENTICATED, "SSH to %s: permission denied for %s", r->who,
		    *to->key ? to->key : "all keys of the agent and of ~/.ssh");
}

static bool connect_to(struct cli *c, struct remote *r, const struct machine *m,
		       const struct ssh_address *to, int timeout_ms, struct err *e)
{
	if (!r->session)
		return fail(e, ERR_INTERNAL, "SSH cannot be begun");
	if (!set_options(r, m, to, timeout_ms, e))
		return false;
	if (ssh_connect(r->session) != SSH_OK)
		return fail(e, ERR_UNAVAILABLE, "SSH to %s: %s", r->who, ssh_get_error(r->session));
	notice_death(r->session);
	return check_host(c, r, m, e) && log_in(r, to, e);
}

struct remote *remote_open(struct cli *c, const struct machine *m, const struct ssh_address *to,
			   int timeout_ms, struct err *e)
{
	struct remote *r = NEW(struct remote);

	r->session = ssh_new();
	r->who = xasprintf("%s%s%s port %d", to->user, *to->user ? "@" : "", to->host, to->port);
	if (connect_to(c, r, m, to, timeout_ms, e))
		return r;
	remote_close(r);
	return NULL;
}

void remote_close(struct remote *r)
{
	if (!r)
		return;
	if (r->session) {
		ssh_disconnect(r->session);
		ssh_free(r->session);
	}
	free(r->who);
	free(r);
}

/* ---- running ---- */

/* A command under way. */
struct run {
	struct remote *remote;
	const struct remote_job *job;
	ssh_channel channel;
	struct str input; /* what of it is still to be sent */
	char chunk[CHUNK_BYTES];
	bool is_input_sent;
};

static bool lost(struct run *x, struct err *e)
{
	return fail(e, ERR_UNAVAILABLE, "SSH to %s: the connection was lost: %s", x->remote->who,
		    ssh_get_error(x->remote->session));
}

static bool next_input(struct run *x, struct err *e)
{
	ssize_t n;

	if (x->input.len || x->job->input_fd <= 0)
		return true;
	n = read(x->job->input_fd, x->chunk, sizeof(x->chunk));
	if (n < 0)
		return fail_sys(e, errno, "read what is to be sent");
	x->input = str_bytes(x->chunk, (size_t)n);
	return true;
}

/* Only as much as it has room for: a host that takes nothing must not hold us up. */
static bool send_some(struct run *x, bool *moved, struct err *e)
{
	uint32_t room, len;
	int n;

	if (x->is_input_sent)
		return true;
	if (!next_input(x, e))
		return false;
	room = ssh_channel_window_size(x->channel);
	len = x->input.len < CHUNK_BYTES ? (uint32_t)x->input.len : CHUNK_BYTES;
	if (len > room)
		len = room;
	if (len) {
		n = ssh_channel_write(x->channel, x->input.ptr, len);
		if (n < 0)
			return lost(x, e);
		x->input.ptr += n;
		x->input.len -= (size_t)n;
		*moved = true;
	} else if (!x->input.len) {
		x->is_input_sent = true;
		if (ssh_channel_send_eof(x->channel) != SSH_OK)
			return lost(x, e);
	}
	return true;
}

static bool take_some(struct run *x, bool is_error, bool *moved, struct err *e)
{
	struct buf *into = is_error ? x->job->errors : x->job->output;
	char bytes[8192];
	int n = ssh_channel_read_nonblocking(x->channel, bytes, sizeof(bytes), is_error);
	size_t room;

	if (n == SSH_ERROR)
		return lost(x, e);
	if (n <= 0)
		return true;
	*moved = true;
	room = into ? into->max - into->len : 0;
	if (room)
		buf_append(into, bytes, (size_t)n < room ? (size_t)n : room);
	return true;
}

/* Until it has said all that it has to say. */
static bool pump(struct run *x, struct err *e)
{
	int64_t end = now_ms() + x->job->timeout_ms;

	for (;;) {
		bool moved = false;

		if (ssh_channel_is_closed(x->channel) || ssh_channel_is_eof(x->channel))
			x->is_input_sent = true;
		if (!send_some(x, &moved, e) || !take_some(x, false, &moved, e) ||
		    !take_some(x, true, &moved, e))
			return false;
		if (!moved && ssh_channel_is_eof(x->channel))
			return true;
		if (now_ms() > end)
			return fail(e, ERR_UNAVAILABLE, "SSH to %s: not done after %d seconds",
				    x->remote->who, x->job->timeout_ms / 1000);
		if (!moved && ssh_channel_poll_timeout(x->channel, WAIT_MS, 0) == SSH_ERROR)
			return lost(x, e);
	}
}

static bool run_in(struct run *x, int *status, struct err *e)
{
	if (ssh_channel_open_session(x->channel) != SSH_OK ||
	    ssh_channel_request_exec(x->channel, x->job->command) != SSH_OK)
		return fail(e, ERR_UNAVAILABLE, "SSH to %s: it runs no commands: %s",
			    x->remote->who, ssh_get_error(x->remote->session));
	if (!pump(x, e))
		return false;
	*status = ssh_channel_get_exit_status(x->channel);
	return *status >= 0 ||
	       fail(e, ERR_UNAVAILABLE, "SSH to %s: the command was broken off", x->remote->who);
}

bool remote_run(struct remote *r, const struct remote_job *job, int *status, struct err *e)
{
	AUTO_FREE struct run *x = NEW(struct run);
	bool ok;

	x->remote = r;
	x->job = job;
	x->input = job->input;
	x->channel = ssh_channel_new(r->session);
	if (!x->channel)
		return lost(x, e);
	ok = run_in(x, status, e);
	ssh_channel_free(x->channel);
	return ok;
}

static struct str last_line(const struct buf *said)
{
	struct str text = str_trim(buf_str(said)), line;
	const char *newline = memrchr(text.ptr ? text.ptr : "", '\n', text.len);

	line = newline ? str_bytes(newline + 1, text.len - (size_t)(newline + 1 - text.ptr)) : text;
	if (line.len > LAST_LINE_BYTES)
		line.len = LAST_LINE_BYTES;
	return line;
}

bool remote_must(struct remote *r, const struct remote_job *job, struct err *e)
{
	AUTO_BUF struct buf errors = BUF_MAX(ERRORS_MAX);
	struct remote_job mine = *job;
	struct str why;
	int status;

	mine.errors = &errors;
	if (!remote_run(r, &mine, &status, e))
		return false;
	if (status == 0)
		return true;
	for (size_t i = 0; i < errors.len; i++)
		if (iscntrl((unsigned char)errors.data[i]) && errors.data[i] != '\n')
			errors.data[i] = ' '; /* words of the host do not command our terminal */
	why = last_line(&errors);
	return fail(e, ERR_INTERNAL, "%s: %.*s (exit status %d)", r->who, STR_FMT(why), status);
}
