#include "control/customs.h"

#include <stdlib.h>

#include "base/mem.h"
#include "control/schema/custom.h"
#include "wire/doc.h"

struct known { /* a definition in the store */
	struct rk_blob *doc;
	struct rk_custom *custom; /* NULL while it is not established */
};

struct rk_customs {
	size_t count, capacity;
	struct known *at; /* in the order of the store */
};

static void forget(struct rk_customs *customs)
{
	for (size_t i = 0; i < customs->count; i++) {
		(void)rk_blob_unref(customs->at[i].doc);
		(void)rk_custom_unref(customs->at[i].custom);
	}
	free(customs->at);
	*customs = (struct rk_customs){ 0 };
}

static bool is_established(struct rk_state *state, struct rk_span doc)
{
	struct rk_val *conditions = NULL;
	const struct rk_span encoded = rk_doc_at(doc, "status.conditions");

	if (encoded.data == NULL || rk_doc_read(&state->arena, encoded, &conditions) < 0)
		return false;
	for (uint32_t i = 0; i < rk_val_count(conditions); i++) {
		const struct rk_val *condition = rk_val_item(conditions, i);
		if (rk_span_is(rk_val_text_at(condition, "type"), "Established"))
			return rk_span_is(rk_val_text_at(condition, "status"), "True");
	}
	return false;
}

/* One that was compiled from the same spec. The order is that of the store, so the place moves up. */
static struct rk_custom *find(const struct rk_customs *customs, size_t *at, struct rk_span doc)
{
	const struct rk_span spec = rk_doc_at(doc, "spec");

	for (size_t i = *at; i < customs->count; i++) {
		const struct known *known = &customs->at[i];
		if (known->custom == NULL ||
		    !rk_span_eq(rk_doc_at(rk_blob_span(known->doc), "spec"), spec))
			continue;
		*at = i + 1;
		return known->custom;
	}
	return NULL;
}

static void add(struct rk_state *state, struct rk_customs *to, size_t *at, struct rk_blob *doc)
{
	struct known known = { .doc = rk_blob_ref(doc) };

	if (is_established(state, rk_blob_span(doc))) {
		struct rk_custom *same = find(state->customs, at, rk_blob_span(doc));
		known.custom = same != NULL ? rk_custom_ref(same)
					    : rk_custom_new(state->built_in, rk_blob_span(doc));
	}
	to->at = rk_grow(to->at, &to->capacity, to->count + 1, sizeof *to->at);
	to->at[to->count++] = known;
}

void rk_customs_refresh(struct rk_state *state)
{
	struct rk_customs next = { 0 };
	struct rk_names names = { 0 };
	size_t at = 0;

	rk_state_names(state, RK_SPAN(RK_CUSTOM_RESOURCE), RK_SPAN(""), &names);
	for (size_t i = 0; i < names.count; i++)
		add(state, &next, &at,
		    rk_state_item(state, names.at[i].kind, names.at[i].ns, names.at[i].name)->value);
	struct rk_custom **customs =
		rk_arena_alloc(&state->arena, (next.count + 1) * sizeof *customs);
	for (size_t i = 0; i < next.count; i++)
		customs[i] = next.at[i].custom;
	const struct rk_kinds *kinds = rk_kinds_with(state->built_in, customs, next.count);
	(void)rk_kinds_free(state->kinds);
	state->kinds = kinds;
	forget(state->customs);
	*state->customs = next;
	state->kinds_stale = false;
}

void rk_customs_start(struct rk_state *state, const struct rk_kinds *built_in)
{
	state->built_in = built_in;
	state->customs = rk_zalloc(sizeof *state->customs);
	rk_customs_refresh(state);
}

void rk_customs_done(struct rk_state *state)
{
	forget(state->customs);
	free(state->customs);
	state->customs = NULL;
	state->kinds = rk_kinds_free(state->kinds);
}

void rk_customs_follow(struct rk_state *state, const struct rk_change *change)
{
	if (rk_span_is(change->kind, RK_CUSTOM_RESOURCE))
		state->kinds_stale = true;
}
