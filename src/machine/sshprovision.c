/* Provisioning over SSH: the engine comes to any Linux from a tree of its own, /opt/shoal, with its
 * libraries and their loader. The tree is pushed over the connection; the host downloads nothing.
 *
 * The steps are in one table. Each can be done again at any time, and says in the record
 * ("Provisioning") that it is under way before it begins; what is on the host already and right is
 * left alone. Files come to the host as input of a command, are made 0600 and renamed, so that no key
 * is ever in a command line or half there.
 *
 *   /opt/shoal                    the tree; DIGEST is that of the archive it came from
 *   /etc/shoal/tls                ca.pem server.pem server-key.pem
 *   /etc/shoal/start              options and environment of the engine
 *   shoald.service, init.d/shoald by systemd or OpenRC */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"
#include "machine/cli.h"
#include "machine/driver.h"
#include "machine/journal.h"
#include "machine/local/launch.h"
#include "machine/osrelease.h"
#include "machine/provision.h"
#include "machine/remote.h"
#include "template/field.h"

#define OPEN_MS          15000
#define PATIENCE_MS      15000  /* with a host that was there before */
#define BOOT_PATIENCE_MS 300000 /* with one that was just made */
#define RETRY_MS         1000
#define COMMAND_MS       60000
#define TREE_MS          600000
#define FILE_MAX_BYTES   65536
#define SAID_MAX         16384
#define DIGEST_LEN       64
#define KERNEL_MAJOR     5
#define KERNEL_MINOR     10

/* A host that is worked on. */
struct site {
	struct cli *c;
	struct machine *m;
	struct remote *remote;
	char user[64];
	char arch[16];   /* Debian's word */
	char digest[80]; /* of the tree that it has, "" if none */
	bool has_systemd;
};

/* ---- talking to it ---- */

static bool site_run(struct site *s, const char *script, struct str input, struct buf *output,
		     struct err *e)
{
	AUTO_FREE char *command = as_root(s->user, script);

	return remote_must(s->remote,
			   &(struct remote_job){ .command = command,
						 .input = input,
						 .output = output,
						 .timeout_ms = COMMAND_MS },
			   e);
}

/* Nobody sees it before it is whole, and nobody but root if the mode says so. */
static bool site_put(struct site *s, const char *path, const char *mode, struct str text,
		     struct err *e)
{
	AUTO_FREE char *script = xasprintf("set -e; umask 077; cat >%s.new; chmod %s %s.new; "
					   "mv -f %s.new %s",
					   path, mode, path, path, path);

	return site_run(s, script, text, NULL, e) || while_doing(e, "write %s", path);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A host that was just made refuses at first, and knows its user only after a while. */
static bool is_worth_waiting(const struct err *e, bool is_new)
{
	return e->kind == ERR_UNAVAILABLE || (is_new && e->kind == ERR_UNAUTHENTICATED);
}

static bool site_open(struct site *s, struct err *e)
{
	bool is_new = journal_newest(s->m, NULL) != NULL;
	int64_t end = now_ms() + (is_new ? BOOT_PATIENCE_MS : PATIENCE_MS);
	struct ssh_address to = { .port = SSH_PORT };

	if (!s->m->driver->ssh(s->m, &to, e))
		return false;
	(void)snprintf(s->user, sizeof(s->user), "%s", to.user);
	say(s->c, s->m, "Waiting for SSH to be available...");
	while (!(s->remote = remote_open(s->c, s->m, &to, OPEN_MS, e))) {
		if (!is_worth_waiting(e, is_new) || now_ms() > end)
			return false;
		(void)poll(NULL, 0, RETRY_MS);
	}
	return true;
}

/* ---- what it is ---- */

static const char what_is_it[] =
	"cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release 2>/dev/null; echo; "
	"echo \"HOST_ARCH=$(uname -m)\"; echo \"HOST_KERNEL=$(uname -r)\"; "
	"if [ -d /run/systemd/system ]; then echo HOST_SERVICES=systemd; "
	"elif command -v rc-service >/dev/null 2>&1; then echo HOST_SERVICES=openrc; fi; "
	"echo \"HOST_DIGEST=$(cat /opt/shoal/DIGEST 2>/dev/null)\"; "
	"if pidof dockerd >/dev/null 2>&1; then echo HOST_DOCKER=yes; fi";

static bool read_arch(struct site *s, struct str said, struct err *e)
{
	char machine[32];

	(void)os_value(said, "HOST_ARCH", machine, sizeof(machine));
	if (strcmp(machine, "x86_64") == 0)
		(void)snprintf(s->arch, sizeof(s->arch), "amd64");
	else if (strcmp(machine, "aarch64") == 0)
		(void)snprintf(s->arch, sizeof(s->arch), "arm64");
	else
		return fail(e, ERR_UNSUPPORTED, "there is no engine for a processor \"%s\"",
			    machine);
	return true;
}

static bool check_kernel(struct str said, struct err *e)
{
	char release[64];
	int major = 0, minor = 0;

	(void)os_value(said, "HOST_KERNEL", release, sizeof(release));
	if (sscanf(release, "%d.%d", &major, &minor) == 2 &&
	    (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR)))
		return true;
	return fail(e, ERR_UNSUPPORTED, "its kernel is %s: the engine needs %d.%d", release,
		    KERNEL_MAJOR, KERNEL_MINOR);
}

static void tell_system(struct site *s, struct str said)
{
	char name[128];

	if (!os_value(said, "PRETTY_NAME", name, sizeof(name)))
		(void)os_value(said, "ID", name, sizeof(name));
	say_host(s->c, s->m, "It is %s on %s, services by %s", *name ? name : "some Linux", s->arch,
		 s->has_systemd ? "systemd" : "OpenRC");
	if (os_family_of(said) == OS_OTHER)
		say_host(s->c, s->m, "Warning: this distribution is not one that shoal knows");
}

static bool look_around(struct site *s, struct err *e)
{
	AUTO_BUF struct buf said = BUF_MAX(SAID_MAX);
	char word[16];

	if (!site_run(s, what_is_it, STR(""), &said, e))
		return while_doing(e, "become root on the host");
	if (!read_arch(s, buf_str(&said), e) || !check_kernel(buf_str(&said), e))
		return false;
	(void)os_value(buf_str(&said), "HOST_DIGEST", s->digest, sizeof(s->digest));
	if (os_value(buf_str(&said), "HOST_DOCKER", word, sizeof(word)))
		return fail(e, ERR_CONFLICT,
			    "a Docker engine runs there: stop it first, both would "
			    "want the same port, socket and networks");
	if (!os_value(buf_str(&said), "HOST_SERVICES", word, sizeof(word)))
		return fail(e, ERR_UNSUPPORTED, "it has neither systemd nor OpenRC");
	s->has_systemd = strcmp(word, "systemd") == 0;
	tell_system(s, buf_str(&said));
	return true;
}

/* ---- steps ---- */

/* As clouds' own images expect it: a name for itself that it can look up. Names of machines have no
 * character that a shell knows. */
static bool set_name(struct site *s, struct err *e)
{
	const char *name = s->m->name;
	AUTO_FREE char *script = xasprintf(
		"set -e; hostname %s; echo %s >/etc/hostname; "
		"grep -q '[[:space:]]%s$' /etc/hosts 2>/dev/null || echo '127.0.1.1 %s' >>/etc/hosts",
		name, name, name, name);

	return site_run(s, script, STR(""), NULL, e);
}

static char *find_tree(const struct site *s, struct err *e)
{
	const char *given = field_text(s->m->config, "HostOptions.EngineOptions.Tree");
	AUTO_FREE char *folder = own_folder();
	AUTO_FREE char *beside = xasprintf("%s/shoal-tree-%s.tar.gz", folder, s->arch);
	AUTO_FREE char *shared =
		xasprintf("%s/../share/shoal/shoal-tree-%s.tar.gz", folder, s->arch);

	if (*given)
		return xstrdup(given);
	if (access(beside, R_OK) == 0)
		return STEAL(beside);
	if (access(shared, R_OK) == 0)
		return STEAL(shared);
	fail(e, ERR_NOT_FOUND,
	     "there is no engine for %s here: neither %s nor %s. packaging/tree makes one; "
	     "--engine-tree names one elsewhere",
	     s->arch, beside, shared);
	return NULL;
}

static bool digest_file(int fd, char text[DIGEST_LEN + 1], struct err *e)
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	unsigned char bytes[32768], sum[32];
	ssize_t n;

	if (!hash || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(hash);
		return fail(e, ERR_INTERNAL, "there is no SHA-256");
	}
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		EVP_DigestUpdate(hash, bytes, (size_t)n);
	EVP_DigestFinal_ex(hash, sum, NULL);
	EVP_MD_CTX_free(hash);
	for (size_t i = 0; i < sizeof(sum); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", sum[i]);
	if (n < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return fail_sys(e, errno, "read the tree of programs");
	return true;
}

/* The old tree stands until the new one is whole and its digest is right. What runs from the old one
 * keeps running. */
static bool push_tree(struct site *s, int fd, const char *digest, struct err *e)
{
	AUTO_FREE char *script = xasprintf(
		"set -e; umask 022; cd /opt 2>/dev/null || { mkdir /opt; cd /opt; }; "
		"rm -rf shoal.new shoal.old; mkdir shoal.new; cat >shoal.new/tree.tar.gz; "
		"echo '%s  shoal.new/tree.tar.gz' | sha256sum -c >/dev/null; "
		"gzip -dc shoal.new/tree.tar.gz | tar -xf - -C shoal.new; "
		"rm shoal.new/tree.tar.gz; echo %s >shoal.new/DIGEST; "
		"if [ -e shoal ]; then mv shoal shoal.old; fi; mv shoal.new shoal; "
		"rm -rf shoal.old; mkdir -p /usr/local/bin; "
		"ln -sf /opt/shoal/bin/shoal /usr/local/bin/shoal; "
		"if command -v restorecon >/dev/null 2>&1; then restorecon -R /opt/shoal; fi",
		digest, digest);
	AUTO_FREE char *command = as_root(s->user, script);

	return remote_must(
		s->remote,
		&(struct remote_job){ .command = command, .input_fd = fd, .timeout_ms = TREE_MS },
		e);
}

static bool bring_tree(struct site *s, struct err *e)
{
	AUTO_FREE char *path = find_tree(s, e);
	AUTO_CLOSE int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char digest[DIGEST_LEN + 1];
	struct stat st;

	if (!path)
		return false;
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_sys(e, errno, "open %s", path);
	if (!digest_file(fd, digest, e))
		return false;
	if (strcmp(digest, s->digest) == 0)
		return true;
	say_host(s->c, s->m, "Sending the engine (%.1f MB)...", (double)st.st_size / 1e6);
	return push_tree(s, fd, digest, e);
}

static bool bring_file(struct site *s, const char *name, struct err *e)
{
	AUTO_FREE char *from = machine_file(s->m, name), *to = xasprintf("/etc/shoal/tls/%s", name);
	AUTO_BUF struct buf text = BUF_MAX(FILE_MAX_BYTES);

	return file_read(from, &text, e) && site_put(s, to, "0600", buf_str(&text), e);
}

static bool bring_certs(struct site *s, struct err *e)
{
	return site_run(s, "umask 077; mkdir -p /etc/shoal/tls && chmod 0700 /etc/shoal/tls",
			STR(""), NULL, e) &&
	       bring_file(s, "ca.pem", e) && bring_file(s, "server.pem", e) &&
	       bring_file(s, "server-key.pem", e);
}

static bool bring_options(struct site *s, struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(FILE_MAX_BYTES);

	return engine_start_script(s->m, &text, e) &&
	       site_put(s, "/etc/shoal/start", "0700", buf_str(&text), e) &&
	       (site_run(s, "sh /etc/shoal/start --validate >&2", STR(""), NULL, e) ||
		while_doing(e, "the engine refuses its options"));
}

static const char systemd_unit[] =
	"# Written by shoal machine.\n"
	"[Unit]\n"
	"Description=shoal container engine and swarm node\n"
	"After=network-online.target nss-lookup.target time-set.target firewalld.service\n"
	"Wants=network-online.target\n"
	"\n"
	"[Service]\n"
	"Type=notify\n"
	"ExecStart=/bin/sh /etc/shoal/start\n"
	"ExecReload=/bin/kill -HUP $MAINPID\n"
	"Restart=always\n"
	"RestartSec=1\n"
	"TimeoutStartSec=60\n"
	"TimeoutStopSec=5\n"
	"LimitNOFILE=1048576\n"
	"LimitNPROC=infinity\n"
	"LimitCORE=0\n"
	"TasksMax=infinity\n"
	"OOMScoreAdjust=-500\n"
	"# Containers outlive the engine: stopping or upgrading it touches none of them.\n"
	"Delegate=yes\n"
	"KillMode=process\n"
	"\n"
	"[Install]\n"
	"WantedBy=multi-user.target\n";

static const char openrc_script[] = "#!/sbin/openrc-run\n"
				    "# Written by shoal machine.\n"
				    "description=\"shoal container engine and swarm node\"\n"
				    "supervisor=supervise-daemon\n"
				    "command=/etc/shoal/start\n"
				    "pidfile=/run/shoald.supervise.pid\n"
				    "output_log=/var/log/shoald.log\n"
				    "error_log=/var/log/shoald.log\n"
				    "respawn_delay=1\n"
				    "respawn_max=0\n"
				    "rc_ulimit=\"-n 1048576\"\n"
				    "\n"
				    "depend() {\n"
				    "\tneed net\n"
				    "\tuse cgroups\n"
				    "\tafter firewall\n"
				    "}\n";

/* It does not wait for the engine: what keeps that from starting stands in its log, which is told when
 * it does not answer. */
static bool bring_systemd(struct site *s, struct err *e)
{
	return site_put(s, "/etc/systemd/system/shoald.service", "0644", str_of(systemd_unit), e) &&
	       site_run(s,
			"set -e; systemctl daemon-reload; systemctl enable -q shoald; "
			"systemctl restart --no-block shoald",
			STR(""), NULL, e);
}

static bool bring_openrc(struct site *s, struct err *e)
{
	return site_put(s, "/etc/init.d/shoald", "0755", str_of(openrc_script), e) &&
	       site_run(s,
			"set -e; if [ -e /etc/init.d/cgroups ]; then "
			"rc-update -q add cgroups default; rc-service cgroups start; fi; "
			"rc-update -q add shoald default; rc-service shoald restart",
			STR(""), NULL, e);
}

/* Only the engine's own port: those of a swarm are for its members alone, and only its owner knows
 * who these are. */
static bool open_port(struct site *s, struct err *e)
{
	AUTO_FREE char *script = xasprintf(
		"if command -v firewall-cmd >/dev/null 2>&1 && firewall-cmd -q --state; then "
		"firewall-cmd -q --add-port=%d/tcp && firewall-cmd -q --permanent --add-port=%d/tcp; fi",
		machine_engine_port(s->m), machine_engine_port(s->m));

	return site_run(s, script, STR(""), NULL, e);
}

static bool start_service(struct site *s, struct err *e)
{
	return s->has_systemd ? bring_systemd(s, e) : bring_openrc(s, e);
}

static const struct step {
	const char *name; /* as the record has it */
	bool (*run)(struct site *s, struct err *e);
} steps[] = {
	{ "name", set_name },         { "engine", bring_tree },  { "certificates", bring_certs },
	{ "options", bring_options }, { "firewall", open_port }, { "service", start_service },
};

static bool take_steps(struct site *s, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		field_put_text(s->m->config, "Provisioning", steps[i].name);
		if (!machine_save(s->m, e))
			return false;
		if (!steps[i].run(s, e))
			return while_doing(e, "provisioning, step %s", steps[i].name);
	}
	field_drop(s->m->config, "Provisioning");
	return machine_save(s->m, e);
}

static bool provision(struct cli *c, struct machine *m, struct err *e)
{
	struct site s = { .c = c, .m = m };
	bool ok = site_open(&s, e) && look_around(&s, e) && take_steps(&s, e);

	remote_close(s.remote);
	return ok;
}

char *ssh_log_tail(const struct machine *m)
{
	AUTO_BUF struct buf said = BUF_MAX(4096);
	AUTO_REMOTE struct remote *r = NULL;
	AUTO_FREE char *command = NULL;
	struct ssh_address to = { .port = SSH_PORT };
	struct err ignored;

	if (!m->driver->ssh(m, &to, &ignored))
		return NULL;
	r = remote_open(NULL, m, &to, OPEN_MS, &ignored);
	command = as_root(to.user, "if [ -d /run/systemd/system ]; then journalctl -u shoald -n 8 "
				   "-o cat --no-pager; else tail -n 8 /var/log/shoald.log; fi");
	if (!r || !remote_must(r,
			       &(struct remote_job){
				       .command = command, .output = &said, .timeout_ms = OPEN_MS },
			       &ignored))
		return NULL;
	return said.len ? buf_steal(&said) : NULL;
}

const struct provisioner ssh_provisioner = { .name = "ssh",
					     .provision = provision,
					     .upgrade = provision };
