/* The processes of a container, as ps of the host prints them. */
#include "file/file.h"
#include "host/run/hands.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "host/program.h"
#include "host/run/cgroup.h"

#define PS_TIMEOUT_MS 10000
#define OUTPUT_MAX    (4 << 20)
#define PROCS_MAX     (1 << 20)
#define WORDS_MAX     32
#define DEPTH_MAX     8

struct top_args {
	const char *cgroup;
	char *ps_args;
};

/* All pids of the cgroup and those below it, a line each. */
static void gather_pids(const char *cgroup, int depth, struct buf *pids)
{
	AUTO_FREE char *procs = cgroup_path("pids", cgroup, "cgroup.procs");
	AUTO_FREE char *folder = cgroup_path("pids", cgroup, "");
	AUTO_BUF struct buf text = BUF_MAX(PROCS_MAX);
	struct dirent *entry;
	struct err ignored;
	DIR *dir;

	if (file_read(procs, &text, &ignored))
		buf_append_str(pids, buf_str(&text));
	dir = depth < DEPTH_MAX ? opendir(folder) : NULL;
	while (dir && (entry = readdir(dir))) {
		AUTO_FREE char *below = xasprintf("%s/%s", cgroup, entry->d_name);

		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			gather_pids(below, depth + 1, pids);
	}
	if (dir)
		closedir(dir);
}

static bool has_pid(struct str pids, struct str wanted)
{
	struct str pid;

	while (pids.len > 0) {
		if (!str_cut(pids, '\n', &pid, &pids))
			pids = (struct str){ 0 };
		if (str_equal(pid, wanted))
			return true;
	}
	return false;
}

/* The first max - 1 words; the last is the rest of the line, as a command has blanks of its own. */
static size_t split(struct str line, struct str *words, size_t max)
{
	size_t count = 0;

	for (line = str_trim(line); line.len > 0 && count < max; line = str_trim(line)) {
		if (count == max - 1) {
			words[count++] = line;
			break;
		}
		(void)str_cut(line, ' ', &words[count++], &line);
	}
	return count;
}

static size_t pid_column(const struct str *titles, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal_c(titles[i], "PID"))
			return i;
	return count;
}

static bool run_ps(struct op *op, struct buf *output)
{
	const struct top_args *args = op->args;
	struct program p = { .timeout_ms = PS_TIMEOUT_MS };
	char *save = NULL;

	program_arg(&p, "ps");
	for (char *word = strtok_r(args->ps_args, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		if (p.arg_count > WORDS_MAX)
			return fail(&op->err, ERR_INVALID, "too many arguments for ps");
		program_arg(&p, word);
	}
	return program_must(&p, output, &op->err);
}

static void work_top(struct op *op)
{
	const struct top_args *args = op->args;
	AUTO_BUF struct buf output = BUF_MAX(OUTPUT_MAX), pids = BUF_MAX(PROCS_MAX);
	struct runtime_top *top = ARENA_NEW(&op->memory, struct runtime_top);
	struct str text, line, titles[WORDS_MAX], words[WORDS_MAX];
	const char **cells, **names;
	size_t lines = 0, column;

	gather_pids(args->cgroup, 0, &pids);
	if (!run_ps(op, &output))
		return;
	text = buf_str(&output);
	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	if (!str_cut(text, '\n', &line, &text))
		text = (struct str){ 0 };
	top->title_count = split(line, titles, WORDS_MAX);
	column = pid_column(titles, top->title_count);
	if (column == top->title_count) {
		fail(&op->err, ERR_INVALID, "Couldn't find PID field in ps output");
		return;
	}
	names = arena_alloc(&op->memory, top->title_count * sizeof(char *));
	for (size_t i = 0; i < top->title_count; i++)
		names[i] = arena_str(&op->memory, titles[i]);
	cells = arena_alloc(&op->memory, (lines + 1) * top->title_count * sizeof(char *));
	while (str_cut(text, '\n', &line, &text)) {
		size_t count = split(line, words, top->title_count);

		if (count <= column || !has_pid(buf_str(&pids), words[column]))
			continue;
		for (size_t i = 0; i < top->title_count; i++)
			cells[top->row_count * top->title_count + i] =
				i < count ? arena_str(&op->memory, words[i]) : "";
		top->row_count++;
	}
	top->titles = names;
	top->cells = cells;
	op->ok = true;
	op->event.kind = RUNTIME_TOP;
	op->event.top = top;
}

void runtime_top(void *self, uint64_t ticket, const char *id, const char *ps_args)
{
	struct runtime_hands *hands = self;
	struct container *c = container_find(hands, id);
	struct op *op = op_new_loose(hands, ticket, CREW_LOOK, work_top);
	struct top_args *args = ARENA_NEW(&op->memory, struct top_args);

	op->id = arena_strdup(&op->memory, id);
	op->args = args;
	if (!container_must_run(c, id, &op->err)) {
		op_answer(op);
		return;
	}
	args->cgroup = arena_strdup(&op->memory, c->note.cgroup);
	args->ps_args = arena_strdup(&op->memory, ps_args && ps_args[0] ? ps_args : "-ef");
	op_submit(op);
}
