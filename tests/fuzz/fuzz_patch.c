/* Patches of every form on a pod: the first line is the form, the rest the patch. */
#include "base/mem.h"
#include "control/schema/patch.h"
#include "control/schema/schema.h"
#include "fuzz.h"
#include "wire/json.h"

static const char pod_text[] = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":"
			       "\"p\",\"labels\":{\"a\":\"b\"},\"finalizers\":[\"x/y\"]},"
			       "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"env\":["
			       "{\"name\":\"E\",\"value\":\"v\"}],"
			       "\"ports\":[{\"containerPort\":80}]},{\"name\":\"d\",\"image\":"
			       "\"j\"}],\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rk_kinds *kinds;
	struct rk_arena arena = { 0 };
	struct rk_val *pod = NULL, *patch = NULL, *result = NULL, *status = NULL;
	struct rk_error error;
	struct rk_span form;

	if (kinds == NULL)
		kinds = rk_kinds_new();
	const struct rk_kind *kind = rk_kinds_by_resource(kinds, RK_SPAN("pods"));
	const struct rk_span text = rk_span_cut(rk_span_of(data, size), '\n', &form);
	if (!rk_span_is(form, "json") && !rk_span_is(form, "merge"))
		form = RK_SPAN("strategic");
	rk_assert(rk_json_parse(&arena, RK_SPAN(pod_text), 0, &pod, &error) == RK_OK);
	if (rk_json_parse(&arena, text, 0, &patch, &error) == RK_OK) {
		struct rk_val *before = rk_val_copy(&arena, pod);
		if (rk_patch_apply(&arena, kind->type, form, pod, patch, &result, &status) ==
		    RK_OK) {
			struct rk_val *causes = rk_val_list(&arena);
			rk_assert(result != NULL);
			if (rk_schema_decode(&arena, kind, result, RK_STRICT_IGNORE, NULL,
					     &status) == RK_OK) {
				rk_schema_default(&arena, kind, result);
				rk_schema_validate(&arena, kind, result, pod, causes);
				rk_schema_validate_sub(&arena, kind, "resize", false, result, pod, causes);
				rk_schema_validate_sub(&arena, kind, "ephemeralcontainers", false, result, pod, causes);
			}
		} else {
			rk_assert(status != NULL);
		}
		rk_assert(rk_val_eq(before, pod)); /* the target is not changed */
	}
	rk_arena_done(&arena);
	return 0;
}
