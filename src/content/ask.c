#include "content/ask.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "content/channel.h"
#include "file/file.h"

static bool add_word(struct record_writer *w, const char *word, struct err *e)
{
	const char *equals = strchr(word, '=');
	AUTO_FREE char *name = equals ? xstrndup(word, equals - word) : NULL;
	AUTO_BUF struct buf text = BUF_MAX(RECORD_MAX);
	AUTO_CLOSE int fd = -1;

	if (!name || !*name)
		return fail(e, ERR_INVALID, "\"%s\" is not NAME=VALUE", word);
	if (equals[1] != '@') {
		record_add_c(w, name, equals + 1);
		return true;
	}
	fd = open(equals + 2, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !file_read_rest(fd, &text))
		return fail(e, ERR_INVALID, "read %s", equals + 2);
	record_add(w, name, buf_str(&text));
	return true;
}

static bool is_for_stdin(const char *op)
{
	return strcmp(op, "load") == 0 || strcmp(op, "import") == 0 ||
	       strcmp(op, "put_archive") == 0;
}

static bool is_for_stdout(const char *op)
{
	return strcmp(op, "save") == 0 || strcmp(op, "export") == 0 || strcmp(op, "archive") == 0;
}

static bool send_request(struct channel *c, int count, char **words, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	int stream = is_for_stdin(words[0]) ? STDIN_FILENO : STDOUT_FILENO;
	bool has_stream = is_for_stdin(words[0]) || is_for_stdout(words[0]);

	record_begin(&w);
	record_add_c(&w, "op", words[0]);
	record_add_c(&w, "ticket", "1");
	record_add_c(&w, "stream", has_stream ? "1" : NULL);
	for (int i = 1; i < count; i++)
		if (!add_word(&w, words[i], e))
			return false;
	return channel_send(c, &w, &stream, has_stream, e);
}

/* Until the end: *is_done says which. */
static bool print_events(struct channel *c, bool *is_done, struct err *e)
{
	struct str name, value;
	struct record r;

	for (;;) {
		size_t at = 0;

		if (!channel_receive(c, &r, e))
			return false;
		while (record_next(&r, &at, &name, &value))
			fprintf(stderr, "%.*s=%.*s\n", STR_FMT(name), STR_FMT(value));
		fprintf(stderr, "\n");
		*is_done = str_equal_c(record_get(&r, "event"), "done");
		if (*is_done || str_equal_c(record_get(&r, "event"), "failed"))
			return true;
	}
}

int ask(int fd, int count, char **words)
{
	struct channel c;
	struct err e;
	bool is_done = false;

	channel_init(&c, fd);
	if (!send_request(&c, count, words, &e) || !print_events(&c, &is_done, &e))
		fprintf(stderr, "shoal-content: %s\n", e.text);
	channel_clear(&c);
	return is_done ? 0 : 1;
}
