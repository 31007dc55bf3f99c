/* Decoding and defaulting. */
#include "base/mem.h"
#include "control/schema/schema.h"
#include "tests/control/schema.h"

Test(schema, what_is_refused)
{
	static const struct {
		const char *kind, *object, *message;
	} cases[] = {
		{ "deploy", "{\"spec\":{\"replcias\":3}}",
		  "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding "
		  "error: unknown field "
		  "\"spec.replcias\" (did you mean \"replicas\"?)" },
		{ "deploy",
		  "{\"spec\":{\"zzz\":3,\"template\":{\"spec\":{\"containers\":[{\"q\":1}]}}}}",
		  "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding "
		  "error: unknown field "
		  "\"spec.zzz\", unknown field \"spec.template.spec.containers[0].q\"" },
		{ "deploy", "{\"spec\":{\"replicas\":\"3\"}}",
		  "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot "
		  "unmarshal string into Go "
		  "struct field DeploymentSpec.spec.replicas of type int32" },
		{ "deploy", "{\"spec\":{\"replicas\":99999999999}}",
		  "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot "
		  "unmarshal number "
		  "99999999999 into Go struct field DeploymentSpec.spec.replicas of type int32" },
		{ "pods", "{\"spec\":{\"containers\":{}}}",
		  "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal object "
		  "into Go struct field "
		  "PodSpec.spec.containers of type []v1.Container" },
		{ "cm", "{\"data\":{\"a\":1}}",
		  "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot "
		  "unmarshal number into Go "
		  "struct field ConfigMap.data of type string" },
		{ "secret", "{\"data\":{\"a\":\"%%%\"}}",
		  "Secret in version \"v1\" cannot be handled as a Secret: data[a]: illegal base64 "
		  "data at input byte 0" },
		{ "pods",
		  "{\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"cpu\":\"x\"}}}]}}",
		  "Pod in version \"v1\" cannot be handled as a Pod: "
		  "spec.containers[0].resources.limits[cpu]: quantities "
		  "must match the regular expression "
		  "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'" },
		{ "pods", "{\"metadata\":{\"creationTimestamp\":\"now\"}}",
		  "Pod in version \"v1\" cannot be handled as a Pod: metadata.creationTimestamp: "
		  "parsing time \"now\" as "
		  "\"2006-01-02T15:04:05Z07:00\": cannot parse" },
		{ "pods", "{\"kind\":\"Node\"}",
		  "the kind in the data (Node) does not match the expected kind (Pod)" },
		{ "deploy", "{\"apiVersion\":\"v1\"}",
		  "the API version in the data (v1) does not match the expected API version "
		  "(apps/v1)" },
		{ "pods", "[]",
		  "Pod in version \"v1\" cannot be handled as a Pod: the body is not an object" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_val *status = NULL;
		const int err = rk_schema_decode(&arena, kind_named(kinds, cases[i].kind),
						 json_in(&arena, cases[i].object), RK_STRICT_STRICT,
						 NULL, &status);
		cr_assert_eq(err, RK_EINVAL, "%s", cases[i].object);
		cr_expect_str_eq(rk_arena_str(&arena, rk_val_text_at(status, "message")),
				 cases[i].message);
		cr_expect_eq(rk_val_int_at(status, "code", 0), 400);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(schema, the_normal_form)
{
	static const struct {
		const char *kind, *in, *out;
	} cases[] = {
		{ "cm",
		  "{\"metadata\":{\"creationTimestamp\":null,\"labels\":{}},\"data\":{\"a\":null}}",
		  "{\"metadata\":{},\"data\":{\"a\":\"\"},\"kind\":\"ConfigMap\",\"apiVersion\":"
		  "\"v1\"}" },
		{ "pods",
		  "{\"spec\":{\"hostNetwork\":false,\"nodeName\":\"\","
		  "\"terminationGracePeriodSeconds\":0,\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}"
		  "}]}}",
		  "{\"spec\":{\"terminationGracePeriodSeconds\":0,\"volumes\":[{\"name\":\"v\","
		  "\"emptyDir\":{}}]},\"kind\":\"Pod\",\"apiVersion\":\"v1\"}" },
		{ "no", "{\"status\":{\"capacity\":{\"cpu\":2,\"memory\":\"1024Mi\",\"x\":0.5}}}",
		  "{\"status\":{\"capacity\":{\"cpu\":\"2\",\"memory\":\"1Gi\",\"x\":\"500m\"}},"
		  "\"kind\":\"Node\",\"apiVersion\":\"v1\"}" },
		{ "lease",
		  "{\"spec\":{\"renewTime\":\"2026-01-02T05:04:05.123456+02:00\"},\"metadata\":{"
		  "\"creationTimestamp\":\"2026-01-02T03:04:05.9Z\"}}",
		  "{\"spec\":{\"renewTime\":\"2026-01-02T03:04:05.123456Z\"},\"metadata\":{"
		  "\"creationTimestamp\":\"2026-01-02T03:04:05Z\"},\"kind\":\"Lease\","
		  "\"apiVersion\":\"coordination.k8s.io/v1\"}" },
		{ "cm", "{\"dta\":{\"a\":\"b\"}}",
		  "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\"}" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_val *status = NULL, *object = json_in(&arena, cases[i].in),
			      *warnings = rk_val_list(&arena);
		cr_assert_eq(rk_schema_decode(&arena, kind_named(kinds, cases[i].kind), object,
					      RK_STRICT_WARN, warnings, &status),
			     RK_OK, "%s", cases[i].in);
		cr_expect_str_eq(json_out(&arena, object), cases[i].out);
		cr_expect_str_eq(
			json_out(&arena, warnings),
			i == 4 ? "[\"unknown field \\\"dta\\\" (did you mean \\\"data\\\"?)\"]"
			       : "[]");
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(schema, defaults)
{
	static const struct {
		const char *kind, *object, *path, *value;
	} cases[] = {
		{ "deploy",
		  "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":"
		  "\"x\"}]}}}}",
		  "spec",
		  "{\"template\":{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"x\","
		  "\"resources\":{},"
		  "\"terminationMessagePath\":\"/dev/"
		  "termination-log\",\"terminationMessagePolicy\":\"File\","
		  "\"imagePullPolicy\":\"Always\"}],\"dnsPolicy\":\"ClusterFirst\","
		  "\"restartPolicy\":\"Always\","
		  "\"schedulerName\":\"default-scheduler\",\"securityContext\":{},"
		  "\"terminationGracePeriodSeconds\":30}},"
		  "\"progressDeadlineSeconds\":600,\"replicas\":1,\"revisionHistoryLimit\":10,"
		  "\"strategy\":{\"type\":"
		  "\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":\"25%\",\"maxSurge\":"
		  "\"25%\"}}}" },
		{ "svc", "{\"spec\":{\"ports\":[{\"port\":80}]}}", "spec",
		  "{\"ports\":[{\"port\":80,\"protocol\":\"TCP\",\"targetPort\":80}],"
		  "\"sessionAffinity\":\"None\",\"type\":"
		  "\"ClusterIP\",\"internalTrafficPolicy\":\"Cluster\"}" },
		{ "svc", "{\"spec\":{\"type\":\"NodePort\",\"sessionAffinity\":\"ClientIP\"}}",
		  "spec",
		  "{\"type\":\"NodePort\",\"sessionAffinity\":\"ClientIP\","
		  "\"sessionAffinityConfig\":{\"clientIP\":{"
		  "\"timeoutSeconds\":10800}},\"externalTrafficPolicy\":\"Cluster\","
		  "\"internalTrafficPolicy\":\"Cluster\"}" },
		{ "secret", "{\"stringData\":{\"a\":\"hi\",\"b\":\"\"},\"data\":{\"a\":\"b2xk\"}}",
		  "data", "{\"a\":\"aGk=\",\"b\":\"\"}" },
		{ "secret", "{}", "type", "\"Opaque\"" },
		{ "pods",
		  "{\"spec\":{\"volumes\":[{\"name\":\"v\"},{\"name\":\"c\",\"configMap\":{"
		  "\"name\":\"x\"}}]}}",
		  "spec.volumes",
		  "[{\"name\":\"v\",\"emptyDir\":{}},{\"name\":\"c\",\"configMap\":{\"name\":\"x\","
		  "\"defaultMode\":420}}]" },
		{ "pods", "{\"spec\":{\"serviceAccount\":\"me\"}}", "spec.serviceAccountName",
		  "\"me\"" },
		{ "pods", "{\"spec\":{}}", "spec.enableServiceLinks", "true" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_val *object = json_in(&arena, cases[i].object);
		rk_schema_default(&arena, kind_named(kinds, cases[i].kind), object);
		cr_expect_str_eq(json_out(&arena, rk_val_at(object, cases[i].path)),
				 cases[i].value);
		const char *once = json_out(&arena, object);
		rk_schema_default(&arena, kind_named(kinds, cases[i].kind), object);
		cr_expect_str_eq(json_out(&arena, object), once, "twice is the same as once");
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(schema, pull_policy_and_requests)
{
	static const char *const images[][2] = {
		{ "x", "Always" },
		{ "x:latest", "Always" },
		{ "x:1", "IfNotPresent" },
		{ "h:5000/x", "Always" },
		{ "h:5000/x:2", "IfNotPresent" },
		{ "x@sha256:ab", "IfNotPresent" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(images); i++) {
		struct rk_arena arena = { 0 };
		struct rk_val *pod = json_in(
			&arena, rk_arena_printf(&arena,
						"{\"spec\":{\"containers\":[{\"image\":\"%s\","
						"\"resources\":{\"limits\":{\"cpu\":\"1\"}}}]}}",
						images[i][0]));
		rk_schema_default(&arena, kind_named(kinds, "pods"), pod);
		const struct rk_val *container = rk_val_item(rk_val_at(pod, "spec.containers"), 0);
		cr_expect(rk_span_is(rk_val_text_at(container, "imagePullPolicy"), images[i][1]),
			  "%s", images[i][0]);
		cr_expect(rk_span_is(rk_val_text_at(container, "resources.requests.cpu"), "1"));
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}
