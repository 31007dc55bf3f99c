#include "base/timefmt.h"
#include "control/controllers/controllers.h"
#include "wire/doc.h"

static void read_ready(struct rk_state *state, struct rk_pod_facts *facts)
{
	const struct rk_span encoded = rk_doc_at(facts->doc, "status.conditions");
	struct rk_val *conditions = NULL;

	if (encoded.data == NULL || rk_doc_read(&state->arena, encoded, &conditions) != RK_OK)
		return;
	for (uint32_t i = 0; i < rk_val_count(conditions); i++) {
		const struct rk_val *condition = rk_val_item(conditions, i);
		if (!rk_span_is(rk_val_text_at(condition, "type"), "Ready"))
			continue;
		facts->is_ready = rk_span_is(rk_val_text_at(condition, "status"), "True");
		if (facts->is_ready &&
		    !rk_time_parse(rk_val_text_at(condition, "lastTransitionTime"), &facts->ready_since_ms))
			facts->ready_since_ms = 0;
	}
}

struct rk_pod_facts rk_pod_facts(struct rk_state *state, struct rk_span doc)
{
	const struct rk_span phase = rk_doc_text(doc, "status.phase");
	struct rk_pod_facts facts = {
		.doc = doc,
		.is_going = rk_doc_at(doc, "metadata.deletionTimestamp").data != NULL,
		.has_ended = rk_span_is(phase, "Succeeded") || rk_span_is(phase, "Failed"),
		.is_bound = rk_doc_text(doc, "spec.nodeName").size > 0,
	};

	read_ready(state, &facts);
	return facts;
}

bool rk_selects_map(const struct rk_val *labels, struct rk_span doc)
{
	const struct rk_span has = rk_doc_at(doc, "metadata.labels");

	for (uint32_t i = 0; i < rk_val_count(labels); i++) {
		const struct rk_span value = rk_doc_get(has, labels->fields[i].key);
		if (value.data == NULL || !rk_span_eq(rk_doc_as_text(value), rk_val_text(labels->fields[i].val)))
			return false;
	}
	return rk_val_count(labels) > 0;
}

static bool listed(const struct rk_val *values, struct rk_span value)
{
	for (uint32_t i = 0; i < rk_val_count(values); i++)
		if (rk_span_eq(rk_val_text(rk_val_item(values, i)), value))
			return true;
	return false;
}

bool rk_selects(const struct rk_val *selector, struct rk_span doc)
{
	const struct rk_val *labels = rk_val_at(selector, "matchLabels");
	const struct rk_val *expressions = rk_val_at(selector, "matchExpressions");
	const struct rk_span has = rk_doc_at(doc, "metadata.labels");

	if (selector == NULL || (rk_val_count(labels) > 0 && !rk_selects_map(labels, doc)))
		return false;
	for (uint32_t i = 0; i < rk_val_count(expressions); i++) {
		const struct rk_val *expression = rk_val_item(expressions, i);
		const struct rk_span how = rk_val_text_at(expression, "operator");
		const struct rk_span value = rk_doc_get(has, rk_val_text_at(expression, "key"));
		const bool is_there = value.data != NULL;
		const bool is_in = is_there && listed(rk_val_at(expression, "values"), rk_doc_as_text(value));
		if ((rk_span_is(how, "In") && !is_in) || (rk_span_is(how, "NotIn") && is_in) ||
		    (rk_span_is(how, "Exists") && !is_there) ||
		    (rk_span_is(how, "DoesNotExist") && is_there))
			return false;
	}
	return true;
}
