/* The rules of storage and of networks. */
#include "control/schema/names.h"
#include "tests/control/rules.h"

#define CLUSTER      "\"metadata\":{\"name\":\"a\"}"
#define META         "\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"}"
#define NOT_NEGATIVE "must be greater than or equal to 0"
#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, NULL                                                             \
	}
#define MODES                                                                                      \
	"supported values: \"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", "               \
	"\"ReadWriteOncePod\""
#define SUBDOMAIN                                                                                  \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "  \
	"or "                                                                                      \
	"'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex "   \
	"used "                                                                                    \
	"for validation is "                                                                       \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define CIDR "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"

/* --- volumes and claims --- */

static const char volume[] =
	"{" CLUSTER ",\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":["
	"\"ReadWriteOnce\"],\"hostPath\":{\"path\":\"/x\"}}}";
static const struct breach volume_fresh[] = {
	{ "{\"spec\":{\"accessModes\":null}}", "spec.accessModes", REQUIRED, "Required value" },
	{ "{\"spec\":{\"accessModes\":[\"ReadTwice\"]}}", "spec.accessModes", UNSUPPORTED,
	  "Unsupported value: \"ReadTwice\": " MODES },
	{ "{\"spec\":{\"accessModes\":[\"ReadWriteOncePod\",\"ReadOnlyMany\"]}}",
	  "spec.accessModes", FORBIDDEN,
	  "Forbidden: may not use ReadWriteOncePod with other access modes" },
	{ "{\"spec\":{\"capacity\":null}}", "spec.capacity", REQUIRED, "Required value" },
	{ "{\"spec\":{\"capacity\":{\"storage\":null,\"cpu\":\"1\"}}}", "spec.capacity",
	  UNSUPPORTED, "Unsupported value: {\"cpu\":\"1\"}: supported values: \"storage\"" },
	{ "{\"spec\":{\"capacity\":{\"storage\":\"0\"}}}", "spec.capacity[storage]", INVALID,
	  "Invalid value: \"0\": must be greater than zero" },
	{ "{\"spec\":{\"hostPath\":null}}", "spec", REQUIRED,
	  "Required value: must specify a volume type" },
	{ "{\"spec\":{\"nfs\":{\"server\":\"s\",\"path\":\"/\"}}}", "spec.nfs", FORBIDDEN,
	  "Forbidden: may not specify more than 1 volume type" },
	{ "{\"spec\":{\"hostPath\":{\"path\":\"/a/../b\"}}}", "spec.hostPath.path", INVALID,
	  "Invalid value: \"/a/../b\": must not contain '..'" },
	{ "{\"spec\":{\"hostPath\":{\"path\":null}}}", "spec.hostPath.path", REQUIRED,
	  "Required value" },
	{ "{\"spec\":{\"hostPath\":null,\"nfs\":{\"path\":\"/\"}}}", "spec.nfs.server", REQUIRED,
	  "Required value" },
	{ "{\"spec\":{\"hostPath\":null,\"nfs\":{\"server\":\"s\",\"path\":\"a\"}}}",
	  "spec.nfs.path", INVALID, "Invalid value: \"a\": must be an absolute path" },
	{ "{\"spec\":{\"hostPath\":null,\"csi\":{\"driver\":\"d\"}}}", "spec.csi.volumeHandle",
	  REQUIRED, "Required value" },
	{ "{\"spec\":{\"hostPath\":null,\"local\":{\"path\":\"/x\"}}}", "spec.nodeAffinity",
	  REQUIRED, "Required value: Local volume requires node affinity" },
	{ "{\"spec\":{\"nodeAffinity\":{}}}", "spec.nodeAffinity.required", REQUIRED,
	  "Required value: must specify required node constraints" },
	{ "{\"spec\":{\"nodeAffinity\":{\"required\":{\"nodeSelectorTerms\":[]}}}}",
	  "spec.nodeAffinity.required.nodeSelectorTerms", REQUIRED,
	  "Required value: must have at least one node selector term" },
	{ "{\"spec\":{\"persistentVolumeReclaimPolicy\":\"Burn\"}}",
	  "spec.persistentVolumeReclaimPolicy", UNSUPPORTED,
	  "Unsupported value: \"Burn\": supported values: \"Delete\", \"Recycle\", \"Retain\"" },
	{ "{\"spec\":{\"persistentVolumeReclaimPolicy\":\"Recycle\",\"hostPath\":{\"path\":\"/"
	  "\"}}}",
	  "spec.persistentVolumeReclaimPolicy", FORBIDDEN,
	  "Forbidden: may not be 'recycle' for a hostPath mount of '/'" },
	{ "{\"spec\":{\"volumeMode\":\"Tape\"}}", "spec.volumeMode", UNSUPPORTED,
	  "Unsupported value: \"Tape\": supported values: \"Block\", \"Filesystem\"" },
	{ "{\"spec\":{\"storageClassName\":\"A\"}}", "spec.storageClassName", INVALID,
	  "Invalid value: \"A\": " SUBDOMAIN },
	END,
};
static const struct breach volume_later[] = {
	{ "{\"spec\":{\"capacity\":{\"storage\":\"2Gi\"},\"claimRef\":{\"name\":\"c\"}}}", NULL,
	  NULL, NULL },
	{ "{\"spec\":{\"hostPath\":{\"path\":\"/y\"}}}", "spec.persistentvolumesource", FORBIDDEN,
	  "Forbidden: spec.persistentvolumesource is immutable after creation" },
	{ "{\"spec\":{\"volumeMode\":\"Block\"}}", "volumeMode", INVALID,
	  "Invalid value: \"Block\": field is immutable" },
	END,
};

static const char claim[] =
	"{" META ",\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{"
	"\"storage\":\"2Gi\"}}}}";
static const struct breach claim_fresh[] = {
	{ "{\"spec\":{\"accessModes\":null}}", "spec.accessModes", REQUIRED,
	  "Required value: at least 1 access mode is required" },
	{ "{\"spec\":{\"accessModes\":[\"ReadTwice\"]}}", "spec.accessModes", UNSUPPORTED,
	  "Unsupported value: \"ReadTwice\": " MODES },
	{ "{\"spec\":{\"accessModes\":[\"ReadWriteOncePod\",\"ReadOnlyMany\"]}}",
	  "spec.accessModes", FORBIDDEN,
	  "Forbidden: may not use ReadWriteOncePod with other access modes" },
	{ "{\"spec\":{\"resources\":null}}", "spec.resources[storage]", REQUIRED,
	  "Required value" },
	{ "{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"-1\"}}}}",
	  "spec.resources[storage]", INVALID, "Invalid value: \"-1\": must be greater than zero" },
	{ "{\"spec\":{\"storageClassName\":\"A\"}}", "spec.storageClassName", INVALID,
	  "Invalid value: \"A\": " SUBDOMAIN },
	{ "{\"spec\":{\"volumeMode\":\"Tape\"}}", "spec.volumeMode", UNSUPPORTED,
	  "Unsupported value: \"Tape\": supported values: \"Block\", \"Filesystem\"" },
	{ "{\"spec\":{\"dataSource\":{\"kind\":\"PersistentVolumeClaim\"}}}",
	  "spec.dataSource.name", REQUIRED, "Required value" },
	{ "{\"spec\":{\"dataSource\":{\"kind\":\"Pod\",\"name\":\"p\"}}}", "spec.dataSource",
	  INVALID,
	  "Invalid value: \"Pod\": must be 'PersistentVolumeClaim' when referencing the default "
	  "apiGroup" },
	{ "{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"-\"}}}}", "spec.selector.matchLabels",
	  INVALID,
	  "Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric "
	  "characters, '-', '_' or '.', and must start and end with an alphanumeric character "
	  "(e.g. "
	  "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
	  "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')" },
	END,
};
#define CLAIM_FIXED                                                                                \
	"Forbidden: spec is immutable after creation except resources.requests and "               \
	"volumeAttributesClassName for bound claims"
static const struct breach claim_later[] = {
	{ "{\"spec\":{\"volumeName\":\"v\"}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"accessModes\":[\"ReadOnlyMany\"]}}", "spec", FORBIDDEN, CLAIM_FIXED },
	{ "{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"3Gi\"}}}}", "spec", FORBIDDEN,
	  CLAIM_FIXED },
	END,
};
/* A claim that has its volume may ask for more, and take that back as far as it was not given. */
static const char bound_claim[] =
	"{" META
	",\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"volumeName\":\"v\",\"resources\":{"
	"\"requests\":{\"storage\":\"3Gi\"}}},\"status\":{\"phase\":\"Bound\",\"capacity\":{"
	"\"storage\":\"1Gi\"}}}";
static const struct breach bound_later[] = {
	{ "{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"4Gi\"}}}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"2Gi\"}}}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}",
	  "spec.resources.requests.storage", FORBIDDEN,
	  "Forbidden: field can not be less than status.capacity" },
	{ "{\"spec\":{\"volumeName\":\"w\"}}", "spec", FORBIDDEN, CLAIM_FIXED },
	END,
};
static const struct breach none[] = { END };

static const char storage_class[] = "{" CLUSTER ",\"provisioner\":\"x.io/y\"}";
static const struct breach storage_class_fresh[] = {
	{ "{\"provisioner\":null}", "provisioner", REQUIRED, "Required value" },
	{ "{\"provisioner\":\"a//b\"}", "provisioner", INVALID,
	  "Invalid value: \"a//b\": a qualified name must consist of alphanumeric characters, '-', "
	  "'_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
	  "'my.name',  or '123-abc', regex used for validation is "
	  "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and "
	  "'/' "
	  "(e.g. 'example.com/MyName')" },
	{ "{\"reclaimPolicy\":\"Recycle\"}", "reclaimPolicy", UNSUPPORTED,
	  "Unsupported value: \"Recycle\": supported values: \"Delete\", \"Retain\"" },
	{ "{\"volumeBindingMode\":\"Late\"}", "volumeBindingMode", UNSUPPORTED,
	  "Unsupported value: \"Late\": supported values: \"Immediate\", "
	  "\"WaitForFirstConsumer\"" },
	{ "{\"parameters\":{\"\":\"x\"}}", "parameters", INVALID,
	  "Invalid value: \"\": field must not be empty" },
	END,
};
static const struct breach storage_class_later[] = {
	{ "{\"allowVolumeExpansion\":true,\"mountOptions\":[\"ro\"]}", NULL, NULL, NULL },
	{ "{\"provisioner\":\"z\"}", "provisioner", FORBIDDEN,
	  "Forbidden: updates to provisioner are forbidden." },
	{ "{\"parameters\":{\"a\":\"b\"}}", "parameters", FORBIDDEN,
	  "Forbidden: updates to parameters are forbidden." },
	{ "{\"reclaimPolicy\":\"Retain\"}", "reclaimPolicy", FORBIDDEN,
	  "Forbidden: updates to reclaimPolicy are forbidden." },
	{ "{\"volumeBindingMode\":\"WaitForFirstConsumer\"}", "volumeBindingMode", INVALID,
	  "Invalid value: \"WaitForFirstConsumer\": field is immutable" },
	END,
};

#define ONE_OF_TWO "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
static const char attachment[] =
	"{" CLUSTER ",\"spec\":{\"attacher\":\"x.io\",\"nodeName\":\"n\",\"source\":{"
	"\"persistentVolumeName\":\"v\"}}}";
static const struct breach attachment_fresh[] = {
	{ "{\"spec\":{\"attacher\":null}}", "spec.attacher", REQUIRED, "Required value" },
	{ "{\"spec\":{\"attacher\":\"a b\"}}", "spec.attacher", INVALID,
	  "Invalid value: \"a b\": " SUBDOMAIN },
	{ "{\"spec\":{\"nodeName\":\"N\"}}", "spec.nodeName", INVALID,
	  "Invalid value: \"N\": " SUBDOMAIN },
	{ "{\"spec\":{\"source\":{\"persistentVolumeName\":null}}}", "spec.source", REQUIRED,
	  "Required value: " ONE_OF_TWO },
	{ "{\"spec\":{\"source\":{\"inlineVolumeSpec\":{}}}}", "spec.source", FORBIDDEN,
	  "Forbidden: " ONE_OF_TWO },
	{ "{\"spec\":{\"source\":{\"persistentVolumeName\":\"\"}}}",
	  "spec.source.persistentVolumeName", REQUIRED,
	  "Required value: must specify non empty persistentVolumeName" },
	END,
};
static const struct breach attachment_later[] = {
	{ "{\"spec\":{\"nodeName\":\"m\"}}", "spec", INVALID,
	  "Invalid value: {\"attacher\":\"x.io\",\"nodeName\":\"m\",\"source\":{"
	  "\"persistentVolumeName\":\"v\"}}: field is immutable" },
	END,
};

Test(rules, volumes_and_claims)
{
	static const struct rule_book books[] = {
		{ "pv", volume, volume_fresh, volume_later },
		{ "pvc", claim, claim_fresh, claim_later },
		{ "pvc", bound_claim, none, bound_later },
		{ "sc", storage_class, storage_class_fresh, storage_class_later },
		{ "volumeattachment", attachment, attachment_fresh, attachment_later },
	};

	check_books(books, RK_COUNT(books));
}

/* --- drivers --- */

static const char driver[] = "{" CLUSTER ",\"spec\":{}}";
static const struct breach driver_fresh[] = {
	{ "{\"spec\":{\"fsGroupPolicy\":\"Odd\"}}", "spec.fsGroupPolicy", UNSUPPORTED,
	  "Unsupported value: \"Odd\": supported values: \"File\", \"None\", "
	  "\"ReadWriteOnceWithFSType\"" },
	{ "{\"spec\":{\"volumeLifecycleModes\":[\"Eternal\"]}}", "spec.volumeLifecycleModes",
	  UNSUPPORTED,
	  "Unsupported value: \"Eternal\": supported values: \"Ephemeral\", \"Persistent\"" },
	{ "{\"spec\":{\"tokenRequests\":[{\"audience\":\"a\"},{\"audience\":\"a\"}]}}",
	  "spec.tokenRequests[1].audience", DUPLICATE, "Duplicate value: \"a\"" },
	{ "{\"spec\":{\"tokenRequests\":[{\"audience\":\"a\",\"expirationSeconds\":599}]}}",
	  "spec.tokenRequests[0].expirationSeconds", INVALID,
	  "Invalid value: 599: may not specify a duration less than 10 minutes" },
	{ "{\"spec\":{\"tokenRequests\":[{\"audience\":\"a\",\"expirationSeconds\":4294967297}]}}",
	  "spec.tokenRequests[0].expirationSeconds", INVALID,
	  "Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds" },
	END,
};
static const struct breach driver_later[] = {
	{ "{\"spec\":{\"podInfoOnMount\":true}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"attachRequired\":false}}", "spec.attachRequired", INVALID,
	  "Invalid value: false: field is immutable" },
	{ "{\"spec\":{\"volumeLifecycleModes\":[\"Ephemeral\"]}}", "spec.volumeLifecycleModes",
	  INVALID, "Invalid value: [\"Ephemeral\"]: field is immutable" },
	END,
};

static const char node_drivers[] =
	"{" CLUSTER ",\"spec\":{\"drivers\":[{\"name\":\"x.io\",\"nodeID\":\"i\",\"topologyKeys\":["
	"\"zone\"]}]}}";
#define DRIVER(more) "{\"spec\":{\"drivers\":[{" more "}]}}"
static const struct breach node_drivers_fresh[] = {
	{ DRIVER("\"nodeID\":\"i\""), "spec.drivers[0].name", REQUIRED, "Required value" },
	{ DRIVER("\"name\":\"x.io\""), "spec.drivers[0].nodeID", REQUIRED, "Required value" },
	{ DRIVER("\"name\":\"a b\",\"nodeID\":\"i\""), "spec.drivers[0].name", INVALID,
	  "Invalid value: \"a b\": " SUBDOMAIN },
	{ DRIVER("\"name\":\"a\",\"nodeID\":\"i\"},{\"name\":\"a\",\"nodeID\":\"i\""),
	  "spec.drivers[1].name", DUPLICATE, "Duplicate value: \"a\"" },
	{ DRIVER("\"name\":\"a\",\"nodeID\":\"i\",\"allocatable\":{\"count\":-1}"),
	  "spec.drivers[0].allocatable.count", INVALID, "Invalid value: -1: " NOT_NEGATIVE },
	{ DRIVER("\"name\":\"a\",\"nodeID\":\"i\",\"topologyKeys\":[\"z\",\"z\"]"),
	  "spec.drivers[0].topologyKeys", DUPLICATE, "Duplicate value: \"z\"" },
	END,
};
static const struct breach node_drivers_later[] = {
	{ DRIVER("\"name\":\"y.io\",\"nodeID\":\"j\""), NULL, NULL, NULL },
	{ DRIVER("\"name\":\"x.io\",\"nodeID\":\"j\""), "CSINodeDriver", INVALID,
	  "Invalid value: {\"name\":\"x.io\",\"nodeID\":\"j\"}: field is immutable" },
	END,
};

static const char room[] = "{" META ",\"storageClassName\":\"s\",\"capacity\":\"1Gi\"}";
static const struct breach room_fresh[] = {
	{ "{\"storageClassName\":null}", "storageClassName", INVALID,
	  "Invalid value: \"\": " SUBDOMAIN },
	{ "{\"capacity\":\"-1\"}", "capacity", INVALID, "Invalid value: \"-1\": " NOT_NEGATIVE },
	{ "{\"maximumVolumeSize\":\"-1\"}", "maximumVolumeSize", INVALID,
	  "Invalid value: \"-1\": " NOT_NEGATIVE },
	END,
};
static const struct breach room_later[] = {
	{ "{\"capacity\":\"2Gi\"}", NULL, NULL, NULL },
	{ "{\"storageClassName\":\"t\"}", "storageClassName", INVALID,
	  "Invalid value: \"t\": field is immutable" },
	{ "{\"nodeTopology\":{}}", "nodeTopology", INVALID,
	  "Invalid value: {}: field is immutable" },
	END,
};

Test(rules, drivers)
{
	static const struct rule_book books[] = {
		{ "csidriver", driver, driver_fresh, driver_later },
		{ "csinode", node_drivers, node_drivers_fresh, node_drivers_later },
		{ "csistoragecapacity", room, room_fresh, room_later },
	};

	check_books(books, RK_COUNT(books));
}

/* --- networks --- */

#define SERVICE "\"service\":{\"name\":\"s\",\"port\":{\"number\":80}}"
static const char ingress[] =
	"{" META ",\"spec\":{\"rules\":[{\"host\":\"a.b\",\"http\":{\"paths\":[{\"path\":\"/\","
	"\"pathType\":\"Prefix\",\"backend\":{" SERVICE "}}]}}]}}";
#define PATH(more)    "{\"spec\":{\"rules\":[{\"http\":{\"paths\":[{" more "}]}}]}}"
#define BACKEND(more) "{\"spec\":{\"rules\":null,\"defaultBackend\":{" more "}}}"
static const struct breach ingress_fresh[] = {
	{ BACKEND(SERVICE), NULL, NULL, NULL },
	{ "{\"spec\":{\"rules\":null}}", "spec", INVALID,
	  "Invalid value: []: either `defaultBackend` or `rules` must be specified" },
	{ "{\"spec\":{\"rules\":[{\"host\":\"1.2.3.4\"}]}}", "spec.rules[0].host", INVALID,
	  "Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address" },
	{ "{\"spec\":{\"rules\":[{\"host\":\"A\"}]}}", "spec.rules[0].host", INVALID,
	  "Invalid value: \"A\": " SUBDOMAIN },
	{ "{\"spec\":{\"rules\":[{\"host\":\"*.a.b\"}]}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"rules\":[{\"http\":{\"paths\":[]}}]}}", "spec.rules[0].http.paths",
	  REQUIRED, "Required value" },
	{ PATH("\"path\":\"/\",\"backend\":{" SERVICE "}"), "spec.rules[0].http.paths[0].pathType",
	  REQUIRED, "Required value: pathType must be specified" },
	{ PATH("\"path\":\"/\",\"pathType\":\"Regex\",\"backend\":{" SERVICE "}"),
	  "spec.rules[0].http.paths[0].pathType", UNSUPPORTED,
	  "Unsupported value: \"Regex\": supported values: \"Exact\", \"ImplementationSpecific\", "
	  "\"Prefix\"" },
	{ PATH("\"path\":\"a\",\"pathType\":\"Exact\",\"backend\":{" SERVICE "}"),
	  "spec.rules[0].http.paths[0].path", INVALID,
	  "Invalid value: \"a\": must be an absolute path" },
	{ PATH("\"path\":\"/a//b\",\"pathType\":\"Prefix\",\"backend\":{" SERVICE "}"),
	  "spec.rules[0].http.paths[0].path", INVALID,
	  "Invalid value: \"/a//b\": must not contain '//'" },
	{ PATH("\"path\":\"/a/.\",\"pathType\":\"Prefix\",\"backend\":{" SERVICE "}"),
	  "spec.rules[0].http.paths[0].path", INVALID,
	  "Invalid value: \"/a/.\": cannot end with '/.'" },
	{ PATH("\"path\":\"/\",\"pathType\":\"Prefix\",\"backend\":{}"),
	  "spec.rules[0].http.paths[0].backend", REQUIRED,
	  "Required value: resource or service backend is required" },
	{ BACKEND("\"service\":{\"name\":\"s\"}"), "spec.defaultBackend", REQUIRED,
	  "Required value: port name or number is required" },
	{ BACKEND("\"service\":{\"port\":{\"number\":80}}"), "spec.defaultBackend.service.name",
	  REQUIRED, "Required value" },
	{ BACKEND("\"service\":{\"name\":\"s\",\"port\":{\"number\":80,\"name\":\"http\"}}"),
	  "spec.defaultBackend", INVALID,
	  "Invalid value: \"\": cannot set both port name & port number" },
	{ BACKEND("\"service\":{\"name\":\"s\",\"port\":{\"number\":70000}}"),
	  "spec.defaultBackend.service.port.number", INVALID,
	  "Invalid value: 70000: must be between 1 and 65535, inclusive" },
	{ BACKEND(SERVICE ",\"resource\":{\"kind\":\"K\",\"name\":\"n\"}"), "spec.defaultBackend",
	  INVALID, "Invalid value: \"\": cannot set both resource and service backends" },
	{ BACKEND("\"resource\":{\"kind\":\"K\"}"), "spec.defaultBackend.resource.name", REQUIRED,
	  "Required value" },
	{ "{\"spec\":{\"tls\":[{\"hosts\":[\"A\"]}]}}", "spec.tls[0].hosts[0]", INVALID,
	  "Invalid value: \"A\": " SUBDOMAIN },
	{ "{\"spec\":{\"tls\":[{\"secretName\":\"A\"}]}}", "spec.tls[0].secretName", INVALID,
	  "Invalid value: \"A\": " SUBDOMAIN },
	{ "{\"spec\":{\"ingressClassName\":\"A\"}}", "spec.ingressClassName", INVALID,
	  "Invalid value: \"A\": " SUBDOMAIN },
	{ "{\"metadata\":{\"annotations\":{\"kubernetes.io/ingress.class\":\"x\"}},\"spec\":{"
	  "\"ingressClassName\":\"y\"}}",
	  "annotations.kubernetes.io/ingress.class", INVALID,
	  "Invalid value: \"x\": can not be set when the class field is also set" },
	END,
};

static const char ingress_class[] = "{" CLUSTER ",\"spec\":{\"controller\":\"x.io/y\"}}";
#define PARAMETERS(more) "{\"spec\":{\"parameters\":{" more "}}}"
static const struct breach ingress_class_fresh[] = {
	{ "{\"spec\":{\"controller\":null}}", "spec.controller", REQUIRED, "Required value" },
	{ "{\"spec\":{\"controller\":\"y\"}}", "spec.controller", INVALID,
	  "Invalid value: \"y\": must be a domain-prefixed path (such as \"acme.io/foo\")" },
	{ PARAMETERS("\"name\":\"n\""), "spec.parameters.kind", REQUIRED, "Required value" },
	{ PARAMETERS("\"kind\":\"K\""), "spec.parameters.name", REQUIRED, "Required value" },
	{ PARAMETERS("\"kind\":\"K\",\"name\":\"n\",\"scope\":\"World\""), "spec.parameters.scope",
	  UNSUPPORTED,
	  "Unsupported value: \"World\": supported values: \"Cluster\", \"Namespace\"" },
	{ PARAMETERS("\"kind\":\"K\",\"name\":\"n\",\"scope\":\"Namespace\""),
	  "spec.parameters.namespace", REQUIRED,
	  "Required value: `parameters.scope` is set to 'Namespace'" },
	{ PARAMETERS("\"kind\":\"K\",\"name\":\"n\",\"namespace\":\"x\""),
	  "spec.parameters.namespace", FORBIDDEN,
	  "Forbidden: `parameters.scope` is set to 'Cluster'" },
	END,
};
static const struct breach ingress_class_later[] = {
	{ PARAMETERS("\"kind\":\"K\",\"name\":\"n\""), NULL, NULL, NULL },
	{ "{\"spec\":{\"controller\":\"x.io/z\"}}", "spec.controller", INVALID,
	  "Invalid value: \"x.io/z\": field is immutable" },
	END,
};

static const char policy[] = "{" META ",\"spec\":{\"podSelector\":{}}}";
#define PORT(more) "{\"spec\":{\"ingress\":[{\"ports\":[{" more "}]}]}}"
#define PEER(more) "{\"spec\":{\"egress\":[{\"to\":[{" more "}]}]}}"
static const struct breach policy_fresh[] = {
	{ PORT("\"port\":80,\"endPort\":90"), NULL, NULL, NULL },
	{ PEER("\"ipBlock\":{\"cidr\":\"10.0.0.0/8\",\"except\":[\"10.1.0.0/16\"]}"), NULL, NULL,
	  NULL },
	{ PORT("\"port\":0"), "spec.ingress[0].ports[0].port", INVALID,
	  "Invalid value: 0: must be between 1 and 65535, inclusive" },
	{ PORT("\"port\":\"UP\""), "spec.ingress[0].ports[0].port", INVALID,
	  "Invalid value: \"UP\": must contain only alpha-numeric characters (a-z, 0-9), and "
	  "hyphens "
	  "(-)" },
	{ PORT("\"protocol\":\"ICMP\""), "spec.ingress[0].ports[0].protocol", UNSUPPORTED,
	  "Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"" },
	{ PORT("\"endPort\":90"), "spec.ingress[0].ports[0].port", REQUIRED,
	  "Required value: must be specified when `endPort` is set" },
	{ PORT("\"port\":\"http\",\"endPort\":90"), "spec.ingress[0].ports[0].endPort", INVALID,
	  "Invalid value: 90: may not be specified when `port` is non-numeric" },
	{ PORT("\"port\":80,\"endPort\":70"), "spec.ingress[0].ports[0].endPort", INVALID,
	  "Invalid value: 80: must be greater than or equal to `port`" },
	{ PEER(""), "spec.egress[0].to[0]", REQUIRED, "Required value: must specify a peer" },
	{ PEER("\"podSelector\":{},\"ipBlock\":{\"cidr\":\"10.0.0.0/8\"}"), "spec.egress[0].to[0]",
	  FORBIDDEN, "Forbidden: may not specify both ipBlock and another peer" },
	{ PEER("\"ipBlock\":{}"), "spec.egress[0].to[0].ipBlock.cidr", REQUIRED, "Required value" },
	{ PEER("\"ipBlock\":{\"cidr\":\"10.0.0.0\"}"), "spec.egress[0].to[0].ipBlock.cidr", INVALID,
	  "Invalid value: \"10.0.0.0\": " CIDR },
	{ PEER("\"ipBlock\":{\"cidr\":\"10.0.0.0/8\",\"except\":[\"11.0.0.0/16\"]}"),
	  "spec.egress[0].to[0].ipBlock.except[0]", INVALID,
	  "Invalid value: \"11.0.0.0/16\": must be a strict subset of `cidr`" },
	{ "{\"spec\":{\"policyTypes\":[\"Sideways\"]}}", "spec.policyTypes[0]", UNSUPPORTED,
	  "Unsupported value: \"Sideways\": supported values: \"Egress\", \"Ingress\"" },
	{ "{\"spec\":{\"policyTypes\":[\"Egress\",\"Egress\",\"Egress\"]}}", "spec.policyTypes",
	  INVALID,
	  "Invalid value: [\"Egress\",\"Egress\",\"Egress\"]: may not specify more than two "
	  "policyTypes" },
	{ "{\"spec\":{\"podSelector\":{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Near\"}]"
	  "}}"
	  "}",
	  "spec.podSelector.matchExpressions[0].operator", INVALID,
	  "Invalid value: \"Near\": not a valid selector operator" },
	END,
};

Test(rules, networks)
{
	static const struct rule_book books[] = {
		{ "ing", ingress, ingress_fresh, NULL },
		{ "ingressclass", ingress_class, ingress_class_fresh, ingress_class_later },
		{ "netpol", policy, policy_fresh, NULL },
	};

	check_books(books, RK_COUNT(books));
}

Test(rules, networks_within_networks)
{
	static const struct {
		const char *inner, *outer;
		bool is_within;
	} cases[] = {
		{ "10.1.0.0/16", "10.0.0.0/8", true },
		{ "10.0.0.0/8", "10.0.0.0/8", false },
		{ "10.0.0.0/7", "10.0.0.0/8", false },
		{ "11.0.0.0/16", "10.0.0.0/8", false },
		{ "2001:db8::/64", "2001:db8::/32", true },
		{ "2001:db8::/64", "10.0.0.0/8", false },
		{ "10.0.0.0/40", "10.0.0.0/8", false },
		{ "1.2.3.4/32", "0.0.0.0/0", true },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++)
		cr_expect_eq(
			rk_cidr_within(rk_span_str(cases[i].inner), rk_span_str(cases[i].outer)),
			cases[i].is_within, "%s in %s", cases[i].inner, cases[i].outer);
	cr_expect_null(rk_name_cidr(RK_SPAN("10.0.0.0/8")));
	cr_expect_not_null(rk_name_cidr(RK_SPAN("10.0.0.0/08")));
	cr_expect_not_null(rk_name_cidr(RK_SPAN("10.0.0.0/")));
	cr_expect_not_null(rk_name_cidr(RK_SPAN("/8")));
	cr_expect_not_null(rk_name_cidr(RK_SPAN("")));
}
