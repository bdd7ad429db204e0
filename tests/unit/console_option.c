#include "console/option.h"

#include "base/mem.h"
#include "test.h"

static const struct option inner[] = {
	{ 'm', "memory", OPT_BYTES, "memory" },
	{ 0, "wait", OPT_DURATION, "how long", .fallback = "5s" },
	{ 0 },
};

static const struct option options[] = {
	{ 'i', "interactive", OPT_BOOL, "keep stdin open" },
	{ 't', "tty", OPT_BOOL, "a terminal" },
	{ 'e', "env", OPT_LIST, "environment" },
	{ 0, "platform", OPT_CSV, "platforms" },
	{ 'n', "name", OPT_TEXT, "a name" },
	{ 0, "replicas", OPT_UINT, "how many" },
	{ 0, "pause", OPT_BOOL, "pause first", .fallback = "true" },
	{ 'f', "filter", OPT_FILTER, "filter" },
	{ 0, "region", OPT_TEXT, "where", .fallback = "near", .env = "TEST_REGION" },
	{ 0, "tag", OPT_LIST, "tags", .env = "TEST_TAGS" },
	{ 0, "retries", OPT_INT, "tries", .env = "TEST_RETRIES" },
	{ .kind = OPT_ALSO, .also = inner },
	{ 0 },
};

static struct args a;
static struct err e;

/* Words are split at blanks; the copies live as long as the program. */
static bool read_line(const char *line, bool stops)
{
	static char text[512], *argv[32];
	int argc = 0;

	args_clear(&a);
	snprintf(text, sizeof(text), "%s", line);
	for (char *at = strtok(text, " "); at; at = strtok(NULL, " "))
		argv[argc++] = at;
	return args_read(&a, options, stops, argc, argv, &e);
}

TEST(switches_combine_and_the_last_takes_a_value)
{
	CHECK(read_line("-itn web img", false));
	CHECK(args_bool(&a, "interactive") && args_bool(&a, "tty"));
	CHECK_STR(args_text(&a, "name"), "web");
	CHECK(a.word_count == 1);
	CHECK_STR(a.words[0], "img");
}

TEST(values_come_with_equals_glued_or_apart)
{
	CHECK(read_line("--name=a -m64m --wait 1m -e X=1 -e=Y=2", false));
	CHECK_STR(args_text(&a, "name"), "a");
	CHECK_INT(args_int(&a, "memory"), 64 << 20);
	CHECK_INT(args_int(&a, "wait"), 60000000000);
	size_t count;
	const char *const *env = args_list(&a, "env", &count);

	CHECK(count == 2);
	CHECK_STR(env[0], "X=1");
	CHECK_STR(env[1], "Y=2");
}

TEST(options_end_at_the_first_word_of_commands_that_run_something)
{
	CHECK(read_line("-i img sh -c true", true));
	CHECK(a.word_count == 4);
	CHECK_STR(a.words[2], "-c");
	CHECK(read_line("img -i", false) && args_bool(&a, "interactive"));
	CHECK(read_line("-- -i", false) && !args_bool(&a, "interactive") && a.word_count == 1);
	CHECK(read_line("-", false) && a.word_count == 1);
}

TEST(a_switch_can_be_turned_off)
{
	CHECK(read_line("", false) && args_bool(&a, "pause") && !args_has(&a, "pause"));
	CHECK(read_line("--pause=false", false) && !args_bool(&a, "pause") &&
	      args_has(&a, "pause"));
	CHECK(!read_line("--pause=maybe", false));
	CHECK_STR(e.text,
		  "invalid argument \"maybe\" for \"--pause\" flag: strconv.ParseBool: parsing "
		  "\"maybe\": invalid syntax");
}

TEST(a_variable_gives_what_the_command_line_does_not)
{
	const char *const *tags;
	size_t count;

	setenv("TEST_REGION", "far", 1);
	setenv("TEST_TAGS", "a,b", 1);
	CHECK(read_line("x", false));
	CHECK_STR(args_text(&a, "region"), "far");
	CHECK(args_has(&a, "region"));
	tags = args_list(&a, "tag", &count);
	CHECK(count == 2);
	CHECK_STR(tags[1], "b");
	CHECK_STR(getenv("TEST_TAGS"), "a,b");

	CHECK(read_line("--region=here --tag c", false));
	CHECK_STR(args_text(&a, "region"), "here");
	args_list(&a, "tag", &count);
	CHECK(count == 1);

	setenv("TEST_REGION", "", 1);
	CHECK(read_line("x", false));
	CHECK_STR(args_text(&a, "region"), "near");
	setenv("TEST_RETRIES", "many", 1);
	CHECK(!read_line("x", false));
	CHECK(strncmp(e.text, "TEST_RETRIES: invalid argument \"many\"", 37) == 0);
	unsetenv("TEST_RETRIES");
	unsetenv("TEST_REGION");
	unsetenv("TEST_TAGS");
}

TEST(fallbacks_count_as_values_but_not_as_given)
{
	CHECK(read_line("", false));
	CHECK_INT(args_int(&a, "wait"), 5000000000);
	CHECK(!args_has(&a, "wait") && !args_has(&a, "memory") && args_int(&a, "memory") == 0);
	CHECK_STR(args_text(&a, "name"), "");
}

TEST(commas_split_lists_that_say_so)
{
	size_t count;

	CHECK(read_line("--platform a,b --platform c", false));
	const char *const *list = args_list(&a, "platform", &count);

	CHECK(count == 3);
	CHECK_STR(list[1], "b");
}

TEST(mistakes_are_named_in_the_words_people_search_for)
{
	CHECK(!read_line("--nam x", false));
	CHECK_STR(e.text, "unknown flag: --nam\nDid you mean --name?");
	CHECK(!read_line("--zzzzzz", false));
	CHECK_STR(e.text, "unknown flag: --zzzzzz");
	CHECK(!read_line("-iZ", false));
	CHECK_STR(e.text, "unknown shorthand flag: 'Z' in -Z");
	CHECK(!read_line("--name", false));
	CHECK_STR(e.text, "flag needs an argument: --name");
	CHECK(!read_line("-n", false));
	CHECK_STR(e.text, "flag needs an argument: 'n' in -n");
	CHECK(!read_line("--replicas x", false));
	CHECK_STR(e.text,
		  "invalid argument \"x\" for \"--replicas\" flag: strconv.ParseUint: parsing "
		  "\"x\": invalid syntax");
	CHECK(!read_line("--replicas -1", false) &&
	      !read_line("--replicas 99999999999999999999", false));
	CHECK(!read_line("-f name", false));
	CHECK_STR(e.text,
		  "invalid argument \"name\" for \"-f, --filter\" flag: bad format of filter "
		  "(expected name=value)");
}

TEST(help_is_asked_for_anywhere_before_the_words_end)
{
	CHECK(read_line("img --help", false) && a.wants_help);
	CHECK(read_line("-h", false) && a.wants_help);
	CHECK(read_line("img --help", true) && !a.wants_help);
}

TEST(near_names_are_found_and_far_ones_are_not)
{
	const char *const names[] = { "service", "secret", "swarm", "ps" };

	CHECK_STR(nearest_name("servce", names, 4), "service");
	CHECK_STR(nearest_name("swram", names, 4), "swarm");
	CHECK_STR(nearest_name("serv", names, 4), "service");
	CHECK(!nearest_name("volume", names, 4));
}

TEST(rows_of_sub_tables_are_sorted_in)
{
	size_t count;
	AUTO_FREE const struct option **rows = options_sorted(options, &count);

	CHECK(count == 13);
	CHECK_STR(rows[0]->name, "env");
	CHECK_STR(rows[3]->name, "memory");
	CHECK_STR(rows[12]->name, "wait");
	args_clear(&a);
}

TEST_MAIN()
