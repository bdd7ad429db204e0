/* The driver `generic`: a host that is there already and lets us in by SSH. Nothing is made and nothing
 * removed but what we know of it; its engine comes by provisioning.
 *
 * Its members of config.json are Docker Machine's: IPAddress, SSHUser, SSHPort, SSHKeyPath (our copy
 * of the key; "" leaves it to the agent and to ~/.ssh), SSHKey (where that was copied from),
 * EnginePort. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "console/option.h"
#include "file/file.h"
#include "file/folder.h"
#include "machine/cli.h"
#include "machine/driver.h"
#include "machine/engine.h"
#include "machine/provision.h"
#include "machine/remote.h"
#include "machine/sshconfig.h"
#include "template/field.h"

#define LOOK_MS_MAX     15000
#define OPEN_MS         10000
#define RESTART_MS      300000
#define RESTART_WAIT_MS 1000
#define BOOT_ID         "cat /proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX     64

const struct option generic_options[] = {
	{ 0, "generic-engine-port", OPT_UINT, "port of the engine", .fallback = "2376",
	  .env = "GENERIC_ENGINE_PORT" },
	{ 0, "generic-ip-address", OPT_TEXT, "address of the host, for the driver generic",
	  .env = "GENERIC_IP_ADDRESS" },
	{ 0, "generic-ssh-key", OPT_TEXT, "private key that the host lets in",
	  .env = "GENERIC_SSH_KEY" },
	{ 0, "generic-ssh-port", OPT_UINT, "port of its SSH", .fallback = "22",
	  .env = "GENERIC_SSH_PORT" },
	{ 0, "generic-ssh-user", OPT_TEXT, "who logs in", .fallback = "root",
	  .env = "GENERIC_SSH_USER" },
	{ 0 },
};

/* ---- create ---- */

static void take_text(struct machine *m, const struct args *a, const char *option, const char *name)
{
	if (args_has(a, option) || !field_at(m->own, name))
		field_put_text(m->own, name, args_text(a, option));
}

static bool take_port(struct machine *m, const struct args *a, const char *option, const char *name,
		      struct err *e)
{
	int64_t port = args_int(a, option);

	if (port < 1 || port > 65535)
		return fail(e, ERR_INVALID, "--%s is 1 to 65535", option);
	if (args_has(a, option) || !field_at(m->own, name))
		field_put(m->own, name, json_integer(port));
	return true;
}

static bool configure(struct machine *m, const struct args *a, struct err *e)
{
	if (args_has(a, "generic-ip-address"))
		field_put_text(m->own, "IPAddress", args_text(a, "generic-ip-address"));
	if (!*field_text(m->own, "IPAddress"))
		return fail(e, ERR_INVALID,
			    "generic driver requires the --generic-ip-address option");
	take_text(m, a, "generic-ssh-user", "SSHUser");
	take_text(m, a, "generic-ssh-key", "SSHKey");
	return take_port(m, a, "generic-ssh-port", "SSHPort", e) &&
	       take_port(m, a, "generic-engine-port", "EnginePort", e);
}

static bool precheck(struct cli *c, struct machine *m, struct err *e)
{
	const char *key = field_text(m->own, "SSHKey");
	struct stat st;

	if (!*key) {
		say_host(c, m,
			 "No SSH key specified. Assuming an existing key at the default location.");
		return true;
	}
	return (stat(key, &st) == 0 && S_ISREG(st.st_mode)) ||
	       fail(e, ERR_NOT_FOUND, "SSH key does not exist: \"%s\"", key);
}

static bool create(struct cli *c, struct machine *m, struct err *e)
{
	const char *key = field_text(m->own, "SSHKey"), *slash = strrchr(key, '/');
	AUTO_FREE char *path = machine_file(m, slash ? slash + 1 : key);

	if (!*key)
		return true;
	say_host(c, m, "Importing SSH key...");
	if (!file_copy(key, path, 0600, e))
		return false;
	field_put_text(m->own, "SSHKeyPath", path);
	return true;
}

/* ---- looking ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void is_away(struct machine *m, int errnum)
{
	m->state = STATE_STOPPED;
	fail_sys(&m->why, errnum, "%s port %d", field_text(m->own, "IPAddress"),
		 (int)field_int(m->own, "SSHPort"));
}

/* Begin to connect; -1 when that came to nothing. */
static int knock(struct machine *m)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	AUTO_FREE char *port = xasprintf("%d", (int)field_int(m->own, "SSHPort"));
	int fd = -1;

	m->state = STATE_STOPPED;
	if (getaddrinfo(field_text(m->own, "IPAddress"), port, &hints, &found) != 0) {
		fail(&m->why, ERR_UNAVAILABLE, "%s is no address and no known name",
		     field_text(m->own, "IPAddress"));
		return -1;
	}
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    (connect(fd, found->ai_addr, found->ai_addrlen) < 0 && errno != EINPROGRESS)) {
		is_away(m, errno);
		if (fd >= 0)
			(void)close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

static void opened(struct machine *m, struct pollfd *p)
{
	int errnum = 0;
	socklen_t size = sizeof(errnum);

	(void)getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &errnum, &size);
	if (errnum)
		is_away(m, errnum);
	else
		m->state = STATE_RUNNING;
	(void)close(p->fd);
	p->fd = -1;
}

static void look(struct machine *const *machines, size_t count, int64_t timeout_ms)
{
	AUTO_FREE struct pollfd *fds = xcalloc(count, sizeof(*fds));
	int64_t end = now_ms() + (timeout_ms < LOOK_MS_MAX ? timeout_ms : LOOK_MS_MAX);
	size_t waiting = 0;

	for (size_t i = 0; i < count; i++) {
		fds[i] = (struct pollfd){ .fd = knock(machines[i]), .events = POLLOUT };
		waiting += fds[i].fd >= 0;
	}
	while (waiting && now_ms() < end) {
		if (poll(fds, count, (int)(end - now_ms())) <= 0)
			continue;
		for (size_t i = 0; i < count; i++)
			if (fds[i].fd >= 0 && fds[i].revents) {
				opened(machines[i], &fds[i]);
				waiting--;
			}
	}
	for (size_t i = 0; i < count; i++)
		if (fds[i].fd >= 0) {
			machines[i]->state = STATE_TIMEOUT;
			fail(&machines[i]->why, ERR_UNAVAILABLE, "%s does not answer",
			     field_text(machines[i]->own, "IPAddress"));
			(void)close(fds[i].fd);
		}
}

/* ---- its life ---- */

static bool ssh(const struct machine *m, struct ssh_address *to, struct err *e)
{
	(void)snprintf(to->host, sizeof(to->host), "%s", field_text(m->own, "IPAddress"));
	(void)snprintf(to->user, sizeof(to->user), "%s", field_text(m->own, "SSHUser"));
	(void)snprintf(to->key, sizeof(to->key), "%s", field_text(m->own, "SSHKeyPath"));
	to->port = (int)field_int(m->own, "SSHPort");
	return true;
}

static bool refuse(struct err *e, const char *what)
{
	return fail(e, ERR_UNSUPPORTED, "generic driver does not support %s", what);
}

static bool start(struct cli *c, struct machine *m, struct err *e)
{
	return refuse(e, "start");
}

static bool stop(struct cli *c, struct machine *m, struct err *e)
{
	return refuse(e, "stop");
}

static bool kill_host(struct cli *c, struct machine *m, struct err *e)
{
	return refuse(e, "kill");
}

static bool boot_id(struct cli *c, struct machine *m, char id[BOOT_ID_MAX], struct err *e)
{
	struct ssh_address to = { 0 };
	AUTO_REMOTE struct remote *r = NULL;
	AUTO_BUF struct buf said = BUF_MAX(BOOT_ID_MAX - 1);
	struct remote_job job = { .command = BOOT_ID, .output = &said, .timeout_ms = OPEN_MS };

	if (!ssh(m, &to, e))
		return false;
	r = remote_open(c, m, &to, OPEN_MS, e);
	if (!r || !remote_must(r, &job, e))
		return false;
	(void)snprintf(id, BOOT_ID_MAX, "%s", said.data ? said.data : "");
	return true;
}

/* It may go down before it has answered. */
static bool send_off(struct cli *c, struct machine *m, struct err *e)
{
	AUTO_FREE char *command = NULL;
	struct ssh_address to = { 0 };
	AUTO_REMOTE struct remote *r = NULL;
	int status = 0;

	if (!ssh(m, &to, e))
		return false;
	r = remote_open(c, m, &to, OPEN_MS, e);
	if (!r)
		return false;
	command = as_root(to.user, "if command -v shutdown >/dev/null; then shutdown -r now; "
				   "else reboot; fi");
	if (remote_run(r, &(struct remote_job){ .command = command, .timeout_ms = OPEN_MS },
		       &status, e))
		return status == 0 || fail(e, ERR_INTERNAL,
					   "the host does not restart: exit "
					   "status %d",
					   status);
	return e->kind == ERR_UNAVAILABLE;
}

static bool restart(struct cli *c, struct machine *m, struct err *e)
{
	char before[BOOT_ID_MAX], after[BOOT_ID_MAX] = "";
	int64_t end = now_ms() + RESTART_MS;

	if (!boot_id(c, m, before, e) || !send_off(c, m, e))
		return false;
	do {
		(void)poll(NULL, 0, RESTART_WAIT_MS);
		if (boot_id(c, m, after, e) && strcmp(before, after) != 0)
			return true;
	} while (now_ms() < end);
	return fail(e, ERR_UNAVAILABLE, "the host is not back after %d seconds", RESTART_MS / 1000);
}

static bool remove_host(struct cli *c, struct machine *m, struct err *e)
{
	return true;
}

static char *url(const struct machine *m)
{
	const char *address = field_text(m->own, "IPAddress");

	return xasprintf(strchr(address, ':') ? "tcp://[%s]:%d" : "tcp://%s:%d", address,
			 machine_engine_port(m));
}

const struct driver generic_driver = {
	.name = "generic",
	.is_far = true,
	.configure = configure,
	.precheck = precheck,
	.create = create,
	.provisioner = &ssh_provisioner,
	.look = look,
	.start = start,
	.stop = stop,
	.restart = restart,
	.kill = kill_host,
	.remove = remove_host,
	.url = url,
	.ssh = ssh,
	.log_tail = ssh_log_tail,
};
