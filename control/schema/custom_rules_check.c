/* What must be true of a value by its schema. The texts are those of upstream's validation library:
 * clients and people know them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"
#include "control/schema/custom_rules.h"
#include "control/schema/pattern.h"
#include "control/status.h"
#include "wire/json.h"

#define CAUSES_MAX 128 /* more help nobody */

static void check(const struct rk_check *to, const struct rk_path *path,
		  const struct rk_structure *rule, const struct rk_val *val, bool is_object);

static const char *name_of(const struct rk_check *to, const struct rk_path *path)
{
	return rk_path_text(to->arena, path, true);
}

static __attribute__((format(printf, 4, 5))) void wrong(const struct rk_check *to,
							const struct rk_path *path,
							const struct rk_val *val,
							const char *format, ...)
{
	char text[512];
	va_list list;

	if (rk_val_count(to->causes) >= CAUSES_MAX)
		return;
	va_start(list, format);
	(void)vsnprintf(text, sizeof text, format, list);
	va_end(list);
	(void)rk_bad(to, path, val,
		     rk_arena_printf(to->arena, "%s in body %s", name_of(to, path), text));
}

/* --- types --- */

static const char *type_name(const struct rk_val *val)
{
	switch (val->kind) {
	case RK_VAL_NULL: return "null";
	case RK_VAL_BOOL: return "boolean";
	case RK_VAL_INT: return "integer";
	case RK_VAL_REAL: return "number";
	case RK_VAL_STR: return "string";
	case RK_VAL_LIST: return "array";
	case RK_VAL_MAP: break;
	}
	return "object";
}

static bool has_type(const struct rk_structure *rule, const struct rk_val *val)
{
	if (rule->int_or_string)
		return val->kind == RK_VAL_INT || val->kind == RK_VAL_STR;
	switch (rule->type) {
	case RK_STRUCTURE_ANY: return true;
	case RK_STRUCTURE_OBJECT: return val->kind == RK_VAL_MAP;
	case RK_STRUCTURE_ARRAY: return val->kind == RK_VAL_LIST;
	case RK_STRUCTURE_STRING: return val->kind == RK_VAL_STR;
	case RK_STRUCTURE_INTEGER: return val->kind == RK_VAL_INT;
	case RK_STRUCTURE_NUMBER: return val->kind == RK_VAL_INT || val->kind == RK_VAL_REAL;
	case RK_STRUCTURE_BOOLEAN: return val->kind == RK_VAL_BOOL;
	}
	return false;
}

static void wrong_type(const struct rk_check *to, const struct rk_path *path,
		       const struct rk_structure *rule, const struct rk_val *val)
{
	static const char *const names[] = { "",        "object", "array",  "string",
					     "integer", "number", "boolean" };
	const char *wanted = rule->int_or_string ? "integer,string" : names[rule->type];
	const char *where = name_of(to, path);

	if (rk_val_count(to->causes) < CAUSES_MAX)
		rk_cause_add(to->arena, to->causes, "FieldValueTypeInvalid", where,
			     "Invalid value: \"%s\": %s in body must be of type %s: \"%s\"",
			     type_name(val), where, wanted, type_name(val));
}

/* --- numbers --- */

/* Comparing is exact for integers, and by IEEE 754 otherwise: the same everywhere. */
static int compare(const struct rk_val *a, const struct rk_val *b)
{
	if (a->kind == RK_VAL_INT && b->kind == RK_VAL_INT)
		return a->integer < b->integer ? -1 : a->integer > b->integer;
	const double left = a->kind == RK_VAL_INT ? (double)a->integer : a->real;
	const double right = b->kind == RK_VAL_INT ? (double)b->integer : b->real;
	return left < right ? -1 : left > right;
}

static const char *number_text(const struct rk_check *to, const struct rk_val *val)
{
	struct rk_buf text = { 0 };

	rk_json_write(&text, val, false);
	const char *copy = rk_arena_str(to->arena, rk_buf_span(&text));
	rk_buf_done(&text);
	return copy;
}

static bool is_multiple(const struct rk_val *val, const struct rk_val *of)
{
	if (val->kind == RK_VAL_INT && of->kind == RK_VAL_INT)
		return of->integer == 0 || of->integer == -1 || val->integer % of->integer == 0;
	const double value = val->kind == RK_VAL_INT ? (double)val->integer : val->real;
	const double unit = of->kind == RK_VAL_INT ? (double)of->integer : of->real;
	const double times = unit != 0 ? value / unit : 0;
	return times > 9e15 || times < -9e15 || times == (double)(int64_t)times;
}

static void check_number(const struct rk_check *to, const struct rk_path *path,
			 const struct rk_structure *rule, const struct rk_val *val)
{
	const int low = rule->minimum != NULL ? compare(val, rule->minimum) : 1;
	const int high = rule->maximum != NULL ? compare(val, rule->maximum) : -1;

	if (low < 0 || (low == 0 && rule->above_minimum))
		wrong(to, path, val, "should be greater than %s%s",
		      rule->above_minimum ? "" : "or equal to ", number_text(to, rule->minimum));
	if (high > 0 || (high == 0 && rule->below_maximum))
		wrong(to, path, val, "should be less than %s%s",
		      rule->below_maximum ? "" : "or equal to ", number_text(to, rule->maximum));
	if (rule->multiple_of != NULL && !is_multiple(val, rule->multiple_of))
		wrong(to, path, val, "should be a multiple of %s",
		      number_text(to, rule->multiple_of));
}

/* --- texts --- */

static int64_t letters(struct rk_span text)
{
	int64_t count = 0;

	for (size_t i = 0; i < text.size; i++)
		count += (text.data[i] & 0xc0) != 0x80;
	return count;
}

static void check_text(const struct rk_check *to, const struct rk_path *path,
		       const struct rk_structure *rule, const struct rk_val *val)
{
	const int64_t size = rule->length_min >= 0 || rule->length_max >= 0 ? letters(val->str) : 0;

	if (rule->length_min > size)
		wrong(to, path, val, "should be at least %lld chars long",
		      (long long)rule->length_min);
	if (rule->length_max >= 0 && size > rule->length_max)
		(void)rk_too_long(to, path, (size_t)rule->length_max);
	if (rule->pattern != NULL && !rk_pattern_matches(rule->pattern, val->str))
		wrong(to, path, val, "should match '%.*s'", RK_SPAN_ARGS(rule->pattern_text));
	if (rule->format.size > 0 && !rk_format_holds(rule->format, val->str))
		wrong(to, path, val, "must be of type %.*s: %s", RK_SPAN_ARGS(rule->format),
		      number_text(to, val));
}

/* --- lists and maps --- */

static void too_many(const struct rk_check *to, const struct rk_path *path, uint32_t count,
		     int64_t most)
{
	rk_cause_add(to->arena, to->causes, "FieldValueTooMany", name_of(to, path),
		     "Too many: %u: must have at most %lld items", count, (long long)most);
}

/* What makes an item of a list the same as another: its keys, or all of it. */
static uint64_t mark_of(const struct rk_val *val);

static uint64_t mark_of_fields(const struct rk_val *map)
{
	uint64_t sum = 0; /* the order of fields does not matter */

	for (uint32_t i = 0; i < map->count; i++)
		sum += rk_hash64(map->fields[i].key, mark_of(map->fields[i].val));
	return sum;
}

static uint64_t mark_of(const struct rk_val *val)
{
	uint64_t mark = 0;

	switch (val->kind) {
	case RK_VAL_NULL: return 1;
	case RK_VAL_BOOL: return 2 + val->boolean;
	case RK_VAL_INT: return rk_hash64(rk_span_of(&val->integer, sizeof val->integer), 4);
	case RK_VAL_REAL: return rk_hash64(rk_span_of(&val->real, sizeof val->real), 5);
	case RK_VAL_STR: return rk_hash64(val->str, 6);
	case RK_VAL_MAP: return mark_of_fields(val);
	case RK_VAL_LIST: break;
	}
	for (uint32_t i = 0; i < val->count; i++) {
		const uint64_t item = mark_of(val->items[i]);
		mark = rk_hash64(rk_span_of(&item, sizeof item), mark);
	}
	return mark;
}

static uint64_t mark_of_item(const struct rk_structure *rule, const struct rk_val *item)
{
	uint64_t mark = 0;

	if (rule->list_type != RK_LIST_MAP || rule->keys == NULL)
		return mark_of(item);
	for (size_t i = 0; rule->keys[i] != NULL; i++) {
		const struct rk_val *val = rk_val_get(item, rk_span_str(rule->keys[i]));
		const uint64_t part = val != NULL ? mark_of(val) : 0;
		mark = rk_hash64(rk_span_of(&part, sizeof part), mark);
	}
	return mark;
}

static bool is_same_item(const struct rk_structure *rule, const struct rk_val *a,
			 const struct rk_val *b)
{
	if (rule->list_type != RK_LIST_MAP || rule->keys == NULL)
		return rk_val_eq(a, b);
	for (size_t i = 0; rule->keys[i] != NULL; i++) {
		const struct rk_val *left = rk_val_get(a, rk_span_str(rule->keys[i]));
		const struct rk_val *right = rk_val_get(b, rk_span_str(rule->keys[i]));
		if ((left == NULL) != (right == NULL) || (left != NULL && !rk_val_eq(left, right)))
			return false;
	}
	return true;
}

struct mark {
	uint64_t mark;
	uint32_t at;
};

static int by_mark(const void *left, const void *right)
{
	const struct mark *a = left, *b = right;

	if (a->mark != b->mark)
		return a->mark < b->mark ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* The first item that repeats an earlier one; count when there is none. */
static uint32_t find_repeated(const struct rk_check *to, const struct rk_structure *rule,
			      const struct rk_val *list)
{
	struct mark *marks = rk_arena_alloc(to->arena, (list->count + 1) * sizeof *marks);
	uint32_t first = list->count;

	for (uint32_t i = 0; i < list->count; i++)
		marks[i] = (struct mark){ mark_of_item(rule, list->items[i]), i };
	qsort(marks, list->count, sizeof *marks, by_mark);
	for (uint32_t i = 1; i < list->count; i++)
		if (marks[i].mark == marks[i - 1].mark && marks[i].at < first &&
		    is_same_item(rule, list->items[marks[i - 1].at], list->items[marks[i].at]))
			first = marks[i].at;
	return first;
}

static void check_repeated(const struct rk_check *to, const struct rk_path *path,
			   const struct rk_structure *rule, const struct rk_val *val)
{
	const uint32_t at = find_repeated(to, rule, val);
	const struct rk_path here = rk_path_item(path, at);

	if (at == val->count)
		return;
	if (rule->list_type != RK_LIST_ATOMIC)
		(void)rk_duplicate(to, &here, val->items[at]);
	else
		wrong(to, path, val, "shouldn't contain duplicates");
}

static void check_list(const struct rk_check *to, const struct rk_path *path,
		       const struct rk_structure *rule, const struct rk_val *val)
{
	if (rule->items_min > (int64_t)val->count)
		wrong(to, path, val, "should have at least %lld items", (long long)rule->items_min);
	if (rule->items_max >= 0 && val->count > rule->items_max)
		too_many(to, path, val->count, rule->items_max);
	for (uint32_t i = 0; i < val->count && rk_val_count(to->causes) < CAUSES_MAX; i++) {
		const struct rk_path here = rk_path_item(path, i);
		if (rule->items != NULL)
			check(to, &here, rule->items, val->items[i], rule->items->is_embedded);
	}
	if (rule->list_type != RK_LIST_ATOMIC || rule->unique)
		check_repeated(to, path, rule, val);
}

static void check_map(const struct rk_check *to, const struct rk_path *path,
		      const struct rk_structure *rule, const struct rk_val *val, bool is_object)
{
	for (uint32_t i = 0; i < rule->required_count; i++) {
		const struct rk_path here = { path, rule->required[i], -1, false };
		if (rk_val_get(val, rule->required[i]) == NULL)
			(void)rk_missing(to, &here, "");
	}
	if (rule->fields_min > (int64_t)val->count)
		wrong(to, path, val, "should have at least %lld properties",
		      (long long)rule->fields_min);
	if (rule->fields_max >= 0 && val->count > rule->fields_max)
		too_many(to, path, val->count, rule->fields_max);
	for (uint32_t i = 0; i < val->count && rk_val_count(to->causes) < CAUSES_MAX; i++) {
		const struct rk_path here = { path, val->fields[i].key, -1, false };
		const struct rk_structure *of_field = rk_structure_below(rule, val->fields[i].key);
		const bool is_meta = is_object && rk_span_is(val->fields[i].key, "metadata");
		if (of_field != NULL && !(is_meta && path == NULL))
			check(to, &here, of_field, val->fields[i].val, of_field->is_embedded);
	}
}

/* --- combinations --- */

static bool holds(const struct rk_check *to, const struct rk_path *path,
		  const struct rk_structure *rule, const struct rk_val *val)
{
	const struct rk_check aside = { .arena = to->arena, .causes = rk_val_list(to->arena) };

	check(&aside, path, rule, val, false);
	return rk_val_count(aside.causes) == 0;
}

static uint32_t count_holding(const struct rk_check *to, const struct rk_path *path,
			      const struct rk_structure_list *list, const struct rk_val *val)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < list->count; i++)
		count += holds(to, path, list->at[i], val);
	return count;
}

static void combination(const struct rk_check *to, const struct rk_path *path,
			const struct rk_val *val, const char *why)
{
	(void)rk_bad(to, path, val,
		     rk_arena_printf(to->arena, "\"%s\" must %s", name_of(to, path), why));
}

static void check_combinations(const struct rk_check *to, const struct rk_path *path,
			       const struct rk_structure *rule, const struct rk_val *val)
{
	for (uint32_t i = 0; i < rule->all_of.count; i++)
		check(to, path, rule->all_of.at[i], val, false);
	if (rule->any_of.count > 0 && count_holding(to, path, &rule->any_of, val) == 0)
		combination(to, path, val, "validate at least one schema (anyOf)");
	if (rule->one_of.count > 0) {
		const uint32_t count = count_holding(to, path, &rule->one_of, val);
		if (count == 0)
			combination(to, path, val,
				    "validate one and only one schema (oneOf). Found none valid");
		else if (count > 1)
			combination(to, path, val,
				    rk_arena_printf(to->arena,
						    "validate one and only one schema (oneOf). "
						    "Found %u valid alternatives",
						    count));
	}
	if (rule->not_of != NULL && holds(to, path, rule->not_of, val))
		combination(to, path, val, "not validate the schema (not)");
}

/* --- all of it --- */

static void check_choices(const struct rk_check *to, const struct rk_path *path,
			  const struct rk_structure *rule, const struct rk_val *val)
{
	struct rk_buf text = { 0 };

	for (uint32_t i = 0; i < rule->choices->count; i++)
		if (rk_val_eq(rule->choices->items[i], val))
			return;
	rk_buf_put_str(&text, "Unsupported value: ");
	rk_json_write(&text, val, false);
	rk_buf_put_str(&text, ": supported values: ");
	for (uint32_t i = 0; i < rule->choices->count; i++) {
		rk_buf_put_str(&text, i > 0 ? ", " : "");
		rk_json_write(&text, rule->choices->items[i], false);
	}
	rk_cause_add(to->arena, to->causes, "FieldValueNotSupported", name_of(to, path), "%s",
		     rk_buf_cstr(&text));
	rk_buf_done(&text);
}

static void check(const struct rk_check *to, const struct rk_path *path,
		  const struct rk_structure *rule, const struct rk_val *val, bool is_object)
{
	if (rk_val_is(val, RK_VAL_NULL) && rule->nullable)
		return;
	if (!has_type(rule, val)) {
		wrong_type(to, path, rule, val);
		return;
	}
	if (rule->choices != NULL)
		check_choices(to, path, rule, val);
	switch (val->kind) {
	case RK_VAL_INT:
	case RK_VAL_REAL: check_number(to, path, rule, val); break;
	case RK_VAL_STR: check_text(to, path, rule, val); break;
	case RK_VAL_LIST: check_list(to, path, rule, val); break;
	case RK_VAL_MAP: check_map(to, path, rule, val, is_object); break;
	case RK_VAL_NULL:
	case RK_VAL_BOOL: break;
	}
	check_combinations(to, path, rule, val);
}

void rk_structure_check(const struct rk_check *to, const struct rk_structure *rule,
			const struct rk_val *object)
{
	check(to, NULL, rule, object, true);
}
