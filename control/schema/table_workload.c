/* The rows of what makes pods. */
#include "control/schema/selector.h"
#include "control/schema/table_cells.h"

static void cell_joined(const struct rk_cells *cells, const struct rk_val *object,
			const char *field)
{
	const struct rk_val *list = rk_val_at(object, "spec.template.spec.containers");
	struct rk_buf text = { 0 };

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		rk_buf_printf(&text, "%s%.*s", i > 0 ? "," : "",
			      RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), field)));
	rk_cell_buf(cells, &text);
}

static void cells_wide(const struct rk_cells *cells, const struct rk_val *object)
{
	struct rk_selector *selector = NULL;

	cell_joined(cells, object, "name");
	cell_joined(cells, object, "image");
	if (rk_selector_of(cells->arena, rk_val_at(object, "spec.selector"), &selector, NULL) ==
	    RK_OK)
		rk_cell_text(cells, rk_selector_text(cells->arena, selector));
	else
		rk_cell_text(cells, RK_SPAN("<error>"));
}

void rk_row_deployment(const struct rk_cells *cells, const struct rk_val *object)
{
	struct rk_buf ready = { 0 };

	rk_buf_printf(&ready, "%lld/%lld",
		      (long long)rk_val_int_at(object, "status.readyReplicas", 0),
		      (long long)rk_val_int_at(object, "spec.replicas", 0));
	rk_cell_name(cells, object);
	rk_cell_buf(cells, &ready);
	rk_cell_int(cells, rk_val_int_at(object, "status.updatedReplicas", 0));
	rk_cell_int(cells, rk_val_int_at(object, "status.availableReplicas", 0));
	rk_cell_age(cells, object);
	cells_wide(cells, object);
}

void rk_row_replicaset(const struct rk_cells *cells, const struct rk_val *object)
{
	rk_cell_name(cells, object);
	rk_cell_int(cells, rk_val_int_at(object, "spec.replicas", 0));
	rk_cell_int(cells, rk_val_int_at(object, "status.replicas", 0));
	rk_cell_int(cells, rk_val_int_at(object, "status.readyReplicas", 0));
	rk_cell_age(cells, object);
	cells_wide(cells, object);
}
