/* Selectors and quantities: what parses prints as something that parses to the same. */
#include "base/mem.h"
#include "control/schema/quantity.h"
#include "control/schema/selector.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rk_kinds *kinds;
	struct rk_arena arena = { 0 };
	struct rk_selector *selector = NULL, *again = NULL;
	struct rk_fields *fields = NULL;
	struct rk_quantity quantity, back;
	struct rk_error error;
	const struct rk_span text = rk_span_of(data, size);

	if (kinds == NULL)
		kinds = rk_kinds_new();
	if (rk_selector_parse(&arena, text, &selector, &error) == RK_OK &&
	    !rk_selector_is_everything(selector)) {
		const struct rk_span printed = rk_selector_text(&arena, selector);
		rk_assert(rk_selector_parse(&arena, printed, &again, &error) == RK_OK);
		rk_assert(rk_span_eq(printed, rk_selector_text(&arena, again)));
	}
	if (rk_fields_parse(&arena, rk_kinds_by_resource(kinds, RK_SPAN("pods")), text, &fields,
			    &error) == RK_OK)
		rk_assert(fields != NULL);
	if (rk_quantity_parse(text, &quantity) == RK_OK) {
		char canonical[RK_QUANTITY_TEXT_MAX];
		const size_t length = rk_quantity_format(canonical, &quantity);
		rk_assert(rk_quantity_parse(rk_span_of(canonical, length), &back) == RK_OK);
		rk_assert(back.nano == quantity.nano);
	}
	rk_arena_done(&arena);
	return 0;
}
