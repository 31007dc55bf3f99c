/* Who owns which field, through the whole machine: what each write makes of managedFields, and what server-side apply
 * makes of the object. Each test is a list of writes, a second apart. */
#include "tests/control/apply_world.h"

#define MAP(more) "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"}" more "}"
#define DATA(data) MAP(",\"data\":{" data "}")

Test(apply, updates)
{
	static const struct write writes[] = {
		{ "create", "a", "", DATA("\"k\":\"1\",\"l\":\"1\""), 201, NULL, "a Update 1s: .data .data.k .data.l", NO_PART },
		/* nothing changes */
		{ "merge", "b", "", "{\"data\":{\"k\":\"1\"}}", 200, NULL, NULL, NO_PART },
		/* a field goes to who changed it last */
		{ "merge", "b", "", "{\"data\":{\"k\":\"2\"}}", 200, NULL,
		  "a Update 1s: .data .data.l; b Update 3s: .data.k", NO_PART },
		{ "json", "c", "", "[{\"op\":\"add\",\"path\":\"/data/m\",\"value\":\"x\"}]", 200, NULL,
		  "a Update 1s: .data .data.l; b Update 3s: .data.k; c Update 4s: .data.m", NO_PART },
		/* what is gone is nobody's, and who has nothing left is forgotten; his time does not move */
		{ "strategic", "a", "", "{\"data\":{\"m\":null}}", 200, NULL,
		  "a Update 1s: .data .data.l; b Update 3s: .data.k", NO_PART },
		/* his own field again: his time moves */
		{ "merge", "b", "", "{\"data\":{\"k\":\"3\"}}", 200, NULL,
		  "a Update 1s: .data .data.l; b Update 6s: .data.k", NO_PART },
		{ "update", "b", "", DATA("\"k\":\"3\",\"n\":\"1\""), 200, NULL,
		  "a Update 1s: .data; b Update 7s: .data.k .data.n", NO_PART },
		{ "update", "b", "", MAP(""), 200, NULL, "", NO_PART },
		/* from then on nobody follows them */
		{ "update", "b", "", DATA("\"k\":\"3\""), 200, NULL, "", NO_PART },
		/* until somebody applies */
		{ "apply", "c", "", DATA("\"k\":\"3\",\"o\":\"1\""), 200, NULL,
		  "c Apply 10s: .data.k .data.o; before-first-apply Update 10s: .data .data.k", NO_PART },
	};

	CHECK("configmaps", writes);
}

Test(apply, who_says_nothing_is_unknown)
{
	static const struct write writes[] = {
		{ "create", "", "", DATA("\"k\":\"1\""), 201, NULL, "unknown Update 1s: .data .data.k", NO_PART },
	};

	CHECK("configmaps", writes);
}

Test(apply, two_managers)
{
	static const struct write writes[] = {
		{ "apply", "a", "", DATA("\"k\":\"1\",\"l\":\"1\""), 201, NULL, "a Apply 1s: .data.k .data.l", NO_PART },
		/* twice the same: no write, no new time, no new revision */
		{ "apply", "a", "", DATA("\"k\":\"1\",\"l\":\"1\""), 200, NULL, NULL, NO_PART },
		/* the same value is shared */
		{ "apply", "b", "", DATA("\"k\":\"1\",\"m\":\"1\""), 200, NULL,
		  "a Apply 1s: .data.k .data.l; b Apply 3s: .data.k .data.m", NO_PART },
		/* another value is a conflict */
		{ "apply", "b", "", DATA("\"k\":\"2\",\"m\":\"1\""), 409,
		  "Apply failed with 1 conflict: conflict with \"a\": .data.k", NULL, "details.causes",
		  "[{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict with \\\"a\\\"\",\"field\":\".data.k\"}]" },
		{ "dry", "b", "", DATA("\"m\":\"2\""), 200, NULL, NULL, "data.m", "\"2\"" },
		{ "force", "b", "", DATA("\"k\":\"2\",\"m\":\"1\""), 200, NULL,
		  "a Apply 1s: .data.l; b Apply 6s: .data.k .data.m", "data", "{\"k\":\"2\",\"l\":\"1\",\"m\":\"1\"}" },
		/* what he leaves out goes, unless somebody else has it */
		{ "apply", "a", "", DATA("\"k\":\"2\""), 200, NULL, "b Apply 6s: .data.k .data.m; a Apply 7s: .data.k", "data",
		  "{\"k\":\"2\",\"m\":\"1\"}" },
		{ "apply", "b", "", MAP(""), 200, NULL, "a Apply 7s: .data.k", "data", "{\"k\":\"2\"}" },
		/* an update takes the field away; then applying it is a conflict */
		{ "merge", "c", "", "{\"data\":{\"k\":\"3\"}}", 200, NULL, "c Update 9s: .data.k", NO_PART },
		{ "apply", "a", "", DATA("\"k\":\"4\",\"l\":\"1\""), 409,
		  "Apply failed with 1 conflict: conflict with \"c\" using v1: .data.k", NULL, NO_PART },
		{ "apply", "a", "", DATA("\"l\":\"1\""), 200, NULL, "a Apply 11s: .data.l; c Update 9s: .data.k", NO_PART },
		{ "apply", "a", "", DATA("\"k\":\"3\",\"l\":\"1\""), 200, NULL,
		  "a Apply 12s: .data.k .data.l; c Update 9s: .data.k", NO_PART },
		/* an updater's field stays when the applier wants it no more */
		{ "apply", "a", "", DATA("\"l\":\"2\""), 200, NULL, "a Apply 13s: .data.l; c Update 9s: .data.k", "data",
		  "{\"k\":\"3\",\"l\":\"2\"}" },
		/* many conflicts are listed by owner */
		{ "apply", "z", "", DATA("\"k\":\"5\",\"l\":\"5\""), 409,
		  "Apply failed with 2 conflicts: conflicts with \"a\":\n- .data.l\nconflicts with \"c\" using v1:\n- .data.k",
		  NULL, NO_PART },
	};

	CHECK("configmaps", writes);
}

Test(apply, who_may_patch_may_not_create)
{
	static const struct write writes[] = {
		{ "patcher", "a", "", DATA("\"k\":\"1\""), 403,
		  "configmaps \"x\" is forbidden: User \"eve\" cannot create resource \"configmaps\" in API group \"\" in the "
		  "namespace \"default\"",
		  NULL, NO_PART },
		{ "apply", "a", "", DATA("\"k\":\"1\""), 201, NULL, "a Apply 2s: .data.k", NO_PART },
		{ "patcher", "a", "", DATA("\"k\":\"2\""), 200, NULL, "a Apply 3s: .data.k", NO_PART },
	};

	CHECK("configmaps", writes);
}

/* A request for a certificate names whoever sent it, however it was sent. */
Test(apply, requests_are_signed)
{
	static const struct write writes[] = {
		{ "apply", "a", "",
		  "{\"apiVersion\":\"certificates.k8s.io/v1\",\"kind\":\"CertificateSigningRequest\",\"spec\":{\"request\":"
		  "\"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==\","
		  "\"signerName\":\"example.com/s\",\"usages\":[\"client auth\"],\"username\":\"admin\"}}",
		  201, NULL, "a Apply 1s: .spec.request .spec.signerName .spec.usages .spec.username", "spec.username",
		  "\"eve\"" },
	};

	CHECK("certificatesigningrequests", writes);
}

Test(apply, refused)
{
	static const struct write writes[] = {
		{ "apply", "a", "", "{\"metadata\":{\"name\":\"x\"}}", 400, "invalid object type: /, Kind=", NULL, NO_PART },
		{ "apply", "a", "", "{\"apiVersion\":\"apps/v1\",\"kind\":\"ConfigMap\"}", 400,
		  "invalid object type: apps/v1, Kind=ConfigMap", NULL, NO_PART },
		{ "apply", "a", "", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}", 400, "invalid object type: /v1, Kind=Secret", NULL,
		  NO_PART },
		{ "apply", "a", "", "[]", 400, "the body of an apply patch is an object", NULL, NO_PART },
		{ "apply", "a", "",
		  "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\",\"managedFields\":[]}}", 400,
		  "metadata.managedFields must be nil", NULL, NO_PART },
		{ "apply", "a", "", MAP(",\"foo\":1"), 500,
		  "failed to create typed patch object (/x; /v1, Kind=ConfigMap): .foo: field not declared in schema", NULL,
		  NO_PART },
		{ "apply", "a", "", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"y\"}}", 400,
		  "the name of the object (y) does not match the name on the URL (x)", NULL, NO_PART },
		{ "apply", "a", "",
		  "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\",\"uid\":\"u\"}}", 409,
		  "Operation cannot be fulfilled on configmaps \"x\": uid mismatch: the provided object specified uid u, and no "
		  "existing object was found",
		  NULL, NO_PART },
		{ "apply", "a", "", DATA("\"a b\":\"1\""), 422, NULL, NULL, NO_PART },
		/* the name may be left to the path */
		{ "apply", "a", "", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":{\"k\":\"1\"}}", 201, NULL,
		  "a Apply 10s: .data.k", "metadata.name", "\"x\"" },
		/* a revision in the body is a condition */
		{ "apply", "a", "",
		  "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"resourceVersion\":\"1\"},\"data\":{\"k\":\"2\"}}",
		  409,
		  "Operation cannot be fulfilled on configmaps \"x\": the object has been modified; please apply your changes to "
		  "the latest version and try again",
		  NULL, NO_PART },
	};

	CHECK("configmaps", writes);
}

#define DEPLOYMENT(meta, spec)                                                                     \
	"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"x\"" meta    \
	"},\"spec\":{" spec "}}"
#define TEMPLATE(containers)                                                                                        \
	"\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{" \
	"\"containers\":[" containers "]}}"
#define C_OWNED ".spec.template.spec.containers[name=\"c\"]"
#define ALL_OWNED ".spec.selector .spec.template.metadata.labels.a "

Test(apply, items_of_lists)
{
	static const struct write writes[] = {
		{ "apply", "a", "", DEPLOYMENT("", TEMPLATE("{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":80}]}")),
		  201, NULL,
		  "a Apply 1s: " ALL_OWNED C_OWNED " " C_OWNED ".image " C_OWNED ".name " C_OWNED
		  ".ports[containerPort=80,protocol=\"TCP\"] " C_OWNED ".ports[containerPort=80,protocol=\"TCP\"].containerPort",
		  "spec.replicas", "1" },
		/* an item is told apart by its keys, with their defaults; the order is nobody's */
		{ "apply", "b", "",
		  DEPLOYMENT("", TEMPLATE("{\"name\":\"d\",\"image\":\"j\"},{\"name\":\"c\",\"ports\":[{\"containerPort\":80,"
					  "\"protocol\":\"TCP\",\"name\":\"http\"},{\"containerPort\":80,\"protocol\":\"UDP\"}]}")),
		  200, NULL,
		  "a Apply 1s: " ALL_OWNED C_OWNED " " C_OWNED ".image " C_OWNED ".name " C_OWNED
		  ".ports[containerPort=80,protocol=\"TCP\"] " C_OWNED
		  ".ports[containerPort=80,protocol=\"TCP\"].containerPort; b Apply 2s: " ALL_OWNED C_OWNED
		  " .spec.template.spec.containers[name=\"d\"] " C_OWNED ".name " C_OWNED
		  ".ports[containerPort=80,protocol=\"TCP\"] " C_OWNED ".ports[containerPort=80,protocol=\"UDP\"] " C_OWNED
		  ".ports[containerPort=80,protocol=\"TCP\"].containerPort " C_OWNED
		  ".ports[containerPort=80,protocol=\"TCP\"].name " C_OWNED
		  ".ports[containerPort=80,protocol=\"TCP\"].protocol " C_OWNED
		  ".ports[containerPort=80,protocol=\"UDP\"].containerPort " C_OWNED
		  ".ports[containerPort=80,protocol=\"UDP\"].protocol "
		  ".spec.template.spec.containers[name=\"d\"].image .spec.template.spec.containers[name=\"d\"].name",
		  "metadata.generation", "2" },
		/* items that only he applied go with him */
		{ "apply", "b", "", "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"x\"}}", 200, NULL,
		  "a Apply 1s: " ALL_OWNED C_OWNED " " C_OWNED ".image " C_OWNED ".name " C_OWNED
		  ".ports[containerPort=80,protocol=\"TCP\"] " C_OWNED
		  ".ports[containerPort=80,protocol=\"TCP\"].containerPort",
		  "spec.template.spec.containers",
		  "[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\"}],\"resources\":{},"
		  "\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":"
		  "\"Always\"}]" },
		{ "apply", "b", "", DEPLOYMENT("", TEMPLATE("{\"image\":\"j\"}")), 500,
		  "failed to create typed patch object (/x; apps/v1, Kind=Deployment): .spec.template.spec.containers: element 0: "
		  "associative list with keys has an element that omits key field \"name\" (and doesn't have default value)",
		  NULL, NO_PART },
	};

	CHECK("deployments", writes);
}

Test(apply, sets_and_what_is_owned_as_one)
{
	static const struct write writes[] = {
		{ "apply", "a", "", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"finalizers\":[\"a/a\",\"s/s\"]}}",
		  201, NULL, "a Apply 1s: .metadata.finalizers[=\"a/a\"] .metadata.finalizers[=\"s/s\"]", NO_PART },
		{ "apply", "b", "", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"finalizers\":[\"s/s\",\"b/b\"]}}",
		  200, NULL,
		  "a Apply 1s: .metadata.finalizers[=\"a/a\"] .metadata.finalizers[=\"s/s\"]; "
		  "b Apply 2s: .metadata.finalizers[=\"b/b\"] .metadata.finalizers[=\"s/s\"]",
		  "metadata.finalizers", "[\"a/a\",\"s/s\",\"b/b\"]" },
		{ "apply", "a", "", MAP(""), 200, NULL,
		  "b Apply 2s: .metadata.finalizers[=\"b/b\"] .metadata.finalizers[=\"s/s\"]", "metadata.finalizers",
		  "[\"s/s\",\"b/b\"]" },
		/* an owner reference is an item by its uid, and one as a whole */
		{ "apply", "c", "",
		  "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":"
		  "\"Pod\",\"name\":\"p\",\"uid\":\"1\"}]}}",
		  200, NULL,
		  "b Apply 2s: .metadata.finalizers[=\"b/b\"] .metadata.finalizers[=\"s/s\"]; "
		  "c Apply 4s: .metadata.ownerReferences[uid=\"1\"]",
		  NO_PART },
		{ "apply", "d", "",
		  "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":"
		  "\"Pod\",\"name\":\"q\",\"uid\":\"1\"}]}}",
		  409, "Apply failed with 1 conflict: conflict with \"c\": .metadata.ownerReferences[uid=\"1\"]", NULL, NO_PART },
	};

	CHECK("configmaps", writes);
}

Test(apply, zeros_and_nulls)
{
	static const struct write writes[] = {
		{ "apply", "a", "", DEPLOYMENT("", "\"minReadySeconds\":5,\"paused\":true," TEMPLATE("{\"name\":\"c\",\"image\":\"i\"}")),
		  201, NULL,
		  "a Apply 1s: .spec.minReadySeconds .spec.paused " ALL_OWNED C_OWNED " " C_OWNED ".image " C_OWNED ".name", NO_PART },
		/* that a field is zero, or not there, can be wanted and owned too */
		{ "apply", "b", "",
		  "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"spec\":{\"minReadySeconds\":0,\"paused\":null}}", 409,
		  "Apply failed with 2 conflicts: conflicts with \"a\":\n- .spec.minReadySeconds\n- .spec.paused", NULL, NO_PART },
		{ "force", "b", "",
		  "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"spec\":{\"minReadySeconds\":0,\"paused\":null}}", 200, NULL,
		  "a Apply 1s: " ALL_OWNED C_OWNED " " C_OWNED ".image " C_OWNED ".name; "
		  "b Apply 3s: .spec.minReadySeconds .spec.paused",
		  "spec.paused", "nothing" },
		/* a quantity is a quantity, however it is written */
		{ "apply", "c", "",
		  DEPLOYMENT("", TEMPLATE("{\"name\":\"c\",\"resources\":{\"limits\":{\"cpu\":\"1000m\"}}}")), 200, NULL,
		  "a Apply 1s: " ALL_OWNED C_OWNED " " C_OWNED ".image " C_OWNED ".name; "
		  "b Apply 3s: .spec.minReadySeconds .spec.paused; c Apply 4s: " ALL_OWNED C_OWNED " " C_OWNED ".name " C_OWNED
		  ".resources.limits.cpu",
		  NO_PART },
		{ "apply", "c", "", DEPLOYMENT("", TEMPLATE("{\"name\":\"c\",\"resources\":{\"limits\":{\"cpu\":1}}}")), 200, NULL,
		  NULL, NO_PART },
	};

	CHECK("deployments", writes);
}

#define SCALE(more) "{\"apiVersion\":\"autoscaling/v1\",\"kind\":\"Scale\",\"metadata\":{\"name\":\"x\"}" more "}"

Test(apply, subresources)
{
	static const struct write writes[] = {
		{ "apply", "a", "status", "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\"}", 404, NULL, NULL, NO_PART },
		{ "apply", "a", "scale", SCALE(",\"spec\":{\"replicas\":2}"), 404, NULL, NULL, NO_PART },
		/* the status is out of reach */
		{ "apply", "a", "",
		  "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"spec\":{\"replicas\":2," TEMPLATE(
			  "{\"name\":\"c\",\"image\":\"i\"}") "},\"status\":{\"replicas\":7}}",
		  201, NULL, "a Apply 3s: .spec.replicas " ALL_OWNED C_OWNED " " C_OWNED ".image " C_OWNED ".name", "status.replicas",
		  "nothing" },
		/* of a status the status alone is owned, item by item */
		{ "apply", "s", "status",
		  "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"labels\":{\"q\":\"r\"}},\"spec\":{\"replicas\":9},"
		  "\"status\":{\"conditions\":[{\"type\":\"Mine\",\"status\":\"True\"}]}}",
		  200, NULL,
		  "a Apply 3s: .spec.replicas " ALL_OWNED C_OWNED " " C_OWNED ".image " C_OWNED ".name; s Apply status 4s: "
		  ".status.conditions[type=\"Mine\"] .status.conditions[type=\"Mine\"].status "
		  ".status.conditions[type=\"Mine\"].type",
		  "spec.replicas", "2" },
		{ "merge", "u", "status", "{\"status\":{\"unavailableReplicas\":7}}", 200, NULL,
		  "a Apply 3s: .spec.replicas " ALL_OWNED C_OWNED " " C_OWNED ".image " C_OWNED ".name; s Apply status 4s: "
		  ".status.conditions[type=\"Mine\"] .status.conditions[type=\"Mine\"].status "
		  ".status.conditions[type=\"Mine\"].type; u Update status 5s: .status.unavailableReplicas",
		  NO_PART },
		{ "apply", "t", "scale", SCALE(",\"spec\":{\"replicas\":3}"), 409,
		  "Apply failed with 1 conflict: conflict with \"a\": .spec.replicas", NULL, NO_PART },
		{ "merge", "h", "scale", "{\"spec\":{\"replicas\":3}}", 200, NULL,
		  "a Apply 3s: " ALL_OWNED C_OWNED " " C_OWNED ".image " C_OWNED ".name; s Apply status 4s: "
		  ".status.conditions[type=\"Mine\"] .status.conditions[type=\"Mine\"].status "
		  ".status.conditions[type=\"Mine\"].type; u Update status 5s: .status.unavailableReplicas; "
		  "h Update scale 7s: .spec.replicas",
		  "spec.replicas", "3" },
		{ "apply", "t", "scale", SCALE(",\"spec\":{\"replicas\":4}"), 409,
		  "Apply failed with 1 conflict: conflict with \"h\" with subresource \"scale\" using apps/v1: .spec.replicas", NULL,
		  NO_PART },
		{ "force", "t", "scale", SCALE(",\"spec\":{\"replicas\":4}"), 200, NULL,
		  "a Apply 3s: " ALL_OWNED C_OWNED " " C_OWNED ".image " C_OWNED ".name; s Apply status 4s: "
		  ".status.conditions[type=\"Mine\"] .status.conditions[type=\"Mine\"].status "
		  ".status.conditions[type=\"Mine\"].type; t Apply scale 9s: .spec.replicas; "
		  "u Update status 5s: .status.unavailableReplicas",
		  "kind", "\"Scale\"" },
	};

	CHECK("deployments", writes);
}

#define ENTRY(manager, operation, fields)                                                                   \
	"{\"manager\":\"" manager "\",\"operation\":\"" operation                                           \
	"\",\"apiVersion\":\"v1\",\"time\":\"2026-01-02T03:04:05Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{" fields "}}"

Test(apply, owners_can_be_set_and_reset)
{
	static const struct write writes[] = {
		{ "create", "a", "", DATA("\"k\":\"1\",\"l\":\"1\""), 201, NULL, "a Update 1s: .data .data.k .data.l", NO_PART },
		/* as kubectl moves an object from client-side to server-side apply */
		{ "json", "m", "",
		  "[{\"op\":\"replace\",\"path\":\"/metadata/managedFields\",\"value\":[" ENTRY(
			  "b", "Apply", "\"f:data\":{\"f:l\":{},\"f:k\":{\".\":{}}}") "]}]",
		  200, NULL, "b Apply 0s: .data.k .data.l", NO_PART },
		/* what cannot be read says nothing */
		{ "merge", "m", "", "{\"metadata\":{\"managedFields\":[{\"manager\":\"x\",\"operation\":\"Take\"}]}}", 200, NULL, NULL,
		  NO_PART },
		{ "merge", "m", "", "{\"metadata\":{\"managedFields\":[" ENTRY("x", "Apply", "\"data\":{}") "]}}", 200, NULL, NULL,
		  NO_PART },
		{ "merge", "m", "", "{\"metadata\":{\"managedFields\":null}}", 200, NULL, NULL, NO_PART },
		/* a new time alone is no change */
		{ "merge", "m", "",
		  "{\"metadata\":{\"managedFields\":[{\"manager\":\"b\",\"operation\":\"Apply\",\"apiVersion\":\"v1\",\"time\":"
		  "\"2027-01-02T03:04:05Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:data\":{\"f:k\":{},\"f:l\":{}}}}]}}",
		  200, NULL, NULL, NO_PART },
		/* with a change of the object */
		{ "update", "n", "",
		  "{\"metadata\":{\"name\":\"x\",\"managedFields\":[" ENTRY(
			  "c", "Update", "\"f:data\":{\"f:k\":{}}") "," ENTRY("d", "Apply",
									     "\"f:data\":{\"f:l\":{}}") "]},\"data\":{"
																       "\"k\":\"2\","
																       "\"l\":\"1\"}}",
		  200, NULL, "d Apply 0s: .data.l; n Update 7s: .data.k", NO_PART },
		{ "merge", "m", "", "{\"metadata\":{\"managedFields\":[{}]}}", 200, NULL, "", NO_PART },
		{ "apply", "a", "", DATA("\"k\":\"2\""), 200, NULL,
		  "a Apply 9s: .data.k; before-first-apply Update 9s: .data .data.k .data.l", NO_PART },
		{ "json", "m", "", "[{\"op\":\"replace\",\"path\":\"/metadata/managedFields\",\"value\":[]}]", 200, NULL, "", NO_PART },
		/* owners in a version that the kind does not have are forgotten with the next change */
		{ "apply", "a", "", DATA("\"k\":\"2\""), 200, NULL,
		  "a Apply 11s: .data.k; before-first-apply Update 11s: .data .data.k .data.l", NO_PART },
		{ "merge", "m", "",
		  "{\"metadata\":{\"managedFields\":[{\"manager\":\"b\",\"operation\":\"Apply\",\"apiVersion\":\"v9\",\"fieldsType\":"
		  "\"FieldsV1\",\"fieldsV1\":{\"f:data\":{}}}," ENTRY("c", "Apply", "\"f:data\":{\"f:k\":{}}") "]}}",
		  200, NULL, "c Apply 0s: .data.k", NO_PART },
	};

	CHECK("configmaps", writes);
}

#define LAST_APPLIED(text) "\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"" text "\"}"
#define CLIENT_CONFIG \
	"{\\\"apiVersion\\\":\\\"v1\\\",\\\"kind\\\":\\\"ConfigMap\\\",\\\"data\\\":{\\\"k\\\":\\\"1\\\",\\\"l\\\":\\\"1\\\"}}"
#define NOTE ".metadata.annotations.kubectl.kubernetes.io/last-applied-configuration"

Test(apply, kubectl_takes_over_from_client_side_apply)
{
	static const struct write writes[] = {
		{ "create", "kubectl-client-side-apply", "",
		  "{\"metadata\":{\"name\":\"x\"," LAST_APPLIED(CLIENT_CONFIG) "},\"data\":{\"k\":\"1\",\"l\":\"1\",\"m\":\"1\"}}", 201,
		  NULL,
		  "kubectl-client-side-apply Update 1s: .data .data.k .data.l .data.m .metadata.annotations " NOTE, NO_PART },
		/* what others changed meanwhile is theirs */
		{ "merge", "o", "", "{\"data\":{\"l\":\"2\"}}", 200, NULL,
		  "kubectl-client-side-apply Update 1s: .data .data.k .data.m .metadata.annotations " NOTE "; o Update 2s: .data.l",
		  NO_PART },
		{ "apply", "kubectl", "", DATA("\"k\":\"3\",\"l\":\"3\""), 409,
		  "Apply failed with 1 conflict: conflict with \"o\" using v1: .data.l", NULL, NO_PART },
		{ "apply", "other", "", DATA("\"k\":\"3\""), 409,
		  "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: .data.k", NULL, NO_PART },
		{ "apply", "kubectl", "", DATA("\"k\":\"3\""), 200, NULL,
		  "kubectl Apply 5s: .data.k; kubectl-client-side-apply Update 1s: .data .data.m .metadata.annotations " NOTE
		  "; o Update 2s: .data.l",
		  "metadata.annotations",
		  "{\"kubectl.kubernetes.io/last-applied-configuration\":\"{\\\"apiVersion\\\":\\\"v1\\\",\\\"data\\\":{\\\"k\\\":\\\"3\\\"},"
		  "\\\"kind\\\":\\\"ConfigMap\\\",\\\"metadata\\\":{\\\"name\\\":\\\"x\\\"}}\\n\"}" },
	};

	CHECK("configmaps", writes);
}

Test(apply, old_updaters_become_one)
{
	struct world world = world_new();
	const struct rk_kind *kind = kind_named(world.kinds, "configmaps");
	const char *owners = NULL;

	for (int i = 0; i < 14; i++) {
		const char *name = rk_arena_printf(&world.arena, "m%02d", i);
		const struct write write = {
			.how = i == 0 ? "create" : "merge",
			.who = name,
			.sub = "",
			.body = rk_arena_printf(&world.arena, "{\"metadata\":{\"name\":\"x\"},\"data\":{\"%s\":\"1\"}}", name),
		};
		cr_expect_lt(run(&world, kind, &write), 300);
		owners = owners_out(&world, rk_val_at(world.answer, "metadata.managedFields"));
		cr_expect_eq(rk_val_count(rk_val_at(world.answer, "metadata.managedFields")),
			     (uint32_t)(i < RK_OWNERS_UPDATES_MAX ? i + 1 : RK_OWNERS_UPDATES_MAX));
	}
	cr_expect_str_eq(owners, "ancient-changes Update 5s: .data .data.m00 .data.m01 .data.m02 .data.m03 .data.m04; "
				 "m05 Update 6s: .data.m05; m06 Update 7s: .data.m06; m07 Update 8s: .data.m07; "
				 "m08 Update 9s: .data.m08; m09 Update 10s: .data.m09; m10 Update 11s: .data.m10; "
				 "m11 Update 12s: .data.m11; m12 Update 13s: .data.m12; m13 Update 14s: .data.m13");
	world_done(&world);
}

/* Each writes a field of its own, knowing nothing of the others. */
Test(apply, writers_of_different_fields_never_meet)
{
	struct world world = world_new();
	const struct rk_kind *kind = kind_named(world.kinds, "configmaps");

	for (int i = 0; i < 64; i++) {
		const char *name = rk_arena_printf(&world.arena, "m%02d", i);
		const struct write write = {
			.how = "apply",
			.who = name,
			.sub = "",
			.body = rk_arena_printf(&world.arena,
						"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":{\"%s\":\"1\",\"all\":\"1\"}}",
						name),
		};
		cr_expect_eq(run(&world, kind, &write), i == 0 ? 201 : 200);
	}
	cr_expect_eq(rk_val_count(rk_val_at(world.answer, "data")), 65);
	cr_expect_eq(rk_val_count(rk_val_at(world.answer, "metadata.managedFields")), 64);
	world_done(&world);
}

Test(apply, controllers_own_nothing)
{
	static const struct write writes[] = {
		{ "create", "a", "", DEPLOYMENT("", TEMPLATE("{\"name\":\"c\",\"image\":\"i\"}")), 201, NULL, NULL, NO_PART },
	};
	struct world world = world_new();
	struct rk_view_iter iter;
	struct rk_object object;

	cr_expect_eq(run(&world, kind_named(world.kinds, "deployments"), &writes[0]), 201);
	struct rk_view *view = rk_store_view(rk_machine_store(world.machine));
	rk_view_list(&iter, view, RK_SPAN("replicasets.apps"), RK_SPAN("default"), RK_SPAN(""), RK_SPAN(""));
	cr_assert(rk_view_next(&iter, &object));
	cr_expect_null(rk_doc_at(rk_blob_span(object.doc), "metadata.managedFields").data);
	cr_expect_not_null(rk_doc_at(rk_blob_span(object.doc), "metadata.ownerReferences").data);
	(void)rk_view_unref(view);
	/* and what they write leaves the owners alone */
	const struct rk_val *now = stored(&world, kind_named(world.kinds, "deployments"));
	cr_expect_not_null(rk_val_at(now, "metadata.annotations"));
	cr_expect_null(strstr(owners_out(&world, rk_val_at(now, "metadata.managedFields")), ".metadata.annotations"));
	world_done(&world);
}

Test(apply, who)
{
	static const char managed[] =
		"[" ENTRY("a", "Apply", "\"f:data\":{\"f:k\":{},\"f:l\":{}},\"f:spec\":{\"f:sel\":{}}") ","
		"{\"manager\":\"b\",\"operation\":\"Update\",\"apiVersion\":\"v1\",\"time\":\"2026-01-02T03:04:06Z\","
		"\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:data\":{\".\":{},\"f:k\":{},\"f:ll\":{}},\"f:list\":{"
		"\"k:{\\\"name\\\":\\\"x\\\"}\":{\"f:y\":{}}}}}]";
	static const struct {
		const char *path, *who;
	} cases[] = {
		{ ".data.k", "b" },   { "data.k", "b" },       { ".data.l", "a" },	{ ".data.ll", "b" },
		{ ".data", "b" },     { ".spec", "a" },	       { ".spec.sel.x", "a" },	{ ".list[name=\"x\"]", "b" },
		{ ".data.none", NULL }, { ".status", NULL },    { ".spe", NULL },	{ "", "b" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_arena arena = { 0 };
		struct rk_owner owner = { 0 };
		const bool is_known =
			rk_owners_who(&arena, json_in(&arena, managed), rk_span_str(cases[i].path), &owner);
		cr_expect_eq(is_known, cases[i].who != NULL, "%s", cases[i].path);
		if (cases[i].who != NULL)
			cr_expect(rk_span_is(owner.manager, cases[i].who), "%s", cases[i].path);
		rk_arena_done(&arena);
	}
}
