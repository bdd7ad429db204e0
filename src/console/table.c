#include "console/table.h"

#include "base/mem.h"

#define COLUMN_MIN  10
#define COLUMN_GAP  3
#define COLUMNS_MAX 64

struct line {
	struct str text;
	size_t tabs; /* cells before the last */
};

static struct line *split_lines(struct str text, size_t *count)
{
	struct line *lines = NULL;
	struct str rest = text;

	for (*count = 0; rest.len; (*count)++) {
		struct line *line;
		size_t tabs = 0;
		struct str head;

		str_cut(rest, '\n', &head, &rest);
		for (size_t i = 0; i < head.len; i++)
			tabs += head.ptr[i] == '\t';
		if ((*count & (*count + 1)) == 0)
			lines = xrealloc(lines, (2 * *count + 1) * sizeof(*lines));
		line = &lines[*count];
		*line = (struct line){ head, tabs < COLUMNS_MAX ? tabs : COLUMNS_MAX };
	}
	return lines;
}

static struct str cell(struct line line, size_t column)
{
	struct str head = line.text, rest = line.text;

	for (size_t i = 0; i <= column; i++)
		str_cut(rest, '\t', &head, &rest);
	return head;
}

/* Width of `column` in the run of lines from `first` that have it. */
static size_t column_width(const struct line *lines, size_t count, size_t first, size_t column,
			   size_t column_min)
{
	size_t width = column_min;

	for (size_t i = first; i < count && lines[i].tabs > column; i++) {
		size_t wanted = str_width(cell(lines[i], column)) + COLUMN_GAP;

		if (wanted > width)
			width = wanted;
	}
	return width;
}

void table_layout_wide(struct str text, size_t column_min, struct buf *out)
{
	size_t count, widths[COLUMNS_MAX] = { 0 }, open = 0;
	AUTO_FREE struct line *lines = split_lines(text, &count);

	for (size_t i = 0; i < count; i++) {
		struct str rest = lines[i].text, head;

		/* A column whose run of lines has ended is measured anew when it comes back. */
		for (; open < lines[i].tabs; open++)
			widths[open] = column_width(lines, count, i, open, column_min);
		open = lines[i].tabs;
		for (size_t column = 0; column < lines[i].tabs; column++) {
			str_cut(rest, '\t', &head, &rest);
			buf_append_str(out, head);
			for (size_t n = str_width(head); n < widths[column]; n++)
				buf_append_char(out, ' ');
		}
		buf_append_str(out, rest);
		buf_append_char(out, '\n');
	}
}

void table_layout(struct str text, struct buf *out)
{
	table_layout_wide(text, COLUMN_MIN, out);
}
