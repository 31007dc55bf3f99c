/* The rules of rights, certificates, policies, admission, flows, custom kinds, and of questions. */
#include "tests/control/rules.h"

#define CLUSTER      "\"metadata\":{\"name\":\"a\"}"
#define META         "\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"}"
#define NOT_NEGATIVE "must be greater than or equal to 0"
#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, NULL                                                             \
	}
#define RBAC "rbac.authorization.k8s.io"
#define SUBDOMAIN                                                                                  \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "  \
	"or "                                                                                      \
	"'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex "   \
	"used "                                                                                    \
	"for validation is "                                                                       \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define LABEL_1035                                                                                 \
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "  \
	"an "                                                                                      \
	"alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "       \
	"'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"

/* --- rights --- */

#define RULE "{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"]}"
static const char role[] = "{" META ",\"rules\":[" RULE "]}";
static const struct breach role_fresh[] = {
	{ "{\"metadata\":{\"name\":\"system:a.B\"}}", NULL, NULL, NULL },
	{ "{\"metadata\":{\"name\":\"a/b\"}}", "metadata.name", INVALID,
	  "Invalid value: \"a/b\": may not contain '/'" },
	{ "{\"metadata\":{\"name\":\"a%b\"}}", "metadata.name", INVALID,
	  "Invalid value: \"a%b\": may not contain '%'" },
	{ "{\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"]}]}", "rules[0].verbs",
	  REQUIRED, "Required value: verbs must contain at least one value" },
	{ "{\"rules\":[{\"verbs\":[\"get\"],\"resources\":[\"pods\"]}]}", "rules[0].apiGroups",
	  REQUIRED, "Required value: resource rules must supply at least one api group" },
	{ "{\"rules\":[" RULE ",{\"verbs\":[\"get\"],\"apiGroups\":[\"\"]}]}", "rules[1].resources",
	  REQUIRED, "Required value: resource rules must supply at least one resource" },
	{ "{\"rules\":[{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/x\"]}]}",
	  "rules[0].nonResourceURLs", INVALID,
	  "Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs" },
	END,
};

static const char cluster_role[] = "{" CLUSTER ",\"rules\":[" RULE "]}";
static const struct breach cluster_role_fresh[] = {
	{ "{\"rules\":[{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/x\"]}]}", NULL, NULL, NULL },
	{ "{\"rules\":[{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/x\"],\"apiGroups\":[\"\"]}]}",
	  "rules[0].nonResourceURLs", INVALID,
	  "Invalid value: [\"/x\"]: rules cannot apply to both regular resources and non-resource "
	  "URLs" },
	{ "{\"aggregationRule\":{\"clusterRoleSelectors\":[]}}",
	  "aggregationRule.clusterRoleSelectors", REQUIRED,
	  "Required value: at least one clusterRoleSelector required if aggregationRule is "
	  "non-nil" },
	{ "{\"aggregationRule\":{\"clusterRoleSelectors\":[{\"matchExpressions\":[{\"key\":\"a\","
	  "\"operator\":\"In\"}]}]}}",
	  "aggregationRule.clusterRoleSelectors[0].matchExpressions[0].values", REQUIRED,
	  "Required value: must be specified when `operator` is 'In' or 'NotIn'" },
	END,
};

static const char binding[] =
	"{" META ",\"roleRef\":{\"apiGroup\":\"" RBAC
	"\",\"kind\":\"Role\",\"name\":\"r\"},\"subjects\":[{\"kind\":\"User\",\"name\":\"u\"}]}";
static const struct breach binding_fresh[] = {
	{ "{\"roleRef\":{\"apiGroup\":\"x\"}}", "roleRef.apiGroup", UNSUPPORTED,
	  "Unsupported value: \"x\": supported values: \"" RBAC "\"" },
	{ "{\"roleRef\":{\"kind\":\"Roll\"}}", "roleRef.kind", UNSUPPORTED,
	  "Unsupported value: \"Roll\": supported values: \"Role\", \"ClusterRole\"" },
	{ "{\"roleRef\":{\"name\":null}}", "roleRef.name", REQUIRED, "Required value" },
	{ "{\"roleRef\":{\"name\":\"a/b\"}}", "roleRef.name", INVALID,
	  "Invalid value: \"a/b\": may not contain '/'" },
	{ "{\"subjects\":[{\"kind\":\"User\"}]}", "subjects[0].name", REQUIRED, "Required value" },
	{ "{\"subjects\":[{\"kind\":\"Robot\",\"name\":\"x\"}]}", "subjects[0].kind", UNSUPPORTED,
	  "Unsupported value: \"Robot\": supported values: \"ServiceAccount\", \"User\", "
	  "\"Group\"" },
	{ "{\"subjects\":[{\"kind\":\"Group\",\"name\":\"x\",\"apiGroup\":\"y\"}]}",
	  "subjects[0].apiGroup", UNSUPPORTED,
	  "Unsupported value: \"y\": supported values: \"" RBAC "\"" },
	{ "{\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"x\",\"apiGroup\":\"y\"}]}",
	  "subjects[0].apiGroup", UNSUPPORTED, "Unsupported value: \"y\": supported values: \"\"" },
	{ "{\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"X\"}]}", "subjects[0].name",
	  INVALID, "Invalid value: \"X\": " SUBDOMAIN },
	{ "{\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"x\"}]}", NULL, NULL, NULL },
	END,
};
static const struct breach binding_later[] = {
	{ "{\"subjects\":null}", NULL, NULL, NULL },
	{ "{\"roleRef\":{\"name\":\"s\"}}", "roleRef", INVALID,
	  "Invalid value: {\"apiGroup\":\"" RBAC "\",\"kind\":\"Role\",\"name\":\"s\"}: cannot "
	  "change roleRef" },
	END,
};

static const char cluster_binding[] =
	"{" CLUSTER ",\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"r\"},\"subjects\":[{"
	"\"kind\":\"User\",\"name\":\"u\"}]}";
static const struct breach cluster_binding_fresh[] = {
	{ "{\"roleRef\":{\"kind\":\"Role\"}}", "roleRef.kind", UNSUPPORTED,
	  "Unsupported value: \"Role\": supported values: \"ClusterRole\"" },
	{ "{\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"x\"}]}", "subjects[0].namespace",
	  REQUIRED, "Required value" },
	END,
};

Test(rules, rights)
{
	static const struct rule_book books[] = {
		{ "role", role, role_fresh, NULL },
		{ "clusterrole", cluster_role, cluster_role_fresh, NULL },
		{ "rolebinding", binding, binding_fresh, binding_later },
		{ "clusterrolebinding", cluster_binding, cluster_binding_fresh, NULL },
	};

	check_books(books, RK_COUNT(books));
}

/* --- certificates --- */

#define PEM                                                                                        \
	"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KQUFBQQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFV" \
	"RV"                                                                                       \
	"NULS0tLS0K"
static const char csr[] = "{" CLUSTER ",\"spec\":{\"request\":\"" PEM
			  "\",\"signerName\":\"a.io/b\",\"usages\":[\"client auth\"]}}";
static const struct breach csr_fresh[] = {
	{ "{\"metadata\":{\"name\":\"node:A\"}}", NULL, NULL, NULL },
	{ "{\"metadata\":{\"finalizers\":[\"foregroundDeletion\",\"mine\"]}}",
	  "metadata.finalizers[1]", INVALID,
	  "Invalid value: \"mine\": name is neither a standard finalizer name nor is it fully "
	  "qualified" },
	{ "{\"spec\":{\"request\":\"eA==\"}}", "spec.request", INVALID,
	  "Invalid value: \"eA==\": PEM block type must be CERTIFICATE REQUEST" },
	{ "{\"spec\":{\"usages\":null}}", "spec.usages", REQUIRED, "Required value" },
	{ "{\"spec\":{\"usages\":[\"signing\",\"signing\"]}}", "spec.usages[1]", DUPLICATE,
	  "Duplicate value: \"signing\"" },
	{ "{\"spec\":{\"signerName\":null}}", "spec.signerName", REQUIRED, "Required value" },
	{ "{\"spec\":{\"signerName\":\"kubernetes.io/legacy-unknown\"}}", "spec.signerName",
	  INVALID,
	  "Invalid value: \"kubernetes.io/legacy-unknown\": the legacy signerName is not allowed "
	  "via "
	  "this API version" },
	{ "{\"spec\":{\"signerName\":\"a.io\"}}", "spec.signerName", INVALID,
	  "Invalid value: \"a.io\": must be a fully qualified domain and path of the form "
	  "'example.com/signer-name'" },
	{ "{\"spec\":{\"signerName\":\"a/b\"}}", "spec.signerName", INVALID,
	  "Invalid value: \"a\": should be a domain with at least two segments separated by dots" },
	{ "{\"spec\":{\"signerName\":\"a.io/B\"}}", "spec.signerName", INVALID,
	  "Invalid value: \"B\": " SUBDOMAIN },
	{ "{\"spec\":{\"expirationSeconds\":599}}", "spec.expirationSeconds", INVALID,
	  "Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)" },
	{ "{\"status\":{\"conditions\":[{\"type\":\"Approved\",\"status\":\"False\"}]}}",
	  "status.conditions[0].status", UNSUPPORTED,
	  "Unsupported value: \"False\": supported values: \"True\"" },
	{ "{\"status\":{\"conditions\":[{\"type\":\"Approved\",\"status\":\"True\"},{\"type\":"
	  "\"Denied\",\"status\":\"True\"}]}}",
	  "status.conditions[1].type", INVALID,
	  "Invalid value: \"Denied\": Approved and Denied conditions are mutually exclusive" },
	END,
};

Test(rules, certificates)
{
	static const struct rule_book books[] = { { "csr", csr, csr_fresh, NULL } };

	check_books(books, RK_COUNT(books));
}

/* --- budgets, quotas, bounds, classes --- */

static const char budget[] = "{" META ",\"spec\":{\"minAvailable\":1,\"selector\":{}}}";
static const struct breach budget_fresh[] = {
	{ "{\"spec\":{\"minAvailable\":\"50%\"}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"maxUnavailable\":1}}", "spec", INVALID,
	  "Invalid value: {\"minAvailable\":1,\"selector\":{},\"maxUnavailable\":1}: minAvailable "
	  "and "
	  "maxUnavailable cannot be both set" },
	{ "{\"spec\":{\"minAvailable\":-1}}", "spec.minAvailable", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"minAvailable\":\"101%\"}}", "spec.minAvailable", INVALID,
	  "Invalid value: \"101%\": must not be greater than 100%" },
	{ "{\"spec\":{\"minAvailable\":\"some\"}}", "spec.minAvailable", INVALID,
	  "Invalid value: \"some\": a valid percent string must be a numeric string followed by an "
	  "ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')" },
	{ "{\"spec\":{\"minAvailable\":null,\"maxUnavailable\":-1}}", "spec.maxUnavailable",
	  INVALID, "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"unhealthyPodEvictionPolicy\":\"Odd\"}}", "spec.unhealthyPodEvictionPolicy",
	  UNSUPPORTED,
	  "Unsupported value: \"Odd\": supported values: \"AlwaysAllow\", \"IfHealthyBudget\"" },
	{ "{\"spec\":{\"selector\":{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\","
	  "\"values\":[\"x\"]}]}}}",
	  "spec.selector.matchExpressions[0].values", FORBIDDEN,
	  "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'" },
	END,
};

static const char quota[] =
	"{" META ",\"spec\":{\"hard\":{\"pods\":\"4\",\"requests.cpu\":\"1\"},\"scopes\":["
	"\"BestEffort\"]}}";
#define SCOPED(more) "{\"spec\":{\"scopeSelector\":{\"matchExpressions\":[{" more "}]}}}"
static const struct breach quota_fresh[] = {
	{ "{\"spec\":{\"hard\":{\"requests.nvidia.com/gpu\":\"4\",\"count/jobs.batch\":\"2\"}}}",
	  NULL, NULL, NULL },
	{ "{\"spec\":{\"hard\":{\"apples\":\"1\"}}}", "spec.hard[apples]", INVALID,
	  "Invalid value: \"apples\": must be a standard resource for quota" },
	{ "{\"spec\":{\"hard\":{\"pods\":\"-1\"}}}", "spec.hard[pods]", INVALID,
	  "Invalid value: \"-1\": " NOT_NEGATIVE },
	{ "{\"spec\":{\"hard\":{\"pods\":\"500m\"}}}", "spec.hard[pods]", INVALID,
	  "Invalid value: \"500m\": must be an integer" },
	{ "{\"spec\":{\"scopes\":[\"Best\"]}}", "spec.scopes", INVALID,
	  "Invalid value: [\"Best\"]: unsupported scope" },
	{ "{\"spec\":{\"scopes\":[\"BestEffort\",\"NotBestEffort\"]}}", "spec.scopes", INVALID,
	  "Invalid value: [\"BestEffort\",\"NotBestEffort\"]: conflicting scopes" },
	{ SCOPED("\"scopeName\":\"Best\",\"operator\":\"Exists\""),
	  "spec.scopeSelector.matchExpressions[0].scopeName", INVALID,
	  "Invalid value: \"Best\": unsupported scope" },
	{ SCOPED("\"scopeName\":\"PriorityClass\",\"operator\":\"In\""),
	  "spec.scopeSelector.matchExpressions[0].values", REQUIRED,
	  "Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope "
	  "selector" },
	{ SCOPED("\"scopeName\":\"PriorityClass\",\"operator\":\"Exists\",\"values\":[\"x\"]"),
	  "spec.scopeSelector.matchExpressions[0].values", INVALID,
	  "Invalid value: [\"x\"]: must be no value when `operator` is 'Exists' or 'DoesNotExist' "
	  "for "
	  "scope selector" },
	{ SCOPED("\"scopeName\":\"PriorityClass\",\"operator\":\"Near\""),
	  "spec.scopeSelector.matchExpressions[0].operator", INVALID,
	  "Invalid value: \"Near\": not a valid selector operator" },
	END,
};
static const struct breach quota_later[] = {
	{ "{\"spec\":{\"hard\":{\"pods\":\"5\"}}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"scopes\":null}}", "spec.scopes", INVALID,
	  "Invalid value: \"\": field is immutable" },
	END,
};

static const char limits[] = "{" META ",\"spec\":{\"limits\":[{\"type\":\"Pod\"}]}}";
#define LIMIT(more) "{\"spec\":{\"limits\":[{" more "}]}}"
static const struct breach limits_fresh[] = {
	{ LIMIT("\"type\":\"Shelf\""), "spec.limits[0].type", INVALID,
	  "Invalid value: \"Shelf\": must be a standard limit type or fully qualified" },
	{ LIMIT("\"type\":\"Pod\"},{\"type\":\"Pod\""), "spec.limits[1].type", DUPLICATE,
	  "Duplicate value: \"Pod\"" },
	{ LIMIT("\"type\":\"Pod\",\"default\":{\"cpu\":\"1\"}"), "spec.limits[0].default",
	  FORBIDDEN, "Forbidden: may not be specified when `type` is 'Pod'" },
	{ LIMIT("\"type\":\"Pod\",\"defaultRequest\":{\"cpu\":\"1\"}"),
	  "spec.limits[0].defaultRequest", FORBIDDEN,
	  "Forbidden: may not be specified when `type` is 'Pod'" },
	{ LIMIT("\"type\":\"PersistentVolumeClaim\""), "spec.limits[0]", REQUIRED,
	  "Required value: either minimum or maximum storage value is required, but neither was "
	  "provided" },
	{ LIMIT("\"type\":\"Pod\",\"min\":{\"cpu\":\"2\"},\"max\":{\"cpu\":\"1\"}"),
	  "spec.limits[0].min[cpu]", INVALID,
	  "Invalid value: \"2\": min value 2 is greater than max value 1" },
	{ LIMIT("\"type\":\"Container\",\"min\":{\"cpu\":\"2\"},\"defaultRequest\":{\"cpu\":\"1\"},"
		"\"default\":{\"cpu\":\"3\"}"),
	  "spec.limits[0].defaultRequest[cpu]", INVALID,
	  "Invalid value: \"1\": min value 2 is greater than default request value 1" },
	{ LIMIT("\"type\":\"Container\",\"defaultRequest\":{\"cpu\":\"3\"},\"default\":{\"cpu\":"
		"\"2\"}"),
	  "spec.limits[0].defaultRequest[cpu]", INVALID,
	  "Invalid value: \"3\": default request value 3 is greater than default limit value 2" },
	{ LIMIT("\"type\":\"Container\",\"defaultRequest\":{\"cpu\":\"1\"},\"default\":{\"cpu\":"
		"\"5\"},\"max\":{\"cpu\":\"4\"}"),
	  "spec.limits[0].default[cpu]", INVALID,
	  "Invalid value: \"4\": default value 5 is greater than max value 4" },
	{ LIMIT("\"type\":\"Pod\",\"maxLimitRequestRatio\":{\"cpu\":\"500m\"}"),
	  "spec.limits[0].maxLimitRequestRatio[cpu]", INVALID,
	  "Invalid value: \"500m\": ratio 500m is less than 1" },
	END,
};

static const char priority[] = "{" CLUSTER ",\"value\":5}";
static const struct breach priority_fresh[] = {
	{ "{\"value\":1000000001}", "value", FORBIDDEN,
	  "Forbidden: maximum allowed value of a user defined priority is 1000000000" },
	{ "{\"metadata\":{\"name\":\"system-x\"}}", "metadata.name", FORBIDDEN,
	  "Forbidden: priority class names with 'system-' prefix are reserved for system use only. "
	  "error: system-x is not a known system priority class" },
	{ "{\"metadata\":{\"name\":\"system-node-critical\"},\"value\":2000001000}", NULL, NULL,
	  NULL },
	{ "{\"preemptionPolicy\":\"Sometimes\"}", "preemptionPolicy", UNSUPPORTED,
	  "Unsupported value: \"Sometimes\": supported values: \"Never\", "
	  "\"PreemptLowerPriority\"" },
	{ "{\"metadata\":{\"name\":\"A\"}}", "metadata.name", INVALID,
	  "Invalid value: \"A\": " SUBDOMAIN },
	END,
};
static const struct breach priority_later[] = {
	{ "{\"description\":\"x\"}", NULL, NULL, NULL },
	{ "{\"value\":6}", "value", FORBIDDEN, "Forbidden: may not be changed in an update." },
	{ "{\"preemptionPolicy\":\"Never\"}", "preemptionPolicy", INVALID,
	  "Invalid value: \"Never\": field is immutable" },
	END,
};

static const char runtime[] = "{" CLUSTER ",\"handler\":\"h\"}";
static const struct breach runtime_fresh[] = {
	{ "{\"handler\":\"H\"}", "handler", INVALID,
	  "Invalid value: \"H\": a lowercase RFC 1123 label must consist of lower case "
	  "alphanumeric "
	  "characters or '-', and must start and end with an alphanumeric character (e.g. "
	  "'my-name', "
	  " or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')" },
	END,
};
static const struct breach runtime_later[] = {
	{ "{\"handler\":\"i\"}", "handler", INVALID, "Invalid value: \"i\": field is immutable" },
	END,
};

Test(rules, budgets_quotas_and_classes)
{
	static const struct rule_book books[] = {
		{ "pdb", budget, budget_fresh, NULL },
		{ "quota", quota, quota_fresh, quota_later },
		{ "limits", limits, limits_fresh, NULL },
		{ "pc", priority, priority_fresh, priority_later },
		{ "runtimeclass", runtime, runtime_fresh, runtime_later },
	};

	check_books(books, RK_COUNT(books));
}

/* --- what is not served yet, and what stands around it --- */

static const char webhooks[] = "{" CLUSTER "}";
static const struct breach webhooks_fresh[] = {
	{ "{\"webhooks\":[{\"name\":\"a.b.c\"}]}", "webhooks", FORBIDDEN,
	  "Forbidden: not served yet: admission webhooks would not be called" },
	END,
};

static const char policy[] =
	"{" CLUSTER ",\"spec\":{\"matchConstraints\":{\"resourceRules\":[{\"operations\":["
	"\"CREATE\"],\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"pods\"]}]},"
	"\"validations\":[{\"expression\":\"true\"}]}}";
static const struct breach policy_fresh[] = {
	{ "{\"spec\":{\"matchConstraints\":{\"resourceRules\":[]}}}",
	  "spec.matchConstraints.resourceRules", REQUIRED, "Required value" },
	{ "{\"spec\":{\"matchConstraints\":{\"resourceRules\":[{\"operations\":[\"CREATE\"],"
	  "\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"]}]}}}",
	  "spec.matchConstraints.resourceRules[0].resources", REQUIRED, "Required value" },
	{ "{\"spec\":{\"matchConstraints\":{\"matchPolicy\":\"Near\"}}}",
	  "spec.matchConstraints.matchPolicy", UNSUPPORTED,
	  "Unsupported value: \"Near\": supported values: \"Equivalent\", \"Exact\"" },
	{ "{\"spec\":{\"failurePolicy\":\"Near\"}}", "spec.failurePolicy", UNSUPPORTED,
	  "Unsupported value: \"Near\": supported values: \"Fail\", \"Ignore\"" },
	{ "{\"spec\":{\"validations\":[{\"message\":\"m\"}]}}", "spec.validations[0].expression",
	  REQUIRED, "Required value: expression is not specified" },
	{ "{\"spec\":{\"validations\":[{\"expression\":\"true\",\"message\":\"a\\nb\"}]}}",
	  "spec.validations[0].message", INVALID,
	  "Invalid value: \"a\\nb\": message must not contain line breaks" },
	{ "{\"spec\":{\"paramKind\":{\"apiVersion\":\"v1\"}}}", "spec.paramKind.kind", REQUIRED,
	  "Required value" },
	{ "{\"spec\":{\"variables\":[{\"name\":\"x\"}]}}", "spec.variables[0].expression", REQUIRED,
	  "Required value: expression is not specified" },
	{ "{\"spec\":{\"auditAnnotations\":[{\"key\":\"k\"}]}}",
	  "spec.auditAnnotations[0].valueExpression", REQUIRED,
	  "Required value: valueExpression is required" },
	END,
};

static const char api[] =
	"{\"metadata\":{\"name\":\"v1.a\"},\"spec\":{\"group\":\"a\",\"version\":\"v1\","
	"\"groupPriorityMinimum\":100,\"versionPriority\":10}}";
static const struct breach api_fresh[] = {
	{ "{\"metadata\":{\"name\":\"v2.a\"}}", "metadata.name", INVALID,
	  "Invalid value: \"v2.a\": must be `spec.version+\".\"+spec.group`: \"v1.a\"" },
	{ "{\"spec\":{\"groupPriorityMinimum\":0}}", "spec.groupPriorityMinimum", INVALID,
	  "Invalid value: 0: must be positive and less than 20000" },
	{ "{\"spec\":{\"versionPriority\":1001}}", "spec.versionPriority", INVALID,
	  "Invalid value: 1001: must be positive and less than 1000" },
	{ "{\"spec\":{\"caBundle\":\"eA==\"}}", "spec.caBundle", INVALID,
	  "Invalid value: \"...\": local APIServices may not have a caBundle" },
	{ "{\"spec\":{\"insecureSkipTLSVerify\":true}}", "spec.insecureSkipTLSVerify", INVALID,
	  "Invalid value: true: local APIServices may not have insecureSkipTLSVerify" },
	{ "{\"spec\":{\"service\":{\"namespace\":\"n\",\"name\":\"s\"}}}", "spec.service",
	  FORBIDDEN, "Forbidden: not served yet: requests would not reach another server" },
	{ "{\"metadata\":{\"name\":\"V1.a\"},\"spec\":{\"version\":\"V1\"}}", "spec.version",
	  INVALID, "Invalid value: \"V1\": " LABEL_1035 },
	END,
};

Test(rules, admission_and_aggregation)
{
	static const struct rule_book books[] = {
		{ "validatingwebhookconfiguration", webhooks, webhooks_fresh, NULL },
		{ "mutatingwebhookconfiguration", webhooks, webhooks_fresh, NULL },
		{ "validatingadmissionpolicy", policy, policy_fresh, NULL },
		{ "apiservice", api, api_fresh, NULL },
	};

	check_books(books, RK_COUNT(books));
}

/* No binding of a policy is right as long as nothing enforces it. */
Test(rules, bindings_of_policies_are_refused)
{
	static const struct breach refused = {
		"{\"spec\":{\"policyName\":\"p\",\"validationActions\":[\"Deny\"]}}", "spec",
		FORBIDDEN, "Forbidden: not served yet: admission policies would not be enforced"
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	check_breach(kind_named(kinds, "validatingadmissionpolicybinding"), "{" CLUSTER "}",
		     &refused, false);
	(void)rk_kinds_free(kinds);
}

/* --- custom kinds --- */

static const char crd[] =
	"{\"metadata\":{\"name\":\"widgets.a.io\"},\"spec\":{\"group\":\"a.io\",\"scope\":"
	"\"Namespaced\",\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\"},\"versions\":[{"
	"\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{"
	"\"type\":"
	"\"object\"}}}]}}";
#define VERSION(name, storage)                                                                     \
	"{\"name\":\"" name "\",\"served\":true,\"storage\":" storage                              \
	",\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}"
static const struct breach crd_fresh[] = {
	{ "{\"metadata\":{\"name\":\"gadgets.a.io\"}}", "metadata.name", INVALID,
	  "Invalid value: \"gadgets.a.io\": must be spec.names.plural+\".\"+spec.group" },
	{ "{\"metadata\":{\"name\":\"widgets.a\"},\"spec\":{\"group\":\"a\"}}", "spec.group",
	  INVALID, "Invalid value: \"a\": should be a domain with at least one dot" },
	{ "{\"spec\":{\"scope\":\"World\"}}", "spec.scope", UNSUPPORTED,
	  "Unsupported value: \"World\": supported values: \"Cluster\", \"Namespaced\"" },
	{ "{\"spec\":{\"scope\":null}}", "spec.scope", REQUIRED, "Required value" },
	{ "{\"spec\":{\"names\":{\"kind\":\"9w\",\"singular\":\"w\",\"listKind\":\"WidgetList\"}}}",
	  "spec.names.kind", INVALID,
	  "Invalid value: \"9w\": may have mixed case, but should otherwise match: " LABEL_1035 },
	{ "{\"spec\":{\"names\":{\"listKind\":\"Widget\"}}}", "spec.names.listKind", INVALID,
	  "Invalid value: \"Widget\": kind and listKind may not be the same" },
	{ "{\"spec\":{\"names\":{\"shortNames\":[\"W\"]}}}", "spec.names.shortNames[0]", INVALID,
	  "Invalid value: \"W\": " LABEL_1035 },
	{ "{\"spec\":{\"versions\":[" VERSION("v1", "true") "," VERSION("v2", "false") "]}}", NULL,
	  NULL, NULL },
	{ "{\"spec\":{\"versions\":[]}}", "spec.versions", INVALID,
	  "Invalid value: []: must have exactly one version marked as storage version" },
	{ "{\"spec\":{\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true}]}}",
	  "spec.versions[0].schema.openAPIV3Schema", REQUIRED,
	  "Required value: schemas are required" },
	{ "{\"spec\":{\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
	  "\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\","
	  "\"x-kubernetes-validations\":[{\"rule\":\"true\"}]}}}}}]}}",
	  "spec.versions[0].schema.openAPIV3Schema.properties[a].x-kubernetes-validations",
	  FORBIDDEN, "Forbidden: CEL rules are not served yet" },
	{ "{\"spec\":{\"conversion\":{\"strategy\":\"Webhook\"}}}", "spec.conversion.strategy",
	  FORBIDDEN, "Forbidden: not served yet: conversion webhooks would not be called" },
	{ "{\"spec\":{\"conversion\":{\"strategy\":\"Magic\"}}}", "spec.conversion.strategy",
	  UNSUPPORTED, "Unsupported value: \"Magic\": supported values: \"None\", \"Webhook\"" },
	{ "{\"spec\":{\"preserveUnknownFields\":true}}", "spec.preserveUnknownFields", INVALID,
	  "Invalid value: true: must be false" },
	END,
};
static const struct breach crd_later[] = {
	{ "{\"metadata\":{\"finalizers\":[\"customresourcecleanup.apiextensions.k8s.io\"]}}", NULL,
	  NULL, NULL },
	{ "{\"spec\":{\"names\":{\"shortNames\":[\"w\"]}}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"scope\":\"Cluster\"}}", "spec.scope", INVALID,
	  "Invalid value: \"Cluster\": field is immutable" },
	END,
};

Test(rules, custom_kinds)
{
	static const struct rule_book books[] = { { "crd", crd, crd_fresh, crd_later } };

	check_books(books, RK_COUNT(books));
}

/* --- flows --- */

#define WHO "\"subjects\":[{\"kind\":\"User\",\"user\":{\"name\":\"u\"}}]"
#define WHAT                                                                                       \
	"{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"namespaces\":[\"*"   \
	"\"]}"
static const char flow[] =
	"{" CLUSTER ",\"spec\":{\"priorityLevelConfiguration\":{\"name\":\"p\"},\"rules\":[{" WHO
	",\"resourceRules\":[" WHAT "]}]}}";
static const struct breach flow_fresh[] = {
	{ "{\"spec\":{\"matchingPrecedence\":0}}", "spec.matchingPrecedence", INVALID,
	  "Invalid value: 0: must be a positive value" },
	{ "{\"spec\":{\"matchingPrecedence\":10001}}", "spec.matchingPrecedence", INVALID,
	  "Invalid value: 10001: must not be greater than 10000" },
	{ "{\"spec\":{\"matchingPrecedence\":1}}", "spec.matchingPrecedence", INVALID,
	  "Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1" },
	{ "{\"spec\":{\"distinguisherMethod\":{\"type\":\"ByMood\"}}}",
	  "spec.distinguisherMethod.type", UNSUPPORTED,
	  "Unsupported value: \"ByMood\": supported values: \"ByNamespace\", \"ByUser\"" },
	{ "{\"spec\":{\"priorityLevelConfiguration\":null}}",
	  "spec.priorityLevelConfiguration.name", REQUIRED,
	  "Required value: must reference a priority level" },
	{ "{\"spec\":{\"rules\":[{\"resourceRules\":[" WHAT "]}]}}", "spec.rules[0].subjects",
	  REQUIRED, "Required value: subjects must contain at least one value" },
	{ "{\"spec\":{\"rules\":[{" WHO "}]}}", "spec.rules[0]", REQUIRED,
	  "Required value: at least one of resourceRules and nonResourceRules has to be "
	  "non-empty" },
	{ "{\"spec\":{\"rules\":[{\"subjects\":[{\"kind\":\"User\"}],\"resourceRules\":[" WHAT
	  "]}]}}",
	  "spec.rules[0].subjects[0].user", REQUIRED,
	  "Required value: user is required when subject kind is 'User'" },
	{ "{\"spec\":{\"rules\":[{\"subjects\":[{\"kind\":\"User\",\"user\":{\"name\":\"u\"},"
	  "\"group\":{\"name\":\"g\"}}],\"resourceRules\":[" WHAT "]}]}}",
	  "spec.rules[0].subjects[0].group", FORBIDDEN,
	  "Forbidden: group is forbidden when subject kind is not 'Group'" },
	{ "{\"spec\":{\"rules\":[{" WHO ",\"resourceRules\":[{\"verbs\":[\"get\"],\"apiGroups\":["
	  "\"\"],\"resources\":[\"pods\"]}]}]}}",
	  "spec.rules[0].resourceRules[0].namespaces", REQUIRED,
	  "Required value: resource rules that are not cluster scoped must supply at least one "
	  "namespace" },
	{ "{\"spec\":{\"rules\":[{" WHO
	  ",\"resourceRules\":[{\"verbs\":[\"*\",\"get\"],\"apiGroups\":"
	  "[\"\"],\"resources\":[\"pods\"],\"clusterScope\":true}]}]}}",
	  "spec.rules[0].resourceRules[0].verbs", INVALID,
	  "Invalid value: [\"*\",\"get\"]: if '*' is present, must not specify other verbs" },
	{ "{\"spec\":{\"rules\":[{" WHO ",\"nonResourceRules\":[{\"verbs\":[\"get\"]}]}]}}",
	  "spec.rules[0].nonResourceRules[0].nonResourceURLs", REQUIRED,
	  "Required value: nonResourceURLs must contain at least one value" },
	END,
};

static const char level[] =
	"{" CLUSTER ",\"spec\":{\"type\":\"Limited\",\"limited\":{\"limitResponse\":{\"type\":"
	"\"Queue\",\"queuing\":{}}}}}";
#define LIMITED(more) "{\"spec\":{\"limited\":{" more "}}}"
static const struct breach level_fresh[] = {
	{ "{\"spec\":{\"type\":\"Odd\"}}", "spec.type", UNSUPPORTED,
	  "Unsupported value: \"Odd\": supported values: \"Exempt\", \"Limited\"" },
	{ "{\"spec\":{\"type\":\"Exempt\"}}", "spec.limited", FORBIDDEN,
	  "Forbidden: must be nil if the type is not Limited" },
	{ "{\"spec\":{\"limited\":null}}", "spec.limited", REQUIRED,
	  "Required value: must not be empty when type is Limited" },
	{ "{\"spec\":{\"exempt\":{}}}", "spec.exempt", FORBIDDEN,
	  "Forbidden: must be nil if the type is Limited" },
	{ LIMITED("\"nominalConcurrencyShares\":-1"), "spec.limited.nominalConcurrencyShares",
	  INVALID, "Invalid value: -1: must be a non-negative integer" },
	{ LIMITED("\"lendablePercent\":101"), "spec.limited.lendablePercent", INVALID,
	  "Invalid value: 101: must be between 0 and 100, inclusive" },
	{ LIMITED("\"borrowingLimitPercent\":-1"), "spec.limited.borrowingLimitPercent", INVALID,
	  "Invalid value: -1: if specified, must be a non-negative integer" },
	{ LIMITED("\"limitResponse\":{\"queuing\":null}"), "spec.limited.limitResponse.queuing",
	  REQUIRED, "Required value: must not be empty if limiting means queuing" },
	{ LIMITED("\"limitResponse\":{\"type\":\"Reject\"}"), "spec.limited.limitResponse.queuing",
	  FORBIDDEN, "Forbidden: must be nil if limited.limitResponse.type is not Limited" },
	{ LIMITED("\"limitResponse\":{\"queuing\":{\"handSize\":0}}"),
	  "spec.limited.limitResponse.queuing.handSize", INVALID,
	  "Invalid value: 0: must be positive" },
	{ LIMITED("\"limitResponse\":{\"queuing\":{\"handSize\":65}}"),
	  "spec.limited.limitResponse.queuing.handSize", INVALID,
	  "Invalid value: 65: should not be greater than queues (64)" },
	{ LIMITED("\"limitResponse\":{\"queuing\":{\"queueLengthLimit\":0}}"),
	  "spec.limited.limitResponse.queuing.queueLengthLimit", INVALID,
	  "Invalid value: 0: must be positive" },
	END,
};

Test(rules, flows)
{
	static const struct rule_book books[] = {
		{ "flowschema", flow, flow_fresh, NULL },
		{ "prioritylevelconfiguration", level, level_fresh, NULL },
	};

	check_books(books, RK_COUNT(books));
}

/* --- questions --- */

static const char review[] = "{\"spec\":{\"user\":\"u\",\"resourceAttributes\":{\"verb\":\"get\","
			     "\"resource\":\"pods\"}}}";
static const struct breach review_fresh[] = {
	{ "{\"spec\":{\"resourceAttributes\":null}}", "spec.resourceAttributes", INVALID,
	  "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be "
	  "specified" },
	{ "{\"spec\":{\"nonResourceAttributes\":{\"path\":\"/\"}}}", "spec.nonResourceAttributes",
	  INVALID,
	  "Invalid value: {\"path\":\"/\"}: cannot be specified in combination with "
	  "resourceAttributes" },
	{ "{\"spec\":{\"user\":null}}", "spec.user", INVALID,
	  "Invalid value: \"\": at least one of user or group must be specified" },
	{ "{\"spec\":{\"user\":null,\"groups\":[\"g\"]}}", NULL, NULL, NULL },
	{ "{\"metadata\":{\"name\":\"x\"}}", "metadata", INVALID,
	  "Invalid value: {\"name\":\"x\"}: must be empty" },
	END,
};

static const char self_review[] = "{\"spec\":{\"nonResourceAttributes\":{\"path\":\"/\"}}}";
static const struct breach self_fresh[] = {
	{ "{\"spec\":{\"nonResourceAttributes\":null}}", "spec.resourceAttributes", INVALID,
	  "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be "
	  "specified" },
	END,
};

static const char local_review[] =
	"{\"metadata\":{\"namespace\":\"n\"},\"spec\":{\"user\":\"u\",\"resourceAttributes\":{"
	"\"verb\":\"get\",\"namespace\":\"n\"}}}";
static const struct breach local_fresh[] = {
	{ "{\"spec\":{\"resourceAttributes\":{\"namespace\":\"m\"}}}",
	  "spec.resourceAttributes.namespace", INVALID,
	  "Invalid value: \"m\": must match metadata.namespace" },
	{ "{\"spec\":{\"resourceAttributes\":null,\"nonResourceAttributes\":{\"path\":\"/\"}}}",
	  "spec.nonResourceAttributes", INVALID,
	  "Invalid value: {\"path\":\"/\"}: disallowed on this kind of request" },
	END,
};

static const char token_review[] = "{\"spec\":{\"token\":\"t\"}}";
static const struct breach token_fresh[] = {
	{ "{\"spec\":{\"token\":null}}", "spec.token", REQUIRED, "Required value" },
	END,
};

static const char target[] =
	"{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},\"target\":{\"name\":\"x\"}}";
static const struct breach target_fresh[] = {
	{ "{\"target\":{\"name\":null}}", "target.name", REQUIRED, "Required value" },
	{ "{\"target\":{\"kind\":\"Pod\"}}", "target.kind", UNSUPPORTED,
	  "Unsupported value: \"Pod\": supported values: \"Node\", \"<empty>\"" },
	END,
};

Test(rules, questions)
{
	static const struct rule_book books[] = {
		{ "subjectaccessreview", review, review_fresh, NULL },
		{ "selfsubjectaccessreview", self_review, self_fresh, NULL },
		{ "localsubjectaccessreview", local_review, local_fresh, NULL },
		{ "tokenreview", token_review, token_fresh, NULL },
		{ "binding", target, target_fresh, NULL },
	};

	check_books(books, RK_COUNT(books));
}
