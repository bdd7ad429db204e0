#include "machine/sshconfig.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "machine/driver.h"

#define CONFIG_MAX ((size_t)1 << 20)

extern char **environ;

static bool key_is_private(const char *path, struct err *e)
{
	struct stat st;

	if (!*path)
		return true;
	if (stat(path, &st) < 0)
		return fail_sys(e, errno, "%s", path);
	if (st.st_mode & 077)
		return fail(e, ERR_DENIED, "permissions %04o for '%s' are too open",
			    (unsigned)st.st_mode & 0777, path);
	return true;
}

bool ssh_address_of(struct machine *m, struct ssh_address *to, struct err *e)
{
	*to = (struct ssh_address){ .port = SSH_PORT };
	if (!m->driver->ssh)
		return fail(e, ERR_UNSUPPORTED, "machine \"%s\" (driver %s) has no SSH", m->name,
			    m->driver->name);
	if (machine_look(m) != STATE_RUNNING)
		return fail(e, ERR_UNAVAILABLE,
			    "Error: Cannot run SSH command: Host \"%s\" is not running", m->name);
	return m->driver->ssh(m, to, e) && key_is_private(to->key, e);
}

/* A value of the file in quotes, which it has no escape for. */
static bool put(struct buf *out, const char *key, const char *value, struct err *e)
{
	if (strpbrk(value, "\"\n\r"))
		return fail(e, ERR_INVALID, "ssh cannot be told the %s %s", key, value);
	buf_printf(out, "\t%s \"%s\"\n", key, value);
	return true;
}

bool ssh_config_write(struct machine *m, struct buf *out, struct err *e)
{
	AUTO_FREE char *known = machine_file(m, "known_hosts");
	struct ssh_address to;

	if (!ssh_address_of(m, &to, e))
		return false;
	buf_printf(out, "Host %s\n\tPort %d\n", m->name, to.port);
	if (!put(out, "HostName", to.host, e) || !put(out, "User", to.user, e) ||
	    !put(out, "HostKeyAlias", m->name, e) || !put(out, "UserKnownHostsFile", known, e))
		return false;
	if (*to.key && !put(out, "IdentityFile", to.key, e))
		return false;
	if (*to.key)
		buf_append_c(out, "\tIdentitiesOnly yes\n");
	buf_append_c(out, "\tGlobalKnownHostsFile /dev/null\n\tStrictHostKeyChecking accept-new\n"
			  "\tPasswordAuthentication no\n\tConnectionAttempts 3\n"
			  "\tConnectTimeout 10\n\tServerAliveInterval 60\n"
			  "\tControlMaster no\n\tControlPath none\n\tLogLevel error\n");
	return true;
}

char *ssh_config_file(const struct store *s, struct machine *const *machines, size_t count,
		      struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(CONFIG_MAX);
	AUTO_FREE char *path = xasprintf("%s/ssh_config.XXXXXX", s->root);
	AUTO_CLOSE int fd = -1;

	for (size_t i = 0; i < count; i++)
		if (!ssh_config_write(machines[i], &text, e))
			return NULL;
	fd = mkstemp(path);
	if (fd < 0) {
		fail_sys(e, errno, "create %s", path);
		return NULL;
	}
	if (write(fd, text.data, text.len) != (ssize_t)text.len) {
		fail_sys(e, errno, "write %s", path);
		(void)unlink(path);
		return NULL;
	}
	return STEAL(path);
}

bool program_run(const char *const *words, int *status, struct err *e)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old_int, old_quit;
	posix_spawnattr_t attributes;
	sigset_t usual;
	pid_t child;
	int failed, ended = 0;

	(void)fflush(NULL);
	sigemptyset(&usual);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGQUIT);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	/* Ctrl-C is for the program in front; we still have to clean up after it. */
	sigaction(SIGINT, &ignore, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	failed = posix_spawnp(&child, words[0], NULL, &attributes, (char *const *)words, environ);
	while (!failed && waitpid(child, &ended, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGQUIT, &old_quit, NULL);
	posix_spawnattr_destroy(&attributes);
	if (failed)
		return fail(e, failed == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, "%s: %s", words[0],
			    strerror(failed));
	*status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
	return true;
}
