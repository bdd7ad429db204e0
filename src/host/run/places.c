/* Where things lie, which runtime is meant by a name, and the notes that outlive us. */
#include "file/file.h"
#include "host/run/hands.h"

#include <assert.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json_write.h"
#include "base/mem.h"
#include "host/program.h"

#define OCI_TIMEOUT_MS 60000
#define NOTE_MAX       (64 << 10)

char *bundle_path(const struct runtime_hands *hands, const char *id)
{
	return xasprintf("%s/bundles/%s", hands->exec_root, id);
}

char *rootfs_path(const struct runtime_hands *hands, const char *id)
{
	return xasprintf("%s/bundles/%s/rootfs", hands->exec_root, id);
}

char *exec_path(const struct runtime_hands *hands, const char *exec_id)
{
	return xasprintf("%s/execs/%s", hands->exec_root, exec_id);
}

char *files_path(const struct runtime_hands *hands, const char *id)
{
	return xasprintf("%s/files/%s", hands->exec_root, id);
}

char *folder_path(const struct runtime_hands *hands, const char *id)
{
	return xasprintf("%s/containers/%s", hands->data_root, id);
}

char *log_path(const struct runtime_hands *hands, const char *id)
{
	return xasprintf("%s/containers/%s/%s-json.log", hands->data_root, id, id);
}

char *volume_path(const struct runtime_hands *hands, const char *name)
{
	return xasprintf("%s/volumes/%s/_data", hands->data_root, name);
}

static char *find_in(const char *folders, const char *name, struct arena *memory)
{
	struct str rest = str_of(folders), folder;

	while (rest.len) {
		char *path;

		str_cut(rest, ':', &folder, &rest);
		path = arena_printf(memory, "%.*s/%s", STR_FMT(folder), name);
		if (path[0] == '/' && access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

/* Where conmon and nft are found as well: in our own PATH first. */
static char *find_program(const char *name, struct arena *memory)
{
	const char *own = getenv("PATH");
	char *found = NULL;

	if (name[0] == '/')
		return access(name, X_OK) == 0 ? arena_strdup(memory, name) : NULL;
	if (own)
		found = find_in(own, name, memory);
	return found ? found
		     : find_in("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", name,
			       memory);
}

static const char *program_of(const struct runtime_hands *hands, const char *name)
{
	for (size_t i = 0; i < hands->program_count; i++)
		if (strcmp(hands->programs[i].name, name) == 0)
			return hands->programs[i].path;
	return strcmp(name, "crun") == 0 || strcmp(name, "runc") == 0 ? name : NULL;
}

bool oci_find(const struct runtime_hands *hands, const char *name, struct arena *memory,
	      struct oci *oci, struct err *e)
{
	const char *wanted = name[0] ? name : hands->default_runtime;
	const char *program, *path = NULL, *base;
	int n = 0;

	if (!wanted[0])
		wanted = find_program("crun", memory) ? "crun" : "runc";
	program = program_of(hands, wanted);
	if (program)
		path = find_program(program, memory);
	if (!path)
		return fail(e, ERR_INVALID, "Unknown runtime specified %s", wanted);
	base = strrchr(path, '/') + 1;
	*oci = (struct oci){ 0 };
	oci->is_crun = strncmp(base, "crun", 4) == 0;
	if (oci->is_crun) {
		oci->front[n++] = hands->front;
		if (hands->hides_cgroup2)
			oci->front[n++] = "--hide-cgroup2";
	}
	oci->front[n++] = path;
	oci->front[n++] = "--root";
	oci->front[n++] = arena_printf(memory, "%s/oci", hands->exec_root);
	assert(n <= OCI_FRONT_MAX);
	return true;
}

bool oci_run(const struct oci *oci, const char *const *args, struct err *e)
{
	struct program p = { .timeout_ms = OCI_TIMEOUT_MS };

	program_args(&p, oci->front);
	program_args(&p, args);
	return program_must(&p, NULL, e);
}

void run_note_clear(struct run_note *note)
{
	free(note->runtime);
	free(note->cgroup);
	*note = (struct run_note){ 0 };
}

bool run_note_write(const char *bundle, const struct run_note *note, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/run", bundle);
	AUTO_BUF struct buf text = BUF_MAX(NOTE_MAX);
	struct json j = json_begin(&text);

	json_open_object(&j, NULL);
	json_text(&j, "runtime", note->runtime);
	json_text(&j, "cgroup", note->cgroup);
	json_bool(&j, "tty", note->tty);
	json_bool(&j, "open_stdin", note->open_stdin);
	json_bool(&j, "stdin_once", note->stdin_once);
	json_bool(&j, "log", note->has_log);
	json_int(&j, "log_size_max", note->log_size_max);
	json_int(&j, "log_files_max", note->log_files_max);
	json_int(&j, "started_ns", note->started_ns);
	json_close(&j);
	if (text.overflow)
		return fail(e, ERR_EXHAUSTED, "the path of the cgroup is too long");
	return file_replace(path, buf_str(&text), 0600, e);
}

static char *note_string(const json_t *note, const char *key)
{
	const char *value = json_string_value(json_object_get(note, key));

	return xstrdup(value ? value : "");
}

bool run_note_read(const char *bundle, struct run_note *note, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/run", bundle);
	AUTO_BUF struct buf text = BUF_MAX(NOTE_MAX);
	json_t *j;

	if (!file_read(path, &text, e))
		return false;
	j = json_loadb(text.data, text.len, 0, NULL);
	if (!json_is_object(j)) {
		json_decref(j);
		return fail(e, ERR_INTERNAL, "%s is damaged", path);
	}
	*note = (struct run_note){
		.runtime = note_string(j, "runtime"),
		.cgroup = note_string(j, "cgroup"),
		.tty = json_is_true(json_object_get(j, "tty")),
		.open_stdin = json_is_true(json_object_get(j, "open_stdin")),
		.stdin_once = json_is_true(json_object_get(j, "stdin_once")),
		.has_log = json_is_true(json_object_get(j, "log")),
		.log_size_max = json_integer_value(json_object_get(j, "log_size_max")),
		.log_files_max = (int)json_integer_value(json_object_get(j, "log_files_max")),
		.started_ns = json_integer_value(json_object_get(j, "started_ns")),
	};
	json_decref(j);
	return true;
}

static char *exit_note_path(const struct runtime_hands *hands, const char *id)
{
	return xasprintf("%s/containers/%s/exit", hands->data_root, id);
}

bool exit_note_write(const struct runtime_hands *hands, const char *id,
		     const struct exit_note *note, struct err *e)
{
	AUTO_FREE char *path = exit_note_path(hands, id);
	char line[64];

	(void)snprintf(line, sizeof(line), "%d %d %lld\n", note->exit_code, note->oom,
		       (long long)note->at_ns);
	return file_replace(path, str_of(line), 0600, e);
}

bool exit_note_read(const struct runtime_hands *hands, const char *id, struct exit_note *note)
{
	AUTO_FREE char *path = exit_note_path(hands, id);
	AUTO_BUF struct buf text = BUF_MAX(64);
	long long at_ns;
	int oom;
	struct err e;

	if (!file_read(path, &text, &e) || text.len == 0 ||
	    sscanf(text.data, "%d %d %lld", &note->exit_code, &oom, &at_ns) != 3)
		return false;
	note->oom = oom;
	note->at_ns = at_ns;
	return true;
}

void exit_note_remove(const struct runtime_hands *hands, const char *id)
{
	AUTO_FREE char *path = exit_note_path(hands, id);

	(void)unlink(path);
}
