#include "control/schema/check.h"

#include "base/buf.h"
#include "control/schema/names.h"
#include "control/status.h"
#include "wire/json.h"

#define VALUE_MAX 512 /* bytes of a value that a text quotes */

static const char *quoted(const struct rk_check *check, const struct rk_val *val)
{
	struct rk_buf text = { 0 };

	if (val != NULL)
		rk_json_write(&text, val, false);
	else
		rk_buf_put_str(&text, "\"\"");
	const bool is_cut = text.size > VALUE_MAX;
	const char *copy =
		rk_arena_printf(check->arena, "%.*s%s", (int)(is_cut ? VALUE_MAX : text.size),
				(const char *)text.data, is_cut ? "..." : "");
	rk_buf_done(&text);
	return copy;
}

static bool broken(const struct rk_check *check, const char *reason, const struct rk_path *path,
		   const char *message)
{
	rk_cause_add(check->arena, check->causes, reason, rk_path_text(check->arena, path, true),
		     "%s", message);
	return false;
}

bool rk_bad(const struct rk_check *check, const struct rk_path *path, const struct rk_val *val,
	    const char *why)
{
	return broken(
		check, "FieldValueInvalid", path,
		rk_arena_printf(check->arena, "Invalid value: %s: %s", quoted(check, val), why));
}

bool rk_bad_text(const struct rk_check *check, const struct rk_path *path, struct rk_span text,
		 const char *why)
{
	return rk_bad(check, path, rk_val_str(check->arena, text), why);
}

bool rk_missing(const struct rk_check *check, const struct rk_path *path, const char *why)
{
	return broken(check, "FieldValueRequired", path,
		      rk_arena_printf(check->arena, "Required value%s%s", why[0] ? ": " : "", why));
}

bool rk_forbidden(const struct rk_check *check, const struct rk_path *path, const char *why)
{
	return broken(check, "FieldValueForbidden", path,
		      rk_arena_printf(check->arena, "Forbidden: %s", why));
}

bool rk_duplicate(const struct rk_check *check, const struct rk_path *path,
		  const struct rk_val *val)
{
	return broken(check, "FieldValueDuplicate", path,
		      rk_arena_printf(check->arena, "Duplicate value: %s", quoted(check, val)));
}

bool rk_not_found(const struct rk_check *check, const struct rk_path *path,
		  const struct rk_val *val)
{
	return broken(check, "FieldValueNotFound", path,
		      rk_arena_printf(check->arena, "Not found: %s", quoted(check, val)));
}

bool rk_too_long(const struct rk_check *check, const struct rk_path *path, size_t bytes_max)
{
	return broken(check, "FieldValueTooLong", path,
		      rk_arena_printf(check->arena, "Too long: may not be more than %zu bytes",
				      bytes_max));
}

bool rk_too_many(const struct rk_check *check, const struct rk_path *path, size_t count,
		 size_t count_max)
{
	return broken(check, "FieldValueTooMany", path,
		      rk_arena_printf(check->arena, "Too many: %zu: must have at most %zu items",
				      count, count_max));
}

bool rk_unsupported(const struct rk_check *check, const struct rk_path *path,
		    const struct rk_val *val, const char *const *choices)
{
	struct rk_buf text = { 0 };

	rk_buf_printf(&text, "Unsupported value: %s: supported values: ", quoted(check, val));
	for (size_t i = 0; choices[i] != NULL; i++)
		rk_buf_printf(&text, "%s\"%s\"", i > 0 ? ", " : "", choices[i]);
	(void)broken(check, "FieldValueNotSupported", path, rk_buf_cstr(&text));
	rk_buf_done(&text);
	return false;
}

bool rk_check_text(const struct rk_check *check, const struct rk_path *up, const struct rk_val *map,
		   const char *field)
{
	const struct rk_path path = rk_path_field(up, field);

	return rk_val_text(rk_val_get(map, rk_span_str(field))).size > 0 ||
	       rk_missing(check, &path, "");
}

bool rk_check_syntax(const struct rk_check *check, const struct rk_path *up,
		     const struct rk_val *map, const char *field, rk_syntax *syntax)
{
	const struct rk_path path = rk_path_field(up, field);
	const struct rk_span text = rk_val_text(rk_val_get(map, rk_span_str(field)));
	const char *why = text.size > 0 ? syntax(text) : NULL;

	return why == NULL || rk_bad_text(check, &path, text, why);
}

bool rk_check_named(const struct rk_check *check, const struct rk_path *up,
		    const struct rk_val *map, const char *field, rk_syntax *syntax)
{
	return rk_check_text(check, up, map, field) &&
	       rk_check_syntax(check, up, map, field, syntax);
}

bool rk_check_not_negative(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *map, const char *field)
{
	const struct rk_path path = rk_path_field(up, field);
	const struct rk_val *val = rk_val_get(map, rk_span_str(field));

	return !rk_val_is(val, RK_VAL_INT) || val->integer >= 0 ||
	       rk_bad(check, &path, val, "must be greater than or equal to 0");
}

bool rk_check_same(const struct rk_check *check, const struct rk_path *up, const struct rk_val *map,
		   const struct rk_val *old, const char *field)
{
	const struct rk_path path = rk_path_field(up, field);
	const struct rk_val *now = rk_val_get(map, rk_span_str(field));
	const struct rk_val *was = rk_val_get(old, rk_span_str(field));

	return now == was || rk_val_eq(now, was) || rk_bad(check, &path, now, "field is immutable");
}

bool rk_check_port(const struct rk_check *check, const struct rk_path *path,
		   const struct rk_val *val)
{
	if (rk_val_is(val, RK_VAL_STR)) {
		const char *why = rk_name_port(val->str);
		return why == NULL || rk_bad(check, path, val, why);
	}
	return (rk_val_is(val, RK_VAL_INT) && val->integer >= 1 && val->integer <= 65535) ||
	       rk_bad(check, path, val != NULL ? val : rk_val_int(check->arena, 0),
		      "must be between 1 and 65535, inclusive");
}

bool rk_check_unique(const struct rk_check *check, const struct rk_path *item,
		     const struct rk_val *list, uint32_t at, const char *field)
{
	const struct rk_path path = rk_path_field(item, field);
	const struct rk_val *val = rk_val_get(rk_val_item(list, at), rk_span_str(field));

	for (uint32_t i = 0; i < at && val != NULL; i++)
		if (rk_val_eq(val, rk_val_get(rk_val_item(list, i), rk_span_str(field))))
			return rk_duplicate(check, &path, val);
	return true;
}

void rk_check_labels(const struct rk_check *check, const struct rk_path *path,
		     const struct rk_val *labels)
{
	for (uint32_t i = 0; i < rk_val_count(labels); i++) {
		const struct rk_span key = labels->fields[i].key,
				     value = rk_val_text(labels->fields[i].val);
		const char *why = rk_name_qualified(key);
		if (why != NULL)
			(void)rk_bad_text(check, path, key, why);
		why = rk_name_label_value(value);
		if (why != NULL)
			(void)rk_bad_text(check, path, value, why);
	}
}

static void check_requirement(const struct rk_check *check, const struct rk_path *path,
			      const struct rk_val *requirement)
{
	static const char *const operators[] = { "In", "NotIn", "Exists", "DoesNotExist" };
	const struct rk_path values = rk_path_field(path, "values"),
			     op = rk_path_field(path, "operator");
	const struct rk_path key = rk_path_field(path, "key");
	const struct rk_span name = rk_val_text_at(requirement, "operator");
	const struct rk_val *list = rk_val_at(requirement, "values");
	const char *why = rk_name_qualified(rk_val_text_at(requirement, "key"));
	size_t at = 0;

	while (at < 4 && !rk_span_is(name, operators[at]))
		at++;
	if (at < 2 && rk_val_count(list) == 0)
		(void)rk_missing(check, &values,
				 "must be specified when `operator` is 'In' or 'NotIn'");
	else if ((at == 2 || at == 3) && rk_val_count(list) > 0)
		(void)rk_forbidden(
			check, &values,
			"may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
	else if (at == 4)
		(void)rk_bad_text(check, &op, name, "not a valid selector operator");
	if (why != NULL)
		(void)rk_bad_text(check, &key, rk_val_text_at(requirement, "key"), why);
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&values, i);
		why = rk_name_label_value(rk_val_text(rk_val_item(list, i)));
		if (why != NULL)
			(void)rk_bad(check, &item, rk_val_item(list, i), why);
	}
}

void rk_check_selector(const struct rk_check *check, const struct rk_path *path,
		       const struct rk_val *selector)
{
	const struct rk_path labels = rk_path_field(path, "matchLabels");
	const struct rk_path expressions = rk_path_field(path, "matchExpressions");
	const struct rk_val *list = rk_val_at(selector, "matchExpressions");

	rk_check_labels(check, &labels, rk_val_at(selector, "matchLabels"));
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&expressions, i);
		check_requirement(check, &item, rk_val_item(list, i));
	}
}
