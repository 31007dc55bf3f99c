/* The rows of what makes pods. */
#include "base/timefmt.h"
#include "control/schema/conditions.h"
#include "control/schema/table_cells.h"

static void cells_wide(const struct rk_cells *cells, const struct rk_val *object)
{
	rk_write_containers(cells, object, "spec.template", "name");
	rk_write_containers(cells, object, "spec.template", "image");
	rk_write_selector(cells, object, "spec.selector", NULL);
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

/* --- cells --- */

/* "ready/wanted": the path of the first, then of the second. */
void rk_write_ratio(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		    const char *otherwise)
{
	struct rk_buf text = { 0 };

	rk_buf_printf(&text, "%lld/%lld", (long long)rk_val_int_at(object, path, 0),
		      (long long)rk_val_int_at(object, otherwise, 0));
	rk_cell_buf(cells, &text);
}

/* "kind.group/name" of the owner that is the controller. */
void rk_write_owner(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		    const char *otherwise)
{
	const struct rk_val *owners = rk_val_at(object, path);
	struct rk_buf text = { 0 };

	for (uint32_t i = 0; i < rk_val_count(owners) && text.size == 0; i++) {
		const struct rk_val *owner = rk_val_item(owners, i);
		const struct rk_span kind = rk_val_text_at(owner, "kind");
		struct rk_span group;
		if (!rk_val_bool_at(owner, "controller", false))
			continue;
		const bool has_group =
			rk_span_cut(rk_val_text_at(owner, "apiVersion"), '/', &group).data != NULL;
		for (size_t n = 0; n < kind.size; n++)
			rk_buf_put_u8(&text, kind.data[n] >= 'A' && kind.data[n] <= 'Z'
						     ? (uint8_t)(kind.data[n] + 32)
						     : kind.data[n]);
		if (has_group)
			rk_buf_printf(&text, ".%.*s", RK_SPAN_ARGS(group));
		rk_buf_printf(&text, "/%.*s", RK_SPAN_ARGS(rk_val_text_at(owner, "name")));
	}
	if (text.size == 0)
		rk_buf_put_str(&text, otherwise);
	rk_cell_buf(cells, &text);
}

/* --- jobs --- */

void rk_write_completions(const struct rk_cells *cells, const struct rk_val *object,
			  const char *path, const char *otherwise)
{
	const int64_t done = rk_val_int_at(object, "status.succeeded", 0);
	const int64_t at_once = rk_val_int_at(object, otherwise, 0);
	struct rk_buf text = { 0 };

	if (rk_val_at(object, path) != NULL)
		rk_buf_printf(&text, "%lld/%lld", (long long)done,
			      (long long)rk_val_int_at(object, path, 0));
	else if (at_once > 1)
		rk_buf_printf(&text, "%lld/1 of %lld", (long long)done, (long long)at_once);
	else
		rk_buf_printf(&text, "%lld/1", (long long)done);
	rk_cell_buf(cells, &text);
}

/* How long it ran, or has been running. */
void rk_write_job_time(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		       const char *otherwise)
{
	char *text = rk_arena_alloc(cells->arena, RK_TIME_TEXT_MAX);
	int64_t begin = 0, end = cells->now_ms;

	if (!rk_time_parse(rk_val_text_at(object, path), &begin)) {
		rk_cell_text(cells, RK_SPAN(""));
		return;
	}
	if (!rk_time_parse(rk_val_text_at(object, otherwise), &end))
		end = cells->now_ms;
	rk_cell_text(cells, rk_span_of(text, rk_duration_human(text, end - begin)));
}

void rk_write_job_state(const struct rk_cells *cells, const struct rk_val *object, const char *path,
			const char *otherwise)
{
	const struct rk_val *conditions = rk_val_at(object, path);
	const char *state = otherwise;

	if (rk_conditions_say(conditions, "Complete", "True"))
		state = "Complete";
	else if (rk_conditions_say(conditions, "Failed", "True"))
		state = "Failed";
	else if (rk_val_at(object, "metadata.deletionTimestamp") != NULL)
		state = "Terminating";
	else if (rk_conditions_say(conditions, "Suspended", "True"))
		state = "Suspended";
	else if (rk_conditions_say(conditions, "FailureTarget", "True"))
		state = "FailureTarget";
	rk_cell_text(cells, rk_span_str(state));
}
