/* The driver `local`: hosts on this computer, each with an engine, an address, a name, processes
 * and files of its own. No cloud, no virtual machine; needs root.
 *
 * Its members of config.json: IPAddress, and ID, from which everything it makes is named (host.h).
 * The id is saved before anything is made, so a crash at any point leaves what create can go on
 * with and rm can remove. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "template/field.h"
#include "console/option.h"
#include "machine/cli.h"
#include "machine/driver.h"
#include "machine/engine.h"
#include "machine/local/host.h"
#include "machine/local/launch.h"
#include "machine/local/network.h"
#include "machine/provision.h"
#include "machine/store.h"

#define LOG_TAIL_BYTES 2000

static const char *id_of(const struct machine *m)
{
	return field_text(m->own, "ID");
}

static bool configure(struct machine *m, const struct args *a, struct err *e)
{
	char id[HOST_ID_LEN + 1];

	if (host_id_is_valid(id_of(m)))
		return true;
	host_id_new(id);
	field_put_text(m->own, "ID", id);
	return true;
}

static bool precheck(struct cli *c, struct machine *m, struct err *e)
{
	static const char *const needed[] = { "/proc/self/ns/net", "/proc/self/ns/pid",
					      "/proc/self/ns/cgroup", "/sys/fs/cgroup" };

	if (geteuid() != 0)
		return fail(e, ERR_DENIED,
			    "the local driver makes network namespaces and needs root");
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (access(needed[i], F_OK) < 0)
			return fail(e, ERR_UNSUPPORTED, "this system has no %s", needed[i]);
	return true;
}

/* What the record says that the engine is told. */
static void add(struct host *h, size_t *count, char *word)
{
	h->engine = xrealloc(h->engine, (*count + 2) * sizeof(*h->engine));
	h->engine[(*count)++] = word;
	h->engine[*count] = NULL;
}

static void add_list(struct host *h, size_t *count, const struct machine *m, const char *path,
		     const char *format)
{
	const json_t *list = field_at(m->config, path);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *value = json_string_value(json_array_get(list, i));

		add(h, count, xasprintf("--%s%s", format, value ? value : ""));
	}
}

static void compose_engine(struct host *h, const struct machine *m)
{
	const char *storage = field_text(m->config, "HostOptions.EngineOptions.StorageDriver");
	size_t count = 0;
	static const struct {
		const char *option, *file;
	} tls[] = { { "tlscacert", "ca.pem" },
		    { "tlscert", "server.pem" },
		    { "tlskey", "server-key.pem" } };

	add(h, &count, xasprintf("--data-root=" HOSTS_FOLDER "/%s/data", h->id));
	add(h, &count, xasprintf("--config-file=" HOSTS_FOLDER "/%s/daemon.json", h->id));
	add(h, &count, xstrdup("--host=unix:///run/shoal.sock"));
	add(h, &count, xstrdup("--host=unix:///run/docker.sock"));
	add(h, &count, xasprintf("--host=tcp://0.0.0.0:%d", ENGINE_PORT));
	add(h, &count, xstrdup("--tlsverify"));
	for (size_t i = 0; i < ARRAY_LEN(tls); i++)
		add(h, &count,
		    xasprintf("--%s=" HOSTS_FOLDER "/%s/tls/%s", tls[i].option, h->id,
			      tls[i].file));
	if (*storage)
		add(h, &count, xasprintf("--storage-driver=%s", storage));
	add_list(h, &count, m, "HostOptions.EngineOptions.Labels", "label=");
	add(h, &count, xstrdup("--label=provider=local"));
	add_list(h, &count, m, "HostOptions.EngineOptions.InsecureRegistry", "insecure-registry=");
	add_list(h, &count, m, "HostOptions.EngineOptions.RegistryMirror", "registry-mirror=");
	add_list(h, &count, m, "HostOptions.EngineOptions.ArbitraryFlags", "");
}

static void compose_environment(struct host *h, const struct machine *m)
{
	const json_t *list = field_at(m->config, "HostOptions.EngineOptions.Env");

	h->environment = xcalloc(json_array_size(list) + 1, sizeof(*h->environment));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *pair = json_string_value(json_array_get(list, i));

		h->environment[i] = xstrdup(pair ? pair : "");
	}
}

static void compose(struct host *h, const struct machine *m)
{
	*h = (struct host){ .name = xstrdup(m->name), .store = xstrdup(m->store->root) };
	(void)snprintf(h->id, sizeof(h->id), "%s", id_of(m));
	compose_engine(h, m);
	compose_environment(h, m);
}

static bool create(struct cli *c, struct machine *m, struct err *e)
{
	char address[16];
	struct host h;
	bool ok;

	compose(&h, m);
	ok = network_reserve(&h, e);
	if (ok) {
		field_put_text(m->own, "IPAddress", address_text(h.address, address));
		say_host(c, m, "It has address %s on bridge " BRIDGE_NAME, address);
	}
	host_clear(&h);
	return ok;
}

static bool copy_tls(const struct machine *m, struct err *e)
{
	static const struct {
		const char *name;
		mode_t mode;
	} files[] = { { "ca.pem", 0644 }, { "server.pem", 0644 }, { "server-key.pem", 0600 } };
	AUTO_FREE char *folder = host_path(id_of(m), "tls");

	if (!folder_make(folder, 0700, e))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_FREE char *from = machine_file(m, files[i].name);
		AUTO_FREE char *to = xasprintf("%s/%s", folder, files[i].name);

		if (!file_copy(from, to, files[i].mode, e))
			return false;
	}
	return true;
}

static bool start(struct cli *c, struct machine *m, struct err *e)
{
	char note[ERR_TEXT_MAX];
	struct host h;
	bool ok;

	if (!host_read(id_of(m), &h, e))
		return false;
	ok = network_up(&h, note, e);
	if (ok && *note)
		say_host(c, m, "Containers cannot reach other networks from here: %s", note);
	ok = ok && host_launch(&h, e);
	host_clear(&h);
	return ok;
}

static bool stop(struct cli *c, struct machine *m, struct err *e)
{
	return host_end(id_of(m), true, e);
}

static bool kill_host(struct cli *c, struct machine *m, struct err *e)
{
	return host_end(id_of(m), false, e);
}

/* The engine reads its words when it starts: a running host is started again. */
static bool provision(struct cli *c, struct machine *m, struct err *e)
{
	AUTO_FREE char *daemon = host_path(id_of(m), "daemon.json");
	struct host h;
	bool ok;

	compose(&h, m);
	ok = network_reserve(&h, e) && host_write(&h, e) && copy_tls(m, e) &&
	     (access(daemon, F_OK) == 0 || file_replace_synced(daemon, STR("{}\n"), 0600, e)) &&
	     host_end(h.id, true, e);
	host_clear(&h);
	if (!ok)
		return false;
	say_host(c, m, "Starting the host...");
	return start(c, m, e);
}

static void look(struct machine *const *machines, size_t count, int64_t timeout_ms)
{
	for (size_t i = 0; i < count; i++)
		machines[i]->state = host_pid(id_of(machines[i])) ? STATE_RUNNING : STATE_STOPPED;
}

static bool remove_host(struct cli *c, struct machine *m, struct err *e)
{
	if (!host_id_is_valid(id_of(m)))
		return true;
	if (geteuid() != 0)
		return fail(e, ERR_DENIED, "removing a local host needs root");
	return host_end(id_of(m), false, e) && network_release(id_of(m), e);
}

static bool shell(const struct machine *m, const char *const *words, size_t count, int *status,
		  struct err *e)
{
	struct host h;
	bool ok;

	if (!host_read(id_of(m), &h, e))
		return false;
	ok = host_enter(&h, words, count, status, e);
	host_clear(&h);
	return ok;
}

static bool cut(const struct machine *m, bool is_cut, struct err *e)
{
	return network_cut(id_of(m), is_cut, e);
}

static char *log_tail(const struct machine *m)
{
	AUTO_FREE char *path = host_path(id_of(m), "log");
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[LOG_TAIL_BYTES + 1];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	n = pread(fd, text, LOG_TAIL_BYTES,
		  st.st_size > LOG_TAIL_BYTES ? st.st_size - LOG_TAIL_BYTES : 0);
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	return xstrdup(text);
}

static const struct provisioner provisioner = { .name = "local", .provision = provision };

const struct driver local_driver = {
	.name = "local",
	.no_copy = "it sees the files of this computer: use cp",
	.no_upgrade = "its engine is the shoald beside shoal-machine: install a newer one, then "
		      "`shoal machine restart`",
	.configure = configure,
	.precheck = precheck,
	.create = create,
	.provisioner = &provisioner,
	.look = look,
	.start = start,
	.stop = stop,
	.kill = kill_host,
	.remove = remove_host,
	.shell = shell,
	.cut = cut,
	.log_tail = log_tail,
};
