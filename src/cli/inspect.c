#include "cli/inspect.h"

#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/format.h"
#include "template/jsontext.h"

static bool is_json(struct str text, struct err *e)
{
	AUTO_JSON json_t *value = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, NULL);

	return value || fail(e, ERR_INTERNAL, "the daemon's answer is no JSON");
}

static bool print_one(struct cli *c, const char *format, struct str text, struct err *e)
{
	AUTO_JSON json_t *object = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, NULL);

	if (!object)
		return fail(e, ERR_INTERNAL, "the daemon's answer is no JSON");
	return object_print(format, object, e);
}

bool inspect_print(struct cli *c, const struct args *a, inspect_fetch *fetch, struct err *e)
{
	AUTO_BUF struct buf list = BUF_MAX(JSON_TEXT_MAX), complaints = BUF_MAX(1 << 20);
	const char *format = args_text(a, "format");
	size_t found = 0;

	for (size_t i = 0; i < a->word_count; i++) {
		AUTO_BUF struct buf text = BUF_MAX(JSON_TEXT_MAX);

		if (!fetch(c, a, a->words[i], &text, e) || !is_json(buf_str(&text), e)) {
			buf_printf(&complaints, "%s\n", e->text);
			continue;
		}
		if (*format) {
			if (!print_one(c, format, str_trim(buf_str(&text)), e))
				return false;
			continue;
		}
		buf_append_c(&list, found++ ? "," : "");
		buf_append_str(&list, str_trim(buf_str(&text)));
	}
	if (!*format) {
		AUTO_BUF struct buf out = BUF_MAX(2 * JSON_TEXT_MAX),
				    all = BUF_MAX(2 * JSON_TEXT_MAX);

		buf_append_char(&all, '[');
		buf_append_str(&all, buf_str(&list));
		buf_append_char(&all, ']');
		jsontext_indent(buf_str(&all), "", "    ", &out);
		printf("%s\n", out.data);
	} else if (complaints.len && strcmp(format, "json") != 0) {
		printf("\n");
	}
	if (complaints.len) {
		(void)fflush(stdout);
		fprintf(stderr, "%s", complaints.data);
		c->status = 1;
	}
	return true;
}
