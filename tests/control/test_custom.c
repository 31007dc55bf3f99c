/* Kinds that definitions make: compiling, pruning, defaults, validation, tables. */
#include "base/mem.h"
#include "control/schema/custom.h"
#include "control/schema/custom_rules.h"
#include "control/schema/schema.h"
#include "control/schema/table.h"
#include "tests/control/schema.h"
#include "wire/doc.h"

static const char widgets[] =
	"{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
	"\"metadata\":{\"name\":\"widgets.example.com\"},\"spec\":{\"group\":\"example.com\","
	"\"scope\":\"Namespaced\",\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\","
	"\"shortNames\":[\"wd\"]},\"versions\":[{\"name\":\"v1\",\"served\":true,"
	"\"storage\":true,\"subresources\":{\"status\":{},\"scale\":{\"specReplicasPath\":"
	"\".spec.replicas\",\"statusReplicasPath\":\".status.replicas\"}},"
	"\"selectableFields\":[{\"jsonPath\":\".spec.color\"}],"
	"\"additionalPrinterColumns\":[{\"name\":\"Color\",\"type\":\"string\",\"jsonPath\":"
	"\".spec.color\"},{\"name\":\"Size\",\"type\":\"integer\",\"jsonPath\":\".spec.size\","
	"\"priority\":1}],\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"required\":"
	"[\"spec\"],\"properties\":{\"spec\":{\"type\":\"object\",\"required\":[\"color\"],"
	"\"properties\":{\"color\":{\"type\":\"string\",\"enum\":[\"red\",\"blue\"]},"
	"\"size\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10,\"default\":3},"
	"\"replicas\":{\"type\":\"integer\"},\"note\":{\"type\":\"string\",\"nullable\":true,"
	"\"pattern\":\"^[a-z]*$\",\"maxLength\":5},\"port\":{\"x-kubernetes-int-or-string\":true,"
	"\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]},"
	"\"when\":{\"type\":\"string\",\"format\":\"date-time\"},"
	"\"parts\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
	"\"x-kubernetes-list-map-keys\":[\"name\"],\"maxItems\":3,\"items\":{\"type\":\"object\","
	"\"required\":[\"name\"],\"properties\":{\"name\":{\"type\":\"string\"},\"weight\":"
	"{\"type\":\"number\",\"multipleOf\":0.5}}}},\"tags\":{\"type\":\"object\","
	"\"additionalProperties\":{\"type\":\"string\"}},\"raw\":{\"type\":\"object\","
	"\"x-kubernetes-preserve-unknown-fields\":true},\"either\":{\"type\":\"object\","
	"\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"string\"}},"
	"\"oneOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}}},\"status\":{\"type\":"
	"\"object\",\"properties\":{\"replicas\":{\"type\":\"integer\"}}}}}}},"
	"{\"name\":\"v1beta1\",\"served\":true,\"storage\":false,\"deprecated\":true,\"schema\":"
	"{\"openAPIV3Schema\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}"
	"}]}}";

struct world {
	struct rk_arena arena;
	const struct rk_kinds *base, *kinds;
	struct rk_custom *custom;
};

static struct world world_of(const char *definition)
{
	struct world world = { .base = rk_kinds_new() };
	struct rk_val *val = json_in(&world.arena, definition);

	rk_custom_default(&world.arena, val);
	struct rk_blob *doc = rk_doc_of(val);
	world.custom = rk_custom_new(world.base, rk_blob_span(doc));
	(void)rk_blob_unref(doc);
	world.kinds = rk_kinds_with(world.base, &world.custom, 1);
	return world;
}

static void world_done(struct world *world)
{
	(void)rk_custom_unref(world->custom);
	(void)rk_kinds_free(world->kinds);
	(void)rk_kinds_free(world->base);
	rk_arena_done(&world->arena);
}

static const struct rk_kind *widget(const struct world *world, const char *version)
{
	return rk_kinds_by_plural(world->kinds, RK_SPAN("example.com"), rk_span_str(version),
				  RK_SPAN("widgets"));
}

Test(custom, makes_a_kind_for_each_version)
{
	struct world world = world_of(widgets);
	const struct rk_kind *kind = widget(&world, "v1");

	cr_assert_not_null(kind);
	cr_expect_str_eq(kind->kind, "Widget");
	cr_expect_str_eq(kind->list_kind, "WidgetList");
	cr_expect_str_eq(kind->singular, "widget");
	cr_expect_str_eq(kind->resource, "widgets.example.com");
	cr_expect_str_eq(kind->type->schema, "com.example.v1.Widget");
	cr_expect_str_eq(kind->fields[0], "spec.color");
	cr_expect(kind->has_status && kind->has_scale && kind->namespaced);
	cr_expect_str_eq(kind->custom->scale_spec, "spec.replicas");
	cr_expect_not_null(widget(&world, "v1beta1"));
	cr_expect_str_eq(widget(&world, "v1beta1")->stored->api_version, "example.com/v1");
	cr_expect_str_eq(widget(&world, "v1beta1")->custom->warning,
			 "example.com/v1beta1 Widget is deprecated");
	cr_expect_eq(rk_kinds_by_name(world.kinds, RK_SPAN("wd")), kind);
	cr_expect_eq(rk_kinds_count(world.kinds), rk_kinds_count(world.base) + 2);
	cr_expect_not_null(rk_kinds_by_name(world.kinds, RK_SPAN("pods")));
	const struct rk_prop *spec = rk_type_prop(kind->type, RK_SPAN("spec"));
	const struct rk_prop *parts = rk_type_prop(spec->type, RK_SPAN("parts"));
	cr_expect(parts->shape == RK_SHAPE_LIST && parts->list_type == RK_LIST_MAP);
	cr_expect_str_eq(parts->keys[0], "name");
	world_done(&world);
}

struct custom_case {
	const char *given;                    /* spec */
	const char *spec;                     /* after defaults; NULL: refused */
	const char *reason, *field, *message; /* of the first cause */
};

static void run_case(struct world *world, const struct custom_case *it)
{
	const struct rk_kind *kind = widget(world, "v1");
	struct rk_arena arena = { 0 };
	struct rk_val *object = json_in(&arena, "{\"metadata\":{\"name\":\"w\"}}"), *status = NULL;
	struct rk_val *causes = rk_val_list(&arena);

	rk_val_put(&arena, object, "spec", json_in(&arena, it->given));
	cr_assert_eq(rk_schema_decode(&arena, kind, object, RK_STRICT_IGNORE, NULL, &status),
		     RK_OK);
	rk_schema_default(&arena, kind, object);
	rk_schema_validate(&arena, kind, object, NULL, causes);
	if (it->spec != NULL) {
		cr_expect_eq(rk_val_count(causes), 0, "%s: %s", it->given,
			     json_out(&arena, causes));
		cr_expect_str_eq(json_out(&arena, rk_val_at(object, "spec")), it->spec);
	} else {
		const struct rk_val *cause = rk_val_item(causes, 0);
		cr_assert_not_null(cause, "%s", it->given);
		cr_expect(rk_span_is(rk_val_text_at(cause, "reason"), it->reason), "%s: %s",
			  it->given, json_out(&arena, causes));
		cr_expect(rk_span_is(rk_val_text_at(cause, "field"), it->field), "%s: %s",
			  it->given, json_out(&arena, causes));
		cr_expect(rk_span_is(rk_val_text_at(cause, "message"), it->message), "%s: %s",
			  it->given, json_out(&arena, causes));
	}
	rk_arena_done(&arena);
}

Test(custom, prunes_fills_in_and_checks)
{
	static const struct custom_case cases[] = {
		{ "{\"color\":\"red\",\"odd\":1}", "{\"color\":\"red\",\"size\":3}", "", "", "" },
		{ "{\"color\":\"red\",\"size\":null}", "{\"color\":\"red\",\"size\":3}", "", "",
		  "" },
		{ "{\"color\":\"red\",\"size\":1,\"note\":null,\"replicas\":null}",
		  "{\"color\":\"red\",\"size\":1,\"note\":null}", "", "", "" },
		{ "{\"color\":\"red\",\"size\":1,\"raw\":{\"x\":[1,{\"y\":2}]},\"tags\":{\"k\":"
		  "\"v\"}}",
		  "{\"color\":\"red\",\"size\":1,\"raw\":{\"x\":[1,{\"y\":2}]},\"tags\":{\"k\":"
		  "\"v\"}}",
		  "", "", "" },
		{ "{\"color\":\"red\",\"size\":1,\"port\":\"http\",\"parts\":[{\"name\":\"a\","
		  "\"weight\":1.5,\"no\":1}]}",
		  "{\"color\":\"red\",\"size\":1,\"port\":\"http\",\"parts\":[{\"name\":\"a\","
		  "\"weight\":1.5}]}",
		  "", "", "" },
		{ "{\"color\":\"green\"}", NULL, "FieldValueNotSupported", "spec.color",
		  "Unsupported value: \"green\": supported values: \"red\", \"blue\"" },
		{ "{}", NULL, "FieldValueRequired", "spec.color", "Required value" },
		{ "{\"color\":\"red\",\"size\":11}", NULL, "FieldValueInvalid", "spec.size",
		  "Invalid value: 11: spec.size in body should be less than or equal to 10" },
		{ "{\"color\":\"red\",\"size\":\"x\"}", NULL, "FieldValueTypeInvalid", "spec.size",
		  "Invalid value: \"string\": spec.size in body must be of type integer: "
		  "\"string\"" },
		{ "{\"color\":\"red\",\"note\":\"A\"}", NULL, "FieldValueInvalid", "spec.note",
		  "Invalid value: \"A\": spec.note in body should match '^[a-z]*$'" },
		{ "{\"color\":\"red\",\"note\":\"abcdef\"}", NULL, "FieldValueTooLong", "spec.note",
		  "Too long: may not be more than 5 bytes" },
		{ "{\"color\":\"red\",\"port\":true}", NULL, "FieldValueTypeInvalid", "spec.port",
		  "Invalid value: \"boolean\": spec.port in body must be of type integer,string: "
		  "\"boolean\"" },
		{ "{\"color\":\"red\",\"when\":\"noon\"}", NULL, "FieldValueInvalid", "spec.when",
		  "Invalid value: \"noon\": spec.when in body must be of type date-time: "
		  "\"noon\"" },
		{ "{\"color\":\"red\",\"parts\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"a\","
		  "\"weight\":1}]}",
		  NULL, "FieldValueDuplicate", "spec.parts[2]",
		  "Duplicate value: {\"name\":\"a\",\"weight\":1}" },
		{ "{\"color\":\"red\",\"parts\":[{\"name\":\"a\",\"weight\":0.3}]}", NULL,
		  "FieldValueInvalid", "spec.parts[0].weight",
		  "Invalid value: 0.3: spec.parts[0].weight in body should be a multiple of 0.5" },
		{ "{\"color\":\"red\",\"parts\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}"
		  ",{\"name\":\"d\"}]}",
		  NULL, "FieldValueTooMany", "spec.parts",
		  "Too many: 4: must have at most 3 items" },
		{ "{\"color\":\"red\",\"tags\":{\"k\":1}}", NULL, "FieldValueTypeInvalid",
		  "spec.tags.k",
		  "Invalid value: \"integer\": spec.tags.k in body must be of type string: "
		  "\"integer\"" },
		{ "{\"color\":\"red\",\"either\":{\"a\":\"1\",\"b\":\"2\"}}", NULL,
		  "FieldValueInvalid", "spec.either",
		  "Invalid value: {\"a\":\"1\",\"b\":\"2\"}: \"spec.either\" must validate one and "
		  "only one schema (oneOf). Found 2 valid alternatives" },
	};
	struct world world = world_of(widgets);

	for (size_t i = 0; i < RK_COUNT(cases); i++)
		run_case(&world, &cases[i]);
	world_done(&world);
}

Test(custom, names_unknown_fields)
{
	struct world world = world_of(widgets);
	const struct rk_kind *kind = widget(&world, "v1");
	struct rk_val *warnings = rk_val_list(&world.arena), *status = NULL;
	static const char given[] =
		"{\"metadata\":{\"name\":\"w\",\"lables\":{}},\"spec\":{\"color\":\"red\","
		"\"colour\":1,\"parts\":[{\"name\":\"a\",\"x\":1}]},\"extra\":{}}";

	cr_assert_eq(rk_schema_decode(&world.arena, kind, json_in(&world.arena, given),
				      RK_STRICT_WARN, warnings, &status),
		     RK_OK);
	cr_expect_str_eq(
		json_out(&world.arena, warnings),
		"[\"unknown field \\\"metadata.lables\\\" (did you mean \\\"labels\\\"?)\","
		"\"unknown field \\\"spec.colour\\\"\","
		"\"unknown field \\\"spec.parts[0].x\\\"\",\"unknown field \\\"extra\\\"\"]");
	cr_expect_eq(rk_schema_decode(&world.arena, kind, json_in(&world.arena, given),
				      RK_STRICT_STRICT, NULL, &status),
		     RK_EINVAL);
	cr_expect_eq(rk_val_int_at(status, "code", 0), 400);
	world_done(&world);
}

Test(custom, tables_show_what_the_definition_says)
{
	struct world world = world_of(widgets);
	struct rk_val *object = json_in(
		&world.arena, "{\"metadata\":{\"name\":\"w\",\"creationTimestamp\":"
			      "\"1970-01-01T00:00:00Z\"},\"spec\":{\"color\":\"red\",\"size\":4}}");

	cr_expect_str_eq(json_out(&world.arena, rk_table_cells(&world.arena, widget(&world, "v1"),
							       object, 60000)),
			 "[\"w\",\"red\",4]");
	cr_expect_str_eq(
		json_out(&world.arena,
			 rk_table_cells(&world.arena, widget(&world, "v1beta1"), object, 60000)),
		"[\"w\",\"60s\"]");
	world_done(&world);
}

/* --- definitions that are refused --- */

static void refused(const char *path, const char *value, const char *field, const char *reason)
{
	struct rk_arena arena = { 0 };
	struct rk_val *definition = json_in(&arena, widgets), *causes = rk_val_list(&arena);
	const struct rk_check check = { .arena = &arena, .causes = causes };
	bool is_found = false;

	rk_custom_default(&arena, definition);
	rk_custom_validate(&check, definition, NULL);
	cr_assert_eq(rk_val_count(causes), 0, "%s", json_out(&arena, causes));
	struct rk_val *at = strncmp(path, "v.", 2) == 0
				    ? rk_val_item(rk_val_at(definition, "spec.versions"), 0)
				    : definition;
	rk_val_set_at(&arena, at, at == definition ? path : path + 2, json_in(&arena, value));
	rk_custom_validate(&check, definition, NULL);
	for (uint32_t i = 0; i < rk_val_count(causes); i++)
		is_found |= rk_span_is(rk_val_text_at(rk_val_item(causes, i), "field"), field) &&
			    rk_span_is(rk_val_text_at(rk_val_item(causes, i), "reason"), reason);
	cr_expect(is_found, "%s = %s: %s", path, value, json_out(&arena, causes));
	rk_arena_done(&arena);
}

Test(custom, definitions_are_validated)
{
	static const char root[] = "spec.versions[0].schema.openAPIV3Schema";
	char field[256];

	refused("metadata.name", "\"odd\"", "metadata.name", "FieldValueInvalid");
	refused("spec.group", "\"example\"", "spec.group", "FieldValueInvalid");
	refused("spec.scope", "\"Planet\"", "spec.scope", "FieldValueNotSupported");
	refused("spec.names.kind", "\"\"", "spec.names.kind", "FieldValueRequired");
	refused("spec.names.listKind", "\"Widget\"", "spec.names.listKind", "FieldValueInvalid");
	refused("spec.names.shortNames", "[\"W_\"]", "spec.names.shortNames[0]",
		"FieldValueInvalid");
	refused("spec.versions", "[]", "spec.versions", "FieldValueInvalid");
	refused("v.storage", "false", "spec.versions", "FieldValueInvalid");
	refused("v.name", "\"v1beta1\"", "spec.versions", "FieldValueInvalid");
	refused("v.schema", "{}", root, "FieldValueRequired");
	refused("spec.conversion.strategy", "\"Webhook\"", "spec.conversion.strategy",
		"FieldValueForbidden");
	refused("spec.preserveUnknownFields", "true", "spec.preserveUnknownFields",
		"FieldValueInvalid");
	refused("v.subresources.scale.specReplicasPath", "\".status.n\"",
		"spec.versions[0].subresources.scale.specReplicasPath", "FieldValueInvalid");
	refused("v.additionalPrinterColumns",
		"[{\"name\":\"A\",\"type\":\"odd\",\"jsonPath\":\".a\"}]",
		"spec.versions[0].additionalPrinterColumns[0].type", "FieldValueNotSupported");
	(void)snprintf(field, sizeof field, "%s.properties[a].type", root);
	refused("v.schema.openAPIV3Schema.properties", "{\"a\":{}}", field, "FieldValueRequired");
	(void)snprintf(field, sizeof field, "%s.properties[a].items", root);
	refused("v.schema.openAPIV3Schema.properties", "{\"a\":{\"type\":\"array\"}}", field,
		"FieldValueRequired");
	(void)snprintf(field, sizeof field, "%s.properties[a].pattern", root);
	refused("v.schema.openAPIV3Schema.properties",
		"{\"a\":{\"type\":\"string\",\"pattern\":\"(\"}}", field, "FieldValueInvalid");
	(void)snprintf(field, sizeof field, "%s.x-kubernetes-validations", root);
	refused("v.schema.openAPIV3Schema.x-kubernetes-validations", "[{\"rule\":\"true\"}]", field,
		"FieldValueForbidden");
	(void)snprintf(field, sizeof field, "%s.allOf[0].type", root);
	refused("v.schema.openAPIV3Schema.allOf", "[{\"type\":\"object\"}]", field,
		"FieldValueForbidden");
}
