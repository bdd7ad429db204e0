#include "console/format.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "template/jsontext.h"
#include "console/table.h"

json_t *row_new(const json_t *labels)
{
	json_t *row = json_object();

	json_object_set_new(row, TEMPLATE_LABELS,
			    json_is_object(labels) ? json_incref((json_t *)labels) : json_object());
	return row;
}

void row_set(json_t *row, const char *field, const char *text)
{
	field_put_text(row, field, text);
}

/* Users write \t and \n in shells that pass them on as they are. */
static char *unescape(const char *format)
{
	struct buf b = BUF_MAX(TEMPLATE_TEXT_MAX);

	for (; *format; format++) {
		if (format[0] == '\\' && (format[1] == 't' || format[1] == 'n')) {
			buf_append_char(&b, format[1] == 't' ? '\t' : '\n');
			format++;
		} else {
			buf_append_char(&b, *format);
		}
	}
	return buf_steal(&b);
}

static bool header_line(const struct listing *l, const struct template *t, struct buf *out,
			struct err *e)
{
	AUTO_JSON json_t *header = row_new(NULL);

	for (const struct column *c = l->columns; c->field; c++)
		row_set(header, c->field, c->header);
	return template_run(t, header, true, out, e) && buf_append_char(out, '\n');
}

static bool write_rows(const struct template *t, const json_t *rows, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < json_array_size(rows); i++)
		if (!template_run(t, json_array_get(rows, i), true, out, e) ||
		    !buf_append_char(out, '\n'))
			return false;
	return true;
}

bool listing_write(const struct listing *l, const char *format, bool quiet, const json_t *rows,
		   struct buf *out, struct err *e)
{
	AUTO_BUF struct buf lines = BUF_MAX(JSON_TEXT_MAX);
	bool is_table = strncmp(format, "table", 5) == 0;
	AUTO_FREE char *text = NULL;
	struct template *t;
	bool ok;

	if (strcmp(format, "json") == 0)
		text = xstrdup("{{json .}}");
	else if (quiet && (!*format || is_table))
		text = xstrdup(l->quiet), is_table = false;
	else if (!*format || strcmp(format, "table") == 0)
		text = xstrdup(l->table), is_table = true;
	else
		text = unescape(is_table ? format + 5 + strspn(format + 5, " ") : format);
	t = template_parse(text, e);
	if (!t)
		return false;
	ok = (!is_table || header_line(l, t, &lines, e)) && write_rows(t, rows, &lines, e);
	if (ok && is_table)
		table_layout(buf_str(&lines), out);
	else if (ok)
		buf_append_str(out, buf_str(&lines));
	template_free(t);
	return ok;
}

bool listing_print(const struct listing *l, const char *format, bool quiet, const json_t *rows,
		   struct err *e)
{
	AUTO_BUF struct buf out = BUF_MAX(2 * JSON_TEXT_MAX);

	if (!listing_write(l, format, quiet, rows, &out, e))
		return false;
	(void)fwrite(buf_str(&out).ptr, 1, out.len, stdout);
	return true;
}

bool object_print(const char *format, const json_t *object, struct err *e)
{
	AUTO_BUF struct buf out = BUF_MAX(JSON_TEXT_MAX);
	AUTO_FREE char *text = unescape(strcmp(format, "json") == 0 ? "{{json .}}" : format);
	struct template *t = template_parse(text, e);
	bool ok = t && template_run(t, object, false, &out, e);

	template_free(t);
	if (ok) {
		buf_append_char(&out, '\n');
		(void)fwrite(out.data, 1, out.len, stdout);
	}
	return ok;
}

void ellipsis(const char *text, size_t width, struct buf *out)
{
	size_t seen = 0;

	if (str_width(str_of(text)) <= width) {
		buf_append_c(out, text);
		return;
	}
	for (; *text; text++) {
		if (((unsigned char)*text & 0xc0) != 0x80 && ++seen == width)
			break;
		buf_append_char(out, *text);
	}
	buf_append_c(out, "…");
}

const char *short_id(const char *id, char out[13])
{
	if (strncmp(id, "sha256:", 7) == 0)
		id += 7;
	(void)snprintf(out, 13, "%.12s", id);
	return out;
}

void image_without_digest(const char *image, struct buf *out)
{
	const char *at = strchr(image, '@');
	const char *slash = at ? memrchr(image, '/', (size_t)(at - image)) : NULL;

	if (at && memchr(slash ? slash : image, ':', (size_t)(at - (slash ? slash : image))))
		buf_append(out, image, (size_t)(at - image));
	else
		buf_append_c(out, image);
}
