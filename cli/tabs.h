/* cli/tabs.h - columns out of text with tabs, as Go's text/tabwriter lays them out: a column is as
 * wide as its widest cell within a run of lines that have it. */
#ifndef RK_CLI_TABS_H
#define RK_CLI_TABS_H

#include "base/buf.h"

#define RK_TABS_COLUMNS_MAX 128

/* Lines end with '\n', cells with '\t'; what is behind the last tab of a line is in no column.
 * least: the least width of a column; pad: spaces between columns. */
void rk_tabs_write(struct rk_buf *out, struct rk_span text, size_t least, size_t pad);

size_t rk_text_width(struct rk_span text); /* in characters */

#endif
