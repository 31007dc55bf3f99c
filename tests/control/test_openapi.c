/* Discovery and OpenAPI: what clients look for in them. */
#include "base/mem.h"
#include "control/schema/discovery.h"
#include "tests/control/schema.h"

Test(openapi, discovery)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_arena arena = { 0 };

	cr_expect_str_eq(json_out(&arena, rk_discovery_api(&arena, RK_SPAN("h:1"))),
			 "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],"
			 "\"serverAddressByClientCIDRs\":[{\"clientCIDR\":"
			 "\"0.0.0.0/0\",\"serverAddress\":\"h:1\"}]}");
	cr_expect_str_eq(
		json_out(&arena, rk_discovery_group(&arena, kinds, RK_SPAN("apps"))),
		"{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",\"name\":\"apps\",\"versions\":[{"
		"\"groupVersion\":"
		"\"apps/v1\",\"version\":\"v1\"}],\"preferredVersion\":{\"groupVersion\":\"apps/"
		"v1\",\"version\":\"v1\"}}");
	cr_expect_str_eq(
		json_out(&arena, rk_discovery_group(&arena, kinds, RK_SPAN("autoscaling"))),
		"{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",\"name\":\"autoscaling\","
		"\"versions\":[{"
		"\"groupVersion\":\"autoscaling/v2\",\"version\":\"v2\"},{\"groupVersion\":"
		"\"autoscaling/v1\",\"version\":\"v1\"}],\"preferredVersion\":{\"groupVersion\":"
		"\"autoscaling/v2\",\"version\":\"v2\"}}");
	cr_expect_null(rk_discovery_group(&arena, kinds, RK_SPAN("extensions")));
	cr_expect_null(rk_discovery_group(&arena, kinds, RK_SPAN("")));
	cr_expect_eq(rk_val_count(rk_val_at(rk_discovery_groups(&arena, kinds), "groups")), 20);
	cr_expect_null(rk_discovery_resources(&arena, kinds, RK_SPAN("apps"), RK_SPAN("v2")));
	const struct rk_val *apps =
		rk_discovery_resources(&arena, kinds, RK_SPAN("apps"), RK_SPAN("v1"));
	cr_expect_str_eq(
		json_out(&arena, rk_val_item(rk_val_at(apps, "resources"), 4)),
		"{\"name\":\"deployments/"
		"scale\",\"singularName\":\"\",\"namespaced\":true,\"group\":\"autoscaling\","
		"\"version\":\"v1\",\"kind\":\"Scale\",\"verbs\":[\"get\",\"patch\",\"update\"]}");
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}

Test(openapi, aggregated_discovery)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_arena arena = { 0 };
	const struct rk_val *core = rk_discovery_aggregated(&arena, kinds, true, "v2");
	const struct rk_val *groups = rk_discovery_aggregated(&arena, kinds, false, "v2beta1");
	const struct rk_val *version =
		rk_val_item(rk_val_at(rk_val_item(rk_val_at(core, "items"), 0), "versions"), 0);

	cr_expect(rk_span_is(rk_val_text_at(core, "apiVersion"), "apidiscovery.k8s.io/v2"));
	cr_expect_eq(rk_val_count(rk_val_at(core, "items")), 1);
	cr_expect_eq(rk_val_count(rk_val_at(version, "resources")), 17);
	cr_expect(rk_span_is(rk_val_text_at(groups, "apiVersion"), "apidiscovery.k8s.io/v2beta1"));
	cr_expect_eq(rk_val_count(rk_val_at(groups, "items")), 20);
	const struct rk_val *autoscaling = NULL;
	for (uint32_t i = 0; i < rk_val_count(rk_val_at(groups, "items")); i++) {
		const struct rk_val *group = rk_val_item(rk_val_at(groups, "items"), i);
		if (rk_span_is(rk_val_text_at(group, "metadata.name"), "autoscaling"))
			autoscaling = group;
	}
	const struct rk_val *forms = rk_val_at(autoscaling, "versions");
	cr_assert_eq(rk_val_count(forms), 2);
	cr_expect(rk_span_is(rk_val_text_at(rk_val_item(forms, 0), "version"), "v2"));
	cr_expect(rk_span_is(rk_val_text_at(rk_val_item(forms, 1), "version"), "v1"));
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}

/* Every reference in the document leads somewhere. */
static void check_refs(const struct rk_val *val, const struct rk_val *schemas,
		       struct rk_span prefix)
{
	const struct rk_span ref = rk_val_is(val, RK_VAL_MAP)
					   ? rk_val_text(rk_val_get(val, RK_SPAN("$ref")))
					   : (struct rk_span){ NULL, 0 };

	if (ref.size > 0) {
		cr_expect(rk_span_starts(ref, prefix));
		cr_expect_not_null(rk_val_get(schemas, rk_span_sub(ref, prefix.size, ref.size)),
				   "%.*s", RK_SPAN_ARGS(ref));
	}
	for (uint32_t i = 0; i < rk_val_count(val); i++)
		check_refs(val->kind == RK_VAL_LIST ? val->items[i] : val->fields[i].val, schemas,
			   prefix);
}

static bool has_parameter(const struct rk_val *operation, const char *name)
{
	const struct rk_val *list = rk_val_at(operation, "parameters");

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(list, i), "name"), name))
			return true;
	return false;
}

Test(openapi, version_3)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_arena arena = { 0 };
	const struct rk_val *apps = rk_openapi_v3(&arena, kinds, RK_SPAN("apps"), RK_SPAN("v1"));
	const struct rk_val *schemas = rk_val_at(apps, "components.schemas");
	const struct rk_val *path =
		rk_val_get(rk_val_at(apps, "paths"),
			   RK_SPAN("/apis/apps/v1/namespaces/{namespace}/deployments/{name}"));
	const struct rk_val *patch = rk_val_at(path, "patch");

	cr_assert_not_null(patch);
	cr_expect(has_parameter(patch, "fieldValidation") && has_parameter(patch, "dryRun"));
	cr_expect_str_eq(json_out(&arena, rk_val_at(patch, "x-kubernetes-group-version-kind")),
			 "{\"group\":\"apps\",\"kind\":\"Deployment\",\"version\":\"v1\"}");
	check_refs(apps, schemas, RK_SPAN("#/components/schemas/"));
	const struct rk_val *spec = rk_val_get(schemas, RK_SPAN("io.k8s.api.core.v1.PodSpec"));
	cr_expect_str_eq(
		json_out(&arena, rk_val_at(spec, "properties.containers")),
		"{\"description\":\"The programs that run side by side; at least "
		"one.\",\"type\":\"array\",\"items\":{"
		"\"$ref\":\"#/components/schemas/"
		"io.k8s.api.core.v1.Container\"},\"x-kubernetes-list-map-keys\":[\"name\"],"
		"\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-patch-merge-key\":\"name\","
		"\"x-kubernetes-patch-strategy\":\"merge\"}");
	cr_expect_null(rk_openapi_v3(&arena, kinds, RK_SPAN("apps"), RK_SPAN("v2")));
	const struct rk_val *root = rk_openapi_root(&arena, kinds);
	const struct rk_val *one = rk_val_get(rk_val_at(root, "paths"), RK_SPAN("apis/apps/v1"));
	cr_expect(rk_span_starts(rk_val_text_at(one, "serverRelativeURL"),
				 RK_SPAN("/openapi/v3/apis/apps/v1?hash=")));
	cr_expect_not_null(rk_val_get(rk_val_at(root, "paths"), RK_SPAN("api/v1")));
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}

/* Walks a protobuf message: true when it is well formed; counts the fields of number `wanted`. */
static bool walk(struct rk_span message, uint64_t wanted, size_t *ret_count)
{
	struct rk_reader reader = rk_reader_of(message);

	*ret_count = 0;
	while (rk_reader_left(&reader) > 0 && !reader.failed) {
		const uint64_t tag = rk_read_varint(&reader);
		*ret_count += tag >> 3 == wanted;
		if ((tag & 7) == 0)
			(void)rk_read_varint(&reader);
		else if ((tag & 7) == 2)
			(void)rk_read_bytes(&reader);
		else
			return false;
	}
	return !reader.failed;
}

/* The content of the first field of that number. */
static struct rk_span field_of(struct rk_span message, uint64_t wanted)
{
	struct rk_reader reader = rk_reader_of(message);

	while (rk_reader_left(&reader) > 0 && !reader.failed) {
		const uint64_t tag = rk_read_varint(&reader);
		const struct rk_span bytes = (tag & 7) == 2 ? rk_read_bytes(&reader) : RK_SPAN("");
		if ((tag & 7) == 0)
			(void)rk_read_varint(&reader);
		if (tag >> 3 == wanted)
			return bytes;
	}
	return RK_SPAN("");
}

Test(openapi, version_2)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_arena arena = { 0 };
	struct rk_buf bytes = { 0 };
	const struct rk_val *document = rk_openapi_v2(&arena, kinds);
	size_t count = 0;

	check_refs(document, rk_val_at(document, "definitions"), RK_SPAN("#/definitions/"));
	rk_openapi_v2_proto(&bytes, document);
	cr_expect(walk(rk_buf_span(&bytes), 9, &count));
	cr_expect_eq(count, 1);
	cr_expect(rk_span_is(field_of(rk_buf_span(&bytes), 1), "2.0"));
	cr_expect(walk(field_of(rk_buf_span(&bytes), 9), 1, &count));
	cr_expect_eq(count, rk_val_count(rk_val_at(document, "definitions")));
	cr_expect(walk(field_of(rk_buf_span(&bytes), 8), 2, &count));
	cr_expect_eq(count, rk_val_count(rk_val_at(document, "paths")));
	rk_buf_done(&bytes);
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}
