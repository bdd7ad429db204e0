/* shoal-scenario: stories of the control plane, told and checked.
 *
 * A file is blocks: commands (sim/play.h), then a line "----" and what they print, up to an empty
 * line. Commands without a "----" print nothing. "#" begins a remark. Each file is a world of its
 * own, and the same seed tells the same story. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/play.h"

#define FILE_MAX   (1 << 20)
#define OUTPUT_MAX (1 << 20)

struct settings {
	uint64_t seed;
	bool is_verbose, rewrites;
};

static void usage(FILE *to)
{
	fprintf(to, "usage: shoal-scenario [OPTIONS] FILE...\n\n"
		    "  -r, --rewrite      record what the commands print in the files\n"
		    "  -s, --seed N       another seed than the file's\n"
		    "  -v, --verbose      print every node's log\n"
		    "  -h, --help         this text\n");
}

static bool file_read(const char *path, struct buf *text, struct err *e)
{
	FILE *f = fopen(path, "re");
	char chunk[4096];
	size_t got;

	if (!f)
		return fail_sys(e, errno, "open %s", path);
	while ((got = fread(chunk, 1, sizeof(chunk), f)) > 0)
		if (!buf_append(text, chunk, got))
			break;
	fclose(f);
	return !text->overflow || fail(e, ERR_EXHAUSTED, "%s is too long", path);
}

static bool file_write(const char *path, struct str text, struct err *e)
{
	FILE *f = fopen(path, "we");
	bool is_good;

	if (!f)
		return fail_sys(e, errno, "open %s", path);
	is_good = fwrite(text.ptr, 1, text.len, f) == text.len;
	is_good &= fclose(f) == 0;
	return is_good || fail_sys(e, errno, "write %s", path);
}

static void print_lines(struct str text, char sign)
{
	struct str line;

	while (text.len > 0) {
		(void)str_cut(text, '\n', &line, &text);
		printf("%c%.*s\n", sign, STR_FMT(line));
		if (line.ptr + line.len >= text.ptr + text.len)
			break;
	}
}

/* Lines that both begin with. */
static struct str same_head(struct str a, struct str b)
{
	size_t end = 0;

	for (size_t i = 0; i < a.len && i < b.len && a.ptr[i] == b.ptr[i]; i++)
		if (a.ptr[i] == '\n')
			end = i + 1;
	return (struct str){ a.ptr, end };
}

static void print_difference(const char *path, size_t line, struct str want, struct str got)
{
	struct str head = same_head(want, got);

	printf("%s:%zu: it went otherwise\n", path, line);
	print_lines(head, ' ');
	print_lines(str_bytes(want.ptr + head.len, want.len - head.len), '-');
	print_lines(str_bytes(got.ptr + head.len, got.len - head.len), '+');
}

struct script {
	struct str rest; /* what was not read yet */
	size_t line;     /* number of the line read last */
};

static bool next_line(struct script *s, struct str *line)
{
	struct str tail;

	if (s->rest.len == 0)
		return false;
	if (!str_cut(s->rest, '\n', line, &tail))
		tail = str_bytes(s->rest.ptr + s->rest.len, 0);
	s->rest = tail;
	s->line++;
	return true;
}

/* Lines up to an empty one or the end, as one text. */
static struct str expected(struct script *s)
{
	const char *begin = s->rest.ptr;
	const char *end = begin;
	struct str line;

	while (s->rest.len > 0 && s->rest.ptr[0] != '\n' && next_line(s, &line))
		end = s->rest.ptr;
	return str_bytes(begin, (size_t)(end - begin));
}

/* What a block's commands printed, against what it says; and into the new text. */
static bool close_block(const char *path, size_t line, struct str want, struct buf *got,
			struct buf *fresh)
{
	bool is_same = str_equal(want, buf_str(got));

	if (!is_same)
		print_difference(path, line, want, buf_str(got));
	if (got->len > 0) {
		buf_append_c(fresh, "----\n");
		buf_append_str(fresh, buf_str(got));
	}
	buf_reset(got);
	return is_same;
}

static bool tell(const char *path, struct str text, const struct settings *how, struct buf *fresh)
{
	struct play play = { .seed = how->seed, .is_verbose = how->is_verbose };
	AUTO_BUF struct buf got = BUF_MAX(OUTPUT_MAX);
	struct script script = { text, 0 };
	bool is_good = true;
	struct str line;

	while (next_line(&script, &line)) {
		if (str_equal_c(line, "----")) {
			size_t at = script.line;

			is_good &= close_block(path, at, expected(&script), &got, fresh);
			continue;
		}
		if (str_trim(line).len == 0)
			is_good &= close_block(path, script.line, STR(""), &got, fresh);
		buf_append_str(fresh, line);
		buf_append_char(fresh, '\n');
		if (line.len > 0 && line.ptr[0] != '#') {
			AUTO_FREE char *command = str_dup(line);

			if (how->is_verbose)
				printf("> %s\n", command);
			play_line(&play, command, &got);
		}
	}
	is_good &= close_block(path, script.line, STR(""), &got, fresh);
	play_clear(&play);
	return is_good;
}

static bool tell_file(const char *path, const struct settings *how)
{
	AUTO_BUF struct buf text = BUF_MAX(FILE_MAX);
	AUTO_BUF struct buf fresh = BUF_MAX(FILE_MAX + OUTPUT_MAX);
	struct err e;
	bool is_good;

	if (!file_read(path, &text, &e)) {
		printf("%s\n", e.text);
		return false;
	}
	is_good = tell(path, buf_str(&text), how, &fresh);
	if (!is_good && how->rewrites) {
		if (file_write(path, buf_str(&fresh), &e))
			return true;
		printf("%s\n", e.text);
		return false;
	}
	if (!is_good)
		printf("see the logs: build/shoal-scenario -v %s\n"
		       "record what is printed now: build/shoal-scenario --rewrite %s\n",
		       path, path);
	return is_good;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rewrite", no_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct settings how = { 0 };
	int passed = 0, failed = 0;

	for (int c; (c = getopt_long(argc, argv, "rs:vh", options, NULL)) != -1;) {
		switch (c) {
		case 'r':
			how.rewrites = true;
			break;
		case 's':
			if (!str_to_u64(str_of(optarg), &how.seed) || how.seed == 0) {
				fprintf(stderr, "shoal-scenario: not a seed: %s\n", optarg);
				return 2;
			}
			break;
		case 'v':
			how.is_verbose = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return 2;
	}
	for (int i = optind; i < argc; i++)
		*(tell_file(argv[i], &how) ? &passed : &failed) += 1;
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}
