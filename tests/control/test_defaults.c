/* What is filled into each kind, as upstream's SetDefaults_* do it. */
#include "base/mem.h"
#include "control/schema/schema.h"
#include "tests/control/schema.h"

struct fill { /* the value at `path` once `object` was completed; value NULL: nothing */
	const char *kind, *object, *path, *value;
};

static void check(const struct fill *cases, size_t count)
{
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < count; i++) {
		struct rk_arena arena = { 0 };
		const struct rk_kind *kind = kind_named(kinds, cases[i].kind);
		struct rk_val *object = json_in(&arena, cases[i].object);
		rk_schema_default(&arena, kind, object);
		const struct rk_val *has = rk_val_at(object, cases[i].path);
		if (cases[i].value == NULL) {
			cr_expect_null(has, "%s %s", cases[i].kind, cases[i].path);
		} else {
			const struct rk_val *wanted = json_in(&arena, cases[i].value);
			cr_expect(has != NULL && rk_val_eq(has, wanted), "%s %s:\n%s\n%s",
				  cases[i].kind, cases[i].path,
				  has != NULL ? json_out(&arena, has) : "(nothing)",
				  cases[i].value);
		}
		struct rk_val *once = rk_val_copy(&arena, object);
		rk_schema_default(&arena, kind, object);
		cr_expect(rk_val_eq(object, once), "%s: twice is the same as once", cases[i].kind);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

#define TEMPLATE                                                                                   \
	"\"template\":{\"metadata\":{\"labels\":{\"x\":\"y\"}},\"spec\":{\"containers\":[{"        \
	"\"name\":"                                                                                \
	"\"c\",\"image\":\"i\"}]}}"
#define POD_POLICY "template.spec.restartPolicy", "\"Always\""

Test(defaults, workloads)
{
	static const struct fill cases[] = {
		{ "sts", "{\"spec\":{" TEMPLATE "}}", "spec.replicas", "1" },
		{ "sts", "{\"spec\":{" TEMPLATE "}}", "spec.podManagementPolicy",
		  "\"OrderedReady\"" },
		{ "sts", "{\"spec\":{" TEMPLATE "}}", "spec.revisionHistoryLimit", "10" },
		{ "sts", "{\"spec\":{" TEMPLATE "}}", "spec.updateStrategy",
		  "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"partition\":0}}" },
		{ "sts", "{\"spec\":{\"updateStrategy\":{\"type\":\"OnDelete\"}}}",
		  "spec.updateStrategy", "{\"type\":\"OnDelete\"}" },
		{ "sts", "{\"spec\":{" TEMPLATE "}}", "spec.persistentVolumeClaimRetentionPolicy",
		  "{\"whenDeleted\":\"Retain\",\"whenScaled\":\"Retain\"}" },
		{ "sts", "{\"spec\":{" TEMPLATE "}}", "spec." POD_POLICY },
		{ "sts",
		  "{\"spec\":{\"volumeClaimTemplates\":[{\"metadata\":{\"name\":\"d\"},\"spec\":{}}"
		  "]}}",
		  "spec.volumeClaimTemplates",
		  "[{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"metadata\":{"
		  "\"name\":\"d\"},\"spec\":{\"volumeMode\":\"Filesystem\"},\"status\":{\"phase\":"
		  "\"Pending\"}}]" },
		{ "ds", "{\"spec\":{" TEMPLATE "}}", "spec.updateStrategy",
		  "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":1,"
		  "\"maxSurge\":0}}" },
		{ "ds", "{\"spec\":{" TEMPLATE "}}", "spec.revisionHistoryLimit", "10" },
		{ "ds", "{\"spec\":{" TEMPLATE "}}", "spec." POD_POLICY },
		{ "rc", "{\"spec\":{" TEMPLATE "}}", "spec.selector", "{\"x\":\"y\"}" },
		{ "rc", "{\"spec\":{" TEMPLATE "}}", "metadata.labels", "{\"x\":\"y\"}" },
		{ "rc", "{\"spec\":{\"selector\":{\"a\":\"b\"}," TEMPLATE "}}", "spec.selector",
		  "{\"a\":\"b\"}" },
		{ "rc", "{\"spec\":{" TEMPLATE "}}", "spec.replicas", "1" },
		{ "podtemplate", "{" TEMPLATE "}", POD_POLICY },
		{ "job", "{\"spec\":{}}", "spec.completions", "1" },
		{ "job", "{\"spec\":{}}", "spec.parallelism", "1" },
		{ "job", "{\"spec\":{\"parallelism\":3}}", "spec.completions", NULL },
		{ "job", "{\"spec\":{\"completions\":3}}", "spec.parallelism", "1" },
		{ "job", "{\"spec\":{}}", "spec.backoffLimit", "6" },
		{ "job", "{\"spec\":{\"backoffLimitPerIndex\":2}}", "spec.backoffLimit",
		  "2147483647" },
		{ "job", "{\"spec\":{}}", "spec.completionMode", "\"NonIndexed\"" },
		{ "job", "{\"spec\":{}}", "spec.suspend", "false" },
		{ "job", "{\"spec\":{}}", "spec.manualSelector", "false" },
		{ "job", "{\"spec\":{}}", "spec.podReplacementPolicy", "\"TerminatingOrFailed\"" },
		{ "job",
		  "{\"spec\":{\"podFailurePolicy\":{\"rules\":[{\"onPodConditions\":[{\"type\":"
		  "\"x\"}]}]}}}",
		  "spec.podReplacementPolicy", "\"Failed\"" },
		{ "job",
		  "{\"spec\":{\"podFailurePolicy\":{\"rules\":[{\"onPodConditions\":[{\"type\":"
		  "\"x\"}]}]}}}",
		  "spec.podFailurePolicy.rules",
		  "[{\"onPodConditions\":[{\"type\":\"x\",\"status\":\"True\"}]}]" },
		{ "job", "{\"spec\":{" TEMPLATE "}}", "metadata.labels", "{\"x\":\"y\"}" },
		{ "cj", "{\"spec\":{}}", "spec",
		  "{\"concurrencyPolicy\":\"Allow\",\"suspend\":false,"
		  "\"successfulJobsHistoryLimit\":3,\"failedJobsHistoryLimit\":1}" },
		/* the job in it waits for its own defaults until it is made */
		{ "cj", "{\"spec\":{\"jobTemplate\":{\"spec\":{" TEMPLATE "}}}}",
		  "spec.jobTemplate.spec.backoffLimit", NULL },
		{ "cj", "{\"spec\":{\"jobTemplate\":{\"spec\":{" TEMPLATE "}}}}",
		  "spec.jobTemplate.spec." POD_POLICY },
	};

	check(cases, RK_COUNT(cases));
}

#define UP                                                                                         \
	"{\"stabilizationWindowSeconds\":0,\"selectPolicy\":\"Max\",\"policies\":[{\"type\":"      \
	"\"Pods\",\"value\":4,\"periodSeconds\":15},{\"type\":\"Percent\",\"value\":100,"          \
	"\"periodSeconds\":15}]}"
#define DOWN                                                                                       \
	"{\"selectPolicy\":\"Max\",\"policies\":[{\"type\":\"Percent\",\"value\":100,"             \
	"\"periodSeconds\":15}]}"

Test(defaults, scaling_and_budgets)
{
	static const struct fill cases[] = {
		{ "hpa", "{\"spec\":{\"maxReplicas\":3}}", "spec.minReplicas", "1" },
		{ "hpa", "{\"spec\":{\"maxReplicas\":3}}", "spec.metrics",
		  "[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":"
		  "\"Utilization\",\"averageUtilization\":80}}}]" },
		{ "hpa", "{\"spec\":{\"metrics\":[{\"type\":\"Pods\"}]}}", "spec.metrics",
		  "[{\"type\":\"Pods\"}]" },
		{ "hpa", "{\"spec\":{}}", "spec.behavior", NULL },
		{ "hpa", "{\"spec\":{\"behavior\":{}}}", "spec.behavior",
		  "{\"scaleUp\":" UP ",\"scaleDown\":" DOWN "}" },
		{ "hpa",
		  "{\"spec\":{\"behavior\":{\"scaleDown\":{\"selectPolicy\":\"Disabled\","
		  "\"stabilizationWindowSeconds\":9}}}}",
		  "spec.behavior.scaleDown",
		  "{\"selectPolicy\":\"Disabled\",\"stabilizationWindowSeconds\":9,\"policies\":[{"
		  "\"type\":\"Percent\",\"value\":100,\"periodSeconds\":15}]}" },
		{ "limits",
		  "{\"spec\":{\"limits\":[{\"type\":\"Container\",\"max\":{\"cpu\":\"4\"},\"min\":{"
		  "\"cpu\":\"1\",\"memory\":\"1Gi\"},\"default\":{\"pods\":\"2\"}},{\"type\":"
		  "\"Pod\",\"max\":{\"cpu\":\"4\"}}]}}",
		  "spec.limits",
		  "[{\"type\":\"Container\",\"max\":{\"cpu\":\"4\"},\"min\":{\"cpu\":\"1\","
		  "\"memory\":\"1Gi\"},\"default\":{\"pods\":\"2\",\"cpu\":\"4\"},"
		  "\"defaultRequest\":{\"pods\":\"2\",\"cpu\":\"4\",\"memory\":\"1Gi\"}},{\"type\":"
		  "\"Pod\",\"max\":{\"cpu\":\"4\"}}]" },
		{ "limits", "{\"spec\":{\"limits\":[{\"type\":\"Container\"}]}}", "spec.limits",
		  "[{\"type\":\"Container\"}]" },
		{ "pc", "{\"value\":1}", "preemptionPolicy", "\"PreemptLowerPriority\"" },
	};

	check(cases, RK_COUNT(cases));
}

Test(defaults, networks_and_rights)
{
	static const struct fill cases[] = {
		{ "netpol", "{\"spec\":{\"podSelector\":{}}}", "spec.policyTypes",
		  "[\"Ingress\"]" },
		{ "netpol", "{\"spec\":{\"egress\":[{}]}}", "spec.policyTypes",
		  "[\"Ingress\",\"Egress\"]" },
		{ "netpol", "{\"spec\":{\"policyTypes\":[\"Egress\"]}}", "spec.policyTypes",
		  "[\"Egress\"]" },
		{ "netpol", "{\"spec\":{\"ingress\":[{\"ports\":[{\"port\":80}]}]}}",
		  "spec.ingress", "[{\"ports\":[{\"port\":80,\"protocol\":\"TCP\"}]}]" },
		{ "ingressclass", "{\"spec\":{\"parameters\":{\"kind\":\"K\",\"name\":\"n\"}}}",
		  "spec.parameters.scope", "\"Cluster\"" },
		{ "ingressclass", "{\"spec\":{}}", "spec.parameters", NULL },
		{ "rolebinding",
		  "{\"roleRef\":{\"kind\":\"Role\",\"name\":\"r\"},\"subjects\":[{\"kind\":"
		  "\"User\",\"name\":\"u\"},{\"kind\":\"Group\",\"name\":\"g\"},{\"kind\":"
		  "\"ServiceAccount\",\"name\":\"s\",\"namespace\":\"n\"}]}",
		  "subjects",
		  "[{\"kind\":\"User\",\"name\":\"u\",\"apiGroup\":\"rbac.authorization.k8s.io\"},{"
		  "\"kind\":\"Group\",\"name\":\"g\",\"apiGroup\":\"rbac.authorization.k8s.io\"},{"
		  "\"kind\":\"ServiceAccount\",\"name\":\"s\",\"namespace\":\"n\"}]" },
		{ "clusterrolebinding", "{\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"r\"}}",
		  "roleRef.apiGroup", "\"rbac.authorization.k8s.io\"" },
		{ "validatingadmissionpolicy",
		  "{\"spec\":{\"matchConstraints\":{\"resourceRules\":[{\"operations\":[\"*\"]}]}}"
		  "}",
		  "spec",
		  "{\"failurePolicy\":\"Fail\",\"matchConstraints\":{\"matchPolicy\":"
		  "\"Equivalent\",\"namespaceSelector\":{},\"objectSelector\":{},"
		  "\"resourceRules\":[{\"operations\":[\"*\"],\"scope\":\"*\"}]}}" },
		{ "apiservice", "{\"spec\":{\"service\":{\"name\":\"s\"}}}", "spec.service.port",
		  "443" },
		{ "crd", "{\"spec\":{\"names\":{\"kind\":\"WidgetSet\"}}}", "spec",
		  "{\"names\":{\"kind\":\"WidgetSet\",\"singular\":\"widgetset\",\"listKind\":"
		  "\"WidgetSetList\"},\"conversion\":{\"strategy\":\"None\"}}" },
		{ "flowschema", "{\"spec\":{}}", "spec.matchingPrecedence", "1000" },
		{ "prioritylevelconfiguration",
		  "{\"spec\":{\"type\":\"Limited\",\"limited\":{\"limitResponse\":{\"type\":"
		  "\"Queue\",\"queuing\":{}}}}}",
		  "spec.limited",
		  "{\"nominalConcurrencyShares\":30,\"lendablePercent\":0,\"limitResponse\":{"
		  "\"type\":\"Queue\",\"queuing\":{\"queues\":64,\"handSize\":8,"
		  "\"queueLengthLimit\":50}}}" },
		{ "prioritylevelconfiguration", "{\"spec\":{\"exempt\":{}}}", "spec.exempt",
		  "{\"nominalConcurrencyShares\":0,\"lendablePercent\":0}" },
	};

	check(cases, RK_COUNT(cases));
}

Test(defaults, storage)
{
	static const struct fill cases[] = {
		{ "pv", "{\"spec\":{\"rbd\":{\"monitors\":[\"m\"],\"image\":\"i\"}}}", "spec",
		  "{\"rbd\":{\"monitors\":[\"m\"],\"image\":\"i\",\"pool\":\"rbd\",\"user\":"
		  "\"admin\",\"keyring\":\"/etc/ceph/keyring\"},"
		  "\"persistentVolumeReclaimPolicy\":\"Retain\",\"volumeMode\":\"Filesystem\"}" },
		{ "pv", "{\"spec\":{\"iscsi\":{}}}", "spec.iscsi",
		  "{\"iscsiInterface\":\"default\"}" },
		{ "pv", "{\"spec\":{\"scaleIO\":{}}}", "spec.scaleIO",
		  "{\"storageMode\":\"ThinProvisioned\",\"fsType\":\"xfs\"}" },
		{ "pvc", "{\"spec\":{}}", "spec.volumeMode", "\"Filesystem\"" },
		/* what is only true of a volume of its own */
		{ "volumeattachment", "{\"spec\":{\"source\":{\"inlineVolumeSpec\":{\"csi\":{}}}}}",
		  "spec.source.inlineVolumeSpec", "{\"csi\":{}}" },
		{ "sc", "{\"provisioner\":\"p\"}", "reclaimPolicy", "\"Delete\"" },
		{ "sc", "{\"provisioner\":\"p\"}", "volumeBindingMode", "\"Immediate\"" },
		{ "csidriver", "{\"spec\":{}}", "spec",
		  "{\"attachRequired\":true,\"podInfoOnMount\":false,\"volumeLifecycleModes\":["
		  "\"Persistent\"],\"storageCapacity\":false,\"fsGroupPolicy\":"
		  "\"ReadWriteOnceWithFSType\",\"requiresRepublish\":false,\"seLinuxMount\":"
		  "false}" },
	};

	check(cases, RK_COUNT(cases));
}
