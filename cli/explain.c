/* reckon explain, api-resources: what there is to say, from the registry alone. */
#include <stdio.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/refs.h"
#include "cli/session_io.h"
#include "cli/tabs.h"

#define DEPTH_MAX 12

static int run_explain(int argc, char **argv);
static int run_resources(int argc, char **argv);

const struct rk_command rk_command_explain = {
	.name = "explain",
	.usage = "TYPE[.FIELD...] [--recursive]",
	.summary = "Tell what the fields of a type mean",
	.examples = "  reckon explain pods.spec.containers\n",
	.run = run_explain,
	.section = "Looking deeper",
};
const struct rk_command rk_command_api_resources = {
	.name = "api-resources",
	.usage = "[flags]",
	.summary = "List the types that there are",
	.run = run_resources,
	.section = "Looking deeper",
};

static const char *type_word(const struct rk_type *type)
{
	switch (type->kind) {
	case RK_TYPE_BOOL: return "boolean";
	case RK_TYPE_INT32:
	case RK_TYPE_INT64: return "integer";
	case RK_TYPE_INT_OR_STRING: return "IntOrString";
	case RK_TYPE_QUANTITY: return "Quantity";
	case RK_TYPE_TIME:
	case RK_TYPE_MICRO_TIME: return "time";
	case RK_TYPE_OBJECT: return type->name;
	case RK_TYPE_ANY: return "Object";
	case RK_TYPE_NUMBER: return "number";
	case RK_TYPE_STRINGS: return "[]string";
	case RK_TYPE_STRING:
	case RK_TYPE_BYTES: break;
	}
	return "string";
}

static void put_type(struct rk_buf *out, const struct rk_prop *prop)
{
	rk_buf_printf(out, "<%s%s>%s",
		      prop->shape == RK_SHAPE_LIST  ? "[]"
		      : prop->shape == RK_SHAPE_MAP ? "map[string]"
						    : "",
		      type_word(prop->type), prop->is_required ? " -required-" : "");
}

static void put_fields(struct rk_buf *out, const struct rk_type *type, unsigned depth,
		       bool is_recursive)
{
	for (uint32_t i = 0; i < type->prop_count; i++) {
		const struct rk_prop *prop = &type->props[i];
		rk_buf_printf(out, "%*s%s\t", (int)(depth * 2), "", prop->name);
		put_type(out, prop);
		rk_buf_put_str(out, "\n");
		if (is_recursive) {
			if (prop->type->kind == RK_TYPE_OBJECT && depth < DEPTH_MAX)
				put_fields(out, prop->type, depth + 1, true);
		} else {
			rk_buf_printf(out, "%*s%s\n\n", (int)(depth * 2 + 2), "",
				      prop->doc[0] != '\0' ? prop->doc : "<no description>");
		}
	}
}

/* The field at the end of the path; NULL: the type itself. */
static int find_field(const struct rk_kind *kind, struct rk_span path, const struct rk_prop **ret,
		      const struct rk_type **ret_type, struct rk_error *error)
{
	const struct rk_type *type = kind->type;
	struct rk_span name;

	while (path.size > 0) {
		path = rk_span_cut(path, '.', &name);
		*ret = rk_type_prop(type, name);
		if (*ret == NULL) {
			const char *near = rk_type_nearest(type, name);
			return rk_fail(error, RK_EINVAL, "field \"%.*s\" does not exist%s%s%s",
				       RK_SPAN_ARGS(name), near != NULL ? " (did you mean \"" : "",
				       near != NULL ? near : "", near != NULL ? "\"?)" : "");
		}
		type = (*ret)->type;
	}
	*ret_type = type;
	return RK_OK;
}

static int explain(const struct rk_kinds *kinds, const char *word, bool is_recursive,
		   struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	const struct rk_kind *kind = NULL;
	const struct rk_prop *prop = NULL;
	const struct rk_type *type = NULL;
	struct rk_span name;
	const struct rk_span path = rk_span_cut(rk_span_str(word), '.', &name);

	RK_TRY(rk_ref_kind(kinds, name, &kind, error));
	RK_TRY(find_field(kind, path, &prop, &type, error));
	if (kind->group[0] != '\0')
		rk_buf_printf(&out, "GROUP:      %s\n", kind->group);
	rk_buf_printf(&out, "KIND:       %s\nVERSION:    %s\n\n", kind->kind, kind->version);
	if (prop != NULL) {
		rk_buf_printf(&out, "FIELD: %s ", prop->name);
		put_type(&out, prop);
		rk_buf_put_str(&out, "\n\n");
	}
	const char *doc = prop != NULL && prop->doc[0] != '\0' ? prop->doc : type->doc;
	rk_buf_printf(&out, "DESCRIPTION:\n    %s\n", doc[0] != '\0' ? doc : "<no description>");
	for (size_t i = 0; prop != NULL && prop->choices != NULL && prop->choices[i] != NULL; i++)
		rk_buf_printf(&out, "%s%s", i == 0 ? "    One of: " : ", ", prop->choices[i]);
	if (prop != NULL && prop->choices != NULL)
		rk_buf_put_str(&out, "\n");
	if (type->prop_count > 0) {
		rk_buf_put_str(&out, "\nFIELDS:\n");
		put_fields(&out, type, 1, is_recursive);
	}
	rk_cli_put(&out);
	return RK_OK;
}

static int run_explain(int argc, char **argv)
{
	struct rk_session session = { 0 };
	struct rk_error error = { 0 };
	bool is_recursive = false;
	int status, err;
	const struct rk_flag flags[] = {
		RK_FLAG_YES("recursive", 0, &is_recursive, "every field below, names only"),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_explain, flags, &argc, argv, NULL, &status))
		return status;
	rk_session_kinds(&session);
	err = argc == 1 ? explain(session.kinds, argv[0], is_recursive, &error)
			: rk_fail(&error, RK_EINVAL,
				  "explain needs one TYPE or TYPE.FIELD, such as pods.spec");
	return rk_session_end(&session, err, &error);
}

/* --- api-resources --- */

static bool is_wanted(const struct rk_kind *kind, const char *group, const char *namespaced)
{
	return (group == NULL || strcmp(kind->group, group) == 0) &&
	       (namespaced == NULL || (strcmp(namespaced, "false") != 0) == kind->namespaced);
}

static int run_resources(int argc, char **argv)
{
	struct rk_session session = { 0 };
	struct rk_error error = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf rows = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	const char *group = NULL, *namespaced = NULL, *form = "";
	bool no_headers = false;
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG_STR("api-group", 0, &group, "GROUP", "of this group only"),
		RK_FLAG("namespaced", 0, RK_FLAG_CHOICE, &namespaced, "true|false",
			"in namespaces, or not"),
		RK_FLAG_YES("no-headers", 0, &no_headers, "rows only"),
		RK_FLAG("output", 'o', RK_FLAG_CHOICE, &form, "name", "names only"),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_api_resources, flags, &argc, argv, NULL, &status))
		return status;
	rk_session_kinds(&session);
	if (!no_headers && form[0] == '\0')
		rk_buf_put_str(&rows, "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND\n");
	for (size_t i = 0; i < rk_kinds_count(session.kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(session.kinds, i);
		if (!is_wanted(kind, group, namespaced))
			continue;
		if (form[0] != '\0') {
			rk_buf_printf(&rows, "%s%s%s\n", kind->plural,
				      kind->group[0] != '\0' ? "." : "", kind->group);
			continue;
		}
		rk_buf_printf(&rows, "%s\t", kind->plural);
		for (size_t n = 0; kind->short_names[n] != NULL; n++)
			rk_buf_printf(&rows, "%s%s", n > 0 ? "," : "", kind->short_names[n]);
		rk_buf_printf(&rows, "\t%s\t%s\t%s\n", kind->api_version,
			      kind->namespaced ? "true" : "false", kind->kind);
	}
	rk_tabs_write(&out, rk_buf_span(&rows), 6, 3);
	rk_cli_put(&out);
	return rk_session_end(&session, RK_OK, &error);
}
