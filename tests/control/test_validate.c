/* The rules of each kind: path, reason and text of what breaks them. Each case is a merge patch on
 * an object that is right. */
#include "base/mem.h"
#include "control/schema/patch.h"
#include "control/schema/schema.h"
#include "control/status.h"
#include "tests/control/rules.h"

static const char *good(const char *kind)
{
	static const char *const objects[][2] = {
		{ "deploy", "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"spec\":{"
			    "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
			    "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"
			    "\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}}}" },
		{ "pods", "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"spec\":{"
			  "\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}" },
		{ "svc", "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"spec\":{"
			 "\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":80}]}}" },
		{ "cm",
		  "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"data\":{\"k\":\"v\"}}" },
		{ "secret",
		  "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"data\":{\"k\":\"dg==\"}}" },
		{ "ns", "{\"metadata\":{\"name\":\"a\"}}" },
		{ "no", "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"podCIDR\":\"10.1.0.0/24\"}}" },
		{ "lease", "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"spec\":{"
			   "\"leaseDurationSeconds\":40}}" },
		{ "endpointslice",
		  "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"addressType\":\"IPv4\","
		  "\"endpoints\":[{\"addresses\":[\"10.0.0.1\"]}]}" },
		{ "ep", "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"subsets\":[{"
			"\"addresses\":[{\"ip\":\"10.0.0.1\"}],\"ports\":[{\"port\":80}]}]}" },
	};

	for (size_t i = 0; i < RK_COUNT(objects); i++)
		if (strcmp(objects[i][0], kind) == 0)
			return objects[i][1];
	cr_assert_fail("%s", kind);
	return "";
}

struct broken {
	const char *kind, *patch;
	const char *field; /* NULL: nothing is broken */
	const char *reason, *message;
};

static void check(const struct rk_kinds *kinds, const struct broken *broken, bool is_update)
{
	const struct breach breach = { broken->patch, broken->field, broken->reason, broken->message };

	check_breach(kind_named(kinds, broken->kind), good(broken->kind), &breach, is_update);
}

#define CONTAINER(more) "{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"," more "}]}}"

Test(validate, what_is_new)
{
	static const struct broken cases[] = {
		{ "deploy", "{}", NULL, NULL, NULL },
		{ "pods", "{}", NULL, NULL, NULL },
		{ "svc", "{}", NULL, NULL, NULL },
		{ "ns", "{}", NULL, NULL, NULL },
		{ "endpointslice", "{}", NULL, NULL, NULL },
		{ "ep", "{}", NULL, NULL, NULL },
		{ "lease", "{}", NULL, NULL, NULL },
		{ "cm", "{\"metadata\":{\"name\":null}}", "metadata.name", REQUIRED,
		  "Required value: name or generateName is required" },
		{ "cm", "{\"metadata\":{\"name\":null,\"generateName\":\"a-\"}}", NULL, NULL,
		  NULL },
		{ "ns", "{\"metadata\":{\"name\":\"a.b\"}}", "metadata.name", INVALID,
		  "Invalid value: \"a.b\": a lowercase RFC 1123 label must consist of lower case "
		  "alphanumeric characters or "
		  "'-', and must start and end with an alphanumeric character (e.g. 'my-name',  or "
		  "'123-abc', regex used for "
		  "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')" },
		{ "ns", "{\"metadata\":{\"namespace\":\"x\"}}", "metadata.namespace", FORBIDDEN,
		  "Forbidden: not allowed on this type" },
		{ "cm", "{\"metadata\":{\"finalizers\":[\"mine\"]}}", "metadata.finalizers[0]",
		  INVALID,
		  "Invalid value: \"mine\": name is neither a standard finalizer name nor is it "
		  "fully qualified" },
		{ "cm",
		  "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
		  "\"name\":\"p\"}]}}",
		  "metadata.ownerReferences[0].uid", INVALID,
		  "Invalid value: \"\": must not be empty" },
		{ "cm", "{\"data\":{\"a b\":\"\"}}", "data[a b]", INVALID,
		  "Invalid value: \"a b\": a valid config key must consist of alphanumeric "
		  "characters, '-', '_' or '.' (e.g. "
		  "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
		  "'[-._a-zA-Z0-9]+')" },
		{ "secret", "{\"type\":\"kubernetes.io/dockercfg\"}", "data[.dockercfg]", REQUIRED,
		  "Required value" },
		{ "deploy", "{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"c\"}}}}",
		  "spec.template.metadata.labels", INVALID,
		  "Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`" },
		{ "deploy", "{\"spec\":{\"selector\":null}}", "spec.selector", REQUIRED,
		  "Required value" },
		{ "deploy", "{\"spec\":{\"replicas\":-1}}", "spec.replicas", INVALID,
		  "Invalid value: -1: must be greater than or equal to 0" },
		{ "deploy", "{\"spec\":{\"strategy\":{\"type\":\"Sometimes\"}}}",
		  "spec.strategy.type", "FieldValueNotSupported",
		  "Unsupported value: \"Sometimes\": supported values: \"Recreate\", "
		  "\"RollingUpdate\"" },
		{ "deploy",
		  "{\"spec\":{\"strategy\":{\"rollingUpdate\":{\"maxSurge\":0,\"maxUnavailable\":"
		  "\"0%\"}}}}",
		  "spec.strategy.rollingUpdate.maxUnavailable", INVALID,
		  "Invalid value: \"0%\": may not be 0 when `maxSurge` is 0" },
		{ "deploy", "{\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\"}}}}",
		  "spec.template.spec.restartPolicy", "FieldValueNotSupported",
		  "Unsupported value: \"Never\": supported values: \"Always\"" },
		{ "deploy",
		  "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\"}]}}}}",
		  "spec.template.spec.containers[0].image", REQUIRED, "Required value" },
		{ "pods", "{\"spec\":{\"containers\":[]}}", "spec.containers", REQUIRED,
		  "Required value" },
		{ "pods",
		  "{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"},{\"name\":\"c\","
		  "\"image\":\"x\"}]}}",
		  "spec.containers[1].name", DUPLICATE, "Duplicate value: \"c\"" },
		{ "pods", CONTAINER("\"ports\":[{\"containerPort\":70000}]"),
		  "spec.containers[0].ports[0].containerPort", INVALID,
		  "Invalid value: 70000: must be between 1 and 65535, inclusive" },
		{ "pods", CONTAINER("\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\"}]"),
		  "spec.containers[0].volumeMounts[0].name", "FieldValueNotFound",
		  "Not found: \"v\"" },
		{ "pods", CONTAINER("\"livenessProbe\":{\"periodSeconds\":5}"),
		  "spec.containers[0].livenessProbe", REQUIRED,
		  "Required value: must specify a handler type" },
		{ "pods",
		  CONTAINER("\"livenessProbe\":{\"exec\":{\"command\":[\"a\"]},\"tcpSocket\":{"
			    "\"port\":1}}"),
		  "spec.containers[0].livenessProbe.tcpSocket", FORBIDDEN,
		  "Forbidden: may not specify more than 1 handler type" },
		{ "pods",
		  CONTAINER("\"readinessProbe\":{\"tcpSocket\":{\"port\":80},"
			    "\"initialDelaySeconds\":-1}"),
		  "spec.containers[0].readinessProbe.initialDelaySeconds", INVALID,
		  "Invalid value: -1: must be greater than or equal to 0" },
		{ "pods",
		  CONTAINER("\"resources\":{\"limits\":{\"cpu\":\"1\"},\"requests\":{\"cpu\":\"2\"}"
			    "}"),
		  "spec.containers[0].resources.requests", INVALID,
		  "Invalid value: \"2\": must be less than or equal to cpu limit of 1" },
		{ "pods", CONTAINER("\"resources\":{\"requests\":{\"gpu\":\"2\"}}"),
		  "spec.containers[0].resources.requests[gpu]", INVALID,
		  "Invalid value: \"gpu\": must be a standard resource for containers" },
		{ "pods", CONTAINER("\"imagePullPolicy\":\"Maybe\""),
		  "spec.containers[0].imagePullPolicy", "FieldValueNotSupported",
		  "Unsupported value: \"Maybe\": supported values: \"Always\", \"IfNotPresent\", "
		  "\"Never\"" },
		{ "pods", CONTAINER("\"env\":[{\"name\":\"a\",\"valueFrom\":{}}]"),
		  "spec.containers[0].env[0].valueFrom", INVALID,
		  "Invalid value: {}: must specify one of: `fieldRef`, `resourceFieldRef`, "
		  "`configMapKeyRef` or `secretKeyRef`" },
		{ "pods",
		  "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{},\"hostPath\":{\"path\":"
		  "\"/\"}}]}}",
		  "spec.volumes[0].hostPath", FORBIDDEN,
		  "Forbidden: may not specify more than 1 volume type" },
		{ "pods", "{\"spec\":{\"tolerations\":[{\"value\":\"x\"}]}}",
		  "spec.tolerations[0].operator", INVALID,
		  "Invalid value: \"\": operator must be Exists when `key` is empty, which means "
		  "\"match all values and all keys\"" },
		{ "svc", "{\"metadata\":{\"name\":\"9a\"}}", "metadata.name", INVALID,
		  "Invalid value: \"9a\": a DNS-1035 label must consist of lower case alphanumeric "
		  "characters or '-', start with an "
		  "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  "
		  "or 'abc-123', regex used for "
		  "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')" },
		{ "svc", "{\"spec\":{\"ports\":[]}}", "spec.ports", REQUIRED, "Required value" },
		{ "svc", "{\"spec\":{\"ports\":[{\"port\":80,\"name\":\"a\"},{\"port\":81}]}}",
		  "spec.ports[1].name", REQUIRED, "Required value" },
		{ "svc", "{\"spec\":{\"type\":\"External\"}}", "spec.type",
		  "FieldValueNotSupported",
		  "Unsupported value: \"External\": supported values: \"ClusterIP\", "
		  "\"ExternalName\", \"LoadBalancer\", \"NodePort\"" },
		{ "svc", "{\"spec\":{\"clusterIP\":\"x\"}}", "spec.clusterIPs[0]", INVALID,
		  "Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or "
		  "2001:db8::ffff)" },
		{ "lease", "{\"spec\":{\"leaseDurationSeconds\":0}}", "spec.leaseDurationSeconds",
		  INVALID, "Invalid value: 0: must be greater than 0" },
		{ "endpointslice", "{\"addressType\":\"IPv6\"}", "endpoints[0].addresses[0]",
		  INVALID, "Invalid value: \"10.0.0.1\": must be a valid IPv6 address" },
		{ "endpointslice", "{\"addressType\":null}", "addressType", REQUIRED,
		  "Required value" },
		{ "no", "{\"spec\":{\"taints\":[{\"key\":\"a\"}]}}", "spec.taints[0].effect",
		  REQUIRED, "Required value" },
		{ "ep", "{\"subsets\":[{\"ports\":[{\"port\":80}]}]}", "subsets[0]", REQUIRED,
		  "Required value: must specify `addresses` or `notReadyAddresses`" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++)
		check(kinds, &cases[i], false);
	(void)rk_kinds_free(kinds);
}

Test(validate, what_changes)
{
	static const struct broken cases[] = {
		{ "deploy", "{\"spec\":{\"replicas\":7}}", NULL, NULL, NULL },
		{ "deploy",
		  "{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":null,\"x\":\"y\"}},\"template\":"
		  "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}}}",
		  "spec.selector", INVALID,
		  "Invalid value: {\"matchLabels\":{\"x\":\"y\"}}: field is immutable" },
		{ "pods",
		  "{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"y:1\","
		  "\"imagePullPolicy\":\"Always\"}]}}",
		  NULL, NULL, NULL },
		{ "pods",
		  "{\"spec\":{\"tolerations\":[{\"operator\":\"Exists\"}],"
		  "\"activeDeadlineSeconds\":5}}",
		  NULL, NULL, NULL },
		{ "pods", "{\"spec\":{\"hostname\":\"h\"}}", "spec", FORBIDDEN,
		  "Forbidden: pod updates may not change fields other than "
		  "`spec.containers[*].image`,"
		  "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` "
		  "(only additions to existing "
		  "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if "
		  "it was previously negative)" },
		{ "svc", "{\"spec\":{\"clusterIP\":\"10.0.0.2\"}}", "spec.clusterIPs[0]", INVALID,
		  "Invalid value: \"10.0.0.2\": field is immutable" },
		{ "svc",
		  "{\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"a.b\",\"clusterIP\":"
		  "null}}",
		  NULL, NULL, NULL },
		{ "secret", "{\"type\":\"x\"}", "type", INVALID,
		  "Invalid value: \"x\": field is immutable" },
		{ "no", "{\"spec\":{\"podCIDR\":\"10.2.0.0/24\"}}", "spec.podCIDR", FORBIDDEN,
		  "Forbidden: node updates may not change podCIDR except from \"\" to valid" },
		{ "cm", "{\"metadata\":{\"name\":\"b\"}}", "metadata.name", INVALID,
		  "Invalid value: \"b\": field is immutable" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++)
		check(kinds, &cases[i], true);
	(void)rk_kinds_free(kinds);
}

Test(validate, sizes_and_the_status)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_kind *kind = kind_named(kinds, "cm");
	struct rk_arena arena = { 0 };
	struct rk_val *object = patched(&arena, kind, good("cm"), "{}"), *causes = rk_val_list(&arena);
	uint8_t *bytes = rk_arena_alloc(&arena, 1024 * 1024);

	memset(bytes, 'x', 1024 * 1024);
	rk_val_put_str(&arena, rk_val_at(object, "data"), "k", rk_span_of(bytes, 1024 * 1024));
	rk_schema_validate(&arena, kind, object, NULL, causes);
	cr_expect_eq(rk_val_count(causes), 0);
	rk_val_put_cstr(&arena, rk_val_at(object, "data"), "l", "y");
	rk_val_put_str(&arena, rk_val_make(&arena, object, "metadata.annotations"), "a",
		       rk_span_of(bytes, 256 * 1024));
	rk_schema_validate(&arena, kind, object, NULL, causes);
	const struct rk_val *status =
		rk_status_invalid(&arena, RK_SPAN(""), RK_SPAN("ConfigMap"), RK_SPAN("a"), causes);
	cr_expect_str_eq(rk_arena_str(&arena, rk_val_text_at(status, "message")),
			 "ConfigMap \"a\" is invalid: [metadata.annotations: Too long: may not be "
			 "more than 262144 bytes, : "
			 "Too long: may not be more than 1048576 bytes]");
	cr_expect_eq(rk_val_int_at(status, "code", 0), 422);
	cr_expect(rk_span_is(rk_val_text_at(status, "details.kind"), "ConfigMap"));
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}
