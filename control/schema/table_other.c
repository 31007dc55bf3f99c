/* The rows of the simple kinds, and of events. */
#include "control/schema/table_cells.h"

void rk_row_namespace(const struct rk_cells *cells, const struct rk_val *object)
{
	rk_cell_name(cells, object);
	rk_cell_text(cells, rk_val_text_at(object, "status.phase"));
	rk_cell_age(cells, object);
}

void rk_row_configmap(const struct rk_cells *cells, const struct rk_val *object)
{
	rk_cell_name(cells, object);
	rk_cell_int(cells, (int64_t)rk_val_count(rk_val_at(object, "data")) +
				   rk_val_count(rk_val_at(object, "binaryData")));
	rk_cell_age(cells, object);
}

void rk_row_secret(const struct rk_cells *cells, const struct rk_val *object)
{
	rk_cell_name(cells, object);
	rk_cell_text(cells, rk_val_text_at(object, "type"));
	rk_cell_int(cells, rk_val_count(rk_val_at(object, "data")));
	rk_cell_age(cells, object);
}

void rk_row_serviceaccount(const struct rk_cells *cells, const struct rk_val *object)
{
	rk_cell_name(cells, object);
	rk_cell_int(cells, rk_val_count(rk_val_at(object, "secrets")));
	rk_cell_age(cells, object);
}

void rk_row_lease(const struct rk_cells *cells, const struct rk_val *object)
{
	rk_cell_name(cells, object);
	rk_cell_text(cells, rk_val_text_at(object, "spec.holderIdentity"));
	rk_cell_age(cells, object);
}

static void cell_object(const struct rk_cells *cells, const struct rk_val *event)
{
	const struct rk_span kind = rk_val_text_at(event, "involvedObject.kind");
	const struct rk_span name = rk_val_text_at(event, "involvedObject.name");
	struct rk_buf text = { 0 };

	for (size_t i = 0; i < kind.size; i++)
		rk_buf_put_u8(&text, kind.data[i] >= 'A' && kind.data[i] <= 'Z'
					     ? (uint8_t)(kind.data[i] + 32)
					     : kind.data[i]);
	if (name.size > 0)
		rk_buf_printf(&text, "/%.*s", RK_SPAN_ARGS(name));
	rk_cell_buf(cells, &text);
}

static void cell_source(const struct rk_cells *cells, const struct rk_val *event)
{
	struct rk_span component = rk_val_text_at(event, "source.component");
	struct rk_span host = rk_val_text_at(event, "source.host");
	struct rk_buf text = { 0 };

	if (component.size == 0)
		component = rk_val_text_at(event, "reportingComponent");
	if (host.size == 0)
		host = rk_val_text_at(event, "reportingInstance");
	rk_buf_printf(&text, "%.*s%s%.*s", RK_SPAN_ARGS(component), host.size > 0 ? ", " : "",
		      RK_SPAN_ARGS(host));
	rk_cell_buf(cells, &text);
}

static struct rk_span trimmed(struct rk_span text)
{
	while (text.size > 0 &&
	       (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == ' '))
		text.size--;
	return text;
}

void rk_row_event(const struct rk_cells *cells, const struct rk_val *object)
{
	const struct rk_val *series = rk_val_at(object, "series");
	struct rk_span first = rk_val_text_at(object, "firstTimestamp");
	struct rk_span last = rk_val_text_at(object, "lastTimestamp");
	int64_t count = rk_val_int_at(object, "count", 1);

	if (first.size == 0)
		first = rk_val_text_at(object, "eventTime");
	if (last.size == 0)
		last = first;
	if (series != NULL) {
		last = rk_val_text_at(series, "lastObservedTime");
		count = rk_val_int_at(series, "count", 0);
	}
	rk_cell_text(cells, rk_cell_since(cells, last));
	rk_cell_text(cells, rk_val_text_at(object, "type"));
	rk_cell_text(cells, rk_val_text_at(object, "reason"));
	cell_object(cells, object);
	rk_cell_text(cells, rk_val_text_at(object, "involvedObject.fieldPath"));
	cell_source(cells, object);
	rk_cell_text(cells, trimmed(rk_val_text_at(object, "message")));
	rk_cell_text(cells, rk_cell_since(cells, first));
	rk_cell_int(cells, count);
	rk_cell_name(cells, object);
}
