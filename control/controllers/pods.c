#include "base/timefmt.h"
#include "control/controllers/controllers.h"
#include "control/schema/selector.h"
#include "wire/doc.h"

static void read_ready(struct rk_state *state, struct rk_span encoded, struct rk_pod_facts *facts)
{
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
	/* The status comes last in the document: it is looked for once. */
	const struct rk_span status = rk_doc_at(doc, "status");
	const struct rk_span phase = rk_doc_text(status, "phase");
	struct rk_pod_facts facts = {
		.doc = doc,
		.node = rk_doc_text(doc, "spec.nodeName"),
		.is_going = rk_doc_at(doc, "metadata.deletionTimestamp").data != NULL,
		.is_pending = rk_span_is(phase, "Pending"),
		.has_ended = rk_span_is(phase, "Succeeded") || rk_span_is(phase, "Failed"),
	};

	read_ready(state, rk_doc_at(status, "conditions"), &facts);
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

bool rk_selects(struct rk_state *state, const struct rk_val *label_selector, struct rk_span doc)
{
	struct rk_selector *selector = NULL;

	return label_selector != NULL && doc.data != NULL &&
	       rk_selector_of(&state->arena, label_selector, &selector, NULL) == RK_OK &&
	       rk_selector_matches_doc(selector, doc);
}
