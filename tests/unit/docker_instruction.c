#include "docker/instruction.h"

#include "base/mem.h"
#include "pb/map.h"
#include "test.h"

static struct arena memory;
static struct err e;

/* What an image has already. */
static Pb__ContainerConfig *base_config(void)
{
	Pb__ContainerConfig *c;

	arena_reset(&memory);
	c = PB_NEW(&memory, container_config);
	PB_APPEND(&memory, c, env, "PATH=/bin");
	PB_APPEND(&memory, c, env, "HOME=/root");
	PB_APPEND(&memory, c, cmd, "old");
	PB_APPEND(&memory, c, exposed_ports, "80/tcp");
	c->working_dir = "/srv";
	return c;
}

static Pb__ContainerConfig *changed(const char *text)
{
	Pb__ContainerConfig *c = base_config();

	if (!instructions_apply(&memory, &text, 1, c, &e))
		TEST_FAIL("%s: %s", text, e.text);
	return c;
}

static const char *joined(char *const *list, size_t count)
{
	const char *text = "";

	for (size_t i = 0; i < count; i++)
		text = arena_printf(&memory, "%s%s%s", text, i ? "|" : "", list[i]);
	return text;
}

#define JOINED(c, list) joined((c)->list, (c)->n_##list)

TEST(programs_are_lists_or_lines_for_a_shell)
{
	Pb__ContainerConfig *c = changed("CMD [\"a b\", \"c\"]");

	CHECK_STR(JOINED(c, cmd), "a b|c");
	CHECK_STR(JOINED(changed("cmd echo  \"$X\" 'y'"), cmd), "/bin/sh|-c|echo  \"$X\" 'y'");
	CHECK_STR(JOINED(changed("CMD [unquoted]"), cmd), "/bin/sh|-c|[unquoted]");
	CHECK_STR(JOINED(changed("CMD []"), cmd), "");
	CHECK_STR(JOINED(changed("ENTRYPOINT top"), entrypoint), "/bin/sh|-c|top");
}

TEST(an_entry_point_forgets_arguments_that_were_there_before)
{
	CHECK_STR(JOINED(changed("ENTRYPOINT [\"x\"]"), cmd), "");
	CHECK_STR(JOINED(changed("CMD [\"new\"]\nENTRYPOINT [\"x\"]"), cmd), "new");
	CHECK_STR(JOINED(changed("ENTRYPOINT [\"x\"]\nCMD [\"new\"]"), cmd), "new");
}

TEST(variables_are_set_replaced_and_used)
{
	CHECK_STR(JOINED(changed("ENV A=1 B=\"two words\" C=it\\ is D='$A'"), env),
		  "PATH=/bin|HOME=/root|A=1|B=two words|C=it is|D=$A");
	CHECK_STR(JOINED(changed("ENV PATH=/opt:$PATH"), env), "PATH=/opt:/bin|HOME=/root");
	CHECK_STR(JOINED(changed("ENV OLD the rest  of it"), env),
		  "PATH=/bin|HOME=/root|OLD=the rest  of it");
	/* Those of the same instruction are not there yet. */
	CHECK_STR(JOINED(changed("ENV A=1\nENV A=2 B=$A"), env), "PATH=/bin|HOME=/root|A=2|B=1");
	CHECK_STR(
		JOINED(changed("ENV A=${HOME}/x B=${NO:-d$HOME} C=${HOME:+y} D=${NO:+y} E=$ F=\\$X"),
		       env),
		"PATH=/bin|HOME=/root|A=/root/x|B=d/root|C=y|D=|E=$|F=$X");
}

TEST(labels_are_a_map)
{
	Pb__ContainerConfig *c = changed("LABEL a=1 \"b c\"=\"x y\"\nLABEL a=2");

	CHECK_STR(PB_MAP_GET(c, labels, "a"), "2");
	CHECK_STR(PB_MAP_GET(c, labels, "b c"), "x y");
}

TEST(ports_and_volumes_are_added_once)
{
	CHECK_STR(JOINED(changed("EXPOSE 80 443/tcp 53/udp 8000-8002"), exposed_ports),
		  "80/tcp|443/tcp|53/udp|8000/tcp|8001/tcp|8002/tcp");
	CHECK_INT(changed("EXPOSE 1-65535\nEXPOSE 1-65535")->n_exposed_ports, 65535);
	CHECK_STR(JOINED(changed("VOLUME /a $HOME\nVOLUME [\"/a\", \"/b c\"]"), volumes),
		  "/a|/root|/b c");
}

TEST(folders_users_and_signals_are_one_word)
{
	CHECK_STR(changed("WORKDIR www/./x/..")->working_dir, "/srv/www");
	CHECK_STR(changed("WORKDIR /a/../..//b")->working_dir, "/b");
	CHECK_STR(changed("USER \"1000:$HOME\"")->user, "1000:/root");
	CHECK_STR(changed("STOPSIGNAL SIGKILL")->stop_signal, "SIGKILL");
	CHECK_STR(JOINED(changed("ONBUILD  RUN make $X"), on_build), "RUN make $X");
}

TEST(health_checks_have_times_and_a_test)
{
	Pb__HealthConfig *h = changed("HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 "
				      "--start-period=0s CMD curl -f x || exit 1")
				      ->healthcheck;

	CHECK_INT(h->interval->seconds, 90);
	CHECK_INT(h->timeout->nanos, 500000000);
	CHECK_INT(h->retries, 3);
	CHECK_STR(JOINED(h, test), "CMD-SHELL|curl -f x || exit 1");
	CHECK_STR(JOINED(changed("HEALTHCHECK CMD [\"a\",\"b\"]")->healthcheck, test), "CMD|a|b");
	CHECK_STR(JOINED(changed("HEALTHCHECK none")->healthcheck, test), "NONE");
}

TEST(lines_go_on_and_comments_are_passed_over)
{
	CHECK_STR(JOINED(changed("# first\n\nCMD echo \\\n# between\n  hi\nUSER x\n"), cmd),
		  "/bin/sh|-c|echo   hi");
}

TEST(only_blanks_part_words)
{
	CHECK_STR(JOINED(changed("ENV A=b\fc D=\v\f"), env), "PATH=/bin|HOME=/root|A=b\fc|D=\v\f");
	CHECK_STR(JOINED(changed("VOLUME \f \v"), volumes), "\f|\v");
}

TEST(what_is_no_good_is_refused_in_words)
{
	static const char *const rows[][2] = {
		{ "FROM x", "FROM is not a valid change command" },
		{ "RUN x", "RUN is not a valid change command" },
		{ "nonsense", "nonsense is not a valid change command" },
		{ "ENV", "ENV requires at least one argument" },
		{ "ENV a", "ENV must have two arguments" },
		{ "ENV =x", "ENV names can not be blank" },
		{ "ENV a=b c",
		  "Syntax error - can't find = in \"c\". Must be of the form: name=value" },
		{ "ENV a=\"b",
		  "unexpected end of statement while looking for matching double-quote" },
		{ "ENV a=${HOME", "syntax error: missing '}'" },
		{ "ENV a=${HOME:?x}", "unsupported modifier (?) in substitution" },
		{ "EXPOSE x", "invalid containerPort: x" },
		{ "EXPOSE 80/xyz", "invalid proto: xyz" },
		{ "EXPOSE 0", "invalid containerPort: 0" },
		{ "EXPOSE 70000", "invalid containerPort: 70000" },
		{ "VOLUME", "VOLUME requires at least one argument" },
		{ "VOLUME \"\"", "VOLUME specified can not be an empty string" },
		{ "USER", "USER requires exactly one argument" },
		{ "WORKDIR", "WORKDIR requires exactly one argument" },
		{ "ONBUILD", "ONBUILD requires at least one argument" },
		{ "ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed" },
		{ "ONBUILD from x", "FROM isn't allowed as an ONBUILD trigger" },
		{ "HEALTHCHECK", "HEALTHCHECK requires at least one argument" },
		{ "HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD" },
		{ "HEALTHCHECK x", "Unknown type \"x\" in HEALTHCHECK (try CMD)" },
		{ "HEALTHCHECK --interval=5 CMD x", "time: missing unit in duration \"5\"" },
		{ "HEALTHCHECK --interval=1us CMD x",
		  "Interval \"interval\" cannot be less than 1ms" },
		{ "HEALTHCHECK --what=1 CMD x", "Unknown flag: what" },
		{ "CMD [1]",
		  "when using JSON array syntax, arrays must be comprised of strings only" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK(!instructions_apply(&memory, &rows[i][0], 1, base_config(), &e));
		CHECK_INT(e.kind, ERR_INVALID);
		CHECK_STR(e.text, rows[i][1]);
	}
}

TEST(what_grows_without_end_is_refused)
{
	AUTO_BUF struct buf text = BUF_MAX(INSTRUCTIONS_MAX);
	const char *all;

	for (int i = 0; i < 40; i++)
		buf_append_c(&text, "ENV A=x$A$A\n");
	all = text.data;
	CHECK(!instructions_apply(&memory, &all, 1, base_config(), &e));
	CHECK(strstr(e.text, "larger than"));

	buf_reset(&text);
	while (text.len + 20 < text.max)
		buf_printf(&text, "LABEL l%zu=\n", text.len);
	all = text.data;
	CHECK(!instructions_apply(&memory, &all, 1, base_config(), &e));
	CHECK_STR(e.text, "the changes set more than 1024 values");
}

TEST_MAIN()
