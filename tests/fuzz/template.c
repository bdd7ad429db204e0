/* --format: a line of template, then the JSON it is run on. */
#include "template/template.h"

#include "base/mem.h"
#include "template/field.h"
#include "fuzz.h"

#define OUTPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf out = BUF_MAX(OUTPUT_MAX);
	AUTO_FREE char *text = NULL;
	AUTO_JSON json_t *value = NULL;
	struct str line, json;
	struct template *t;
	struct err e;

	str_cut(str_bytes(data, size), '\n', &line, &json);
	text = str_dup(line);
	value = json_loadb(json.ptr, json.len, JSON_DECODE_ANY, NULL);
	t = template_parse(text, &e);
	if (t)
		(void)!template_run(t, value, size % 2, &out, &e);
	template_free(t);
	return 0;
}
