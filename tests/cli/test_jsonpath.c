/* kubectl's JSONPath: what templates print, and which are refused. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "wire/jsonpath.h"
#include "cli/sort.h"
#include "cli/tabs.h"
#include "wire/json.h"

static const char text[] =
	"{\"kind\":\"List\",\"items\":["
	"{\"name\":\"a\",\"n\":3,\"ok\":true,\"m\":{\"x.y\":\"dot\"},\"l\":[1,2,3]},"
	"{\"name\":\"b\",\"n\":1,\"ok\":false,\"l\":[4]},"
	"{\"name\":\"c\",\"n\":2,\"deep\":{\"name\":\"d\"}}]}";

static const struct {
	const char *path, *want;
} prints[] = {
	{ "{.kind}", "List" },
	{ "{$.kind}", "List" },
	{ "plain", "plain" },
	{ "{.items[0].name}", "a" },
	{ "{.items[-1].name}", "c" },
	{ "{.items[*].name}", "a b c" },
	{ "{.items[0:2].name}", "a b" },
	{ "{.items[0,2].name}", "a c" },
	{ "{.items[?(@.name==\"b\")].n}", "1" },
	{ "{.items[?(@.n>=2)].name}", "a c" },
	{ "{.items[?(@.n!=3)].name}", "b c" },
	{ "{.items[?(@.ok==true)].name}", "a" },
	{ "{.items[?(@.deep)].name}", "c" },
	{ "{.items[0].m['x.y']}", "dot" },
	{ "{.items[0].m.x\\.y}", "dot" },
	{ "{..name}", "a b c d" },
	{ "{.items[0].l}", "[1,2,3]" },
	{ "{.items[0].m}", "{\"x.y\":\"dot\"}" },
	{ "{.nothing.there}", "" },
	{ "{.items[9].name}", "" },
	{ "{range .items[*]}{.name}={.n}{\"\\n\"}{end}", "a=3\nb=1\nc=2\n" },
	{ "{range .items[*]}{range .l[*]}<{@}>{end}{end}", "<1><2><3><4>" },
	{ "{'quoted'} {.kind}", "quoted List" },
	{ "{.kind} {.items[0].ok}", "List true" },
};

static const char *const refused[] = {
	"{.a",
	"{range .a[*]}",
	"{end}",
	"{.a[}",
	"{.a[?(@.b==)]}",
	"{.a[?(@.b]}",
	"{\"open}",
	"{.a[0}",
	"{name}",
	"{.a[?(@.b=='x)]}",
	"{.a[1:2:0]}",
	"{.items[99999999999]}",
};

Test(jsonpath, prints)
{
	struct rk_arena arena = { 0 };
	struct rk_val *val = NULL;

	cr_assert_eq(rk_json_parse(&arena, rk_span_str(text), 0, &val, NULL), RK_OK);
	for (size_t i = 0; i < RK_COUNT(prints); i++) {
		struct rk_jsonpath *path = NULL;
		struct rk_error error = { 0 };
		struct rk_buf out = { 0 };
		cr_assert_eq(rk_jsonpath_parse(&arena, rk_span_str(prints[i].path), &path, &error),
			     RK_OK, "%s: %s", prints[i].path, error.text);
		cr_assert_eq(rk_jsonpath_print(path, val, &out, &error), RK_OK);
		cr_expect_str_eq(rk_buf_cstr(&out), prints[i].want, "%s: %s", prints[i].path,
				 rk_buf_cstr(&out));
		rk_buf_done(&out);
	}
	rk_arena_done(&arena);
}

Test(jsonpath, what_is_malformed_is_refused_with_its_place)
{
	for (size_t i = 0; i < RK_COUNT(refused); i++) {
		struct rk_arena arena = { 0 };
		struct rk_jsonpath *path = NULL;
		struct rk_error error = { 0 };
		cr_expect_eq(rk_jsonpath_parse(&arena, rk_span_str(refused[i]), &path, &error),
			     RK_EINVAL, "%s", refused[i]);
		cr_expect(strstr(error.text, "character") != NULL, "%s: %s", refused[i],
			  error.text);
		rk_arena_done(&arena);
	}
}

Test(jsonpath, sorts_by_value)
{
	static const char *const paths[] = { ".n", "{.n}", "n" };

	for (size_t i = 0; i < RK_COUNT(paths); i++) {
		struct rk_arena arena = { 0 };
		struct rk_val *val = NULL;
		struct rk_jsonpath *path = NULL;
		cr_assert_eq(rk_json_parse(&arena, rk_span_str(text), 0, &val, NULL), RK_OK);
		cr_assert_eq(rk_jsonpath_parse_one(&arena, rk_span_str(paths[i]), &path, NULL),
			     RK_OK);
		struct rk_val *items = rk_val_at(val, "items");
		cr_assert_eq(rk_sort_list(&arena, items, NULL, path, NULL), RK_OK);
		cr_expect(rk_span_is(rk_val_text_at(rk_val_item(items, 0), "name"), "b"));
		cr_expect(rk_span_is(rk_val_text_at(rk_val_item(items, 2), "name"), "a"));
		rk_arena_done(&arena);
	}
}

Test(jsonpath, columns_line_up_in_runs)
{
	struct rk_buf out = { 0 };

	rk_tabs_write(&out, rk_span_str("a:\tb\nlong name:\tc\nend\n  x\ty\tz\n  xx\tyy\tz\n"), 0,
		      2);
	cr_expect_str_eq(rk_buf_cstr(&out), "a:          b\nlong name:  c\nend\n  x   y   z\n"
					    "  xx  yy  z\n");
	rk_buf_done(&out);
}
