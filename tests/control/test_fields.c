/* Which paths objects have, by their types: what differs, what is taken out, what is laid over what. */
#include "control/schema/fieldset_typed.h"
#include "tests/control/schema.h"

#define POD(spec) "{\"spec\":{" spec "}}"
#define CONTAINER(more) "{\"name\":\"c\"" more "}"

static const char *set_out(struct rk_arena *arena, const struct rk_fieldset *set)
{
	return json_out(arena, rk_fieldset_val(arena, set));
}

struct given {
	const char *kind, *val, *set;
};

Test(fields, of)
{
	static const struct given cases[] = {
		{ "configmaps", "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a.b\":\"1\"},\"immutable\":false}",
		  "{\"f:data\":{\"f:a.b\":{}},\"f:immutable\":{},\"f:metadata\":{\"f:name\":{}}}" },
		{ "configmaps", "{\"data\":{}}", "{\"f:data\":{}}" },
		{ "configmaps", "{\"data\":null}", "{\"f:data\":{}}" },
		/* keys with a default */
		{ "pods", POD("\"containers\":[" CONTAINER(",\"ports\":[{\"containerPort\":80}]") "]"),
		  "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\"f:name\":{},\"f:ports\":{"
		  "\"k:{\\\"containerPort\\\":80,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:containerPort\":{}}}}}}}" },
		/* a set, an atomic list, an atomic object, an atomic map */
		{ "pods", "{\"metadata\":{\"finalizers\":[\"a/b\",\"c/d\"]}}",
		  "{\"f:metadata\":{\"f:finalizers\":{\"v:\\\"a/b\\\"\":{},\"v:\\\"c/d\\\"\":{}}}}" },
		{ "pods", POD("\"containers\":[" CONTAINER(",\"args\":[\"x\"],\"command\":[]") "]"),
		  "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\"f:args\":{},\"f:command\":{},"
		  "\"f:name\":{}}}}}" },
		{ "deployments", POD("\"selector\":{\"matchLabels\":{\"a\":\"b\"}}"), "{\"f:spec\":{\"f:selector\":{}}}" },
		{ "pods", POD("\"nodeSelector\":{\"a\":\"b\"}"), "{\"f:spec\":{\"f:nodeSelector\":{}}}" },
		/* a list with keys that is empty says nothing */
		{ "pods", POD("\"containers\":[]"), "{}" },
		/* what is there twice is one */
		{ "pods", POD("\"containers\":[" CONTAINER(",\"image\":\"a\"") "," CONTAINER("") "]"),
		  "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{}}}}" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_arena arena = { 0 };
		const struct rk_fieldset *set = NULL;
		const char *why;
		cr_assert_eq(rk_fields_of(&arena, kind_named(kinds, cases[i].kind)->type,
					  json_in(&arena, cases[i].val), &set, &why),
			     RK_OK);
		cr_expect_str_eq(set_out(&arena, set), cases[i].set);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(fields, check)
{
	static const struct given cases[] = {
		{ "configmaps", "{\"data\":{\"a\":\"b\"},\"metadata\":null}", NULL },
		{ "configmaps", "{\"foo\":1}", ".foo: field not declared in schema" },
		{ "deployments", POD("\"replicas\":\"3\""), ".spec.replicas: expected numeric (int or float), got string" },
		{ "deployments", POD("\"replicas\":true,\"x\":0"),
		  "errors:\n  .spec.replicas: expected numeric (int or float), got bool\n"
		  "  .spec.x: field not declared in schema" },
		{ "pods", POD("\"containers\":[" CONTAINER("") "," CONTAINER("") "]"),
		  ".spec.containers: duplicate entries for key [name=\"c\"]" },
		{ "pods", POD("\"containers\":[{\"image\":\"x\"}]"),
		  ".spec.containers: element 0: associative list with keys has an element that omits key field "
		  "\"name\" (and doesn't have default value)" },
		{ "pods", POD("\"containers\":[null]"),
		  ".spec.containers: element 0: associative list with keys may not have a null element" },
		{ "pods", "{\"metadata\":{\"finalizers\":[{}]}}",
		  ".metadata.finalizers: element 0: associative list without keys has an element that's a map type" },
		{ "pods", POD("\"containers\":[" CONTAINER(",\"args\":[1]") "]"),
		  ".spec.containers[name=\"c\"].args[0]: expected string, got &value.valueUnstructured{Value:1}" },
		{ "pods", POD("\"containers\":{}"), ".spec.containers: expected list, got &{{}}" },
		{ "pods", "{\"spec\":[]}", ".spec: expected map, got &{[]}" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_arena arena = { 0 };
		const char *why = rk_fields_check(&arena, kind_named(kinds, cases[i].kind)->type,
						  json_in(&arena, cases[i].val));
		cr_expect_str_eq(why != NULL ? why : "", cases[i].set != NULL ? cases[i].set : "");
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(fields, diff)
{
	static const struct {
		const char *kind, *before, *after, *changed, *removed;
	} cases[] = {
		{ "configmaps", "{\"data\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}}",
		  "{\"data\":{\"c\":\"4\",\"d\":\"5\",\"a\":\"1\"}}", "{\"f:data\":{\"f:c\":{},\"f:d\":{}}}",
		  "{\"f:data\":{\"f:b\":{}}}" },
		{ "configmaps", "{}", "{\"data\":{\"a\":\"1\"}}", "{\"f:data\":{\".\":{},\"f:a\":{}}}", "{}" },
		{ "configmaps", "{\"data\":{\"a\":\"1\"}}", "{}", "{}", "{\"f:data\":{\".\":{},\"f:a\":{}}}" },
		/* Go has an empty spec before it says anything, and an empty list of containers */
		{ "pods", NULL, POD("\"containers\":[" CONTAINER("") "]"),
		  "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\"f:name\":{}}}}}", "{}" },
		/* the order of items is nobody's; what is in them is */
		{ "pods", POD("\"containers\":[{\"name\":\"a\"},{\"name\":\"b\",\"image\":\"1\"}]"),
		  POD("\"containers\":[{\"name\":\"b\",\"image\":\"2\"},{\"name\":\"a\"}]"),
		  "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"b\\\"}\":{\"f:image\":{}}}}}", "{}" },
		{ "pods", POD("\"nodeSelector\":{\"a\":\"b\"}"), POD("\"nodeSelector\":{\"a\":\"c\"}"),
		  "{\"f:spec\":{\"f:nodeSelector\":{}}}", "{}" },
		{ "pods", "{\"metadata\":{\"finalizers\":[\"a/b\",\"c/d\"]}}", "{\"metadata\":{\"finalizers\":[\"e/f\",\"a/b\"]}}",
		  "{\"f:metadata\":{\"f:finalizers\":{\"v:\\\"e/f\\\"\":{}}}}",
		  "{\"f:metadata\":{\"f:finalizers\":{\"v:\\\"c/d\\\"\":{}}}}" },
		/* one that repeats is compared as one */
		{ "pods", POD("\"containers\":[" CONTAINER("") "," CONTAINER(",\"image\":\"a\"") "]"),
		  POD("\"containers\":[" CONTAINER("") "," CONTAINER(",\"image\":\"b\"") "]"),
		  "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{}}}}", "{}" },
		{ "pods", POD("\"containers\":[" CONTAINER("") "," CONTAINER("") "]"), POD("\"containers\":[" CONTAINER("") "]"),
		  "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\"f:name\":{}}}}}",
		  "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{}}}}" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_arena arena = { 0 };
		struct rk_fields_diff diff;
		const char *why;
		const struct rk_val *before = cases[i].before != NULL ? json_in(&arena, cases[i].before) : NULL;
		cr_assert_eq(rk_fields_diff(&arena, kind_named(kinds, cases[i].kind)->type, before,
					    json_in(&arena, cases[i].after), &diff, &why),
			     RK_OK);
		cr_expect_str_eq(set_out(&arena, diff.changed), cases[i].changed);
		cr_expect_str_eq(set_out(&arena, diff.removed), cases[i].removed);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

/* Items of the lists are the finalizers that the letters stand for. */
static struct rk_val *letters_in(struct rk_arena *arena, const char *letters)
{
	struct rk_val *pod = rk_val_map(arena), *list = rk_val_list(arena);

	for (size_t i = 0; letters[i] != 0; i++)
		rk_val_append(arena, list, rk_val_strf(arena, "%c", letters[i]));
	rk_val_set_at(arena, pod, "metadata.finalizers", list);
	return pod;
}

static const char *letters_out(struct rk_arena *arena, const struct rk_val *pod)
{
	const struct rk_val *list = rk_val_at(pod, "metadata.finalizers");
	char *text = rk_arena_zalloc(arena, rk_val_count(list) + 1);

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		text[i] = (char)rk_val_text(list->items[i]).data[0];
	return text;
}

Test(fields, merged_lists_keep_both_orders)
{
	static const char *const cases[][3] = {
		/* live, applied, result: upstream's cases */
		{ "", "ab", "ab" },	{ "ab", "", "ab" },	  { "ab", "ba", "ba" },	    { "ab", "cd", "abcd" },
		{ "abc", "d", "abcd" }, { "abc", "cd", "abcd" },  { "abc", "ad", "abcd" },  { "abcd", "dcba", "dcba" },
		{ "abc", "cba", "cba" }, { "ac", "abc", "abc" },  { "abcde", "cxe", "abcdxe" }, { "ab", "xay", "xaby" },
		{ "abx", "bac", "bxac" }, { "aab", "ba", "ba" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_arena arena = { 0 };
		const struct rk_val *merged =
			rk_fields_merge(&arena, kind_named(kinds, "pods")->type, letters_in(&arena, cases[i][0]),
					letters_in(&arena, cases[i][1]));
		cr_expect_str_eq(letters_out(&arena, merged), cases[i][2], "%s over %s: %s, not %s", cases[i][1],
				 cases[i][0], letters_out(&arena, merged), cases[i][2]);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(fields, merge_and_without)
{
	static const struct {
		const char *kind, *live, *config, *merged, *taken, *rest;
	} cases[] = {
		{ "configmaps", "{\"data\":{\"a\":\"1\",\"b\":\"2\"}}", "{\"data\":{\"c\":\"4\",\"b\":\"3\"},\"immutable\":true}",
		  "{\"data\":{\"a\":\"1\",\"b\":\"3\",\"c\":\"4\"},\"immutable\":true}",
		  "{\"f:data\":{\"f:a\":{},\"f:x\":{}},\"f:immutable\":{}}", "{\"data\":{\"b\":\"3\",\"c\":\"4\"}}" },
		/* null is a value where a value is owned as one, and nothing elsewhere */
		{ "configmaps", "{\"data\":{\"a\":\"1\"},\"immutable\":true}", "{\"data\":null,\"immutable\":null}",
		  "{\"data\":{\"a\":\"1\"},\"immutable\":null}", "{\"f:data\":{\"f:a\":{}}}",
		  "{\"data\":null,\"immutable\":null}" },
		{ "pods", POD("\"nodeSelector\":{\"a\":\"b\",\"c\":\"d\"}"), POD("\"nodeSelector\":{\"a\":\"x\"}"),
		  POD("\"nodeSelector\":{\"a\":\"x\"}"), "{\"f:spec\":{\"f:nodeSelector\":{\"f:a\":{}}}}",
		  POD("\"nodeSelector\":{\"a\":\"x\"}") },
		{ "pods", POD("\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\",\"image\":\"2\"}]"),
		  POD("\"containers\":[{\"name\":\"b\",\"tty\":true}]"),
		  POD("\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\",\"image\":\"2\",\"tty\":true}]"),
		  "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"a\\\"}\":{},\"k:{\\\"name\\\":\\\"b\\\"}\":{\"f:image\":{}}}}}",
		  POD("\"containers\":[{\"name\":\"b\",\"tty\":true}]") },
		{ "pods", "{\"metadata\":{\"finalizers\":[\"a/b\"]}}", "{\"metadata\":{\"finalizers\":[\"c/d\"]}}",
		  "{\"metadata\":{\"finalizers\":[\"a/b\",\"c/d\"]}}",
		  "{\"f:metadata\":{\"f:finalizers\":{\"v:\\\"a/b\\\"\":{},\"v:\\\"c/d\\\"\":{}}}}",
		  "{\"metadata\":{\"finalizers\":null}}" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_arena arena = { 0 };
		const struct rk_type *type = kind_named(kinds, cases[i].kind)->type;
		struct rk_val *live = json_in(&arena, cases[i].live), *config = json_in(&arena, cases[i].config);
		const struct rk_fieldset *taken = NULL;
		struct rk_val *merged = rk_fields_merge(&arena, type, live, config);
		cr_expect_str_eq(json_out(&arena, merged), cases[i].merged);
		cr_assert_eq(rk_fieldset_read(&arena, json_in(&arena, cases[i].taken), &taken), RK_OK);
		cr_expect_str_eq(json_out(&arena, rk_fields_without(&arena, type, merged, taken)), cases[i].rest);
		cr_expect_str_eq(json_out(&arena, merged), cases[i].merged, "it was changed");
		cr_expect_str_eq(json_out(&arena, live), cases[i].live, "it was changed");
		cr_expect_str_eq(json_out(&arena, config), cases[i].config, "it was changed");
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(fields, sets_that_fit)
{
	static const struct given cases[] = {
		{ "deployments", "{\"f:spec\":{\"f:selector\":{\"f:matchLabels\":{\"f:a\":{}}},\"f:replicas\":{}}}",
		  "{\"f:spec\":{\"f:replicas\":{},\"f:selector\":{}}}" },
		{ "deployments", "{\"f:spec\":{\"f:later\":{\"f:on\":{}}}}", "{\"f:spec\":{\"f:later\":{\"f:on\":{}}}}" },
		{ "configmaps", "{\"f:data\":{\"f:a\":{\"k:{\\\"x\\\":1}\":{}}}}", "{\"f:data\":{\"f:a\":{}}}" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_arena arena = { 0 };
		const struct rk_type *type = kind_named(kinds, cases[i].kind)->type;
		const struct rk_fieldset *set = NULL;
		cr_assert_eq(rk_fieldset_read(&arena, json_in(&arena, cases[i].val), &set), RK_OK);
		const struct rk_fieldset *fit = rk_fields_fit(&arena, type, set);
		cr_expect_str_eq(set_out(&arena, fit), cases[i].set);
		cr_expect_eq(rk_fields_fit(&arena, type, fit), fit);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}
