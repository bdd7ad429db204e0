#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_write.h"
#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "host/program.h"

/* What must hold for any test to make sense. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);           \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define BUSYBOX "/usr/bin/busybox"

/* The process that a test began as: a daemon that it forks has the same cgroups. */
static pid_t home;

static void give_up(const char *why)
{
	printf("%s\n", why);
	exit(1);
}

bool bench_can_run(void)
{
	static const char *const needed[] = { BUSYBOX, "/usr/bin/conmon", "/usr/bin/crun" };

	if (geteuid() != 0) {
		printf("skipped: needs root\n");
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		if (access(needed[i], X_OK) == 0)
			continue;
		printf("skipped: needs %s\n", needed[i]);
		return false;
	}
	return true;
}

void bench_enter(void)
{
	home = getpid();
	signal(SIGPIPE, SIG_IGN);
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		perror("unshare");
		exit(1);
	}
}

static char *copy_text(struct bench *b, const char *text)
{
	return text ? arena_strdup(&b->memory, text) : NULL;
}

static void keep_fact(struct bench *b, const struct input *in)
{
	struct fact *f = ARENA_NEW(&b->memory, struct fact);

	f->ticket = in->ticket;
	f->kind = in->kind;
	if (in->kind == INPUT_RUNTIME) {
		const struct runtime_event *from = &in->runtime;

		f->runtime = *from;
		f->runtime.id = copy_text(b, from->id);
		f->runtime.exec_id = copy_text(b, from->exec_id);
		f->runtime.text = copy_text(b, from->text);
		f->runtime.path = copy_text(b, from->path);
		f->runtime.upper = copy_text(b, from->upper);
		f->runtime.output = str_of(arena_str(&b->memory, from->output));
		f->runtime.user.home = copy_text(b, from->user.home);
		f->runtime.user.groups =
			arena_copy(&b->memory, from->user.groups,
				   from->user.group_count * sizeof(*from->user.groups));
		f->runtime.devices = arena_copy(&b->memory, from->devices,
						from->device_count * sizeof(*from->devices));
		for (size_t i = 0; i < from->device_count; i++)
			((struct runtime_device *)f->runtime.devices)[i].path =
				copy_text(b, from->devices[i].path);
		if (from->stats) {
			struct runtime_stats *s = arena_copy(&b->memory, from->stats, sizeof(*s));
			struct runtime_number *numbers = arena_copy(
				&b->memory, s->memory, s->memory_count * sizeof(*numbers));

			for (size_t i = 0; i < s->memory_count; i++)
				numbers[i].name = copy_text(b, numbers[i].name);
			s->memory = numbers;
			f->runtime.stats = s;
		}
		if (from->top) {
			struct runtime_top *t = arena_copy(&b->memory, from->top, sizeof(*t));
			size_t cells = t->row_count * t->title_count;
			const char **copies = arena_alloc(&b->memory, (cells + 1) * sizeof(char *));

			for (size_t i = 0; i < cells; i++)
				copies[i] = copy_text(b, t->cells[i]);
			t->cells = copies;
			f->runtime.top = t;
		}
	}
	if (in->kind == INPUT_NET) {
		f->net = in->net;
		f->net.id = copy_text(b, in->net.id);
		f->net.netns = copy_text(b, in->net.netns);
		f->net.link = copy_text(b, in->net.link);
		f->net.text = copy_text(b, in->net.text);
		f->net.ports = arena_copy(&b->memory, in->net.ports,
					  in->net.port_count * sizeof(*in->net.ports));
	}
	list_push_back(&b->facts, &f->link);
}

static int64_t think(void *self, struct now now)
{
	struct bench *b = self;
	struct input *in;

	list_each (&b->box.queue, struct input, link, in)
		keep_fact(b, in);
	inbox_empty(&b->box);
	if (now.mono_ms >= b->deadline_ms || (b->is_enough && b->is_enough(b)))
		loop_stop(b->loop);
	return b->is_enough && now.mono_ms + 5 < b->deadline_ms ? now.mono_ms + 5 : b->deadline_ms;
}

static void keep_line(void *self, enum log_level level, const char *room, const char *text)
{
	struct bench *b = self;

	(void)snprintf(b->log_text, sizeof(b->log_text), "%s: %s", room, text);
	printf("  log: %s: %s\n", room, text);
}

static void make_image(struct bench *b)
{
	static const char *const names[] = { "sh",   "echo",   "cat",  "sleep", "true", "false",
					     "stty", "id",     "head", "tail",  "wc",   "dd",
					     "tr",   "nc",     "ip",   "httpd", "seq",  "touch",
					     "kill", "printf", "env",  "ls",    "wget", "hostname",
					     "yes",  "mkdir",  "rm",   "stat" };
	static const char *const folders[] = { "bin", "dev", "proc", "sys", "etc", "tmp", "data" };
	char path[256];
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		(void)snprintf(path, sizeof(path), "%s/layers/busybox/diff/%s", b->data_root,
			       folders[i]);
		MUST(folder_make(path, 0755, &e));
	}
	(void)snprintf(path, sizeof(path), "cp " BUSYBOX " %s/layers/busybox/diff/bin/busybox",
		       b->data_root);
	MUST(system(path) == 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/layers/busybox/diff/bin/%s", b->data_root,
			       names[i]);
		MUST(symlink("busybox", path) == 0);
	}
	(void)snprintf(path, sizeof(path), "%s/layers/busybox/diff/etc/passwd", b->data_root);
	MUST(file_replace(path,
			  STR("root:x:0:0::/root:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\n"),
			  0644, &e));
	(void)snprintf(path, sizeof(path), "%s/layers/busybox/diff/etc/group", b->data_root);
	MUST(file_replace(path, STR("root:x:0:\nann:x:1001:\ncrew:x:2000:bob,ann\n"), 0644, &e));
	(void)snprintf(path, sizeof(path), "%s/layers/busybox/diff/data/seed", b->data_root);
	MUST(file_replace(path, STR("sown\n"), 0640, &e));
}

void bench_begin(struct bench *b)
{
	struct loop_config loop_config = {
		.inbox = &b->box, .self = b, .turn = think, .log = &b->log
	};
	struct runtime_hands_config config = { .endpoints = &b->endpoints,
					       .data_root = b->data_root,
					       .exec_root = b->exec_root,
					       .programs.fallback = b->runtime_name };
	struct err e;
	AUTO_FREE char *front = program_beside_us("../../shoal-oci", &e);

	MUST(front);
	inbox_init(&b->box);
	endpoints_init(&b->endpoints);
	MUST(loop_new(&loop_config, &b->loop, &e));
	config.loop = b->loop;
	config.front = front;
	if (!runtime_hands_new(&config, &b->hands, &e))
		give_up(e.text);
	b->run = runtime_hands_seam(b->hands);
}

void bench_open(struct bench *b)
{
	const char *name = b->runtime_name;

	*b = (struct bench){ .runtime_name = name };
	b->log = (struct log){ .self = b, .level = LOG_WARN, .line = keep_line };
	list_init(&b->facts);
	(void)snprintf(b->root, sizeof(b->root), "/tmp/shoal-bench-XXXXXX");
	MUST(mkdtemp(b->root));
	(void)snprintf(b->data_root, sizeof(b->data_root), "%s/data", b->root);
	(void)snprintf(b->exec_root, sizeof(b->exec_root), "%s/exec", b->root);
	make_image(b);
	bench_begin(b);
}

/* Call `see` with each folder that may hold cgroups of this process's containers. */
static void each_cgroup_folder(void (*see)(const char *path, int *count), int *count)
{
	DIR *dir = opendir("/sys/fs/cgroup");
	struct dirent *entry;
	char path[512];

	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/shoal-test-%d", (int)home);
	see(path, count);
	while (dir && (entry = readdir(dir))) {
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/shoal-test-%d", entry->d_name,
			       (int)home);
		if (entry->d_name[0] != '.')
			see(path, count);
	}
	if (dir)
		closedir(dir);
}

static void count_folders(const char *path, int *count)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		*count += entry->d_type == DT_DIR && entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
}

static void remove_folder(const char *path, int *count)
{
	*count += rmdir(path) == 0;
}

void bench_stop(struct bench *b)
{
	runtime_hands_free(b->hands);
	loop_free(b->loop);
	inbox_clear(&b->box);
}

void bench_reopen(struct bench *b)
{
	bench_stop(b);
	bench_begin(b);
}

void bench_close(struct bench *b)
{
	struct err e;

	int removed = 0;

	bench_stop(b);
	arena_clear(&b->memory);
	each_cgroup_folder(remove_folder, &removed);
	if (!folder_remove(b->root, &e))
		give_up(e.text);
}

bool bench_until(struct bench *b, bool (*is_enough)(struct bench *b))
{
	b->is_enough = is_enough;
	b->deadline_ms = loop_now(b->loop).mono_ms + BENCH_WAIT_MS;
	loop_wake(b->loop);
	loop_run(b->loop);
	b->is_enough = NULL;
	return is_enough(b);
}

void bench_run_ms(struct bench *b, int ms)
{
	b->is_enough = NULL;
	b->deadline_ms = loop_now(b->loop).mono_ms + ms;
	loop_wake(b->loop);
	loop_run(b->loop);
}

static bool is_wanted(const struct bench *b, const struct fact *f)
{
	if (b->wanted_ticket)
		return f->ticket == b->wanted_ticket &&
		       (b->wanted_kind < 0 || f->runtime.kind == b->wanted_kind);
	return f->kind == INPUT_RUNTIME && f->runtime.kind == b->wanted_kind &&
	       (!b->wanted_id || (f->runtime.id && strcmp(f->runtime.id, b->wanted_id) == 0));
}

static bool has_found(struct bench *b)
{
	struct fact *f;

	if (b->found)
		return true;
	list_each (&b->facts, struct fact, link, f) {
		if (!is_wanted(b, f))
			continue;
		list_remove(&f->link);
		b->found = f;
		return true;
	}
	return false;
}

static const struct fact *find(struct bench *b)
{
	b->found = NULL;
	return bench_until(b, has_found) ? b->found : NULL;
}

const struct fact *bench_answer(struct bench *b, uint64_t ticket)
{
	b->wanted_ticket = ticket;
	b->wanted_kind = -1;
	return find(b);
}

const struct fact *bench_fact(struct bench *b, int runtime_kind, const char *id)
{
	b->wanted_ticket = 0;
	b->wanted_kind = runtime_kind;
	b->wanted_id = id;
	return find(b);
}

static void write_mount(struct json *j, const char *target, const char *type, const char *source,
			const char *const *options, size_t count)
{
	json_open_object(j, NULL);
	json_text(j, "destination", target);
	json_text(j, "type", type);
	json_text(j, "source", source);
	json_strings(j, "options", options, count);
	json_close(j);
}

static void write_namespace(struct json *j, const char *type, const char *path)
{
	json_open_object(j, NULL);
	json_text(j, "type", type);
	if (path)
		json_text(j, "path", path);
	json_close(j);
}

char *bench_config(const struct recipe *r)
{
	static const char *const caps[] = { "CAP_CHOWN",   "CAP_KILL",      "CAP_NET_BIND_SERVICE",
					    "CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_DAC_OVERRIDE" };
	static const char *const cap_sets[] = { "bounding", "effective", "permitted" };
	static const char *const env[] = { "PATH=/bin", "TERM=xterm" };
	const char *args[] = { "/bin/sh", "-c", r->script };
	struct buf b = BUF_MAX(1 << 16);
	struct json j = json_begin(&b);
	size_t count = 0;

	json_open_object(&j, NULL);
	json_text(&j, "ociVersion", "1.0.0");
	json_open_object(&j, "process");
	json_bool(&j, "terminal", r->tty);
	json_open_object(&j, "user");
	json_int(&j, "uid", 0);
	json_int(&j, "gid", 0);
	json_close(&j);
	while (r->args && r->args[count])
		count++;
	json_strings(&j, "args", r->args ? r->args : args, r->args ? count : 3);
	json_strings(&j, "env", env, 2);
	json_text(&j, "cwd", "/");
	json_open_object(&j, "capabilities");
	for (size_t i = 0; i < ARRAY_LEN(cap_sets); i++)
		json_strings(&j, cap_sets[i], caps, ARRAY_LEN(caps));
	json_close(&j);
	json_close(&j);
	json_open_object(&j, "root");
	json_text(&j, "path", "rootfs");
	json_close(&j);
	json_text(&j, "hostname", "box");
	json_open_list(&j, "mounts");
	write_mount(&j, "/proc", "proc", "proc", NULL, 0);
	write_mount(&j, "/dev", "tmpfs", "tmpfs", (const char *[]){ "nosuid", "mode=755" }, 2);
	write_mount(&j, "/dev/pts", "devpts", "devpts",
		    (const char *[]){ "newinstance", "ptmxmode=0666", "mode=0620" }, 3);
	json_close(&j);
	json_open_object(&j, "linux");
	json_text(&j, "cgroupsPath", r->cgroup);
	json_open_list(&j, "namespaces");
	write_namespace(&j, "mount", NULL);
	write_namespace(&j, "uts", NULL);
	write_namespace(&j, "ipc", NULL);
	if (!r->host_pids)
		write_namespace(&j, "pid", NULL);
	write_namespace(&j, "network", r->netns);
	json_close(&j);
	if (r->linux_extra)
		buf_append_c(&b, r->linux_extra);
	json_close(&j);
	json_close(&j);
	MUST(json_is_complete(&j) && !b.overflow);
	return buf_steal(&b);
}

const struct fact *bench_start(struct bench *b, const char *id, const struct recipe *r,
			       const struct runtime_start *more)
{
	static const char *const layers[] = { "busybox" };
	struct recipe recipe = *r;
	struct runtime_start what = more ? *more : (struct runtime_start){ 0 };
	char cgroup[256];
	char *config;
	uint64_t ticket = b->last_ticket + 3;

	(void)snprintf(cgroup, sizeof(cgroup), "/shoal-test-%d/%s", (int)home, id);
	recipe.cgroup = cgroup;
	config = bench_config(&recipe);
	what.config = str_of(config);
	what.cgroup = cgroup;
	what.runtime = what.runtime ? what.runtime : "";
	what.workdir = what.workdir ? what.workdir : "";
	what.tty = r->tty;
	what.log.attributes = what.log.attributes ? what.log.attributes : "";
	b->last_ticket = ticket;
	b->run.make(b->run.self, ticket - 2, id, layers, 1);
	b->run.mount(b->run.self, ticket - 1, id);
	b->run.start(b->run.self, ticket, id, &what);
	free(config);
	return bench_answer(b, ticket);
}

const struct fact *bench_run(struct bench *b, const char *id, const struct recipe *r)
{
	const struct fact *f = bench_start(b, id, r, NULL);

	if (!f || f->runtime.kind != RUNTIME_STARTED)
		return f;
	return bench_fact(b, RUNTIME_EXITED, id);
}

void bench_remove(struct bench *b, const char *id)
{
	const struct fact *f;

	b->run.remove(b->run.self, ++b->last_ticket, id);
	f = bench_answer(b, b->last_ticket);
	if (!f || f->runtime.kind != RUNTIME_DONE)
		give_up(f ? f->runtime.text : "no answer to remove");
}

static void on_output(void *self, enum endpoint_stream stream, struct str bytes)
{
	struct client *c = self;

	buf_append_str(stream == ENDPOINT_STDERR ? &c->err : &c->out, bytes);
	if (c->stalls)
		endpoint_flow(c->ep, false);
}

static void on_drained(void *self)
{
	(void)self;
}

static void on_ended(void *self, const char *reason)
{
	struct client *c = self;

	c->is_over = true;
	(void)snprintf(c->reason, sizeof(c->reason), "%s", reason ? reason : "");
}

void client_join(struct bench *b, struct client *c, uint64_t number)
{
	c->out = BUF_MAX(64 << 20);
	c->err = BUF_MAX(64 << 20);
	c->is_over = false;
	c->ep = endpoint_join(&b->endpoints, number,
			      (struct endpoint_user){ c, on_output, on_drained, on_ended });
	MUST(c->ep);
}

void client_clear(struct client *c)
{
	buf_clear(&c->out);
	buf_clear(&c->err);
}

int count_mounts(const char *below)
{
	FILE *f = fopen("/proc/self/mounts", "re");
	char line[8192];
	int count = 0;

	while (f && fgets(line, sizeof(line), f))
		count += strstr(line, below) != NULL;
	if (f)
		fclose(f);
	return count;
}

int count_processes(const char *with_argument)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir))) {
		AUTO_BUF struct buf text = BUF_MAX(1 << 16);
		char path[300];
		struct err e;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
		    atoi(entry->d_name) == getpid())
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
		if (!file_read(path, &text, &e))
			continue;
		for (size_t i = 0; i < text.len; i++)
			if (text.data[i] == '\0')
				text.data[i] = ' ';
		count += text.len && strstr(text.data, with_argument) != NULL;
	}
	if (dir)
		closedir(dir);
	return count;
}

int count_cgroups(void)
{
	int count = 0;

	each_cgroup_folder(count_folders, &count);
	return count;
}

int count_entries(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

int count_descriptors(void)
{
	return count_entries("/proc/self/fd");
}
