/* The registry of kinds. */
#include <stdlib.h>

#include "base/mem.h"
#include "control/schema/packed.h"
#include "node/files_io.h"
#include "tests/control/schema.h"

Test(kinds, names_that_people_type)
{
	static const struct {
		const char *name, *resource; /* NULL: none */
	} cases[] = {
		{ "pods", "pods" },
		{ "po", "pods" },
		{ "Pod", "pods" },
		{ "PODS", "pods" },
		{ "deploy", "deployments.apps" },
		{ "deployments.apps", "deployments.apps" },
		{ "deployment.v1.apps", "deployments.apps" },
		{ "pods.v1.", "pods" },
		{ "pods.v1", "pods" },
		{ "no", "nodes" },
		{ "ep", "endpoints" },
		{ "endpointslices", "endpointslices.discovery.k8s.io" },
		{ "lease.coordination.k8s.io", "leases.coordination.k8s.io" },
		{ "pods.apps", NULL },
		{ "deployments.v2.apps", NULL },
		{ "", NULL },
		{ "podz", NULL },
		{ "sa", "serviceaccounts" },
		{ "rs", "replicasets.apps" },
		{ "hpa", "horizontalpodautoscalers.autoscaling" },
		{ "hpa.v1.autoscaling", "horizontalpodautoscalers.autoscaling" },
		{ "events", "events" },
		{ "events.events.k8s.io", "events" }, /* stored as the other */
		{ "crd", "customresourcedefinitions.apiextensions.k8s.io" },
		{ "netpol", "networkpolicies.networking.k8s.io" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const struct rk_kind *kind = rk_kinds_by_name(kinds, rk_span_str(cases[i].name));
		cr_expect_eq(kind != NULL, cases[i].resource != NULL, "%s", cases[i].name);
		if (kind != NULL && cases[i].resource != NULL)
			cr_expect_str_eq(kind->resource, cases[i].resource, "%s", cases[i].name);
	}
	cr_expect_eq(rk_kinds_count(kinds), 60);
	(void)rk_kinds_free(kinds);
}

Test(kinds, the_nearest_name)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_type *spec = rk_types_by_name(kinds, RK_SPAN("DeploymentSpec"));
	unsigned apart = 0;

	cr_expect_str_eq(rk_kinds_nearest(kinds, RK_SPAN("deploymnets")), "deployments");
	cr_expect_str_eq(rk_kinds_nearest(kinds, RK_SPAN("srevices")), "services");
	cr_expect_null(rk_kinds_nearest(kinds, RK_SPAN("widgets")));
	cr_expect_str_eq(rk_type_nearest(spec, RK_SPAN("replcias")), "replicas");
	cr_expect_str_eq(rk_type_nearest(spec, RK_SPAN("Template")), "template");
	cr_expect_null(rk_type_nearest(spec, RK_SPAN("colour")));
	cr_expect(rk_names_near(RK_SPAN("replcias"), RK_SPAN("replicas"), &apart));
	cr_expect_eq(apart, 1);
	cr_expect_not(rk_names_near(RK_SPAN("a"), RK_SPAN("b"), &apart));
	cr_expect_not(rk_names_near(RK_SPAN(""), RK_SPAN("b"), &apart));
	(void)rk_kinds_free(kinds);
}

Test(kinds, lookups)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_kind *pods =
		rk_kinds_by_plural(kinds, RK_SPAN(""), RK_SPAN("v1"), RK_SPAN("pods"));

	cr_assert_not_null(pods);
	cr_expect_eq(pods, rk_kinds_of(kinds, RK_SPAN("v1"), RK_SPAN("Pod")));
	cr_expect_eq(pods, rk_kinds_by_kind(kinds, RK_SPAN(""), RK_SPAN("v1"), RK_SPAN("Pod")));
	cr_expect(rk_kind_has_sub(pods, RK_SPAN("exec")));
	cr_expect(rk_kind_has_sub(pods, RK_SPAN("portforward")));
	cr_expect(rk_kind_has_sub(pods, RK_SPAN("attach")));
	cr_expect(rk_kind_has_sub(pods, RK_SPAN("proxy")));
	cr_expect_not(rk_kind_has_sub(pods, RK_SPAN("scale")));
	cr_expect(pods->has_status && !pods->has_scale && pods->namespaced);
	cr_expect(rk_kind_has_verb(pods, RK_SPAN("deletecollection")));
	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		cr_expect_eq(kind, rk_kinds_by_plural(kinds, rk_span_str(kind->group),
						      rk_span_str(kind->version),
						      rk_span_str(kind->plural)));
		cr_expect_eq(kind->stored,
			     rk_kinds_by_resource(kinds, rk_span_str(kind->resource)));
		cr_expect_eq(kind->is_request, kind->verbs[0] != NULL && kind->verbs[1] == NULL);
	}
	cr_expect_null(rk_kinds_by_resource(kinds, RK_SPAN("events.events.k8s.io")));
	for (size_t i = 1; i < rk_types_count(kinds); i++)
		cr_expect_lt(strcmp(rk_types_at(kinds, i - 1)->name, rk_types_at(kinds, i)->name),
			     0);
	cr_expect_lt(rk_kinds_bytes(kinds), 512 * 1024);
	(void)rk_kinds_free(kinds);
}

/* What is cut short or changed is refused, or loads as something else; it never leads outside. */
Test(kinds, damaged_bytes)
{
	uint8_t *bytes = rk_memdup(rk_kinds_packed, rk_kinds_packed_size);
	const struct rk_kinds *kinds = NULL;
	uint64_t random = 88172645463325252u;

	for (size_t size = 0; size < rk_kinds_packed_size; size += 97) {
		uint8_t *cut = rk_memdup(bytes, size + 1);
		cr_expect_eq(rk_kinds_load(rk_span_of(cut, size), &kinds, NULL), RK_EINVAL, "%zu",
			     size);
		free(cut);
	}
	for (int round = 0; round < 400; round++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		const size_t at = random % rk_kinds_packed_size;
		const uint8_t was = bytes[at];
		bytes[at] = (uint8_t)(random >> 40);
		if (rk_kinds_load(rk_span_of(bytes, rk_kinds_packed_size), &kinds, NULL) == RK_OK)
			kinds = rk_kinds_free(kinds);
		bytes[at] = was;
	}
	free(bytes);
}

static void put_list(struct rk_buf *out, const char *const *texts, const char *otherwise)
{
	for (size_t i = 0; texts[i] != NULL; i++)
		rk_buf_printf(out, "%s%s", i > 0 ? ", " : "", texts[i]);
	if (texts[0] == NULL)
		rk_buf_put_str(out, otherwise);
}

/* docs/kinds.md has a line for each kind, which says what the registry says. */
Test(kinds, the_manual_tells_of_each)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_arena arena = { 0 };
	struct rk_buf manual = { 0 };
	const char *path = rk_arena_printf(&arena, "%s/docs/kinds.md", getenv("RK_SOURCE_DIR"));

	cr_assert_eq(rk_file_read(path, 1024 * 1024, &manual, NULL), RK_OK, "%s", path);
	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		const struct rk_kind *pods = kind_named(kinds, "pods");
		struct rk_buf line = { 0 };
		size_t verbs = 0, all = 0;
		while (kind->verbs[verbs] != NULL)
			verbs++;
		while (pods->verbs[all] != NULL)
			all++;
		rk_buf_printf(&line, "| %s | %s", kind->kind, kind->plural);
		if (kind->short_names[0] != NULL) {
			rk_buf_put_str(&line, " (");
			put_list(&line, kind->short_names, "");
			rk_buf_put_str(&line, ")");
		}
		rk_buf_put_str(&line, " | ");
		if (verbs == all)
			rk_buf_put_str(&line, "all");
		else
			put_list(&line, kind->verbs, "");
		rk_buf_put_str(&line, " | ");
		put_list(&line, kind->subresources, "-");
		rk_buf_put_str(&line, " | ");
		cr_expect_not_null(strstr(rk_buf_cstr(&manual), rk_buf_cstr(&line)),
				   "docs/kinds.md has no line \"%s\"", rk_buf_cstr(&line));
		rk_buf_done(&line);
	}
	rk_buf_done(&manual);
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}
