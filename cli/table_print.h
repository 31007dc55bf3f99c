/* cli/table_print.h - metav1 Tables as kubectl prints them. */
#ifndef RK_CLI_TABLE_PRINT_H
#define RK_CLI_TABLE_PRINT_H

#include "base/buf.h"
#include "cli/args.h"
#include "control/schema/kinds.h"

#define RK_TABLE_COLUMNS_MAX 64

struct rk_table_printer { /* set by the caller; the rest is all zero at first */
	bool is_wide, no_headers, show_labels;
	bool with_namespace; /* a NAMESPACE column */
	bool with_kind;      /* names as "pod/x" */
	bool with_event;     /* an EVENT column: the caller sets `event` */
	struct rk_span event;
	const struct rk_flag_list *label_columns; /* may be NULL */

	struct rk_arena arena;  /* what is remembered */
	struct rk_val *columns; /* columnDefinitions: a watch sends them once */
	size_t widths[RK_TABLE_COLUMNS_MAX];
	bool has_header;
};

/* Appends the header (once) and the rows. Widths are remembered, so that what a watch adds stands
 * in the same columns. */
void rk_table_print(struct rk_table_printer *printer, const struct rk_kind *kind,
		    const struct rk_val *table, struct rk_buf *out);
void rk_table_printer_done(struct rk_table_printer *printer);

#endif
