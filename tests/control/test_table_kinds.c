/* Tables: the cells of the kinds whose rows are data. */
#include "base/mem.h"
#include "control/schema/table.h"
#include "tests/control/schema.h"

static const int64_t now_ms = 1767323045000; /* 2026-01-02T03:04:05Z */

#define AGE  "\"creationTimestamp\":\"2026-01-02T03:03:30Z\"" /* 35s */
#define META "\"metadata\":{\"name\":\"a\"," AGE "}"
#define GONE "\"metadata\":{\"name\":\"a\"," AGE ",\"deletionTimestamp\":\"2026-01-02T03:04:00Z\"}"
#define POD                                                                                        \
	"\"template\":{\"metadata\":{\"labels\":{\"x\":\"y\"}},\"spec\":{\"nodeSelector\":{\"d\":" \
	"\"e\"},\"containers\":[{\"name\":\"c\",\"image\":\"i\"},{\"name\":\"d\",\"image\":\"j\"}" \
	"]}}"
#define SELECTOR "\"selector\":{\"matchLabels\":{\"x\":\"y\"}}"
#define SUBJECTS                                                                                   \
	"\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"r\"},\"subjects\":[{\"kind\":\"User\","  \
	"\"name\":\"u\"},{\"kind\":\"User\",\"name\":\"v\"},{\"kind\":\"Group\",\"name\":\"g\"},"  \
	"{\"kind\":\"ServiceAccount\",\"name\":\"s\",\"namespace\":\"n\"}]"
#define BOUND "[\"a\",\"ClusterRole/r\",\"35s\",\"u, v\",\"g\",\"n/s\"]"

struct row {
	const char *kind, *object, *cells;
};

static const struct row rights[] = {
	{ "role", "{" META "}", "[\"a\",\"2026-01-02T03:03:30Z\"]" },
	{ "clusterrole", "{" META "}", "[\"a\",\"2026-01-02T03:03:30Z\"]" },
	{ "rolebinding", "{" META "," SUBJECTS "}", BOUND },
	{ "clusterrolebinding", "{" META "," SUBJECTS "}", BOUND },
	{ "csr",
	  "{" META ",\"spec\":{\"signerName\":\"s/t\",\"username\":\"u\",\"expirationSeconds\":"
	  "3600},\"status\":{\"certificate\":\"eA==\",\"conditions\":[{\"type\":\"Approved\"},{"
	  "\"type\":\"Failed\"}]}}",
	  "[\"a\",\"35s\",\"s/t\",\"u\",\"60m\",\"Approved,Failed,Issued\"]" },
	{ "csr", "{" META "}", "[\"a\",\"35s\",\"<none>\",\"\",\"<none>\",\"Pending\"]" },
	{ "csr",
	  "{" META ",\"status\":{\"conditions\":[{\"type\":\"Approved\"},{\"type\":\"Denied\"}]}}",
	  "[\"a\",\"35s\",\"<none>\",\"\",\"<none>\",\"Denied\"]" },
	{ "validatingwebhookconfiguration", "{" META ",\"webhooks\":[{},{}]}",
	  "[\"a\",2,\"35s\"]" },
	{ "mutatingwebhookconfiguration", "{" META "}", "[\"a\",0,\"35s\"]" },
	{ "validatingadmissionpolicy",
	  "{" META ",\"spec\":{\"validations\":[{}],\"paramKind\":{\"apiVersion\":\"v1\",\"kind\":"
	  "\"ConfigMap\"}}}",
	  "[\"a\",1,\"v1/ConfigMap\",\"35s\"]" },
	{ "validatingadmissionpolicy", "{" META "}", "[\"a\",0,\"<unset>\",\"35s\"]" },
	{ "validatingadmissionpolicybinding",
	  "{" META ",\"spec\":{\"policyName\":\"p\",\"paramRef\":{\"name\":\"x\"}}}",
	  "[\"a\",\"p\",\"*/x\",\"35s\"]" },
	{ "validatingadmissionpolicybinding",
	  "{" META ",\"spec\":{\"policyName\":\"p\",\"paramRef\":{\"name\":\"x\",\"namespace\":"
	  "\"n\"}}}",
	  "[\"a\",\"p\",\"n/x\",\"35s\"]" },
	{ "validatingadmissionpolicybinding", "{" META "}", "[\"a\",\"\",\"<unset>\",\"35s\"]" },
	{ "apiservice", "{" META "}", "[\"a\",\"Local\",\"Unknown\",\"35s\"]" },
	{ "apiservice",
	  "{" META ",\"spec\":{\"service\":{\"namespace\":\"n\",\"name\":\"s\"}},\"status\":{"
	  "\"conditions\":[{\"type\":\"Available\",\"status\":\"False\",\"reason\":\"Gone\"}]}}",
	  "[\"a\",\"n/s\",\"False (Gone)\",\"35s\"]" },
	{ "crd", "{" META "}", "[\"a\",\"2026-01-02T03:03:30Z\"]" },
	{ "flowschema", "{" META ",\"spec\":{\"matchingPrecedence\":5}}",
	  "[\"a\",\"\",5,\"<none>\",\"35s\",\"?\"]" },
	{ "flowschema",
	  "{" META ",\"spec\":{\"priorityLevelConfiguration\":{\"name\":\"p\"},"
	  "\"matchingPrecedence\":5,\"distinguisherMethod\":{\"type\":\"ByUser\"}},\"status\":{"
	  "\"conditions\":[{\"type\":\"Dangling\",\"status\":\"False\"}]}}",
	  "[\"a\",\"p\",5,\"ByUser\",\"35s\",\"False\"]" },
	{ "prioritylevelconfiguration", "{" META ",\"spec\":{\"type\":\"Exempt\"}}",
	  "[\"a\",\"Exempt\",\"<none>\",\"<none>\",\"<none>\",\"<none>\",\"35s\"]" },
	{ "prioritylevelconfiguration",
	  "{" META ",\"spec\":{\"type\":\"Limited\",\"limited\":{\"nominalConcurrencyShares\":30,"
	  "\"limitResponse\":{\"queuing\":{\"queues\":64,\"handSize\":8,\"queueLengthLimit\":50}}}}"
	  "}",
	  "[\"a\",\"Limited\",\"30\",\"64\",\"8\",\"50\",\"35s\"]" },
	{ "cs",
	  "{" META ",\"conditions\":[{\"type\":\"Healthy\",\"status\":\"True\",\"message\":\"ok\"}]"
	  "}",
	  "[\"a\",\"Healthy\",\"ok\",\"\"]" },
	{ "cs", "{" META "}", "[\"a\",\"Unknown\",\"\",\"\"]" },
};

static const struct row workloads[] = {
	{ "rc",
	  "{" META ",\"spec\":{\"replicas\":3,\"selector\":{\"x\":\"y\"}," POD
	  "},\"status\":{\"replicas\":2,\"readyReplicas\":1}}",
	  "[\"a\",3,2,1,\"35s\",\"c,d\",\"i,j\",\"x=y\"]" },
	{ "sts", "{" META ",\"spec\":{\"replicas\":3," POD "},\"status\":{\"readyReplicas\":1}}",
	  "[\"a\",\"1/3\",\"35s\",\"c,d\",\"i,j\"]" },
	{ "ds",
	  "{" META ",\"spec\":{" SELECTOR "," POD "},\"status\":{\"desiredNumberScheduled\":5,"
	  "\"currentNumberScheduled\":4,\"numberReady\":3,\"updatedNumberScheduled\":2,"
	  "\"numberAvailable\":1}}",
	  "[\"a\",5,4,3,2,1,\"d=e\",\"35s\",\"c,d\",\"i,j\",\"x=y\"]" },
	{ "controllerrevision",
	  "{\"metadata\":{\"name\":\"a\"," AGE
	  ",\"ownerReferences\":[{\"kind\":\"X\",\"name\":\"x\"},{\"apiVersion\":\"apps/v1\","
	  "\"kind\":\"StatefulSet\",\"name\":\"web\",\"controller\":true}]},\"revision\":3}",
	  "[\"a\",\"statefulset.apps/web\",3,\"35s\"]" },
	{ "controllerrevision", "{" META "}", "[\"a\",\"<none>\",0,\"35s\"]" },
	{ "job",
	  "{" META ",\"spec\":{\"completions\":4," SELECTOR "," POD
	  "},\"status\":{\"succeeded\":1,\"startTime\":\"2026-01-02T03:04:00Z\"}}",
	  "[\"a\",\"Running\",\"1/4\",\"5s\",\"35s\",\"c,d\",\"i,j\",\"x=y\"]" },
	{ "job",
	  "{" META ",\"spec\":{\"parallelism\":2},\"status\":{\"succeeded\":1,\"startTime\":"
	  "\"2026-01-02T03:03:00Z\",\"completionTime\":\"2026-01-02T03:03:07Z\",\"conditions\":[{"
	  "\"type\":\"Complete\",\"status\":\"True\"}]}}",
	  "[\"a\",\"Complete\",\"1/1 of 2\",\"7s\",\"35s\",\"\",\"\",\"<none>\"]" },
	{ "job",
	  "{" META ",\"status\":{\"conditions\":[{\"type\":\"Complete\",\"status\":\"False\"},{"
	  "\"type\":\"Failed\",\"status\":\"True\"}]}}",
	  "[\"a\",\"Failed\",\"0/1\",\"\",\"35s\",\"\",\"\",\"<none>\"]" },
	{ "job", "{" GONE "}",
	  "[\"a\",\"Terminating\",\"0/1\",\"\",\"35s\",\"\",\"\",\"<none>\"]" },
	{ "job",
	  "{" META ",\"status\":{\"conditions\":[{\"type\":\"Suspended\",\"status\":\"True\"}]}}",
	  "[\"a\",\"Suspended\",\"0/1\",\"\",\"35s\",\"\",\"\",\"<none>\"]" },
	{ "job",
	  "{" META ",\"status\":{\"conditions\":[{\"type\":\"FailureTarget\",\"status\":\"True\"}]}"
	  "}",
	  "[\"a\",\"FailureTarget\",\"0/1\",\"\",\"35s\",\"\",\"\",\"<none>\"]" },
	{ "cj",
	  "{" META ",\"spec\":{\"schedule\":\"* * * * *\",\"timeZone\":\"Etc/UTC\",\"suspend\":"
	  "false,\"jobTemplate\":{\"spec\":{" POD
	  "}}},\"status\":{\"active\":[{}],\"lastScheduleTime\":\"2026-01-02T03:04:00Z\"}}",
	  "[\"a\",\"* * * * "
	  "*\",\"Etc/UTC\",\"False\",1,\"5s\",\"35s\",\"c,d\",\"i,j\",\"<none>\"]" },
	{ "cj", "{" META ",\"spec\":{\"schedule\":\"@daily\"}}",
	  "[\"a\",\"@daily\",\"<none>\",\"<unset>\",0,\"<none>\",\"35s\",\"\",\"\",\"<none>\"]" },
	{ "hpa",
	  "{" META ",\"spec\":{\"scaleTargetRef\":{\"kind\":\"Deployment\",\"name\":\"d\"},"
	  "\"minReplicas\":1,\"maxReplicas\":9,\"metrics\":[{\"type\":\"Resource\",\"resource\":{"
	  "\"name\":\"cpu\",\"target\":{\"type\":\"Utilization\",\"averageUtilization\":80}}},{"
	  "\"type\":\"Object\",\"object\":{\"target\":{\"averageValue\":\"5\"}}},{\"type\":"
	  "\"Pods\"}"
	  "]},\"status\":{\"currentReplicas\":2,\"currentMetrics\":[{\"type\":\"Resource\","
	  "\"resource\":{\"current\":{\"averageUtilization\":10}}}]}}",
	  "[\"a\",\"Deployment/d\",\"cpu: 10%/80%, <unknown>/5 (avg) + 1 more...\",\"1\",9,2,"
	  "\"35s\"]" },
	{ "hpa",
	  "{" META ",\"spec\":{\"metrics\":[{\"type\":\"External\",\"external\":{\"target\":{"
	  "\"value\":\"7\"}}},{\"type\":\"Odd\"}]}}",
	  "[\"a\",\"/\",\"<unknown>/7, <unknown type>\",\"<unset>\",0,0,\"35s\"]" },
	{ "hpa", "{" META "}", "[\"a\",\"/\",\"<none>\",\"<unset>\",0,0,\"35s\"]" },
	{ "pdb",
	  "{" META ",\"spec\":{\"minAvailable\":\"50%\"},\"status\":{\"disruptionsAllowed\":2}}",
	  "[\"a\",\"50%\",\"N/A\",2,\"35s\"]" },
	{ "pdb", "{" META ",\"spec\":{\"maxUnavailable\":1}}", "[\"a\",\"N/A\",\"1\",0,\"35s\"]" },
	{ "podtemplate", "{" META "," POD "}", "[\"a\",\"c,d\",\"i,j\",\"x=y\"]" },
	{ "quota",
	  "{" META ",\"status\":{\"hard\":{\"requests.cpu\":\"2\",\"limits.cpu\":\"4\",\"pods\":"
	  "\"9\"},\"used\":{\"pods\":\"3\"}}}",
	  "[\"a\",\"pods: 3/9, requests.cpu: 0/2\",\"limits.cpu: 0/4\",\"35s\"]" },
	{ "limits", "{" META "}", "[\"a\",\"2026-01-02T03:03:30Z\"]" },
	{ "pc", "{" META ",\"value\":7,\"globalDefault\":true,\"preemptionPolicy\":\"Never\"}",
	  "[\"a\",7,true,\"35s\",\"Never\"]" },
	{ "runtimeclass", "{" META ",\"handler\":\"h\"}", "[\"a\",\"h\",\"35s\"]" },
};

static const struct row others[] = {
	{ "ing",
	  "{" META ",\"spec\":{\"ingressClassName\":\"c\",\"rules\":[{\"host\":\"h1\"},{\"host\":"
	  "\"h2\"},{\"host\":\"h3\"},{\"host\":\"h4\"}],\"tls\":[{}]},\"status\":{\"loadBalancer\":"
	  "{\"ingress\":[{\"hostname\":\"z\"},{\"ip\":\"1.1.1.1\",\"hostname\":\"q\"},{\"ip\":"
	  "\"1.1.1.1\"}]}}}",
	  "[\"a\",\"c\",\"h1,h2,h3 + 1 more...\",\"1.1.1.1,z\",\"80, 443\",\"35s\"]" },
	{ "ing", "{" META ",\"spec\":{\"rules\":[{}]}}",
	  "[\"a\",\"<none>\",\"*\",\"\",\"80\",\"35s\"]" },
	{ "ingressclass",
	  "{" META ",\"spec\":{\"controller\":\"c/d\",\"parameters\":{\"apiGroup\":\"g\",\"kind\":"
	  "\"K\",\"name\":\"n\"}}}",
	  "[\"a\",\"c/d\",\"K.g/n\",\"35s\"]" },
	{ "ingressclass", "{" META ",\"spec\":{\"controller\":\"c/d\"}}",
	  "[\"a\",\"c/d\",\"<none>\",\"35s\"]" },
	{ "netpol", "{" META ",\"spec\":{\"podSelector\":{\"matchLabels\":{\"x\":\"y\"}}}}",
	  "[\"a\",\"x=y\",\"35s\"]" },
	{ "netpol", "{" META ",\"spec\":{\"podSelector\":{}}}", "[\"a\",\"<none>\",\"35s\"]" },
	{ "pv",
	  "{" META ",\"spec\":{\"capacity\":{\"storage\":\"5Gi\"},\"accessModes\":["
	  "\"ReadWriteMany\",\"ReadWriteOnce\",\"ReadWriteMany\"],\"persistentVolumeReclaimPolicy\""
	  ":\"Retain\",\"claimRef\":{\"namespace\":\"n\",\"name\":\"c\"},\"storageClassName\":"
	  "\"fast\",\"volumeMode\":\"Block\"},\"status\":{\"phase\":\"Bound\"}}",
	  "[\"a\",\"5Gi\",\"RWO,RWX\",\"Retain\",\"Bound\",\"n/c\",\"fast\",\"<unset>\",\"\","
	  "\"35s\",\"Block\"]" },
	{ "pv", "{" GONE ",\"status\":{\"phase\":\"Bound\",\"reason\":\"why\"}}",
	  "[\"a\",\"0\",\"\",\"\",\"Terminating\",\"\",\"\",\"<unset>\",\"why\",\"35s\","
	  "\"<unset>\"]" },
	{ "pvc",
	  "{" META ",\"spec\":{\"volumeName\":\"v\",\"storageClassName\":\"fast\","
	  "\"volumeAttributesClassName\":\"gold\"},\"status\":{\"phase\":\"Bound\",\"capacity\":{"
	  "\"storage\":\"1Gi\"},\"accessModes\":[\"ReadWriteOncePod\",\"ReadOnlyMany\"]}}",
	  "[\"a\",\"Bound\",\"v\",\"1Gi\",\"ROX,RWOP\",\"fast\",\"gold\",\"35s\",\"<unset>\"]" },
	{ "pvc",
	  "{\"metadata\":{\"name\":\"a\"," AGE
	  ",\"annotations\":{\"volume.beta.kubernetes.io/storage-class\":\"old\"}},\"status\":{"
	  "\"phase\":\"Pending\",\"accessModes\":[\"ReadOnlyMany\"]}}",
	  "[\"a\",\"Pending\",\"\",\"\",\"\",\"old\",\"<unset>\",\"35s\",\"<unset>\"]" },
	{ "sc",
	  "{\"metadata\":{\"name\":\"a\"," AGE
	  ",\"annotations\":{\"storageclass.kubernetes.io/is-default-class\":\"true\"}},"
	  "\"provisioner\":\"p\"}",
	  "[\"a (default)\",\"p\",\"Delete\",\"Immediate\",false,\"35s\"]" },
	{ "sc",
	  "{" META ",\"provisioner\":\"p\",\"reclaimPolicy\":\"Retain\",\"allowVolumeExpansion\":"
	  "true,\"volumeBindingMode\":\"WaitForFirstConsumer\"}",
	  "[\"a\",\"p\",\"Retain\",\"WaitForFirstConsumer\",true,\"35s\"]" },
	{ "volumeattachment",
	  "{" META ",\"spec\":{\"attacher\":\"x\",\"source\":{\"persistentVolumeName\":\"v\"},"
	  "\"nodeName\":\"n\"},\"status\":{\"attached\":true}}",
	  "[\"a\",\"x\",\"v\",\"n\",true,\"35s\"]" },
	{ "csidriver",
	  "{" META ",\"spec\":{\"attachRequired\":false,\"tokenRequests\":[{\"audience\":\"x\"},{"
	  "\"audience\":\"y\"}],\"volumeLifecycleModes\":[\"Persistent\",\"Ephemeral\"]}}",
	  "[\"a\",false,false,false,\"x,y\",false,\"Persistent,Ephemeral\",\"35s\"]" },
	{ "csidriver", "{" META "}",
	  "[\"a\",true,false,false,\"<unset>\",false,\"<none>\",\"35s\"]" },
	{ "csinode", "{" META ",\"spec\":{\"drivers\":[{}]}}", "[\"a\",1,\"35s\"]" },
	{ "csistoragecapacity", "{" META ",\"storageClassName\":\"s\",\"capacity\":\"3Gi\"}",
	  "[\"a\",\"s\",\"3Gi\"]" },
	{ "csistoragecapacity", "{" META "}", "[\"a\",\"\",\"<unset>\"]" },
};

static void check_rows(const struct row *rows, size_t count)
{
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < count; i++) {
		struct rk_arena arena = { 0 };
		const struct rk_kind *kind = kind_named(kinds, rows[i].kind);
		const struct rk_val *cells =
			rk_table_cells(&arena, kind, json_in(&arena, rows[i].object), now_ms);
		cr_expect_str_eq(json_out(&arena, cells), rows[i].cells);
		cr_expect_eq(rk_val_count(cells), kind->column_count, "%s", rows[i].kind);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(table, rights) { check_rows(rights, RK_COUNT(rights)); }
Test(table, workloads) { check_rows(workloads, RK_COUNT(workloads)); }
Test(table, the_others) { check_rows(others, RK_COUNT(others)); }

/* A row of an object that says nothing has a cell for each column too. */
Test(table, every_kind_has_a_cell_for_each_column)
{
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		struct rk_arena arena = { 0 };
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		cr_expect_eq(
			rk_val_count(rk_table_cells(&arena, kind, json_in(&arena, "{}"), now_ms)),
			kind->column_count, "%s", kind->resource);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}
