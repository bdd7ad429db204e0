#include "console/command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/client.h"
#include "console/complete.h"
#include "console/help.h"
#include "console/order.h"
#include "test.h"

static const struct command *found(const char *a, const char *b, size_t *used)
{
	const char *words[] = { a, b };

	return command_find(words, b ? 2 : 1, used);
}

TEST(a_command_is_found_by_each_of_its_names)
{
	size_t used;

	CHECK(found("container", "ls", &used) == found("ps", "-a", &used));
	CHECK_INT(used, 1);
	CHECK(found("container", "list", &used) == found("ps", NULL, &used));
	CHECK(found("image", "remove", &used) == found("rmi", "x", &used));
	CHECK(!found("container", "nosuch", &used) && !found("nosuch", NULL, &used));
}

TEST(every_row_is_complete_and_reads_well)
{
	for (const struct command_group *g = program.groups; g->commands; g++)
		for (const struct command *c = g->commands; c->name; c++) {
			size_t count;
			AUTO_FREE const struct option **rows = options_sorted(c->options, &count);

			CHECK(c->run && (c->max < 0 || c->max >= c->min));
			if (c->flags & COMMAND_HIDDEN)
				continue;
			if (!c->examples || !islower((unsigned char)c->summary[0]) ||
			    (!c->usage && c->max != 0))
				TEST_FAIL("%s lacks examples, a summary or a usage", c->name);
			for (size_t i = 0; i < count; i++) {
				const char *text =
					rows[i]->absent ? rows[i]->absent : rows[i]->help;

				if (!text || !text[0] || text[strlen(text) - 1] == '.')
					TEST_FAIL("%s --%s has no plain help", c->name,
						  rows[i]->name);
				if (i && strcmp(rows[i]->name, rows[i - 1]->name) == 0)
					TEST_FAIL("%s has --%s twice", c->name, rows[i]->name);
				for (size_t j = 0; j < i; j++)
					if (rows[i]->letter && rows[i]->letter == rows[j]->letter)
						TEST_FAIL("%s has -%c twice", c->name,
							  rows[i]->letter);
			}
		}
}

TEST(every_example_is_a_command_that_can_be_read)
{
	for (const struct command_group *g = program.groups; g->commands; g++)
		for (const struct command *c = g->commands; c->name; c++) {
			struct str rest = str_of(c->examples ? c->examples : ""), line;
			bool any = !c->examples;

			while (rest.len) {
				str_cut(rest, '\n', &line, &rest);
				any = any || (str_starts_with(line, "$ ") &&
					      memmem(line.ptr, line.len, "shoal ", 6) != NULL);
			}
			if (!any)
				TEST_FAIL("no example of %s is a command", c->name);
		}
}

/* What can follow, without an engine. */
static const char *candidates(const char *a, const char *b, const char *c)
{
	static struct buf out = BUF_MAX(1 << 20);
	const char *words[] = { a, b, c };

	buf_reset(&out);
	complete_candidates(NULL, words, c ? 3 : b ? 2 : 1, &out);
	return buf_str(&out).ptr;
}

TEST(completion_follows_the_tables)
{
	CHECK_STR(candidates("serv", NULL, NULL), "service\n");
	CHECK_STR(candidates("service", "ro", NULL), "rollback\n");
	CHECK_STR(candidates("service", "rollback", "--de"), "--detach\n");
	CHECK_STR(candidates("run", "--pull", ""), "always\nmissing\nnever\n");
	CHECK_STR(candidates("--tlsc", NULL, NULL), "--tlscacert\n--tlscert\n");
	CHECK_STR(candidates("help", "imag", NULL), "image\nimages\n");
	CHECK(strstr(candidates("", NULL, NULL), "\nps\n") &&
	      !strstr(candidates("", NULL, NULL), "__complete"));
	CHECK_STR(candidates("nosuch", "x", ""), "");
}

TEST(help_shows_names_options_and_examples)
{
	char *text = NULL;
	size_t size, used;
	FILE *to = open_memstream(&text, &size);

	help_command(found("ps", NULL, &used), "ps", to);
	fclose(to);
	CHECK(strncmp(text, "Usage:  shoal ps [OPTIONS]\n\nList containers\n", 44) == 0);
	CHECK(strstr(
		text,
		"Aliases:\n  shoal container ls, shoal container list, shoal container ps, shoal ps\n"));
	CHECK(strstr(text, "  -a, --all             show stopped containers too\n"));
	CHECK(strstr(text, "\n  $ shoal ps -a\n"));
	free(text);
}

TEST(paths_and_queries_are_escaped)
{
	AUTO_FREE char *path = path_of("/images/%s/json", "host:5000/a b?c");
	AUTO_QUERY struct query q = QUERY;
	const char *const filters[] = { "Label=a=b", "label=c", "name=x y" };

	CHECK_STR(path, "/images/host:5000/a%20b%3Fc/json");
	query_add(&q, "a", "1&2");
	query_add_flag(&q, "no", false);
	query_add_flag(&q, "yes", true);
	query_add_int(&q, "n", -3);
	CHECK_STR(q.text.data, "a=1%262&yes=1&n=-3");
	buf_reset(&q.text);
	query_add_filters(&q, filters, 3);
	CHECK_STR(
		q.text.data,
		"filters=%7B%22label%22%3A%7B%22a%3Db%22%3Atrue%2C%22c%22%3Atrue%7D%2C%22name%22%3A%7B"
		"%22x%20y%22%3Atrue%7D%7D");
}

TEST(names_sort_as_people_count)
{
	CHECK(natural_compare("node2", "node10") < 0);
	CHECK(natural_compare("node10", "node10") == 0);
	CHECK(natural_compare("node010", "node10") == 0);
	CHECK(natural_compare("a", "ab") < 0 && natural_compare("b", "ab") > 0);
	CHECK(natural_compare("a1b", "a1c") < 0);
}

TEST_MAIN()
