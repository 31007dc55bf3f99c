/* The rules of what makes and scales pods. */
#include "tests/control/rules.h"

#define META     "\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"}"
#define SELECTOR "\"selector\":{\"matchLabels\":{\"a\":\"b\"}}"
#define LABELS   "\"metadata\":{\"labels\":{\"a\":\"b\"}}"
#define POD      "\"template\":{" LABELS ",\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}"
#define ENDS                                                                                       \
	"\"template\":{" LABELS                                                                    \
	",\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":"                        \
	"\"c\",\"image\":\"x\"}]}}"
#define NOT_NEGATIVE "must be greater than or equal to 0"
#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, NULL                                                             \
	}
#define DOES_NOT_MATCH "Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`"
#define LABEL                                                                                      \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "   \
	"and "                                                                                     \
	"must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex " \
	"used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"

static const char set[] = "{" META ",\"spec\":{\"serviceName\":\"s\"," SELECTOR "," POD "}}";
static const struct breach set_fresh[] = {
	{ "{\"metadata\":{\"name\":\"a.b\"}}", "metadata.name", INVALID,
	  "Invalid value: \"a.b\": " LABEL },
	{ "{\"spec\":{\"replicas\":-1}}", "spec.replicas", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"minReadySeconds\":-1}}", "spec.minReadySeconds", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"ordinals\":{\"start\":-1}}}", "spec.ordinals.start", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"podManagementPolicy\":\"Chaos\"}}", "spec.podManagementPolicy", INVALID,
	  "Invalid value: \"Chaos\": must be 'OrderedReady' or 'Parallel'" },
	{ "{\"spec\":{\"updateStrategy\":{\"type\":\"Never\"}}}", "spec.updateStrategy", INVALID,
	  "Invalid value: {\"type\":\"Never\"}: must be 'RollingUpdate' or 'OnDelete'" },
	{ "{\"spec\":{\"updateStrategy\":{\"type\":\"OnDelete\",\"rollingUpdate\":{\"partition\":1}"
	  "}"
	  "}}",
	  "spec.updateStrategy.rollingUpdate", INVALID,
	  "Invalid value: {\"partition\":1}: only allowed for updateStrategy 'RollingUpdate'" },
	{ "{\"spec\":{\"updateStrategy\":{\"rollingUpdate\":{\"partition\":-1}}}}",
	  "spec.updateStrategy.rollingUpdate.partition", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"persistentVolumeClaimRetentionPolicy\":{\"whenScaled\":\"Maybe\"}}}",
	  "spec.persistentVolumeClaimRetentionPolicy.whenScaled", UNSUPPORTED,
	  "Unsupported value: \"Maybe\": supported values: \"Delete\", \"Retain\"" },
	{ "{\"spec\":{\"selector\":null}}", "spec.selector", REQUIRED, "Required value" },
	{ "{\"spec\":{\"selector\":{\"matchLabels\":null}}}", "spec.selector", INVALID,
	  "Invalid value: {}: empty selector is invalid for statefulset" },
	{ "{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"c\"}}}}",
	  "spec.template.metadata.labels", INVALID, DOES_NOT_MATCH },
	{ "{\"spec\":{\"template\":null}}", "spec.template", REQUIRED, "Required value" },
	{ "{\"spec\":{\"template\":{\"spec\":{\"containers\":[]}}}}",
	  "spec.template.spec.containers", REQUIRED, "Required value" },
	{ "{\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\"}}}}",
	  "spec.template.spec.restartPolicy", UNSUPPORTED,
	  "Unsupported value: \"Never\": supported values: \"Always\"" },
	{ "{\"spec\":{\"template\":{\"spec\":{\"activeDeadlineSeconds\":5}}}}",
	  "spec.template.spec.activeDeadlineSeconds", FORBIDDEN,
	  "Forbidden: activeDeadlineSeconds in StatefulSet is not Supported" },
	END,
};
#define SET_FIXED                                                                                  \
	"Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', "    \
	"'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and "                \
	"'minReadySeconds' are forbidden"
static const struct breach set_later[] = {
	{ "{\"spec\":{\"replicas\":5,\"minReadySeconds\":3,\"ordinals\":{\"start\":1}}}", NULL,
	  NULL, NULL },
	{ "{\"spec\":{\"serviceName\":\"t\"}}", "spec", FORBIDDEN, SET_FIXED },
	{ "{\"spec\":{\"podManagementPolicy\":\"Parallel\"}}", "spec", FORBIDDEN, SET_FIXED },
	END,
};

static const char daemon_set[] = "{" META ",\"spec\":{" SELECTOR "," POD "}}";
static const struct breach daemon_fresh[] = {
	{ "{\"spec\":{\"selector\":null}}", "spec.selector", REQUIRED, "Required value" },
	{ "{\"spec\":{\"selector\":{\"matchLabels\":null}}}", "spec.selector", INVALID,
	  "Invalid value: {}: empty selector is invalid for daemonset" },
	{ "{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"c\"}}}}",
	  "spec.template.metadata.labels", INVALID, DOES_NOT_MATCH },
	{ "{\"spec\":{\"minReadySeconds\":-1}}", "spec.minReadySeconds", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"revisionHistoryLimit\":-1}}", "spec.revisionHistoryLimit", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"updateStrategy\":{\"type\":\"Never\"}}}", "spec.updateStrategy.type",
	  UNSUPPORTED,
	  "Unsupported value: \"Never\": supported values: \"RollingUpdate\", "
	  "\"OnDelete\"" },
	{ "{\"spec\":{\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":0}}}}",
	  "spec.updateStrategy.rollingUpdate.maxUnavailable", REQUIRED,
	  "Required value: cannot be 0 when maxSurge is 0" },
	{ "{\"spec\":{\"updateStrategy\":{\"rollingUpdate\":{\"maxSurge\":1}}}}",
	  "spec.updateStrategy.rollingUpdate.maxSurge", INVALID,
	  "Invalid value: 1: may not be set when maxUnavailable is non-zero" },
	{ "{\"spec\":{\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":\"101%\"}}}}",
	  "spec.updateStrategy.rollingUpdate.maxUnavailable", INVALID,
	  "Invalid value: \"101%\": must not be greater than 100%" },
	{ "{\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"OnFailure\"}}}}",
	  "spec.template.spec.restartPolicy", UNSUPPORTED,
	  "Unsupported value: \"OnFailure\": supported values: \"Always\"" },
	{ "{\"spec\":{\"template\":{\"spec\":{\"activeDeadlineSeconds\":5}}}}",
	  "spec.template.spec.activeDeadlineSeconds", FORBIDDEN,
	  "Forbidden: activeDeadlineSeconds in DaemonSet is not Supported" },
	END,
};
static const struct breach daemon_later[] = {
	{ "{\"spec\":{\"minReadySeconds\":3}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":null,\"c\":\"d\"}},\"template\":{"
	  "\"metadata\":{\"labels\":{\"c\":\"d\"}}}}}",
	  "spec.selector", INVALID,
	  "Invalid value: {\"matchLabels\":{\"c\":\"d\"}}: field is immutable" },
	END,
};

static const char controller[] = "{" META ",\"spec\":{\"selector\":{\"a\":\"b\"}," POD "}}";
static const struct breach controller_fresh[] = {
	{ "{\"spec\":{\"replicas\":-1}}", "spec.replicas", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"minReadySeconds\":-1}}", "spec.minReadySeconds", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"selector\":null,\"template\":{\"metadata\":null}}}", "spec.selector",
	  REQUIRED, "Required value" },
	{ "{\"spec\":{\"selector\":{\"a\":\"c\"}}}", "spec.template.metadata.labels", INVALID,
	  DOES_NOT_MATCH },
	{ "{\"spec\":{\"template\":null}}", "spec.template", REQUIRED, "Required value" },
	{ "{\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\"}}}}",
	  "spec.template.spec.restartPolicy", UNSUPPORTED,
	  "Unsupported value: \"Never\": supported values: \"Always\"" },
	{ "{\"spec\":{\"template\":{\"spec\":{\"activeDeadlineSeconds\":5}}}}",
	  "spec.template.spec.activeDeadlineSeconds", FORBIDDEN,
	  "Forbidden: activeDeadlineSeconds in ReplicationController is not Supported" },
	END,
};

static const char form[] = "{" META "," POD "}";
static const struct breach form_fresh[] = {
	{ "{\"template\":{\"spec\":{\"containers\":[]}}}", "template.spec.containers", REQUIRED,
	  "Required value" },
	{ "{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\"}]}}}",
	  "template.spec.containers[0].image", REQUIRED, "Required value" },
	END,
};

static const char revision[] = "{" META ",\"data\":{\"x\":1},\"revision\":1}";
static const struct breach revision_fresh[] = {
	{ "{\"data\":null}", "data", REQUIRED, "Required value: data is mandatory" },
	{ "{\"revision\":-1}", "revision", INVALID, "Invalid value: -1: " NOT_NEGATIVE },
	END,
};
static const struct breach revision_later[] = {
	{ "{\"revision\":2}", NULL, NULL, NULL },
	{ "{\"data\":{\"x\":2}}", "data", INVALID, "Invalid value: {\"x\":2}: field is immutable" },
	END,
};

Test(rules, sets_and_controllers)
{
	static const struct rule_book books[] = {
		{ "sts", set, set_fresh, set_later },
		{ "ds", daemon_set, daemon_fresh, daemon_later },
		{ "rc", controller, controller_fresh, NULL },
		{ "podtemplate", form, form_fresh, NULL },
		{ "controllerrevision", revision, revision_fresh, revision_later },
	};

	check_books(books, RK_COUNT(books));
}

/* --- jobs --- */

static const char job[] = "{" META ",\"spec\":{\"manualSelector\":true," SELECTOR "," ENDS "}}";
static const struct breach job_fresh[] = {
	{ "{\"spec\":{\"manualSelector\":false,\"selector\":null}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"selector\":null}}", "spec.selector", REQUIRED, "Required value" },
	{ "{\"spec\":{\"manualSelector\":false}}", "spec.selector", INVALID,
	  "Invalid value: {\"matchLabels\":{\"a\":\"b\"}}: `selector` not auto-generated" },
	{ "{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"c\"}}}}",
	  "spec.template.metadata.labels", INVALID, DOES_NOT_MATCH },
	{ "{\"spec\":{\"parallelism\":-1}}", "spec.parallelism", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"completions\":-1}}", "spec.completions", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"backoffLimit\":-1}}", "spec.backoffLimit", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"activeDeadlineSeconds\":-1}}", "spec.activeDeadlineSeconds", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"ttlSecondsAfterFinished\":-1}}", "spec.ttlSecondsAfterFinished", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"completionMode\":\"Odd\"}}", "spec.completionMode", UNSUPPORTED,
	  "Unsupported value: \"Odd\": supported values: \"Indexed\", \"NonIndexed\"" },
	{ "{\"spec\":{\"completionMode\":\"Indexed\",\"parallelism\":2}}", "spec.completions",
	  REQUIRED, "Required value: when completion mode is Indexed" },
	{ "{\"spec\":{\"completionMode\":\"Indexed\",\"completions\":1,\"parallelism\":100001}}",
	  "spec.parallelism", INVALID,
	  "Invalid value: 100001: must be less than or equal to 100000 when completion mode is "
	  "Indexed" },
	{ "{\"spec\":{\"backoffLimitPerIndex\":1}}", "spec.backoffLimitPerIndex", INVALID,
	  "Invalid value: 1: requires indexed completion mode" },
	{ "{\"spec\":{\"completionMode\":\"Indexed\",\"completions\":1,\"maxFailedIndexes\":1}}",
	  "spec.backoffLimitPerIndex", REQUIRED,
	  "Required value: when maxFailedIndexes is "
	  "specified" },
	{ "{\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Always\"}}}}",
	  "spec.template.spec.restartPolicy", REQUIRED,
	  "Required value: valid values: \"OnFailure\", \"Never\"" },
	{ "{\"spec\":{\"podFailurePolicy\":{\"rules\":[]},\"template\":{\"spec\":{"
	  "\"restartPolicy\":\"OnFailure\"}}}}",
	  "spec.template.spec.restartPolicy", INVALID,
	  "Invalid value: \"OnFailure\": only \"Never\" is supported when podFailurePolicy is "
	  "specified" },
	{ "{\"spec\":{\"podFailurePolicy\":{\"rules\":[{\"action\":\"Ignore\"}]}}}",
	  "spec.podFailurePolicy.rules[0]", INVALID,
	  "Invalid value: \"\": specifying one of OnExitCodes and OnPodConditions is required" },
	{ "{\"spec\":{\"podFailurePolicy\":{\"rules\":[]},\"podReplacementPolicy\":"
	  "\"TerminatingOrFailed\"}}",
	  "spec.podReplacementPolicy", UNSUPPORTED,
	  "Unsupported value: \"TerminatingOrFailed\": supported values: \"Failed\"" },
	{ "{\"spec\":{\"managedBy\":\"me\"}}", "spec.managedBy", INVALID,
	  "Invalid value: \"me\": must be a domain-prefixed path (such as \"acme.io/foo\")" },
	{ "{\"spec\":{\"template\":{\"spec\":{\"containers\":[]}}}}",
	  "spec.template.spec.containers", REQUIRED, "Required value" },
	END,
};
static const struct breach job_later[] = {
	{ "{\"spec\":{\"completions\":1,\"parallelism\":3,\"suspend\":true}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"completions\":3}}", "spec.completions", INVALID,
	  "Invalid value: 3: field is immutable" },
	{ "{\"spec\":{\"selector\":{\"matchExpressions\":[]}}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"completionMode\":\"Indexed\"}}", "spec.completionMode", INVALID,
	  "Invalid value: \"Indexed\": field is immutable" },
	{ "{\"spec\":{\"managedBy\":\"x.io/y\"}}", "spec.managedBy", INVALID,
	  "Invalid value: \"x.io/y\": field is immutable" },
	END,
};

static const char cron_job[] =
	"{" META ",\"spec\":{\"schedule\":\"*/5 * * * *\",\"jobTemplate\":{\"spec\":{" ENDS "}}}}";
static const struct breach cron_fresh[] = {
	{ "{\"spec\":{\"schedule\":null}}", "spec.schedule", REQUIRED, "Required value" },
	{ "{\"spec\":{\"schedule\":\"* * *\"}}", "spec.schedule", INVALID,
	  "Invalid value: \"* * *\": expected exactly 5 fields, found 3: [* * *]" },
	{ "{\"spec\":{\"schedule\":\"61 * * * *\"}}", "spec.schedule", INVALID,
	  "Invalid value: \"61 * * * *\": end of range (61) above maximum (59): 61" },
	{ "{\"spec\":{\"schedule\":\"@often\"}}", "spec.schedule", INVALID,
	  "Invalid value: \"@often\": unrecognized descriptor: @often" },
	{ "{\"spec\":{\"schedule\":\"TZ=UTC 1 * * * *\"}}", "spec.schedule", INVALID,
	  "Invalid value: \"TZ=UTC 1 * * * *\": cannot use TZ or CRON_TZ in schedule, use timeZone "
	  "field instead" },
	{ "{\"spec\":{\"schedule\":\"@every 1h30m\",\"timeZone\":\"Europe/Berlin\"}}", NULL, NULL,
	  NULL },
	{ "{\"spec\":{\"timeZone\":\"\"}}", "spec.timeZone", INVALID,
	  "Invalid value: \"\": timeZone must be nil or non-empty string" },
	{ "{\"spec\":{\"timeZone\":\"Local\"}}", "spec.timeZone", INVALID,
	  "Invalid value: \"Local\": timeZone must be an explicit time zone as defined in "
	  "https://www.iana.org/time-zones" },
	{ "{\"spec\":{\"timeZone\":\"a b\"}}", "spec.timeZone", INVALID,
	  "Invalid value: \"a b\": unknown time zone a b" },
	{ "{\"spec\":{\"startingDeadlineSeconds\":-1}}", "spec.startingDeadlineSeconds", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"concurrencyPolicy\":\"Often\"}}", "spec.concurrencyPolicy", UNSUPPORTED,
	  "Unsupported value: \"Often\": supported values: \"Allow\", \"Forbid\", \"Replace\"" },
	{ "{\"spec\":{\"successfulJobsHistoryLimit\":-1}}", "spec.successfulJobsHistoryLimit",
	  INVALID, "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"failedJobsHistoryLimit\":-1}}", "spec.failedJobsHistoryLimit", INVALID,
	  "Invalid value: -1: " NOT_NEGATIVE },
	{ "{\"spec\":{\"jobTemplate\":{\"spec\":{" SELECTOR "}}}}",
	  "spec.jobTemplate.spec.selector", INVALID,
	  "Invalid value: {\"matchLabels\":{\"a\":\"b\"}}: `selector` will be auto-generated" },
	{ "{\"spec\":{\"jobTemplate\":{\"spec\":{\"manualSelector\":true}}}}",
	  "spec.jobTemplate.spec.manualSelector", UNSUPPORTED,
	  "Unsupported value: true: supported values: \"nil\", \"false\"" },
	{ "{\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":"
	  "\"Always\"}}}}}}",
	  "spec.jobTemplate.spec.template.spec.restartPolicy", REQUIRED,
	  "Required value: valid values: \"OnFailure\", \"Never\"" },
	{ "{\"metadata\":{\"name\":\"aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbb\"}}",
	  "metadata.name", INVALID,
	  "Invalid value: \"aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbb\": must be no "
	  "more "
	  "than 52 characters" },
	END,
};

#define TARGET "\"scaleTargetRef\":{\"kind\":\"Deployment\",\"name\":\"d\"}"
static const char autoscaler[] = "{" META ",\"spec\":{" TARGET ",\"maxReplicas\":5}}";
#define METRIC(more) "{\"spec\":{\"metrics\":[{" more "}]}}"
static const struct breach autoscaler_fresh[] = {
	{ "{\"spec\":{\"minReplicas\":0}}", "spec.minReplicas", INVALID,
	  "Invalid value: 0: must be greater than or equal to 1" },
	{ "{\"spec\":{\"maxReplicas\":2,\"minReplicas\":3}}", "spec.maxReplicas", INVALID,
	  "Invalid value: 2: must be greater than or equal to `minReplicas`" },
	{ "{\"spec\":{\"scaleTargetRef\":{\"kind\":null}}}", "spec.scaleTargetRef.kind", REQUIRED,
	  "Required value" },
	{ "{\"spec\":{\"scaleTargetRef\":{\"name\":\"a/b\"}}}", "spec.scaleTargetRef.name", INVALID,
	  "Invalid value: \"a/b\": may not contain '/'" },
	{ METRIC("\"type\":\"Odd\""), "spec.metrics[0].type", UNSUPPORTED,
	  "Unsupported value: \"Odd\": supported values: \"ContainerResource\", \"External\", "
	  "\"Object\", \"Pods\", \"Resource\"" },
	{ METRIC("\"type\":\"Pods\""), "spec.metrics[0].pods", REQUIRED,
	  "Required value: must populate information for the given metric source" },
	{ METRIC("\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":"
		 "\"Utilization\",\"averageUtilization\":5}},\"pods\":{\"metric\":{\"name\":\"m\"},"
		 "\"target\":{\"type\":\"Value\"}}"),
	  "spec.metrics[0].pods", FORBIDDEN,
	  "Forbidden: must populate the given metric source only" },
	{ METRIC("\"type\":\"Resource\",\"resource\":{\"target\":{\"type\":\"Utilization\","
		 "\"averageUtilization\":5}}"),
	  "spec.metrics[0].resource.name", REQUIRED,
	  "Required value: must specify a resource name" },
	{ METRIC("\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":"
		 "\"Utilization\"}}"),
	  "spec.metrics[0].resource.target.averageUtilization", REQUIRED,
	  "Required value: must set either a target raw value or a target utilization" },
	{ METRIC("\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":"
		 "\"Utilization\",\"averageUtilization\":0}}"),
	  "spec.metrics[0].resource.target.averageUtilization", INVALID,
	  "Invalid value: 0: must be greater than 0" },
	{ METRIC("\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":"
		 "\"Sum\","
		 "\"averageUtilization\":5}}"),
	  "spec.metrics[0].resource.target.type", INVALID,
	  "Invalid value: \"Sum\": must be either Utilization, Value, or AverageValue" },
	{ METRIC("\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":"
		 "\"Utilization\",\"averageUtilization\":5,\"averageValue\":\"1\"}}"),
	  "spec.metrics[0].resource.target.averageValue", FORBIDDEN,
	  "Forbidden: may not set both a target raw value and a target utilization" },
	{ METRIC("\"type\":\"Pods\",\"pods\":{\"metric\":{\"name\":\"m\"},\"target\":{\"type\":"
		 "\"AverageValue\"}}"),
	  "spec.metrics[0].pods.target.averageValue", REQUIRED,
	  "Required value: must specify a positive target averageValue" },
	{ METRIC("\"type\":\"Pods\",\"pods\":{\"metric\":{\"name\":\"m\"},\"target\":{\"type\":"
		 "\"AverageValue\",\"averageValue\":\"0\"}}"),
	  "spec.metrics[0].pods.target.averageValue", INVALID,
	  "Invalid value: \"0\": must be positive" },
	{ METRIC("\"type\":\"Pods\",\"pods\":{\"metric\":{},\"target\":{\"type\":\"AverageValue\","
		 "\"averageValue\":\"1\"}}"),
	  "spec.metrics[0].pods.metric.name", REQUIRED,
	  "Required value: must specify a metric name" },
	{ METRIC("\"type\":\"External\",\"external\":{\"metric\":{\"name\":\"m\"},\"target\":{"
		 "\"type\":\"Value\",\"value\":\"1\",\"averageValue\":\"1\"}}"),
	  "spec.metrics[0].external.target.value", FORBIDDEN,
	  "Forbidden: may not set both a target value for metric and a per-pod target" },
	{ METRIC("\"type\":\"Object\",\"object\":{\"metric\":{\"name\":\"m\"},\"describedObject\":{"
		 "\"kind\":\"Service\"},\"target\":{\"type\":\"Value\",\"value\":\"1\"}}"),
	  "spec.metrics[0].object.describedObject.name", REQUIRED, "Required value" },
	{ "{\"spec\":{\"behavior\":{\"scaleUp\":{\"stabilizationWindowSeconds\":-1}}}}",
	  "spec.behavior.scaleUp.stabilizationWindowSeconds", INVALID,
	  "Invalid value: -1: must be greater than or equal to zero" },
	{ "{\"spec\":{\"behavior\":{\"scaleDown\":{\"stabilizationWindowSeconds\":3601}}}}",
	  "spec.behavior.scaleDown.stabilizationWindowSeconds", INVALID,
	  "Invalid value: 3601: must be less than or equal to 3600" },
	{ "{\"spec\":{\"behavior\":{\"scaleUp\":{\"selectPolicy\":\"All\"}}}}",
	  "spec.behavior.scaleUp.selectPolicy", UNSUPPORTED,
	  "Unsupported value: \"All\": supported values: \"Disabled\", \"Max\", \"Min\"" },
	{ "{\"spec\":{\"behavior\":{\"scaleUp\":{\"policies\":[]}}}}", NULL, NULL, NULL },
	{ "{\"spec\":{\"behavior\":{\"scaleUp\":{\"policies\":[{\"type\":\"Pods\",\"value\":0,"
	  "\"periodSeconds\":1}]}}}}",
	  "spec.behavior.scaleUp.policies[0].value", INVALID,
	  "Invalid value: 0: must be greater than zero" },
	{ "{\"spec\":{\"behavior\":{\"scaleUp\":{\"policies\":[{\"type\":\"Pods\",\"value\":1,"
	  "\"periodSeconds\":1801}]}}}}",
	  "spec.behavior.scaleUp.policies[0].periodSeconds", INVALID,
	  "Invalid value: 1801: must be less than or equal to 1800" },
	{ "{\"spec\":{\"behavior\":{\"scaleUp\":{\"policies\":[{\"type\":\"Odd\",\"value\":1,"
	  "\"periodSeconds\":1}]}}}}",
	  "spec.behavior.scaleUp.policies[0].type", UNSUPPORTED,
	  "Unsupported value: \"Odd\": supported values: \"Percent\", \"Pods\"" },
	END,
};

/* Of events.k8s.io, whose rules are stricter than those of the core group. */
static const char event[] =
	"{" META ",\"eventTime\":\"2026-01-02T03:04:05.000006Z\",\"reportingController\":\"x/y\","
	"\"reportingInstance\":\"z\",\"action\":\"Do\",\"reason\":\"Done\",\"type\":\"Normal\"}";
static const struct breach event_fresh[] = {
	{ "{\"eventTime\":null}", "eventTime", REQUIRED, "Required value" },
	{ "{\"reportingController\":null}", "reportingController", REQUIRED, "Required value" },
	{ "{\"reportingController\":\"x y\"}", "reportingController", INVALID,
	  "Invalid value: \"x y\": name part must consist of alphanumeric characters, '-', '_' or "
	  "'.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
	  "'my.name',  or '123-abc', regex used for validation is "
	  "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')" },
	{ "{\"reportingInstance\":null}", "reportingInstance", REQUIRED, "Required value" },
	{ "{\"action\":null}", "action", REQUIRED, "Required value" },
	{ "{\"reason\":null}", "reason", REQUIRED, "Required value" },
	{ "{\"type\":\"Odd\"}", "type", INVALID, "Invalid value: \"\": has invalid value: Odd" },
	END,
};

Test(rules, events_of_the_second_form)
{
	static const struct rule_book books[] = {
		{ "events.events.k8s.io", event, event_fresh, NULL },
	};

	check_books(books, RK_COUNT(books));
}

Test(rules, jobs_and_scaling)
{
	static const struct rule_book books[] = {
		{ "job", job, job_fresh, job_later },
		{ "cj", cron_job, cron_fresh, NULL },
		{ "hpa", autoscaler, autoscaler_fresh, NULL },
	};

	check_books(books, RK_COUNT(books));
}
