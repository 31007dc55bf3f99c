/* The measures of a HorizontalPodAutoscaler: what they are and what they should be. */
#include "base/mem.h"
#include "control/schema/table_cells.h"

#define SHOWN_MAX 2

struct measure {
	const char *type, *field;
	bool is_named;   /* by its resource */
	bool has_shares; /* a percentage of what is requested */
};

static const struct measure measures[] = {
	{ "External", "external", false, false },
	{ "Pods", "pods", false, false },
	{ "Object", "object", false, false },
	{ "Resource", "resource", true, true },
	{ "ContainerResource", "containerResource", true, true },
};

static struct rk_span or_text(struct rk_span text, const char *otherwise)
{
	return text.size > 0 ? text : rk_span_str(otherwise);
}

static void put_share(struct rk_buf *text, const struct rk_val *share, const char *otherwise)
{
	if (rk_val_is(share, RK_VAL_INT))
		rk_buf_printf(text, "%lld%%", (long long)share->integer);
	else
		rk_buf_put_str(text, otherwise);
}

static void put_measure(struct rk_buf *text, const struct measure *measure,
			const struct rk_val *spec, const struct rk_val *status)
{
	const struct rk_val *target = rk_val_at(spec, "target"),
			    *now = rk_val_at(status, "current");
	const bool is_average = rk_val_at(target, "averageValue") != NULL;
	const bool is_pods = strcmp(measure->field, "pods") == 0;

	if (measure->is_named)
		rk_buf_printf(text, "%.*s: ", RK_SPAN_ARGS(rk_val_text_at(spec, "name")));
	if (measure->has_shares && !is_average) {
		put_share(text, rk_val_at(now, "averageUtilization"), "<unknown>");
		rk_buf_put_str(text, "/");
		put_share(text, rk_val_at(target, "averageUtilization"), "<auto>");
		return;
	}
	const char *field = is_average || is_pods ? "averageValue" : "value";
	rk_buf_printf(text, "%.*s/%.*s%s",
		      RK_SPAN_ARGS(or_text(rk_val_text_at(now, field), "<unknown>")),
		      RK_SPAN_ARGS(or_text(rk_val_text_at(target, field), "0")),
		      is_average && !is_pods && !measure->is_named ? " (avg)" : "");
}

void rk_write_metrics(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		      const char *otherwise)
{
	const struct rk_val *specs = rk_val_at(object, path);
	const struct rk_val *statuses = rk_val_at(object, "status.currentMetrics");
	const uint32_t count = rk_val_count(specs);
	struct rk_buf text = { 0 };

	for (uint32_t i = 0; i < count && i < SHOWN_MAX; i++) {
		const struct rk_val *spec = rk_val_item(specs, i);
		const struct measure *found = NULL;
		for (size_t m = 0; m < RK_COUNT(measures); m++)
			if (rk_span_is(rk_val_text_at(spec, "type"), measures[m].type))
				found = &measures[m];
		rk_buf_put_str(&text, i > 0 ? ", " : "");
		if (found != NULL)
			put_measure(&text, found, rk_val_at(spec, found->field),
				    rk_val_at(rk_val_item(statuses, i), found->field));
		else
			rk_buf_put_str(&text, "<unknown type>");
	}
	if (count == 0)
		rk_buf_put_str(&text, otherwise);
	else if (count > SHOWN_MAX)
		rk_buf_printf(&text, " + %u more...", count - SHOWN_MAX);
	rk_cell_buf(cells, &text);
}
