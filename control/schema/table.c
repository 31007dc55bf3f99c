#include "control/schema/table.h"

#include "base/mem.h"
#include "base/timefmt.h"
#include "control/schema/table_cells.h"

void rk_cell_text(const struct rk_cells *cells, struct rk_span text)
{
	rk_val_append(cells->arena, cells->list, rk_val_str(cells->arena, text));
}

void rk_cell_or(const struct rk_cells *cells, struct rk_span text, const char *otherwise)
{
	rk_cell_text(cells, text.size > 0 ? text : rk_span_str(otherwise));
}

void rk_cell_int(const struct rk_cells *cells, int64_t value)
{
	rk_val_append(cells->arena, cells->list, rk_val_int(cells->arena, value));
}

void rk_cell_buf(const struct rk_cells *cells, struct rk_buf *text)
{
	rk_cell_text(cells, rk_arena_span(cells->arena, rk_buf_span(text)));
	rk_buf_done(text);
}

void rk_cell_name(const struct rk_cells *cells, const struct rk_val *object)
{
	rk_cell_text(cells, rk_val_text_at(object, "metadata.name"));
}

struct rk_span rk_cell_since(const struct rk_cells *cells, struct rk_span time)
{
	char *text = rk_arena_alloc(cells->arena, RK_TIME_TEXT_MAX);
	int64_t ms;

	if (!rk_time_parse(time, &ms))
		return RK_SPAN("<unknown>");
	return rk_span_of(text, rk_duration_human(text, cells->now_ms - ms));
}

void rk_cell_age(const struct rk_cells *cells, const struct rk_val *object)
{
	rk_cell_text(cells,
		     rk_cell_since(cells, rk_val_text_at(object, "metadata.creationTimestamp")));
}

static struct rk_val *column(struct rk_arena *arena, const struct rk_column *from)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put_cstr(arena, val, "name", from->name);
	rk_val_put_cstr(arena, val, "type", from->type);
	rk_val_put_cstr(arena, val, "format", from->format);
	rk_val_put_cstr(arena, val, "description", from->doc);
	rk_val_put_int(arena, val, "priority", from->priority);
	return val;
}

struct rk_val *rk_table_columns(struct rk_arena *arena, const struct rk_kind *kind)
{
	struct rk_val *list = rk_val_list(arena);

	for (uint32_t i = 0; i < kind->column_count; i++)
		rk_val_append(arena, list, column(arena, &kind->columns[i]));
	return list;
}

/* What a kind without rules of its own shows. */
static void row_plain(const struct rk_cells *cells, const struct rk_val *object)
{
	rk_cell_name(cells, object);
	rk_cell_text(cells, rk_val_text_at(object, "metadata.creationTimestamp"));
}

static rk_row *row_of(const struct rk_kind *kind)
{
	static const struct {
		const char *resource;
		rk_row *row;
	} rows[] = {
		{ "pods", rk_row_pod },
		{ "deployments.apps", rk_row_deployment },
		{ "replicasets.apps", rk_row_replicaset },
		{ "services", rk_row_service },
		{ "endpoints", rk_row_endpoints },
		{ "endpointslices.discovery.k8s.io", rk_row_endpointslice },
		{ "nodes", rk_row_node },
		{ "events", rk_row_event },
		{ "namespaces", rk_row_namespace },
		{ "configmaps", rk_row_configmap },
		{ "secrets", rk_row_secret },
		{ "serviceaccounts", rk_row_serviceaccount },
		{ "leases.coordination.k8s.io", rk_row_lease },
	};

	for (size_t i = 0; i < RK_COUNT(rows); i++)
		if (strcmp(kind->resource, rows[i].resource) == 0)
			return rows[i].row;
	return row_plain;
}

struct rk_val *rk_table_cells(struct rk_arena *arena, const struct rk_kind *kind,
			      const struct rk_val *object, int64_t now_ms)
{
	const struct rk_cells cells = { arena, rk_val_list(arena), now_ms };
	const struct rk_cell_rule *rules = rk_cell_rules(kind->resource);

	if (kind->custom != NULL)
		rk_row_custom(&cells, kind, object);
	else if (rules == NULL)
		row_of(kind)(&cells, object);
	for (; rules != NULL && rules->write != NULL; rules++)
		rules->write(&cells, object, rules->path, rules->otherwise);
	return cells.list;
}

struct rk_val *rk_table_conditions(struct rk_arena *arena, const struct rk_kind *kind,
				   const struct rk_val *object)
{
	const struct rk_span phase = rk_val_text_at(object, "status.phase");
	const bool succeeded = rk_span_is(phase, "Succeeded");

	if (strcmp(kind->resource, "pods") != 0 || (!succeeded && !rk_span_is(phase, "Failed")))
		return NULL;
	struct rk_val *list = rk_val_list(arena), *condition = rk_val_map(arena);
	rk_val_put_cstr(arena, condition, "type", "Completed");
	rk_val_put_cstr(arena, condition, "status", "True");
	rk_val_put_str(arena, condition, "reason", phase);
	rk_val_put_cstr(arena, condition, "message",
			succeeded ? "The pod has completed successfully." : "The pod failed.");
	rk_val_append(arena, list, condition);
	return list;
}

struct rk_val *rk_table_scale_columns(struct rk_arena *arena)
{
	static const struct rk_column columns[] = {
		{ "Name", "string", "name", "Name of what is scaled.", 0, NULL },
		{ "Desired", "integer", "", "How many are wanted.", 0, NULL },
		{ "Available", "integer", "", "How many there are.", 0, NULL },
		{ "Age", "string", "", "How long ago it was made.", 0, NULL },
	};
	struct rk_val *list = rk_val_list(arena);

	for (size_t i = 0; i < RK_COUNT(columns); i++)
		rk_val_append(arena, list, column(arena, &columns[i]));
	return list;
}

struct rk_val *rk_table_scale_cells(struct rk_arena *arena, const struct rk_val *object,
				    int64_t now_ms)
{
	const struct rk_cells cells = { arena, rk_val_list(arena), now_ms };

	rk_cell_name(&cells, object);
	rk_cell_int(&cells, rk_val_int_at(object, "spec.replicas", 0));
	rk_cell_int(&cells, rk_val_int_at(object, "status.replicas", 0));
	rk_cell_age(&cells, object);
	return cells.list;
}
