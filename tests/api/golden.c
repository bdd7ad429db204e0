/* Stories of requests and answers: golden FILE.http... [--rewrite]
 *
 * A line "> METHOD TARGET" begins a request; lines "> Name: value" after it are its headers, and a
 * line "> {...}" its body. "! ms" lets time pass. What follows is the answer as it must be: status,
 * the headers that differ from the common ones, and the body. Ids, times, versions, tokens and
 * certificates are not the same in each run, so they are written as $id1, $time, and so on; a
 * request may use $id1 for what an answer named before. With --rewrite the answers are written into
 * the files. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/id.h"
#include "base/mem.h"
#include "bench.h"

#define STORY_MAX  (1 << 20)
#define IDS_MAX    64
#define TARGET_MAX 4096
#define HEX_LEN    64

struct story {
	struct bench *bench;
	char ids[IDS_MAX][OBJECT_ID_LEN + 1];
	size_t id_count;
	char hexes[IDS_MAX][HEX_LEN + 1];
	size_t hex_count;
	struct buf told;
};

/* ---- what differs between runs ---- */

static size_t id_number(struct story *s, const char *id)
{
	for (size_t i = 0; i < s->id_count; i++)
		if (memcmp(s->ids[i], id, OBJECT_ID_LEN) == 0)
			return i + 1;
	if (s->id_count == IDS_MAX)
		return 0;
	memcpy(s->ids[s->id_count], id, OBJECT_ID_LEN);
	return ++s->id_count;
}

/* Ids of this host's own things, and digests. */
static size_t hex_number(struct story *s, const char *hex)
{
	for (size_t i = 0; i < s->hex_count; i++)
		if (memcmp(s->hexes[i], hex, HEX_LEN) == 0)
			return i + 1;
	if (s->hex_count == IDS_MAX)
		return 0;
	memcpy(s->hexes[s->hex_count], hex, HEX_LEN);
	return ++s->hex_count;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

static size_t word_len(const char *at)
{
	size_t len = 0;

	while (is_word(at[len]))
		len++;
	return len;
}

static bool is_time(const char *at)
{
	for (int i = 0; i < 10; i++)
		if (i == 4 || i == 7 ? at[i] != '-' : !isdigit((unsigned char)at[i]))
			return false;
	return at[10] == 'T';
}

/* Copy text, with a name for whatever is another in each run. */
static void tell(struct story *s, const char *text)
{
	for (const char *at = text; *at;) {
		size_t len = word_len(at);

		if (is_time(at) && strncmp(at, "0001", 4) != 0) {
			buf_append_c(&s->told, "$time");
			while (*at && *at != '"')
				at++;
		} else if (strncmp(at, "SWMTKN-1-", 9) == 0) {
			buf_append_c(&s->told, "$token");
			at += len;
		} else if (len == OBJECT_ID_LEN && object_id_is_valid(str_bytes(at, len)) &&
			   at[0] != '0') {
			buf_printf(&s->told, "$id%zu", id_number(s, at));
			at += len;
		} else if (len == HEX_LEN && strspn(at, "0123456789abcdef") >= HEX_LEN) {
			buf_printf(&s->told, "$hex%zu", hex_number(s, at));
			at += len;
		} else if (strncmp(at, "\"Index\":", 8) == 0) {
			buf_append_c(&s->told, "\"Index\":$index");
			for (at += 8; isdigit((unsigned char)*at);)
				at++;
		} else if (len > 0) {
			buf_append(&s->told, at, len);
			at += len;
		} else {
			buf_append_char(&s->told, *at++);
		}
	}
}

/* The versions of objects are asked for, since nobody can write them down. */
static void put_version(struct story *s, struct buf *out, const char *kind_and_ref, size_t len)
{
	char request[TARGET_MAX];
	const char *index;

	(void)snprintf(request, sizeof(request), "GET /%.*s HTTP/1.1\r\nHost: x\r\n\r\n", (int)len,
		       kind_and_ref);
	index = strstr(bench_ask(s->bench, str_of(request)), "\"Index\":");
	buf_printf(out, "%lld", index ? atoll(index + 8) : 0);
}

static void put_ids(struct story *s, struct buf *out, const char *text)
{
	for (const char *at = text; *at;) {
		if (strncmp(at, "$id", 3) == 0 && isdigit((unsigned char)at[3])) {
			char *end;
			size_t i = strtoul(at + 3, &end, 10);

			if (i >= 1 && i <= s->id_count)
				buf_append_c(out, s->ids[i - 1]);
			at = end;
		} else if (strncmp(at, "$hex", 4) == 0 && isdigit((unsigned char)at[4])) {
			char *end;
			size_t i = strtoul(at + 4, &end, 10);

			if (i >= 1 && i <= s->hex_count)
				buf_append_c(out, s->hexes[i - 1]);
			at = end;
		} else {
			buf_append_char(out, *at++);
		}
	}
}

static void put_names(struct story *s, struct buf *out, const char *text)
{
	AUTO_BUF struct buf with_ids = BUF_MAX(STORY_MAX);

	put_ids(s, &with_ids, text);
	for (const char *at = with_ids.data; at && *at;) {
		const char *close = strncmp(at, "$version(", 9) == 0 ? strchr(at, ')') : NULL;

		if (close) {
			put_version(s, out, at + 9, (size_t)(close - at - 9));
			at = close + 1;
		} else {
			buf_append_char(out, *at++);
		}
	}
}

/* ---- a request ---- */

static bool is_common_header(const char *line)
{
	static const char *const common[] = { "Api-Version: 1.47", "Docker-Experimental: false",
					      "Ostype: linux",     "Server: shoal/0.1.0 (linux)",
					      "Content-Length: ",  "Date: " };

	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		if (strncmp(line, common[i], strlen(common[i])) == 0)
			return true;
	return false;
}

static void tell_answer(struct story *s, const char *answer)
{
	const char *body = strstr(answer, "\r\n\r\n");
	AUTO_FREE char *head = body ? xstrndup(answer, (size_t)(body - answer)) : xstrdup(answer);
	char *next = head;

	for (char *line; (line = strsep(&next, "\n"));) {
		size_t len = strlen(line);

		if (len && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (line[0] && !is_common_header(line)) {
			tell(s, line);
			buf_append_char(&s->told, '\n');
		}
	}
	if (body && body[4]) {
		tell(s, body + 4);
		if (s->told.data[s->told.len - 1] != '\n')
			buf_append_char(&s->told, '\n');
	}
	buf_append_char(&s->told, '\n');
}

static void ask(struct story *s, char *const *lines, size_t count)
{
	AUTO_BUF struct buf request = BUF_MAX(STORY_MAX), body = BUF_MAX(STORY_MAX),
			    first = BUF_MAX(STORY_MAX);
	bool has_type = false;
	size_t i;

	put_names(s, &first, lines[0]);
	buf_printf(&request, "%s HTTP/1.1\r\nHost: docker\r\n", first.data);
	for (i = 1; i < count && isalpha((unsigned char)lines[i][0]) && strstr(lines[i], ": ");
	     i++) {
		buf_printf(&request, "%s\r\n", lines[i]);
		has_type |= strncasecmp(lines[i], "content-type:", 13) == 0;
	}
	for (; i < count; i++)
		put_names(s, &body, lines[i]);
	if (body.len > 0 && !has_type)
		buf_append_c(&request, "Content-Type: application/json\r\n");
	if (body.len > 0 || strncmp(lines[0], "POST", 4) == 0)
		buf_printf(&request, "Content-Length: %zu\r\n", body.len);
	buf_append_c(&request, "\r\n");
	buf_append_str(&request, buf_str(&body));
	tell_answer(s, bench_ask(s->bench, buf_str(&request)));
}

/* ---- a file ---- */

static char *read_file(const char *path)
{
	AUTO_BUF struct buf text = BUF_MAX(STORY_MAX);
	char chunk[4096];
	FILE *f = fopen(path, "r");
	size_t got;

	if (!f)
		return NULL;
	while ((got = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_append(&text, chunk, got);
	(void)fclose(f);
	buf_append_c(&text, "");
	return text.data ? buf_steal(&text) : xstrdup("");
}

/* Walk through a story: requests and remarks stay, answers are told anew. */
static void tell_story(struct story *s, char *text)
{
	char *lines[256], *next = text, *line;
	size_t count = 0;

	while ((line = strsep(&next, "\n"))) {
		if (line[0] == '>') {
			if (count < ARRAY_LEN(lines))
				lines[count++] = line + 2;
			buf_printf(&s->told, "%s\n", line);
			continue;
		}
		if (count > 0)
			ask(s, lines, count);
		count = 0;
		if (line[0] == '#')
			buf_printf(&s->told, "%s\n", line);
		if (line[0] == '!') {
			bench_run(s->bench, atoll(line + 1));
			buf_printf(&s->told, "%s\n", line);
		}
	}
}

static void show_difference(const char *path, const char *want, const char *got)
{
	size_t at = 0, line = 1, begin = 0;

	for (; want[at] && want[at] == got[at]; at++)
		if (want[at] == '\n') {
			line++;
			begin = at + 1;
		}
	printf("FAILED %s:%zu\n  want: %.*s\n  got:  %.*s\n", path, line,
	       (int)strcspn(want + begin, "\n"), want + begin, (int)strcspn(got + begin, "\n"),
	       got + begin);
}

static bool check(const char *path, bool rewrites)
{
	struct story s = { .bench = bench_new(), .told = BUF_MAX(STORY_MAX) };
	AUTO_FREE char *text = read_file(path), *copy = text ? xstrdup(text) : NULL;
	bool is_same = false;

	if (text) {
		tell_story(&s, copy);
		is_same = s.told.data && strcmp(text, s.told.data) == 0;
		if (!is_same && rewrites) {
			FILE *f = fopen(path, "w");

			if (f) {
				(void)fwrite(s.told.data, 1, s.told.len, f);
				(void)fclose(f);
			}
		} else if (!is_same) {
			show_difference(path, text, s.told.data ? s.told.data : "");
		}
	} else {
		printf("FAILED %s: cannot be read\n", path);
	}
	buf_clear(&s.told);
	bench_free(s.bench);
	return is_same || (rewrites && text);
}

int main(int argc, char **argv)
{
	int passed = 0, failed = 0;
	bool rewrites = false;

	for (int i = 1; i < argc; i++)
		rewrites |= strcmp(argv[i], "--rewrite") == 0;
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-')
			continue;
		if (check(argv[i], rewrites))
			passed++;
		else
			failed++;
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0 || passed == 0;
}
