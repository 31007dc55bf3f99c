/* Patches of the three kinds. */
#include "base/mem.h"
#include "control/schema/patch.h"
#include "tests/control/schema.h"

struct patched {
	const char *target, *patch;
	const char *result; /* NULL: refused with `code` */
	int code;
};

static void check(const char *form, const struct rk_type *type, const struct patched *cases,
		  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct rk_arena arena = { 0 };
		struct rk_val *target = json_in(&arena, cases[i].target),
			      *patch = json_in(&arena, cases[i].patch);
		const char *target_was = json_out(&arena, target),
			   *patch_was = json_out(&arena, patch);
		struct rk_val *result = NULL, *status = NULL;
		const int err = rk_patch_apply(&arena, type, rk_span_str(form), target, patch,
					       &result, &status);
		cr_expect_eq(err, cases[i].result != NULL ? RK_OK : RK_EINVAL, "%s",
			     cases[i].patch);
		if (err == RK_OK)
			cr_expect_str_eq(json_out(&arena, result),
					 cases[i].result != NULL ? cases[i].result : "");
		else
			cr_expect_eq(rk_val_int_at(status, "code", 0), cases[i].code, "%s",
				     cases[i].patch);
		cr_expect_str_eq(json_out(&arena, target), target_was);
		cr_expect_str_eq(json_out(&arena, patch), patch_was);
		rk_arena_done(&arena);
	}
}

Test(patch, json)
{
	static const struct patched cases[] = {
		{ "{\"a\":1}",
		  "[{\"op\":\"add\",\"path\":\"/b\",\"value\":[1]},{\"op\":\"add\",\"path\":\"/b/"
		  "-\",\"value\":2},{\"op\":\"add\",\"path\":\"/b/0\",\"value\":0}]",
		  "{\"a\":1,\"b\":[0,1,2]}", 0 },
		{ "{\"a\":{\"x/y~\":1}}",
		  "[{\"op\":\"replace\",\"path\":\"/a/x~1y~0\",\"value\":2}]",
		  "{\"a\":{\"x/y~\":2}}", 0 },
		{ "{\"a\":[1,2,3]}", "[{\"op\":\"remove\",\"path\":\"/a/1\"}]", "{\"a\":[1,3]}",
		  0 },
		{ "{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c\"}]",
		  "{\"a\":{},\"c\":1}", 0 },
		{ "{\"a\":{\"b\":1}}",
		  "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/"
		  "c\"},{\"op\":\"remove\",\"path\":\"/a/b\"}]",
		  "{\"a\":{},\"c\":{\"b\":1}}", 0 },
		{ "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1}]", "{\"a\":1}", 0 },
		{ "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", NULL, 422 },
		{ "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", NULL, 422 },
		{ "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":1}]", NULL, 422 },
		{ "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/2\",\"value\":1}]", NULL, 422 },
		{ "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/01\",\"value\":1}]", NULL, 422 },
		{ "{\"a\":{\"b\":{}}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b/c\"}]",
		  NULL, 422 },
		{ "{\"a\":1}", "[{\"op\":\"grow\",\"path\":\"/b\"}]", NULL, 400 },
		{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"b\",\"value\":1}]", NULL, 400 },
		{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\"}]", NULL, 400 },
		{ "{\"a\":1}", "{}", NULL, 400 },
		{ "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":3}]", NULL, 422 },
	};

	check("json", NULL, cases, RK_COUNT(cases));
}

Test(patch, copies_cannot_grow_without_bound)
{
	struct rk_arena arena = { 0 };
	struct rk_val *patch = rk_val_list(&arena), *result = NULL, *status = NULL;
	const struct rk_val *copy =
		json_in(&arena, "{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/-\"}");

	for (int i = 0; i < 40; i++)
		rk_val_append(&arena, patch, rk_val_copy(&arena, copy));
	cr_expect_eq(rk_patch_json(&arena, json_in(&arena, "{\"a\":[1]}"), patch, &result, &status),
		     RK_EINVAL);
	cr_expect_eq(rk_val_int_at(status, "code", 0), 422);
	rk_arena_done(&arena);
}

Test(patch, merge)
{
	static const struct patched cases[] = {
		{ "{\"a\":\"b\",\"c\":{\"d\":\"e\",\"f\":\"g\"}}",
		  "{\"a\":\"z\",\"c\":{\"f\":null}}", "{\"a\":\"z\",\"c\":{\"d\":\"e\"}}", 0 },
		{ "{\"a\":[1,2]}", "{\"a\":[3]}", "{\"a\":[3]}", 0 },
		{ "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}", 0 },
		{ "{\"a\":1}", "[]", NULL, 400 },
	};

	check("merge", NULL, cases, RK_COUNT(cases));
}

Test(patch, strategic)
{
	static const struct patched pods[] = {
		{ "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\","
		  "\"image\":\"1\"}]}}",
		  "{\"spec\":{\"containers\":[{\"name\":\"b\",\"image\":\"2\"},{\"name\":\"c\","
		  "\"image\":\"3\"}]}}",
		  "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\","
		  "\"image\":\"2\"},{\"name\":\"c\",\"image\":\"3\"}]}}",
		  0 },
		{ "{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}",
		  "{\"spec\":{\"containers\":[{\"name\":\"a\",\"$patch\":\"delete\"}]}}",
		  "{\"spec\":{\"containers\":[{\"name\":\"b\"}]}}", 0 },
		{ "{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}",
		  "{\"spec\":{\"containers\":[{\"name\":\"z\"},{\"$patch\":\"replace\"}]}}",
		  "{\"spec\":{\"containers\":[{\"name\":\"z\"}]}}", 0 },
		{ "{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]}"
		  "}",
		  "{\"spec\":{\"$setElementOrder/"
		  "containers\":[{\"name\":\"c\"},{\"name\":\"a\"}],\"containers\":[{\"name\":"
		  "\"c\",\"image\":\"x\"}]}}",
		  "{\"spec\":{\"containers\":[{\"name\":\"b\"},{\"name\":\"c\",\"image\":\"x\"},{"
		  "\"name\":\"a\"}]}}",
		  0 },
		{ "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
		  "{\"metadata\":{\"finalizers\":[\"b\",\"c\"]}}",
		  "{\"metadata\":{\"finalizers\":[\"a\",\"b\",\"c\"]}}", 0 },
		{ "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
		  "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"a\"]}}",
		  "{\"metadata\":{\"finalizers\":[\"b\"]}}", 0 },
		{ "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}}",
		  "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"$retainKeys\":[\"name\",\"hostPath\"],"
		  "\"hostPath\":{\"path\":\"/x\"}}]}}",
		  "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/x\"}}]}}", 0 },
		{ "{\"spec\":{\"nodeSelector\":{\"a\":\"b\"}}}",
		  "{\"spec\":{\"nodeSelector\":{\"$patch\":\"replace\",\"c\":\"d\"}}}",
		  "{\"spec\":{\"nodeSelector\":{\"c\":\"d\"}}}", 0 },
		{ "{\"spec\":{\"tolerations\":[{\"key\":\"a\"}]}}",
		  "{\"spec\":{\"tolerations\":[{\"key\":\"b\"}]}}",
		  "{\"spec\":{\"tolerations\":[{\"key\":\"b\"}]}}", 0 },
		{ "{\"metadata\":{\"labels\":{\"a\":\"b\",\"c\":\"d\"}}}",
		  "{\"metadata\":{\"labels\":{\"a\":null,\"e\":\"f\"}}}",
		  "{\"metadata\":{\"labels\":{\"c\":\"d\",\"e\":\"f\"}}}", 0 },
		{ "{}", "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":null}]}}",
		  "{\"spec\":{\"containers\":[{\"name\":\"a\"}]}}", 0 },
		{ "{\"spec\":{\"unschedulable\":true}}", "{\"spec\":{\"unschedulable\":null}}",
		  "{\"spec\":{}}", 0 },
		{ "{}", "{\"spec\":{\"containers\":[{\"image\":\"x\"}]}}", NULL, 422 },
		{ "{}", "{\"spec\":{\"$patch\":\"smash\"}}", NULL, 400 },
		{ "{}", "{\"spec\":{\"$retainKeys\":[\"a\"],\"b\":1}}", NULL, 400 },
		{ "{}", "[]", NULL, 400 },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	check("strategic", kind_named(kinds, "pods")->type, pods, RK_COUNT(pods));
	(void)rk_kinds_free(kinds);
}
