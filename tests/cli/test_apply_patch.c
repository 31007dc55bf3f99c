/* Three-way merge: the patch that apply sends, and what it makes of the live object. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "cli/three_way.h"
#include "control/schema/patch.h"
#include "wire/json.h"
#include "wire/yaml.h"

static struct rk_val *yaml(struct rk_arena *arena, const char *text)
{
	struct rk_val *docs = NULL;
	struct rk_error error = { 0 };

	if (text == NULL)
		return NULL;
	cr_assert_eq(rk_yaml_parse(arena, rk_span_str(text), &docs, &error), RK_OK, "%s: %s", text,
		     error.text);
	return rk_val_item(docs, 0);
}

#define POD(containers) "spec: {template: {spec: {containers: [" containers "]}}}"
#define CONTAINERS(patch, order)                                                                   \
	"spec: {template: {spec: {containers: [" patch "], $setElementOrder/containers: [" order   \
	"]}}}"

static const struct {
	const char *name, *original, *modified, *current, *patch, *result;
} cases[] = {
	{ "nothing", "spec: {replicas: 2}", "spec: {replicas: 2}",
	  "spec: {replicas: 2, paused: false}", "{}", "spec: {replicas: 2, paused: false}" },
	{ "a change", "spec: {replicas: 2}", "spec: {replicas: 3}",
	  "spec: {replicas: 2, paused: true}", "spec: {replicas: 3}",
	  "spec: {replicas: 3, paused: true}" },
	{ "drift is put right", "spec: {replicas: 2}", "spec: {replicas: 2}", "spec: {replicas: 9}",
	  "spec: {replicas: 2}", "spec: {replicas: 2}" },
	{ "no more said", "metadata: {labels: {a: b, c: d}}", "metadata: {labels: {a: b}}",
	  "metadata: {labels: {a: b, c: d, e: f}}", "metadata: {labels: {c: null}}",
	  "metadata: {labels: {a: b, e: f}}" },
	{ "never said", NULL, "metadata: {labels: {a: b}}", "metadata: {labels: {c: d}}",
	  "metadata: {labels: {a: b}}", "metadata: {labels: {a: b, c: d}}" },
	{ "gone already", "spec: {paused: true}", "spec: {}", "spec: {replicas: 1}", "{}",
	  "spec: {replicas: 1}" },
	{ "one of two containers", POD("{name: a, image: 'a:1'}, {name: b, image: 'b:1'}"),
	  POD("{name: a, image: 'a:2'}, {name: b, image: 'b:1'}"),
	  POD("{name: a, image: 'a:1', tty: true}, {name: b, image: 'b:1'}"),
	  CONTAINERS("{image: 'a:2', name: a}", "{name: a}, {name: b}"),
	  POD("{name: a, image: 'a:2', tty: true}, {name: b, image: 'b:1'}") },
	{ "a container less", POD("{name: a, image: 'a:1'}, {name: b, image: 'b:1'}"),
	  POD("{name: a, image: 'a:1'}"), POD("{name: a, image: 'a:1'}, {name: b, image: 'b:1'}"),
	  CONTAINERS("{name: b, $patch: delete}", "{name: a}"), POD("{name: a, image: 'a:1'}") },
	{ "a container of somebody else stays", POD("{name: a, image: 'a:1'}"),
	  POD("{name: a, image: 'a:2'}"), POD("{name: a, image: 'a:1'}, {name: z, image: 'z:1'}"),
	  CONTAINERS("{image: 'a:2', name: a}", "{name: a}"),
	  POD("{name: a, image: 'a:2'}, {name: z, image: 'z:1'}") },
	{ "a plain list is replaced", POD("{name: a, args: [x]}"), POD("{name: a, args: [y]}"),
	  POD("{name: a, args: [x]}"), CONTAINERS("{args: [y], name: a}", "{name: a}"),
	  POD("{name: a, args: [y]}") },
	{ "a set", "metadata: {finalizers: [a/x, b/x]}", "metadata: {finalizers: [a/x]}",
	  "metadata: {finalizers: [a/x, b/x, c/x]}",
	  "metadata: {$deleteFromPrimitiveList/finalizers: [b/x]}",
	  "metadata: {finalizers: [a/x, c/x]}" },
	{ "retained keys", "spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}}",
	  "spec: {strategy: {type: Recreate}}",
	  "spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}}",
	  "spec: {strategy: {type: Recreate, rollingUpdate: null, $retainKeys: [type]}}",
	  "spec: {strategy: {type: Recreate}}" },
};

Test(apply_patch, three_ways)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_type *type = rk_kinds_by_name(kinds, RK_SPAN("deployments"))->type;

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_buf text = { 0 };
		struct rk_val *current = yaml(&arena, cases[i].current);
		struct rk_val *result = NULL, *status = NULL;
		const struct rk_val *patch =
			rk_three_way(&arena, type, yaml(&arena, cases[i].original),
				     yaml(&arena, cases[i].modified), current);
		rk_json_write(&text, patch, false);
		cr_expect(rk_val_eq(patch, yaml(&arena, cases[i].patch)), "%s: %s", cases[i].name,
			  rk_buf_cstr(&text));
		cr_assert_eq(rk_patch_strategic(&arena, type, current, patch, &result, &status),
			     RK_OK, "%s", cases[i].name);
		rk_buf_clear(&text);
		rk_json_write(&text, result, false);
		cr_expect(rk_val_eq(result, yaml(&arena, cases[i].result)), "%s: %s", cases[i].name,
			  rk_buf_cstr(&text));
		rk_buf_done(&text);
		rk_arena_done(&arena);
	}
	rk_kinds_free(kinds);
}

Test(apply_patch, what_was_applied_is_remembered)
{
	struct rk_arena arena = { 0 };
	struct rk_val *object = yaml(&arena, "{metadata: {name: a}, data: {k: v}}");
	const struct rk_val *with = rk_last_applied_put(&arena, object);
	const struct rk_val *back = rk_last_applied_of(&arena, with);

	cr_assert_not_null(back);
	cr_expect(rk_val_eq(rk_val_at(back, "data"), rk_val_at(object, "data")));
	cr_expect_eq(rk_val_count(rk_val_at(back, "metadata.annotations")), 0);
	cr_expect_null(rk_last_applied_of(&arena, object));
	rk_arena_done(&arena);
}
