#include "control/schema/table_cells.h"
#include "wire/jsonpath.h"

/* The first thing that the path finds, or NULL. */
static const struct rk_val *find(const struct rk_cells *cells, const struct rk_column *column,
				 const struct rk_val *object)
{
	struct rk_val *found = NULL;

	if (column->path == NULL ||
	    rk_jsonpath_find(cells->arena, column->path, object, &found, NULL) < 0)
		return NULL;
	return rk_val_item(found, 0);
}

static struct rk_val *as_text(const struct rk_cells *cells, const struct rk_val *val)
{
	struct rk_buf out = { 0 };

	rk_jsonpath_put(&out, val);
	struct rk_val *text =
		rk_val_str(cells->arena, rk_arena_span(cells->arena, rk_buf_span(&out)));
	rk_buf_done(&out);
	return text;
}

/* A value that is not of the column's type is left out, as upstream does. */
static struct rk_val *cell(const struct rk_cells *cells, const struct rk_column *column,
			   const struct rk_val *val)
{
	const bool wants_number =
		strcmp(column->type, "integer") == 0 || strcmp(column->type, "number") == 0;

	if (val == NULL || val->kind == RK_VAL_NULL)
		return rk_val_null(cells->arena);
	if (strcmp(column->type, "date") == 0)
		return rk_val_str(cells->arena, rk_cell_since(cells, rk_val_text(val)));
	if (wants_number)
		return val->kind == RK_VAL_INT || val->kind == RK_VAL_REAL
			       ? rk_val_copy(cells->arena, val)
			       : rk_val_null(cells->arena);
	if (strcmp(column->type, "boolean") == 0)
		return val->kind == RK_VAL_BOOL ? rk_val_copy(cells->arena, val)
						: rk_val_null(cells->arena);
	return as_text(cells, val);
}

void rk_row_custom(const struct rk_cells *cells, const struct rk_kind *kind,
		   const struct rk_val *object)
{
	rk_cell_name(cells, object);
	for (uint32_t i = 1; i < kind->column_count; i++)
		rk_val_append(cells->arena, cells->list,
			      cell(cells, &kind->columns[i],
				   find(cells, &kind->columns[i], object)));
}
