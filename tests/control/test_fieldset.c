/* Sets of paths: their texts, and reckoning with them against a naive model. */
#include "control/schema/fieldset.h"
#include "tests/control/schema.h"

static const struct rk_fieldset *set_in(struct rk_arena *arena, const char *text)
{
	const struct rk_fieldset *set = NULL;

	cr_assert_eq(rk_fieldset_read(arena, json_in(arena, text), &set), RK_OK, "%s", text);
	return set;
}

Test(fieldset, texts)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "{}", "{}" },
		{ "{\"f:a\":{}}", "{\"f:a\":{}}" },
		{ "{\"f:a\":{\".\":{}}}", "{\"f:a\":{}}" },
		{ "{\"f:a\":{\"f:b\":{},\".\":{}}}", "{\"f:a\":{\".\":{},\"f:b\":{}}}" },
		{ "{\"f:b\":{},\"f:a\":{}}", "{\"f:a\":{},\"f:b\":{}}" },
		{ "{\".\":{},\"f:a\":{}}", "{\"f:a\":{}}" }, /* nobody owns the whole object */
		{ "{\"f:\":{},\"f:x:y\":{}}", "{\"f:\":{},\"f:x:y\":{}}" },
		/* the same item, however it is written */
		{ "{\"k:{\\\"b\\\":1.0,\\\"a\\\":\\\"x\\\"}\":{}}",
		  "{\"k:{\\\"a\\\":\\\"x\\\",\\\"b\\\":1}\":{}}" },
		{ "{\"k:{\\\"a\\\":1, \\\"b\\\":2}\":{\"f:x\":{}},\"k:{\\\"b\\\":2,\\\"a\\\":1}\":{\"f:y\":{}}}",
		  "{\"k:{\\\"a\\\":1,\\\"b\\\":2}\":{\"f:x\":{},\"f:y\":{}}}" },
		/* fields, keys, values, indexes; numbers as numbers */
		{ "{\"i:10\":{},\"i:9\":{},\"v:10\":{},\"v:9\":{},\"v:\\\"a\\\"\":{},\"v:true\":{},"
		  "\"k:{\\\"p\\\":443}\":{},\"k:{\\\"p\\\":80}\":{},\"f:z\":{}}",
		  "{\"f:z\":{},\"k:{\\\"p\\\":80}\":{},\"k:{\\\"p\\\":443}\":{},\"v:9\":{},\"v:10\":{},"
		  "\"v:\\\"a\\\"\":{},\"v:true\":{},\"i:9\":{},\"i:10\":{}}" },
		{ "{\"v:\\\"<&>\\\"\":{}}", "{\"v:\\\"\\\\u003c\\\\u0026\\\\u003e\\\"\":{}}" },
		{ "{\"q:later\":{\"f:a\":{}},\"f:a\":{\"q:later\":{}}}", "{\"f:a\":{}}" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_arena arena = { 0 };
		const struct rk_fieldset *set = set_in(&arena, cases[i].in);
		const char *text = json_out(&arena, rk_fieldset_val(&arena, set));
		cr_expect_str_eq(text, cases[i].out);
		cr_expect(rk_fieldset_eq(set, set_in(&arena, text)), "%s", text);
		rk_arena_done(&arena);
	}
}

Test(fieldset, refused)
{
	static const char *const cases[] = {
		"[]", "null", "{\"f:a\":[]}", "{\"f:a\":1}", "{\"f\":{}}", "{\"\":{}}", "{\"fa\":{}}", "{\"k:[1]\":{}}",
		"{\"k:{\":{}}", "{\"k:{} x\":{}}", "{\"v:\":{}}", "{\"v:1 2\":{}}", "{\"i:x\":{}}", "{\"i:\":{}}",
		"{\"i:99999999999\":{}}",
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_arena arena = { 0 };
		const struct rk_fieldset *set = NULL;
		cr_expect_eq(rk_fieldset_read(&arena, json_in(&arena, cases[i]), &set), RK_EINVAL, "%s", cases[i]);
		rk_arena_done(&arena);
	}
}

Test(fieldset, depth)
{
	for (int depth = RK_FIELDSET_DEPTH_MAX; depth <= RK_FIELDSET_DEPTH_MAX + 1; depth++) {
		struct rk_arena arena = { 0 };
		const struct rk_fieldset *set = NULL;
		struct rk_val *val = rk_val_map(&arena);
		for (int i = 0; i < depth; i++) {
			struct rk_val *up = rk_val_map(&arena);
			rk_val_put(&arena, up, "f:a", val);
			val = up;
		}
		cr_expect_eq(rk_fieldset_read(&arena, val, &set),
			     depth <= RK_FIELDSET_DEPTH_MAX ? RK_OK : RK_EINVAL, "%d", depth);
		rk_arena_done(&arena);
	}
}

static void join(void *context, struct rk_span path)
{
	struct rk_buf *all = context;

	rk_buf_put_span(all, path);
	rk_buf_put_u8(all, ' ');
}

Test(fieldset, paths_are_told_level_by_level)
{
	struct rk_arena arena = { 0 };
	struct rk_buf all = { 0 };

	rk_fieldset_each(set_in(&arena, "{\"f:b\":{\".\":{},\"k:{\\\"n\\\":\\\"x\\\",\\\"p\\\":1}\":{\".\":{},\"f:i\":{}},"
					"\"v:\\\"s\\\"\":{}},\"f:c\":{},\"f:a\":{\"i:0\":{}}}"),
			 join, &all);
	cr_expect_str_eq(rk_buf_cstr(&all), ".b .c .a[0] .b[n=\"x\",p=1] .b[=\"s\"] .b[n=\"x\",p=1].i ");
	rk_buf_done(&all);
	rk_arena_done(&arena);
}

/* --- against a model: an array that says of every possible path whether it is in the set --- */

#define STEPS 6
#define PATHS (STEPS + STEPS * STEPS + STEPS * STEPS * STEPS)

static const char *const steps[STEPS] = { "f:a", "f:b", "k:{\"n\":9}", "k:{\"n\":10}", "v:\"x\"", "i:2" };

struct model {
	bool has[PATHS];
};

/* The paths of one level stand together; those below the n-th are the STEPS ones from STEPS * (n + 1) on. */
static size_t below(size_t path) { return STEPS * (path + 1); }

static struct rk_val *val_of(struct rk_arena *arena, const struct model *model, size_t first, bool dot)
{
	struct rk_val *map = rk_val_map(arena);

	for (size_t i = first; i < first + STEPS && first < PATHS; i++) {
		struct rk_val *val = val_of(arena, model, below(i), model->has[i]);
		if (model->has[i] || rk_val_count(val) > 0)
			rk_val_put(arena, map, steps[i - first], val);
	}
	if (dot && rk_val_count(map) > 0) {
		struct rk_val *with = rk_val_map(arena);
		rk_val_put(arena, with, ".", rk_val_map(arena));
		for (uint32_t i = 0; i < map->count; i++)
			rk_val_set(arena, with, map->fields[i].key, map->fields[i].val);
		return with;
	}
	return map;
}

static const char *text_of(struct rk_arena *arena, const struct model *model)
{
	return json_out(arena, val_of(arena, model, 0, false));
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

Test(fieldset, model)
{
	uint32_t seed = 7;

	for (int round = 0; round < 2000; round++) {
		struct rk_arena arena = { 0 };
		struct model a = { 0 }, b = { 0 }, both = { 0 }, either = { 0 }, minus = { 0 };
		const uint32_t rare = 2 + next(&seed) % 60;
		size_t count = 0;
		for (size_t i = 0; i < PATHS; i++) {
			a.has[i] = next(&seed) % rare == 0;
			b.has[i] = next(&seed) % 3 == 0 ? a.has[i] : next(&seed) % rare == 0;
			both.has[i] = a.has[i] && b.has[i];
			either.has[i] = a.has[i] || b.has[i];
			minus.has[i] = a.has[i] && !b.has[i];
			count += a.has[i];
		}
		const struct rk_fieldset *left = set_in(&arena, text_of(&arena, &a));
		const struct rk_fieldset *right = set_in(&arena, text_of(&arena, &b));
		cr_expect_eq(rk_fieldset_size(left), count);
		cr_expect_eq(rk_fieldset_eq(left, right), strcmp(text_of(&arena, &a), text_of(&arena, &b)) == 0);
		const struct {
			const struct rk_fieldset *set;
			const struct model *model;
		} results[] = {
			{ left, &a },
			{ rk_fieldset_union(&arena, left, right), &either },
			{ rk_fieldset_both(&arena, left, right), &both },
			{ rk_fieldset_minus(&arena, left, right), &minus },
			{ rk_fieldset_union(&arena, rk_fieldset_minus(&arena, left, right),
					    rk_fieldset_both(&arena, right, left)),
			  &a },
		};
		for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
			cr_assert_str_eq(json_out(&arena, rk_fieldset_val(&arena, results[i].set)),
					 text_of(&arena, results[i].model), "round %d, %zu", round, i);
		cr_expect_eq(rk_fieldset_union(&arena, left, rk_fieldset_both(&arena, left, right)), left);
		cr_expect_eq(rk_fieldset_minus(&arena, left, rk_fieldset_minus(&arena, right, left)), left);
		rk_arena_done(&arena);
	}
}
