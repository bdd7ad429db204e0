/* Lines of tab-separated cells, printed in columns.
 *
 * A column is as wide as its widest cell (in characters) plus a gap of 3, at least 10; the last
 * cell of a line is not padded. This is what people's scripts expect of these lists. */
#ifndef SHOAL_CONSOLE_TABLE_H
#define SHOAL_CONSOLE_TABLE_H

#include <stddef.h>

#include "base/str.h"

/* Lay out the lines of `text`, each ended by '\n'; columns may differ in number from line to line. */
void table_layout(struct str text, struct buf *out);
/* The same with columns of at least `column_min`. */
void table_layout_wide(struct str text, size_t column_min, struct buf *out);

#endif
