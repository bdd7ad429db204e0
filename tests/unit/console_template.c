#include "template/template.h"

#include <stdlib.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "template/jsontext.h"
#include "test.h"

static struct err e;

/* What `format` makes of `data`; "FAILED: ..." when it is refused. */
static const char *made(const char *format, const char *data, bool strict)
{
	static struct buf out = BUF_MAX(65536);
	AUTO_JSON json_t *value = json_loads(data, JSON_DECODE_ANY, NULL);
	struct template *t = template_parse(format, &e);

	buf_reset(&out);
	if (!t || !template_run(t, value, strict, &out, &e)) {
		buf_reset(&out);
		buf_printf(&out, "FAILED: %s", e.text);
	}
	template_free(t);
	return buf_str(&out).ptr;
}

static const char *plain(const char *format, const char *data)
{
	return made(format, data, false);
}

TEST(text_and_fields_are_joined)
{
	CHECK_STR(plain("{{.A}}-{{.B.C}}", "{\"A\":\"x\",\"B\":{\"C\":7}}"), "x-7");
	CHECK_STR(plain("no action", "{}"), "no action");
	CHECK_STR(plain("{{ . }}", "\"dot\""), "dot");
}

TEST(a_field_is_found_whatever_its_case)
{
	CHECK_STR(plain("{{.ID}}", "{\"Id\":\"1\"}"), "1");
	CHECK_STR(plain("{{.Id}}", "{\"ID\":\"2\",\"Id\":\"1\"}"), "1");
}

TEST(what_is_absent_is_an_error_in_rows_only)
{
	CHECK_STR(made("{{.Nope}}", "{\"A\":1}", true),
		  "FAILED: template: there is no field \"Nope\" here");
	CHECK_STR(plain("{{.Nope.Deeper}}", "{\"A\":1}"), "<no value>");
	CHECK_STR(plain("{{if .State.Health}}y{{else}}n{{end}}", "{\"State\":{}}"), "n");
	CHECK_STR(plain("{{.A.B}}", "{\"A\":1}"), "FAILED: template: there is no field \"B\" here");
}

TEST(values_print_as_go_prints_them)
{
	CHECK_STR(plain("{{.}}", "[1,\"b\",true]"), "[1 b true]");
	CHECK_STR(plain("{{.}}", "{\"b\":1,\"a\":[\"x\"]}"), "map[a:[x] b:1]");
	CHECK_STR(plain("{{.}}", "1.5"), "1.5");
	CHECK_STR(plain("{{json .}}", "{\"b\":\"<a&b>\",\"a\":[]}"), "{\"b\":\"<a&b>\",\"a\":[]}");
}

TEST(rows_as_json_are_sorted_and_escaped)
{
	CHECK_STR(plain("{{json .}}", "{\"\\u0001labels\":{\"k\":\"v\"},\"b\":\"<\",\"a\":null}"),
		  "{\"a\":null,\"b\":\"\\u003c\"}");
	CHECK_STR(plain("{{.Label \"k\"}}/{{.Label \"x\"}}", "{\"\\u0001labels\":{\"k\":\"v\"}}"),
		  "v/");
}

TEST(if_follows_the_first_true_branch)
{
	const char *format = "{{if .A}}a{{else if .B}}b{{else}}c{{end}}";

	CHECK_STR(plain(format, "{\"A\":true}"), "a");
	CHECK_STR(plain(format, "{\"A\":0,\"B\":\"x\"}"), "b");
	CHECK_STR(plain(format, "{\"A\":\"\",\"B\":[]}"), "c");
}

TEST(range_walks_lists_and_maps_in_order)
{
	CHECK_STR(plain("{{range .}}<{{.}}>{{end}}", "[1,2]"), "<1><2>");
	CHECK_STR(plain("{{range $k, $v := .}}{{$k}}={{$v}};{{end}}", "{\"b\":2,\"a\":1}"),
		  "a=1;b=2;");
	CHECK_STR(plain("{{range $i, $v := .}}{{if $i}},{{end}}{{$v}}{{end}}", "[\"x\",\"y\"]"),
		  "x,y");
	CHECK_STR(plain("{{range .}}x{{else}}none{{end}}", "[]"), "none");
	CHECK_STR(plain("{{range .A}}{{$.B}}{{.}}{{end}}", "{\"A\":[1,2],\"B\":\"b\"}"), "b1b2");
}

TEST(with_and_variables_scope)
{
	CHECK_STR(plain("{{with .A}}{{.B}}{{end}}", "{\"A\":{\"B\":3}}"), "3");
	CHECK_STR(plain("{{$x := .A}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "{\"A\":1}"), "2");
	CHECK_STR(plain("{{if $x := .A}}{{$x}}{{end}}{{$x}}", "{\"A\":1}"),
		  "FAILED: template: undefined variable \"$x\"");
}

TEST(functions_do_what_their_names_say)
{
	CHECK_STR(plain("{{len .}} {{len \"abc\"}}", "[1,2]"), "2 3");
	CHECK_STR(plain("{{index . \"a.b\"}}", "{\"a.b\":\"dots\"}"), "dots");
	CHECK_STR(plain("{{(index . 1).A}}", "[0,{\"A\":9}]"), "9");
	CHECK_STR(plain("{{index . 2}}", "[0]"),
		  "FAILED: error calling index: index out of range: 2");
	CHECK_STR(plain("{{join . \", \"}}", "[\"a\",\"b\"]"), "a, b");
	CHECK_STR(plain("{{range split . \":\"}}[{{.}}]{{end}}", "\"a:b\""), "[a][b]");
	CHECK_STR(plain("{{upper .}}{{lower .}}{{title .}}", "\"aB c\""), "AB Cab cAB C");
	CHECK_STR(plain("{{truncate . 2}}|{{pad . 1 2}}|{{slice . 1 3}}", "\"abcd\""),
		  "ab| abcd  |bc");
	CHECK_STR(
		plain("{{printf \"%s %5d|%-4s|%q %v%%\" .A .B .A .A .B}}", "{\"A\":\"x\",\"B\":7}"),
		"x     7|x   |\"x\" 7%");
	CHECK_STR(plain("{{println .}}{{print 1 2}}", "\"l\""), "l\n1 2");
	CHECK_STR(plain("{{and .A .B}} {{or .B .A}} {{not .B}}", "{\"A\":1,\"B\":\"\"}"),
		  " 1 true");
	CHECK_STR(plain("{{eq .A 1 2}} {{ne .A 1}} {{lt .A 3}} {{ge .A 3}}", "{\"A\":2}"),
		  "true true true false");
	CHECK_STR(plain("{{.A | upper | printf \"%s!\"}}", "{\"A\":\"x\"}"), "X!");
	CHECK_STR(plain("{{nope .}}", "{}"), "FAILED: function \"nope\" not defined");
	CHECK_STR(plain("{{lower}}", "{}"),
		  "FAILED: wrong number of args for lower: want 1, got 0");
}

/* Found by fuzzing: the piped value was freed and still pointed at. */
TEST(a_pipe_that_fails_leaves_nothing_behind)
{
	CHECK_STR(plain("{{upper . | 3 .}}", "\"x\""),
		  "FAILED: template: can't give an argument to a non-function");
}

TEST(dashes_trim_and_comments_vanish)
{
	CHECK_STR(plain("a  {{- 1 -}}  b", "{}"), "a1b");
	CHECK_STR(plain("a{{/* nothing }} */}}b", "{}"), "ab");
	CHECK_STR(plain("{{if true -}}\n x\n{{- end}}", "{}"), "x");
	CHECK_STR(plain("{{\"}}\"}}", "{}"), "}}");
}

TEST(what_is_no_template_is_refused)
{
	CHECK(!template_parse("{{.Foo", &e));
	CHECK_STR(e.text, "failed to parse template: unclosed action (at character 3)");
	CHECK(!template_parse("{{if .A}}x", &e) && !template_parse("{{end}}", &e));
	CHECK(!template_parse("{{}}", &e) && !template_parse("{{(.A}}", &e));
	CHECK(!template_parse("{{\"a}}", &e) && !template_parse("{{.A | }}", &e));
}

TEST(depth_is_limited)
{
	static char deep[TEMPLATE_DEPTH_MAX * 20];
	size_t n = 0;

	for (int i = 0; i <= TEMPLATE_DEPTH_MAX + 1; i++)
		n += (size_t)snprintf(deep + n, sizeof(deep) - n, "{{if .}}");
	CHECK(!template_parse(deep, &e));
	CHECK(strstr(e.text, "nested too deeply"));
}

static const struct column columns[] = { { "ID", "THE ID" }, { "Name", "NAME" }, { 0 } };
static const struct listing listing = { columns, "{{.ID}}\t{{.Name}}", "{{.ID}}" };

static const char *listed(const char *format, bool quiet)
{
	static struct buf out = BUF_MAX(65536);
	AUTO_JSON json_t *rows = json_array();
	json_t *row = row_new(NULL);

	row_set(row, "ID", "1");
	row_set(row, "Name", "<n>");
	json_array_append_new(rows, row);
	buf_reset(&out);
	if (!listing_write(&listing, format, quiet, rows, &out, &e))
		return e.text;
	return buf_str(&out).ptr;
}

TEST(a_list_is_a_table_json_or_what_the_user_says)
{
	CHECK_STR(listed("", false), "THE ID    NAME\n1         <n>\n");
	CHECK_STR(listed("table {{.Name}}\\t{{.ID}}", false), "NAME      THE ID\n<n>       1\n");
	CHECK_STR(listed("json", false), "{\"ID\":\"1\",\"Name\":\"\\u003cn\\u003e\"}\n");
	CHECK_STR(listed("{{.Name}}", false), "<n>\n");
	CHECK_STR(listed("", true), "1\n");
	CHECK_STR(listed("{{.Name}}", true), "<n>\n");
	CHECK_STR(listed("{{.Size}}", false), "template: there is no field \"Size\" here");
}

TEST(json_text_is_laid_out_without_changing_it)
{
	AUTO_BUF struct buf out = BUF_MAX(4096);

	jsontext_indent(STR("{\"a\":[1.0,{}],\"b\":\"\\u003e: {,}\\\"\", \"c\" : [ ]}"), "", "  ",
			&out);
	CHECK_STR(
		out.data,
		"{\n  \"a\": [\n    1.0,\n    {}\n  ],\n  \"b\": \"\\u003e: {,}\\\"\",\n  \"c\": []\n}");
}

TEST(long_text_ends_in_an_ellipsis)
{
	AUTO_BUF struct buf out = BUF_MAX(100);
	char id[13];

	ellipsis("abcdef", 6, &out);
	CHECK_STR(out.data, "abcdef");
	buf_reset(&out);
	ellipsis("abcdefg", 6, &out);
	CHECK_STR(out.data, "abcde…");
	CHECK_STR(short_id("sha256:0123456789abcdef", id), "0123456789ab");
}

TEST_MAIN()
