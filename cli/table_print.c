#include "cli/table_print.h"

#include <ctype.h>

#include "base/mem.h"
#include "cli/tabs.h"
#include "wire/json.h"

#define CELL_GAP   3
#define CELL_LEAST 6

struct grid { /* rows of cells, being laid out */
	struct rk_arena arena;
	struct rk_span *cells;
	size_t count, capacity;
	size_t columns; /* cells of a row */
};

static void put(struct grid *grid, struct rk_span text)
{
	grid->cells = rk_grow(grid->cells, &grid->capacity, grid->count + 1, sizeof *grid->cells);
	grid->cells[grid->count++] = text;
}

static struct rk_span upper(struct grid *grid, struct rk_span text)
{
	uint8_t *out = rk_arena_alloc(&grid->arena, text.size + 1);

	for (size_t i = 0; i < text.size; i++)
		out[i] = (uint8_t)toupper(text.data[i]);
	return rk_span_of(out, text.size);
}

static bool is_shown(const struct rk_table_printer *printer, const struct rk_val *column)
{
	return printer->is_wide || rk_val_int_at(column, "priority", 0) == 0;
}

static void put_header(struct rk_table_printer *printer, struct grid *grid)
{
	if (printer->with_event)
		put(grid, RK_SPAN("EVENT"));
	if (printer->with_namespace)
		put(grid, RK_SPAN("NAMESPACE"));
	for (uint32_t i = 0; i < rk_val_count(printer->columns); i++) {
		const struct rk_val *column = rk_val_item(printer->columns, i);
		if (is_shown(printer, column))
			put(grid, upper(grid, rk_val_text_at(column, "name")));
	}
	for (size_t i = 0; printer->label_columns != NULL && i < printer->label_columns->count;
	     i++) {
		const char *label = printer->label_columns->at[i];
		const char *slash = strrchr(label, '/');
		put(grid, upper(grid, rk_span_str(slash != NULL ? slash + 1 : label)));
	}
	if (printer->show_labels)
		put(grid, RK_SPAN("LABELS"));
}

static struct rk_span cell_text(struct grid *grid, const struct rk_val *cell)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_span line;

	if (cell == NULL || cell->kind == RK_VAL_NULL)
		return RK_SPAN("<none>");
	if (cell->kind != RK_VAL_STR) {
		rk_json_write(&text, cell, false);
		return rk_arena_span(&grid->arena, rk_buf_span(&text));
	}
	if (rk_span_cut(cell->str, '\n', &line).data == NULL)
		return cell->str;
	return rk_span_str(rk_arena_printf(&grid->arena, "%.*s...", RK_SPAN_ARGS(line)));
}

static struct rk_span labels_text(struct grid *grid, const struct rk_val *labels)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_val *sorted;

	if (rk_val_count(labels) == 0)
		return RK_SPAN("<none>");
	sorted = rk_val_copy(&grid->arena, labels);
	rk_val_sort(sorted);
	for (uint32_t i = 0; i < sorted->count; i++)
		rk_buf_printf(&text, "%s%.*s=%.*s", i > 0 ? "," : "",
			      RK_SPAN_ARGS(sorted->fields[i].key),
			      RK_SPAN_ARGS(rk_val_text(sorted->fields[i].val)));
	return rk_arena_span(&grid->arena, rk_buf_span(&text));
}

static void put_row(struct rk_table_printer *printer, const struct rk_kind *kind,
		    const struct rk_val *row, struct grid *grid)
{
	const struct rk_val *cells = rk_val_at(row, "cells");
	const struct rk_val *labels = rk_val_at(row, "object.metadata.labels");
	bool is_first = true;

	if (printer->with_event)
		put(grid, printer->event);
	if (printer->with_namespace)
		put(grid, rk_val_text_at(row, "object.metadata.namespace"));
	for (uint32_t i = 0; i < rk_val_count(printer->columns); i++) {
		if (!is_shown(printer, rk_val_item(printer->columns, i)))
			continue;
		struct rk_span text = cell_text(grid, rk_val_item(cells, i));
		if (is_first && printer->with_kind)
			text = rk_span_str(rk_arena_printf(&grid->arena, "%s%s%s/%.*s",
							   kind->singular,
							   kind->group[0] != '\0' ? "." : "",
							   kind->group, RK_SPAN_ARGS(text)));
		put(grid, text);
		is_first = false;
	}
	for (size_t i = 0; printer->label_columns != NULL && i < printer->label_columns->count;
	     i++) {
		const struct rk_val *value =
			rk_val_get(labels, rk_span_str(printer->label_columns->at[i]));
		put(grid, rk_val_text(value));
	}
	if (printer->show_labels)
		put(grid, labels_text(grid, labels));
}

static void write_grid(struct rk_table_printer *printer, const struct grid *grid,
		       struct rk_buf *out)
{
	size_t *widths = printer->widths;

	for (size_t i = 0; i < grid->count; i++) {
		const size_t column = RK_MIN(i % grid->columns, (size_t)RK_TABLE_COLUMNS_MAX - 1);
		widths[column] =
			RK_MAX(widths[column], RK_MAX(rk_text_width(grid->cells[i]) + CELL_GAP,
						      (size_t)CELL_LEAST));
	}
	for (size_t i = 0; i < grid->count; i++) {
		const size_t column = i % grid->columns;
		rk_buf_put_span(out, grid->cells[i]);
		if (column + 1 == grid->columns) {
			rk_buf_put_u8(out, '\n');
			continue;
		}
		for (size_t n = rk_text_width(grid->cells[i]);
		     n < widths[RK_MIN(column, (size_t)RK_TABLE_COLUMNS_MAX - 1)]; n++)
			rk_buf_put_u8(out, ' ');
	}
}

void rk_table_print(struct rk_table_printer *printer, const struct rk_kind *kind,
		    const struct rk_val *table, struct rk_buf *out)
{
	const struct rk_val *columns = rk_val_at(table, "columnDefinitions");
	const struct rk_val *rows = rk_val_at(table, "rows");
	struct grid grid = { 0 };

	if (rk_val_count(columns) > 0)
		printer->columns = rk_val_copy(&printer->arena, columns);
	for (uint32_t i = 0; i < rk_val_count(printer->columns); i++)
		grid.columns += is_shown(printer, rk_val_item(printer->columns, i));
	grid.columns += printer->with_event + (size_t)printer->with_namespace +
			printer->show_labels +
			(printer->label_columns != NULL ? printer->label_columns->count : 0);
	if (grid.columns == 0 || rk_val_count(rows) == 0)
		return;
	if (!printer->has_header && !printer->no_headers)
		put_header(printer, &grid);
	printer->has_header = true;
	for (uint32_t i = 0; i < rk_val_count(rows); i++)
		put_row(printer, kind, rk_val_item(rows, i), &grid);
	write_grid(printer, &grid, out);
	free(grid.cells);
	rk_arena_done(&grid.arena);
}

void rk_table_printer_done(struct rk_table_printer *printer) { rk_arena_done(&printer->arena); }
