#include "control/schema/rules.h"

#include "control/schema/quantity.h"

static bool is_empty(const struct rk_val *val)
{
	return val == NULL || (val->kind == RK_VAL_STR && val->str.size == 0) ||
	       ((val->kind == RK_VAL_LIST || val->kind == RK_VAL_MAP) && val->count == 0);
}

static void check_bound(const struct rk_check *check, const struct rk_path *path,
			const struct rk_val *val, const struct rk_rule *rule)
{
	const bool is_least = rule->what == RK_RULE_AT_LEAST;
	const char *why = rule->why;

	if (!rk_val_is(val, RK_VAL_INT) ||
	    (is_least ? val->integer >= rule->bound : val->integer <= rule->bound))
		return;
	if (why == NULL)
		why = rk_arena_printf(check->arena, "must be %s than or equal to %lld",
				      is_least ? "greater" : "less", (long long)rule->bound);
	(void)rk_bad(check, path, val, why);
}

static void check_fixed(const struct rk_check *check, const struct rk_path *path,
			const struct rk_val *now, const struct rk_val *was, const char *why)
{
	if (now == was || (now != NULL && was != NULL && rk_val_eq(now, was)))
		return;
	if (why != NULL)
		(void)rk_forbidden(check, path, why);
	else
		(void)rk_bad(check, path, now, "field is immutable");
}

static bool is_one_of(struct rk_span text, const char *const *choices)
{
	for (size_t i = 0; choices[i] != NULL; i++)
		if (rk_span_is(text, choices[i]))
			return true;
	return false;
}

static void check_rule(const struct rk_check *check, const struct rk_path *path,
		       const struct rk_val *val, const struct rk_val *was, bool is_update,
		       const struct rk_rule *rule)
{
	const struct rk_span text = rk_val_text(val);
	const char *why = NULL;

	switch (rule->what) {
	case RK_RULE_NEEDED:
		if (is_empty(val))
			(void)rk_missing(check, path, rule->why != NULL ? rule->why : "");
		break;
	case RK_RULE_AT_LEAST:
	case RK_RULE_AT_MOST: check_bound(check, path, val, rule); break;
	case RK_RULE_ONE_OF:
		if (text.size > 0 && !is_one_of(text, rule->choices))
			(void)rk_unsupported(check, path, val, rule->choices);
		break;
	case RK_RULE_SYNTAX:
		why = text.size > 0 ? rule->syntax(text) : NULL;
		if (why != NULL)
			(void)rk_bad(check, path, val, why);
		break;
	case RK_RULE_SELECTOR:
		if (val != NULL)
			rk_check_selector(check, path, val);
		break;
	case RK_RULE_ABSENT:
		if (val != NULL)
			(void)rk_forbidden(check, path, rule->why);
		break;
	case RK_RULE_FIXED:
		if (is_update)
			check_fixed(check, path, val, was, rule->why);
		break;
	case RK_RULE_ABOVE:
		if (val != NULL && rk_quantity_milli(text, 0) <= rule->bound * 1000)
			(void)rk_bad(check, path, val, rule->why);
		break;
	}
}

void rk_check_rules(const struct rk_check *check, const struct rk_path *up,
		    const struct rk_val *obj, const struct rk_val *old, const struct rk_rule *rules,
		    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct rk_path path = rk_path_field(up, rules[i].path);
		check_rule(check, &path, rk_val_at(obj, rules[i].path),
			   rk_val_at(old, rules[i].path), old != NULL, &rules[i]);
	}
}
