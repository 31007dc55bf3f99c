/* The row of a node. */
#include "control/schema/table_cells.h"

static void cell_status(const struct rk_cells *cells, const struct rk_val *node)
{
	const struct rk_val *list = rk_val_at(node, "status.conditions");
	struct rk_buf text = { 0 };

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *condition = rk_val_item(list, i);
		if (rk_span_is(rk_val_text_at(condition, "type"), "Ready"))
			rk_buf_put_str(&text,
				       rk_span_is(rk_val_text_at(condition, "status"), "True")
					       ? "Ready"
					       : "NotReady");
	}
	if (text.size == 0)
		rk_buf_put_str(&text, "Unknown");
	if (rk_val_bool_at(node, "spec.unschedulable", false))
		rk_buf_put_str(&text, ",SchedulingDisabled");
	rk_cell_buf(cells, &text);
}

static void cell_roles(const struct rk_cells *cells, const struct rk_val *node)
{
	const struct rk_val *labels = rk_val_at(node, "metadata.labels");
	const struct rk_span prefix = RK_SPAN("node-role.kubernetes.io/");
	struct rk_val *roles = rk_val_list(cells->arena);
	struct rk_buf text = { 0 };

	for (uint32_t i = 0; i < rk_val_count(labels); i++) {
		const struct rk_span key = labels->fields[i].key;
		struct rk_span role = { NULL, 0 };
		if (rk_span_starts(key, prefix))
			role = rk_span_sub(key, prefix.size, key.size);
		else if (rk_span_is(key, "kubernetes.io/role"))
			role = rk_val_text(labels->fields[i].val);
		if (role.size > 0)
			rk_val_append(cells->arena, roles, rk_val_str(cells->arena, role));
	}
	rk_val_sort(roles);
	for (uint32_t i = 0; i < roles->count; i++)
		if (i == 0 || !rk_val_eq(roles->items[i], roles->items[i - 1]))
			rk_buf_printf(&text, "%s%.*s", i > 0 ? "," : "",
				      RK_SPAN_ARGS(rk_val_text(roles->items[i])));
	if (text.size == 0)
		rk_buf_put_str(&text, "<none>");
	rk_cell_buf(cells, &text);
}

static void cell_address(const struct rk_cells *cells, const struct rk_val *node, const char *type)
{
	const struct rk_val *list = rk_val_at(node, "status.addresses");
	struct rk_span address = { NULL, 0 };

	for (uint32_t i = 0; i < rk_val_count(list) && address.size == 0; i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(list, i), "type"), type))
			address = rk_val_text_at(rk_val_item(list, i), "address");
	rk_cell_or(cells, address, "<none>");
}

void rk_row_node(const struct rk_cells *cells, const struct rk_val *object)
{
	rk_cell_name(cells, object);
	cell_status(cells, object);
	cell_roles(cells, object);
	rk_cell_age(cells, object);
	rk_cell_text(cells, rk_val_text_at(object, "status.nodeInfo.kubeletVersion"));
	cell_address(cells, object, "InternalIP");
	cell_address(cells, object, "ExternalIP");
	rk_cell_or(cells, rk_val_text_at(object, "status.nodeInfo.osImage"), "<unknown>");
	rk_cell_or(cells, rk_val_text_at(object, "status.nodeInfo.kernelVersion"), "<unknown>");
	rk_cell_or(cells, rk_val_text_at(object, "status.nodeInfo.containerRuntimeVersion"),
		   "<unknown>");
}
