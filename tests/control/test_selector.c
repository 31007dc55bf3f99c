/* Label and field selectors. */
#include "base/mem.h"
#include "control/schema/selector.h"
#include "tests/control/schema.h"
#include "wire/doc.h"

Test(selector, parsed_and_matched)
{
	static const struct {
		const char *text, *printed; /* NULL: refused */
		const char *labels;
		bool matches;
	} cases[] = {
		{ "", "<none>", "{}", true },
		{ "a=b", "a=b", "{\"a\":\"b\"}", true },
		{ "a==b", "a=b", "{\"a\":\"c\"}", false },
		{ "a!=b", "a!=b", "{}", true },
		{ "a != b", "a!=b", "{\"a\":\"b\"}", false },
		{ "z in (y, x),a", "a,z in (x,y)", "{\"a\":\"\",\"z\":\"x\"}", true },
		{ "z notin (x)", "z notin (x)", "{\"z\":\"x\"}", false },
		{ "z notin (x)", "z notin (x)", "{}", true },
		{ "!a", "!a", "{\"a\":\"1\"}", false },
		{ "!a,b", "!a,b", "{\"b\":\"1\"}", true },
		{ "n>5", "n>5", "{\"n\":\"6\"}", true },
		{ "n<5", "n<5", "{\"n\":\"6\"}", false },
		{ "n>5", "n>5", "{\"n\":\"six\"}", false },
		{ "app.io/a=b", "app.io/a=b", "{\"app.io/a\":\"b\"}", true },
		{ "a=", "a=", "{\"a\":\"\"}", true },
		{ "in in (in,notin)", "in in (in,notin)", "{\"in\":\"notin\"}", true },
		{ "a=b,", NULL, "{}", false },
		{ "a in b", NULL, "{}", false },
		{ "a in (b", NULL, "{}", false },
		{ "a b", NULL, "{}", false },
		{ "a=b=c", NULL, "{}", false },
		{ "a>x", NULL, "{}", false },
		{ "a/b/c", NULL, "{}", false },
		{ ",", NULL, "{}", false },
		{ "!", NULL, "{}", false },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_selector *selector = NULL;
		struct rk_error error = { 0 };
		const int err =
			rk_selector_parse(&arena, rk_span_str(cases[i].text), &selector, &error);
		cr_expect_eq(err, cases[i].printed != NULL ? RK_OK : RK_EINVAL, "%s: %s",
			     cases[i].text, error.text);
		if (err == RK_OK && cases[i].printed != NULL) {
			struct rk_val *object = rk_val_map(&arena),
				      *labels = json_in(&arena, cases[i].labels);
			rk_val_put(&arena, rk_val_make(&arena, object, "metadata"), "labels",
				   labels);
			struct rk_blob *doc = rk_doc_of(object);
			cr_expect(rk_span_is(rk_selector_text(&arena, selector), cases[i].printed),
				  "%s", cases[i].text);
			cr_expect_eq(rk_selector_matches(selector, labels), cases[i].matches, "%s",
				     cases[i].text);
			cr_expect_eq(rk_selector_matches_doc(selector, rk_blob_span(doc)),
				     cases[i].matches, "%s", cases[i].text);
			(void)rk_blob_unref(doc);
		}
		rk_arena_done(&arena);
	}
}

Test(selector, refusals_are_upstreams)
{
	static const char *const cases[][2] = {
		{ "a in b", "unable to parse requirement: found 'b', expected: '('" },
		{ "a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, "
			 "gt, lt" },
		{ "a=b,", "found '', expected: identifier after ','" },
		{ "a=b c", "found 'c', expected: ',' or 'end of string'" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_selector *selector = NULL;
		struct rk_error error = { 0 };
		cr_assert_eq(rk_selector_parse(&arena, rk_span_str(cases[i][0]), &selector, &error),
			     RK_EINVAL);
		cr_expect_str_eq(error.text, cases[i][1]);
		rk_arena_done(&arena);
	}
}

Test(selector, of_objects)
{
	struct rk_arena arena = { 0 };
	struct rk_selector *selector = NULL;
	struct rk_val *labels = json_in(&arena, "{\"a\":\"b\",\"c\":\"d\"}");
	const struct rk_val *both =
		json_in(&arena, "{\"matchLabels\":{\"a\":\"b\"},\"matchExpressions\":[{\"key\":"
				"\"c\",\"operator\":\"In\","
				"\"values\":[\"d\",\"e\"]}]}");

	cr_assert_eq(rk_selector_of(&arena, both, &selector, NULL), RK_OK);
	cr_expect(rk_selector_matches(selector, labels));
	cr_expect(rk_span_is(rk_selector_text(&arena, selector), "a=b,c in (d,e)"));
	cr_assert_eq(rk_selector_of(&arena, NULL, &selector, NULL), RK_OK);
	cr_expect_not(rk_selector_matches(selector, labels));
	cr_expect_not(rk_selector_is_everything(selector));
	cr_assert_eq(rk_selector_of(&arena, json_in(&arena, "{}"), &selector, NULL), RK_OK);
	cr_expect(rk_selector_is_everything(selector));
	cr_expect(rk_selector_matches(rk_selector_of_map(&arena, labels), labels));
	rk_arena_done(&arena);
}

Test(selector, fields)
{
	static const struct {
		const char *kind, *text, *object, *why;
		bool matches;
	} cases[] = {
		{ "pods", "spec.nodeName=n1,status.phase!=Failed",
		  "{\"spec\":{\"nodeName\":\"n1\"}}", NULL, true },
		{ "pods", "spec.host=n2", "{\"spec\":{\"nodeName\":\"n1\"}}", NULL, false },
		{ "pods", "spec.hostNetwork=false", "{\"spec\":{}}", NULL, true },
		{ "nodes", "spec.unschedulable==true", "{\"spec\":{\"unschedulable\":true}}", NULL,
		  true },
		{ "rs", "status.replicas=0", "{}", NULL, true },
		{ "events", "source=kubelet", "{\"source\":{\"component\":\"kubelet\"}}", NULL,
		  true },
		{ "cm", "metadata.name=x", "{\"metadata\":{\"name\":\"x\"}}", NULL, true },
		{ "cm", "metadata.name=a\\,b", "{\"metadata\":{\"name\":\"a,b\"}}", NULL, true },
		{ "pods", "spec.colour=x", "{}", "field label not supported: spec.colour", false },
		{ "pods", "spec.nodename=x", "{}",
		  "field label not supported: spec.nodename (did you mean \"spec.nodeName\"?)",
		  false },
		{ "pods", "status.phase", "{}",
		  "invalid selector: 'status.phase'; can't understand 'status.phase'", false },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_fields *fields = NULL;
		struct rk_error error = { 0 };
		const int err = rk_fields_parse(&arena, kind_named(kinds, cases[i].kind),
						rk_span_str(cases[i].text), &fields, &error);
		cr_expect_str_eq(err < 0 ? error.text : "",
				 cases[i].why != NULL ? cases[i].why : "");
		if (err == RK_OK) {
			const struct rk_val *object = json_in(&arena, cases[i].object);
			struct rk_blob *doc = rk_doc_of(object);
			cr_expect_eq(rk_fields_match(fields, object), cases[i].matches, "%s",
				     cases[i].text);
			cr_expect_eq(rk_fields_match_doc(fields, rk_blob_span(doc)),
				     cases[i].matches, "%s", cases[i].text);
			(void)rk_blob_unref(doc);
		}
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}
