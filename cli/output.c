#include "cli/output.h"

#include "base/mem.h"
#include "wire/json.h"
#include "wire/yaml.h"

static int parse_columns(struct rk_arena *arena, struct rk_span text, struct rk_output *ret,
			 struct rk_error *error)
{
	while (text.size > 0) {
		struct rk_span column, head, path;
		text = rk_span_cut(text, ',', &column);
		path = rk_span_cut(column, ':', &head);
		if (head.size == 0 || path.size == 0)
			return rk_fail(error, RK_EINVAL,
				       "custom-columns: \"%.*s\" is not HEADER:PATH",
				       RK_SPAN_ARGS(column));
		if (ret->column_count == RK_OUTPUT_COLUMNS_MAX)
			return rk_fail(error, RK_ETOOBIG, "custom-columns: more than %d",
				       RK_OUTPUT_COLUMNS_MAX);
		ret->heads[ret->column_count] = head;
		RK_TRY(rk_jsonpath_parse_one(arena, path, &ret->columns[ret->column_count], error));
		ret->column_count++;
	}
	return RK_OK;
}

int rk_output_parse(struct rk_arena *arena, const char *text, struct rk_output *ret,
		    struct rk_error *error)
{
	struct rk_span form, arg = rk_span_cut(rk_span_str(text), '=', &form);

	*ret = (struct rk_output){ .kind = RK_OUTPUT_TABLE };
	if (form.size == 0)
		return RK_OK;
	if (rk_span_is(form, "wide")) {
		ret->is_wide = true;
	} else if (rk_span_is(form, "yaml")) {
		ret->kind = RK_OUTPUT_YAML;
	} else if (rk_span_is(form, "json")) {
		ret->kind = RK_OUTPUT_JSON;
	} else if (rk_span_is(form, "name")) {
		ret->kind = RK_OUTPUT_NAME;
	} else if (rk_span_is(form, "jsonpath") || rk_span_is(form, "jsonpath-as-json")) {
		if (arg.size == 0)
			return rk_fail(
				error, RK_EINVAL,
				"-o jsonpath needs a template: -o jsonpath='{.metadata.name}'");
		if (form.size > 8)
			return rk_fail(error, RK_ENOTSUP, "-o jsonpath-as-json is not supported");
		ret->kind = RK_OUTPUT_JSONPATH;
		return rk_jsonpath_parse(arena, arg, &ret->path, error);
	} else if (rk_span_is(form, "custom-columns")) {
		if (arg.size == 0)
			return rk_fail(
				error, RK_EINVAL,
				"custom-columns format specified but no custom columns given");
		ret->kind = RK_OUTPUT_COLUMNS;
		return parse_columns(arena, arg, ret, error);
	} else if (rk_span_is(form, "go-template") || rk_span_is(form, "template") ||
		   rk_span_is(form, "go-template-file") || rk_span_is(form, "templatefile") ||
		   rk_span_is(form, "jsonpath-file") || rk_span_is(form, "custom-columns-file")) {
		return rk_fail(error, RK_ENOTSUP,
			       "-o %.*s is not supported; use jsonpath or custom-columns",
			       RK_SPAN_ARGS(form));
	} else {
		return rk_fail(error, RK_EINVAL,
			       "unable to match a printer suitable for the output format \"%.*s\", "
			       "allowed formats are: custom-columns,json,jsonpath,name,wide,yaml",
			       RK_SPAN_ARGS(form));
	}
	return RK_OK;
}

void rk_output_sort(struct rk_val *val)
{
	if (rk_val_is(val, RK_VAL_MAP)) {
		rk_val_sort(val);
		for (uint32_t i = 0; i < val->count; i++)
			rk_output_sort(val->fields[i].val);
	} else if (rk_val_is(val, RK_VAL_LIST)) {
		for (uint32_t i = 0; i < val->count; i++)
			rk_output_sort(val->items[i]);
	}
}

void rk_output_json(struct rk_buf *out, const struct rk_val *val)
{
	RK_AUTO(rk_buf_done) struct rk_buf narrow = { 0 };
	bool at_start = true;

	/* Strings hold no line breaks in JSON, so indents are all that stands at the start of a
	 * line. */
	rk_json_write(&narrow, val, true);
	for (size_t i = 0; i < narrow.size; i++) {
		if (at_start && narrow.data[i] == ' ')
			rk_buf_put_u8(out, ' ');
		else
			at_start = narrow.data[i] == '\n';
		rk_buf_put_u8(out, narrow.data[i]);
	}
	if (narrow.size == 0 || narrow.data[narrow.size - 1] != '\n')
		rk_buf_put_u8(out, '\n');
}

const char *rk_output_name(struct rk_arena *arena, const struct rk_kind *kind, struct rk_span name)
{
	return rk_arena_printf(arena, "%s%s%s/%.*s", kind->singular,
			       kind->group[0] != '\0' ? "." : "", kind->group, RK_SPAN_ARGS(name));
}

static void put_names(struct rk_arena *arena, const struct rk_kinds *kinds,
		      const struct rk_val *val, struct rk_buf *out)
{
	const struct rk_val *items = rk_val_at(val, "items");
	const struct rk_kind *kind =
		rk_kinds_of(kinds, rk_val_text_at(val, "apiVersion"), rk_val_text_at(val, "kind"));

	if (kind == NULL && items != NULL) {
		for (uint32_t i = 0; i < rk_val_count(items); i++)
			put_names(arena, kinds, rk_val_item(items, i), out);
	} else if (kind != NULL) {
		rk_buf_printf(out, "%s\n",
			      rk_output_name(arena, kind, rk_val_text_at(val, "metadata.name")));
	}
}

int rk_output_put(struct rk_arena *arena, const struct rk_output *output,
		  const struct rk_kinds *kinds, const struct rk_val *val, struct rk_buf *out,
		  struct rk_error *error)
{
	struct rk_val *sorted = rk_val_copy(arena, val);

	switch (output->kind) {
	case RK_OUTPUT_YAML:
		rk_output_sort(sorted);
		rk_yaml_write(out, sorted);
		break;
	case RK_OUTPUT_JSON:
		rk_output_sort(sorted);
		rk_output_json(out, sorted);
		break;
	case RK_OUTPUT_NAME: put_names(arena, kinds, val, out); break;
	case RK_OUTPUT_JSONPATH: return rk_jsonpath_print(output->path, val, out, error);
	case RK_OUTPUT_TABLE:
	case RK_OUTPUT_COLUMNS: break;
	}
	return RK_OK;
}

int rk_output_row(struct rk_arena *arena, const struct rk_output *output, const struct rk_val *val,
		  struct rk_buf *out, struct rk_error *error)
{
	for (size_t i = 0; i < output->column_count; i++) {
		struct rk_val *found = NULL;
		RK_TRY(rk_jsonpath_find(arena, output->columns[i], val, &found, error));
		rk_buf_put_str(out, i > 0 ? "\t" : "");
		for (uint32_t n = 0; n < rk_val_count(found); n++) {
			rk_buf_put_str(out, n > 0 ? "," : "");
			rk_jsonpath_put(out, rk_val_item(found, n));
		}
		if (rk_val_count(found) == 0)
			rk_buf_put_str(out, "<none>");
	}
	rk_buf_put_u8(out, '\n');
	return RK_OK;
}
