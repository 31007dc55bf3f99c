#include "control/schema/selector.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "control/schema/labels.h"
#include "control/schema/names.h"
#include "wire/doc.h"

struct rk_selector *rk_selector_new(struct rk_arena *arena)
{
	return rk_arena_zalloc(arena, sizeof(struct rk_selector));
}

static bool read_number(struct rk_span text, int64_t *ret)
{
	const bool is_negative = text.size > 0 && text.data[0] == '-';
	uint64_t value = 0;

	if (!rk_span_u64(rk_span_sub(text, is_negative, text.size), &value) || value > INT64_MAX)
		return false;
	*ret = is_negative ? -(int64_t)value : (int64_t)value;
	return true;
}

static int check_values(const struct rk_requirement *requirement, struct rk_error *error)
{
	int64_t number;

	if ((requirement->op == RK_LABEL_IN || requirement->op == RK_LABEL_NOT_IN) &&
	    requirement->count == 0)
		return rk_fail(error, RK_EINVAL,
			       "values: Invalid value: []: for 'in', 'notin' operators, values set "
			       "can't be empty");
	if ((requirement->op == RK_LABEL_EXISTS || requirement->op == RK_LABEL_NOT_EXISTS) &&
	    requirement->count > 0)
		return rk_fail(error, RK_EINVAL,
			       "values: Invalid value: values set must be empty for exists and "
			       "does not exist");
	for (uint32_t i = 0; i < requirement->count; i++) {
		const struct rk_span value = requirement->values[i];
		const char *why = rk_name_label_value(value);
		if (why != NULL)
			return rk_fail(error, RK_EINVAL,
				       "values[%u][%.*s]: Invalid value: \"%.*s\": %s", i,
				       RK_SPAN_ARGS(requirement->key), RK_SPAN_ARGS(value), why);
		if ((requirement->op == RK_LABEL_GREATER || requirement->op == RK_LABEL_LESS) &&
		    !read_number(value, &number))
			return rk_fail(error, RK_EINVAL,
				       "values[%u]: Invalid value: \"%.*s\": for 'Gt', 'Lt' "
				       "operators, the value must be an integer",
				       i, RK_SPAN_ARGS(value));
	}
	return RK_OK;
}

int rk_selector_add(struct rk_arena *arena, struct rk_selector *selector,
		    struct rk_requirement requirement, struct rk_error *error)
{
	const char *why = rk_name_qualified(requirement.key);

	if (why != NULL)
		return rk_fail(error, RK_EINVAL, "key: Invalid value: \"%.*s\": %s",
			       RK_SPAN_ARGS(requirement.key), why);
	RK_TRY(check_values(&requirement, error));
	if (selector->count == selector->capacity) {
		selector->capacity = selector->capacity > 0 ? selector->capacity * 2 : 4;
		struct rk_requirement *more =
			rk_arena_alloc(arena, selector->capacity * sizeof *more);
		if (selector->count > 0)
			memcpy(more, selector->at, selector->count * sizeof *more);
		selector->at = more;
	}
	selector->at[selector->count++] = requirement;
	return RK_OK;
}

static int by_bytes(const void *a, const void *b)
{
	return rk_span_cmp(*(const struct rk_span *)a, *(const struct rk_span *)b);
}

/* Equal keys by where they were, so that the order does not depend on the sort. */
static int by_key(const void *a, const void *b)
{
	const struct rk_requirement *left = a, *right = b;
	const int order = rk_span_cmp(left->key, right->key);

	return order != 0 ? order : (int)left->op - (int)right->op;
}

void rk_selector_settle(struct rk_selector *selector)
{
	for (uint32_t i = 0; i < selector->count; i++)
		if (selector->at[i].count > 1)
			qsort(selector->at[i].values, selector->at[i].count, sizeof(struct rk_span),
			      by_bytes);
	if (selector->count > 1)
		qsort(selector->at, selector->count, sizeof *selector->at, by_key);
}

static int add_map(struct rk_arena *arena, struct rk_selector *selector, const struct rk_val *map,
		   struct rk_error *error)
{
	for (uint32_t i = 0; i < rk_val_count(map); i++) {
		struct rk_span *value = rk_arena_alloc(arena, sizeof *value);
		*value = rk_val_text(map->fields[i].val);
		RK_TRY(rk_selector_add(
			arena, selector,
			(struct rk_requirement){ map->fields[i].key, RK_LABEL_EQUALS, 1, value },
			error));
	}
	return RK_OK;
}

static int add_expression(struct rk_arena *arena, struct rk_selector *selector,
			  const struct rk_val *expression, struct rk_error *error)
{
	static const struct {
		const char *name;
		enum rk_label_op op;
	} operators[] = { { "In", RK_LABEL_IN },
			  { "NotIn", RK_LABEL_NOT_IN },
			  { "Exists", RK_LABEL_EXISTS },
			  { "DoesNotExist", RK_LABEL_NOT_EXISTS } };
	const struct rk_span name = rk_val_text_at(expression, "operator");
	const struct rk_val *values = rk_val_at(expression, "values");
	struct rk_requirement requirement = { .key = rk_val_text_at(expression, "key") };
	size_t at = 0;

	while (at < RK_COUNT(operators) && !rk_span_is(name, operators[at].name))
		at++;
	if (at == RK_COUNT(operators))
		return rk_fail(error, RK_EINVAL, "\"%.*s\" is not a valid label selector operator",
			       RK_SPAN_ARGS(name));
	requirement.op = operators[at].op;
	requirement.values =
		rk_arena_alloc(arena, (rk_val_count(values) + 1) * sizeof *requirement.values);
	for (uint32_t i = 0; i < rk_val_count(values); i++)
		requirement.values[requirement.count++] = rk_val_text(rk_val_item(values, i));
	return rk_selector_add(arena, selector, requirement, error);
}

int rk_selector_of(struct rk_arena *arena, const struct rk_val *label_selector,
		   struct rk_selector **ret, struct rk_error *error)
{
	struct rk_selector *selector = rk_selector_new(arena);
	const struct rk_val *expressions = rk_val_at(label_selector, "matchExpressions");

	selector->selects_nothing = !rk_val_is(label_selector, RK_VAL_MAP);
	RK_TRY(add_map(arena, selector, rk_val_at(label_selector, "matchLabels"), error));
	for (uint32_t i = 0; i < rk_val_count(expressions); i++)
		RK_TRY(add_expression(arena, selector, rk_val_item(expressions, i), error));
	rk_selector_settle(selector);
	*ret = selector;
	return RK_OK;
}

struct rk_selector *rk_selector_of_map(struct rk_arena *arena, const struct rk_val *map)
{
	struct rk_selector *selector = rk_selector_new(arena);

	/* What is stored was checked; if it was not, it selects nothing. */
	selector->selects_nothing = add_map(arena, selector, map, NULL) < 0;
	rk_selector_settle(selector);
	return selector;
}

bool rk_selector_is_everything(const struct rk_selector *selector)
{
	return selector->count == 0 && !selector->selects_nothing;
}

static bool holds(const struct rk_requirement *requirement, bool is_there, struct rk_span value)
{
	int64_t number, limit;
	bool is_in = false;

	for (uint32_t i = 0; i < requirement->count && is_there; i++)
		is_in = is_in || rk_span_eq(value, requirement->values[i]);
	switch (requirement->op) {
	case RK_LABEL_EQUALS:
	case RK_LABEL_IN: return is_in;
	case RK_LABEL_NOT_EQUALS:
	case RK_LABEL_NOT_IN: return !is_in;
	case RK_LABEL_EXISTS: return is_there;
	case RK_LABEL_NOT_EXISTS: return !is_there;
	case RK_LABEL_GREATER:
	case RK_LABEL_LESS: break;
	}
	if (!is_there || !read_number(value, &number) ||
	    !read_number(requirement->values[0], &limit))
		return false;
	return requirement->op == RK_LABEL_GREATER ? number > limit : number < limit;
}

bool rk_selector_matches(const struct rk_selector *selector, const struct rk_val *labels)
{
	for (uint32_t i = 0; i < selector->count; i++) {
		const struct rk_val *value = rk_val_get(labels, selector->at[i].key);
		if (!holds(&selector->at[i], value != NULL, rk_val_text(value)))
			return false;
	}
	return !selector->selects_nothing;
}

bool rk_selector_matches_doc(const struct rk_selector *selector, struct rk_span object)
{
	const struct rk_span labels = selector->count > 0 ? rk_doc_at(object, "metadata.labels")
							  : (struct rk_span){ NULL, 0 };

	for (uint32_t i = 0; i < selector->count; i++) {
		const struct rk_span value =
			labels.data != NULL ? rk_doc_get(labels, selector->at[i].key) : labels;
		if (!holds(&selector->at[i], value.data != NULL,
			   value.data != NULL ? rk_doc_as_text(value) : value))
			return false;
	}
	return !selector->selects_nothing;
}

static void write_requirement(struct rk_buf *out, const struct rk_requirement *requirement)
{
	static const char *const between[] = { "=", "!=", " in (", " notin (", "", "", ">", "<" };
	const bool is_set = requirement->op == RK_LABEL_IN || requirement->op == RK_LABEL_NOT_IN;

	rk_buf_put_str(out, requirement->op == RK_LABEL_NOT_EXISTS ? "!" : "");
	rk_buf_put_span(out, requirement->key);
	rk_buf_put_str(out, between[requirement->op]);
	for (uint32_t i = 0; i < requirement->count; i++) {
		rk_buf_put_str(out, i > 0 ? "," : "");
		rk_buf_put_span(out, requirement->values[i]);
	}
	rk_buf_put_str(out, is_set ? ")" : "");
}

struct rk_span rk_selector_text(struct rk_arena *arena, const struct rk_selector *selector)
{
	struct rk_buf text = { 0 };

	if (selector->count == 0)
		return RK_SPAN("<none>");
	for (uint32_t i = 0; i < selector->count; i++) {
		rk_buf_put_str(&text, i > 0 ? "," : "");
		write_requirement(&text, &selector->at[i]);
	}
	const struct rk_span copy = rk_arena_span(arena, rk_buf_span(&text));
	rk_buf_done(&text);
	return copy;
}
